/// SHA-256 of the secret that a terminal brings in its path or query. The secret itself is kept nowhere.
package struct TokenDigest: Hashable, Sendable {
    /// 32 bytes.
    package let bytes: [UInt8]

    package static let count = 32

    /// Nil unless there are 32 bytes.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.count else { return nil }
        self.bytes = bytes
    }

    /// Takes as long whatever differs.
    package func matches(_ other: TokenDigest) -> Bool { ConstantTime.equal(bytes, other.bytes) }
}

/// What a connection has brought that may be a token: at most one from the path and one from the query.
package struct PresentedTokens: Hashable, Sendable {
    package var digests: [TokenDigest]

    package init(_ digests: [TokenDigest] = []) { self.digests = digests }

    /// Looks at all of them, whichever is the right one.
    package func contain(_ token: TokenDigest) -> Bool {
        digests.reduce(false) { token.matches($1) || $0 }
    }
}

/// Tokens as they are written: long enough that nobody guesses one, and made of what goes into a path as it is.
package enum TokenText {
    package static let lengths = 16...128

    package static func isSound(_ text: some StringProtocol) -> Bool {
        lengths.contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                    UInt8(ascii: "_"), UInt8(ascii: "~"):
                    true
                default: false
                }
            }
    }

    /// What of a request's target may be a token: the last part of its path, and `token` of its query.
    package static func candidates(in target: String) -> [String] {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var found: [String] = []
        if let last = parts.first?.split(separator: "/").last, isSound(last) { found.append(String(last)) }
        if parts.count == 2 {
            let value = parts[1].split(separator: "&").prefix(16).first { $0.hasPrefix("token=") }?.dropFirst(
                6)
            if let value, isSound(value) { found.append(String(value)) }
        }
        return found
    }
}
