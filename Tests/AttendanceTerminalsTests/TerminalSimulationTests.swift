import AttendanceCore
import AttendanceSimulation
import Testing

/// What the simulated terminals are made of, so that a test that uses them can be believed.
@Suite struct TerminalSimulationTests {
    private static let time = WallTime("2026-03-01 08:00:00")!
    private static let plain =
        #"{"enrollid":7,"time":"2026-03-01 08:00:00","mode":1,"inout":0,"event":0}"#

    @Test(arguments: [
        (
            OddFrame.trailingComma,
            #"{"cmd":"sendlog","sn":"T1","count":1,"logindex":4,"record":["# + plain.dropLast() + ",},],}"
        ),
        (.objectForArray, #"{"cmd":"sendlog","sn":"T1","count":1,"logindex":4,"record":"# + plain + "}"),
        (
            .numbersAsText,
            #"{"cmd":"sendlog","sn":"T1","count":1,"logindex":4,"record":[{"enrollid":"7","#
                + #""time":"2026-03-01 08:00:00","mode":"1","inout":"0","event":"0"}]}"#
        ),
        (.countAsText, #"{"cmd":"sendlog","sn":"T1","count":"1","logindex":4,"record":["# + plain + "]}"),
        (.blanksInKeys, #"{" cmd ":" sendlog ","sn":"T1","count":1,"logindex":4,"record":["# + plain + "]}"),
        (
            .byteOrderMark,
            "\u{FEFF}" + #"{"cmd":"sendlog","sn":"T1","count":1,"logindex":4,"record":["# + plain + "]}"
        ),
        (.trailingNUL, #"{"cmd":"sendlog","sn":"T1","count":1,"logindex":4,"record":["# + plain + "]}\0"),
    ])
    func `odd frames are written as terminals write them`(odd: OddFrame, text: String) {
        let (frames, count) = odd.frames(serial: "T1", logIndex: 4, records: [.tfs(7, at: Self.time)])
        #expect(frames == [Array(text.utf8)])
        #expect(count == 1)
    }

    @Test(arguments: [OddFrame.impossibleTime, .doorEvent, .stranger])
    func `an odd record comes on top of the batch`(odd: OddFrame) {
        let (frames, count) = odd.frames(serial: "T1", logIndex: 0, records: [.tfs(7, at: Self.time)])
        #expect(count == 2)
        #expect(String(decoding: frames[0], as: UTF8.self).contains(Self.plain + ",{"))
    }

    @Test func `a cut name leaves bytes that are no UTF-8, and all else as it was`() throws {
        let (frames, _) = OddFrame.brokenName.frames(
            serial: "T1", logIndex: 0, records: [.tfs(7, at: Self.time)])
        #expect(String(validating: frames[0], as: UTF8.self) == nil)
        #expect(String(decoding: frames[0], as: UTF8.self).contains("\"name\":\"Jos\u{FFFD}\",\"time\""))
    }

    @Test func `a server message compares with literals, and must be strict JSON`() throws {
        let message = try ServerMessage(
            #"{"ret":"sendlog","result":true,"count":2,"logindex":0,"access":1,"reason":"x","n":[null,1.5]}"#)
        #expect(message["result"] == true)
        #expect(message["count"] == 2)
        #expect(message["access"] == 1 && message["access"] != true)
        #expect(message["n"] == .array([.null, .number(1.5)]))
        #expect(message["missing"] == nil)
        #expect(message.acknowledges(count: 2, logIndex: 0))
        #expect(!message.acknowledges(count: 2, logIndex: 1))
        #expect(!message.acknowledges(count: 1, logIndex: 0))
        #expect(try ServerMessage(#"{"reason":"\",}"}"#).reason == "\",}")
        for text in ["", "[]", "{\"a\":1,}", "{\"a\":[1, ]}", "{} x", "\u{FEFF}{}", "{'a':1}"] {
            #expect(throws: TerminalError.notJSON(text)) { try ServerMessage(text) }
        }
    }

    @Test func `a full memory loses its oldest record`() {
        var memory = TerminalMemory(capacity: 3)
        for person in 1...5 { memory.append(.tfs(UInt64(person), at: Self.time)) }
        #expect(memory.lost == 2)
        #expect(memory.oldest(2).map(\.enrollID.bare) == ["3", "4"])
        memory.forget(2)
        #expect(memory.pending == 1)
        #expect(memory.oldest(9).map(\.enrollID.bare) == ["5"])
    }

    @Test func `no two punches of a schedule are the same`() {
        var schedule = PunchSchedule(total: 1000, rate: 6000, batch: 7, people: 30)
        var memory = TerminalMemory()
        var generator = SeededGenerator(seed: 5)
        var made = 0
        for second in 0..<12 {
            made += schedule.fill(
                &memory, at: .seconds(second), clock: WallTime(seconds: Self.time.seconds + Int64(second)),
                using: &generator)
        }
        let punches = memory.oldest(2000)
        #expect(made == 1000 && punches.count == 1000)
        #expect(Set(punches.map { "\($0.enrollID.bare) \($0.time)" }).count == 1000)
        #expect(schedule.isOver(at: .zero))
        #expect(schedule.wait(at: .zero) == nil)
    }

    @Test func `a schedule keeps its rate`() {
        var schedule = PunchSchedule(total: nil, rate: 60, batch: 1, people: 200, end: .seconds(60))
        var memory = TerminalMemory()
        var generator = SeededGenerator(seed: 5)
        #expect(schedule.fill(&memory, at: .zero, clock: Self.time, using: &generator) == 1)
        #expect(schedule.fill(&memory, at: .zero, clock: Self.time, using: &generator) == 0)
        #expect(schedule.wait(at: .milliseconds(400)) == .milliseconds(600))
        #expect(schedule.fill(&memory, at: .seconds(10), clock: Self.time, using: &generator) == 10)
        #expect(schedule.fill(&memory, at: .seconds(60), clock: Self.time, using: &generator) == 0)
    }

    @Test(arguments: [3, 31, 32, 33, 1000, 54_321, 9_999_999])
    func `a quantile is off by at most a thirty-second`(microseconds: Int) {
        var histogram = LatencyHistogram()
        for _ in 0..<99 { histogram.record(.microseconds(microseconds)) }
        histogram.record(.seconds(100))
        let median = histogram.quantile(0.5)
        #expect(median >= .microseconds(microseconds))
        #expect(median <= .microseconds(microseconds + microseconds / 32 + 1))
        #expect(histogram.quantile(1) == .seconds(100))
        #expect(histogram.maximum == .seconds(100))
    }

    @Test func `random numbers come again with the same seed`() {
        var a = SeededGenerator(seed: 9)
        var b = SeededGenerator(seed: 9)
        let numbers = (0..<100).map { _ in a.next() }
        #expect(numbers == (0..<100).map { _ in b.next() })
        #expect(Set(numbers).count == 100)
    }
}
