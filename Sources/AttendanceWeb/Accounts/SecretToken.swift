import AttendanceCore
import Crypto
import Foundation

/// A secret of 256 random bits in a text of 43 characters that goes into cookies, paths and headers as it is. Kept
/// nowhere but as its hash, and so looked up without comparing it with anything.
struct SecretToken: Sendable {
    let text: String
    /// SHA-256: a secret of 256 random bits needs no slow hash.
    let digest: TokenDigest

    /// Before the tokens of programs, so that a scanner for leaked secrets knows one.
    static let apiPrefix = "agw_"
    static let characters = 43

    static func new(prefix: String = "") -> SecretToken {
        while true {
            let key = SymmetricKey(size: .bits256)
            let text = prefix + key.withUnsafeBytes { Self.text(Array($0)) }
            if let token = SecretToken(text, prefix: prefix) { return token }
        }
    }

    /// What came from outside; nil for what cannot be one.
    init?(_ text: String, prefix: String = "") {
        guard text.utf8.count == prefix.utf8.count + Self.characters, text.hasPrefix(prefix),
            text.utf8.dropFirst(prefix.utf8.count).allSatisfy({ byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            })
        else { return nil }
        guard let digest = TokenDigest(Array(SHA256.hash(data: Data(text.utf8)))) else { return nil }
        self.text = text
        self.digest = digest
    }

    /// What forms of this session bring back: nobody who lacks the session can make it, and it tells nothing of it.
    var csrfToken: String {
        let key = SymmetricKey(data: Data(text.utf8))
        return Self.text(Array(HMAC<SHA256>.authenticationCode(for: Data("csrf".utf8), using: key)))
    }

    /// Base64 for URLs, without padding.
    private static func text(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
            .replacing("=", with: "")
    }
}
