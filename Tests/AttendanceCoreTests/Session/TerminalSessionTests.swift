import Testing

@testable import AttendanceCore

/// A session with a hand-moved clock, and what it says in plain text.
private struct Desk {
    var session: TerminalSession
    /// 2026-11-22 02:31:09 UTC, 08:01:09 in Kolkata.
    var now = UnixTime(seconds: 1_795_314_669)
    var policy: TerminalPolicy

    init(
        zone: String = "Asia/Kolkata", zones: [String: String] = [:], sendsClock: Bool = true,
        wantsUsers: Bool = false, allowed: [String] = []
    ) throws {
        let overrides = try zones.map {
            (try #require(SerialNumber($0.key)), try #require(ZoneRules(identifier: $0.value)))
        }
        policy = TerminalPolicy(
            defaultZone: try #require(ZoneRules(identifier: zone)),
            zones: Dictionary(uniqueKeysWithValues: overrides), sendsClock: sendsClock, wantsUsers: wantsUsers
        )
        let rules = AdmissionRules(serials: Set(allowed.compactMap { SerialNumber($0) }))
        session = TerminalSession(connection: 7, policy: policy) { rules.admits($0) }
    }

    mutating func hear(_ text: String) -> [TerminalSession.Action] { hear(Array(text.utf8)) }

    mutating func hear(_ bytes: [UInt8]) -> [TerminalSession.Action] {
        let policy = self.policy
        let now = self.now
        return bytes.withUnsafeBytes { session.received($0, at: now) { policy } }
    }

    /// All answers, storing taken to succeed (or to fail).
    mutating func answers(_ text: String, storing: Bool = true) -> [String] {
        Self.answers(hear(text), storing: storing)
    }

    static func answers(_ actions: [TerminalSession.Action], storing: Bool = true) -> [String] {
        actions.compactMap { action in
            switch action {
            case .reply(let reply): String(decoding: reply.encoded, as: UTF8.self)
            case .store(_, let followUp):
                (storing ? followUp.stored : followUp.notStored).map {
                    String(decoding: $0.encoded, as: UTF8.self)
                }
            default: nil
            }
        }
    }
}

extension [TerminalSession.Action] {
    fileprivate var stored: [IntakeBatch] {
        compactMap { if case .store(let batch, _) = $0 { batch } else { nil } }
    }
    fileprivate var notices: [TerminalSession.Notice] {
        compactMap { if case .notice(let notice) = $0 { notice } else { nil } }
    }
    fileprivate var endings: [TerminalSession.Ending] {
        compactMap { if case .close(let ending) = $0 { ending } else { nil } }
    }
}

private let punch = #"{"enrollid":7,"time":"2026-11-22 08:01:00","mode":8,"inout":0,"event":0}"#
private func log(_ records: String = punch, _ more: String = #","count":1,"logindex":0"#) -> String {
    #"{"cmd":"sendlog","sn":"ZX01"\#(more),"record":[\#(records)]}"#
}

@Suite struct `A terminal's session` {
    @Test func `answers reg at once, with the terminal's own wall time and no wish for users`() throws {
        var desk = try Desk()
        #expect(
            desk.answers(#"{"cmd":"reg","sn":"ZX01"}"#) == [
                #"{"ret":"reg","result":true,"cloudtime":"2026-11-22 08:01:09","nosenduser":true}"#
            ])
    }

    @Test func `gives each terminal the time of its own zone`() throws {
        var desk = try Desk(zones: ["zx02": "Asia/Dubai"])
        #expect(desk.answers(#"{"cmd":"reg","sn":"ZX02"}"#).first?.contains("2026-11-22 06:31:09") == true)
        #expect(desk.answers(#"{"cmd":"checklive"}"#).first?.contains("2026-11-22 06:31:09") == true)
    }

    @Test func `leaves the clock alone where that is set`() throws {
        var desk = try Desk(sendsClock: false, wantsUsers: true)
        #expect(
            desk.answers(#"{"cmd":"reg","sn":"ZX01"}"#) == [
                #"{"ret":"reg","result":true,"nosenduser":false}"#
            ])
        #expect(
            desk.answers(log()) == [#"{"ret":"sendlog","result":true,"count":1,"logindex":0,"mark":true}"#])
    }

