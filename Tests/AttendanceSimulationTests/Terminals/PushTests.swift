import AttendanceCore
import AttendanceSimulation
import Testing

/// What a firmware says by itself, and what it makes of the answers.
@Suite struct PushTests {
    @Test func `registers first, again every 20 seconds, and says nothing else before the answer`() throws {
        var desk = Desk()
        desk.act { $0.powerOn(at: $1) }
        desk.pass(.seconds(20))
        #expect(desk.effects == [.dial])
        desk.act { $0.connected(at: $1) }
        desk.act { _ = $0.punch(1, known: false, at: $1) }
        desk.pass(.seconds(20))
        #expect(try desk.said().map(\.command) == ["reg", "reg"])
        desk.hear(#"{"ret":"reg","result":false,"reason":"Waiting for approval"}"#)
        #expect(desk.brain.ledger.screens == ["Waiting for approval"])
        desk.pass(.seconds(20))
        desk.hear(#"{"ret":"reg","result":true}"#)
        #expect(try desk.said().map(\.command) == ["reg", "sendlog"])
    }

    @Test func `tells in reg what it holds`() throws {
        var desk = Desk(.th)
        for person in 1...3 as ClosedRange<UInt64> {
            desk.act {
                $0.enrol(
                    person, name: "", credentials: [StoredCredential(slot: 0, record: "d33c30")], at: $1)
            }
        }
        desk.act {
            $0.powerOn(at: $1)
            _ = $0.punch(2, at: $1)
            _ = $0.punch(3, at: $1)
        }
        desk.pass(.seconds(20))
        desk.act { $0.connected(at: $1) }
        guard case .object(let info) = try desk.said()[0]["devinfo"] else {
            Issue.record("no devinfo")
            return
        }
        #expect(info["useduser"] == 3 && info["usedfp"] == 3)
        #expect(info["usedlog"] == 2 && info["usednewlog"] == 2)
        #expect(info["usedrtlog"] == nil && info["facesize"] == nil)
        #expect(info["fpalgo"] == "thbio3.0" && info["time"] == "2026-03-02 08:00:20")
    }

    @Test func `a batch stays until both numbers are echoed, and the link is cut after 20 seconds`() throws {
        var desk = Desk.registered()
        _ = desk.act { $0.punch(5, known: false, at: $1) }
        #expect(try desk.said()[0].people == [5])
        desk.hear(#"{"ret":"sendlog","result":true,"cloudtime":"2026-03-02 08:00:00"}"#)
        #expect(desk.brain.content.logs.newCount == 1)
        desk.pass(.seconds(20))
        #expect(desk.effects.last == .hangUp)
        #expect(desk.brain.ledger.surprises.count == 1)
        desk.connect()
        desk.pass(.milliseconds(1))
        #expect(desk.brain.awaitsAcknowledgement && desk.brain.ledger.batchesRepeated == 1)
    }

    @Test func `a refused batch comes again later, an acknowledged one never`() throws {
        var desk = Desk.registered()
        _ = desk.act { $0.punch(5, known: false, at: $1) }
        desk.inbox = []
        desk.hear(#"{"ret":"sendlog","result":false,"reason":1}"#)
        desk.pass(.seconds(19))
        #expect(desk.inbox.isEmpty)
        desk.pass(.seconds(1))
        try desk.acknowledge()
        desk.pass(.seconds(1000))
        #expect(desk.inbox.isEmpty)
        #expect(desk.brain.content.logs.newCount == 0 && desk.brain.content.logs.count == 1)
    }

    @Test func `AiFace BS wants mark, and registers again as often as it is told`() throws {
        var desk = Desk.registered(.aiFaceBS, answer: #"{"ret":"reg","result":true,"tryseconds":60}"#)
        _ = desk.act { $0.punch(5, known: false, at: $1) }
        desk.inbox = []
        desk.hear(#"{"ret":"sendlog","result":true,"count":1,"logindex":0}"#)
        #expect(desk.brain.content.logs.newCount == 1)
        desk.pass(.seconds(20))
        try desk.acknowledge()
        #expect(desk.brain.content.logs.newCount == 0)
        desk.pass(.seconds(60))
        #expect(try desk.said().map(\.command) == ["reg"])
    }

    @Test func `a backlog goes out in batches, one at a time, in the order of the memory`() throws {
        var desk = Desk()
        desk.act { brain, now in
            brain.powerOn(at: now)
            for person in 1...45 as ClosedRange<UInt64> { _ = brain.punch(person, known: false, at: now) }
        }
        desk.connect()
        var people: [Int64] = []
        desk.pass(.milliseconds(1))
        desk.act { $0.dropLink(at: $1) }
        desk.pass(.seconds(30))
        desk.act { $0.connected(at: $1) }
        desk.hear(#"{"ret":"reg","result":true}"#)
        while let batch = desk.inbox.last, desk.brain.awaitsAcknowledgement {
            people += try ServerMessage(batch).people
            try desk.acknowledge()
        }
        #expect(people == Array(1...45))
        #expect(desk.brain.ledger.batchesAcknowledged == 3)
    }

    @Test func `only the first punch of a day is pushed where the firmware is so, the rest is handed out`()
        throws
    {
        var habits = DeviceHabits()
        habits.pushesFirstOfDayOnly = true
        var desk = Desk.registered(habits: habits)
        for _ in 1...3 {
            _ = desk.act { $0.punch(5, known: false, at: $1) }
            if !desk.inbox.isEmpty { try desk.acknowledge() }
            desk.pass(.seconds(60))
        }
        #expect(desk.brain.ledger.batchesSent == 1 && desk.brain.content.logs.newCount == 2)
        let page = try desk.ask("getnewlog", #""stn":true"#)
        #expect(page["count"] == 2 && page.recordCount == 2)
        #expect(desk.brain.content.logs.newCount == 0)
    }

    @Test func `pushes stall and commands are answered, until a restart`() throws {
        var desk = Desk.registered()
        desk.act { $0.stallPushes(true, at: $1) }
        _ = desk.act { $0.punch(5, known: false, at: $1) }
        desk.pass(.seconds(100))
        #expect(desk.inbox.isEmpty)
        #expect(try desk.ask("gettime").answeredWord == "gettime")
        desk.hear(#"{"cmd":"reboot"}"#)
        desk.pass(.seconds(20))
        desk.act { $0.connected(at: $1) }
        desk.inbox = []
        desk.hear(#"{"ret":"reg","result":true}"#)
        #expect(try desk.said().map(\.command) == ["sendlog"])
    }

    @Test func `nothing moves while the Wi-Fi stalls, and what was said comes through afterwards`() throws {
        var desk = Desk.registered()
        desk.act { $0.stall(true, at: $1) }
        _ = desk.act { $0.punch(5, known: false, at: $1) }
        desk.hear(#"{"cmd":"gettime"}"#)
        desk.pass(.seconds(10))
        #expect(desk.inbox.isEmpty)
        desk.act { $0.stall(false, at: $1) }
        desk.pass(.milliseconds(1))
        desk.act { $0.stall(true, at: $1) }
        _ = desk.act { $0.punch(6, known: false, at: $1) }
        desk.pass(.seconds(40))
        #expect(desk.effects.last == .abandon && !desk.brain.isConnected)
        desk.pass(.seconds(100))
        #expect(desk.effects.last == .abandon)
        desk.act { $0.stall(false, at: $1) }
        desk.pass(.seconds(1))
        #expect(desk.effects.last == .dial)
    }

    // MARK: senduser

    private static func people(_ count: UInt64, in desk: inout Desk) {
        desk.act { brain, now in
            for person in 1...count {
                brain.enrol(
                    person, name: "P\(person)",
                    credentials: [StoredCredential(slot: 11, record: String(1000 + person))], at: now)
            }
        }
    }

    @Test func `hundreds of users follow reg where the server wants them, each until it is answered`() throws
    {
        var desk = Desk(.tfs)
        Self.people(424, in: &desk)
        desk.connect(answer: #"{"ret":"reg","result":false}"#)
        desk.hear(#"{"ret":"reg","result":true,"nosenduser":false}"#)
        #expect(try desk.said()[0]["enrollid"] == 1)
        desk.pass(.seconds(5))
        let again = try desk.said()
        #expect(again.count == 1 && again[0]["enrollid"] == 1 && again[0]["record"] == 1001)
        #expect(again[0]["sn"] == nil)
        for _ in 0..<424 { desk.hear(#"{"ret":"senduser","result":true}"#) }
        #expect(desk.brain.content.users.unacknowledged == 0)
        #expect(desk.brain.ledger.usersAcknowledged == 424)
        #expect(Set(try desk.said().compactMap { $0["enrollid"]?.integer }) == Set(2...424))
    }

    @Test func `no user is pushed with nosenduser, but the one that adduser asked for`() throws {
        var desk = Desk.registered()
        Self.people(3, in: &desk)
        #expect(desk.inbox.isEmpty)
        #expect(
            try desk.ask("adduser", #""enrollid":9,"backupnum":0,"admin":0,"name":"Ann","flag":10"#).isSuccess
        )
        #expect(desk.act { $0.completeEnrolment(at: $1) })
        let user = try desk.said()
        #expect(user.count == 1 && user[0]["enrollid"] == 9 && user[0]["name"] == "Ann")
        #expect(user[0]["sn"] == nil)
        desk.hear(#"{"ret":"senduser","result":true,"enrollid":9,"backupnum":0}"#)
        desk.pass(.seconds(100))
        #expect(desk.inbox.isEmpty)
    }

    @Test func `a face terminal pushes every user after cleanlog`() throws {
        var desk = Desk.registered()
        Self.people(2, in: &desk)
        desk.hear(#"{"cmd":"cleanlog"}"#)
        #expect(try desk.said().compactMap(\.command) == ["senduser"])
        desk.hear(#"{"ret":"senduser","result":true}"#)
        desk.hear(#"{"ret":"senduser","result":true}"#)
        #expect(desk.brain.ledger.usersAcknowledged == 2)
    }

    // MARK: Approval

    @Test(arguments: [
        (#","access":1"#, true), (#","access":true"#, true), (#","access":0"#, false),
        (#","access":false"#, false), ("", false),
    ])
    func `a door that the server decides about opens by its word alone`(answer: String, opens: Bool) throws {
        var habits = DeviceHabits()
        habits.asksApproval = true
        var desk = Desk.registered(habits: habits)
        #expect(desk.act { $0.punch(5, known: false, at: $1) } == .asked(1))
        try desk.acknowledge(answer)
        #expect(desk.brain.ledger.doorOpenings.map(\.cause) == (opens ? [.approved(5)] : []))
        #expect(desk.brain.ledger.doorRefusals == (opens ? 0 : 1))
        #expect(desk.brain.content.logs.newCount == 0)
    }

    @Test func `nobody waits at a door for ever, and a late word opens nothing`() throws {
        var habits = DeviceHabits()
        habits.asksApproval = true
        var desk = Desk.registered(habits: habits)
        _ = desk.act { $0.punch(5, known: false, at: $1) }
        desk.pass(.seconds(5))
        #expect(desk.brain.ledger.doorRefusals == 1)
        try desk.acknowledge(#","access":1"#)
        #expect(desk.brain.ledger.doorOpenings.isEmpty)
        #expect(desk.brain.content.logs.newCount == 0)
    }

    @Test(arguments: [DeviceHabits.Offline.open, .refuse])
    func `what a door does with nobody to ask is a habit`(offline: DeviceHabits.Offline) {
        var habits = DeviceHabits()
        habits.asksApproval = true
        habits.offline = offline
        var desk = Desk(habits: habits)
        desk.act { $0.powerOn(at: $1) }
        let outcome = desk.act { $0.punch(5, known: false, at: $1) }
        #expect(outcome == (offline == .open ? .accepted(1) : .serverNeeded))
        #expect(desk.brain.content.logs.count == (offline == .open ? 1 : 0))
        #expect(desk.brain.ledger.doorOpenings.count == (offline == .open ? 1 : 0))
    }

    @Test func `a QR code opens by the server's word, and the punch follows with its mark`() throws {
        var desk = Desk.registered()
        #expect(desk.act { $0.showCode("A1.b2", at: $1) })
        #expect(try desk.said()[0]["record"] == "A1.b2")
        desk.hear(
            #"{"ret":"sendqrcode","sn":"T1","result":true,"access":1,"enrollid":5,"message":"Welcome"}"#)
        #expect(desk.brain.ledger.doorOpenings.map(\.cause) == [.code])
        #expect(desk.brain.ledger.screens == ["Welcome"])
        #expect(desk.brain.content.logs[1]?.verifyMode == 13)
        #expect(desk.act { $0.showCode("A1.b2", at: $1) })
        desk.pass(.seconds(5))
        #expect(desk.brain.ledger.doorRefusals == 1)
        #expect(!desk.act { $0.typePIN("1234", at: $1) })
        var other = Desk.registered(.aiFaceBS)
        #expect(other.act { $0.typePIN("1234", at: $1) })
        #expect(try other.said()[0]["pin"] == "1234")
        other.hear(#"{"ret":"sendpin","result":true,"access":0}"#)
        #expect(other.brain.ledger.doorOpenings.isEmpty)
    }

    // MARK: The rest

    @Test func `recognises nobody while disabled, nobody unknown, nobody switched off`() throws {
        var desk = Desk.registered()
        Self.people(2, in: &desk)
        #expect(desk.act { $0.punch(3, at: $1) } == .unknown)
        _ = try desk.ask("enableuser", #""enrollid":2,"enflag":0"#)
        #expect(desk.act { $0.punch(2, at: $1) } == .notAllowed)
        _ = try desk.ask("disabledevice")
        #expect(desk.act { $0.punch(1, at: $1) } == .recognitionOff)
        _ = try desk.ask("enabledevice")
        #expect(desk.act { $0.punch(1, at: $1) } == .accepted(1))
        desk.act { brain, _ in brain.powerOff(keeping: brain.content) }
        #expect(desk.act { $0.punch(1, at: $1) } == .noPower)
    }

    @Test func `the clock drifts, follows cloudtime, and its jumps are told`() {
        var clock = DeviceClock(
            showing: Desk.morning, at: UnixTime(seconds: 1000), driftPartsPerMillion: 100)
        #expect(clock.time(at: UnixTime(seconds: 1000 + 100_000)).seconds == Desk.morning.seconds + 100_010)
        #expect(clock.set(Desk.morning, at: UnixTime(seconds: 101_000)) == -100_010)
        var desk = Desk.registered(answer: #"{"ret":"reg","result":true,"cloudtime":"2026-03-02 09:00:00"}"#)
        #expect(desk.brain.ledger.clockJumps.map(\.seconds) == [3580])
        #expect(desk.act { $0.wallTime(at: $1) }.description == "2026-03-02 09:00:00")
    }

    @Test func `a full memory overwrites its oldest record, delivered or not`() throws {
        var desk = Desk(logs: 3)
        desk.act { $0.powerOn(at: $1) }
        for person in 1...5 as ClosedRange<UInt64> {
            _ = desk.act { $0.punch(person, known: false, at: $1) }
        }
        #expect(desk.brain.content.logs.all.map(\.log.person) == [3, 4, 5])
        #expect(desk.brain.content.logs.lost == 2 && desk.brain.content.logs.newCount == 3)
    }
}
