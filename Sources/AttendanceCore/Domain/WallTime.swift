/// What a terminal's clock shows: year to second, no zone.
///
/// Held as the seconds since 1970-01-01 00:00:00 *of that same clock*, so it sorts and subtracts but is no instant.
/// Range: years 1 to 9999 of the proleptic Gregorian calendar. Source: docs/protocol.md §4.
package struct WallTime: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let seconds: Int64

    package init(seconds: Int64) { self.seconds = seconds }

    /// Nil for a day, hour, minute or second that does not exist (30 February, 24:00:00, second 60).
    package init?(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
        guard (1...9999).contains(year), (1...12).contains(month), day >= 1,
            day <= Self.days(inMonth: month, of: year), (0...23).contains(hour), (0...59).contains(minute),
            (0...59).contains(second)
        else { return nil }
        let days = Self.daysSince1970(year: year, month: month, day: day)
        seconds = Int64(days) * 86_400 + Int64(hour * 3600 + minute * 60 + second)
    }

    package static func < (a: WallTime, b: WallTime) -> Bool { a.seconds < b.seconds }

    package struct Components: Hashable, Sendable {
        package let year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int
    }

    package var components: Components {
        let days = Int(seconds.flooredDivision(by: 86_400))
        let rest = Int(seconds - Int64(days) * 86_400)
        let (year, month, day) = Self.civil(fromDaysSince1970: days)
        return Components(
            year: year, month: month, day: day, hour: rest / 3600, minute: rest / 60 % 60, second: rest % 60)
    }

    /// `YYYY-MM-DD HH:MM:SS`, the only form terminals, ERPNext and our CSV take.
    package var description: String {
        let c = components
        return "\(c.year.padded(4))-\(c.month.padded(2))-\(c.day.padded(2)) "
            + "\(c.hour.padded(2)):\(c.minute.padded(2)):\(c.second.padded(2))"
    }

    /// `YYYY-MM`, the month whose CSV file the punch belongs to.
    package var month: String {
        let c = components
        return "\(c.year.padded(4))-\(c.month.padded(2))"
    }

    /// `dd-mm-YYYY HH:MM:SS`, what the older service's ERP method was given (and nothing else may be:
    /// ERPNext's own methods read such a date month first).
    package var dayFirst: String {
        let c = components
        return "\(c.day.padded(2))-\(c.month.padded(2))-\(c.year.padded(4)) "
            + "\(c.hour.padded(2)):\(c.minute.padded(2)):\(c.second.padded(2))"
    }

    // Days and dates after Howard Hinnant's published algorithms for the proleptic Gregorian calendar.

    static func daysSince1970(year: Int, month: Int, day: Int) -> Int {
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    static func civil(fromDaysSince1970 days: Int) -> (year: Int, month: Int, day: Int) {
        let z = days + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let dayOfEra = z - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }

    static func days(inMonth month: Int, of year: Int) -> Int {
        switch month {
        case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

extension WallTime {
    /// Reads what terminals write: `2026-11-22 08:01:09`, also with one-digit parts, `/` or `.` between the parts of
    /// the date, `T` for the blank, without seconds, and with a fraction of a second that is dropped.
    ///
    /// Nil when it is anything else or names no real moment. A trailing zone (`Z`, `+05:30`) is refused: it would be
    /// a time of another kind.
    package init?(_ text: String) {
        var text = text
        guard let time = text.withUTF8({ WallTime(bytes: UnsafeRawBufferPointer($0)) }) else { return nil }
        self = time
    }

    package init?(bytes: UnsafeRawBufferPointer) {
        var index = 0
        let count = bytes.count
        func number(maximumDigits: Int) -> Int? {
            var value = 0
            let start = index
            while index < count, index - start < maximumDigits, bytes[index] >= 0x30, bytes[index] <= 0x39 {
                value = value * 10 + Int(bytes[index] - 0x30)
                index += 1
            }
            return index > start ? value : nil
        }
        func skip(_ accepted: UInt8...) -> Bool {
            guard index < count, accepted.contains(bytes[index]) else { return false }
            index += 1
            return true
        }
        func skipBlanks() {
            while index < count, bytes[index] == 0x20 || bytes[index] == 0x09 || bytes[index] == 0 {
                index += 1
            }
        }
        let dash = UInt8(ascii: "-")
        let slash = UInt8(ascii: "/")
        let dot = UInt8(ascii: ".")
        let colon = UInt8(ascii: ":")
        skipBlanks()
        let yearStart = index
        guard let year = number(maximumDigits: 4), index - yearStart == 4, skip(dash, slash, dot),
            let month = number(maximumDigits: 2), skip(dash, slash, dot), let day = number(maximumDigits: 2),
            skip(0x20, UInt8(ascii: "T"))
        else { return nil }
        skipBlanks()
        guard let hour = number(maximumDigits: 2), skip(colon), let minute = number(maximumDigits: 2) else {
            return nil
        }
        var second = 0
        if skip(colon) {
            guard let value = number(maximumDigits: 2) else { return nil }
            second = value
            if skip(dot) { guard number(maximumDigits: 9) != nil else { return nil } }
        }
        skipBlanks()
        guard index == count else { return nil }
        self.init(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
    }
}

extension Int {
    /// Decimal with leading zeros; never negative here.
    package func padded(_ width: Int) -> String {
        let digits = String(self)
        return digits.utf8.count >= width
            ? digits : String(repeating: "0", count: width - digits.utf8.count) + digits
    }
}

extension Int64 {
    func flooredDivision(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return (self % divisor != 0 && (self < 0) != (divisor < 0)) ? quotient - 1 : quotient
    }
}
