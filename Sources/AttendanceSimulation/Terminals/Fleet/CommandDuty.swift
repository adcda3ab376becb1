import AttendanceCore
import Synchronization

/// The part of a fleet's terminal that obeys the server: a firmware that is asked, and pushes nothing by itself.
final class CommandDuty: Sendable {
    private let brain: Mutex<FirmwareBrain>
    private let elapsed: @Sendable () -> Duration

    /// `content` is shared with the other terminals until one of them changes it.
    init(
        serial: String, profile: FirmwareProfile, content: DeviceContent, clock: WallTime,
        elapsed: @escaping @Sendable () -> Duration
    ) {
        self.elapsed = elapsed
        brain = Mutex(
            FirmwareBrain(
                serial: serial, profile: profile, content: content,
                clock: DeviceClock(showing: clock, at: UnixTime(milliseconds: elapsed().milliseconds))))
    }

    /// People 1 to `count`, each with a PIN.
    static func content(people count: Int, for profile: FirmwareProfile) -> DeviceContent {
        var content = DeviceContent(logCapacity: profile.capacities.logs)
        for id in 1...max(1, min(count, profile.capacities.users)) {
            var user = StoredUser(name: "Person \(id)")
            user.credentials = [StoredCredential(slot: 10, record: String(id), isAcknowledged: true)]
            content.apply(.user(UInt64(id), user))
        }
        return content
    }

    /// Time as the fleet has it; where that begins is of no interest to a firmware.
    private var moment: Moment {
        let elapsed = elapsed()
        return Moment(elapsed: elapsed, time: UnixTime(milliseconds: elapsed.milliseconds))
    }

    /// A new connection: what the firmware would register itself with.
    func connected(clock: WallTime) -> String {
        brain.withLock { brain in
            brain.link = .dialling
            brain.setClock(to: clock, at: moment)
            brain.connected(at: moment)
            _ = brain.takeEffects()
            return brain.deviceInfo(at: moment).json
        }
    }

    /// Punches that people made.
    func remember(_ records: [SimulatedRecord]) {
        brain.withLock { brain in
            for record in records {
                guard let person = UInt64(record.enrollID.bare), let time = WallTime(record.time) else {
                    continue
                }
                brain.remember(
                    StoredLog(
                        person: person, time: time, mode: record.mode, inOut: record.inOut,
                        event: record.event),
                    at: moment)
            }
            _ = brain.takeEffects()
        }
    }

    /// The oldest `count` of them are acknowledged.
    func acknowledged(_ count: Int) {
        brain.withLock { brain in
            brain.content.logs.markDelivered(brain.content.logs.undelivered().prefix(count))
        }
    }

    /// What it says to a command, and whether it drops the connection after it.
    func answers(to command: ServerMessage) -> (texts: [String], hangsUp: Bool) {
        brain.withLock { brain in
            brain.received(command.text, at: moment)
            var answers = (texts: [String](), hangsUp: false)
            for effect in brain.takeEffects() {
                switch effect {
                case .send(let text): answers.texts.append(text)
                case .hangUp, .abandon: answers.hangsUp = true
                default: break
                }
            }
            return answers
        }
    }
}
