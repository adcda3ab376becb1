/// How many punches were received in each of the last 60 minutes, 48 hours and 30 days: a fixed number of buckets (50 KB),
/// whatever comes.
///
/// What is older than the buckets reach is not counted. A moment ahead of the others (a clock that was set back since) is
/// counted where it says, and what it pushed out is lost: figures to look at, not to bill by.
package struct PunchRates: Hashable, Sendable {
    /// Milliseconds of a bucket.
    private static let minute: Int64 = 60_000
    private static let quarter: Int64 = 900_000
    package static let minutesKept = 60
    package static let hoursKept = 48
    package static let daysKept = 30

    private var minutes = Ring(count: minutesKept + 1)
    /// Quarters of an hour, since every zone begins its days on one; a day more for the zones.
    private var quarters = Ring(count: (daysKept + 2) * 96)

    package init() {}

    /// From this moment on everything is counted that may be asked for at `now`.
    package static func horizon(at now: UnixTime) -> UnixTime {
        UnixTime(milliseconds: now.milliseconds - Int64(daysKept + 1) * 86_400_000)
    }

    package mutating func add(_ count: Int, at moment: UnixTime) {
        guard count > 0 else { return }
        minutes.add(count, to: moment.milliseconds.flooredDivision(by: Self.minute))
        quarters.add(count, to: moment.milliseconds.flooredDivision(by: Self.quarter))
    }

    /// Adds what another has counted.
    package mutating func add(_ other: PunchRates) {
        minutes.add(other.minutes)
        quarters.add(other.quarters)
    }

    /// The oldest first; the last is the running minute. 1 to 60 of them.
    package func perMinute(until now: UnixTime, count: Int = minutesKept) -> [Int] {
        let last = now.milliseconds.flooredDivision(by: Self.minute)
        let count = min(max(count, 1), Self.minutesKept)
        return (0..<Int64(count)).map { minutes[last - Int64(count) + 1 + $0] }
    }

    /// The oldest first; the last is the running hour of UTC. 1 to 48 of them.
    package func perHour(until now: UnixTime, count: Int = hoursKept) -> [Int] {
        sums(of: 4, until: now, offset: 0, count: min(max(count, 1), Self.hoursKept))
    }

    /// The oldest first; the last is the running day, 1 to 30 of them.
    ///
    /// - `offset`: seconds east of UTC of the zone whose days these are. Days before the zone's clock was changed
    ///   begin an hour off.
    package func perDay(until now: UnixTime, offset: Int = 0, count: Int = daysKept) -> [Int] {
        sums(of: 96, until: now, offset: offset, count: min(max(count, 1), Self.daysKept))
    }

    /// Sums of `size` quarters, counted from a moment `offset` seconds before 1970 UTC.
    private func sums(of size: Int64, until now: UnixTime, offset: Int, count: Int) -> [Int] {
        // No zone is further than a day from UTC.
        let shift = Int64(min(max(offset, -86_400), 86_400)).flooredDivision(by: 900)
        let last = (now.milliseconds.flooredDivision(by: Self.quarter) + shift).flooredDivision(by: size)
        return (0..<Int64(count)).map { index in
            let first = (last - Int64(count) + 1 + index) * size - shift
            return (first..<first + size).reduce(0) { $0 + quarters[$1] }
        }
    }

    /// Counts by number of a bucket, for the highest numbers that were met.
    private struct Ring: Hashable, Sendable {
        private var numbers: [Int64]
        private var counts: [Int]

        init(count: Int) {
            numbers = Array(repeating: .min, count: count)
            counts = Array(repeating: 0, count: count)
        }

        private func place(_ number: Int64) -> Int {
            let size = Int64(numbers.count)
            return Int(number - number.flooredDivision(by: size) * size)
        }

        mutating func add(_ count: Int, to number: Int64) {
            let place = place(number)
            guard number >= numbers[place] else { return }
            if number > numbers[place] {
                numbers[place] = number
                counts[place] = 0
            }
            counts[place] += count
        }

        mutating func add(_ other: Ring) {
            for place in other.numbers.indices where other.counts[place] > 0 {
                add(other.counts[place], to: other.numbers[place])
            }
        }

        subscript(number: Int64) -> Int {
            let place = place(number)
            return numbers[place] == number ? counts[place] : 0
        }
    }
}
