/// What of a terminal's log may be missing, or comes only by pulling.
package struct PullFlags: Hashable, Sendable {
    package var serial: SerialNumber
    package var name: String?
    package var isConnected: Bool
    package var gap: PullBook.Gap?
    package var stall: PullBook.Stall?
    /// Its firmware does not know `getalllog`.
    package var cannotList: Bool

    package init(serial: SerialNumber, name: String? = nil, isConnected: Bool, kept: PullBook.Kept) {
        self.serial = serial
        self.name = name
        self.isConnected = isConnected
        gap = kept.gap
        stall = kept.stall
        cannotList = kept.unknown.contains(PullScope.range.word)
    }

    var title: String { name.map { "\($0) (\(serial))" } ?? serial.text }
}
