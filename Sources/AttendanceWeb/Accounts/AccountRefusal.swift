import AttendanceCore
import AttendanceStore
import Foundation

/// Why an account, a token or a session was not changed, for the field of the form it belongs to.
package struct AccountRefusal: RefusedOrder, Hashable, Sendable {
    package enum Field: String, Hashable, Sendable {
        case name, password, oldPassword, role, reach, language, code, scopes, expires, setupToken
    }

    package enum Reason: Hashable, Sendable {
        case badName
        case nameTaken
        case password(PasswordRules.Problem)
        case wrongPassword
        case wrongCode
        /// One-time codes were not begun, or too long ago.
        case codesNotBegun
        /// The vault cannot be used; in words for an operator.
        case vault(String)
        case badRole
        case badReach
        /// Whoever may administer cannot be limited to a part.
        case limitedAdministrator
        case badLanguage
        case lastAdministrator
        case unknownAccount
        case tooMany
        case badTokenName
        case badScopes
        case expiryHasPassed
        case wrongSetupToken
        /// Too many tries; wait so long.
        case throttled(Duration)
        /// Too much to do at the moment.
        case busy
    }

    package let field: Field?
    package let reason: Reason

    package init(_ reason: Reason, field: Field? = nil) {
        self.reason = reason
        self.field = field
    }

    /// Names the reason among all others, for translations.
    package var key: String {
        switch reason {
        case .badName: "bad-name"
        case .nameTaken: "name-taken"
        case .password(let problem): "password-\(problem.rawValue)"
        case .wrongPassword: "wrong-password"
        case .wrongCode: "wrong-code"
        case .codesNotBegun: "codes-not-begun"
        case .vault: "vault"
        case .badRole: "bad-role"
        case .badReach: "bad-reach"
        case .limitedAdministrator: "limited-administrator"
        case .badLanguage: "bad-language"
        case .lastAdministrator: "last-administrator"
        case .unknownAccount: "unknown-account"
        case .tooMany: "too-many"
        case .badTokenName: "bad-token-name"
        case .badScopes: "bad-scopes"
        case .expiryHasPassed: "expiry-has-passed"
        case .wrongSetupToken: "wrong-setup-token"
        case .throttled: "throttled"
        case .busy: "busy"
        }
    }

    /// In English.
    package var errorDescription: String? {
        switch reason {
        case .badName:
            "a name has \(AccountName.lengths.lowerBound) to \(AccountName.lengths.upperBound) of the letters a to z, digits "
                + "and . _ - @, and begins with a letter or digit; gateway and unknown are taken"
        case .nameTaken: "this name is taken"
        case .password(let problem): problem.words
        case .wrongPassword: "the password is wrong"
        case .wrongCode: "the code is wrong, or was used before; check the clock of the device that shows it"
        case .codesNotBegun: "that took too long; begin with one-time codes again"
        case .vault(let words): words
        case .badRole: "a role is one of \(Role.allCases.map(\.rawValue).joined(separator: ", "))"
        case .badReach:
            "a reach names groups of terminals (up to \(Reach.longestName) characters each) and sinks, up to "
                + "\(Reach.mostNames) of each"
        case .limitedAdministrator:
            "whoever may administer can give themselves everything, and so cannot be limited to groups or sinks"
        case .badLanguage: "a language is written like en or pt-BR"
        case .lastAdministrator:
            "this is the last administrator who can sign in; make another one first"
        case .unknownAccount: "there is no such account"
        case .tooMany: "there are too many already; remove some that are not used"
        case .badTokenName: "a token's name is one line of 1 to \(Accounts.longestTokenName) characters"
        case .badScopes:
            "a token has at least one of \(Scope.allCases.map(\.rawValue).joined(separator: ", "))"
        case .expiryHasPassed: "this time has passed"
        case .wrongSetupToken:
            "this link does not work any more; the newest one stands in the gateway's log, until there is an account"
        case .throttled(let wait): "too many tries; wait \(wait.wholeSeconds) seconds"
        case .busy: "too many are signing in at the moment; try again in a few seconds"
        }
    }

    /// What the store refused; nil for what is no account's.
    init(of error: AccountError) {
        switch error {
        case .unknown: self.init(.unknownAccount)
        case .nameTaken: self.init(.nameTaken, field: .name)
        case .tooMany: self.init(.tooMany)
        case .lastAdministrator: self.init(.lastAdministrator, field: .role)
        case .limitedAdministrator: self.init(.limitedAdministrator, field: .reach)
        case .wrongSetupToken: self.init(.wrongSetupToken, field: .setupToken)
        }
    }
}

extension Duration {
    /// Rounded up: whoever waits so long waits long enough.
    package var wholeSeconds: Int64 { (milliseconds + 999) / 1000 }
}
