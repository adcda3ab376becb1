import AttendanceCore
import Synchronization

/// Which terminals are connected now: at most one live connection per serial, the newest.
package final class Presence: Sendable {
    package struct Entry: Sendable {
        package let serial: SerialNumber
        package let connection: Int64
        package let address: String
        package let since: UnixTime
        let pulse: TerminalPulse
        /// The way to the terminal.
        let line: any TerminalLine

        /// How the terminal fares by this connection alone.
        package var figures: TerminalFigures { pulse.figures(of: serial, isConnected: true) }
    }

    fileprivate struct State {
        var entries: [SerialNumber: Entry] = [:]
        /// The last that was known of terminals when they went, not yet taken.
        var gone: [SerialNumber: TerminalFigures] = [:]
    }

    /// Beyond so many that nobody takes, the last figures of further ones are dropped: a flood of invented serials
    /// while the disk is full. What is lost by it is a minute of what was known anyway.
    fileprivate static let maximumGone = 50_000

    private let state = Mutex(State())
    /// Rung when a terminal has gone; for the one who takes `departures`.
    let goings: AsyncStream<Void>
    private let bell: AsyncStream<Void>.Continuation

    package init() { (goings, bell) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    /// Terminals that have registered and are still connected.
    package var count: Int { state.withLock { $0.entries.count } }

    package var connected: [Entry] { state.withLock { Array($0.entries.values) } }

    package func entry(of serial: SerialNumber) -> Entry? { state.withLock { $0.entries[serial] } }

    /// Makes a connection the one of its serial. Returns the one it replaced, which has been told to close.
    ///
    /// `connection` numbers grow with time. One that is older than the one that stands does not come back, but is
    /// itself told to close: it may have waited for a commit with a `reg` still unread, while its terminal has long
    /// connected anew.
    func arrive(
        _ serial: SerialNumber, connection: Int64, address: String, at now: UnixTime, pulse: TerminalPulse,
        line: any TerminalLine
    ) -> Entry? {
        let entry = Entry(
            serial: serial, connection: connection, address: address, since: now, pulse: pulse,
            line: line)
        let loser = state.withLock { state -> Entry? in
            let previous = state.entries[serial]
            if let previous, previous.connection >= connection {
                return previous.connection > connection ? entry : nil
            }
            state.entries[serial] = entry
            if let previous { state.remember(previous) }
            return previous
        }
        loser?.line.replaced()
        // What was sent by it is not waited for until a dead line is found to be dead.
        loser?.pulse.dropCommands()
        return loser?.connection == connection ? nil : loser
    }

    /// Ends a terminal's connection. False when it has none.
    package func dismiss(_ serial: SerialNumber) -> Bool {
        guard let entry = entry(of: serial) else { return false }
        entry.line.replaced()
        return true
    }

    /// Forgets a connection that ended, unless a newer one has taken its place.
    func leave(_ serial: SerialNumber, connection: Int64) {
        let hasGone = state.withLock { state -> Bool in
            guard let entry = state.entries[serial], entry.connection == connection else { return false }
            state.entries[serial] = nil
            state.remember(entry)
            return true
        }
        if hasGone { bell.yield() }
    }

    /// What was last known of terminals that went since this was last asked.
    func departures() -> [TerminalFigures] {
        state.withLock { state in
            defer { state.gone.removeAll() }
            return Array(state.gone.values)
        }
    }
}

extension Presence.State {
    mutating func remember(_ entry: Presence.Entry) {
        guard gone.count < Presence.maximumGone || gone[entry.serial] != nil else { return }
        var figures = entry.pulse.figures(of: entry.serial, isConnected: false)
        // The one before it may have gone unnoticed meanwhile.
        if let earlier = gone[entry.serial]?.completeUntil {
            figures.completeUntil = max(earlier, figures.completeUntil ?? earlier)
        }
        gone[entry.serial] = figures
    }
}
