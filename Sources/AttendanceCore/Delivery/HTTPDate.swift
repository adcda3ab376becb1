extension UnixTime {
    /// Reads the date of an HTTP header in any of its three forms: `Sun, 06 Nov 1994 08:49:37 GMT`, and the two that
    /// RFC 9110 §5.6.7 keeps for old servers, `Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov  6 08:49:37 1994`.
    ///
    /// A year of two digits is one of 1970 to 2069. The day of the week is not looked at.
    package init?(httpDate text: String) {
        guard text.utf8.count <= 40 else { return nil }
        let parts = text.split { " ,-".contains($0) }
        let isOldest = parts.count == 5
        guard isOldest || parts.count == 6 && parts[5].uppercased() == "GMT" else { return nil }
        let (day, name, year, clock) =
            isOldest ? (parts[2], parts[1], parts[4], parts[3]) : (parts[1], parts[2], parts[3], parts[4])
        let time = clock.split(separator: ":", omittingEmptySubsequences: false)
        guard let month = Self.months.firstIndex(of: name.lowercased()),
            let day = Self.number(day, digits: 2), [2, 4].contains(year.utf8.count),
            let number = Self.number(year, digits: 4), time.count == 3,
            let hour = Self.number(time[0], digits: 2), let minute = Self.number(time[1], digits: 2),
            let second = Self.number(time[2], digits: 2),
            let wall = WallTime(
                year: year.utf8.count == 4 ? number : number + (number < 70 ? 2000 : 1900), month: month + 1,
                day: day, hour: hour, minute: minute, second: second)
        else { return nil }
        self.init(seconds: wall.seconds)
    }

    private static func number(_ text: Substring, digits: Int) -> Int? {
        guard (1...digits).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        return Int(text)
    }

    private static let months = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]
}

extension Duration {
    /// Reads a `Retry-After` header: whole seconds, or an HTTP date by the server's own clock. Nil where it says nothing
    /// that can be read; at most `longest`.
    ///
    /// - Parameter date: the answer's `Date` header, without which a date in `Retry-After` means nothing.
    package init?(retryAfter: String?, date: String?, atMost longest: Duration) {
        guard let text = retryAfter?.trimmingBlanks(), !text.isEmpty else { return nil }
        if text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            self = Int(text).map { min(.seconds($0), longest) } ?? longest
            return
        }
        guard let until = UnixTime(httpDate: text),
            let now = date.flatMap({ UnixTime(httpDate: $0.trimmingBlanks()) })
        else { return nil }
        self = min(max(until - now, .zero), longest)
    }
}
