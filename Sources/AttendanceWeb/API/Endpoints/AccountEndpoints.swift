import AttendanceCore
import AttendanceStore
import Foundation

extension API {
    static let accountEndpoints: [Endpoint] = [
        Endpoint(
            .get, "me", "getMe", "Who asks, and what they may do", tag: .accounts, scope: .read
        ) { api, call in MeAnswer(try call.who()) },
        Endpoint(
            .get, "accounts", "listAccounts", "Accounts of people", tag: .accounts, scope: .administer,
            traits: .paged
        ) { try await $0.listAccounts($1) },
        Endpoint(
            .post, "accounts", "createAccount", "Make an account", tag: .accounts, scope: .administer,
            body: .json(AccountBody.self), status: .created, traits: .mayConflict
        ) { try await $0.createAccount($1) },
        Endpoint(
            .get, "accounts/{id}", "getAccount", "One account", tag: .accounts, scope: .administer, [.id]
        ) { try await $0.getAccount($1) },
        Endpoint(
            .patch, "accounts/{id}", "changeAccount",
            "Change an account's role, reach or language, or disable it",
            "Holds from the next request on. The last administrator stays one.", tag: .accounts,
            scope: .administer, [.id], body: .json(AccountPatch.self), traits: .mayConflict
        ) { try await $0.changeAccount($1) },
        Endpoint(
            .delete, "accounts/{id}", "removeAccount", "Remove an account",
            "Signs it out; tokens that it has issued stay.", tag: .accounts, scope: .administer, [.id],
            traits: .mayConflict
        ) { try await $0.removeAccount($1) },
        Endpoint(
            .post, "accounts/{id}/password", "setPassword", "Give an account another password",
            "All its sessions end.", tag: .accounts, scope: .administer, [.id], body: .json(PasswordBody.self)
        ) { try await $0.setPassword($1) },
        Endpoint(
            .post, "accounts/{id}/sign-out", "signOutAccount", "End all sessions of an account",
            tag: .accounts, scope: .administer, [.id]
        ) { try await $0.signOut($1) },
        Endpoint(
            .delete, "accounts/{id}/codes", "removeAccountCodes",
            "Ask an account for no one-time codes any more",
            "For somebody who lost the device that shows them.",
            tag: .accounts, scope: .administer, [.id]
        ) { try await $0.removeCodes($1) },
        Endpoint(
            .get, "accounts/{id}/sessions", "listSessions", "Where an account is signed in",
            tag: .accounts, scope: .administer, [.id]
        ) { try await $0.listSessions($1) },
        Endpoint(
            .get, "tokens", "listTokens", "Tokens of programs", tag: .accounts, scope: .administer,
            traits: .paged
        ) { try await $0.listTokens($1) },
        Endpoint(
            .post, "tokens", "issueToken", "Make a token for a program",
            "It is shown this once and kept nowhere.",
            tag: .accounts, scope: .administer, body: .json(TokenBody.self), status: .created,
            traits: [.mayConflict, .secret]
        ) { try await $0.issueToken($1) },
        Endpoint(
            .delete, "tokens/{id}", "revokeToken", "End a token", tag: .accounts, scope: .administer, [.id]
        ) { try await $0.revokeToken($1) },
        Endpoint(
            .get, "audit", "listAudit", "Who did what, newest first", tag: .accounts, scope: .read,
            [
                .query(
                    "action", Schema.line(1...100), "What the action begins with, such as `dead-letters.`."),
                .query("author", Schema.line(1...100), "The whole name."),
                .query("subject", Schema.line(1...200), "Some part of the subject."),
                .query("from", Schema.momentOrDay, "First moment; a day is its beginning in UTC."),
                .query("until", Schema.momentOrDay, "First moment that is no longer wanted."),
            ], traits: [.whole, .paged]
        ) { try await $0.listAudit($1) },
    ]

    // MARK: Accounts

    private func account(_ call: APICall) async throws -> AccountRecord {
        guard let account = try await store.account(try call.requiredID()) else { throw APIProblem.notFound }
        return account
    }

    func listAccounts(_ call: APICall) async throws -> PageAnswer<AccountAnswerReport> {
        let start = try call.cursor.map { try PageCursor.number($0) } ?? 0
        let page = try await store.accounts(after: start, limit: call.limit)
        return PageAnswer(
            page.map { AccountAnswerReport($0) },
            next: page.count == call.limit ? page.last.map { PageCursor.text(["\($0.id)"]) } : nil)
    }

