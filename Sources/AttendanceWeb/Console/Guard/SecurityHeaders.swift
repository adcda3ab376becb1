import HTTPTypes
import Hummingbird

/// What tells a browser to load nothing from elsewhere, run nothing that stands in a page, and show us in no frame.
struct SecurityHeaders<Context: RequestContext>: RouterMiddleware {
    /// Over TLS a browser shall not come back without it.
    let isSecure: Bool

    private static var policy: String {
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
            + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    }

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        var response = try await next(request, context)
        for (name, value) in fields { response.headers[name] = value }
        return response
    }

    private var fields: [(HTTPField.Name, String)] {
        var fields: [(HTTPField.Name, String)] = [
            (.contentSecurityPolicy, Self.policy), (.xContentTypeOptions, "nosniff"),
            (.referrerPolicy, "same-origin"), (.crossOriginOpenerPolicy, "same-origin"),
            (.crossOriginResourcePolicy, "same-origin"),
            (.permissionsPolicy, "camera=(), microphone=(), geolocation=(), payment=()"),
        ]
        if isSecure { fields.append((.strictTransportSecurity, "max-age=31536000")) }
        return fields
    }
}

extension HTTPField.Name {
    fileprivate static let referrerPolicy = named("Referrer-Policy")
    fileprivate static let crossOriginOpenerPolicy = named("Cross-Origin-Opener-Policy")
    fileprivate static let crossOriginResourcePolicy = named("Cross-Origin-Resource-Policy")
    fileprivate static let permissionsPolicy = named("Permissions-Policy")

    /// Of a name that stands in our code and is one.
    static func named(_ text: String) -> Self {
        guard let name = Self(text) else { preconditionFailure("\(text) is no name of a header") }
        return name
    }
}
