import AttendanceCore
import Testing

@Suite struct `Intake of log records` {
    private let zone = ZoneRules(identifier: "Europe/Berlin")!
    private let terminal = SerialNumber("ZXTA26110001")!
    /// 2026-11-22 08:02:00 in Berlin.
    private let received = UnixTime(seconds: 1_795_330_920)

    private func take(_ frame: [UInt8], by intake: Intake? = nil) throws -> IntakeBatch {
        let log = try #require(try FrameDecoder().decode(frame).log)
        return frame.withUnsafeBytes {
            (intake ?? Intake(zone: zone)).take(log, bytes: $0, from: terminal, connection: 7, at: received)
        }
    }

    private func take(records: String, by intake: Intake? = nil) throws -> IntakeBatch {
        try take(Array(#"{"cmd":"sendlog","record":[\#(records)]}"#.utf8), by: intake)
    }

    private func raw(_ batch: IntakeBatch, _ range: Range<Int>) -> String {
        String(decoding: batch.raw[range], as: UTF8.self)
    }

    @Test func `a record becomes a punch with all it says`() throws {
        let record =
            #"{"enrollid":"0042","aliasid":" E-42 ","name":" Person ","time":"2026-11-22 08:01:09","mode":8,"#
            + #""inout":1,"event":2,"verifymode":13,"temp":365,"x":[1]}"#
        let batch = try take(records: record)
        #expect(batch.terminal == terminal)
        #expect(batch.connection == 7)
        #expect(batch.received == received)
        #expect(
            batch.punches == [
                Punch(
                    enrollID: EnrollID("42")!, alias: "E-42", name: "Person",
                    time: WallTime(valid: "2026-11-22 08:01:09"),
                    zone: "Europe/Berlin", instant: 1_795_330_869, kind: .person, doubt: .none, mode: 8,
                    inOut: 1,
                    event: 2, verifyMode: 13, temperature: 3650, raw: 0..<record.utf8.count)
            ])
        #expect(batch.punches[0].enrollID.sent == "0042")
        #expect(raw(batch, batch.punches[0].raw) == record)
        #expect(batch.quarantined.isEmpty)
    }

    @Test func `punches and odd records keep their own texts side by side`() throws {
        let batch = try take(
            records:
                #"{"enrollid":1,"time":"2026-11-22 08:01:09"}, null,{"enrollid":2,"time":"2026-11-22 08:01:10"}"#
        )
        #expect(batch.punches.map { raw(batch, $0.raw) }.map(\.utf8.count) == [43, 43])
        #expect(batch.punches.map(\.enrollID.sent) == ["1", "2"])
        #expect(batch.quarantined.map { raw(batch, $0.raw) } == ["null"])
    }

    @Test(arguments: [
        ("0", PunchKind.doorEvent), (#""0""#, .doorEvent), (#""000""#, .doorEvent), ("0.0", .doorEvent),
        ("99999999", .stranger), (#""99999999""#, .stranger), (#""099999999""#, .stranger), ("1", .person),
        (#""A0""#, .person), ("999999990", .person),
    ])
    func `the id tells what the record is about`(_ id: String, _ kind: PunchKind) throws {
        let batch = try take(records: #"{"enrollid":\#(id),"time":"2026-11-22 08:01:09","event":5}"#)
        #expect(batch.punches.map(\.kind) == [kind])
        #expect(batch.punches.map(\.isForwarded) == [kind == .person])
    }

    @Test(arguments: [
        ("2009-12-31 23:59:59", TimeDoubt.tooOld), ("2010-01-01 00:00:00", .none),
        ("0001-01-01 00:00:00", .tooOld),
        ("2026-11-23 08:02:00", .none), ("2026-11-23 08:02:01", .inFuture),
        ("9999-12-31 23:59:59", .inFuture),
    ])
    func `a time that cannot be is kept and flagged`(_ time: String, _ doubt: TimeDoubt) throws {
        let batch = try take(records: #"{"enrollid":1,"time":"\#(time)"}"#)
        #expect(batch.punches.map(\.doubt) == [doubt])
        #expect(batch.punches.map(\.time.description) == [time])
        #expect(batch.punches.map(\.isForwarded) == [doubt == .none])
    }

    @Test func `the limits of what is believed can be set`() throws {
        let limits = Intake.Limits(
            earliest: WallTime(valid: "2026-11-01 00:00:00"), futureTolerance: .seconds(60))
        let batch = try take(
            records:
                #"{"enrollid":1,"time":"2026-10-31 08:00:00"},{"enrollid":1,"time":"2026-11-22 08:03:01"}"#,
            by: Intake(zone: zone, limits: limits))
        #expect(batch.punches.map(\.doubt) == [.tooOld, .inFuture])
    }

    @Test(arguments: [
        ("17", "an entry of record is no object"),
        (#"{"time":"2026-11-22 08:01:09"}"#, "enrollid is missing, or is no text and no whole number"),
        (
            #"{"enrollid":null,"time":"2026-11-22 08:01:09"}"#,
            "enrollid is missing, or is no text and no whole number"
        ),
        (
            #"{"enrollid":-1,"time":"2026-11-22 08:01:09"}"#,
            "enrollid is missing, or is no text and no whole number"
        ),
        (
            #"{"enrollid":1.5,"time":"2026-11-22 08:01:09"}"#,
            "enrollid is missing, or is no text and no whole number"
        ),
        (
            #"{"enrollid":" ","time":"2026-11-22 08:01:09"}"#,
            "enrollid is empty, longer than 64 characters, or holds a control character"
        ),
        (
            #"{"enrollid":"a\nb","time":"2026-11-22 08:01:09"}"#,
            "enrollid is empty, longer than 64 characters, or holds a control character"
        ),
        (#"{"enrollid":1}"#, "time is missing"),
        (#"{"enrollid":1,"time":null}"#, "time is missing"),
        (#"{"enrollid":1,"time":""}"#, #"time is no date and time: """#),
        (
            #"{"enrollid":1,"time":"0000-00-00 00:00:00"}"#,
            #"time is no date and time: "0000-00-00 00:00:00""#
        ),
        (#"{"enrollid":1,"time":"x\ny"}"#, "time is no date and time: \"x\u{FFFD}y\""),
    ])
    func `a record that cannot be a punch is kept with the reason`(_ record: String, _ reason: String) throws
    {
        let batch = try take(records: record)
        #expect(batch.punches.isEmpty)
        #expect(batch.quarantined.map(\.reason) == [reason])
        #expect(batch.quarantined.map { raw(batch, $0.raw) } == [record])
    }

    // MARK: Names

    @Test(arguments: [
        (#""name":"Person""#, "Person"), (#""name":"  Person\u0000""#, "Person"), (#""name":"""#, nil),
        (#""name":" ""#, nil),
        (#""name":null"#, nil), (#""name":5"#, nil), (#""x":1"#, nil),
    ])
    func `a name is trimmed, and none when empty`(_ field: String, _ name: String?) throws {
        let batch = try take(records: #"{"enrollid":1,"time":"2026-11-22 08:01:09",\#(field)}"#)
        #expect(batch.punches.map(\.name) == [name])
    }

    @Test func `long names and aliases are cut`() throws {
        let long = String(repeating: "ü", count: 300)
        let batch = try take(
            records: #"{"enrollid":1,"time":"2026-11-22 08:01:09","name":"\#(long)","aliasid":"\#(long)"}"#)
        #expect(batch.punches.map(\.name?.unicodeScalars.count) == [256])
        #expect(batch.punches.map(\.alias?.unicodeScalars.count) == [64])
    }

    // MARK: Photos and length

    @Test func `a photo is not stored, and how large it was is`() throws {
        let photo = String(repeating: "A", count: 40_213)
        let batch = try take(
            records:
                #"{"enrollid":1,"image":"\#(photo)","time":"2026-11-22 08:01:09","image" : ["\#(photo)"]}"#)
        #expect(
            raw(batch, batch.punches[0].raw)
                == #"{"enrollid":1,"image":"removed, 40213 bytes","time":"2026-11-22 08:01:09","image" : "removed, 40217 bytes"}"#
        )
    }

    @Test func `a photo is not stored with a record in quarantine either`() throws {
        let batch = try take(records: #"{"image":"AAAA"}"#)
        #expect(batch.quarantined.map { raw(batch, $0.raw) } == [#"{"image":"removed, 4 bytes"}"#])
    }

    @Test func `a photo that is wanted is handed over beside the record, never in it`() throws {
        let photo = String(repeating: "A", count: 400_000)
        let record = #"{"enrollid":1,"image":"\#(photo)","time":"2026-11-22 08:01:09"}"#
        let odd = #"{"enrollid":"","image":"\#(photo)"}"#
        let batch = try take(records: odd + "," + record, by: Intake(zone: zone, keepPhotos: true))
        #expect(batch.photos == [PunchPhoto(punch: 0, text: Array(photo.utf8))])
        #expect(!"\(batch.photos)".contains("65, 65"))
        let kept = raw(batch, batch.punches[0].raw)
        #expect(
            kept == #"{"enrollid":1,"image":"removed, 400000 bytes","time":"2026-11-22 08:01:09"}"#)
    }

    @Test func `no template, PIN or card stays in a record, under whatever name it came`() throws {
        let hex = String(repeating: "4a(12)9c", count: 100)
        let batch = try take(
            records: #"{"enrollid":1,"time":"2026-11-22 08:01:09","record":"ab12","card":4711,"#
                + #""pwd":"1234","pin":99,"template":[1,2],"feature":"\#(hex)"}"#)
        let kept = raw(batch, batch.punches[0].raw)
        for secret in ["ab12", "4711", "1234", "99", "[1,2]", hex] { #expect(!kept.contains(secret)) }
        #expect(kept.contains(#""feature":"[removed, 800 bytes]""#))
    }

    @Test(arguments: [0, 1, 5000])
    func `a record longer than is kept is cut, and says so`(_ excess: Int) throws {
        let head = #"{"enrollid":1,"time":"2026-11-22 08:01:09","note":""#
        let length = Intake.maximumRaw + excess
        let record =
            head + String(repeating: "x ", count: length).prefix(length - head.utf8.count - 2) + #""}"#
        let batch = try take(records: record + #",{"enrollid":2,"time":"2026-11-22 08:01:09"}"#)
        let kept = raw(batch, batch.punches[0].raw)
        if excess == 0 {
            #expect(kept == record)
        } else {
            let note = " [cut here: the record has \(length) bytes, more than are kept]"
            #expect(kept == record.prefix(Intake.maximumRaw) + note)
        }
        #expect(raw(batch, batch.punches[1].raw) == #"{"enrollid":2,"time":"2026-11-22 08:01:09"}"#)
    }

    @Test func `photos do not count towards the length that is kept`() throws {
        let photo = String(repeating: "A", count: Intake.maximumRaw + 1)
        let batch = try take(records: #"{"enrollid":1,"image":"\#(photo)","time":"2026-11-22 08:01:09"}"#)
        #expect(raw(batch, batch.punches[0].raw).hasSuffix(#""time":"2026-11-22 08:01:09"}"#))
    }

    @Test func `entries beyond the most that are read are quarantined as one`() throws {
        let entries = String(repeating: "0,", count: FrameDecoder.maximumRecords + 2)
        let batch = try take(records: entries)
        #expect(batch.quarantined.count == FrameDecoder.maximumRecords + 1)
        #expect(
            batch.quarantined.last?.reason
                == "the list in record is longer than 200000 entries; the rest was not read")
        #expect(batch.quarantined.last.map { raw(batch, $0.raw) } == "0,0")
    }
}