    func getAccount(_ call: APICall) async throws -> AccountAnswerReport {
        AccountAnswerReport(try await account(call))
    }

    func createAccount(_ call: APICall) async throws -> AccountAnswerReport {
        let body = try call.body(AccountBody.self)
        let answer = try await accounts.carryOut(
            AccountOrder(
                .add, name: body.name, password: body.password, role: body.role, groups: body.groups,
                sinks: body.sinks, language: body.language, author: try call.author().name))
        guard let account = try await store.account(answer.id) else { throw APIProblem.notFound }
        return AccountAnswerReport(account)
    }

    func changeAccount(_ call: APICall) async throws -> AccountAnswerReport {
        let body = try call.body(AccountPatch.self)
        let account = try await account(call)
        var change = AccountChange(
            role: body.role.flatMap { Role(rawValue: $0) }, isDisabled: body.isDisabled,
            language: body.language.map { $0.isEmpty ? nil : $0 })
        if body.reachesEverything == true {
            change.reach = .some(nil)
        } else if body.groups != nil || body.sinks != nil {
            do {
                change.reach = .some(try Reach(groups: body.groups, sinks: body.sinks))
            } catch {
                throw AccountRefusal(.badReach, field: .reach)
            }
        }
        try await accounts.change(account.id, change, by: try call.author())
        return try await getAccount(call)
    }

    func removeAccount(_ call: APICall) async throws -> NoAnswer {
        try await accounts.remove(try await account(call).id, by: try call.author())
        return NoAnswer()
    }

    func setPassword(_ call: APICall) async throws -> NoAnswer {
        let body = try call.body(PasswordBody.self)
        try await accounts.setPassword(body.password, of: try await account(call).id, by: try call.author())
        return NoAnswer()
    }

    func signOut(_ call: APICall) async throws -> ChangeCount {
        ChangeCount(
            changed: try await accounts.signOutEverywhere(try await account(call).id, by: try call.author()))
    }

    func removeCodes(_ call: APICall) async throws -> NoAnswer {
        try await accounts.removeCodes(of: try await account(call).id, by: try call.author())
        return NoAnswer()
    }

    func listSessions(_ call: APICall) async throws -> ListAnswer<SessionAnswer> {
        ListAnswer(try await accounts.sessions(of: try await account(call).id).map { SessionAnswer($0) })
    }

    // MARK: Tokens

    func listTokens(_ call: APICall) async throws -> PageAnswer<TokenReport> {
        let start = try call.cursor.map { try PageCursor.number($0) } ?? 0
        let page = try await store.apiTokens(after: start, limit: call.limit)
        return PageAnswer(
            page.map { TokenReport($0) },
            next: page.count == call.limit ? page.last.map { PageCursor.text(["\($0.id)"]) } : nil)
    }

    func issueToken(_ call: APICall) async throws -> IssuedTokenAnswer {
        let body = try call.body(TokenBody.self)
        let expires = try body.expires.map { text -> Int64 in
            guard let moment = UnixTime(iso8601: text) else {
                throw APIProblem.field("/expires", "must be a moment such as 2027-01-01T00:00:00Z")
            }
            return moment.milliseconds
        }
        let answer = try await accounts.carryOut(
            TokenOrder(
                issue: .init(
                    name: body.name, scopes: body.scopes, groups: body.groups, sinks: body.sinks,
                    expires: expires),
                author: try call.author().name))
        guard let id = answer.id, let token = answer.token else {
            throw APIProblem(.failed, "no token was made")
        }
        return IssuedTokenAnswer(id: id, token: token)
    }

    func revokeToken(_ call: APICall) async throws -> NoAnswer {
        let revoked = try await accounts.revokeTokens([try call.requiredID()], by: try call.author())
        guard !revoked.isEmpty else { throw APIProblem.notFound }
        return NoAnswer()
    }

    // MARK: Audit

    func listAudit(_ call: APICall) async throws -> PageAnswer<AuditAnswer> {
        let search = AuditSearch(
            action: call.text("action"), author: call.text("author"), subject: call.text("subject"),
            from: try call.moment("from"), until: try call.moment("until"))
        let page = try await store.auditTrail(
            search, before: try call.cursor.map { try PageCursor.number($0) }, limit: call.limit)
        return PageAnswer(
            page.items.map { AuditAnswer($0) }, next: page.next.map { PageCursor.text(["\($0)"]) },
            searchedBackTo: page.searchedBackTo)
    }
}

