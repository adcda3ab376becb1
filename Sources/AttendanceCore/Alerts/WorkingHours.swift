/// The hours of a week in which somebody is expected to be at work, as wall time: `Mon-Fri 08:00-18:00, Sat 09:00-13:00`.
///
/// A span may cross midnight (`Sun-Thu 22:00-06:00` ends on the morning after each of those days) and days may wrap
/// (`Fri-Mon`). Spans that overlap count once. Which instants are meant is a question of the zone they are looked at
/// in; in the night of a clock change a span is as long as it is there.
package struct WorkingHours: Hashable, Sendable, CustomStringConvertible {
    /// Minutes since Monday 00:00 within one week, sorted, apart from each other.
    private let spans: [Range<Int>]
    /// As it was written, blanks at the ends left out.
    package let description: String

    /// Every minute of the week.
    package static let always = WorkingHours(spans: [0..<minutesOfWeek], description: "always")

    package static let maximumLength = 500

    private static let minutesOfDay = 24 * 60
    private static let minutesOfWeek = 7 * 24 * 60

    private init(spans: [Range<Int>], description: String) {
        self.spans = spans
        self.description = description
    }

    /// Parts between commas, semicolons or line ends, each `days times…`. Days: `Mon`, `Mon-Fri`, `Mon/Wed/Fri`, `daily`, or none
    /// for every day; names in English, short or full. Times: one or more `HH:MM-HH:MM`, the end up to `24:00`.
    /// Nothing at all, and `always`, is the whole week.
    package init(_ text: String) throws(RuleTextError) {
        let text = text.trimmingBlanks()
        guard text.utf8.count <= Self.maximumLength else {
            throw RuleTextError(
                part: PlainText.line(text, limit: 40),
                problem: "is longer than \(Self.maximumLength) characters",
                remedy: "Write days as ranges, such as Mon-Fri 08:00-18:00")
        }
        if text.isEmpty || text.lowercased() == "always" {
            self = .always
            return
        }
        var spans: [Range<Int>] = []
        for part in text.split(whereSeparator: { $0 == "," || $0 == ";" || $0.isNewline }) {
            let part = part.trimmingBlanks()
            if !part.isEmpty { spans += try Self.spans(of: part) }
        }
        guard !spans.isEmpty else {
            throw RuleTextError(part: text, problem: "names no hours", remedy: Self.example)
        }
        self.init(spans: Self.merged(spans), description: PlainText.line(text, limit: Self.maximumLength))
    }

    // MARK: Looking

    package func contains(_ time: UnixTime, in zone: ZoneRules) -> Bool {
        let wall = zone.wallTime(at: time.seconds)
        let minute = Int((wall.seconds - Self.monday(of: wall).seconds) / 60)
        return spans.contains { $0.contains(minute) }
    }

    /// How much of the time between two instants lies in working hours, counted back from the later one, and not
    /// further than `limit` of it.
    package func time(
        from start: UnixTime, to end: UnixTime, in zone: ZoneRules, atMost limit: Duration
    ) -> Duration {
        guard end > start, limit > .zero else { return .zero }
        if self == .always { return min(end - start, limit) }
        var sum = Duration.zero
        var monday = Self.monday(of: zone.wallTime(at: end.seconds))
        for _ in 0..<Self.maximumWeeks {
            for span in spans.reversed() {
                let begins = Self.instant(monday, span.lowerBound, zone)
                let ends = Self.instant(monday, span.upperBound, zone)
                let (from, to) = (max(begins, start), min(ends, end))
                if to > from { sum += to - from }
                if sum >= limit { return limit }
                if begins <= start { return sum }
            }
            monday = WallTime(seconds: monday.seconds - 7 * 86_400)
        }
        return sum
    }

    /// Enough for a limit of a day with half an hour of work a week.
    private static let maximumWeeks = 60

    private static func instant(_ monday: WallTime, _ minute: Int, _ zone: ZoneRules) -> UnixTime {
        UnixTime(seconds: zone.instant(of: WallTime(seconds: monday.seconds + Int64(minute) * 60)))
    }

    /// The Monday, 00:00, of the week a wall time lies in.
    private static func monday(of wall: WallTime) -> WallTime {
        let days = wall.seconds.flooredDivision(by: 86_400)
        // 1970-01-01 was a Thursday.
        let weekday = (days + 3) - (days + 3).flooredDivision(by: 7) * 7
        return WallTime(seconds: (days - weekday) * 86_400)
    }

    package static func == (a: WorkingHours, b: WorkingHours) -> Bool { a.spans == b.spans }
    package func hash(into hasher: inout Hasher) { hasher.combine(spans) }

    // MARK: Reading

    private static let example = "Write it as in Mon-Fri 08:00-18:00, Sat 09:00-13:00"

    private static func spans(of part: String) throws(RuleTextError) -> [Range<Int>] {
        var words: [String] = []
        // "08:00 - 18:00" and an en dash are what people write too.
        for word in part.replacing("–", with: "-").split(whereSeparator: \.isWhitespace).map(String.init) {
            if word.hasPrefix("-") || words.last?.hasSuffix("-") == true, !words.isEmpty {
                words[words.count - 1] += word
            } else {
                words.append(word)
            }
        }
        var days = Set(0..<7)
        if let first = words.first, first.first?.isNumber == false {
            days = try weekdays(first, in: part)
            words.removeFirst()
        }
        guard !words.isEmpty else {
            throw RuleTextError(part: part, problem: "has days and no hours", remedy: example)
        }
        var spans: [Range<Int>] = []
        for word in words {
            let (start, end) = try times(word)
            for day in days.sorted() {
                let midnight = day * minutesOfDay
                spans.append(midnight + start..<midnight + (end > start ? end : end + minutesOfDay))
            }
        }
        return spans
    }

    private static func times(_ word: String) throws(RuleTextError) -> (start: Int, end: Int) {
        let ends = word.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let start = minutes(ends[0]), let end = minutes(ends[1]), start < minutesOfDay
        else {
            throw RuleTextError(
                part: word, problem: "is no span of time",
                remedy: "Write HH:MM-HH:MM, from 00:00 to 24:00; 22:00-06:00 goes over midnight")
        }
        guard start != end else {
            throw RuleTextError(
                part: word, problem: "begins and ends at the same time",
                remedy: "Write 00:00-24:00 for the whole day")
        }
        return (start, end)
    }

    private static func minutes(_ text: Substring) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, (1...2).contains(parts[0].utf8.count), parts[1].utf8.count == 2,
            parts.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }),
            let hour = Int(parts[0]), let minute = Int(parts[1]), minute < 60,
            hour < 24 || (hour == 24 && minute == 0)
        else { return nil }
        return hour * 60 + minute
    }

    private static let names = [
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
    ]

    private static func weekdays(_ word: String, in part: String) throws(RuleTextError) -> Set<Int> {
        if ["daily", "always"].contains(word.lowercased()) { return Set(0..<7) }
        var days: Set<Int> = []
        for piece in word.split(separator: "/", omittingEmptySubsequences: false) {
            let ends = piece.split(separator: "-", omittingEmptySubsequences: false)
            guard (1...2).contains(ends.count), let first = weekday(ends[0]),
                let last = weekday(ends[ends.count - 1])
            else {
                throw RuleTextError(
                    part: String(piece), problem: "is no day of the week",
                    remedy: "Write Mon, Tue, Wed, Thu, Fri, Sat, Sun, a range such as Mon-Fri, or daily")
            }
            var day = first
            days.insert(day)
            while day != last {
                day = (day + 1) % 7
                days.insert(day)
            }
        }
        return days
    }

    private static func weekday(_ text: Substring) -> Int? {
        let text = text.lowercased()
        guard text.count >= 3 else { return nil }
        return names.firstIndex { $0 == text || $0.prefix(3) == text }
    }

    /// Spans within one week, overlapping ones put together, those that wrap beyond the week's end brought back.
    private static func merged(_ spans: [Range<Int>]) -> [Range<Int>] {
        var pieces: [Range<Int>] = []
        for span in spans {
            if span.upperBound > minutesOfWeek {
                pieces.append(span.lowerBound..<minutesOfWeek)
                pieces.append(0..<span.upperBound - minutesOfWeek)
            } else {
                pieces.append(span)
            }
        }
        var merged: [Range<Int>] = []
        for piece in pieces.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, piece.lowerBound <= last.upperBound {
                merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, piece.upperBound)
            } else {
                merged.append(piece)
            }
        }
        return merged
    }
}
