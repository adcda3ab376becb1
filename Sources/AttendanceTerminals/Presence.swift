import AttendanceCore
import Synchronization

/// Which terminals are connected now: at most one live connection per serial, the newest.
package final class Presence: Sendable {
    package struct Entry: Sendable {
        package let serial: SerialNumber
        package let connection: Int64
        package let address: String
        package let since: UnixTime
        /// Ends the connection; called when another one registers with the same serial.
        fileprivate let replace: @Sendable () -> Void
    }

    private let entries = Mutex<[SerialNumber: Entry]>([:])

    package init() {}

    /// Terminals that have registered and are still connected.
    package var count: Int { entries.withLock { $0.count } }

    package var connected: [Entry] { entries.withLock { Array($0.values) } }

    /// Makes a connection the one of its serial. Returns the one it replaced, which has been told to close.
    ///
    /// `connection` numbers grow with time. One that is older than the one that stands does not come back, but is
    /// itself told to close: it may have waited for a commit with a `reg` still unread, while its terminal has long
    /// connected anew.
    func arrive(
        _ serial: SerialNumber, connection: Int64, address: String, at now: UnixTime,
        replace: @escaping @Sendable () -> Void
    ) -> Entry? {
        let entry = Entry(
            serial: serial, connection: connection, address: address, since: now, replace: replace)
        let loser = entries.withLock { entries -> Entry? in
            let previous = entries[serial]
            if let previous, previous.connection >= connection {
                return previous.connection > connection ? entry : nil
            }
            entries[serial] = entry
            return previous
        }
        loser?.replace()
        return loser?.connection == connection ? nil : loser
    }

    /// Forgets a connection that ended, unless a newer one has taken its place.
    func leave(_ serial: SerialNumber, connection: Int64) {
        entries.withLock { entries in
            if entries[serial]?.connection == connection { entries[serial] = nil }
        }
    }
}
