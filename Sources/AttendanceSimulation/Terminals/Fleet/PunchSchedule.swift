import AttendanceCore

/// When people punch at one terminal, and who: `batch` punches at a time, at even distances, until the share of this
/// terminal is made or its time is over.
///
/// No punch has the identity of another: within a second of the terminal's clock each person punches once, and when
/// everybody has, the next second begins early.
package struct PunchSchedule: Sendable {
    package private(set) var made = 0
    /// Punches still to be made; nil: no bound.
    private var left: Int?
    private let batch: Int
    private let people: Int
    private let photoBytes: Int
    private let namesPeople: Bool
    private let interval: Duration
    private var nextDue: Duration
    private let end: Duration?
    private var second: WallTime?
    private var punched: Set<UInt64> = []

    /// `rate`: punches a minute; nil: as many as are acknowledged. Durations count from the start of the fleet.
    package init(
        total: Int?, rate: Double?, batch: Int, people: Int, photoBytes: Int = 0, namesPeople: Bool = true,
        firstDue: Double = 0, end: Duration? = nil
    ) {
        left = total
        self.batch = max(1, batch)
        self.people = max(1, people)
        self.photoBytes = photoBytes
        self.namesPeople = namesPeople
        interval = rate.map { .seconds(60 * Double(max(1, batch)) / max($0, 0.001)) } ?? .zero
        nextDue = interval * firstDue
        self.end = end
    }

    /// Whether no further punch will be made.
    package func isOver(at elapsed: Duration) -> Bool { left == 0 || end.map { elapsed >= $0 } ?? false }

    /// How long until the next punch; nil when there will be none.
    package func wait(at elapsed: Duration) -> Duration? {
        isOver(at: elapsed) ? nil : max(.zero, nextDue - elapsed)
    }

    /// Makes what is due by now, at most 10,000 punches, and puts it into the terminal's memory. Without a rate one
    /// batch is due whenever the memory is empty.
    package mutating func fill(
        _ memory: inout TerminalMemory, at elapsed: Duration, clock: WallTime,
        using generator: inout SeededGenerator
    ) -> Int {
        let before = made
        while !isOver(at: elapsed), made - before < 10_000 {
            if interval == .zero {
                guard memory.pending == 0 else { break }
            } else {
                guard nextDue <= elapsed else { break }
                nextDue += interval
            }
            for _ in 0..<min(batch, left ?? batch) {
                memory.append(punch(clock: clock, using: &generator))
                made += 1
                left? -= 1
            }
        }
        return made - before
    }

    private mutating func punch(clock: WallTime, using generator: inout SeededGenerator) -> SimulatedRecord {
        if punched.count == people, let full = second { advance(to: WallTime(seconds: full.seconds + 1)) }
        if second.map({ clock > $0 }) ?? true { advance(to: clock) }
        var person = UInt64.random(in: 1...UInt64(people), using: &generator)
        while !punched.insert(person).inserted { person = person % UInt64(people) + 1 }
        let time = second ?? clock
        return namesPeople
            ? .aiFace(person, at: time, name: "Person \(person)", photoBytes: photoBytes)
            : .tfs(person, at: time)
    }

    private mutating func advance(to time: WallTime) {
        second = time
        punched.removeAll(keepingCapacity: true)
    }
}
