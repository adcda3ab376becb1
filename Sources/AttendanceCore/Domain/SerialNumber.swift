/// The serial number by which a terminal names itself (`sn`).
///
/// 1 to 64 visible ASCII or Unicode characters after trimming. Two serials that differ only in letter case are the
/// same terminal; the text is kept as it was first seen. Source: docs/protocol.md §4, quirk Q31.
package struct SerialNumber: Hashable, Sendable, CustomStringConvertible {
    /// As the terminal wrote it, trimmed.
    package let text: String
    /// What is compared: the text in lower case.
    package let folded: String

    /// The name under which punches of a terminal that never said who it is are kept (docs/protocol.md §9.8).
    package static let unknown = SerialNumber("unknown")!

    package static let maximumLength = 64

    /// Nil when nothing is left after trimming, when it is longer than `maximumLength` characters, or when it holds
    /// a control character (a serial stands in logs, CSV cells and file names).
    package init?(_ text: String) {
        let trimmed = text.trimmingBlanks()
        guard !trimmed.isEmpty, trimmed.isOneLine(ofAtMost: Self.maximumLength) else { return nil }
        self.text = trimmed
        self.folded = trimmed.lowercased()
    }

    package static func == (a: SerialNumber, b: SerialNumber) -> Bool { a.folded == b.folded }
    package func hash(into hasher: inout Hasher) { hasher.combine(folded) }
    package var description: String { text }
}

extension Unicode.Scalar {
    /// C0, C1 and DEL, and the Unicode line and paragraph separators: nothing that may stand in one line of output.
    package var isControl: Bool {
        value < 0x20 || (0x7F...0x9F).contains(value) || value == 0x2028 || value == 0x2029
    }
}

extension String {
    /// No control character, and at most `length` Unicode scalars.
    package func isOneLine(ofAtMost length: Int) -> Bool {
        // Nearly all serials and ids are plain ASCII, and each message has one: no need to look at scalars.
        if utf8.count <= length, utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) { return true }
        return unicodeScalars.count <= length && !unicodeScalars.contains(where: \.isControl)
    }
}

extension StringProtocol where UTF8View: BidirectionalCollection {
    /// Without white space and NUL at both ends.
    package func trimmingBlanks() -> String {
        if let first = utf8.first, let last = utf8.last, (0x21..<0x7F).contains(first),
            (0x21..<0x7F).contains(last)
        {
            return String(self)
        }
        func blank(_ c: Unicode.Scalar) -> Bool { c.properties.isWhitespace || c.value == 0 }
        let scalars = unicodeScalars
        guard let first = scalars.firstIndex(where: { !blank($0) }) else { return "" }
        var end = scalars.endIndex
        while end > first {
            let before = scalars.index(before: end)
            if !blank(scalars[before]) { break }
            end = before
        }
        return String(String.UnicodeScalarView(scalars[first..<end]))
    }
}
