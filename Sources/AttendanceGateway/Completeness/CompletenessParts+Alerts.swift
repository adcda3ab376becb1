import AttendanceCore

/// What alert rules look at, of terminals and shifts. Never waits.
extension Completeness {
    /// Every terminal that the settings name or that was heard of within 31 days. One whose zone cannot be told is
    /// left out: the loader has checked every zone.
    package func alertTerminals() -> [AlertSnapshot.Terminal] {
        let settings = settingsOfTerminals
        var zones: [String: ZoneRules] = [:]
        return figures().compactMap { figures, name in
            let identifier = settings.timeZone(of: figures.serial)
            guard let zone = zones[identifier] ?? ZoneRules(identifier: identifier) else { return nil }
            zones[identifier] = zone
            return AlertSnapshot.Terminal(
                serial: figures.serial, name: name, zone: zone, isConnected: figures.isConnected,
                lastHeard: figures.lastHeard, skewSeconds: figures.skew, memories: figures.currentFills,
                resends: figures.resends)
        }
    }

    /// Shifts that have ended and wait for terminals.
    package func alertShifts() -> [AlertSnapshot.Shift] {
        standings().compactMap { standing in
            standing.openEnd.map { end in
                AlertSnapshot.Shift(
                    name: standing.shift, ended: end.at, waitsFor: standing.waitingFor(end).map(\.title))
            }
        }
    }
}

extension TerminalFigures {
    /// As told at its registration, except for what has come since.
    fileprivate var currentFills: [MemoryFill]? {
        fills?.map { fill in
            guard fill.content == .logs, let backlog else { return fill }
            return MemoryFill(.logs, used: backlog, capacity: fill.capacity) ?? fill
        }
    }
}
