import AttendanceCore
import Testing

@Suite struct `The frame decoder` {
    private let decoder = FrameDecoder()

    // MARK: What is tolerated

    @Test(arguments: [
        #"{"cmd":"checklive"}"#, #"  {"cmd":"checklive"}  "#, "\u{FEFF}{\"cmd\":\"checklive\"}",
        "{\"cmd\":\"checklive\"}\0", "{\"cmd\":\"checklive\"}\r\n\0 \0", #"{"cmd" : "checklive" , }"#,
        #"{,,"cmd":"checklive",,}"#, #"{"cmd":"CheckLive"}"#, #"{"cmd":" checklive\n"}"#,
        #"{" cmd\t":"checklive"}"#, #"{"\u0063md":"check\u006cive"}"#, #"{"cmd":"reg","cmd":"checklive"}"#,
        #"{"ret":"reg","cmd":"checklive"}"#, #"{"cmd":"checklive","ret":"reg"}"#,
        #"{"x":[1,,2,],"y":{,},"z":-Infinity,"cmd":"checklive"}"#,
        #"{"x":00123,"y":1.2.3,"cmd":"checklive"}"#,
        #"{"x":"a\'b\q\u12","cmd":"checklive"}"#, "{\"x\":\"a\u{1}\nb\",\"cmd\":\"checklive\"}",
    ])
    func `a heartbeat is recognised in spite of`(_ frame: String) throws {
        #expect(try decoder.decode(frame) == .request(Request(word: "checklive")))
    }

