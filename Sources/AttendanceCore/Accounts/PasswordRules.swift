import Foundation

/// What is asked of a new password. Length counts, mixtures of kinds of characters do not (NIST SP 800-63B §5.1.1.2).
package enum PasswordRules {
    /// In characters as a person counts them.
    package static let shortest = 10
    /// In bytes of UTF-8, before and after `normalised`.
    package static let longest = 256

    package enum Problem: String, Error, Hashable, Sendable, CaseIterable {
        case tooShort = "too-short"
        case tooLong = "too-long"
        case isName = "is-name"
        case isCommon = "is-common"
        case hasControl = "has-control"

        package var words: String {
            switch self {
            case .tooShort: "a password has at least \(PasswordRules.shortest) characters"
            case .tooLong: "a password has at most \(PasswordRules.longest) bytes"
            case .isName: "the password is the account's name"
            case .isCommon: "this password is among the first that anybody tries"
            case .hasControl: "a password holds no control characters, such as a tab or the end of a line"
            }
        }
    }

    /// What is hashed: the same whether a keyboard sends `é` as one character or as two. Nil for what cannot be the
    /// password of any account, being longer than `longest` or holding a control character; cheap for whatever comes.
    package static func normalised(_ password: String) -> [UInt8]? {
        // The mapping ends at a NUL: what is behind it would not count.
        guard password.utf8.count <= longest, !password.unicodeScalars.contains(where: \.isControl) else {
            return nil
        }
        let bytes = Array(password.precomposedStringWithCompatibilityMapping.utf8)
        return bytes.count <= longest ? bytes : nil
    }

    /// What is wrong with a new password; nil when it may be taken.
    package static func problem(with password: String, of name: AccountName) -> Problem? {
        guard password.utf8.count <= longest else { return .tooLong }
        if password.unicodeScalars.contains(where: \.isControl) { return .hasControl }
        guard normalised(password) != nil else { return .tooLong }
        guard password.precomposedStringWithCompatibilityMapping.count >= shortest else { return .tooShort }
        let folded = password.lowercased()
        if folded == name.folded || folded == String(name.folded.reversed()) { return .isName }
        return isCommon(folded) ? .isCommon : nil
    }

    private static func isCommon(_ folded: String) -> Bool {
        if common.contains(folded) || Set(folded).count <= 2 { return true }
        // What somebody adds to make a short word long enough: password2024, admin!!!!!.
        let stem = folded.reversed().drop { !$0.isLetter }.reversed()
        return weakStems.contains(String(stem)) || isRun(folded)
    }

    /// 1234567890, abcdefghij and the like, forwards or backwards; a digit 9 is followed by 0.
    private static func isRun(_ folded: String) -> Bool {
        let values = folded.utf8.map(Int.init)
        let steps = zip(values, values.dropFirst()).map { $1 - $0 }
        return steps.allSatisfy { $0 == 1 || $0 == -9 } || steps.allSatisfy { $0 == -1 || $0 == 9 }
    }

    private static let weakStems: Set<String> = [
        "", "admin", "administrator", "attendance", "attendancegateway", "changeme", "default", "erpnext",
        "gateway",
        "letmein", "login", "pass", "passw", "password", "passwort", "qwerty", "root", "secret", "test",
        "user",
        "welcome", "iloveyou", "monkey", "dragon", "football", "princess", "sunshine", "abc", "abcd", "asdf",
    ]

    private static let common: Set<String> = [
        "1q2w3e4r5t", "1qaz2wsx3edc", "zaq12wsxcde3", "qwertyuiop", "qwertyuiop123", "asdfghjkl;",
        "asdfghjkl123",
        "q1w2e3r4t5", "qazwsxedcrfv", "zxcvbnm123", "password1!", "p@ssw0rd123", "p@ssword123", "passw0rd123",
        "pa$$word123", "adminadmin", "admin@admin", "passwordpassword", "iloveyou12", "superman123",
        "letmeinnow",
        "trustno1trustno1", "michael123", "charlie123", "jennifer123", "liverpool1", "manchester",
        "basketball",
        "1234qwer1234", "123qwe123qwe", "qwe123qwe123", "abcd1234abcd", "a1b2c3d4e5", "123456789a",
        "a123456789",
        "1234567891", "0987654321", "9876543210", "1111122222", "1122334455", "1212121212", "123123123123",
        "112233445566", "attendance-gateway", "correcthorsebatterystaple", "correct horse battery staple",
    ]
}
