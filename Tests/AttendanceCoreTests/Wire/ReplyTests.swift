import AttendanceCore
import Foundation
import Testing

@Suite struct `Answers to terminals` {
    private static let clock = WallTime(valid: "2026-11-22 08:01:09")

    @Test(
        arguments: [
            (
                .registered(cloudTime: clock, noSendUser: true),
                #"{"ret":"reg","result":true,"cloudtime":"2026-11-22 08:01:09","nosenduser":true}"#
            ),
            (
                .registered(cloudTime: nil, noSendUser: false),
                #"{"ret":"reg","result":true,"nosenduser":false}"#
            ),
            (
                .registrationRefused(reason: "Missing serial number"),
                #"{"ret":"reg","result":false,"reason":"Missing serial number"}"#
            ),
            (
                .logStored(word: "sendlog", count: 2, logIndex: 0, cloudTime: clock, approval: nil),
                #"{"ret":"sendlog","result":true,"count":2,"logindex":0,"mark":true,"cloudtime":"2026-11-22 08:01:09"}"#
            ),
            (
                .logStored(word: "rtlog", count: -1, logIndex: nil, cloudTime: nil, approval: nil),
                #"{"ret":"rtlog","result":true,"count":-1,"mark":true}"#
            ),
            (
                .logStored(
                    word: "sendlog", count: 1, logIndex: Int64.max, cloudTime: nil,
                    approval: .init(opens: true, message: "Welcome")),
                #"{"ret":"sendlog","result":true,"count":1,"logindex":9223372036854775807,"mark":true,"access":1,"message":"Welcome"}"#
            ),
            (
                .logStored(
                    word: "sendlog", count: 1, logIndex: 1, cloudTime: nil, approval: .init(opens: false)),
                #"{"ret":"sendlog","result":true,"count":1,"logindex":1,"mark":true,"access":0}"#
            ),
            (
                .logRefused(word: "sendlog", reason: .text("No records provided")),
                #"{"ret":"sendlog","result":false,"reason":"No records provided"}"#
            ),
            (.logRefused(word: "sendlog", reason: .code(1)), #"{"ret":"sendlog","result":false,"reason":1}"#),
            (
                .done(word: "checklive", cloudTime: clock, enrollID: nil, backupNumber: nil),
                #"{"ret":"checklive","result":true,"cloudtime":"2026-11-22 08:01:09"}"#
            ),
            (
                .done(word: "senduser", cloudTime: nil, enrollID: 1042, backupNumber: 0),
                #"{"ret":"senduser","result":true,"enrollid":1042,"backupnum":0}"#
            ),
            (.declined(word: "otacheck", keepsDoorShut: false), #"{"ret":"otacheck","result":false}"#),
            (
                .declined(word: "sendpin", keepsDoorShut: true),
                #"{"ret":"sendpin","result":false,"access":0}"#
            ),
            (.unreadable, #"{"ret":"error","result":false,"reason":"Invalid JSON format"}"#),
        ] as [(Reply, String)])
    func `is written as`(_ reply: Reply, _ text: String) {
        #expect(String(decoding: reply.encoded, as: UTF8.self) == text)
    }

    @Test func `goes behind what is there already`() {
        var output = Array("x".utf8)
        Reply.declined(word: "a", keepsDoorShut: false).encode(into: &output)
        #expect(String(decoding: output, as: UTF8.self) == #"x{"ret":"a","result":false}"#)
    }

    /// Words come from terminals, so any text may stand in an answer.
    @Test(arguments: [
        "plain", "", "\"", "\\", "a\nb\r\tc", "\u{0}\u{1}\u{1F}\u{7F}\u{85}", "\u{2028}\u{2029}", "Grüße 张 😀",
        "</script>",
        "\u{FFFD}", "e\u{301}",
    ])
    func `stays one line of strict JSON with any text in it`(_ text: String) throws {
        let bytes = Reply.done(word: text, cloudTime: nil, enrollID: nil, backupNumber: nil).encoded
        let object = try #require(JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
        #expect(Array((object["ret"] as? String ?? "?").unicodeScalars) == Array(text.unicodeScalars))
        let controls = String(decoding: bytes, as: UTF8.self).unicodeScalars.filter(\.isControl)
        #expect(controls.isEmpty)
    }

    @Test(arguments: [
        ("checklive", #"{"ret":"checklive","result":true,"cloudtime":"2026-11-22 08:01:09"}"#),
        ("heartbeat", #"{"ret":"heartbeat","result":true,"cloudtime":"2026-11-22 08:01:09"}"#),
        (
            "senduser-finger",
            #"{"ret":"senduser","result":true,"enrollid":1042,"backupnum":0,"cloudtime":"2026-11-22 08:01:09"}"#
        ),
        (
            "senduser-photo",
            #"{"ret":"senduser","result":true,"enrollid":1042,"cloudtime":"2026-11-22 08:01:09"}"#
        ),
        ("sendface", #"{"ret":"sendface","result":true,"cloudtime":"2026-11-22 08:01:09"}"#),
        ("sendfp", #"{"ret":"sendfp","result":true,"cloudtime":"2026-11-22 08:01:09"}"#),
        ("sendpalm", #"{"ret":"sendpalm","result":true,"cloudtime":"2026-11-22 08:01:09"}"#),
        ("sendcard", #"{"ret":"sendcard","result":true,"cloudtime":"2026-11-22 08:01:09"}"#),
        ("sendpwd", #"{"ret":"sendpwd","result":true,"cloudtime":"2026-11-22 08:01:09"}"#),
        ("sendqrcode", #"{"ret":"sendqrcode","result":false,"access":0}"#),
        ("sendpin", #"{"ret":"sendpin","result":false,"access":0}"#),
        ("sendgps", nil),
        ("otacheck", #"{"ret":"otacheck","result":false}"#),
        ("otaget", #"{"ret":"otaget","result":false}"#),
        ("talkcall", #"{"ret":"talkcall","result":false}"#),
        ("vicheckonline", #"{"ret":"vicheckonline","result":false}"#),
        ("unknown", #"{"ret":"sendhumidity","result":true,"cloudtime":"2026-11-22 08:01:09"}"#),
    ])
    func `a request is answered by its word`(_ fixture: String, _ answer: String?) throws {
        guard case .request(let request) = try FrameDecoder().decode(try FrameFixtures.bytes(fixture)) else {
            return #expect(Bool(false), "not a request")
        }
        let reply = Reply.answer(to: request, cloudTime: Self.clock)
        #expect(reply.map { String(decoding: $0.encoded, as: UTF8.self) } == answer)
    }

    @Test(arguments: [
        ("sendlog", #"{"ret":"sendlog","result":true,"count":2,"logindex":0,"mark":true}"#),
        ("pushlog", #"{"ret":"pushlog","result":true,"count":1,"logindex":7,"mark":true}"#),
        ("rtlog-flat", #"{"ret":"rtlog","result":true,"count":1,"mark":true}"#),
        ("sendrtlog", #"{"ret":"sendrtlog","result":true,"count":1,"mark":true}"#),
        ("getalllog-client", #"{"ret":"sendlog","result":true,"count":1,"mark":true}"#),
        ("q01-count-and-index", #"{"ret":"sendlog","result":true,"count":1,"logindex":41,"mark":true}"#),
        ("q11-count-wrong", #"{"ret":"sendlog","result":true,"count":9,"logindex":0,"mark":true}"#),
        ("q11-count-is-text", #"{"ret":"sendlog","result":true,"count":1,"logindex":12,"mark":true}"#),
        ("q11-count-missing", #"{"ret":"sendlog","result":true,"count":1,"logindex":0,"mark":true}"#),
        ("q13-blanks", #"{"ret":"sendlog","result":true,"count":1,"logindex":0,"mark":true}"#),
    ])
    func `a stored list is acknowledged with the terminal's own numbers`(_ fixture: String, _ answer: String)
        throws
    {
        let log = try #require(try FrameDecoder().decode(try FrameFixtures.bytes(fixture)).log)
        #expect(String(decoding: Reply.stored(log, cloudTime: nil).encoded, as: UTF8.self) == answer)
    }

    @Test(arguments: [("q10-record-missing", "sendlog"), ("q10-record-is-text", "sendlog")])
    func `a message without records is refused as the older service did`(_ fixture: String, _ word: String)
        throws
    {
        let log = try #require(try FrameDecoder().decode(try FrameFixtures.bytes(fixture)).log)
        #expect(
            String(decoding: Reply.noRecords(log).encoded, as: UTF8.self)
                == #"{"ret":"\#(word)","result":false,"reason":"No records provided"}"#)
    }
}
