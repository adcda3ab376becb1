import AttendanceCore
import HTTPTypes
import Hummingbird

/// `/sign-in`, `/sign-out` and `/language`.
struct SignInPage: Sendable {
    let console: Console

    func add(to router: RouterGroup<ConsoleContext>) {
        router.get("sign-in") { request, context in
            if context.principal != nil { return console.redirect(to: "/") }
            // Nobody can sign in: told how that is mended.
            if try await console.accounts.needsSetup() { return console.redirect(to: "/setup") }
            let search = try request.search()
            return show(Model(to: search["to"] ?? "/"), request: request, context: context)
        }
        router.post("sign-in") { request, context in
            let form = try await console.form(request, context)
            return try await signIn(form, request: request, context: context)
        }
        router.post("sign-out") { request, context in
            _ = try await console.form(request, context)
            if let principal = context.principal { try await console.accounts.signOut(principal) }
            var response = console.redirect(to: "/sign-in")
            response.headers[values: .setCookie].append(
                Cookies.line(Cookies.session, "", isSecure: console.isSecure, maxAge: .zero))
            return response
        }
        router.get("language") { request, _ in
            let search = try request.search()
            var response = console.redirect(to: search["to"] ?? "/")
            if let language = search["language"].flatMap({ Language(rawValue: $0) }) {
                response.headers[values: .setCookie].append(
                    Cookies.line(
                        Cookies.language, language.rawValue, isSecure: console.isSecure,
                        maxAge: .seconds(365 * 86_400)))
            }
            return response
        }
    }

    private struct Model {
        var to = "/"
        var name = ""
        var trouble: String?
        var asksCode = false
    }

    private func signIn(
        _ form: FormFields, request: Request, context: ConsoleContext
    ) async throws -> Response {
        var model = Model(to: form["to"] ?? "/", name: form["name"] ?? "")
        let result = try await console.accounts.signIn(
            name: model.name, password: form.exactly("password") ?? "", code: form["code"],
            address: context.address, userAgent: request.headers[.userAgent] ?? "")
        switch result {
        case .signedIn(let session):
            var response = console.redirect(to: model.to)
            response.headers[values: .setCookie].append(
                Cookies.line(Cookies.session, session.token, isSecure: console.isSecure))
            return response
        case .needsCode:
            model.asksCode = true
        case .refused(let reason):
            model.asksCode = form["code"] != nil
            model.trouble = console.text("sign-in", Self.word(of: reason), context)
        case .throttled(let wait):
            model.trouble = console.text(
                "sign-in", "throttled", context, ["seconds": "\(max(1, wait.components.seconds))"])
        }
        return show(model, status: .unprocessableContent, request: request, context: context)
    }

    private static func word(of reason: SignInRefusal) -> String {
        switch reason {
        case .wrong: "refused"
        case .wrongCode: "wrong_code"
        case .disabled: "disabled"
        case .codesUnreadable: "codes_unreadable"
        }
    }

    private func show(
        _ model: Model, status: HTTPResponse.Status = .ok, request: Request, context: ConsoleContext
    ) -> Response {
        console.render("sign-in", model, status: status, request: request, context: context)
    }
}
