/// Who asks: somebody who is signed in, or a program with a token. Made by `Accounts` alone, anew for each request.
package struct Principal: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable { case session, token }

    package let kind: Kind
    /// Of the account or of the token: numbers are never used twice.
    package let id: Int64
    /// Of the account or of the token.
    package let name: String
    /// Nil for a token: it has scopes alone.
    package let role: Role?
    package let scopes: Set<Scope>
    /// Nil: everything.
    package let reach: Reach?
    /// Number of the session; nil for a token.
    package let session: Int64?
    /// What forms must bring back (`accepts`); nil for a token, which no browser sends by itself.
    package let csrfToken: String?
    /// The account's language, such as `ar`; nil: the browser's.
    package let language: String?

    package init(
        kind: Kind, id: Int64, name: String, role: Role?, scopes: Set<Scope>, reach: Reach?, session: Int64?,
        csrfToken: String?, language: String?
    ) {
        self.kind = kind
        self.id = id
        self.name = name
        self.role = role
        self.scopes = scopes
        self.reach = reach
        self.session = session
        self.csrfToken = csrfToken
        self.language = language
    }

    package func may(_ scope: Scope) -> Bool { scopes.contains(scope) }

    /// Whether what came with a request that changes something is this session's CSRF token. What comes with an API
    /// token needs none.
    package func accepts(csrfToken text: String?) -> Bool {
        guard let csrfToken else { return kind == .token }
        return text.map { ConstantTime.equal($0, csrfToken) } ?? false
    }

    /// Whether they may see and touch the terminals of a group; nil: those of none.
    package func reaches(group: String?) -> Bool { reach.contains(group: group) }
    package func reaches(sink: SinkName) -> Bool { reach.contains(sink: sink) }

    /// For the audit trail. No account's name holds a blank, so a token is never taken for an account.
    package var author: Author {
        switch kind {
        case .session: Author(name)
        case .token: Author("token \(name)")
        }
    }

    /// Names this asker among all others, for idempotency keys and rates.
    package var key: String { "\(kind == .session ? "account" : "token"):\(id)" }
}
