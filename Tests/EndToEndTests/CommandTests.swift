import AttendanceCore
import AttendanceGateway
import AttendanceSimulation
import AttendanceStore
import AttendanceTerminals
import Foundation
import Logging
import Synchronization
import Testing

/// Commands over real sockets, in the whole gateway.
@Suite(.timeLimit(.minutes(10))) struct CommandTests {
    private static let serial = SerialNumber("ZX01")
    private static let author = Author("ada")

    private static func new(
        _ word: String, _ fields: [String: JSONValue] = [:], purpose: String? = nil
    ) throws -> NewCommand {
        NewCommand(
            terminal: try #require(serial), request: try CommandCatalogue.request(word, fields: fields),
            purpose: purpose, expires: Gateway.Surroundings.systemTime() + .seconds(3_600))
    }

    private static func ends(of ids: [Int64], _ gateway: RunningGateway) async throws -> [CommandRecord] {
        var records: [CommandRecord] = []
        try await eventually {
            records = try await gateway.gateway.store.commands(
                CommandFilter(ids: Set(ids)), after: 0, limit: ids.count)
            return records.allSatisfy(\.state.isFinal)
        }
        return records
    }

    /// The next message must be this command.
    private static func expect(_ word: String, _ terminal: SimulatedTerminal) async throws -> ServerMessage {
        let message = try await terminal.receiveMessage()
        #expect(message.command == word, "\(message)")
        return message
    }

    @Test func `wait for the terminal, come after the answer to its reg, and let its pushes through`()
        async throws
    {
        try await withGateway { gateway in
            // Known from an earlier visit.
            let earlier = try await gateway.connect("ZX01")
            try await earlier.register()
            try await eventually { try await !gateway.gateway.store.terminals(after: nil, limit: 1).isEmpty }
            try await earlier.close()
            let ids = try await gateway.gateway.commands.order(
                [
                    try Self.new("enableuser", ["enrollid": .integer(7), "enflag": .integer(0)]),
                    try Self.new("gettime"), try Self.new("getdevinfo"),
                ], by: Self.author)
            let terminal = try await gateway.connect("ZX01")
            try await terminal.send(
                TerminalWords.registration(serial: "ZX01", deviceInfo: TerminalWords.deviceInfo()))
            let first = try await terminal.receiveMessage()
            #expect(first.answeredWord == "reg")
            let order = try await Self.expect("enableuser", terminal)
            #expect(order["enrollid"] != nil && order["enflag"] == 0)
            // Between a command and its answer a terminal pushes what it has.
            #expect(try await terminal.sendLog([.tfs(7, at: wallNow(-60))]).isSuccess)
            try await terminal.ask("heartbeat")
            // Nonsense, another one's answer, then a firmware that echoes `cmd` (quirk Q22).
            try await terminal.send(#"{"ret":"cleanuser","result":true}"#)
            try await terminal.send(#"{"ret":"enableuser","sn":"OTHER","result":true}"#)
            try await terminal.send(#"{"cmd":"enableuser","sn":"ZX01","result":true}"#)
            _ = try await Self.expect("gettime", terminal)
            try await terminal.send(#"{"ret":" GETTIME ","time":"2026-03-01 08:00:00"}"#)
            try await terminal.send(#"{"ret":"gettime","time":"2001-01-01 00:00:00"}"#)
            _ = try await Self.expect("getdevinfo", terminal)
            try await terminal.send(#"{"ret":"getdevinfo","result":false,"reason":3}"#)
            let ends = try await Self.ends(of: ids, gateway)
            #expect(ends.map(\.state) == [.done, .done, .refused])
            #expect(ends[1].result == #"{"time":"2026-03-01 08:00:00"}"#)
            // No answer was answered: the next message is that of the next question.
            #expect(
                try await terminal.exchange(#"{"cmd":"heartbeat","sn":"ZX01"}"#).answeredWord == "heartbeat")
            try await eventually {
                let report = try await gateway.health()["commands"] as? [String: Any]
                return report?["waiting"] as? Int == 0
            }
            #expect(
                try await gateway.http("/metrics").body.contains("gateway_commands_waiting 0\n"))
            let trail = try await gateway.gateway.store.auditTrail(after: 0, limit: 9)
            #expect(trail.map(\.action) == ["commands.send", "commands.send", "commands.send"])
            try await terminal.close()
        }
    }

    /// A page is durable before the next is asked for: the terminal counts it as delivered once it was sent.
    @Test(arguments: ["ret", "cmd"])
    func `logs are pulled page by page, each stored before the next is asked for`(key: String) async throws {
        try await withGateway { gateway in
            let terminal = try await gateway.connect("ZX01")
            try await terminal.register()
            try await eventually { try await !gateway.gateway.store.terminals(after: nil, limit: 1).isEmpty }
            let ids = try await gateway.gateway.commands.order([try Self.new("getnewlog")], by: .gateway)
            let total = 95
            var sent = 0
            while sent < total {
                let asked = try await Self.expect("getnewlog", terminal)
                #expect(asked["stn"] == .bool(sent == 0))
                let stored = try await gateway.journal().count
                #expect(stored == sent)
                let page = (sent..<min(sent + 40, total)).map {
                    #"{"enrollid":\#($0 + 1),"time":"\#(wallNow(Int64($0) - 1_000))","mode":1,"inout":0,"event":0}"#
                }
                try await terminal.send(
                    #"{"\#(key)":"getnewlog","sn":"ZX01","result":true,"count":\#(total),"from":\#(sent),"#
                        + #""to":\#(sent + page.count - 1),"record":[\#(page.joined(separator: ","))]}"#)
                sent += page.count
            }
            let end = try await Self.ends(of: ids, gateway)[0]
            #expect(end.state == .done && end.result == #"{"entries":95,"pages":3}"#)
            let journal = try await gateway.journal()
            #expect(journal.count == total)
            // Nothing was said to any page.
            #expect(
                try await terminal.exchange(#"{"cmd":"heartbeat","sn":"ZX01"}"#).answeredWord == "heartbeat")
            try await terminal.close()
        }
    }

    @Test
    func `a photo on its way does not cost a terminal its acknowledgements, nor stand anywhere in clear`()
        async throws
    {
        let folder = try TemporaryFolder()
        let pin = "48151623"
        // A template of the size of a large one.
        let template = String(repeating: "a7f3(12)", count: 150)
        try await withGateway(folder: folder) { gateway in
            let terminal = try await gateway.connect("ZX01")
            try await terminal.register()
            try await eventually { try await !gateway.gateway.store.terminals(after: nil, limit: 1).isEmpty }
            let orders = try [(10, pin), (0, template)].map { slot, record in
                try Self.new(
                    "setuserinfo",
                    [
                        "enrollid": .integer(12), "name": .text("Ada"), "backupnum": .integer(Int64(slot)),
                        "record": .text(record), "admin": .integer(0),
                    ])
            }
            let raw = NewCommand(
                terminal: try #require(Self.serial),
                request: try CommandCatalogue.raw(
                    "getthing", fields: ["image": .text(String(repeating: "QUJD", count: 50_000))]),
                expires: Gateway.Surroundings.systemTime() + .seconds(3_600))
            let ids = try await gateway.gateway.commands.order(orders + [raw], by: Self.author)
            for _ in orders {
                let order = try await Self.expect("setuserinfo", terminal)
                #expect(order["record"] != nil)
                try await terminal.send(#"{"ret":"setuserinfo","result":true,"record":"\#(template)"}"#)
            }
            // 200 kB that the terminal is slow to read, and a punch in the midst of it.
            try await terminal.goSilent()
            try await terminal.speakAgain()
            let acknowledged = try await terminal.sendLog([.tfs(12, at: wallNow(-60))])
            #expect(acknowledged.isSuccess)
            _ = try await Self.expect("getthing", terminal)
            try await terminal.send(
                #"{"ret":"getthing","result":true,"pwd":"\#(pin)","face":"\#(template)"}"#)
            let ends = try await Self.ends(of: ids, gateway)
            #expect(ends.allSatisfy { $0.state == .done })
            let shown = ends.map { "\($0)" }.joined()
            #expect(!shown.contains(pin) && !shown.contains(template) && !shown.contains("QUJDQUJD"))
            try await terminal.close()
        }
        // Neither in the journal's files, nor in the log.
        let files = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        for file in files {
            guard let bytes = FileManager.default.contents(atPath: folder.path + "/" + file) else { continue }
            for secret in [pin, String(template.prefix(40)), "QUJDQUJDQUJD"] {
                #expect(bytes.firstRange(of: Data(secret.utf8)) == nil, "\(file)")
            }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `are neither lost nor run twice by a gateway that is killed again and again`() async throws {
        let folder = try TemporaryFolder()
        let port = try await LoopbackPort.free()
        let config = folder.path + "/config.ini"
        try "[Server]\nHost = 127.0.0.1\nPort = \(port)\n[Terminals]\nTimeZone = UTC\nUnknown = accept\n"
            .write(toFile: config, atomically: true, encoding: .utf8)
        let now = Gateway.Surroundings.systemTime
        let each = 200
        // Kept while no gateway runs.
        let store = try SQLiteStore(
            folder: folder.path + "/data", options: StoreOptions(now: now), logger: Logger(label: "test"))
        try await store.note(TerminalSighting(serial: try #require(Self.serial), at: now(), address: "::1"))
        var orders: [SealedCommand] = []
        for number in 1...each {
            let id = JSONValue.integer(Int64(number))
            orders.append(
                SealedCommand(command: try Self.new("enableuser", ["enrollid": id, "enflag": .integer(1)])))
            orders.append(
                SealedCommand(command: try Self.new("adduser", ["enrollid": id, "backupnum": .integer(0)])))
        }
        let ids = try await store.enqueue(orders, by: Self.author, at: now(), mostWaiting: 1_000)
        await store.close()

        let carriedOut = CarriedOut()
        let isOver = Flag()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !isOver.isSet, !Task.isCancelled {
                    // Nobody listens, or the link went: it dials again, as terminals do.
                    try? await Self.obey(port, carriedOut)
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
            for _ in 0..<12 {
                let gateway = try GatewayProcess(["serve", "--config", config], port: port)
                try await gateway.isReady()
                // A random moment, which is the point of it.
                try await Task.sleep(for: .milliseconds(Int.random(in: 30...400)))
                gateway.signal(SIGKILL)
                #expect(await gateway.waitUntilEnded() == 128 + SIGKILL)
            }
            let last = try GatewayProcess(["serve", "--config", config], port: port)
            try await last.isReady()
            let reader = try SQLiteReader(folder: folder.path + "/data")
            try await eventually { try await reader.commandStanding(longest: 1) == CommandStanding() }
            isOver.set()
            last.signal(SIGTERM)
            #expect(await last.waitUntilEnded() == 0)
            group.cancelAll()
        }
        let reader = try SQLiteReader(folder: folder.path + "/data")
        let ends = try await reader.commands(CommandFilter(ids: Set(ids)), after: 0, limit: ids.count)
        let times = carriedOut.times
        #expect(ends.count == 2 * each)
        for record in ends {
            let count = times[try Self.key(record.word, record.fields), default: 0]
            switch (record.word, record.state) {
            case ("enableuser", .done): #expect(count >= 1)
            case ("adduser", .done): #expect(count == 1)
            case ("adduser", .unknown): #expect(count <= 1)
            default: Issue.record("\(record.word) ended as \(record.state): \(record.words ?? "")")
            }
        }
        #expect(ends.count { $0.state == .unknown } <= 12)
    }

    /// The word and the user it is about, whether its number is written as a number or as text.
    private static func key(_ word: String, _ json: String) throws -> String {
        guard case .object(let fields)? = JSONValue(parsing: json) else { return word }
        return "\(word) \((fields["enrollid"]?.json ?? "").filter { $0 != "\"" })"
    }

    /// A terminal that does what it is asked until the link goes.
    private static func obey(_ port: Int, _ carriedOut: CarriedOut) async throws {
        let terminal = try await SimulatedTerminal.connect(port: port, serial: "ZX01")
        try await terminal.register()
        while true {
            let order = try await terminal.receiveMessage()
            guard let word = order.command else { continue }
            let key = try Self.key(word, order.text)
            carriedOut.add(key)
            try await terminal.send(#"{"ret":"\#(word)","result":true}"#)
        }
    }

    @Test func `are sent, listed, shown and cancelled at the command line, with and without a gateway`()
        async throws
    {
        let folder = try TemporaryFolder()
        let port = try await LoopbackPort.free()
        let config = folder.path + "/config.ini"
        try """
        [Server]
        Host = 127.0.0.1
        Port = \(port)
        [Terminals]
        TimeZone = UTC
        [Group Head office]
        [Terminal ZX01]
        Group = Head office
        [Commands]
        MaxWaiting = 3
        """.write(toFile: config, atomically: true, encoding: .utf8)
        func run(_ arguments: String...) async throws -> (status: Int32, output: String) {
            let head = Array(arguments.prefix(2))
            return try await GatewayProcess.run(
                head + ["--config", config] + arguments.dropFirst(2), in: folder)
        }
        let gateway = try GatewayProcess(["serve", "--config", config], port: port)
        try await gateway.isReady()
        let unknown = try await run("commands", "send", "ZX01", "gettime")
        #expect(unknown.status == 1 && unknown.output.contains("no terminal ZX01 was ever heard of"))
        let terminal = try await SimulatedTerminal.connect(port: port, serial: "ZX01")
        try await terminal.register()
        let reader = try SQLiteReader(folder: folder.path + "/data")
        try await eventually { try await !reader.terminals(after: nil, limit: 1).isEmpty }

        async let sent = run("commands", "send", "zx01", "gettime", "--wait", "--format", "json")
        _ = try await Self.expect("gettime", terminal)
        try await terminal.send(#"{"ret":"gettime","time":"2026-03-01 08:00:00"}"#)
        let (status, output) = try await sent
        #expect(status == 0 && output.contains(#""state":"done""#), "\(output)")
        let shown = try await run("commands", "show", "1")
        #expect(shown.output.contains(#"{"time":"2026-03-01 08:00:00"}"#))

        let wrong = try await run("commands", "send", "ZX01", "setdevinfo", "volume=99")
        #expect(wrong.status == 1 && wrong.output.contains("volume"))
        let word = try await run("commands", "send", "ZX01", "frobnicate")
        #expect(word.status == 1 && word.output.contains("raw"))
        for arguments in [["--confirm"], ["--reason", "fire drill"], []] {
            let refused = try await GatewayProcess.run(
                ["commands", "send", "--config", config, "ZX01", "opendoor"] + arguments, in: folder)
            #expect(refused.status == 1 && refused.output.contains("--confirm"), "\(refused.output)")
        }
        async let opened = run(
            "commands", "send", "ZX01", "opendoor", "doornum=1", "--confirm", "--reason", "fire drill",
            "--wait")
        _ = try await Self.expect("opendoor", terminal)
        try await terminal.send(#"{"ret":"opendoor","result":false,"reason":1}"#)
        #expect(try await opened.status == 1)
        let audit = try await GatewayProcess.run(["audit", "--config", config], in: folder)
        #expect(audit.output.contains("opendoor (doornum 1)") && audit.output.contains("fire drill"))

        try await terminal.close()
        let group = try await run(
            "commands", "send", "--all-in-group", "head office", "getdevinfo", "--expires", "7d")
        #expect(group.status == 0 && group.output.contains("waiting"), "\(group.output)")
        gateway.signal(SIGTERM)
        #expect(await gateway.waitUntilEnded() == 0)

        let kept = try await run(
            "commands", "send", "ZX01", "setuserinfo", "enrollid=7", "name=Ada", "backupnum=10",
            "record=48151623")
        #expect(kept.status == 0 && kept.output.contains("no gateway is running"), "\(kept.output)")
        #expect(!kept.output.contains("48151623"))
        _ = try await run("commands", "send", "ZX01", "gettime")
        let full = try await run("commands", "send", "ZX01", "gettime")
        #expect(full.status == 1 && full.output.contains("MaxWaiting"))
        let list = try await run("commands", "list", "--open", "--format", "csv")
        #expect(list.output.split(separator: "\n").count == 4, "\(list.output)")
        let cancelled = try await run("commands", "cancel", "--terminal", "ZX01", "--word", "gettime")
        #expect(cancelled.status == 0 && cancelled.output.contains("1 commands are cancelled"))
        let vague = try await run("commands", "cancel")
        #expect(vague.status == 64)
        let words = try await GatewayProcess.run(["commands", "words"], in: folder)
        #expect(words.output.contains("getuserlist"))
        let help = try await GatewayProcess.run(["commands", "words", "setuserinfo"], in: folder)
        #expect(help.output.contains("backupnum"))
    }
}

/// How often a terminal has carried out what.
private final class CarriedOut: Sendable {
    private let counts = Mutex<[String: Int]>([:])
    var times: [String: Int] { counts.withLock { $0 } }
    func add(_ key: String) { counts.withLock { $0[key, default: 0] += 1 } }
}
