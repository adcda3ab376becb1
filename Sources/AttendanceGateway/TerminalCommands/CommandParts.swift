import AttendanceCore
import AttendanceStore
import AttendanceTerminals
import AttendanceWeb
import Synchronization

/// What the gateway is made of to give commands to terminals.
extension Gateway {
    var commandRoutes: CommandRoutes {
        CommandRoutes(
            send: { [store, commands, terminalsInForce, commandSettings, now = surroundings.now] order in
                let office = CommandOffice(terminals: terminalsInForce.now, commands: commandSettings.now)
                return try await office.carryOut(order, in: store, at: now()) { new, author, isForced in
                    try await commands.order(new, by: author, isForced: isForced)
                }
            },
            cancel: { [commands] order in
                try await commands.cancel(CommandOffice.filter(of: order), by: Author(order.author))
            },
            standing: { [store] in
                let standing = try await store.commandStanding(longest: 100)
                return CommandStandingReport(
                    waiting: standing.waiting, inFlight: standing.sent, terminals: standing.terminals,
                    longest: standing.longest.map {
                        .init(serial: $0.serial.text, open: $0.open, oldest: $0.oldest.iso8601)
                    })
            })
    }
}

/// `[Commands]` as it is in force now.
final class CommandSettingsInForce: Sendable {
    private let value: Mutex<Settings.Commands>

    init(_ commands: Settings.Commands) { value = Mutex(commands) }

    var now: Settings.Commands { value.withLock { $0 } }
    func take(_ commands: Settings.Commands) { value.withLock { $0 = commands } }
}

extension Settings {
    var commandBounds: CommandDesk.Bounds {
        CommandDesk.Bounds(mostWaiting: commands.mostWaiting, keep: commands.keep)
    }

    /// Where the key of the vault lies.
    var vaultPath: String { store.keyFile }
}
