import AttendanceCore
import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import Logging

/// Who asks, in which language, and whether a form comes from a page of ours.
struct Visitor: RouterMiddleware {
    typealias Context = ConsoleContext

    let console: Console

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        var context = context
        let cookies = Cookies(request)
        if let session = cookies[Cookies.session] {
            context.principal = try await console.accounts.principal(
                session: session, isActivity: request.headers[.named("X-Live")] == nil)
        }
        context.language =
            cookies[Cookies.language].flatMap { Language(rawValue: $0) }
            ?? context.principal?.language.flatMap { Language(rawValue: $0) }
            ?? request.headers[.acceptLanguage].flatMap { Language(accepted: $0) } ?? .english
        // Before somebody signs in their browser is known by a cookie of its own: nobody else's page can send it.
        var isNew = false
        if let token = context.principal?.csrfToken {
            context.formToken = token
        } else if let token = cookies[Cookies.visitor], token.utf8.count == 43 {
            context.formToken = token
        } else {
            context.formToken = SymmetricKey(size: .bits256).withUnsafeBytes { Data($0) }.base64URL
            isNew = true
        }
        if context.principal != nil, request.method == .get {
            console.live.note(await console.operations.health())
        }
        var response = try await answer(request, context, next)
        if isNew, context.principal == nil {
            response.headers[values: .setCookie].append(
                Cookies.line(Cookies.visitor, context.formToken, isSecure: console.isSecure))
        }
        return response
    }

    private func answer(
        _ request: Request, _ context: Context, _ next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            // A browser says where a form was; one of another site gets nowhere, whatever it has guessed.
            if request.method != .get, request.method != .head, isForeign(request) {
                throw HTTPError(.forbidden)
            }
            return try await next(request, context)
        } catch let error as HTTPError {
            return console.trouble(error.status, request: request, context: context)
        } catch let error as any HTTPResponseError {
            return console.trouble(error.status, request: request, context: context)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            console.logger.error(
                "a page failed",
                metadata: ["path": "\(request.uri.path)", "error": "\(error.localizedDescription)"])
            return console.trouble(.internalServerError, request: request, context: context)
        }
    }

    private func isForeign(_ request: Request) -> Bool {
        if let site = request.headers[.named("Sec-Fetch-Site")] {
            return site != "same-origin" && site != "none"
        }
        guard let origin = request.headers[.origin] else { return false }
        guard let host = request.head.authority, let url = URL(string: origin), let name = url.host else {
            return true
        }
        let port = url.port.map { ":\($0)" } ?? ""
        return "\(name)\(port)".lowercased() != host.lowercased()
    }
}

/// The cookies of the console. None can be read by a script, none is sent along from another site.
struct Cookies {
    static let session = "agw_session"
    static let visitor = "agw_visitor"
    static let language = "agw_language"

    private let values: [String: String]

    init(_ request: Request) {
        var values: [String: String] = [:]
        // Bounded by the limit on headers; a cookie that is there twice was not set by us.
        for line in request.headers[values: .cookie] {
            for pair in line.split(separator: ";") {
                let parts = pair.split(separator: "=", maxSplits: 1)
                guard parts.count == 2 else { continue }
                values[parts[0].trimmingBlanks()] = parts[1].trimmingBlanks()
            }
        }
        self.values = values
    }

    subscript(name: String) -> String? { values[name] }

    static func line(
        _ name: String, _ value: String, isSecure: Bool, maxAge: Duration? = nil
    ) -> String {
        var line = "\(name)=\(value); Path=/; HttpOnly; SameSite=Strict"
        if let maxAge { line += "; Max-Age=\(maxAge.components.seconds)" }
        if isSecure { line += "; Secure" }
        return line
    }
}

extension Data {
    /// RFC 4648 §5, without padding.
    var base64URL: String {
        base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}

/// Lets in only whom it may concern: the rest is asked to sign in, or told that this is not theirs.
package struct Requires: RouterMiddleware {
    package typealias Context = ConsoleContext

    let console: Console
    let scope: Scope

    package func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard let principal = context.principal else {
            let path = request.method == .get ? request.uri.string : "/"
            let to = path.addingPercentEncoding(withAllowedCharacters: .urlHostAllowed) ?? "/"
            return console.redirect(to: path == "/" ? "/sign-in" : "/sign-in?to=\(to)")
        }
        guard principal.may(scope) else {
            await console.accounts.noteRefused(
                principal, scope: scope, what: "\(request.method.rawValue) \(request.uri.path)")
            throw HTTPError(.forbidden)
        }
        return try await next(request, context)
    }
}

extension Console {
    /// The form in the body, of a page that this browser got from us. Throws `HTTPError` 400 or 413.
    package func form(_ request: Request, _ context: ConsoleContext) async throws -> FormFields {
        let form = try await request.form(context)
        guard let token = form.exactly("form_token"), !context.formToken.isEmpty,
            SHA256.hash(data: Data(token.utf8)) == SHA256.hash(data: Data(context.formToken.utf8))
        else { throw HTTPError(.badRequest) }
        return form
    }
}
