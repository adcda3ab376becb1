import AttendanceCore
import AttendanceSimulation

/// A firmware on a desk: no socket, no file, a clock that a test winds.
struct Desk {
    var brain: FirmwareBrain
    var now: Moment
    /// What it wrote down, in order.
    var written: [FlashEntry] = []
    var effects: [FirmwareEffect] = []
    var inbox: [String] = []

    /// 2026-03-02 08:00:00, a Monday.
    static let morning = WallTime(year: 2026, month: 3, day: 2, hour: 8) ?? WallTime(seconds: 0)

    init(_ profile: FirmwareProfile = .aiFace, habits: DeviceHabits = DeviceHabits(), logs: Int? = nil) {
        var profile = profile
        if let logs { profile.capacities.logs = logs }
        now = Moment(elapsed: .zero, time: UnixTime(seconds: Self.morning.seconds))
        brain = FirmwareBrain(
            serial: "T1", profile: profile, clock: DeviceClock(showing: Self.morning, at: now.time),
            habits: habits)
    }

    /// On a desk, registered, all that it said so far forgotten.
    static func registered(
        _ profile: FirmwareProfile = .aiFace, habits: DeviceHabits = DeviceHabits(), logs: Int? = nil,
        answer: String = #"{"ret":"reg","result":true,"nosenduser":true}"#
    ) -> Desk {
        var desk = Desk(profile, habits: habits, logs: logs)
        desk.connect(answer: answer)
        return desk
    }

    mutating func connect(answer: String = #"{"ret":"reg","result":true,"nosenduser":true}"#) {
        if !brain.hasPower { act { $0.powerOn(at: $1) } }
        pass(brain.habits.boot)
        if brain.nextDeadline != nil, !effects.contains(.dial) { pass(brain.habits.redial) }
        act { $0.connected(at: $1) }
        hear(answer)
        inbox = []
        effects = []
    }

    mutating func act<Result>(_ body: (inout FirmwareBrain, Moment) -> Result) -> Result {
        let result = body(&brain, now)
        for effect in brain.takeEffects() {
            effects.append(effect)
            switch effect {
            case .send(let text): inbox.append(text)
            case .write(let entry), .writeLazily(let entry): written.append(entry)
            default: break
            }
        }
        return result
    }

    mutating func hear(_ text: String) { act { $0.received(text, at: $1) } }

    /// Time passes, and what is due at its end is done.
    mutating func pass(_ duration: Duration) {
        now = now + duration
        act { $0.tick(at: $1) }
    }

    /// What it has said since the last call.
    mutating func said() throws -> [ServerMessage] {
        defer { inbox = [] }
        return try inbox.map { try ServerMessage($0) }
    }

    /// Gives a command and takes the one answer.
    mutating func ask(_ word: String, _ fields: String = "") throws -> ServerMessage {
        inbox = []
        hear(#"{"cmd":"\#(word)"\#(fields.isEmpty ? "" : ",")\#(fields)}"#)
        guard inbox.count == 1 else { throw Odd.answers(inbox) }
        return try said()[0]
    }

    /// Acknowledges the batch that was sent last.
    mutating func acknowledge(_ more: String = "") throws {
        guard let batch = try said().last(where: { $0.command == "sendlog" }),
            let count = batch["count"]?.integer, let index = batch["logindex"]?.integer
        else { throw Odd.answers(inbox) }
        hear(#"{"ret":"sendlog","result":true,"count":\#(count),"logindex":\#(index),"mark":true\#(more)}"#)
    }

    enum Odd: Error { case answers([String]) }
}

extension ServerMessage {
    var recordCount: Int? { if case .array(let list) = self["record"] { list.count } else { nil } }
    /// The numbers of the people of a list of records.
    var people: [Int64] {
        guard case .array(let list) = self["record"] else { return [] }
        return list.compactMap {
            if case .object(let record) = $0 { record["enrollid"]?.integer } else { nil }
        }
    }
}
