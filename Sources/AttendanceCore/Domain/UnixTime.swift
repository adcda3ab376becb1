/// A moment on the world's time line, in whole milliseconds since 1970-01-01 00:00:00 UTC.
///
/// The journal's own stamp. Waiting and measuring use the monotonic clock, never this.
package struct UnixTime: Hashable, Comparable, Sendable {
    package let milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }
    package init(seconds: Int64) { milliseconds = seconds * 1000 }

    package var seconds: Int64 { milliseconds.flooredDivision(by: 1000) }

    package static func < (a: UnixTime, b: UnixTime) -> Bool { a.milliseconds < b.milliseconds }

    package static func + (time: UnixTime, duration: Duration) -> UnixTime {
        UnixTime(milliseconds: time.milliseconds + duration.milliseconds)
    }

    package static func - (a: UnixTime, b: UnixTime) -> Duration {
        .milliseconds(a.milliseconds - b.milliseconds)
    }

    /// ISO 8601 in UTC with milliseconds, for JSON and logs.
    package var iso8601: String {
        let wall = WallTime(seconds: seconds).description
        let fraction = Int(milliseconds - seconds * 1000)
        return wall.replacing(" ", with: "T", maxReplacements: 1) + ".\(fraction.padded(3))Z"
    }
}
