/// The day a punch belongs to where people work past midnight: it begins at a time of day that is nobody's shift.
package enum ShiftDay {
    /// Where nothing better is known: 04:00.
    package static let usualStart = 4 * 3600

    /// The middle of the time off between the end of a shift and its next start, in seconds of the day. 09:00 to 18:00
    /// gives 01:30, 22:00 to 06:00 gives 14:00; a shift around the clock gives `usualStart`.
    package static func start(ofShiftFrom start: Int, until end: Int) -> Int {
        let off = ((start - end) % 86_400 + 86_400) % 86_400
        return off == 0 ? usualStart : (end + off / 2) % 86_400
    }

    /// The number of the shift day (days since 1970) that a wall time lies in.
    package static func number(of time: WallTime, start: Int) -> Int64 {
        (time.seconds - Int64(start)).flooredDivision(by: 86_400)
    }

    /// When the shift day of `time` began.
    package static func beginning(of time: WallTime, start: Int) -> WallTime {
        WallTime(seconds: number(of: time, start: start) * 86_400 + Int64(start))
    }
}

extension WallTime {
    /// 0..<86400
    package var secondOfDay: Int {
        Int(seconds - seconds.flooredDivision(by: 86_400) * 86_400)
    }
}
