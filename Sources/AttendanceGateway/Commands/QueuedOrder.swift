import AttendanceCore
import AttendanceStore
import AttendanceTerminals
import AttendanceWeb

/// An order whose commands wait in terminals' queues: taken by the gateway that runs, else kept for the next one.
struct QueuedOrder {
    typealias Keep = ([NewCommand], _ by: Author, _ isForced: Bool) async throws -> [Int64]

    let receipt: CommandReceipt
    /// No gateway runs: nothing will come of it before one does.
    private(set) var isKeptOnly = false

    /// Ends the program with the reason where the order is refused.
    ///
    /// - `path`: that of the operation in the gateway that runs.
    /// - `carryOut`: the same operation on a journal that nobody else has open.
    init(
        _ order: some Encodable, path: String, settings: Settings,
        carryOut: (CommandOffice, SQLiteStore, UnixTime, Keep) async throws -> CommandReceipt
    ) async throws {
        var isKeptOnly = false
        do {
            receipt = try await JournalChange(settings: settings).run(path: path, order: order) { store in
                isKeptOnly = true
                let now = Gateway.Surroundings.systemTime()
                let terminals = try await settings.terminals.withRegistry(of: store)
                let office = CommandOffice(terminals: terminals, commands: settings.commands)
                return try await carryOut(office, store, now) { new, author, isForced in
                    try await CommandDesk.keep(
                        new, by: author, isForced: isForced, in: store,
                        sealing: CommandSealing(Vault(path: settings.vaultPath)), at: now,
                        mostWaiting: settings.commands.mostWaiting)
                }
            }
        } catch let error as CommandOrderRefusal {
            Screen.fail(error.text, code: 1)
        }
        self.isKeptOnly = isKeptOnly
        if isKeptOnly {
            Screen.note("no gateway is running; it is sent once one runs and the terminal is connected")
        }
    }
}
