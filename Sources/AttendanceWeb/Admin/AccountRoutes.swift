import AttendanceCore
import AttendanceStore
import Foundation
import Hummingbird
import Logging

/// `POST /accounts` and `POST /tokens`: what the verbs of the command line ask of a running gateway.
package struct AccountRoutes: Sendable {
    private let accounts: Accounts

    package init(_ accounts: Accounts) { self.accounts = accounts }

    package func add(to router: Router<BasicRequestContext>, logger: Logger) {
        router.post("accounts") { request, _ in
            try await AdminOrder.answer(request, logger: logger) { (order: AccountOrder) in
                try await accounts.carryOut(order)
            }
        }
        router.post("tokens") { request, _ in
            try await AdminOrder.answer(request, logger: logger) { (order: TokenOrder) in
                try await accounts.carryOut(order)
            }
        }
    }
}

/// Body of `POST /accounts`. Secret where it holds a password.
package struct AccountOrder: Codable, Sendable, Hashable {
    package enum Verb: String, Codable, Sendable, CaseIterable {
        case add, password, change, disable, enable, remove
        case signOut = "sign-out"
        case removeCodes = "remove-codes"
    }
    package var verb: Verb
    /// Of the account.
    package var name: String
    /// For `add` and `password`.
    package var password: String?
    /// For `add` and `change`: a role's name.
    package var role: String?
    /// For `add` and `change`: limits to these. With neither of both and without `reachesEverything` the reach stays.
    package var groups: [String]?
    package var sinks: [String]?
    package var reachesEverything: Bool?
    /// For `add` and `change`; blank: the browser's.
    package var language: String?
    /// Who orders it, as they say: whoever may open the socket is trusted with their name.
    package var author: String

    package init(
        _ verb: Verb, name: String, password: String? = nil, role: String? = nil, groups: [String]? = nil,
        sinks: [String]? = nil, reachesEverything: Bool? = nil, language: String? = nil, author: String
    ) {
        self.verb = verb
        self.name = name
        self.password = password
        self.role = role
        self.groups = groups
        self.sinks = sinks
        self.reachesEverything = reachesEverything
        self.language = language
        self.author = author
    }
}

package struct AccountAnswer: Codable, Sendable, Hashable {
    package var id: Int64
    /// As it is written.
    package var name: String
    /// Sessions that ended by `sign-out`; else 0.
    package var sessions: Int
    /// What the operator should know besides; nil: nothing.
    package var note: String?

    package init(id: Int64, name: String, sessions: Int = 0, note: String? = nil) {
        self.id = id
        self.name = name
        self.sessions = sessions
        self.note = note
    }
}

/// Body of `POST /tokens`.
package struct TokenOrder: Codable, Sendable, Hashable {
    package struct Issue: Codable, Sendable, Hashable {
        package var name: String
        package var scopes: [String]
        /// Limits to these; both nil: everything.
        package var groups: [String]?
        package var sinks: [String]?
        /// Milliseconds since 1970 UTC; nil: never.
        package var expires: Int64?

        package init(
            name: String, scopes: [String], groups: [String]? = nil, sinks: [String]? = nil,
            expires: Int64? = nil
        ) {
            self.name = name
            self.scopes = scopes
            self.groups = groups
            self.sinks = sinks
            self.expires = expires
        }
    }
    package var issue: Issue?
    /// Numbers.
    package var revoke: [Int64]
    package var author: String

    package init(issue: Issue? = nil, revoke: [Int64] = [], author: String) {
        self.issue = issue
        self.revoke = revoke
        self.author = author
    }
}

/// Secret where a token was issued: it is shown once and kept nowhere.
package struct TokenAnswer: Codable, Sendable, Hashable {
    package var id: Int64?
    package var token: String?
    package var revoked: [Int64]

    package init(id: Int64? = nil, token: String? = nil, revoked: [Int64] = []) {
        self.id = id
        self.token = token
        self.revoked = revoked
    }
}

extension Accounts {
    /// What an administrator orders by texts. Throws `AccountRefusal`.
    package func carryOut(_ order: AccountOrder) async throws -> AccountAnswer {
        let author = Author(order.author)
        guard let name = AccountName(order.name) else { throw AccountRefusal(.badName, field: .name) }
        let language = order.language.map { $0.isEmpty ? nil : $0 }
        let reach = try Self.reach(order.groups, order.sinks)
        if order.verb == .add {
            let id = try await create(
                name: name.text, password: order.password ?? "", role: try Self.role(order.role) ?? .viewer,
                reach: reach, language: language ?? nil, by: author)
            return AccountAnswer(id: id, name: name.text)
        }
        guard let account = try await store.account(named: name) else {
            throw AccountRefusal(.unknownAccount, field: .name)
        }
        var answer = AccountAnswer(id: account.id, name: account.name.text)
        switch order.verb {
        case .add: break
        case .password: try await setPassword(order.password ?? "", of: account.id, by: author)
        case .change:
            var change = AccountChange(role: try Self.role(order.role), language: language)
            if let reach {
                change.reach = .some(reach)
            } else if order.reachesEverything == true {
                change.reach = .some(nil)
            }
            try await self.change(account.id, change, by: author)
        case .disable:
            try await change(account.id, AccountChange(isDisabled: true), by: author)
            answer.note = try await tokensLeft(of: account)
        case .enable: try await change(account.id, AccountChange(isDisabled: false), by: author)
        case .remove:
            try await remove(account.id, by: author)
            answer.note = try await tokensLeft(of: account)
        case .signOut: answer.sessions = try await signOutEverywhere(account.id, by: author)
        case .removeCodes: try await removeCodes(of: account.id, by: author)
        }
        return answer
    }

    /// Whoever leaves may have taken tokens along.
    private func tokensLeft(of account: AccountRecord) async throws -> String? {
        let tokens = try await store.apiTokens(after: 0, limit: AccountBounds.tokens)
            .filter { $0.author == Author(account.name.text) }
        guard !tokens.isEmpty else { return nil }
        let names = tokens.prefix(10).map { "\($0.id) (\($0.name))" }.joined(separator: ", ")
        return
            "tokens that \(account.name) issued go on working: \(names). tokens revoke ends them"
    }

    /// Throws `AccountRefusal`.
    package func carryOut(_ order: TokenOrder) async throws -> TokenAnswer {
        let author = Author(order.author)
        var answer = TokenAnswer()
        if let issue = order.issue {
            var scopes: Set<Scope> = []
            for text in issue.scopes {
                guard let scope = Scope(rawValue: text) else {
                    throw AccountRefusal(.badScopes, field: .scopes)
                }
                scopes.insert(scope)
            }
            let issued = try await issueToken(
                name: issue.name, scopes: scopes, reach: try Self.reach(issue.groups, issue.sinks),
                expires: issue.expires.map { UnixTime(milliseconds: $0) }, by: author)
            answer.id = issued.id
            answer.token = issued.text
        }
        if !order.revoke.isEmpty { answer.revoked = try await revokeTokens(order.revoke, by: author) }
        return answer
    }

    private static func role(_ text: String?) throws -> Role? {
        guard let text else { return nil }
        guard let role = Role(rawValue: text) else { throw AccountRefusal(.badRole, field: .role) }
        return role
    }

    /// Nil where neither is given.
    private static func reach(_ groups: [String]?, _ sinks: [String]?) throws -> Reach? {
        guard groups != nil || sinks != nil else { return nil }
        do {
            return try Reach(groups: groups, sinks: sinks)
        } catch {
            throw AccountRefusal(.badReach, field: .reach)
        }
    }
}
