/// A person's number on a terminal, as text.
///
/// Terminals send it as a number, as digits with or without leading zeros, or as a code. `sent` is what came and what
/// is forwarded (ERPNext holds "0012" and "12" apart); `canonical` is what identifies the person on that terminal:
/// decimal digits lose their leading zeros. Source: docs/protocol.md §5.2, quirk Q7.
package struct EnrollID: Hashable, Sendable, CustomStringConvertible {
    package let sent: String
    package let canonical: String

    package static let maximumLength = 64

    /// Nil when nothing is left after trimming, when it is longer than `maximumLength`, or holds control characters.
    package init?(_ text: String) {
        let trimmed = text.trimmingBlanks()
        guard !trimmed.isEmpty, trimmed.isOneLine(ofAtMost: Self.maximumLength) else { return nil }
        self.init(trimmed: trimmed)
    }

    package init(number: UInt64) {
        sent = String(number)
        canonical = sent
    }

    private init(trimmed: String) {
        sent = trimmed
        let utf8 = trimmed.utf8
        if utf8.first == UInt8(ascii: "0"), utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) {
            let digits = trimmed.drop { $0 == "0" }
            canonical = digits.isEmpty ? "0" : String(digits)
        } else {
            canonical = trimmed
        }
    }

    package static func == (a: EnrollID, b: EnrollID) -> Bool { a.canonical == b.canonical }
    package func hash(into hasher: inout Hasher) { hasher.combine(canonical) }
    package var description: String { sent }

    /// 0: not a person but the door (docs/protocol.md §6.4).
    package var isDoor: Bool { canonical == "0" }
    /// 99999999: a face the terminal does not know (quirk Q9).
    package var isStranger: Bool { canonical == "99999999" }
}
