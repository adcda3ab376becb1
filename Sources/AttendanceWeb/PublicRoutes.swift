import AttendanceCore
import HTTPTypes
import Hummingbird
import Logging

/// What the terminals' port answers to everything that is no WebSocket.
package struct PublicRoutes: Sendable {
    package var health: @Sendable () async -> HealthReport
    /// Prometheus text.
    package var metrics: @Sendable () async -> String
    package var version: String
    package var logger: Logger
    /// Beside `/health`, where there are any.
    package var probes: HealthProbes?

    package init(
        health: @escaping @Sendable () async -> HealthReport, metrics: @escaping @Sendable () async -> String,
        version: String, logger: Logger, probes: HealthProbes? = nil
    ) {
        self.health = health
        self.metrics = metrics
        self.version = version
        self.logger = logger
        self.probes = probes
    }

    package func router() -> Router<BasicRequestContext> {
        // Monitors like to ask by HEAD.
        let router = Router(context: BasicRequestContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: RequestLog(logger: logger))
        router.add(middleware: RefusedUpgrades())
        router.get("health") { _, _ in
            let report = await health()
            return try JSONAnswer.response(
                report, status: report.status == .failing ? .serviceUnavailable : .ok)
        }
        probes?.add(to: router, logger: logger)
        router.get("metrics") { _, _ in
            var headers = HTTPFields()
            headers[.contentType] = "text/plain; version=0.0.4; charset=utf-8"
            return Response(
                status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(string: await metrics())))
        }
        router.get("/") { _, _ in text(.ok, welcome) }
        let start = ContinuousClock.now
        let lines = Throttle(burst: 20, perSecond: 1, at: .zero)
        for path: RouterPath in ["pub/chat", "pub/api"] {
            for method: HTTPRequest.Method in [.get, .post] {
                router.on(path, method: method) { request, context in
                    // The most common wrong setting of a terminal, so it is told in the log too.
                    if lines.admit(at: start.duration(to: .now)) != nil {
                        logger.warning(
                            "plain HTTP request on a terminal path; set the terminal to WebSocket",
                            metadata: ["path": "\(request.uri.path)", "method": "\(request.method)"])
                    }
                    return text(.upgradeRequired, wrongProtocol)
                }
            }
        }
        return router
    }

    private var welcome: String {
        """
        Attendance Gateway \(version)
        Terminals connect here by WebSocket, on any path.
        State: /health    Metrics: /metrics

        """
    }

    private var wrongProtocol: String {
        """
        This address takes terminals by WebSocket, and this was a plain HTTP request.
        On the terminal choose WebSocket ("cloud", "ws") as the protocol, with this host and port.

        """
    }

    private func text(_ status: HTTPResponse.Status, _ body: String) -> Response {
        var headers = HTTPFields()
        headers[.contentType] = "text/plain; charset=utf-8"
        if status == .upgradeRequired { headers[.upgrade] = "websocket" }
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(string: body)))
    }
}

/// Answers handshakes that the gate before the upgrade refused. The header is the gate's own; a client's is removed
/// there.
struct RefusedUpgrades<Context: RequestContext>: RouterMiddleware {
    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard let name = HTTPField.Name(AdmissionRules.Refusal.header), let refusal = request.headers[name],
            let code = Int(refusal.prefix(3))
        else { return try await next(request, context) }
        var headers = HTTPFields()
        headers[.contentType] = "text/plain; charset=utf-8"
        headers[.connection] = "close"
        if code == 401 { headers[.wwwAuthenticate] = "Bearer" }
        let status = HTTPResponse.Status(code: code)
        let body =
            code == 404 ? "Not found\n" : "\(status.reasonPhrase). The gateway's log names the reason.\n"
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(string: body)))
    }
}

/// One line a request, at DEBUG: probes ask for `/health` every few seconds.
struct RequestLog<Context: RequestContext>: RouterMiddleware {
    let logger: Logger

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            let response = try await next(request, context)
            log(request, response.status.code)
            return response
        } catch {
            log(request, (error as? any HTTPResponseError)?.status.code ?? 500)
            throw error
        }
    }

    private func log(_ request: Request, _ status: Int) {
        // What is not a path of ours may be somebody's secret one.
        let path = (200..<400).contains(status) ? request.uri.path : "-"
        logger.debug(
            "HTTP request",
            metadata: ["method": "\(request.method)", "path": "\(path)", "status": "\(status)"])
    }
}