    @Test(arguments: [
        "{", "}", "{]", #"{"cmd"}"#, #"{"cmd":}"#, #"{"cmd":,"x":1}"#, #"{"cmd":"reg"}}"#,
        #"{"cmd":"reg"} x"#,
        #"{"cmd":"reg" "sn":"1"}"#, #"{"record":[1 2]}"#, #"{"record":[{}"#, #"{'cmd':'reg'}"#, "{cmd:1}",
        #"{"cmd":"reg"#, #"{"cmd":"reg\"#, #"{"x":tru}"#, #"{"x":nul"#, #"{"x":-"#, #"{"a":1,"#, "[1,2",
        "hello",
        #"{"cmd":"reg"},"#, "{\"cmd\":\0\"reg\"}", "{} []", "nulls", "\"a",
    ])
    func `is not JSON even after the repairs`(_ frame: String) {
        #expect { try decoder.decode(frame) } throws: {
            if case FrameError.notJSON = $0 { true } else { false }
        }
    }

    @Test(arguments: ["[]", "17", #""text""#, "null", "true", "-1.5e3 ", #"[{"cmd":"reg"}]"#, "NaN"])
    func `is JSON but no object`(_ frame: String) {
        #expect(throws: FrameError.notAnObject) { try decoder.decode(frame) }
    }

    @Test(arguments: ["", " ", "\n\0", "w\0", "v\0", "abc\0", "{}\0", "\u{FEFF} \n", "     \0\0\0"])
    func `is not meant to be read`(_ frame: String) throws {
        #expect(try decoder.decode(frame) == .junk)
    }

    @Test(arguments: ["abc", "abcd\0", "w"])
    func `is no junk but a mistake`(_ frame: String) {
        #expect(throws: FrameError.self) { try decoder.decode(frame) }
    }

    @Test(arguments: [
        "{}", #"{"cmd":null}"#, #"{"cmd":""}"#, #"{"cmd":"  "}"#, #"{"cmd":["reg"]}"#, #"{"CMD":"reg"}"#,
    ])
    func `has no word`(_ frame: String) throws {
        #expect(try decoder.decode(frame) == .wordless)
    }

    @Test func `a word is cut at 64 characters`() throws {
        let message = try decoder.decode(#"{"cmd":"\#(String(repeating: "x", count: 100))"}"#)
        #expect(message == .request(Request(word: String(repeating: "x", count: 64))))
    }

    @Test(arguments: [
        (#""ZX1""#, "ZX1"), (#"" ZX1\t""#, "ZX1"), ("12345678", "12345678"), (#""""#, nil), ("null", nil),
        ("[1]", nil), (#""a\nb""#, nil), (#""\#(String(repeating: "9", count: 65))""#, nil),
    ])
    func `a serial is`(_ value: String, _ serial: String?) throws {
        let message = try decoder.decode(#"{"cmd":"reg","sn":\#(value)}"#)
        #expect(message == .registration(Registration(serial: serial.flatMap { SerialNumber($0) })))
    }

    @Test(arguments: [
        ("true", true), ("false", false), ("1", true), ("0", false), (#""true""#, true),
        (#"" False ""#, false),
        (#""1""#, true), (#""0""#, false), ("null", nil), (#""yes""#, nil), ("{}", nil),
    ])
    func `a result is`(_ value: String, _ result: Bool?) throws {
        #expect(
            try decoder.decode(#"{"ret":"x","result":\#(value)}"#)
                == .answer(Answer(word: "x", result: result)))
    }

    @Test(arguments: [
        ("12", 12), (#""12""#, 12), (#"" 12 ""#, 12), ("-3", -3), ("12.0", 12), ("1.2e1", 12), ("120E-1", 12),
        ("012", 12), ("9223372036854775807", Int64.max), ("9223372036854775808", nil), ("12.5", nil),
        ("1e400", nil), ("1e-400", nil), ("0e999999999999999999999", 0), (#""""#, nil), (#""twelve""#, nil),
        ("true", nil), ("null", nil), ("--1", nil), ("1-2", nil), ("1e", nil), ("-", nil), (#""1 2""#, nil),
        ("123456789012345678901234567890", nil), ("0.00000000000000000000000000000000000001", nil),
        ("7.000000000000000000000000000000000000", 7),
    ])
    func `a count is`(_ value: String, _ count: Int64?) throws {
        #expect(try decoder.decode(#"{"cmd":"sendlog","count":\#(value)}"#).log?.count == count)
    }

    @Test func `the records may stand before the word`() throws {
        let log = try decoder.decode(#"{"record":[{"enrollid":1}],"logindex":3,"cmd":"sendlog"}"#).log
        #expect(log?.records.map(\.enrollID) == ["1"])
        #expect(log?.logIndex == 3)
    }

    @Test func `each photo of a repeated key is found`() throws {
        let frame = #"{"cmd":"sendlog","record":[{"image":"AA","image" : ["BB"],"image":null}]}"#
        let images = try #require(try decoder.decode(frame).log?.records.first?.images)
        let bytes = Array(frame.utf8)
        #expect(images.map { String(decoding: bytes[$0], as: UTF8.self) } == [#""AA""#, #"["BB"]"#, "null"])
    }

    @Test func `device information is strict JSON whatever came`() throws {
        let message = try decoder.decode(
            Array(
                #"{"cmd":"reg","devinfo":{" a ":[1,,{"b":NaN,},],"c":007,"d":"x\'\u0007","e":-1.50E+2,"f":""#
                    .utf8)
                + [0xFF] + Array(#"","time":"soon","usednewlog":"7"},}"#.utf8))
        guard case .registration(let registration) = message else { return #expect(Bool(false)) }
        #expect(
            registration.deviceInfo
                == #"{"a":[1,{"b":null}],"c":"007","d":"x'\u0007","e":-1.50E+2,"f":"�","time":"soon","usednewlog":"7"}"#
        )
        #expect(registration.backlog == 7)
        #expect(registration.clock == nil)
    }

    @Test func `device information that would fill the disk is not kept`() throws {
        let long = String(repeating: "x", count: 70_000)
        let message = try decoder.decode(#"{"cmd":"reg","devinfo":{"modelname":"\#(long)"}}"#)
        guard case .registration(let registration) = message else { return #expect(Bool(false)) }
        #expect(registration.deviceInfo == nil)
        #expect(registration.model?.count == 256)
    }

    // MARK: UTF-8

    /// A sendlog whose pieces are given as text, `\u{1}` standing for the broken bytes.
    private func frame(_ text: String, _ broken: [UInt8]) -> [UInt8] {
        text.utf8.flatMap { $0 == 1 ? broken : [$0] }
    }

    private static let broken: [[UInt8]] = [
        [0xFF], [0xC3], [0xE5, 0xBC], [0xF0, 0x9F, 0x98], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0x80],
        [0xF5, 0x80, 0x80, 0x80],
    ]

    @Test(
        arguments: broken,
        [
            "{\"cmd\":\"sendlog\",\"record\":[{\"enrollid\":1,\"name\":\"Gr\u{1}\"}]}",
            "{\"cmd\":\"sendlog\",\"record\":[{\"enrollid\":1,\"name\":\"\u{1}\\n\"}]}",
            "{\"cmd\":\"sendlog\",\"record\":[{\"enrollid\":1,\"note\":{\"msg\":\"\u{1}\"}}]}",
        ])
    func `broken bytes inside a text are forgiven`(_ broken: [UInt8], _ text: String) throws {
        let record = try #require(try decoder.decode(frame(text, broken)).log?.records.first)
        #expect(record.enrollID == "1")
        #expect(record.name?.contains("\u{FFFD}") ?? true)
    }

    @Test(
        arguments: broken,
        [
            "{\"cmd\":\"sendlog\u{1}\"}", "{\"cmd\":\"reg\",\"sn\":\"ZX\u{1}\"}", "{\"cm\u{1}\":\"reg\"}",
            "{\"ret\":\"\u{1}\"}", "{\"ret\":\"x\\\u{1}\"}",
            "{\u{1}\"cmd\":\"reg\"}", "{\"cmd\":\"reg\"}\u{1}", "{\"cmd\":\"reg\"}{\"x\":\"\u{1}\"}", "\u{1}",
            "[\"\u{1}\"]",
            "{\"cmd\":\"sendlog\",\"record\":[{\"name\":\"\u{1}\"}",
            "{\"cmd\":\"sendlog\",\"record\":[{\"\u{1}\":1}]}",
        ])
    func `broken bytes elsewhere, or in what cannot be read, are not`(_ broken: [UInt8], _ text: String) {
        let bytes = frame(text, broken)
        let offset = Array(text.utf8).firstIndex(of: 1)!
        #expect(throws: FrameError.notUTF8(offset: offset)) { try decoder.decode(bytes) }
    }

    @Test func `an id of broken bytes is unusable, so that two of them are not taken for one person`() throws
    {
        let bytes = frame("{\"cmd\":\"sendlog\",\"record\":[{\"enrollid\":\"A\u{1}\"}]}", [0xC3])
        #expect(try decoder.decode(bytes).log?.records == [LogRecord(raw: 27..<44)])
    }

    // MARK: Limits

    @Test(arguments: [1, 2, 64, 65, 1000])
    func `objects may be as deep as the limit`(_ limit: Int) throws {
        func nested(_ depth: Int) -> String {
            String(repeating: #"{"a":"#, count: depth - 1) + "{}" + String(repeating: "}", count: depth - 1)
        }
        let decoder = FrameDecoder(maximumDepth: limit)
        #expect(try decoder.decode(nested(limit)) == .wordless)
        #expect(throws: FrameError.tooDeep) { try decoder.decode(nested(limit + 1)) }
    }

    @Test func `a frame of a million brackets ends at the limit`() {
        #expect(throws: FrameError.tooDeep) { try decoder.decode(String(repeating: "[", count: 1_000_000)) }
        #expect(throws: FrameError.tooDeep) {
            try decoder.decode(#"{"cmd":"sendlog","record":"# + String(repeating: "[", count: 1_000_000))
        }
    }

    /// Quadratic work would take minutes here, linear work takes a fraction of a second even unoptimised.
    @Test(
        .timeLimit(.minutes(10)),
        arguments: [
            (
                head: #"{"cmd":"sendlog","record":[{"enrollid":1,"image":""#, unit: "A", times: 8 << 20,
                tail: #""}]}"#
            ),
            (#"{"cmd":"sendlog","x":""#, #"\\"#, 512 << 10, #"","record":[{"enrollid":1}]}"#),
            (#"{"cmd":"sendlog","record":[{"name":""#, #"\ud83d"#, 128 << 10, #"","enrollid":1}]}"#),
            (#"{"cmd":"sendlog","record":[{"enrollid":1}]"#, ",", 1 << 20, "}"),
            (#"{"cmd":"sendlog","record":[{"enrollid":1}],"x":["#, "[],", 256 << 10, "]}"),
            (#"{"cmd":"sendlog","record":[{"enrollid":1}],"x":"#, "1", 1 << 20, "}"),
            (#"{"cmd":"sendlog","record":[{"enrollid":1}]"#, #","record":[{"enrollid":1}]"#, 20 << 10, "}"),
        ])
    func `a long message takes time in proportion`(
        _ shape: (head: String, unit: String, times: Int, tail: String)
    ) throws {
        let frame = shape.head + String(repeating: shape.unit, count: shape.times) + shape.tail
        #expect(try decoder.decode(frame).log?.records.first?.enrollID == "1")
    }

    @Test func `entries beyond the most that are read count as one`() throws {
        let more = FrameDecoder.maximumRecords + 3
        let frame = #"{"cmd":"sendlog","record":["# + String(repeating: "0,", count: more) + #"],"count":1}"#
        let log = try #require(try decoder.decode(frame).log)
        #expect(log.records.count == FrameDecoder.maximumRecords + 1)
        let last = try #require(log.records.last)
        #expect(String(decoding: Array(frame.utf8)[last.raw], as: UTF8.self) == "0,0,0")
        #expect(log.count == 1)
    }
}
