/// What we answer to a terminal, as strict JSON with the keys exactly as the vendor spells them.
///
/// Numbers are numbers, there is no byte order mark and no line break, and nothing of the terminal's photos or templates
/// is ever echoed. Source: docs/protocol.md §5 and §9.
package enum Reply: Hashable, Sendable {
    /// `reg` accepted. `cloudTime` sets the terminal's clock and must be its own wall time; nil leaves the clock alone.
    /// `noSendUser` true asks the terminal not to push its users.
    case registered(cloudTime: WallTime?, noSendUser: Bool)
    /// `reg` refused. The reason is shown on the terminal's screen; it tries again after about 20 s.
    case registrationRefused(reason: String)
    /// The records are stored: the terminal may forget them. `count` and `logIndex` are echoes (quirk Q1).
    case logStored(word: String, count: Int64, logIndex: Int64?, cloudTime: WallTime?, approval: Approval?)
    /// The records are not stored: the terminal keeps them and sends them again.
    case logRefused(word: String, reason: Reason)
    /// As `logRefused` with the general reason, to a terminal that asks before it opens: nobody may pass.
    case logRefusedShut(word: String, approval: Approval)
    /// The answer to a code or PIN (§5.4). `name` is shown; `enrollID` only where it is a number.
    case code(word: String, serial: SerialNumber, approval: Approval, enrollID: EnrollID?, name: String?)
    /// Done, or at least taken note of.
    case done(word: String, cloudTime: WallTime?, enrollID: Int64?, backupNumber: Int64?)
    /// No. With `keepsDoorShut` the terminal also learns that nobody may pass.
    case declined(word: String, keepsDoorShut: Bool)
    /// What came was no JSON object (§9.11, §9.21).
    case unreadable

    /// The answer for a terminal that asks before it opens (§5.2).
    package struct Approval: Hashable, Sendable {
        package var opens: Bool
        /// Shown on the screen.
        package var message: String?

        package init(opens: Bool, message: String? = nil) {
            self.opens = opens
            self.message = message
        }
    }

    package enum Reason: Hashable, Sendable {
        /// The vendor's own codes, §6.8; 1 is the general one.
        case code(Int64)
        case text(String)
    }

    /// Appends the message to `output`.
    package func encode(into output: inout [UInt8]) {
        switch self {
        case .registered(let cloudTime, let noSendUser):
            output.open("reg", result: true)
            output.append(cloudTime: cloudTime)
            output.append(key: ",\"nosenduser\":")
            output.append(bool: noSendUser)
        case .registrationRefused(let reason):
            output.open("reg", result: false)
            output.append(key: ",\"reason\":")
            output.append(jsonString: reason)
        case .logStored(let word, let count, let logIndex, let cloudTime, let approval):
            output.open(word, result: true)
            output.append(key: ",\"count\":", number: count)
            output.append(key: ",\"logindex\":", number: logIndex)
            // Newer firmware sends a log again without it, older firmware ignores it (§5.2).
            output.append(key: ",\"mark\":true")
            output.append(cloudTime: cloudTime)
            if let approval { output.append(approval) }
        case .logRefusedShut(let word, let approval):
            output.open(word, result: false)
            output.append(key: ",\"reason\":", number: 1)
            output.append(Approval(opens: false, message: approval.message))
        case .code(let word, let serial, let approval, let enrollID, let name):
            output.open(word, result: approval.opens)
            output.append(key: ",\"sn\":")
            output.append(jsonString: serial.text)
            output.append(approval)
            output.append(key: ",\"enrollid\":", number: enrollID.flatMap { Int64($0.canonical) })
            if let name, !name.isEmpty {
                output.append(key: ",\"username\":")
                output.append(jsonString: name)
            }
        case .logRefused(let word, let reason):
            output.open(word, result: false)
            switch reason {
            case .code(let code):
                output.append(key: ",\"reason\":", number: code)
            case .text(let text):
                output.append(key: ",\"reason\":")
                output.append(jsonString: text)
            }
        case .done(let word, let cloudTime, let enrollID, let backupNumber):
            output.open(word, result: true)
            output.append(key: ",\"enrollid\":", number: enrollID)
            output.append(key: ",\"backupnum\":", number: backupNumber)
            output.append(cloudTime: cloudTime)
        case .declined(let word, let keepsDoorShut):
            output.open(word, result: false)
            if keepsDoorShut { output.append(key: ",\"access\":", number: 0) }
        case .unreadable:
            output.open("error", result: false)
            output.append(key: ",\"reason\":")
            output.append(jsonString: "Invalid JSON format")
        }
        output.append(.closeBrace)
    }

    /// The message as bytes of its own.
    package var encoded: [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(128)
        encode(into: &output)
        return output
    }
}

extension Reply {
    /// The word under which a list of records is answered: the terminal's own, except that a pull sent as if the
    /// terminal had asked is answered as the older service did (§9.1 c).
    package static func word(for log: LogMessage) -> String {
        switch log.word {
        case "getnewlog", "getalllog": "sendlog"
        default: log.word
        }
    }

    /// The acknowledgement of a list of records that is stored.
    package static func stored(_ log: LogMessage, cloudTime: WallTime?, approval: Approval? = nil) -> Reply {
        .logStored(
            word: word(for: log), count: log.count ?? Int64(log.records.count), logIndex: log.logIndex,
            cloudTime: cloudTime, approval: approval)
    }

    /// The answer to a message without records (§9.2).
    package static func noRecords(_ log: LogMessage) -> Reply {
        .logRefused(word: word(for: log), reason: .text("No records provided"))
    }

    /// The answer to a request that carries no records; nil where none is due (§5.3 to §5.5, §9.13).
    ///
    /// A code or PIN that nobody looks at lets nobody in: a door that stays shut is the harmless mistake.
    package static func answer(to request: Request, cloudTime: WallTime?) -> Reply? {
        switch request.word {
        case "sendgps":
            nil
        case "sendqrcode", "sendpin":
            .declined(word: request.word, keepsDoorShut: true)
        case "otacheck", "otaget", "talkcall", "vicheckonline":
            .declined(word: request.word, keepsDoorShut: false)
        case "senduser":
            .done(
                word: request.word, cloudTime: cloudTime, enrollID: request.enrollID,
                backupNumber: request.backupNumber)
        default:
            .done(word: request.word, cloudTime: cloudTime, enrollID: nil, backupNumber: nil)
        }
    }
}

extension [UInt8] {
    fileprivate mutating func open(_ word: String, result: Bool) {
        append(key: "{\"ret\":")
        append(jsonString: word)
        append(key: ",\"result\":")
        append(bool: result)
    }

    fileprivate mutating func append(key: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount))
    }

    fileprivate mutating func append(bool: Bool) { append(key: bool ? "true" : "false") }

    fileprivate mutating func append(_ approval: Reply.Approval) {
        append(key: ",\"access\":", number: approval.opens ? 1 : 0)
        if let message = approval.message {
            append(key: ",\"message\":")
            append(jsonString: message)
        }
    }

    /// Nothing at all without a number.
    fileprivate mutating func append(key: StaticString, number: Int64?) {
        guard let number else { return }
        append(key: key)
        append(contentsOf: String(number).utf8)
    }

    fileprivate mutating func append(cloudTime: WallTime?) {
        guard let cloudTime else { return }
        append(key: ",\"cloudtime\":\"")
        append(contentsOf: cloudTime.description.utf8)
        append(.quote)
    }
}
