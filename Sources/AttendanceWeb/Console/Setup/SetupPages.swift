import AttendanceCore
import HTTPTypes
import Hummingbird

/// `/setup…`: from a first start to the first punch, one step a page.
///
/// The first step is for whoever has the link from the terminal, once; all others are for administrators.
struct SetupPages: Sendable {
    let console: Console

    var desk: SetupDesk { console.operations.setup }

    func add(to router: RouterGroup<ConsoleContext>) {
        router.get("setup") { request, context in try await begin(request, context) }
        router.post("setup") { request, context in try await makeAccount(request, context) }
        let steps = router.group("setup").add(middleware: Requires(console: console, scope: .administer))
        steps.get("run") { _, _ in
            var headers = HTTPFields()
            headers[.contentType] = "text/plain; charset=utf-8"
            headers[.cacheControl] = "no-store"
            return Response(
                status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(string: desk.run)))
        }
        addZone(to: steps)
        addSite(to: steps)
        addAdmission(to: steps)
        addWriting(to: steps)
        addTerminal(to: steps)
        steps.get("done") { request, context in try await showDone(request, context) }
    }

    // MARK: What all steps share

    /// A step in the list above each page.
    struct Station {
        var number: Int
        var label: String
        /// Nil for one that cannot be gone to yet.
        var way: String?
        var isPresent: Bool
    }

    func stations(at step: SetupStep, reached: SetupStep, _ context: ConsoleContext) -> [Station] {
        SetupStep.allCases.map { other in
            let isOpen =
                step != .account && other != .account && other != step && other.number <= reached.next.number
            return Station(
                number: other.number + 1, label: text("step_\(other.rawValue)", context),
                way: isOpen ? other.path : nil, isPresent: other == step)
        }
    }

    func text(
        _ key: String, _ context: ConsoleContext, _ places: KeyValuePairs<String, String> = [:]
    ) -> String {
        console.text("setup-account", key, context, places)
    }

    /// By the field's name, for the template.
    func errors(_ problems: [SetupProblem], _ context: ConsoleContext) -> [String: String] {
        Dictionary(
            problems.map { problem in
                (problem.field.rawValue, problem.word.map { text($0, context) } ?? problem.detail ?? "")
            }
        ) { first, _ in first }
    }

    func show(
        _ step: SetupStep, _ model: some Any, errors: Bool = false, notice: PageNotice? = nil,
        request: Request, context: ConsoleContext
    ) -> Response {
        console.render(
            step.page, model, title: text("title_\(step.rawValue)", context), notice: notice,
            status: errors ? .unprocessableContent : .ok, request: request, context: context)
    }

    func author(_ context: ConsoleContext) throws -> Author {
        guard let principal = context.principal else { throw HTTPError(.forbidden) }
        return principal.author
    }

    /// What the buttons under a step ask for.
    enum Wish: String {
        case next, back, skip, test, add
    }

    func wish(_ form: FormFields) -> Wish { form["action"].flatMap { Wish(rawValue: $0) } ?? .next }

    /// Of a field that may be left blank. Throws `HTTPError` 413 for one that nobody types.
    func typed(_ name: String, _ form: FormFields) throws -> String {
        let text = form[name] ?? ""
        guard text.count <= SetupDraft.longest else { throw HTTPError(.contentTooLarge) }
        return text
    }

    /// Keeps what was typed and goes on or back. Nil where the page must be shown again with its errors.
    func move(
        _ draft: inout SetupDraft, from step: SetupStep, _ wish: Wish, _ context: ConsoleContext
    ) async throws -> (next: Response?, problems: [SetupProblem]) {
        let problems = wish == .back ? [] : await desk.problems(draft, step)
        if problems.isEmpty, wish != .back, wish != .test, draft.reached.number < step.number {
            draft.reached = step
        }
        try await desk.keep(draft, step, author(context))
        switch wish {
        case .back: return (console.redirect(to: (step.previous ?? step).path), [])
        case .test: return (nil, problems)
        default: return (problems.isEmpty ? console.redirect(to: step.next.path) : nil, problems)
        }
    }

    // MARK: 1. The account

    private struct AccountModel {
        var stations: [Station]
        var secret: String
        var name: String
        var errors: [String: String] = [:]
    }

    private func begin(_ request: Request, _ context: ConsoleContext) async throws -> Response {
        if let principal = context.principal {
            guard principal.may(.administer) else { throw HTTPError(.forbidden) }
            let reached = try await desk.draft().reached
            return console.redirect(to: reached.next.path)
        }
        guard try await console.accounts.needsSetup() else {
            return console.redirect(to: "/sign-in?to=/setup")
        }
        let token = try request.search()["token"] ?? ""
        guard console.accounts.isSetupToken(token) else {
            return explainLink(wasWrong: !token.isEmpty, request, context)
        }
        return showAccount(
            AccountModel(
                stations: stations(at: .account, reached: .account, context), secret: token, name: ""),
            request, context)
    }

    private func explainLink(wasWrong: Bool, _ request: Request, _ context: ConsoleContext) -> Response {
        console.render(
            "setup-link", ["wrong": wasWrong], title: text("link_title", context),
            status: wasWrong ? .forbidden : .ok, request: request, context: context)
    }

    private func showAccount(
        _ model: AccountModel, _ request: Request, _ context: ConsoleContext
    ) -> Response {
        show(.account, model, errors: !model.errors.isEmpty, request: request, context: context)
    }

    private func makeAccount(_ request: Request, _ context: ConsoleContext) async throws -> Response {
        let form = try await console.form(request, context)
        let secret = form["token"] ?? ""
        // The link works once: whoever comes later learns no more than that.
        guard console.accounts.isSetupToken(secret) else {
            return explainLink(wasWrong: true, request, context)
        }
        var model = AccountModel(
            stations: stations(at: .account, reached: .account, context), secret: secret,
            name: form["name"] ?? "")
        let password = form.exactly("password") ?? ""
        guard password == form.exactly("again") else {
            model.errors["again"] = text("fault_again", context)
            return showAccount(model, request, context)
        }
        do {
            let session = try await console.accounts.createFirstAdministrator(
                setupToken: secret, name: model.name, password: password,
                language: context.language.rawValue, address: context.address,
                userAgent: request.headers[.userAgent] ?? "")
            var response = console.redirect(to: SetupStep.zone.path)
            response.headers[values: .setCookie].append(
                Cookies.line(Cookies.session, session.token, isSecure: console.isSecure))
            return response
        } catch let refusal as AccountRefusal {
            let field = refusal.field == .name ? "name" : "password"
            model.errors[field] = text(Self.word(of: refusal), context)
            return showAccount(model, request, context)
        }
    }

    private static func word(of refusal: AccountRefusal) -> String {
        switch refusal.reason {
        case .badName, .nameTaken: "fault_name"
        case .password(.tooShort): "fault_password_short"
        case .password(.tooLong): "fault_password_long"
        case .password(.isName): "fault_password_name"
        case .password(.isCommon): "fault_password_common"
        case .password(.hasControl): "fault_password_control"
        default: "fault_account"
        }
    }
}
