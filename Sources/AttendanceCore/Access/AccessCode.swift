/// A code by which somebody may pass: a QR text that the gateway has signed, or a PIN.
package struct AccessCode: Hashable, Sendable {
    /// The numbers stand in the journal and never change.
    package enum Kind: Int, Codable, Hashable, Sendable, CaseIterable { case qr = 0, pin = 1 }
    package var kind: Kind
    package var person: PersonKey
    /// Shown on the screen; may be empty.
    package var name: String
    package var scope: Scope
    /// Holds from here…
    package var starts: UnixTime
    /// …to before here.
    package var ends: UnixTime
    /// So often.
    package var uses: Int

    /// Where it holds.
    package enum Scope: Hashable, Sendable {
        case terminal(SerialNumber)
        /// A `[Group NAME]`, compared without letter case.
        case group(String)
    }

    package static let longest = Duration.seconds(366 * 86_400)
    package static let mostUses = 100_000

    package init(
        kind: Kind, person: PersonKey, name: String = "", scope: Scope, starts: UnixTime, ends: UnixTime,
        uses: Int = 1
    ) {
        self.kind = kind
        self.person = person
        self.name = name
        self.scope = scope
        self.starts = starts
        self.ends = ends
        self.uses = uses
    }

    /// Why a code does not open.
    package enum Refusal: String, Hashable, Sendable {
        /// Nobody has issued it; or its signature is wrong.
        case unknown = "Code not known"
        case revoked = "Code revoked"
        case elsewhere = "Not for this door"
        case early = "Not yet valid"
        case late = "Expired"
        case used = "Already used"
        case inactive = "Not active"
        case throttled = "Too many tries"
        /// The journal or the key could not be asked.
        case unsure = "Cannot check now"
    }

    /// - `used`: how often it was.
    /// - `group`: of the terminal.
    package func refusal(
        at terminal: SerialNumber, of group: String?, used: Int, isRevoked: Bool, now: UnixTime
    ) -> Refusal? {
        if isRevoked { return .revoked }
        switch scope {
        case .terminal(let only): if only != terminal { return .elsewhere }
        case .group(let name): if group?.lowercased() != name.lowercased() { return .elsewhere }
        }
        if now < starts { return .early }
        if now >= ends { return .late }
        return used < uses ? nil : .used
    }

    // MARK: The QR text

    /// What is signed: everything the code says, each field behind its length, so that none can slip into the next.
    package func signed(nonce: String) -> [UInt8] {
        let scope =
            switch scope {
            case .terminal(let serial): ["terminal", serial.text]
            case .group(let name): ["group", name]
            }
        let fields =
            ["1", person.space, person.enrollID.canonical] + scope
            + [String(starts.milliseconds), String(ends.milliseconds), String(uses), nonce]
        return fields.flatMap { Array("\($0.utf8.count):".utf8) + Array($0.utf8) }
    }
}

/// What a terminal has read or somebody has typed. Secret.
package struct PresentedCode: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    package var kind: AccessCode.Kind
    package var text: String
    /// The word to answer under.
    package var word: String

    /// Longer ones are nobody's.
    package static let maximumLength = 512

    package init(kind: AccessCode.Kind, text: String, word: String) {
        self.kind = kind
        self.text = text
        self.word = word
    }

    package var description: String { "a \(kind == .qr ? "QR text" : "PIN")" }
    package var customMirror: Mirror { Mirror(self, children: [:]) }

    /// Reads `sendqrcode` and `sendpin`; nil for another word, or where nothing usable is in it.
    static func read(_ bytes: UnsafeRawBufferPointer, word: String) -> PresentedCode? {
        let kind: AccessCode.Kind
        switch word {
        case "sendqrcode": kind = .qr
        case "sendpin": kind = .pin
        default: return nil
        }
        guard bytes.count <= 8 * maximumLength,
            case .object(let fields)? = JSONValue(parsing: String(decoding: bytes, as: UTF8.self))
        else { return nil }
        let text: String
        switch fields[kind == .qr ? "record" : "pin"] ?? .null {
        case .text(let found): text = found.trimmingBlanks()
        case .integer(let number): text = String(number)
        default: return nil
        }
        guard !text.isEmpty, text.utf8.count <= maximumLength else { return nil }
        return PresentedCode(kind: kind, text: text, word: word)
    }
}

/// Against guessing: so many wrong codes at one terminal, and none is looked at for a while, longer each time.
///
/// Five wrong ones shut it for five minutes, the next five for ten, up to an hour; a right one forgives nothing, so that
/// nobody who has one can try others in between. All is forgotten a day after the last wrong one.
package struct GuessThrottle: Sendable {
    package static let tries = 5
    package static let pause = Duration.seconds(300)
    package static let longestPause = Duration.seconds(3600)
    package static let memory = Duration.seconds(86_400)
    /// Terminals that are remembered; beyond them the oldest is forgotten.
    package static let most = 10_000

    private struct Entry {
        var wrong = 0
        var pauses = 0
        var last: UnixTime
        var until: UnixTime?
    }
    private var entries: [SerialNumber: Entry] = [:]

    package init() {}

    /// Whether a code may be looked at.
    package func allows(_ terminal: SerialNumber, at now: UnixTime) -> Bool {
        guard let until = entries[terminal]?.until else { return true }
        return now >= until
    }

    /// A wrong code. True when the terminal is shut by it.
    package mutating func failed(_ terminal: SerialNumber, at now: UnixTime) -> Bool {
        if entries[terminal] == nil, entries.count >= Self.most {
            entries = entries.filter { now - $0.value.last < Self.memory }
            if entries.count >= Self.most, let oldest = entries.min(by: { $0.value.last < $1.value.last }) {
                entries[oldest.key] = nil
            }
        }
        var entry = entries[terminal] ?? Entry(last: now)
        if now - entry.last >= Self.memory { entry = Entry(last: now) }
        entry.last = now
        entry.wrong += 1
        defer { entries[terminal] = entry }
        guard entry.wrong >= Self.tries else { return false }
        entry.wrong = 0
        let pause = min(Self.longestPause, Self.pause * (1 << min(entry.pauses, 8)))
        entry.pauses += 1
        entry.until = now + pause
        return true
    }
}
