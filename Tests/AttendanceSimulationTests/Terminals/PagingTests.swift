import AttendanceCore
import AttendanceSimulation
import Testing

/// Lists of several pages, each by its own firmware's numbers (docs/protocol.md §8.5).
@Suite struct PagingTests {
    private static func desk(_ profile: FirmwareProfile) -> Desk {
        var desk = Desk.registered(profile)
        desk.act { brain, now in
            brain.stallPushes(true, at: now)
            for person in 1...45 as ClosedRange<UInt64> {
                brain.enrol(
                    person, name: "",
                    credentials: [
                        StoredCredential(slot: 10, record: "1"),
                        StoredCredential(slot: 11, record: "\(person)"),
                    ], at: now)
            }
            for number in 0..<120 {
                let time = WallTime(seconds: Desk.morning.seconds + Int64(number) * 3600)
                _ = brain.punch(UInt64(number % 45 + 1), time: time, at: now)
            }
        }
        return desk
    }

    @Test(
        arguments: [
            (FirmwareProfile.tfs, [40, 40, 10], [39, 79, 89]), (.th, [40, 40, 10], [39, 79, 89]),
            (.aiFace, [40, 40, 10], [39, 79, 89]), (.cmdEcho, [40, 40, 10], [39, 79, 89]),
            (.exclusiveTo, [90, 90, 90], [40, 80, 90]),
        ] as [(FirmwareProfile, [Int64], [Int64])])
    func `a user list is numbered as its firmware numbers`(
        profile: FirmwareProfile, counts: [Int64], ends: [Int64]
    ) throws {
        var desk = Self.desk(profile)
        var people: [Int64] = []
        for page in 0..<3 {
            let answer = try desk.ask("getuserlist", #""stn":\#(page == 0)"#)
            #expect(answer["count"] == .integer(counts[page]) && answer["to"] == .integer(ends[page]))
            #expect(answer["from"] == .integer(Int64(page) * 40))
            people += answer.people
        }
        #expect(people.count == 90 && Set(people) == Set(1...45))
        let after = try desk.ask("getuserlist", #""stn":false"#)
        #expect(after["result"] == true && after["count"] == 0 && after.recordCount == 0)
    }

    @Test func `pages by number answer nothing to stn, and every row by page`() throws {
        for profile in [FirmwareProfile.pages, .aiFaceBS] {
            var desk = Self.desk(profile)
            let none = try desk.ask("getuserlist", #""stn":true"#)
            #expect(none["count"] == (profile == .pages ? 0 : nil))
            #expect(none["result"] == .bool(profile == .pages))
            var people: [Int64] = []
            for page in 1...4 {
                let answer = try desk.ask("getuserlist", #""page":\#(page),"pagesize":30"#)
                #expect((answer["count"] == 90) == (page < 4))
                people += answer.people
            }
            #expect(people.count == 90)
            let day = try desk.ask(
                "getalllog",
                #""page":1,"pagesize":100,"starttime":"2026-03-03 00:00:00","endtime":"2026-03-03 23:59:59""#)
            #expect(day["count"] == 24 && day.recordCount == 24)
        }
    }

    @Test func `logs come with the total, once as new, and by day as often as asked`() throws {
        var desk = Self.desk(.aiFace)
        #expect(try desk.ask("getnewlog", #""stn":true"#)["count"] == 120)
        #expect(desk.brain.content.logs.newCount == 70)
        #expect(try desk.ask("getnewlog", #""stn":false"#)["to"] == 99)
        #expect(try desk.ask("getnewlog", #""stn":false"#).recordCount == 20)
        #expect(try desk.ask("getnewlog", #""stn":true"#)["count"] == 0)
        #expect(try desk.ask("getalllog", #""stn":true,"from":"2026-3-3","to":"2026-03-03""#)["count"] == 24)
        #expect(
            try desk.ask("getalllog", #""stn":true,"from":"2026-03-03 10:00:00","to":"2026-03-03 12:00:00""#)[
                "count"] == 3)
        #expect(try desk.ask("getalllog", #""stn":true,"from":"yesterday""#)["reason"] == 1)
    }

    @Test func `a page is open over a new connection and closed by a restart`() throws {
        var desk = Self.desk(.aiFace)
        _ = try desk.ask("getuserlist", #""stn":true"#)
        desk.act { $0.dropLink(at: $1) }
        desk.effects = []
        desk.connect()
        #expect(try desk.ask("getuserlist", #""stn":false"#)["from"] == 40)
        desk.hear(#"{"cmd":"reboot"}"#)
        desk.effects = []
        desk.connect()
        #expect(try desk.ask("getuserlist", #""stn":false"#)["count"] == 0)
    }

    @Test func `a fingerprint unit gives all users one by one`() throws {
        var desk = Self.desk(.tfs)
        var answer = try desk.ask("getallusers", #""stn":true"#)
        var rows = 1
        while answer["index"] != answer["count"].map({ .integer(($0.integer ?? 0) - 1) }) {
            answer = try desk.ask("getallusers", #""stn":false"#)
            rows += 1
        }
        #expect(rows == 90 && answer["enrollid"] == 45 && answer["record"] == 45)
    }
}
