import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import Foundation
import Logging
import Synchronization
import Testing

@testable import AttendanceGateway

/// The whole company against the real program: people enrol and punch while plugs are pulled and the gateway is killed.
///
/// `ATTENDANCE_FLEET_TERMINALS` (12), `ATTENDANCE_FLEET_PEOPLE` (60) and `ATTENDANCE_FLEET_KILLS` (5) make it larger,
/// `ATTENDANCE_FLEET_SEED` repeats it. It gives up when nothing has become better for `ATTENDANCE_FLEET_SECONDS` (60),
/// and leaves the gateway's folder in `ATTENDANCE_FLEET_KEEP` then.
@Suite struct `A fleet of terminals` {
    @Test(.timeLimit(.minutes(20))) func `agrees in the end, whatever is switched off meanwhile`()
        async throws
    {
        let run = try await FleetRun()
        try await run.run()
    }
}

/// One run of the fleet and what came out of it.
private final class FleetRun: Sendable {
    private let plan: FleetPlan
    private let kills: Int
    private let patience: Int
    private let folder: TemporaryFolder
    private let port: Int
    private let config: String
    private let terminals: [FaithfulTerminal]
    private let random: Mutex<SeededGenerator>
    /// Everybody who was enrolled at a keypad so far.
    private let enrolled = Mutex<[FleetPlan.Member]>([])
    /// People whom the gateway had called to a terminal: number and terminal.
    private let called = Mutex<[(id: UInt64, place: Int)]>([])
    private let orders = Mutex<[Int64]>([])
    private let punches = Mutex(0)
    private let clock = ContinuousClock.now

    init() async throws {
        let seed = UInt64(number(named: "ATTENDANCE_FLEET_SEED", or: Int.random(in: 1...1_000_000)))
        plan = FleetPlan(
            seed: seed, terminals: number(named: "ATTENDANCE_FLEET_TERMINALS", or: 12),
            people: number(named: "ATTENDANCE_FLEET_PEOPLE", or: 60))
        kills = number(named: "ATTENDANCE_FLEET_KILLS", or: 5)
        patience = number(named: "ATTENDANCE_FLEET_SECONDS", or: 60)
        random = Mutex(SeededGenerator(seed: seed ^ 0xF1EE7))
        folder = try TemporaryFolder()
        port = try await LoopbackPort.free()
        config = folder.path + "/config.ini"
        let groups = FleetPlan.groups.map { "[Group \($0)]\nShareCredentials = yes\n" }
        let sections = plan.places.map { "[Terminal \($0.serial)]\nGroup = \($0.group)\n" }
        try
            ("""
        [Server]
        Host = 127.0.0.1
        Port = \(port)
        [Terminals]
        TimeZone = Asia/Kolkata
        [People]
        Collect = yes

        """ + (groups + sections).joined()).write(toFile: config, atomically: true, encoding: .utf8)
        let port = self.port
        terminals = try plan.places.enumerated().map { index, place in
            var options = FaithfulTerminal.Options(serial: place.serial)
            options.profile = place.profile
            options.zone = "Asia/Kolkata"
            options.seed = seed &+ UInt64(index)
            options.habits.enrolsAfter = .milliseconds(50)
            return try FaithfulTerminal(options, address: .init(port: port))
        }
        print("fleet test: seed \(seed), \(plan.places.count) terminals, \(plan.members.count) people")
    }

    private func pick(_ range: ClosedRange<Int>) -> Int {
        random.withLock { Int.random(in: range, using: &$0) }
    }

