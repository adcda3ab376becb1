import AttendanceCore
import AttendanceStore
import Synchronization
import Testing

@testable import AttendanceTerminals

/// One after the other: their clock runs fast, and beginning all at once would cost each its time-outs.
@Suite(.serialized, .timeLimit(.minutes(10))) struct CommandDeskTests {
    let hall: CommandHall

    init() throws { hall = try CommandHall() }

    /// Says yes to everything.
    static let willing: ScriptedTerminal.Script = { word, _, _ in [#"{"ret":"\#(word)","result":true}"#] }

    // MARK: Order

    @Test func `commands for a terminal that is away wait, and run in order when it comes`() async throws {
        try await hall.introduce(CommandHall.serial)
        try await hall.withDesk { desk in
            let ids = try await desk.order(
                try [
                    hall.new("getdevinfo", lane: .background),
                    hall.new("setdevinfo", ["volume": .integer(3)]),
                    hall.new("opendoor", ["doornum": .integer(2)]),
                ], by: CommandHall.author)
            let first = try await hall.record(ids[0])
            #expect(first?.state == .waiting)
            let terminal = hall.connect(to: desk, Self.willing)
            let ends = try await hall.ends(of: ids)
            #expect(ends.map(\.state) == [.done, .done, .done] && ends.map(\.attempts) == [1, 1, 1])
            // What somebody waits for goes before the gateway's own work.
            #expect(terminal.words == ["setdevinfo", "opendoor", "getdevinfo"])
            #expect(terminal.fields[1] == ["doornum": .integer(2)])
            // And later ones at once, on the same connection.
            let more = try await desk.order([try hall.new("reboot")], by: CommandHall.author)
            #expect(try await hall.ends(of: more)[0].state == .done)
            #expect(terminal.pulse.conversation == nil || terminal.words.last == "reboot")
        }
    }

    @Test func `a terminal has one command in flight, and others do not wait for it`() async throws {
        let serials = (1...40).compactMap { SerialNumber("Z\($0)") }
        for serial in serials { try await hall.introduce(serial) }
        try await hall.withDesk(.init(lanes: 3, turn: 2)) { desk in
            var terminals: [ScriptedTerminal] = []
            for serial in serials { terminals.append(hall.connect(serial, to: desk, Self.willing)) }
            let ids = try await desk.order(
                try serials.flatMap { serial in
                    try (0..<5).map { _ in try hall.new("getdevinfo", to: serial) }
                },
                by: .gateway)
            let ends = try await hall.ends(of: ids)
            #expect(ends.count == 200 && ends.allSatisfy { $0.state == .done && $0.attempts == 1 })
            #expect(terminals.allSatisfy { $0.words.count == 5 })
            // Nothing of it stays with the connections.
            try await hall.until { terminals.allSatisfy { $0.pulse.conversation == nil } }
            try await hall.until { desk.standing == CommandStanding() }
        }
    }

    @Test func `more than may wait is refused with a remedy, and nothing of it is kept`() async throws {
        try await hall.introduce(CommandHall.serial)
        try await hall.withDesk(.init(mostWaiting: 3)) { desk in
            try await #require(throws: CommandError.tooMany(CommandHall.serial, limit: 3)) {
                try await desk.order(try (0..<4).map { _ in try hall.new("gettime") }, by: CommandHall.author)
            }
            _ = try await desk.order(try (0..<3).map { _ in try hall.new("gettime") }, by: CommandHall.author)
            try await hall.until { desk.standing.waiting == 3 }
            #expect(
                try await desk.cancel(CommandFilter(terminal: CommandHall.serial), by: CommandHall.author)
                    == 3)
            try await hall.until { desk.standing.waiting == 0 }
        }
    }

    // MARK: Answers

    @Test func `no answer, late ones, second ones and garbage cost their own command and nothing else`()
        async throws
    {
        try await hall.introduce(CommandHall.serial)
        try await hall.withDesk { desk in
            let terminal = hall.connect(to: desk) { word, _, times in
                switch word {
                // Never, to what may not be repeated.
                case "opendoor": []
                // Not the first time.
                case "gettime":
                    times == 1 ? [] : [#"{"ret":"gettime","time":"2026-03-01 08:00:00"}"#]
                // In another one's name, without sense, then twice.
                case "getdevinfo":
                    [
                        #"{"ret":"getdevinfo","sn":"OTHER","result":true,"volume":1}"#,
                        #"{"ret":"opendoor","result":true}"#, #"{"ret":"what","result":"#,
                        #"{"ret":" GetDevInfo ","result":true,"volume":7}"#,
                        #"{"ret":"getdevinfo","result":true,"volume":9}"#,
                    ]
                default: [#"{"ret":"\#(word)","result":false,"reason":3}"#]
                }
            }
            let ids = try await desk.order(
                try ["opendoor", "gettime", "getdevinfo", "enabledevice"].map { try hall.new($0) },
                by: CommandHall.author)
            let ends = try await hall.ends(of: ids)
            #expect(ends.map(\.state) == [.unknown, .done, .done, .refused])
            #expect(ends.map(\.attempts) == [1, 2, 1, 1])
            #expect(ends[1].result == #"{"time":"2026-03-01 08:00:00"}"#)
            #expect(ends[2].result == #"{"volume":7}"#)
            #expect(ends[3].words?.contains("operation failed") == true)
            #expect(terminal.words == ["opendoor", "gettime", "gettime", "getdevinfo", "enabledevice"])
        }
    }

    @Test func `what never answers is tried three times and then fails`() async throws {
        try await hall.introduce(CommandHall.serial)
        try await hall.withDesk { desk in
            let terminal = hall.connect(to: desk) { word, _, _ in
                word == "gettime" ? [] : [#"{"ret":"\#(word)","result":true}"#]
            }
            let ids = try await desk.order(
                [try hall.new("gettime"), try hall.new("enabledevice")], by: CommandHall.author)
            let ends = try await hall.ends(of: ids)
            #expect(ends.map(\.state) == [.failed, .done])
            #expect(terminal.words == ["gettime", "gettime", "gettime", "enabledevice"])
        }
    }

    @Test func `a word that a firmware does not know is remembered, until its text changes`() async throws {
        try await hall.introduce(CommandHall.serial)
        let knows = Atomic(false)
        try await hall.withDesk { desk in
            hall.connect(to: desk) { word, _, _ in
                knows.load(ordering: .acquiring)
                    ? [#"{"ret":"\#(word)","result":true}"#]
                    : [#"{"ret":"\#(word)","result":false,"msg":"can not find this command"}"#]
            }
            let ids = try await desk.order([try hall.new("getdevcap")], by: CommandHall.author)
            #expect(try await hall.ends(of: ids)[0].state == .refused)
            // Whoever asked reads it in the answer; the next try shall not be told before its line is there.
            try await hall.until { hall.told("cmd=getdevcap").count == 1 }
            #expect(hall.told("cmd=getdevcap").first?.hasPrefix("info command ended") == true)
            let error = try await #require(throws: CommandNotKnown.self) {
                try await desk.order([try hall.new("getdevcap")], by: CommandHall.author)
            }
            #expect(error.localizedDescription.contains("--force"))
            // Tried again on order, it is known from then on.
            knows.store(true, ordering: .releasing)
            let forced = try await desk.order(
                [try hall.new("getdevcap")], by: CommandHall.author, isForced: true)
            #expect(try await hall.ends(of: forced)[0].state == .done)
            _ = try await hall.ends(
                of: try await desk.order([try hall.new("getdevcap")], by: CommandHall.author))
            try await hall.store.learnWord("getshift", of: "ai518_1", isKnown: false, at: hall.clock.now)
            try await hall.introduce(CommandHall.serial, firmware: "ai518_2")
            _ = try await desk.order([try hall.new("getshift")], by: CommandHall.author)
        }
    }

    // MARK: Time

    @Test func `a command whose time is over is not sent, and its purpose is told`() async throws {
        try await hall.introduce(CommandHall.serial)
        let told = Mutex<[CommandState]>([])
        try await hall.withDesk(prepare: { desk in
            desk.handle(purpose: "pull") { event in
                if case .ended(let record, _) = event { told.withLock { $0.append(record.state) } }
            }
        }) { desk in
            let ids = try await desk.order(
                [
                    try hall.new("gettime", purpose: "pull", expires: .seconds(3_600)),
                    try hall.new("getdevinfo", expires: .seconds(90_000)),
                ], by: CommandHall.author)
            hall.clock.move(by: .seconds(7_200))
            #expect(try await hall.ends(of: [ids[0]])[0].state == .expired)
            try await hall.until { told.withLock { $0 } == [.expired] }
            let terminal = hall.connect(to: desk, Self.willing)
            #expect(try await hall.ends(of: ids).map(\.state) == [.expired, .done])
            #expect(terminal.words == ["getdevinfo"])
        }
    }

    @Test func `commands that ended long ago are forgotten`() async throws {
        try await hall.introduce(CommandHall.serial)
        let ids = try await hall.store.enqueue(
            [SealedCommand(command: try hall.new("gettime"))], by: .gateway, at: hall.clock.now,
            mostWaiting: 9)
        try await hall.store.settleCommands([.init(id: ids[0], state: .done)], at: hall.clock.now)
        hall.clock.move(by: .seconds(91 * 86_400))
        try await hall.withDesk { _ in try await hall.until { try await hall.record(ids[0]) == nil } }
    }

    // MARK: Who may

    @Test func `a terminal that is not approved gets what a person orders, and the rest once it is`()
        async throws
    {
        try await hall.introduce(CommandHall.serial)
        hall.unapproved.withLock { $0 = [CommandHall.serial] }
        try await hall.withDesk { desk in
            let terminal = hall.connect(to: desk, Self.willing)
            let own = try await desk.order([try hall.new("getdevinfo")], by: .gateway)
            let ordered = try await desk.order([try hall.new("gettime")], by: CommandHall.author)
            #expect(try await hall.ends(of: ordered)[0].words != nil)
            let waits = try await hall.record(own[0])
            #expect(waits?.state == .waiting && !terminal.words.contains("getdevinfo"))
            hall.unapproved.withLock { $0 = [] }
            desk.wake(CommandHall.serial)
            #expect(try await hall.ends(of: own)[0].state == .done)
        }
    }

    // MARK: Lost connections

    @Test func `what was under way when the connection went is repeated only where that is safe`()
        async throws
    {
        try await hall.introduce(CommandHall.serial)
        try await hall.withDesk { desk in
            let first = hall.connect(to: desk) { _, _, _ in [] }
            let door = try await desk.order([try hall.new("opendoor")], by: CommandHall.author)
            let time = try await desk.order([try hall.new("enabledevice")], by: CommandHall.author)
            try await hall.until { first.words == ["opendoor"] }
            // A new connection takes the place of the old one, which nobody has found to be dead yet.
            let second = hall.connect(to: desk) { _, _, _ in [] }
            try await hall.until { second.words == ["enabledevice"] }
            #expect(try await hall.record(door[0])?.state == .unknown)
            hall.disconnect(second)
            try await hall.until { try await hall.record(time[0])?.state == .waiting }
            // Too late: its connection is gone.
            first.say(#"{"ret":"opendoor","result":true}"#)
            let third = hall.connect(to: desk, Self.willing)
            let end = try await hall.ends(of: time)[0]
            #expect(end.state == .done && end.attempts == 2)
            #expect(third.words == ["enabledevice"])
            #expect(try await hall.record(door[0])?.state == .unknown)
        }
    }

    @Test func `a line that takes nothing is no attempt`() async throws {
        try await hall.introduce(CommandHall.serial)
        try await hall.withDesk { desk in
            // Present, and already dead.
            let dead = ScriptedTerminal(CommandHall.serial, hall.clock, Self.willing)
            let line = DeadLine()
            _ = hall.presence.arrive(
                CommandHall.serial, connection: 0, address: "::1", at: hall.clock.now, pulse: dead.pulse,
                line: line)
            let ids = try await desk.order([try hall.new("opendoor")], by: CommandHall.author)
            try await hall.until { line.tries.load(ordering: .acquiring) > 0 }
            try await hall.until { try await hall.record(ids[0])?.words != nil }
            let waiting = try #require(try await hall.record(ids[0]))
            #expect(waiting.state == .waiting && waiting.attempts == 0)
            hall.connect(to: desk, Self.willing)
            let end = try await hall.ends(of: ids)[0]
            #expect(end.state == .done && end.attempts == 1)
        }
    }

    private final class DeadLine: TerminalLine {
        let tries = Atomic(0)
        func send(_ bytes: [UInt8], written: @escaping @Sendable () -> Void) -> Bool {
            tries.add(1, ordering: .releasing)
            return false
        }
        func replaced() {}
        func hangUp() {}
    }

    // MARK: A restart

    @Test func `what an earlier run has left under way waits again, is unknown, or is done`() async throws {
        try await hall.introduce(CommandHall.serial)
        let now = hall.clock.now
        let ids = try await hall.store.enqueue(
            try ["gettime", "opendoor", "reboot", "getdevinfo"].map {
                SealedCommand(command: try hall.new($0, purpose: "pull"))
            }, by: CommandHall.author, at: now, mostWaiting: 9)
        for id in ids.prefix(3) { _ = try await hall.store.beginCommand(id, at: now) }
        let told = Mutex<[CommandState]>([])
        try await hall.withDesk(prepare: { desk in
            desk.handle(purpose: "pull") { event in
                if case .ended(let record, _) = event { told.withLock { $0.append(record.state) } }
            }
        }) { desk in
            try await hall.until { told.withLock { $0.count } == 2 }
            #expect(try await hall.record(ids[0])?.state == .waiting)
            let terminal = hall.connect(to: desk, Self.willing)
            let ends = try await hall.ends(of: ids)
            #expect(ends.map(\.state) == [.failed, .unknown, .done, .done])
            #expect(terminal.words == ["gettime", "gettime", "gettime", "getdevinfo"])
        }
    }

    // MARK: Secrets and purposes

    @Test func `what nobody may read is sealed in the journal, whole on the wire, and gone at the end`()
        async throws
    {
        try await hall.introduce(CommandHall.serial)
        let fields: [String: JSONValue] = [
            "enrollid": .integer(12), "name": .text("Ada"), "backupnum": .integer(10),
            "record": .integer(48_151_623), "admin": .integer(0),
        ]
        try await hall.withDesk { desk in
            let ids = try await desk.order([try hall.new("setuserinfo", fields)], by: CommandHall.author)
            let open = try await hall.store.openCommands(of: CommandHall.serial, limit: 1)
            #expect(open.first?.record.fields.contains("48151623") == false && open.first?.secrets != nil)
            let terminal = hall.connect(to: desk) { _, _, _ in
                [#"{"ret":"setuserinfo","result":true,"enrollid":12,"backupnum":10,"record":48151623}"#]
            }
            let end = try await hall.ends(of: ids)[0]
            #expect(end.state == .done && end.result?.contains("48151623") != true)
            #expect(terminal.fields[0]["record"] == .integer(48_151_623))
            #expect(terminal.fields[0]["enrollid"]?.json.contains("12") == true)
        }
    }

    @Test func `a purpose gets every page and the end, and again where it could not keep them`() async throws
    {
        try await hall.introduce(CommandHall.serial)
        let seen = Mutex<[String]>([])
        struct Full: Error {}
        try await hall.withDesk(prepare: { desk in
            desk.handle(purpose: "people") { event in
                switch event {
                case .page(_, .users(let rows)?, let summary):
                    seen.withLock { $0.append("\(rows.map(\.enrollID.sent)) \(summary.entries)") }
                case .page: seen.withLock { $0.append("page") }
                case .ended(let record, _):
                    let times = seen.withLock { seen in
                        seen.append("\(record.state)")
                        return seen.count { $0 == "done" }
                    }
                    if times == 1 { throw Full() }
                }
            }
        }) { desk in
            let script: ScriptedTerminal.Script = { _, fields, _ in
                fields["stn"] == .flag(true)
                    ? [
                        #"{"ret":"getuserlist","result":true,"count":3,"from":0,"to":1,"record":["#
                            + #"{"enrollid":1,"admin":0,"backupnum":0},{"enrollid":2,"admin":0,"backupnum":0}]}"#
                    ]
                    : [
                        #"{"ret":"getuserlist","result":true,"count":3,"from":2,"to":2,"#
                            + #""record":[{"enrollid":3,"admin":0,"backupnum":50}]}"#
                    ]
            }
            hall.connect(to: desk, script)
            let ids = try await desk.order([try hall.new("getuserlist", purpose: "people")], by: .gateway)
            let end = try await hall.ends(of: ids)[0]
            #expect(end.state == .done && end.attempts == 2)
            let once = [#"["1", "2"] 2"#, #"["3"] 3"#, "done"]
            #expect(seen.withLock { $0 } == once + once)
            // For a person the rows stand with the command.
            let shown = try await desk.order([try hall.new("getuserlist")], by: CommandHall.author)
            let result = try await hall.ends(of: shown)[0].result
            #expect(result?.contains(#""enrollid":"3""#) == true && result?.contains(#""entries":3"#) == true)
        }
    }

    @Test func `a page that its purpose cannot keep is asked for again on the same connection`() async throws
    {
        try await hall.introduce(CommandHall.serial)
        let pages = Mutex(0)
        struct Full: Error {}
        try await hall.withDesk(prepare: { desk in
            desk.handle(purpose: "people") { event in
                guard case .page = event else { return }
                let times = pages.withLock { pages in
                    pages += 1
                    return pages
                }
                if times == 1 { throw Full() }
            }
        }) { desk in
            let terminal = hall.connect(to: desk) { _, fields, _ in
                fields["stn"] == .flag(true)
                    ? [
                        #"{"ret":"getuserlist","result":true,"count":1,"record":[{"enrollid":1,"backupnum":0}]}"#
                    ]
                    : [#"{"ret":"getuserlist","result":true,"count":0,"record":[]}"#]
            }
            let ids = try await desk.order([try hall.new("getuserlist", purpose: "people")], by: .gateway)
            let end = try await hall.ends(of: ids)[0]
            #expect(end.state == .done && end.attempts == 2 && pages.withLock { $0 } == 2)
            #expect(terminal.fields.count { $0["stn"] == .flag(true) } == 2)
        }
    }

    /// A list without an end, each page another one.
    private static let endless: ScriptedTerminal.Script = { word, _, times in
        let rows =
            word == "getuserlist"
            ? #"{"enrollid":\#(times),"admin":0,"backupnum":0}"#
            : #"{"enrollid":\#(times),"time":"2026-03-01 08:00:00","mode":1,"inout":0,"event":0}"#
        return [
            #"{"ret":"\#(word)","result":true,"count":100000,"from":\#(times),"to":\#(times),"record":[\#(rows)]}"#
        ]
    }

    @Test(arguments: ["getuserlist", "getalllog", "getnewlog"])
    func `a list that is being read ends after the page under way when it is cancelled`(word: String)
        async throws
    {
        try await hall.introduce(CommandHall.serial)
        try await hall.withDesk { desk in
            let terminal = hall.connect(to: desk, Self.endless)
            let ids = try await desk.order([try hall.new(word), try hall.new("opendoor")], by: .gateway)
            try await hall.until { terminal.words.count >= 3 }
            #expect(try await desk.cancel(CommandFilter(ids: [ids[0]]), by: CommandHall.author) == 1)
            let ends = try await hall.ends(of: [ids[0]])
            #expect(ends[0].state == .cancelled)
            #expect(ends[0].words?.hasPrefix("cancelled by ada after ") == true, "\(ends[0].words ?? "")")
            #expect(ends[0].result?.contains(#""entries""#) == true)
            // Nobody asks for more, and what waits behind it goes on.
            try await hall.until { terminal.words.last == "opendoor" }
            let trail = try await hall.store.auditTrail(after: 0, limit: 9)
            #expect(trail.map(\.action) == ["commands.cancel"])
            #expect(trail.first?.detail.contains(word) == true)
        }
    }

    @Test func `a cancelled list is not begun again when the connection or the gateway is lost`() async throws
    {
        try await hall.introduce(CommandHall.serial)
        let ids = try await hall.store.enqueue(
            try [hall.new("getalllog"), hall.new("getuserlist"), hall.new("opendoor")].map {
                SealedCommand(command: $0)
            }, by: CommandHall.author, at: hall.clock.now, mostWaiting: 9)
        for id in ids { #expect(try await hall.store.beginCommand(id, at: hall.clock.now)) }
        // Nobody runs; a door cannot be called back.
        let stopped = try await CommandDesk.stopLists(
            CommandFilter(terminal: CommandHall.serial), by: CommandHall.author, in: hall.store,
            at: hall.clock.now)
        #expect(stopped.map(\.word) == ["getalllog", "getuserlist"])
        try await hall.withDesk { desk in
            let terminal = hall.connect(to: desk, Self.endless)
            let ends = try await hall.ends(of: ids)
            #expect(ends.map(\.state) == [.expired, .expired, .unknown])
            #expect(terminal.words.isEmpty)
        }
    }

    @Test func `a secret that a terminal repeats in its refusal is hidden`() async throws {
        try await hall.introduce(CommandHall.serial)
        try await hall.withDesk { desk in
            hall.connect(to: desk) { word, fields, _ in
                let record = fields["record"]?.plainText ?? ""
                return [#"{"ret":"\#(word)","result":false,"reason":1,"msg":"bad card \#(record) for 7"}"#]
            }
            let ids = try await desk.order(
                [
                    try hall.new(
                        "setuserinfo",
                        [
                            "enrollid": .integer(7), "name": .text("Ada"), "backupnum": .integer(11),
                            "admin": .integer(0), "record": .text("12345678"),
                        ])
                ], by: CommandHall.author)
            let end = try await hall.ends(of: ids)[0]
            #expect(end.state == .refused)
            #expect(end.words?.contains("bad card [hidden] for 7") == true, "\(end.words ?? "")")
        }
    }

    @Test func `one that waits can be cancelled, one that is under way cannot`() async throws {
        try await hall.introduce(CommandHall.serial)
        let told = Mutex<[Int64]>([])
        try await hall.withDesk(prepare: { desk in
            desk.handle(purpose: "people") { event in
                if case .ended(let record, _) = event, record.state == .cancelled {
                    told.withLock { $0.append(record.id) }
                }
            }
        }) { desk in
            let terminal = hall.connect(to: desk) { _, _, _ in [] }
            let ids = try await desk.order(
                try (0..<3).map { _ in try hall.new("enabledevice", purpose: "people") },
                by: CommandHall.author)
            try await hall.until { !terminal.words.isEmpty }
            let cancelled = try await desk.cancel(CommandFilter(ids: Set(ids)), by: CommandHall.author)
            #expect(cancelled == 2)
            #expect(told.withLock { $0 } == [ids[1], ids[2]])
            terminal.say(#"{"ret":"enabledevice","result":true}"#)
            let states = try await hall.ends(of: ids).map(\.state)
            #expect(states == [.done, .cancelled, .cancelled])
            #expect(terminal.words == ["enabledevice"])
        }
    }

    // MARK: Weather

    @Test
    func
        `a thousand commands over a flapping connection end once each, and what must not run twice does not`()
        async throws
    {
        try await hall.introduce(CommandHall.serial)
        let weather = Weather(hall)
        try await hall.withDesk { desk in
            var orders: [NewCommand] = []
            for number in 1...500 {
                let id = JSONValue.integer(Int64(number))
                orders.append(try hall.new("enableuser", ["enrollid": id, "enflag": .integer(1)]))
                orders.append(try hall.new("adduser", ["enrollid": id, "backupnum": .integer(0)]))
            }
            let ids = try await desk.order(orders, by: CommandHall.author)
            let flapping = Task { await weather.flap(desk) }
            let ends = try await hall.ends(of: ids)
            weather.end()
            await flapping.value
            #expect(ends.count == 1_000)
            #expect(
                ends.allSatisfy { $0.state == .done || ($0.word == "adduser" && $0.state == .unknown) })
            let times = weather.times
            #expect(times.count == 1_000)
            #expect(times.allSatisfy { $0.key.hasPrefix("enableuser") || $0.value == 1 })
            let unknown = ends.count { $0.state == .unknown }
            #expect(unknown > 0 && unknown < 100)
        }
    }

    /// A terminal on a bad line: the link goes before an answer or after it, or an answer comes twice.
    private final class Weather: Sendable {
        private let hall: CommandHall
        private let carriedOut = Mutex<[String: Int]>([:])
        private let random = Mutex(SeededRandom(state: 7))
        private let drops: AsyncStream<Void>
        private let drop: AsyncStream<Void>.Continuation

        init(_ hall: CommandHall) {
            self.hall = hall
            (drops, drop) = AsyncStream.makeStream()
        }

        /// How often each was carried out.
        var times: [String: Int] { carriedOut.withLock { $0 } }
        func end() { drop.finish() }

        func flap(_ desk: CommandDesk) async {
            var terminal = connect(to: desk)
            for await _ in drops {
                hall.disconnect(terminal)
                terminal = connect(to: desk)
            }
        }

        private func connect(to desk: CommandDesk) -> ScriptedTerminal {
            hall.connect(to: desk) { [self] word, fields, _ in
                carriedOut.withLock { $0["\(word) \(fields["enrollid"]?.json ?? "")", default: 0] += 1 }
                let answer = #"{"ret":"\#(word)","result":true}"#
                switch random.withLock({ $0.percent() }) {
                case ..<3:
                    drop.yield()
                    return []
                case ..<6:
                    drop.yield()
                    return [answer]
                case ..<11: return [answer, answer]
                default: return [answer]
                }
            }
        }
    }

    private struct SeededRandom {
        var state: UInt64
        mutating func percent() -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % 100)
        }
    }
}
