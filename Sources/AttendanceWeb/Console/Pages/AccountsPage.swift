import AttendanceCore
import AttendanceStore
import Hummingbird

/// `/settings/accounts`: who may sign in, and which programs have a token.
struct AccountsPage: Sendable {
    let console: Console

    /// Shown on one page; there are never more.
    private static let most = AccountBounds.accounts

    func add(to router: RouterGroup<ConsoleContext>) {
        let group = router.group("settings/accounts").add(
            middleware: Requires(console: console, scope: .administer))
        group.get { request, context in
            let search = try request.search()
            return try await show(done: search.isTicked("done"), request: request, context: context)
        }
        group.post("add") { request, context in
            try await act(request, context) { form, author in
                _ = try await console.accounts.create(
                    name: form["name"] ?? "", password: form.exactly("password") ?? "",
                    role: try Self.role(form), reach: try Self.reach(form), by: author)
            }
        }
        group.post("change") { request, context in
            try await act(request, context) { form, author in
                let id = try Self.id(form)
                switch form["action"] {
                case "disable":
                    try await console.accounts.change(id, AccountChange(isDisabled: true), by: author)
                case "enable":
                    try await console.accounts.change(id, AccountChange(isDisabled: false), by: author)
                case "remove": try await console.accounts.remove(id, by: author)
                case "codes": try await console.accounts.removeCodes(of: id, by: author)
                case "sign-out": _ = try await console.accounts.signOutEverywhere(id, by: author)
                case "role":
                    try await console.accounts.change(
                        id, AccountChange(role: try Self.role(form), reach: .some(try Self.reach(form))),
                        by: author)
                case "password":
                    try await console.accounts.setPassword(form.exactly("password") ?? "", of: id, by: author)
                default: throw HTTPError(.badRequest)
                }
            }
        }
        group.post("token") { request, context in
            let form = try await console.form(request, context)
            guard let author = context.principal?.author else { throw HTTPError(.forbidden) }
            do {
                let days = form.number("days")
                let token = try await console.accounts.issueToken(
                    name: form["name"] ?? "",
                    scopes: Set(form.all("scope").compactMap { Scope(rawValue: $0) }),
                    reach: try Self.reach(form),
                    expires: days.map {
                        console.operations.now() + .seconds(Int64(min(max($0, 1), 3650)) * 86_400)
                    }, by: author)
                return try await show(token: token.text, request: request, context: context)
            } catch let refusal as AccountRefusal {
                return try await show(refusal: refusal, request: request, context: context)
            }
        }
        group.post("revoke") { request, context in
            try await act(request, context) { form, author in
                _ = try await console.accounts.revokeTokens([try Self.id(form)], by: author)
            }
        }
    }

    private static func id(_ form: FormFields) throws -> Int64 {
        guard let id = form["id"].flatMap({ Int64($0) }) else { throw HTTPError(.badRequest) }
        return id
    }

    private static func role(_ form: FormFields) throws -> Role {
        guard let role = form["role"].flatMap({ Role(rawValue: $0) }) else {
            throw AccountRefusal(.badRole, field: .role)
        }
        return role
    }

    /// Groups and sinks as a person types them, with commas between; nothing in both is everything.
    private static func reach(_ form: FormFields) throws -> Reach? {
        func names(_ field: String) -> [String]? {
            let names = (form[field] ?? "").split(separator: ",").map { $0.trimmingBlanks() }.filter {
                !$0.isEmpty
            }
            return names.isEmpty ? nil : names
        }
        let (groups, sinks) = (names("groups"), names("sinks"))
        guard groups != nil || sinks != nil else { return nil }
        do {
            return try Reach(groups: groups, sinks: sinks)
        } catch {
            throw AccountRefusal(.badReach, field: .reach)
        }
    }

    private func act(
        _ request: Request, _ context: ConsoleContext, _ body: (FormFields, Author) async throws -> Void
    ) async throws -> Response {
        let form = try await console.form(request, context)
        guard let author = context.principal?.author else { throw HTTPError(.forbidden) }
        do {
            try await body(form, author)
            return console.redirect(to: "/settings/accounts?done=1")
        } catch let refusal as AccountRefusal {
            return try await show(refusal: refusal, request: request, context: context)
        }
    }

    struct Account {
        var id: Int64
        var accountName: String
        var role: String
        var groups: String
        var sinks: String
        var isDisabled: Bool
        var usesCodes: Bool
        var lastSignIn: String?
        var roles: [PageChoice]
    }
    struct Token {
        var id: Int64
        var tokenName: String
        var scopes: String
        var reach: String
        var author: String
        var expires: String?
        var lastUsed: String?
    }
    struct Model {
        var zone: String
        var accounts: [Account]
        var tokens: [Token]
        var roles: [PageChoice]
        var scopes: [PageChoice]
        var trouble: String?
        var issued: String?
    }

    private func show(
        done: Bool = false, token: String? = nil, refusal: AccountRefusal? = nil, request: Request,
        context: ConsoleContext
    ) async throws -> Response {
        let zoneName = console.operations.zone()
        let zone = ZoneRules(identifier: zoneName)
        let store = console.operations.store
        func roles(_ chosen: Role?) -> [PageChoice] {
            Role.allCases.map {
                PageChoice(
                    value: $0.rawValue, label: console.text("accounts", "role_\($0.rawValue)", context),
                    isChosen: $0 == chosen)
            }
        }
        let model = Model(
            zone: zoneName,
            accounts: try await store.accounts(after: 0, limit: Self.most).map { account in
                Account(
                    id: account.id, accountName: account.name.text,
                    role: console.text("accounts", "role_\(account.role.rawValue)", context),
                    groups: account.reach?.groups?.sorted().joined(separator: ", ") ?? "",
                    sinks: account.reach?.sinks?.sorted().map(\.text).joined(separator: ", ") ?? "",
                    isDisabled: account.isDisabled, usesCodes: account.usesCodes,
                    lastSignIn: account.lastSignIn.map { Moments.text($0, in: zone) },
                    roles: roles(account.role))
            },
            tokens: try await store.apiTokens(after: 0, limit: AccountBounds.tokens).map { token in
                Token(
                    id: token.id, tokenName: token.name,
                    scopes: token.scopes.sorted().map(\.rawValue).joined(separator: ", "),
                    reach: token.reach.words, author: token.author.name,
                    expires: token.expires.map { Moments.text($0, in: zone) },
                    lastUsed: token.lastUsed.map { Moments.text($0, in: zone) })
            },
            roles: roles(.operator),
            scopes: Scope.allCases.map {
                PageChoice(
                    value: $0.rawValue, label: console.text("accounts", "scope_\($0.rawValue)", context),
                    isChosen: $0 == .read)
            },
            trouble: refusal.map { console.words(of: $0, context) }, issued: token)
        return console.render(
            "accounts", model, at: .settings,
            notice: done ? PageNotice(.good, console.text("accounts", "done", context)) : nil,
            status: refusal == nil ? .ok : .unprocessableContent, request: request, context: context)
    }
}
