/// A minute of the day as a clock shows it, on no day and in no zone.
package struct TimeOfDay: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Since midnight; 0 to 86,340, a multiple of 60.
    package let seconds: Int

    package static let midnight = TimeOfDay(seconds: 0)

    private init(seconds: Int) { self.seconds = seconds }

    /// Nil for a minute that no day has (24:00, 12:60).
    package init?(hour: Int, minute: Int) {
        guard (0...23).contains(hour), (0...59).contains(minute) else { return nil }
        self.init(seconds: hour * 3600 + minute * 60)
    }

    /// `HH:MM` with two digits each, or one for the hour; nil for anything else.
    package init?(_ text: some StringProtocol) {
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard parts.count == 2, (1...2).contains(parts[0].count), parts[1].count == 2,
            parts.allSatisfy({ $0.allSatisfy { (0x30...0x39).contains($0) } })
        else { return nil }
        func number(_ digits: some Sequence<UInt8>) -> Int { digits.reduce(0) { $0 * 10 + Int($1 - 0x30) } }
        self.init(hour: number(parts[0]), minute: number(parts[1]))
    }

    package static func < (a: TimeOfDay, b: TimeOfDay) -> Bool { a.seconds < b.seconds }

    /// `HH:MM`
    package var description: String {
        "\((seconds / 3600).padded(2)):\((seconds / 60 % 60).padded(2))"
    }
}