    func run() async throws {
        let isOver = Flag()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for terminal in terminals { group.addTask { try await terminal.run() } }
            try await withThrowingTaskGroup(of: Void.self) { busy in
                busy.addTask { try await self.pullPlugs(until: isOver) }
                busy.addTask { try await self.enrolEverybody() }
                busy.addTask {
                    try await self.killAgainAndAgain()
                    isOver.set()
                }
                try await busy.waitForAll()
            }
            try await finish()
            group.cancelAll()
        }
    }

    // MARK: What happens meanwhile

    /// Everybody is enrolled at their terminal, one after the other, and people who are known punch.
    private func enrolEverybody() async throws {
        let pause = Duration.milliseconds(Int64(kills) * 2_500 / Int64(max(1, plan.members.count)))
        for member in plan.members {
            let terminal = terminals[member.home]
            repeat {
                // With the plug out there is no keypad, and a torn write is a person who enrols again.
                terminal.powerOn()
                terminal.act {
                    $0.enrol(
                        member.id, name: "Person \(member.id)", credentials: member.credentials, at: $1)
                }
            } while terminal.content.users[member.id]?.credentials.count != member.credentials.count
            enrolled.withLock { $0.append(member) }
            for _ in 0..<2 { punch() }
            try await Task.sleep(for: pause)
        }
    }

    /// Somebody goes to some terminal of their group; whether it knows them is another matter.
    private func punch() {
        let members = enrolled.withLock { $0 }
        guard !members.isEmpty else { return }
        let member = members[pick(0...members.count - 1)]
        let group = plan.places[member.home].group
        let places = plan.places.indices.filter { plan.places[$0].group == group }
        punch(member.id, at: places[pick(0...places.count - 1)])
    }

    @discardableResult
    private func punch(_ id: UInt64, at place: Int) -> PunchOutcome {
        // Each in a second of its own: to the journal two alike are one.
        let second = punches.withLock { count in
            count += 1
            return Int64(count)
        }
        let time = WallTime(seconds: wallNow().seconds - 86_400 + second)
        return terminals[place].act { $0.punch(id, time: time, at: $1) }
    }

    private func pullPlugs(until isOver: Flag) async throws {
        while !isOver.isSet {
            let terminal = terminals[pick(0...terminals.count - 1)]
            switch pick(0...3) {
            case 0: terminal.cutPowerInNextWrite(after: pick(1...60))
            default: terminal.powerCut()
            }
            try await Task.sleep(for: .milliseconds(pick(100...600)))
            terminal.powerOn()
            try await Task.sleep(for: .milliseconds(pick(50...300)))
        }
    }

    private func killAgainAndAgain() async throws {
        for round in 0..<kills {
            try await orderWhatMustNotRunTwice(round)
            let gateway = try GatewayProcess(["serve", "--config", config], port: port)
            try await gateway.isReady()
            // A random moment, which is the point of it.
            try await Task.sleep(for: .milliseconds(pick(800...3_500)))
            gateway.signal(SIGKILL)
            #expect(await gateway.waitUntilEnded() == 128 + SIGKILL)
        }
    }

    /// While no gateway runs: a door for everybody to see, and somebody called to each terminal.
    private func orderWhatMustNotRunTwice(_ round: Int) async throws {
        let now = Gateway.Surroundings.systemTime
        let store = try SQLiteStore(
            folder: folder.path + "/data", options: StoreOptions(now: now), logger: Logger(label: "test"))
        let expires = now() + .seconds(3_600)
        var commands: [SealedCommand] = []
        for (index, place) in plan.places.enumerated() {
            let serial = try #require(SerialNumber(place.serial))
            if round == 0 {
                try await store.note(TerminalSighting(serial: serial, at: now(), address: "::1"))
            }
            let id = UInt64(100_000 + round * 1_000 + index)
            if round < 4 {
                // A door of its own for each round, so that two of one round are told from two rounds.
                commands.append(
                    SealedCommand(
                        command: NewCommand(
                            terminal: serial,
                            request: try CommandCatalogue.request(
                                "opendoor", fields: ["doornum": .integer(Int64(round + 1))]),
                            reason: "round \(round)", expires: expires)))
            }
            commands.append(
                SealedCommand(
                    command: NewCommand(
                        terminal: serial,
                        request: try CommandCatalogue.request(
                            "adduser",
                            fields: [
                                "enrollid": .integer(Int64(id)), "backupnum": .integer(0),
                                "admin": .integer(0), "name": .text("Called \(id)"),
                            ]), expires: expires)))
            called.withLock { $0.append((id, index)) }
        }
        let ids = try await store.enqueue(commands, by: Author("ada"), at: now(), mostWaiting: 1_000)
        orders.withLock { $0 += ids }
        await store.close()
    }

    // MARK: The end

    /// Those enrolled at keypads, and those called who came.
    private var members: [FleetPlan.Member] {
        enrolled.withLock { $0 }
            + called.withLock { $0 }.compactMap { id, place in
                terminals[place].content.users[id].map {
                    FleetPlan.Member(id: id, home: place, credentials: $0.credentials)
                }
            }
    }

    private var faults: [String] {
        let members = self.members
        return terminals.indices.flatMap { index in
            let terminal = terminals[index]
            var faults = plan.faults(at: index, terminal.content, members)
            if !terminal.brain.recognises { faults.append("\(terminal.serial) recognises nobody") }
            return faults
        }
    }

    private func finish() async throws {
        let gateway = try GatewayProcess(
            ["serve", "--config", config], port: port, output: folder.path + "/output")
        try await gateway.isReady()
        let start = ContinuousClock.now
        // One more cut for each, so that no torn write is still to come.
        for terminal in terminals {
            terminal.powerCut()
            terminal.powerOn()
        }
        let reader = try SQLiteReader(folder: folder.path + "/data")
        let ids = Set(orders.withLock { $0 })
        try await whileItBecomesBetter {
            let open = try await reader.commandStanding(longest: 1)
            return faults.count + open.waiting + open.sent
        }
        let agreed = ContinuousClock.now - start
        let left = faults
        if !left.isEmpty, let place = ProcessInfo.processInfo.environment["ATTENDANCE_FLEET_KEEP"] {
            try keep(in: "\(place)/seed-\(plan.seed)")
        }
        if !left.isEmpty { Issue.record("\(left.count) faults: \(left.prefix(12).joined(separator: ", "))") }

        // What was copied works: everybody can punch wherever something of theirs fits.
        for member in members {
            let group = plan.places[member.home].group
            let places = plan.places.indices.filter { place in
                plan.places[place].group == group
                    && terminals[place].content.users[member.id].map { !$0.credentials.isEmpty } ?? false
            }
            let place = places[pick(0...places.count - 1)]
            let outcome = punch(member.id, at: place)
            #expect(outcome.record != nil, "\(member.id) at \(plan.places[place].serial): \(outcome)")
        }
        try await upTo(ContinuousClock.now + .seconds(60)) {
            return terminals.allSatisfy { $0.content.logs.newCount == 0 }
        }
        try await checkConflicts()
        gateway.signal(SIGTERM)
        #expect(await gateway.waitUntilEnded() == 0)
        let journal = try await checkJournal(reader)
        let (done, unknown) = try await checkCommands(reader, ids)
        let ledgers = terminals.map(\.ledger)
        print(
            """
            fleet test: seed \(plan.seed), \(terminals.count) terminals in \(FleetPlan.groups.count) groups, \
            \(members.count) people, \(kills) kills, \(ledgers.map(\.powerCuts).reduce(0, +)) power cuts, \
            \(journal) punches, \(ledgers.map { $0.count("setuserinfo") }.reduce(0, +)) credentials written, \
            \(ledgers.map(\.executions).reduce(0, +)) commands carried out, \(done) of \(ids.count) that must not \
            run twice done, \(unknown) unknown; agreed \(agreed) after the last start, \
            \(ContinuousClock.now - clock) in all
            """)
    }

    /// The journal and the log as they are now; sockets cannot be copied.
    private func keep(in place: String) throws {
        let manager = FileManager.default
        for part in ["data", "logs"] {
            try manager.createDirectory(atPath: "\(place)/\(part)", withIntermediateDirectories: true)
            for name in try manager.contentsOfDirectory(atPath: "\(folder.path)/\(part)")
            where !name.hasSuffix(".sock") {
                try manager.copyItem(
                    atPath: "\(folder.path)/\(part)/\(name)", toPath: "\(place)/\(part)/\(name)")
            }
        }
    }

    /// Until nothing is missing, or as little as ever is for so long that nothing more will come of it.
    private func whileItBecomesBetter(_ missing: () async throws -> Int) async throws {
        var least = Int.max
        var last = ContinuousClock.now
        while ContinuousClock.now - last < .seconds(patience) {
            let count = try await missing()
            if count == 0 { return }
            if count < least { (least, last) = (count, ContinuousClock.now) }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    /// Until it holds or the time is over; what is then missing is told by the checks that follow.
    private func upTo(_ end: ContinuousClock.Instant, _ condition: () async throws -> Bool) async throws {
        while ContinuousClock.now < end, try await !condition() {
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    /// What does not fit is shown, where and whose.
    private func checkConflicts() async throws {
        var expected: Set<String> = []
        for (index, place) in plan.places.enumerated() {
            for due in plan.due(at: index, members) where !due.fits {
                expected.insert("\(place.serial) \(due.id) \(due.credential.slot)")
            }
            for due in plan.due(at: index, members)
            where due.credential.kind == .card
                && terminals[index].content.users[due.id]?[due.credential.slot] == nil
            {
                expected.insert("\(place.serial) \(due.id) \(due.credential.slot)")
            }
        }
        var shown: Set<String> = []
        try await upTo(ContinuousClock.now + .seconds(60)) {
            let (_, output) = try await GatewayProcess.run(
                ["people", "conflicts", "--config", config, "--format", "json"], in: folder)
            shown = Set(
                try output.split(separator: "\n").filter { $0.hasPrefix("{") }.map {
                    let row = try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] ?? [:]
                    return ["terminal", "enroll_id", "slot"].map { key in row[key].map { "\($0)" } ?? "" }
                        .joined(separator: " ")
                })
            if shown == expected { return true }
            // Each look is a program of its own.
            try await Task.sleep(for: .seconds(1))
            return false
        }
        let (missing, extra) = (expected.subtracting(shown), shown.subtracting(expected))
        #expect(
            missing.isEmpty, "not shown: \(missing.count) of \(expected.count), \(missing.sorted().prefix(5))"
        )
        #expect(extra.isEmpty, "shown and no conflict: \(extra.count), \(extra.sorted().prefix(5))")
    }

    private func checkJournal(_ reader: SQLiteReader) async throws -> Int {
        var journal: [String: Int] = [:]
        var cursor: PunchCursor?
        while true {
            let page = try await reader.punches(PunchFilter(), after: cursor, limit: 1_000)
            guard let end = page.last else { break }
            cursor = PunchCursor(time: end.punch.time, id: end.id)
            for entry in page {
                journal["\(entry.terminal),\(entry.punch.enrollID),\(entry.punch.time)", default: 0] += 1
            }
        }
        let memory = terminals.flatMap { terminal in
            terminal.content.logs.all.map { "\(terminal.serial),\($0.log.person),\($0.log.time)" }
        }
        #expect(Set(memory).count == memory.count)
        let lost = Set(memory).subtracting(journal.keys)
        let strange = Set(journal.keys).subtracting(memory)
        #expect(lost.isEmpty, "\(lost.count) not in the journal: \(lost.sorted().prefix(5))")
        #expect(strange.isEmpty, "\(strange.count) in no memory: \(strange.sorted().prefix(5))")
        #expect(journal.values.allSatisfy { $0 == 1 })
        return memory.count
    }

    /// Done means once, unknown at most once, anything else never.
    private func checkCommands(
        _ reader: SQLiteReader, _ ids: Set<Int64>
    ) async throws -> (done: Int, unknown: Int) {
        var records: [CommandRecord] = []
        while true {
            let page = try await reader.commands(
                CommandFilter(ids: ids), after: records.last?.id ?? 0, limit: 500)
            if page.isEmpty { break }
            records += page
        }
        #expect(records.count == ids.count)
        var executed: [String: Int] = [:]
        for terminal in terminals {
            #expect(terminal.ledger.repeated(["opendoor", "adduser"]).isEmpty, "\(terminal.serial)")
            #expect(terminal.ledger.commandsBeforeRegistration == 0, "\(terminal.serial)")
            for order in terminal.ledger.executed where ["opendoor", "adduser"].contains(order.word) {
                executed["\(terminal.serial) \(order.word) \(try Self.subject(order.fields))", default: 0] +=
                    1
            }
        }
        for record in records {
            let key = "\(record.terminal) \(record.word) \(try Self.subject(record.fields))"
            let count = executed[key, default: 0]
            switch record.state {
            case .done, .refused: #expect(count == 1, "\(key)")
            case .unknown: #expect(count <= 1, "\(key)")
            default: Issue.record("\(key) ended as \(record.state): \(record.words ?? "")")
            }
        }
        return (records.count { $0.state == .done }, records.count { $0.state == .unknown })
    }

    /// The user's or the door's number, whether written as a number or as text.
    private static func subject(_ json: String) throws -> String {
        guard case .object(let fields)? = JSONValue(parsing: json) else { return "" }
        return ((fields["enrollid"] ?? fields["doornum"])?.json ?? "").filter { $0 != "\"" }
    }
}
