import AttendanceCore
import AttendanceDelivery
import AttendanceStore
import Synchronization

/// The settings of terminals as they are in force now: what the file says, and the registry where that says nothing.
/// Both change while the gateway runs.
final class TerminalsInForce: Sendable {
    private let value: Mutex<Settings.Terminals>
    private let registered: @Sendable () -> [SerialNumber: TerminalDetails]

    init(
        _ terminals: Settings.Terminals,
        registered: @escaping @Sendable () -> [SerialNumber: TerminalDetails] = { [:] }
    ) {
        value = Mutex(terminals)
        self.registered = registered
    }

    var now: Settings.Terminals {
        var terminals = file
        let said = registered()
        if !said.isEmpty { terminals.registered = said }
        return terminals
    }
    /// What the file alone says.
    var file: Settings.Terminals { value.withLock { $0 } }
    func take(_ terminals: Settings.Terminals) { value.withLock { $0 = terminals } }
}

extension Settings.Terminals {
    /// What the operator calls a terminal, in a sentence.
    func title(of serial: SerialNumber) -> String {
        name(of: serial).map { "\($0) (\(serial))" } ?? serial.text
    }

    /// Whether the file has a section of its own for the terminal.
    func isNamed(_ serial: SerialNumber) -> Bool { overrides[serial] != nil }

    /// With what the journal's registry says of terminals: for those who look beside a gateway or without one.
    func withRegistry(of journal: any JournalReading) async throws -> Settings.Terminals {
        var terminals = self
        var last: SerialNumber?
        repeat {
            let page = try await journal.terminals(after: last, limit: 1000)
            for record in page {
                let said = TerminalDetails(record)
                terminals.registered[record.serial] = said.isPlain ? nil : said
            }
            last = page.count == 1000 ? page.last?.serial : nil
        } while last != nil
        return terminals
    }

    /// Whether the terminal is one of ours: what an unknown or a blocked one does holds nobody up.
    func isServed(_ serial: SerialNumber) -> Bool {
        registered[serial].map { $0.standing == .approved } ?? true
    }

    /// Those that the file names, heard of or not, and those that were heard of not too long ago. A terminal that was
    /// taken away must not hold a shift back for ever; one that the file names may.
    func expected(
        of figures: [SerialNumber: TerminalFigures], at now: UnixTime
    ) -> [SerialNumber: TerminalFigures] {
        var all = figures.filter {
            isServed($0.key) && (isNamed($0.key) || $0.value.isRemembered(at: now))
        }
        for serial in overrides.keys where all[serial] == nil && isServed(serial) {
            all[serial] = TerminalFigures(serial: serial)
        }
        return all
    }

    /// The terminals whose punches go to a site and that name Shift Types.
    func mapped(
        to sink: SinkName, _ figures: [SerialNumber: TerminalFigures], at now: UnixTime
    ) -> [ShiftWatermarks.Terminal] {
        if allShifts.isEmpty { return [] }
        return expected(of: figures, at: now).values.compactMap { figures in
            let shifts = shifts(of: figures.serial)
            guard !shifts.isEmpty, sinks(of: figures.serial).contains(sink) else { return nil }
            return .init(figures: figures, title: title(of: figures.serial), shifts: shifts)
        }
    }
}
