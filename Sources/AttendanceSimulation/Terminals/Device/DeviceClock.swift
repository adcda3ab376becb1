import AttendanceCore

/// The clock of a terminal: set by hand or by a server, too fast or too slow by so many parts in a million.
package struct DeviceClock: Hashable, Sendable {
    /// What it showed when it was last set, and when that was.
    package private(set) var shown: WallTime
    package private(set) var since: UnixTime
    /// Positive: it runs ahead.
    package var driftPartsPerMillion: Double

    package init(showing time: WallTime, at now: UnixTime, driftPartsPerMillion: Double = 0) {
        shown = time
        since = now
        self.driftPartsPerMillion = driftPartsPerMillion
    }

    package func time(at now: UnixTime) -> WallTime {
        let passed = Double(now.milliseconds - since.milliseconds) * (1 + driftPartsPerMillion / 1e6) / 1000
        // A clock that is asked about a time before it was set shows what it showed then, and less.
        guard abs(passed) < 1e12 else { return shown }
        return WallTime(seconds: shown.seconds + Int64(passed.rounded(.down)))
    }

    /// Answers by how many seconds it jumped; negative: back.
    @discardableResult
    package mutating func set(_ time: WallTime, at now: UnixTime) -> Int64 {
        let jump = time.seconds - self.time(at: now).seconds
        shown = time
        since = now
        return jump
    }
}
