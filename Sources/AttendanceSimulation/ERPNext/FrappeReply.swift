/// An HTTP answer as the simulated site gives it.
struct FrappeReply: Sendable {
    /// Whose answer it is: only Frappe itself sets cookies.
    enum Source: Sendable { case frappe, gunicorn, nginx, cloudflare }

    var status: Int
    var headers: [(String, String)] = []
    var type = "application/json"
    var body: [UInt8] = []
    var source = Source.frappe
    /// The `Content-Length` that is told. What is more than the body never comes: the connection ends before.
    var claimedLength: Int?

    static func json(_ object: [String: FrappeValue], status: Int = 200) -> FrappeReply {
        FrappeReply(status: status, body: Array(FrappeValue.object(object).json(compact: true).utf8))
    }

    static func html(_ status: Int, _ text: String, source: Source = .frappe) -> FrappeReply {
        FrappeReply(
            status: status, type: "text/html; charset=utf-8", body: Array(text.utf8), source: source)
    }

    func adding(_ name: String, _ value: String) -> FrappeReply {
        var reply = self
        reply.headers.append((name, value))
        return reply
    }

    // MARK: Those before the application

    /// A page of nginx, or with a status that only Cloudflare has (520 to 530), of Cloudflare.
    static func proxyPage(_ status: Int, host: String) -> FrappeReply {
        let title = titles[status] ?? "Error"
        guard (520...530).contains(status) else {
            return html(
                status,
                "<html>\r\n<head><title>\(status) \(title)</title></head>\r\n<body>\r\n"
                    + "<center><h1>\(status) \(title)</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
                source: .nginx)
        }
        return html(
            status,
            "<!DOCTYPE html>\n<html lang=\"en-US\"><head><title>\(host) | \(status): \(title)</title></head><body>"
                + "<div id=\"cf-wrapper\"><h1><span>\(title)</span><span>Error code \(status)</span></h1>"
                + "<p>Cloudflare Ray ID: <strong>8e6d1f2a3b4c5d6e</strong></p></div></body></html>",
            source: .cloudflare)
    }

    /// gunicorn's own page when the application throws what it cannot catch: the database is gone.
    static let gunicornPage = html(
        500,
        "<html>\n  <head>\n    <title>Internal Server Error</title>\n  </head>\n  <body>\n"
            + "    <h1><p>Internal Server Error</p></h1>\n    \n  </body>\n</html>\n",
        source: .gunicorn)

    /// What a portal or a site without a session shows in place of an answer.
    static let loginPage = html(
        200,
        "<!DOCTYPE html><html><head><title>Login</title></head><body><form class=\"form-signin\">"
            + "Please log in</form></body></html>")

    private static let titles = [
        400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Not Allowed", 408: "Request Time-out",
        413: "Request Entity Too Large", 414: "Request-URI Too Large", 415: "Unsupported Media Type",
        431: "Request Header Or Cookie Too Large", 500: "Internal Server Error", 501: "Not Implemented",
        502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out",
        508: "Loop Detected", 520: "Web server is returning an unknown error", 521: "Web server is down",
        522: "Connection timed out", 523: "Origin is unreachable", 524: "A timeout occurred",
        525: "SSL handshake failed", 526: "Invalid SSL certificate", 527: "Railgun error",
        530: "Origin DNS error",
    ]
}
