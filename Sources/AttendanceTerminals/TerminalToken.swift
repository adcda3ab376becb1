import AttendanceCore
import Crypto
import Foundation

/// The secrets of single terminals: kept as their SHA-256, compared in constant time.
package enum TerminalToken {
    package static func digest(of text: String) -> TokenDigest {
        // SHA-256 has 32 bytes, which is all that a digest asks for.
        guard let digest = TokenDigest(Array(SHA256.hash(data: Data(text.utf8)))) else {
            preconditionFailure("SHA-256 has another length")
        }
        return digest
    }

    /// What a request's target holds that may be a token. A plain target, as nearly all are, costs nothing.
    static func presented(in target: String) -> PresentedTokens {
        PresentedTokens(TokenText.candidates(in: target).map(digest))
    }

    /// A new one: 160 random bits as 32 letters and digits that can be typed into a terminal's menu.
    package static func make() -> String {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("abcdefghijkmnpqrstuvwxyz23456789")  // 32: none that is taken for another
        return String((0..<32).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] })
    }
}
