/// What a record of a terminal's log is about.
package enum PunchKind: Int, Sendable, CaseIterable {
    /// A person: the only kind that is forwarded.
    case person = 0
    /// A face the terminal did not know (enroll id 99999999).
    case stranger = 1
    /// The door or the device itself (enroll id 0); `event` says what happened. Source: docs/protocol.md §6.4.
    case doorEvent = 2
}

/// Why a punch's time is not believed. Such a punch is kept and acknowledged, and not forwarded.
package enum TimeDoubt: Int, Sendable, CaseIterable {
    case none = 0
    /// Before the earliest plausible day (2010 unless set otherwise): the clock was lost.
    case tooOld = 1
    /// Further ahead of our clock than the tolerance: the clock or its zone is wrong.
    case inFuture = 2

    package var isDoubtful: Bool { self != .none }
}

/// One person recognised by one terminal at one moment, or what the terminal reports in the same list: a stranger,
/// a door event.
///
/// Everything here is frozen at intake; corrections are new facts elsewhere. Identity is (terminal, enroll id, time),
/// for door events also the event: `mode`, `name` and the rest may differ between repeats of one punch (quirk Q4).
package struct Punch: Hashable, Sendable {
    package var enrollID: EnrollID
    /// Alphanumeric employee code that some firmwares send beside the number; the better person key where present.
    package var alias: String?
    /// As the terminal sent it, broken UTF-8 replaced; nil when missing or empty.
    package var name: String?
    /// The terminal's own clock.
    package var time: WallTime
    /// IANA zone the terminal was configured with when the punch arrived.
    package var zone: String
    /// `time` in `zone`, as seconds since 1970 UTC, by the rule of `ZoneRules`.
    package var instant: Int64
    package var kind: PunchKind
    package var doubt: TimeDoubt
    /// Raw codes, never interpreted here: their tables clash between firmwares (docs/protocol.md §6.2 to §6.4).
    package var mode: Int64?
    package var inOut: Int64?
    package var event: Int64?
    package var verifyMode: Int64?
    /// Body temperature in hundredths of a degree Celsius, quirk Q15.
    package var temperature: Int?
    /// Where the record's own text lies in `IntakeBatch.raw`, photo removed unless photos are kept.
    package var raw: Range<Int>

    package init(
        enrollID: EnrollID, alias: String? = nil, name: String? = nil, time: WallTime, zone: String,
        instant: Int64,
        kind: PunchKind, doubt: TimeDoubt = .none, mode: Int64? = nil, inOut: Int64? = nil,
        event: Int64? = nil,
        verifyMode: Int64? = nil, temperature: Int? = nil, raw: Range<Int>
    ) {
        self.enrollID = enrollID
        self.alias = alias
        self.name = name
        self.time = time
        self.zone = zone
        self.instant = instant
        self.kind = kind
        self.doubt = doubt
        self.mode = mode
        self.inOut = inOut
        self.event = event
        self.verifyMode = verifyMode
        self.temperature = temperature
        self.raw = raw
    }

    /// Whether sinks are owed this punch.
    package var isForwarded: Bool { kind == .person && !doubt.isDoubtful }

    /// The event where it is part of the identity (door events), -1 elsewhere.
    package var identityEvent: Int64 { kind == .doorEvent ? event ?? 0 : -1 }
}

/// A record or message that could not become a punch, kept as it came.
package struct QuarantinedRecord: Hashable, Sendable {
    /// One sentence for the operator, naming the field.
    package var reason: String
    /// Where its text lies in `IntakeBatch.raw`.
    package var raw: Range<Int>

    package init(reason: String, raw: Range<Int>) {
        self.reason = reason
        self.raw = raw
    }
}

/// What one message of a terminal asks the journal to keep: all of it in one commit, or none.
package struct IntakeBatch: Hashable, Sendable {
    package var terminal: SerialNumber
    /// Number of the connection within this run of the gateway, as it stands in the log.
    package var connection: Int64
    package var received: UnixTime
    /// The raw texts of all records, one after the other.
    package var raw: [UInt8]
    package var punches: [Punch]
    package var quarantined: [QuarantinedRecord]
    /// Photos of punches, as they came. Secret: only sealed are they stored.
    package var photos: [PunchPhoto] = []
    /// What the journal keeps of them.
    package var sealedPhotos: [SealedPunchPhoto] = []
    /// Sinks this terminal's punches are owed to, of those that are known; nil means all of them.
    package var sinks: Set<SinkName>?
    /// Whether its terminal waits for approval: unless the journal knows it to be approved by then, the punches are owed
    /// to nobody and become so, in their order, once it is approved.
    package var isHeld: Bool

    package init(
        terminal: SerialNumber, connection: Int64, received: UnixTime, raw: [UInt8] = [],
        punches: [Punch] = [],
        quarantined: [QuarantinedRecord] = [], sinks: Set<SinkName>? = nil, isHeld: Bool = false
    ) {
        self.sinks = sinks
        self.isHeld = isHeld
        self.terminal = terminal
        self.connection = connection
        self.received = received
        self.raw = raw
        self.punches = punches
        self.quarantined = quarantined
    }
}

/// The photo that a terminal took with a punch. Secret.
package struct PunchPhoto: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    /// Index in `IntakeBatch.punches`.
    package var punch: Int
    /// What stood between the quotes: base64, with or without prefix.
    package var text: [UInt8]

    package init(punch: Int, text: [UInt8]) {
        self.punch = punch
        self.text = text
    }

    package var description: String { "photo of \(text.count) characters" }
    package var customMirror: Mirror { Mirror(self, children: ["punch": punch]) }
}

/// A photo that only the vault can open.
package struct SealedPunchPhoto: Hashable, Sendable {
    /// Index in `IntakeBatch.punches`.
    package var punch: Int
    /// Bytes of the JPEG.
    package var size: Int
    package var sealed: [UInt8]

    package init(punch: Int, size: Int, sealed: [UInt8]) {
        self.punch = punch
        self.size = size
        self.sealed = sealed
    }
}

/// What became of a batch, known only after the commit that holds it.
package struct IntakeReceipt: Hashable, Sendable {
    /// Punches that were new.
    package var stored: Int
    /// Punches that the journal already had.
    package var repeated: Int
    /// Records in quarantine, new or already there.
    package var quarantined: Int
    /// Of the stored ones, how many are owed to sinks.
    package var owed: Int
    /// Of the stored ones, how many wait for their terminal's approval.
    package var held: Int

    package init(stored: Int = 0, repeated: Int = 0, quarantined: Int = 0, owed: Int = 0, held: Int = 0) {
        self.held = held
        self.stored = stored
        self.repeated = repeated
        self.quarantined = quarantined
        self.owed = owed
    }
}
