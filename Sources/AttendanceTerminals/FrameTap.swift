import AttendanceCore
import Synchronization

/// The messages of single terminals while somebody looks at them: a few, for a few minutes, in memory alone.
///
/// Off, it costs a connection one look at an atomic flag for each message. What nobody may read is masked as it is in
/// commands and logs, before anything of a message is kept; of what is no JSON only the size is kept.
package final class FrameTap: Sendable {
    /// A message of a terminal, or to one.
    package struct Frame: Hashable, Sendable {
        /// Counted over all terminals, from 1.
        package var number: Int
        package var at: UnixTime
        package var isFromTerminal: Bool
        /// Strict JSON with sorted keys, secrets left out, at most `longest` bytes; or what else it was, in words.
        package var text: String
        /// Of the message as it was sent.
        package var bytes: Int
    }

    /// Terminals that are looked at at one time.
    package static let mostTerminals = 20
    /// Of one terminal: messages, and bytes of their texts.
    package static let mostFrames = 200
    package static let mostBytes = 256 << 10
    /// Bytes of one text.
    package static let longest = 16 << 10
    /// A message larger than this is told by its size only.
    static let largest = 1 << 20
    /// Then it is off again.
    package static let lasting = Duration.seconds(600)

    private struct Watched {
        var until: UnixTime
        var frames: [Frame] = []
        var bytes = 0

        mutating func add(_ frame: Frame) {
            frames.append(frame)
            bytes += frame.text.utf8.count
            var gone = 0
            while frames.count - gone > mostFrames || bytes > mostBytes {
                bytes -= frames[gone].text.utf8.count
                gone += 1
            }
            frames.removeFirst(gone)
        }
    }
    private struct State {
        var watched: [SerialNumber: Watched] = [:]
        var last = 0
    }
    private let state = Mutex(State())
    private let isAnyWatched = Atomic(false)

    package init() {}

    // MARK: Whoever looks

    /// Keeps this terminal's messages for `lasting` from now on; again, for longer. False where too many are looked at.
    package func watch(_ serial: SerialNumber, at now: UnixTime) -> Bool {
        state.withLock { state in
            drop(&state, at: now)
            guard state.watched[serial] != nil || state.watched.count < Self.mostTerminals else {
                return false
            }
            state.watched[serial, default: Watched(until: now)].until = now + Self.lasting
            isAnyWatched.store(true, ordering: .relaxed)
            return true
        }
    }

    /// Forgets what was kept of it, too. False where it was not looked at.
    @discardableResult
    package func stop(_ serial: SerialNumber) -> Bool {
        state.withLock { state in
            let wasWatched = state.watched.removeValue(forKey: serial) != nil
            isAnyWatched.store(!state.watched.isEmpty, ordering: .relaxed)
            return wasWatched
        }
    }

    /// The oldest first; nil for a terminal that is not looked at.
    package func frames(of serial: SerialNumber, at now: UnixTime) -> (until: UnixTime, frames: [Frame])? {
        state.withLock { state in
            drop(&state, at: now)
            return state.watched[serial].map { ($0.until, $0.frames) }
        }
    }

    /// Messages that were ever kept: as long as it stays, there is nothing new.
    package var seen: Int { state.withLock { $0.last } }

    // MARK: Connections

    /// Whether `saw` is to be told at all.
    var isOn: Bool { isAnyWatched.load(ordering: .relaxed) }

    /// A whole message came from a terminal, or was sent to one.
    ///
    /// - Parameter serial: nil where the connection has not said who it is; then the message may.
    /// - Returns: whose it was.
    @discardableResult
    func saw(
        _ serial: SerialNumber?, isFromTerminal: Bool, _ bytes: UnsafeRawBufferPointer, at now: UnixTime
    ) -> SerialNumber? {
        if let serial, !isWatched(serial, at: now) { return serial }
        let value =
            bytes.count <= Self.largest ? JSONValue(parsing: String(decoding: bytes, as: UTF8.self)) : nil
        var owner = serial
        if owner == nil, case .object(let fields)? = value {
            owner = fields["sn"]?.plainText.flatMap { SerialNumber($0) }
        }
        guard let owner, serial != nil || isWatched(owner, at: now) else { return owner }
        let text = Self.text(of: value, bytes: bytes.count)
        state.withLock { state in
            guard state.watched[owner] != nil else { return }
            state.last += 1
            let frame = Frame(
                number: state.last, at: now, isFromTerminal: isFromTerminal, text: text, bytes: bytes.count)
            state.watched[owner]?.add(frame)
        }
        return owner
    }

    private func isWatched(_ serial: SerialNumber, at now: UnixTime) -> Bool {
        state.withLock { state in
            drop(&state, at: now)
            return state.watched[serial] != nil
        }
    }

    private func drop(_ state: inout State, at now: UnixTime) {
        let before = state.watched.count
        state.watched = state.watched.filter { now < $0.value.until }
        if state.watched.count != before, state.watched.isEmpty {
            isAnyWatched.store(false, ordering: .relaxed)
        }
    }

    private static func text(of value: JSONValue?, bytes: Int) -> String {
        guard let value else {
            return bytes > largest
                ? "\(bytes) bytes, too large to be shown" : "\(bytes) bytes that are no JSON"
        }
        let text = value.masked.strictText
        guard text.utf8.count > longest else { return text }
        return String(decoding: text.utf8.prefix(longest), as: UTF8.self) + " … cut"
    }
}
