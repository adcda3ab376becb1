import AttendanceCore
import HTTPTypes
import Hummingbird

/// Hands what is below `/api/v1` to the API, whose router knows no page: nothing there is ever answered with one.
struct APIDoor: RouterMiddleware {
    typealias Context = ConsoleContext

    let responder: RouterResponder<ConsoleContext>

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let path = request.uri.path
        guard path == API.root || path.hasPrefix(API.root + "/") || path == "/api" || path == "/api/" else {
            return try await next(request, context)
        }
        return try await responder.respond(to: request, context: context)
    }
}

/// Who asks: by a token, or by the session of a browser; and whether too often.
struct APIVisitor: RouterMiddleware {
    typealias Context = ConsoleContext

    let api: API

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.principal = try await api.principal(of: request)
        let limit = api.accounts.limits.requestsPerMinute
        // Whoever is known counts for themselves, so that nobody behind the same address can keep them out.
        let asker =
            context.principal?.key ?? "address:" + SignInThrottle.network(of: context.address)
        if let wait = api.rates.wait(for: asker, perMinute: limit, at: api.uptime()) {
            throw APIProblem(
                .tooMany, "at most \(limit) requests a minute; RequestsPerMinute in [Console] sets it",
                retryAfter: wait)
        }
        if context.principal == nil, let header = request.headers[.authorization] {
            throw APIProblem(
                .unauthenticated,
                header.lowercased().hasPrefix("bearer ")
                    ? "this token is not known, has expired or was revoked"
                    : "the only scheme is Bearer: Authorization: Bearer agw_…")
        }
        return try await next(request, context)
    }
}

extension API {
    /// Nil for nobody. A header decides, where there is one: a token that does not hold is never made up for by a cookie.
    func principal(of request: Request) async throws -> Principal? {
        if let header = request.headers[.authorization] {
            let parts = header.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
            guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
            return try await accounts.principal(apiToken: parts[1].trimmingBlanks())
        }
        guard let session = Cookies(request)[Cookies.session] else { return nil }
        return try await accounts.principal(
            session: session, isActivity: request.headers[.named("X-Live")] == nil)
    }
}
