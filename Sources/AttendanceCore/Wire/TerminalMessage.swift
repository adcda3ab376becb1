/// One message of a terminal, in the vendor's words. What it asks for and how it is answered: docs/protocol.md §5, §9.
package enum TerminalMessage: Hashable, Sendable {
    /// `cmd: "reg"`.
    case registration(Registration)
    /// A list of log records: `sendlog` and its synonyms, or a page of a pull under `getnewlog`/`getalllog`.
    case log(LogMessage)
    /// Any other `cmd`.
    case request(Request)
    /// `ret`: the answer to something we asked.
    case answer(Answer)
    /// An object with neither `cmd` nor `ret`: not answered (§9.12).
    case wordless
    /// Not meant to be read: empty, blanks, or at most 4 bytes ending in NUL. Ignored silently (§3.3).
    case junk
}

/// `reg`: the terminal introduces itself.
package struct Registration: Hashable, Sendable {
    /// Nil when missing, empty or unusable as a serial number.
    package var serial: SerialNumber?
    package var model: String?
    package var firmware: String?
    /// `usednewlog`: logs that no server has acknowledged.
    package var backlog: Int64?
    /// The terminal's clock as it introduced itself; nil when missing or no real time.
    package var clock: WallTime?
    /// `devinfo`, or the same keys at top level, as strict JSON; nil when there were none.
    package var deviceInfo: String?

    package init(
        serial: SerialNumber? = nil, model: String? = nil, firmware: String? = nil, backlog: Int64? = nil,
        clock: WallTime? = nil, deviceInfo: String? = nil
    ) {
        self.serial = serial
        self.model = model
        self.firmware = firmware
        self.backlog = backlog
        self.clock = clock
        self.deviceInfo = deviceInfo
    }
}

/// A message that carries log records.
package struct LogMessage: Hashable, Sendable {
    /// Whether the word stood under `cmd` or under `ret`.
    package enum Key: Hashable, Sendable { case cmd, ret }
    /// What stood under `record`.
    package enum List: Hashable, Sendable {
        /// No `record`, `null`, or something that is no list and no object.
        case missing
        case empty
        case records
    }
    package var key: Key
    /// The command word, trimmed, in lower case: `sendlog`, `sendrtlog`, `rtlog`, `pushlog`, `getnewlog`, `getalllog`.
    package var word: String
    package var serial: SerialNumber?
    /// `count` as the terminal sent it, number or numeric string; nil when missing or no number.
    package var count: Int64?
    package var logIndex: Int64?
    package var list: List
    package var records: [LogRecord]
    /// `from`, `to` and `result` of a page of a pull.
    package var from: Int64?
    package var to: Int64?
    package var result: Bool?

    package init(
        key: Key = .cmd, word: String = "sendlog", serial: SerialNumber? = nil, count: Int64? = nil,
        logIndex: Int64? = nil, list: List = .missing, records: [LogRecord] = [], from: Int64? = nil,
        to: Int64? = nil, result: Bool? = nil
    ) {
        self.key = key
        self.word = word
        self.serial = serial
        self.count = count
        self.logIndex = logIndex
        self.list = list
        self.records = records
        self.from = from
        self.to = to
        self.result = result
    }
}

/// One entry of `record`, read as far as it could be. `Intake` decides what it becomes.
package struct LogRecord: Hashable, Sendable {
    package enum Time: Hashable, Sendable {
        case missing
        case valid(WallTime)
        /// What stood there instead, at most 64 characters.
        case invalid(String)
    }
    /// Digits of a number, or the text; nil when missing or of another kind, for a number that is negative, not
    /// whole or enormous, and for text that is no UTF-8 (two such ids could not be told apart).
    package var enrollID: String?
    package var alias: String?
    package var name: String?
    package var time: Time
    package var mode: Int64?
    package var inOut: Int64?
    package var event: Int64?
    package var verifyMode: Int64?
    /// Hundredths of a degree, scale repaired (quirk Q15); nil for 0 and nonsense.
    package var temperature: Int?
    /// The record's bytes within the message.
    package var raw: Range<Int>
    /// The bytes of each value that must not be stored in clear (quotes included) within the message, in order: photos
    /// above all, and templates, PINs and card numbers where a firmware adds them. A repeated key gives several.
    package var images: [Range<Int>]
    /// Of these the photo of the punch: the last value under `image` that is a string.
    package var photo: Range<Int>?
    /// False when the entry was no object at all (a number, a string, null).
    package var isObject: Bool

    package init(
        enrollID: String? = nil, alias: String? = nil, name: String? = nil, time: Time = .missing,
        mode: Int64? = nil, inOut: Int64? = nil, event: Int64? = nil, verifyMode: Int64? = nil,
        temperature: Int? = nil, raw: Range<Int> = 0..<0, images: [Range<Int>] = [], photo: Range<Int>? = nil,
        isObject: Bool = true
    ) {
        self.enrollID = enrollID
        self.alias = alias
        self.name = name
        self.time = time
        self.mode = mode
        self.inOut = inOut
        self.event = event
        self.verifyMode = verifyMode
        self.temperature = temperature
        self.raw = raw
        self.images = images
        self.photo = photo
        self.isObject = isObject
    }
}

/// A request of the terminal that carries no log records: `senduser`, `checklive`, `sendqrcode`, anything unknown.
package struct Request: Hashable, Sendable {
    /// Trimmed, lower case, at most 64 characters.
    package var word: String
    package var serial: SerialNumber?
    /// For `senduser`: echoed in the answer where present.
    package var enrollID: Int64?
    package var backupNumber: Int64?

    package init(
        word: String, serial: SerialNumber? = nil, enrollID: Int64? = nil, backupNumber: Int64? = nil
    ) {
        self.word = word
        self.serial = serial
        self.enrollID = enrollID
        self.backupNumber = backupNumber
    }
}

/// An answer to something we asked.
package struct Answer: Hashable, Sendable {
    package var word: String
    package var serial: SerialNumber?
    package var result: Bool?
    /// `reason` (number or text) and `msg`, as text.
    package var reason: String?
    package var message: String?

    package init(
        word: String, serial: SerialNumber? = nil, result: Bool? = nil, reason: String? = nil,
        message: String? = nil
    ) {
        self.word = word
        self.serial = serial
        self.result = result
        self.reason = reason
        self.message = message
    }
}

/// Why a message could not be read at all. The answer is that of docs/protocol.md §9.11, and the bytes are kept.
package enum FrameError: Error, Hashable, Sendable {
    /// Not JSON even after the repairs of §4. `offset` is where reading stopped.
    case notJSON(offset: Int, expected: String)
    /// JSON, but no object (§9.21).
    case notAnObject
    /// Objects or arrays nested deeper than the decoder's `maximumDepth`.
    case tooDeep
    /// Bytes that are no UTF-8 where they are not forgiven: the connection is closed with code 1007. They are forgiven
    /// inside a string value, names above all, as long as the message can be read; never in a key, in `cmd`, `ret` or
    /// `sn`, outside strings, or in a message that cannot be read. `offset` is that of the first such byte.
    case notUTF8(offset: Int)
}
