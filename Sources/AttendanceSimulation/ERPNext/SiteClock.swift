import AttendanceCore

/// The site's own time. Not to be confused with the terminals': both zones and the clock itself may differ.
struct SiteClock: Sendable {
    var zone: ZoneRules
    var now: @Sendable () -> UnixTime
    /// Of the newest stamp, so that no two changes bear the same.
    private var last: (seconds: Int64, microseconds: Int) = (.min, 0)

    init(zone: ZoneRules, now: @escaping @Sendable () -> UnixTime) {
        self.zone = zone
        self.now = now
    }

    var wallTime: WallTime { zone.wallTime(at: now().seconds) }

    /// `YYYY-MM-DD HH:MM:SS.ffffff` in the site's zone, later than all before it.
    mutating func stamp() -> String {
        let now = now()
        var stamp = (seconds: now.seconds, microseconds: Int(now.milliseconds - now.seconds * 1000) * 1000)
        if stamp <= last {
            stamp = (last.seconds, last.microseconds + 1)
            if stamp.microseconds == 1_000_000 { stamp = (last.seconds + 1, 0) }
        }
        last = stamp
        return "\(zone.wallTime(at: stamp.seconds)).\(stamp.microseconds.padded(6))"
    }

    /// The `Date` header: `Sun, 22 Nov 2026 08:00:00 GMT`.
    var httpDate: String {
        let seconds = now().seconds
        let parts = WallTime(seconds: seconds).components
        let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let day = days[Int(((seconds / 86_400) % 7 + 7) % 7)]
        return "\(day), \(parts.day.padded(2)) \(months[parts.month - 1]) \(parts.year.padded(4)) "
            + "\(parts.hour.padded(2)):\(parts.minute.padded(2)):\(parts.second.padded(2)) GMT"
    }
}