extension Schema {
    /// `2026-11-22T08:00:00Z`, or a day.
    static let momentOrDay = Schema.text(
        TextForm(
            10...40,
            pattern:
                "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2}))?$"
        ))
    fileprivate static let password = Schema.text(TextForm(1...1024))
    fileprivate static let names = Schema.list(Schema.line(1...Reach.longestName), 0...Reach.mostNames)
    fileprivate static let language = Schema.text(TextForm(0...20))
}

// MARK: - What is sent and answered

package struct AccountBody: Codable, Documented {
    package var name: String
    package var password: String
    package var role: String
    package var groups: [String]?
    package var sinks: [String]?
    package var language: String?

    package static let schema = Schema.named(
        "NewAccount",
        .object([
            .init("name", Schema.line(1...64)), .init("password", Schema.password),
            .init("role", .words(Role.allCases.map(\.rawValue))),
            .optional("groups", Schema.names, "Limits to the terminals of these groups."),
            .optional("sinks", Schema.names, "Limits to these sinks."),
            .optional("language", Schema.language),
        ]))
    package static let samples = [
        AccountBody(name: "asha", password: "a long and quiet evening", role: "viewer", groups: ["pune"])
    ]
}

package struct AccountPatch: Codable, Documented {
    package var role: String?
    package var isDisabled: Bool?
    package var groups: [String]?
    package var sinks: [String]?
    package var reachesEverything: Bool?
    package var language: String?

    package static let schema = Schema.named(
        "AccountChange",
        .object([
            .optional("role", .words(Role.allCases.map(\.rawValue))), .optional("is_disabled", .flag),
            .optional("groups", Schema.names, "With `sinks` in place of the reach it had."),
            .optional("sinks", Schema.names),
            .optional("reaches_everything", .flag, "Takes all limits away."),
            .optional("language", Schema.language, "Empty: the browser's."),
        ]))
    package static let samples = [AccountPatch(role: "operator", isDisabled: false)]
}

package struct PasswordBody: Codable, Documented {
    package var password: String
    package static let schema = Schema.named("NewPassword", .object([.init("password", Schema.password)]))
    package static let samples = [PasswordBody(password: "a long and quiet evening")]
}

package struct TokenBody: Codable, Documented {
    package var name: String
    package var scopes: [String]
    package var groups: [String]?
    package var sinks: [String]?
    package var expires: String?

    package static let schema = Schema.named(
        "NewToken",
        .object([
            .init("name", Schema.line(1...Accounts.longestTokenName)),
            .init("scopes", .list(.words(Scope.allCases.map(\.rawValue)), 1...10)),
            .optional("groups", Schema.names, "Limits to the terminals of these groups."),
            .optional("sinks", Schema.names, "Limits to these sinks."),
            .optional("expires", Schema.momentOrDay, "Never without it."),
        ]))
    package static let samples = [
        TokenBody(name: "payroll", scopes: ["read"], expires: "2027-12-31T00:00:00Z")
    ]
}

package struct MeAnswer: Documented {
    package var kind: String
    package var name: String
    package var role: String?
    package var scopes: [String]
    package var groups: [String]?
    package var sinks: [String]?
    package var formToken: String?

    init(_ principal: Principal) {
        kind = principal.kind.rawValue
        name = principal.name
        role = principal.role?.rawValue
        scopes = principal.scopes.sorted().map(\.rawValue)
        groups = principal.reach?.groups?.sorted()
        sinks = principal.reach?.sinks?.sorted().map(\.text)
        formToken = principal.csrfToken
    }

    package static let schema = Schema.named(
        "Me",
        .object([
            .init("kind", .words(["session", "token"])), .init("name", .anyText),
            .optional("role", .words(Role.allCases.map(\.rawValue)), "Of an account."),
            .init("scopes", .list(.words(Scope.allCases.map(\.rawValue)))),
            .optional("groups", .list(.anyText), "Absent: all."),
            .optional("sinks", .list(.anyText), "Absent: all."),
            .optional("form_token", .anyText, "Of a session: for `X-Form-Token`."),
        ]))
    package static let samples = [
        MeAnswer(
            Principal(
                kind: .token, id: 3, name: "payroll", role: nil, scopes: [.read], reach: nil, session: nil,
                csrfToken: nil, language: nil))
    ]
}

