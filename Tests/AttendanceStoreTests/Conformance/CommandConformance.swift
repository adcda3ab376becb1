import AttendanceCore
import AttendanceStore
import Testing

@Suite("Conformance: commands", .timeLimit(.minutes(10))) struct CommandConformance {
    static let author = Author("ada")
    static let other = SerialNumber("T2")!

    static func order(
        _ word: String, to terminal: SerialNumber = Sample.terminal, lane: CommandLane = .interactive,
        fields: [String: JSONValue] = [:], secrets: [UInt8]? = nil, reason: String? = nil,
        purpose: String? = nil, expires: Duration = .seconds(3600)
    ) -> SealedCommand {
        SealedCommand(
            command: NewCommand(
                terminal: terminal, request: CommandRequest(word: word, fields: fields), lane: lane,
                purpose: purpose, reference: purpose.map { "\($0)-1" }, reason: reason,
                expires: Sample.now + expires), secrets: secrets)
    }

    @discardableResult
    static func enqueue(
        _ store: any Store, _ orders: [SealedCommand], by author: Author = author, most: Int = 100
    ) async throws -> [Int64] {
        try await store.enqueue(orders, by: author, at: Sample.now, mostWaiting: most)
    }

    static func withTerminals(_ engine: Engine, _ body: (OpenJournal) async throws -> Void) async throws {
        try await engine.withJournal { journal in
            for serial in [Sample.terminal, other] {
                try await journal.store.note(TerminalSighting(serial: serial, at: Sample.now, address: "::1"))
            }
            try await body(journal)
        }
    }

    @Test(arguments: Engine.allCases)
    func `commands wait by lane and number, with their secrets, also over a restart`(engine: Engine)
        async throws
    {
        try await Self.withTerminals(engine) { journal in
            let ids = try await Self.enqueue(
                journal.store,
                [
                    Self.order(
                        "getuserlist", lane: .background, fields: ["stn": .flag(true)], purpose: "people"),
                    Self.order("setuserinfo", fields: ["enrollid": .integer(7)], secrets: [1, 2, 0, 255]),
                    Self.order("gettime", to: SerialNumber("t2")!),
                ])
            #expect(ids.count == 3 && Set(ids).count == 3 && ids == ids.sorted())
            try await journal.reopen()
            let store = journal.store
            let open = try await store.openCommands(of: Sample.terminal, limit: 9)
            #expect(open.map(\.record.id) == [ids[1], ids[0]])
            #expect(open.map(\.secrets) == [[1, 2, 0, 255], nil])
            #expect(open[0].record.fields == #"{"enrollid":7}"#)
            #expect(
                open[1].record
                    == CommandRecord(
                        id: ids[0], terminal: Sample.terminal, word: "getuserlist", fields: #"{"stn":true}"#,
                        lane: .background, purpose: "people", reference: "people-1", author: Self.author,
                        queued: Sample.now, expires: Sample.now + .seconds(3600)))
            #expect(try await store.openCommands(of: Sample.terminal, limit: 1).count == 1)
            #expect(
                try await store.terminalsWithCommands(after: nil, limit: 9) == [Sample.terminal, Self.other])
            #expect(try await store.terminalsWithCommands(after: Sample.terminal, limit: 9) == [Self.other])
            let standing = try await store.commandStanding(longest: 1)
            #expect(standing.waiting == 3 && standing.sent == 0 && standing.terminals == 2)
            #expect(standing.longest == [.init(serial: Sample.terminal, open: 2, oldest: Sample.now)])
        }
    }

    @Test(arguments: Engine.allCases)
    func `a command is begun once, and ended once`(engine: Engine) async throws {
        try await Self.withTerminals(engine) { journal in
            let store = journal.store
            let ids = try await Self.enqueue(
                store,
                [Self.order("opendoor", secrets: [9]), Self.order("gettime"), Self.order("getdevinfo")])
            let later = Sample.now + .seconds(5)
            #expect(try await store.beginCommand(ids[0], at: later))
            #expect(try await !store.beginCommand(ids[0], at: later))
            #expect(try await !store.beginCommand(999, at: later))
            // Again, because the link was lost; then done, then nothing more.
            try await store.settleCommands(
                [.init(id: ids[0], state: .waiting, words: "link lost")], at: later)
            #expect(try await store.openCommands(of: Sample.terminal, limit: 1)[0].secrets == [9])
            #expect(try await store.beginCommand(ids[0], at: later))
            try await store.settleCommands(
                [.init(id: ids[0], state: .sent, words: "page 3", result: #"{"n":40}"#)], at: later)
            try await store.settleCommands(
                [.init(id: ids[0], state: .done, words: "done", result: #"{"n":80}"#)], at: later)
            try await store.settleCommands([.init(id: ids[0], state: .failed)], at: later + .seconds(9))
            let record = try #require(
                try await store.commands(CommandFilter(ids: [ids[0]]), after: 0, limit: 9).first)
            #expect(record.state == .done && record.attempts == 2 && record.sent == later)
            #expect(record.finished == later && record.words == "done" && record.result == #"{"n":80}"#)
            #expect(
                try await store.openCommands(of: Sample.terminal, limit: 9).map(\.record.id) == [
                    ids[1], ids[2],
                ])
            // What never left is no attempt.
            #expect(try await store.beginCommand(ids[1], at: later))
            try await store.settleCommands([.init(id: ids[1], state: .waiting, neverLeft: true)], at: later)
            #expect(try await store.openCommands(of: Sample.terminal, limit: 1)[0].record.attempts == 0)
        }
    }

    @Test(arguments: Engine.allCases)
    func `a command whose time is over is not begun, and expires`(engine: Engine) async throws {
        try await Self.withTerminals(engine) { journal in
            let store = journal.store
            let ids = try await Self.enqueue(
                store,
                [Self.order("gettime", expires: .seconds(10)), Self.order("gettime", expires: .seconds(20))])
            let end = Sample.now + .seconds(10)
            #expect(try await store.expireCommands(at: Sample.now, limit: 9).isEmpty)
            #expect(try await !store.beginCommand(ids[0], at: end))
            // One that is under way is not called back.
            #expect(try await store.beginCommand(ids[1], at: end))
            let expired = try await store.expireCommands(at: Sample.now + .seconds(60), limit: 9)
            #expect(expired.map(\.id) == [ids[0]] && expired[0].state == .expired)
            #expect(try await store.openCommands(of: Sample.terminal, limit: 9).map(\.record.id) == [ids[1]])
        }
    }

    @Test(arguments: Engine.allCases)
    func `those that wait can be cancelled, by number or by what they have in common`(engine: Engine)
        async throws
    {
        try await Self.withTerminals(engine) { journal in
            let store = journal.store
            let ids = try await Self.enqueue(
                store,
                [
                    Self.order("gettime"), Self.order("opendoor"), Self.order("gettime", to: Self.other),
                    Self.order("opendoor"),
                ])
            #expect(try await store.beginCommand(ids[0], at: Sample.now))
            #expect(
                try await store.cancelCommands(
                    CommandFilter(ids: [ids[0], ids[2]]), by: Self.author, at: Sample.now) == 1)
            #expect(
                try await store.cancelCommands(
                    CommandFilter(terminal: Sample.terminal, word: "opendoor"), by: Self.author,
                    at: Sample.now)
                    == 2)
            let ended = try await store.commands(
                CommandFilter(states: [.cancelled]), after: 0, limit: 9)
            #expect(ended.map(\.id) == [ids[1], ids[2], ids[3]])
            #expect(
                try await store.latestCommands(CommandFilter(), before: .max, limit: 2).map(\.id) == [
                    ids[3], ids[2],
                ])
            #expect(
                try await store.commands(
                    CommandFilter(terminal: Sample.terminal, states: [.sent, .waiting]), after: 0, limit: 9
                ).map(\.id) == [ids[0]])
            #expect(
                try await store.auditTrail(after: 0, limit: 99).filter { $0.action == "commands.cancel" }
                    .map(\.subject) == ["T2", "T1"])
        }
    }

    @Test(arguments: Engine.allCases)
    func `an order is all or nothing, for known terminals and up to the bound`(engine: Engine) async throws {
        try await Self.withTerminals(engine) { journal in
            let store = journal.store
            let stranger = SerialNumber("NOBODY")!
            await #expect(throws: CommandError.unknownTerminal(stranger)) {
                try await Self.enqueue(store, [Self.order("gettime"), Self.order("gettime", to: stranger)])
            }
            try await Self.enqueue(store, [Self.order("gettime"), Self.order("gettime")], most: 3)
            await #expect(throws: CommandError.tooMany(Sample.terminal, limit: 3)) {
                try await Self.enqueue(
                    store,
                    [Self.order("gettime", to: Self.other), Self.order("gettime"), Self.order("gettime")],
                    most: 3)
            }
            #expect(try await store.commands(CommandFilter(), after: 0, limit: 9).count == 2)
        }
    }

    @Test(arguments: Engine.allCases)
    func `what a person orders is in the audit trail, without texts that may be secret`(engine: Engine)
        async throws
    {
        try await Self.withTerminals(engine) { journal in
            let store = journal.store
            try await Self.enqueue(
                store,
                [
                    Self.order(
                        "opendoor", fields: ["doornum": .integer(2), "name": .text("Ada")],
                        reason: "the key is lost")
                ])
            try await Self.enqueue(store, (0..<3).map { _ in Self.order("setusername") })
            try await Self.enqueue(store, [Self.order("settime")], by: .gateway)
            let trail = try await store.auditTrail(after: 0, limit: 9)
            #expect(trail.map(\.action) == ["commands.send", "commands.send"])
            #expect(trail.map(\.subject) == ["T1", "T1"] && trail.allSatisfy { $0.author == Self.author })
            #expect(
                trail.map(\.detail)
                    == ["opendoor (doornum 2), command 1; the key is lost", "setusername, 3 commands from 2"])
        }
    }

    @Test(arguments: Engine.allCases)
    func `commands that ended long ago are forgotten, others never`(engine: Engine) async throws {
        try await Self.withTerminals(engine) { journal in
            let store = journal.store
            let ids = try await Self.enqueue(store, (0..<4).map { _ in Self.order("gettime") })
            for (id, second) in [(ids[0], 1), (ids[1], 2), (ids[2], 30)] {
                try await store.settleCommands(
                    [.init(id: id, state: .done)], at: Sample.now + .seconds(second))
            }
            let moment = Sample.now + .seconds(20)
            #expect(try await store.pruneCommands(endedBefore: moment, limit: 1) == 1)
            #expect(try await store.pruneCommands(endedBefore: moment, limit: 9) == 1)
            #expect(try await store.pruneCommands(endedBefore: moment, limit: 9) == 0)
            #expect(
                try await store.commands(CommandFilter(), after: 0, limit: 9).map(\.id) == [ids[2], ids[3]])
        }
    }

    @Test(arguments: Engine.allCases)
    func `what a firmware knows is remembered by its text`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            try await store.learnWord("getshift", of: "ai518_1", isKnown: false, at: Sample.now)
            try await store.learnWord("gettime", of: "ai518_1", isKnown: true, at: Sample.now)
            #expect(try await store.knownWords(of: "ai518_1") == ["getshift": false, "gettime": true])
            #expect(try await store.knownWords(of: "ai518_2").isEmpty)
            try await store.learnWord("getshift", of: "ai518_1", isKnown: true, at: Sample.now)
            #expect(try await store.knownWords(of: "ai518_1")["getshift"] == true)
        }
    }
}
