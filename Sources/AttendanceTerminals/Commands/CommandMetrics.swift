import AttendanceCore
import Metrics

/// The commands' side of `/metrics`; what waits now is told by `CommandDesk.standing`.
struct CommandMetrics: Sendable {
    private let states: [CommandState: Counter]
    let sent = Counter(label: "gateway_commands_sent_total")
    let duration = Timer(label: "gateway_command_seconds")

    init() {
        states = Dictionary(
            uniqueKeysWithValues: CommandState.allCases.filter(\.isFinal).map {
                ($0, Counter(label: "gateway_commands_ended_total", dimensions: [("state", "\($0)")]))
            })
    }

    func ended(_ state: CommandState) { states[state]?.increment() }
}