package struct AccountAnswerReport: Documented {
    package var id: Int64
    package var name: String
    package var role: String
    package var groups: [String]?
    package var sinks: [String]?
    package var usesCodes: Bool
    package var isDisabled: Bool
    package var language: String?
    package var created: String
    package var lastSignIn: String?

    init(_ account: AccountRecord) {
        id = account.id
        name = account.name.text
        role = account.role.rawValue
        groups = account.reach?.groups?.sorted()
        sinks = account.reach?.sinks?.sorted().map(\.text)
        usesCodes = account.usesCodes
        isDisabled = account.isDisabled
        language = account.language
        created = account.created.iso8601
        lastSignIn = account.lastSignIn?.iso8601
    }

    package static let schema = Schema.named(
        "Account",
        .object([
            .init("id", .id), .init("name", .anyText), .init("role", .words(Role.allCases.map(\.rawValue))),
            .optional("groups", .list(.anyText), "Absent: all."),
            .optional("sinks", .list(.anyText), "Absent: all."),
            .init("uses_codes", .flag, "Signing in takes a one-time code."), .init("is_disabled", .flag),
            .optional("language", .anyText), .init("created", .moment), .optional("last_sign_in", .moment),
        ]))
    package static var samples: [AccountAnswerReport] {
        guard let name = AccountName("asha") else { return [] }
        return [
            AccountAnswerReport(
                AccountRecord(
                    id: 2, name: name, role: .operator, reach: nil, usesCodes: true, isDisabled: false,
                    language: "hi", created: UnixTime(seconds: 1_795_228_270), lastSignIn: nil))
        ]
    }
}

package struct SessionAnswer: Documented {
    package var id: Int64
    package var created: String
    package var lastUsed: String
    package var expires: String
    package var address: String
    package var agent: String

    init(_ session: SessionRecord) {
        id = session.id
        created = session.created.iso8601
        lastUsed = session.lastUsed.iso8601
        expires = session.expires.iso8601
        address = session.address
        agent = session.agent
    }

    package static let schema = Schema.named(
        "Session",
        .object([
            .init("id", .id), .init("created", .moment), .init("last_used", .moment),
            .init("expires", .moment),
            .init("address", .anyText), .init("agent", .anyText, "The browser."),
        ]))
    package static let samples = [
        SessionAnswer(
            SessionRecord(
                id: 9, account: 2, created: UnixTime(seconds: 1_795_228_270),
                lastUsed: UnixTime(seconds: 1_795_228_270), expires: UnixTime(seconds: 1_797_820_270),
                address: "192.0.2.3", agent: "Firefox"))
    ]
}

package struct TokenReport: Documented {
    package var id: Int64
    package var name: String
    package var scopes: [String]
    package var groups: [String]?
    package var sinks: [String]?
    package var created: String
    package var author: String
    package var expires: String?
    package var lastUsed: String?

    init(_ token: APITokenRecord) {
        id = token.id
        name = token.name
        scopes = token.scopes.sorted().map(\.rawValue)
        groups = token.reach?.groups?.sorted()
        sinks = token.reach?.sinks?.sorted().map(\.text)
        created = token.created.iso8601
        author = token.author.name
        expires = token.expires?.iso8601
        lastUsed = token.lastUsed?.iso8601
    }

    package static let schema = Schema.named(
        "Token",
        .object([
            .init("id", .id), .init("name", .anyText),
            .init("scopes", .list(.words(Scope.allCases.map(\.rawValue)))),
            .optional("groups", .list(.anyText), "Absent: all."),
            .optional("sinks", .list(.anyText), "Absent: all."),
            .init("created", .moment), .init("author", .anyText, "Who issued it."),
            .optional("expires", .moment),
            .optional("last_used", .moment),
        ]))
    package static let samples = [
        TokenReport(
            APITokenRecord(
                id: 3, name: "payroll", scopes: [.read], reach: nil,
                created: UnixTime(seconds: 1_795_228_270),
                author: Author("asha"), expires: nil, lastUsed: nil))
    ]
}

package struct IssuedTokenAnswer: Documented {
    package var id: Int64
    package var token: String

    package static let schema = Schema.named(
        "IssuedToken",
        .object([.init("id", .id), .init("token", .anyText, "Secret; shown this once.")]))
    package static let samples = [IssuedTokenAnswer(id: 3, token: "agw_…")]
}
