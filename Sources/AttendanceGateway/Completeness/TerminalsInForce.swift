import AttendanceCore
import AttendanceDelivery
import Synchronization

/// The settings of terminals as they are in force now: some of them change while the gateway runs.
final class TerminalsInForce: Sendable {
    private let value: Mutex<Settings.Terminals>

    init(_ terminals: Settings.Terminals) { value = Mutex(terminals) }

    var now: Settings.Terminals { value.withLock { $0 } }
    func take(_ terminals: Settings.Terminals) { value.withLock { $0 = terminals } }
}

extension Settings.Terminals {
    /// What the operator calls a terminal, in a sentence.
    func title(of serial: SerialNumber) -> String {
        name(of: serial).map { "\($0) (\(serial))" } ?? serial.text
    }

    /// Whether the file has a section of its own for the terminal.
    func isNamed(_ serial: SerialNumber) -> Bool { overrides[serial] != nil }

    /// Those that the file names, heard of or not, and those that were heard of not too long ago. A terminal that was
    /// taken away must not hold a shift back for ever; one that the file names may.
    func expected(
        of figures: [SerialNumber: TerminalFigures], at now: UnixTime
    ) -> [SerialNumber: TerminalFigures] {
        var all = figures.filter { isNamed($0.key) || $0.value.isRemembered(at: now) }
        for serial in overrides.keys where all[serial] == nil {
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
