/// Directions by the time of day, as the terminal's own clock shows it.
package struct DirectionHours: Hashable, Sendable {
    /// From `start` to before `end`; over midnight where `end` is not after `start`.
    package struct Span: Hashable, Sendable {
        /// Seconds of the day, 0..<86400.
        package var start: Int
        /// Seconds of the day, 1...86400.
        package var end: Int
        package var direction: Direction

        package init(start: Int, end: Int, direction: Direction) {
            self.start = start
            self.end = end
            self.direction = direction
        }

        func contains(_ second: Int) -> Bool {
            start < end ? (start..<end).contains(second) : second >= start || second < end
        }
    }
    package let spans: [Span]

    /// Reads `04:00-12:00 in, 12:00-04:00 out`; the end may be 24:00. What lies in no span has no direction. Throws
    /// `RuleTextError` that names the part, also where two spans overlap.
    package init(_ text: String) throws(RuleTextError) {
        var spans: [Span] = []
        for part in RuleTextError.parts(of: text) {
            guard let span = Self.span(part) else {
                throw RuleTextError(
                    part: part, problem: "is no span with a direction",
                    remedy: "write for example 04:00-12:00 in, 12:00-04:00 out")
            }
            guard
                !spans.contains(where: { other in
                    other.contains(span.start) || span.contains(other.start)
                })
            else {
                throw RuleTextError(
                    part: part, problem: "overlaps with another span",
                    remedy: "let each span begin where the one before it ends")
            }
            spans.append(span)
        }
        self.spans = spans
    }

    private static func span(_ part: String) -> Span? {
        let words = part.split(whereSeparator: \.isWhitespace)
        guard words.count == 2, let direction = Direction(rawValue: words[1].uppercased()) else { return nil }
        let ends = words[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let start = TimeOfDay(ends[0]) else { return nil }
        let end = ends[1] == "24:00" ? 86_400 : TimeOfDay(ends[1])?.seconds
        guard let end, end != start.seconds else { return nil }
        return Span(start: start.seconds, end: end == 0 ? 86_400 : end, direction: direction)
    }

    package func direction(at time: WallTime) -> Direction? {
        let second = time.secondOfDay
        return spans.first { $0.contains(second) }?.direction
    }
}

/// How the punches of one terminal get their direction.
package enum DirectionRule: Hashable, Sendable {
    /// Left to ERPNext ("alternating entries" of its Shift Type).
    case none
    case fixed(Direction)
    /// By the terminal's own codes.
    case terminal(CodeTable)
    /// In, out, in, out … for each person and shift day.
    case alternate
    case hours(DirectionHours)
}
