import AttendanceCore
import AttendanceStore
import Testing

@Suite("Conformance: registry", .timeLimit(.minutes(10))) struct RegistryConformance {
    private let serial = Sample.terminal
    private let ada = Author("ada (command line)")

    private func held(_ punches: [Punch], terminal: SerialNumber = Sample.terminal) -> IntakeBatch {
        var batch = Sample.batch(punches, terminal: terminal)
        batch.isHeld = true
        return batch
    }

    private func owed(_ store: any Store) async throws -> [Int64] {
        try await store.owed(to: .erpnext, after: 0, limit: 1000).map(\.id)
    }

    @Test(arguments: Engine.allCases)
    func `a terminal from before is approved, a sighted one begins with what it is given`(engine: Engine)
        async throws
    {
        try await engine.withJournal { journal in
            let store = journal.store
            _ = try await store.record(Sample.batch(Sample.punches(1), terminal: SerialNumber("OLD")!))
            try await store.note(
                TerminalSighting(
                    serial: SerialNumber("NEW")!, at: Sample.now, address: "10.0.0.1", standing: .pending))
            // What it is stays what it is, whatever a later sighting says.
            try await store.note(
                TerminalSighting(serial: SerialNumber("NEW")!, at: Sample.now, address: "10.0.0.1"))
            #expect(try await store.terminal(SerialNumber("old")!)?.standing == .approved)
            #expect(try await store.terminal(SerialNumber("new")!)?.standing == .pending)
            #expect(try await store.terminal(SerialNumber("none")!) == nil)
        }
    }

    @Test(arguments: Engine.allCases)
    func `punches of a pending terminal are owed to nobody until it is approved, and then in their order`(
        engine: Engine
    ) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            try await store.setSinks([.erpnext, SinkName("other")!])
            let receipt = try await store.record(
                held(Sample.punches(5) + [Sample.punch("9", second: 90, doubt: .inFuture)]))
            #expect(receipt == IntakeReceipt(stored: 6, held: 5))
            #expect(try await owed(store).isEmpty)
            #expect(try await store.allPunches().count { $0.state == .held } == 5)
            #expect(try await store.terminal(serial)?.held == 5)
            // Nobody else makes them owed meanwhile.
            #expect(try await store.owe([1, 2], to: .erpnext, again: true, by: ada, at: Sample.now) == 0)
            #expect(
                try await store.releaseHeld(of: serial, to: nil, limit: 10)
                    == HeldRelease(released: 0, isDone: true))

            #expect(
                try await store.setStanding(.approved, of: [serial], reason: "ours", by: ada, at: Sample.now)
                    == [serial])
            #expect(
                try await store.releaseHeld(of: serial, to: [.erpnext], limit: 2)
                    == HeldRelease(released: 2, isDone: false))
            #expect(try await owed(store) == [1, 2])
            // One that comes in the middle queues up behind, though whoever took it thinks that it still waits.
            let late = try await store.record(held([Sample.punch("77", second: 77)]))
            #expect(late == IntakeReceipt(stored: 1, held: 1))
            try await journal.reopen()
            #expect(
                try await journal.store.releaseHeld(of: serial, to: [.erpnext], limit: 10)
                    == HeldRelease(released: 4, isDone: true))
            #expect(try await owed(journal.store) == [1, 2, 3, 4, 5, 7])
            #expect(try await journal.store.owed(to: SinkName("other")!, after: 0, limit: 9).isEmpty)
            // And one that comes after is owed at once, to all.
            let last = try await journal.store.record(held([Sample.punch("78", second: 78)]))
            #expect(last == IntakeReceipt(stored: 1, owed: 1))
            #expect(try await journal.store.terminal(serial)?.held == 0)
            let queues = try await journal.store.status().queues
            #expect(queues[.erpnext]?.owed == 7 && queues[SinkName("other")!]?.owed == 1)
        }
    }

    @Test(arguments: Engine.allCases)
    func `nothing is released of a terminal that was blocked meanwhile`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            try await store.setSinks([.erpnext])
            _ = try await store.record(held(Sample.punches(3)))
            _ = try await store.setStanding(.blocked, of: [serial], reason: nil, by: ada, at: Sample.now)
            #expect(try await store.releaseHeld(of: serial, to: nil, limit: 10) == HeldRelease())
            #expect(try await store.terminal(serial)?.held == 3)
            #expect(try await owed(store).isEmpty)
        }
    }

    @Test(arguments: Engine.allCases)
    func `a corrected time of a pending terminal waits like its other punches`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            try await store.setSinks([.erpnext])
            _ = try await store.record(held([Sample.punch("9", doubt: .inFuture)]))
            try await store.correct(
                1,
                as: Correction(
                    ruling: .time(Sample.morning, instant: Sample.morning.seconds), author: ada,
                    at: Sample.now, basis: "seen"), owedTo: nil)
            #expect(try await owed(store).isEmpty)
            #expect(try await store.terminal(serial)?.held == 1)
            _ = try await store.setStanding(.approved, of: [serial], reason: nil, by: ada, at: Sample.now)
            _ = try await store.releaseHeld(of: serial, to: nil, limit: 10)
            #expect(try await owed(store) == [1])
        }
    }

    @Test(arguments: Engine.allCases)
    func `what is said of a terminal is kept and audited, its secret only as a hash`(engine: Engine)
        async throws
    {
        try await engine.withJournal { journal in
            let store = journal.store
            let token = try #require(TokenDigest([UInt8](repeating: 7, count: 32)))
            #expect(
                try await !store.setField(.name, to: "x", of: serial, by: ada, at: Sample.now),
                "one that nobody has heard of")
            #expect(try await !store.setToken(token, of: serial, by: ada, at: Sample.now))
            #expect(
                try await store.setStanding(.approved, of: [serial], reason: nil, by: ada, at: Sample.now)
                    == [serial])
            #expect(
                try await store.setStanding(.approved, of: [serial], reason: nil, by: ada, at: Sample.now)
                    .isEmpty)
            for field in TerminalField.allCases {
                #expect(
                    try await store.setField(
                        field, to: "new \(field.rawValue)", of: serial, by: ada, at: Sample.now))
            }
            #expect(try await store.setField(.location, to: nil, of: serial, by: ada, at: Sample.now))
            #expect(try await store.setToken(token, of: serial, by: ada, at: Sample.now))
            try await journal.reopen()
            let record = try #require(try await journal.store.terminal(serial))
            #expect(!record.wasSeen)
            #expect(
                TerminalDetails(record)
                    == TerminalDetails(
                        name: "new name", group: "new group", zone: "new zone", dialect: "new dialect"))
            #expect(record.token == token)
            let trail = try await journal.store.auditTrail(after: 0, limit: 100)
            #expect(
                trail.map(\.action) == ["terminals.approve"] + [String](repeating: "terminals.set", count: 6)
                    + ["terminals.token"])
            #expect(trail.allSatisfy { $0.subject == "T1" && $0.author == ada })
            #expect(trail.last?.detail == "a new one")
        }
    }

    @Test(arguments: Engine.allCases)
    func `another address is remembered with the one before it`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            for (second, address) in [(0, "10.0.0.1"), (10, "10.0.0.1"), (20, "10.0.0.2"), (30, "10.0.0.2")] {
                try await store.note(
                    TerminalSighting(
                        serial: serial, at: Sample.now + .seconds(second), address: address, model: "m",
                        backlog: second, skew: 1, deviceInfo: "{}"))
            }
            let record = try #require(try await store.terminal(serial))
            #expect(record.address == "10.0.0.2" && record.previousAddress == "10.0.0.1")
            #expect(record.moved == Sample.now + .seconds(20))
            #expect(record.model == "m" && record.backlog == 30 && record.deviceInfo == "{}")
            #expect(record.lastSeen == Sample.now + .seconds(30))
        }
    }
}
