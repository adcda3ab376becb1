/// The name of an account: 3 to 64 of the letters a to z in either case, digits and `. _ - @`, at least one letter or
/// digit at its beginning. So that no two look alike, other letters are not taken.
package struct AccountName: Hashable, Sendable, CustomStringConvertible {
    /// As it was written.
    package let text: String
    /// What is compared: the text in lower case.
    package let folded: String

    package static let lengths = 3...64

    /// Nil for a text that is none, or one by which the audit trail means somebody else.
    package init?(_ text: String) {
        let trimmed = text.trimmingBlanks()
        guard Self.lengths.contains(trimmed.utf8.count), let first = trimmed.utf8.first,
            Self.isAlphanumeric(first),
            trimmed.utf8.allSatisfy({ Self.isAlphanumeric($0) || Self.marks.contains($0) })
        else { return nil }
        let folded = trimmed.lowercased()
        guard !Self.reserved.contains(folded) else { return nil }
        self.text = trimmed
        self.folded = folded
    }

    private static let marks = Set("._-@".utf8)
    private static let reserved: Set<String> = ["gateway", "unknown"]

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    package static func == (a: AccountName, b: AccountName) -> Bool { a.folded == b.folded }
    package func hash(into hasher: inout Hasher) { hasher.combine(folded) }
    package var description: String { text }
}