    @Test func `refuses reg without a serial in the words of the older service`() throws {
        var desk = try Desk()
        #expect(
            desk.answers(#"{"cmd":"reg"}"#) == [
                #"{"ret":"reg","result":false,"reason":"Missing serial number"}"#
            ])
        #expect(desk.session.serial == nil)
    }

    @Test func `answers reg again on the same connection`() throws {
        var desk = try Desk()
        _ = desk.hear(#"{"cmd":"reg","sn":"ZX01"}"#)
        #expect(desk.answers(#"{"cmd":"reg","sn":"ZX01"}"#).count == 1)
    }

    @Test(arguments: [
        ("2026-11-22 08:01:09", 0), ("2026-11-22 08:02:10", 61), ("2026-11-22 07:01:09", -3600),
        ("2000-01-01 00:00:00", -848_649_669),
    ])
    func `measures the skew at reg`(clock: String, seconds: Int) throws {
        var desk = try Desk()
        let actions = desk.hear(#"{"cmd":"reg","sn":"ZX01","devinfo":{"time":"\#(clock)"}}"#)
        let skews = actions.compactMap { if case .register(_, _, let skew) = $0 { skew } else { nil } }
        #expect(skews == [seconds])
    }

    @Test func `acknowledges a batch only as what follows storing`() throws {
        var desk = try Desk()
        _ = desk.hear(#"{"cmd":"reg","sn":"ZX01"}"#)
        let actions = desk.hear(log())
        #expect(actions.count == 1)
        #expect(actions.stored.first?.punches.map(\.enrollID.sent) == ["7"])
        #expect(actions.stored.first?.connection == 7)
        #expect(
            Desk.answers(actions) == [
                #"{"ret":"sendlog","result":true,"count":1,"logindex":0,"mark":true,"cloudtime":"2026-11-22 08:01:09"}"#
            ])
        #expect(Desk.answers(actions, storing: false) == [#"{"ret":"sendlog","result":false,"reason":1}"#])
    }

    @Test(arguments: [
        ("", #""count":1"#), (#","count":3"#, #""count":3"#), (#","count":"4""#, #""count":4"#),
        (#","count":"many""#, #""count":1"#),
    ])
    func `echoes the terminal's own count and falls back to the number of records`(
        sent: String, echoed: String
    ) throws {
        var desk = try Desk()
        let answer = try #require(desk.answers(log(punch, sent)).first)
        #expect(answer.contains(echoed))
        #expect(!answer.contains("logindex"))
    }

    @Test(arguments: ["sendrtlog", "rtlog", "pushlog"])
    func `echoes the synonyms of sendlog in ret`(word: String) throws {
        var desk = try Desk()
        let text = #"{"cmd":"\#(word)","sn":"ZX01","record":[\#(punch)]}"#
        let actions = desk.hear(text)
        #expect(actions.stored.count == 1)
        #expect(Desk.answers(actions).first?.hasPrefix(#"{"ret":"\#(word)","result":true,"count":1"#) == true)
    }

    @Test(arguments: ["getalllog", "getnewlog"])
    func `takes a pull under cmd as the older service's clients send it, and one under ret without an answer`(
        word: String
    ) throws {
        var desk = try Desk()
        let asCommand = desk.hear(#"{"cmd":"\#(word)","record":[\#(punch)]}"#)
        #expect(asCommand.stored.count == 1)
        #expect(Desk.answers(asCommand).first?.hasPrefix(#"{"ret":"sendlog","result":true"#) == true)
        let asAnswer = desk.hear(
            #"{"ret":"\#(word)","result":true,"count":1,"from":0,"to":1,"record":[\#(punch)]}"#)
        #expect(asAnswer.stored.count == 1)
        #expect(Desk.answers(asAnswer).isEmpty)
    }

    @Test func `answers an empty batch false, and true when it comes again with the same logindex`() throws {
        var desk = try Desk()
        let empty = #"{"cmd":"sendlog","sn":"ZX01","count":0,"logindex":4,"record":[]}"#
        let refusal = #"{"ret":"sendlog","result":false,"reason":"No records provided"}"#
        #expect(desk.answers(empty) == [refusal])
        #expect(
            desk.answers(empty).first?.hasPrefix(#"{"ret":"sendlog","result":true,"count":0,"logindex":4"#)
                == true)
        #expect(desk.answers(empty) == [refusal])
        #expect(desk.answers(#"{"cmd":"sendlog"}"#) == [refusal])
        #expect(desk.answers(#"{"cmd":"sendlog"}"#) == [refusal])
    }

    @Test func `keeps one odd record aside and acknowledges the batch`() throws {
        var desk = try Desk()
        let actions = desk.hear(
            log(punch + #",{"enrollid":8,"time":"2026-13-45 99:99:99"},42"#, #","count":3"#))
        let batch = try #require(actions.stored.first)
        #expect(batch.punches.count == 1)
        #expect(batch.quarantined.count == 2)
        #expect(Desk.answers(actions).first?.contains(#""result":true"#) == true)
        #expect(actions.notices.count == 1)
    }

    @Test func `remarks on an unknown word once, and not on endlessly many`() throws {
        var desk = try Desk()
        let words = (1...100).map { "word\($0)" }
        var remarks = 0
        for word in words + words {
            let actions = desk.hear(#"{"cmd":"\#(word)"}"#)
            #expect(Desk.answers(actions).first?.hasPrefix(#"{"ret":"\#(word)","result":true"#) == true)
            remarks += actions.notices.count
        }
        #expect(remarks == TerminalSession.remarks)
    }

    @Test func `uses the message's serial without reg, and the connection's against a foreign one`() throws {
        var desk = try Desk(zones: ["ZX09": "Asia/Dubai"])
        let before = desk.hear(#"{"cmd":"sendlog","sn":"ZX09","record":[\#(punch)]}"#)
        #expect(before.stored.first?.terminal.text == "ZX09")
        #expect(before.stored.first?.punches.first?.zone == "Asia/Dubai")
        let nameless = desk.hear(#"{"cmd":"sendlog","record":[\#(punch)]}"#)
        #expect(nameless.stored.first?.terminal == .unknown)
        _ = desk.hear(#"{"cmd":"reg","sn":"ZX01"}"#)
        let foreign = desk.hear(#"{"cmd":"sendlog","sn":"ZX09","record":[\#(punch)]}"#)
        #expect(foreign.stored.first?.terminal.text == "ZX01")
        #expect(foreign.stored.first?.punches.first?.zone == "Asia/Kolkata")
        #expect(foreign.notices == [.foreignSerial(SerialNumber("ZX09")!)])
        // Said once: a terminal that relays another one does so with each message.
        #expect(desk.hear(#"{"cmd":"checklive","sn":"zx09"}"#).notices.isEmpty)
    }

    @Test func `compares the message's serial without regard to letter case`() throws {
        var desk = try Desk()
        _ = desk.hear(#"{"cmd":"reg","sn":"ZX01"}"#)
        #expect(desk.hear(#"{"cmd":"sendlog","sn":"zx01","record":[\#(punch)]}"#).notices.isEmpty)
    }

    @Test(arguments: [
        (#"{"cmd":"reg","sn":"EVIL"}"#, #"{"ret":"reg","result":false,"reason":"Not registered"}"#),
        (#"{"cmd":"sendlog","sn":"EVIL","record":[]}"#, #"{"ret":"sendlog","result":false,"reason":1}"#),
        (#"{"cmd":"sendlog","record":[{"enrollid":1}]}"#, #"{"ret":"sendlog","result":false,"reason":1}"#),
    ])
    func `sends serials away that are not allowed, and stores nothing of theirs`(text: String, answer: String)
        throws
    {
        var desk = try Desk(allowed: ["ZX01"])
        let actions = desk.hear(text)
        #expect(actions.stored.isEmpty)
        #expect(Desk.answers(actions) == [answer])
        #expect(actions.endings == [.notAllowed])
    }

    @Test(arguments: [
        ("checklive", #"{"ret":"checklive","result":true,"cloudtime":"2026-11-22 08:01:09"}"#),
        ("heartbeat", #"{"ret":"heartbeat","result":true,"cloudtime":"2026-11-22 08:01:09"}"#),
        ("sendqrcode", #"{"ret":"sendqrcode","result":false,"access":0}"#),
        ("sendpin", #"{"ret":"sendpin","result":false,"access":0}"#),
        ("otacheck", #"{"ret":"otacheck","result":false}"#), ("otaget", #"{"ret":"otaget","result":false}"#),
        ("talkcall", #"{"ret":"talkcall","result":false}"#),
        ("vicheckonline", #"{"ret":"vicheckonline","result":false}"#),
        ("sendface", #"{"ret":"sendface","result":true,"cloudtime":"2026-11-22 08:01:09"}"#),
        ("somethingnew", #"{"ret":"somethingnew","result":true,"cloudtime":"2026-11-22 08:01:09"}"#),
    ])
    func `answers every other word`(word: String, answer: String) throws {
        var desk = try Desk()
        #expect(desk.answers(#"{"cmd":"\#(word)","sn":"ZX01","record":"x"}"#) == [answer])
    }

    @Test(arguments: [
        #"{"cmd":"sendgps","sn":"ZX01","location":"x"}"#, #"{"sn":"ZX01"}"#,
        #"{"ret":"settime","result":true}"#, "", "  ",
        "w\0",
    ])
    func `says nothing where nothing is due`(text: String) throws {
        var desk = try Desk()
        #expect(desk.answers(text).isEmpty)
    }

    @Test(arguments: ["hello there", #"{"cmd":"sendlog","record":[{"#, "[1,2]", "42"])
    func `answers what is no JSON object as the older service did, and keeps it`(text: String) throws {
        var desk = try Desk()
        let actions = desk.hear(text)
        #expect(Desk.answers(actions) == [#"{"ret":"error","result":false,"reason":"Invalid JSON format"}"#])
        let batch = try #require(actions.stored.first)
        #expect(batch.raw == Array(text.utf8))
        #expect(batch.quarantined.count == 1)
        #expect(actions.endings.isEmpty)
    }

    @Test func `stops keeping unreadable messages after a hundred, and goes on answering`() throws {
        var desk = try Desk()
        var kept = 0
        for number in 0..<(TerminalSession.keptUnreadable + 20) {
            let actions = desk.hear("broken \(number)")
            kept += actions.stored.count
            #expect(Desk.answers(actions).count == 1)
        }
        #expect(kept == TerminalSession.keptUnreadable)
    }

    @Test func `closes with 1007 on bytes that are no UTF-8 outside a value, after keeping them`() throws {
        var desk = try Desk()
        let actions = desk.hear([0x7B, 0xFF, 0xFE, 0x7D])
        #expect(actions.endings == [.notUTF8])
        #expect(actions.stored.count == 1)
        #expect(Desk.answers(actions).isEmpty)
    }

    @Test func `forgives broken UTF-8 inside a name`() throws {
        var desk = try Desk()
        var bytes = Array(#"{"cmd":"sendlog","record":[{"enrollid":7,"name":"Ren"#.utf8)
        bytes += [0xC3]
        bytes += Array(#"","time":"2026-11-22 08:01:00"}]}"#.utf8)
        let actions = desk.hear(bytes)
        #expect(actions.stored.first?.punches.first?.name == "Ren\u{FFFD}")
        #expect(actions.endings.isEmpty)
    }

    @Test func `serves the first of two objects in one message and keeps the second`() throws {
        var desk = try Desk()
        let actions = desk.hear(log() + #"{"cmd":"sendlog","sn":"ZX01","record":[{"enrollid":9}]}"#)
        #expect(actions.stored.count == 2)
        #expect(actions.stored.first?.punches.count == 1)
        #expect(actions.stored.last?.quarantined.count == 1)
        #expect(Desk.answers(actions).count == 1)
    }

    @Test func `keeps no photo out of a message it cannot read`() throws {
        var desk = try Desk()
        let photo = String(repeating: "Qk1GRA/+", count: 500)
        let actions = desk.hear(#"{"cmd":"sendlog","record":[{"enrollid":7,"image":"\#(photo)","time"#)
        let kept = String(decoding: try #require(actions.stored.first).raw, as: UTF8.self)
        #expect(!kept.contains("Qk1GRA"))
        #expect(kept.contains("[removed, 4000 bytes]"))
        #expect(kept.hasSuffix(#"","time"#))
    }
}
