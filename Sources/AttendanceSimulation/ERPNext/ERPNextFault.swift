/// A way in which the simulated site fails. Answers have the shapes recorded on a live site (docs/erpnext.md).
///
/// `stored` tells whether the check-in is there all the same.
package enum ERPNextFault: Hashable, Sendable {
    // MARK: Frappe's own answers

    /// 417 with the given exception type and words: a rule of the site, a wrong method, …
    case refused(exceptionType: String, message: String)
    /// 401, as for a wrong secret.
    case unauthorized
    /// 400 InvalidAuthorizationToken.
    case badToken
    /// 400 CSRFTokenError, as for a client that sends cookies back.
    case csrf
    /// 403, as for an unknown session.
    case sessionExpired
    /// 403, as for a user without a right on Employee Checkin.
    case forbidden
    /// 403 that names one employee, as with a User Permission.
    case userPermission
    /// 409: the series gives a name that is taken; nothing is stored.
    case nameTaken
    /// 429; without `retryAfter` as the limit of one method answers.
    case rateLimited(retryAfter: Int?)
    /// 500 JSON with the given exception type.
    case serverError(exceptionType: String, message: String)
    /// 500 QueryTimeoutError: a row lock held elsewhere.
    case lockTimeout
    /// 500 QueryDeadlockError.
    case deadlock
    /// 503 SessionStopped.
    case maintenance
    /// 503 InReadOnlyMode.
    case readOnly
    /// 200 with an empty `message`, nothing stored: another method answers.
    case withoutDocument
    /// The check-in is stored with another time (`Now`), as for a user without write at permission level 1.
    case wrongTime

    // MARK: Answers of what stands before Frappe

    /// 500, gunicorn's own HTML page: the database is gone.
    case databaseGone
    /// 502 of a proxy.
    case badGateway(stored: Bool)
    /// 504 of a proxy.
    case gatewayTimeout(stored: Bool)
    /// nginx's page of any status, or Cloudflare's of 520 to 530.
    case proxyPage(status: Int, stored: Bool)
    /// 404, as from a bench that has no site of that name.
    case unknownSite
    case redirect(to: String)
    /// A redirect of any status to any place.
    case redirected(status: Int, to: String)
    /// 301 to the same address under https.
    case redirectToHTTPS
    /// 200 with an HTML page.
    case page
    /// 200 with a page of so many bytes.
    case longPage(bytes: Int)
    /// A status that ERPNext never gives, such as 202 or 204, without a body.
    case oddStatus(Int)

    // MARK: Broken answers

    /// 200 and a `Content-Length`, and the connection ends in the middle of the body.
    case cutOff(stored: Bool)
    /// 200 with a whole body that is the beginning of the JSON.
    case brokenJSON(stored: Bool)
    /// 200 with so many bytes of padding before the document.
    case hugeJSON(bytes: Int, stored: Bool)
    /// 200 with nothing but nested lists.
    case deepJSON(depth: Int)
    /// 200 with bytes in the document that are no UTF-8.
    case invalidUTF8(stored: Bool)

    // MARK: No answers

    /// No answer and nothing stored, until the client leaves.
    case hang
    /// No answer until the faults are cleared; then all held requests are finished and committed, whether their
    /// clients are still there or not (a frozen database that wakes).
    case frozen
    /// The connection is closed without an answer.
    case closed(stored: Bool)
    /// Answered as usual, so much later.
    case slow(Duration)
}

extension ERPNextFault {
    /// Whether the fault hits every request when it is not bound to one person, path or number of answers.
    var isSiteWide: Bool {
        switch self {
        case .rateLimited, .maintenance, .readOnly, .databaseGone, .badGateway, .gatewayTimeout, .proxyPage,
            .unknownSite, .hang, .frozen, .closed, .redirect, .redirected, .redirectToHTTPS, .page, .longPage,
            .cutOff:
            true
        case .refused, .unauthorized, .badToken, .csrf, .sessionExpired, .forbidden, .userPermission,
            .nameTaken, .serverError, .lockTimeout, .deadlock, .withoutDocument, .wrongTime, .oddStatus,
            .brokenJSON, .hugeJSON, .deepJSON, .invalidUTF8, .slow:
            false
        }
    }

    /// Whether a check-in that meets the fault is stored.
    package var stores: Bool {
        switch self {
        case .badGateway(let stored), .gatewayTimeout(let stored), .proxyPage(_, let stored),
            .cutOff(let stored), .brokenJSON(let stored), .hugeJSON(_, let stored), .invalidUTF8(let stored),
            .closed(let stored):
            stored
        case .frozen, .slow, .wrongTime: true
        default: false
        }
    }

    /// How much later than usual the answer comes.
    var delay: Duration {
        if case .slow(let delay) = self { delay } else { .zero }
    }
}

/// A fault on its way.
struct InjectedFault: Sendable {
    var fault: ERPNextFault
    /// Check-ins, or with a path requests, it still hits; nil for all.
    var left: Int?
    /// The only person key it hits.
    var person: String?
    /// The only path it hits, such as `api/resource/Employee`.
    var path: String?
}
