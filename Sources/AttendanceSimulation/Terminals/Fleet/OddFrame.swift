import AttendanceCore

/// A batch written as some firmware writes it, not as the vendor's document says. Each has to be acknowledged like any
/// other. Source: docs/protocol.md §4, §7.
package enum OddFrame: String, CaseIterable, Sendable {
    /// `[…,]` and `{…,}` (Q12).
    case trailingComma
    case byteOrderMark
    case trailingNUL
    /// A name cut in the middle of a character (Q29).
    case brokenName
    /// `record` is the record, not a list (Q10). A batch of several stays a list.
    case objectForArray
    /// `"enrollid":"7"`, `"mode":"8"` (§4).
    case numbersAsText
    /// `"count":"3"` (Q11).
    case countAsText
    /// `" cmd "`, `" sendlog "` (Q13).
    case blanksInKeys
    /// One more record, whose time is none (Q17).
    case impossibleTime
    /// One more record: the door (Q8).
    case doorEvent
    /// One more record: an unknown face with a photo (Q9, Q14).
    case stranger
    /// The same message follows a text that nobody is meant to read (§3.3) and an object without `cmd` (§9.12); neither
    /// is answered.
    case chatter

    /// The frames to send, one text each. The last is the batch; `count` is the number to be echoed.
    package func frames(
        serial: String, logIndex: Int, records: [SimulatedRecord]
    ) -> (frames: [[UInt8]], count: Int) {
        var records = records
        let time = WallTime(records.last?.time ?? "") ?? WallTime(seconds: 1_700_000_000)
        switch self {
        case .impossibleTime:
            records.append(SimulatedRecord(enrollID: .number(1), time: "0000-00-00 00:00:00"))
        case .doorEvent: records.append(.door(event: 1, at: time))
        case .stranger: records.append(.stranger(at: time, photoBytes: 600))
        case .brokenName: records[0].name = "Jos\u{FFFD}"
        default: break
        }
        var list = records.map(\.json)
        if self == .numbersAsText { list = list.map(Self.quotingNumbers) }
        var text = TerminalWords.log(serial: serial, logIndex: logIndex, records: list)
        switch self {
        case .trailingComma: text = String(text.dropLast(3)) + ",},],}"
        case .objectForArray where list.count == 1:
            text = text.replacing("[{", with: "{").replacing("}]", with: "}")
        case .countAsText:
            text = text.replacing("\"count\":\(list.count)", with: "\"count\":\"\(list.count)\"")
        case .blanksInKeys: text = text.replacing("\"cmd\":\"sendlog\"", with: "\" cmd \":\" sendlog \"")
        default: break
        }
        var bytes = Array(text.utf8)
        switch self {
        case .byteOrderMark: bytes = [0xEF, 0xBB, 0xBF] + bytes
        case .trailingNUL: bytes.append(0)
        case .brokenName:
            // U+FFFD stood for the cut character: only its first two bytes are left.
            if let cut = bytes.firstIndex(of: 0xEF) { bytes.remove(at: cut + 2) }
        case .chatter: return ([[0x77, 0], Array("{\"note\":\"4g on\"}".utf8), bytes], list.count)
        default: break
        }
        return ([bytes], list.count)
    }

    /// `"mode":8` becomes `"mode":"8"`.
    private static func quotingNumbers(_ json: String) -> String {
        json.replacing(/":(\d+)([,}])/) { "\":\"\($0.1)\"\($0.2)" }
    }
}
