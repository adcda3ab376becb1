/// The name of one place punches go to, as it stands in the journal, in metrics and in the log.
///
/// 1 to 32 characters of `a-z`, `0-9`, `-` and `_`. A name once used stays bound to its owed punches.
package struct SinkName: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let text: String

    package init?(_ text: String) {
        guard (1...32).contains(text.utf8.count),
            text.utf8.allSatisfy({
                (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D || $0 == 0x5F
            })
        else { return nil }
        self.text = text
    }

    /// The ERPNext site of the `[ERP]` section.
    package static let erpnext = SinkName("erpnext")!
    /// The monthly CSV, which follows what becomes of the punches at `erpnext`.
    package static let csv = SinkName("csv")!

    package static func < (a: SinkName, b: SinkName) -> Bool { a.text < b.text }
    package var description: String { text }
}
