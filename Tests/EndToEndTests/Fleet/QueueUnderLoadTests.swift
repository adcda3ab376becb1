import AttendanceCore
import AttendanceGateway
import AttendanceSimulation
import AttendanceStore
import Foundation
import Testing

/// Much at once, over real sockets, with a faithful terminal at the other end.
@Suite(.timeLimit(.minutes(10))) struct `Much at once` {
    @Test func `a thousand commands over a flapping connection end once each`() async throws {
        let count = 1_000
        let seed = UInt64(number(named: "ATTENDANCE_FLEET_SEED", or: Int.random(in: 1...1_000_000)))
        try await withGateway(["Commands.MaxWaiting=1000"]) { gateway in
            var options = FaithfulTerminal.Options(serial: "ZX01")
            options.habits.redial = .milliseconds(20)
            options.habits.enrolsAfter = .zero
            options.seed = seed
            let terminal = try FaithfulTerminal(options, address: .init(port: gateway.port))
            let isOver = Flag()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await terminal.run() }
                try await terminal.wait { $0.isRegistered }
                terminal.act { brain, now in
                    brain.load((1...500).map { (UInt64($0), StoredUser(name: "P\($0)")) })
                    // An answer that is lost with the link: done, and nobody knows.
                    brain.faults.add(.dropAfter(executing: true), times: nil, share: 0.01)
                    brain.faults.add(.dropAfter(executing: false), times: nil, share: 0.01)
                    brain.faults.add(.twice, times: nil, share: 0.02)
                    brain.tick(at: now)
                }
                try await eventually {
                    try await !gateway.gateway.store.terminals(after: nil, limit: 1).isEmpty
                }
                let serial = try #require(SerialNumber("ZX01"))
                let expires = Gateway.Surroundings.systemTime() + .seconds(3_600)
                let clock = ContinuousClock.now
                let commands = try (1...count / 2).flatMap { number -> [NewCommand] in
                    let id = JSONValue.integer(Int64(number))
                    let newcomer = JSONValue.integer(Int64(number + 1_000))
                    return [
                        try CommandCatalogue.request(
                            "enableuser", fields: ["enrollid": id, "enflag": .integer(1)]),
                        try CommandCatalogue.request(
                            "adduser", fields: ["enrollid": newcomer, "backupnum": .integer(0)]),
                    ].map { NewCommand(terminal: serial, request: $0, expires: expires) }
                }
                let ids = try await gateway.gateway.commands.order(commands, by: Author("ada"))
                group.addTask {
                    var random = SeededGenerator(seed: seed)
                    while !isOver.isSet {
                        try await Task.sleep(for: .milliseconds(Int.random(in: 50...400, using: &random)))
                        terminal.act { $0.dropLink(at: $1) }
                    }
                }
                var ends: [CommandRecord] = []
                try await eventually {
                    let standing = try await gateway.gateway.store.commandStanding(longest: 1)
                    return standing == CommandStanding()
                }
                isOver.set()
                while ends.count < count {
                    let page = try await gateway.gateway.store.commands(
                        CommandFilter(ids: Set(ids)), after: ends.last?.id ?? 0, limit: 500)
                    if page.isEmpty { break }
                    ends += page
                }
                let spent = ContinuousClock.now - clock
                let ledger = terminal.ledger
                #expect(ends.count == count)
                #expect(ledger.repeated(["adduser"]).isEmpty)
                var carriedOut: [String: Int] = [:]
                for order in ledger.executed {
                    carriedOut["\(order.word) \(Self.user(order.fields))", default: 0] += 1
                }
                for end in ends {
                    let times = carriedOut["\(end.word) \(Self.user(end.fields))", default: 0]
                    switch (end.word, end.state) {
                    case ("enableuser", .done): #expect(times >= 1)
                    // Its predecessor's person still stands there: the terminal says that it is busy.
                    case ("adduser", .done), ("adduser", .refused): #expect(times == 1)
                    case ("adduser", .unknown): #expect(times <= 1)
                    default: Issue.record("\(end.word) ended as \(end.state): \(end.words ?? "")")
                    }
                }
                let unknown = ends.count { $0.state == .unknown }
                #expect(ledger.connections > 5 && unknown < count / 10)
                print(
                    "flapping connection: seed \(seed), \(count) commands, \(ledger.connections) connections, "
                        + "\(ledger.executions) carried out, \(unknown) unknown, \(spent)")
                group.cancelAll()
            }
        }
    }

    @Test func `424 senduser right after reg are acknowledged one by one`() async throws {
        let count = 424
        try await withGateway(file: "[People]\nCollect = yes\n") { gateway in
            var options = FaithfulTerminal.Options(serial: "ZX01")
            options.profile = .th
            let terminal = try FaithfulTerminal(options, address: .init(port: gateway.port))
            terminal.act { brain, _ in
                brain.load(
                    (1...count).map { number in
                        var user = StoredUser(name: "P\(number)")
                        user.credentials = [
                            StoredCredential(
                                slot: 0, record: SimulatedCredential.finger(seed: UInt64(number)))
                        ]
                        return (UInt64(number), user)
                    })
            }
            let clock = ContinuousClock.now
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await terminal.run() }
                try await terminal.wait { $0.ledger.usersAcknowledged >= count }
                group.cancelAll()
            }
            let spent = ContinuousClock.now - clock
            // Each waits for the answer to the one before; a repetition would mean one took five seconds.
            #expect(terminal.ledger.sent["senduser"] == count)
            #expect(terminal.content.users.unacknowledged == 0)
            let people = try await gateway.gateway.store.roster(space: nil, after: nil, limit: 1_000)
            #expect(people.count == count && people.allSatisfy { $0.credentials.count == 1 })

            // The same once more by hand, the time of each taken.
            let second = try await gateway.connect("ZX02")
            try await second.register()
            var latency = LatencyHistogram()
            for number in 1...count {
                let record = SimulatedCredential.finger(seed: UInt64(number + count))
                let start = ContinuousClock.now
                try await second.send(
                    #"{"cmd":"senduser","enrollid":\#(number + count),"name":"P\#(number)","backupnum":0,"#
                        + #""admin":0,"record":"\#(record)"}"#)
                let answer = try await second.answer(to: "senduser")
                latency.record(ContinuousClock.now - start)
                #expect(answer.isSuccess)
            }
            print(
                "424 senduser after reg: \(spent) in a row; one by one p50 \(latency.quantile(0.5)), "
                    + "p99 \(latency.quantile(0.99)), longest \(latency.maximum)")
            // Before a terminal gives up; how long it really takes depends on what else runs.
            #expect(latency.maximum < .seconds(20))
            try await second.close()
        }
    }

    /// The user's number, whether written as a number or as text.
    private static func user(_ json: String) -> String {
        guard case .object(let fields)? = JSONValue(parsing: json) else { return "" }
        return (fields["enrollid"]?.json ?? "").filter { $0 != "\"" }
    }
}
