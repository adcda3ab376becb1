import AttendanceCore
import AttendanceStore
import Testing

@Suite("Conformance: intake", .timeLimit(.minutes(10))) struct IntakeConformance {
    @Test(arguments: Engine.allCases) func `a punch comes back as it was recorded`(engine: Engine)
        async throws
    {
        try await engine.withJournal { journal in
            let store = journal.store
            try await store.setSinks([.erpnext])
            var punch = Sample.punch("0012", name: "Zoë \u{1F600}")
            punch.alias = "E-7"
            punch.mode = 20
            punch.inOut = 1
            punch.event = -3
            punch.verifyMode = .max
            punch.temperature = 3_672
            let batch = Sample.batch([punch], terminal: SerialNumber("AbC-1")!, connection: 42)
            let receipt = try await store.record(batch)
            #expect(receipt == IntakeReceipt(stored: 1, owed: 1))

            let entry = try #require(try await store.allPunches().first)
            var expected = batch.punches[0]
            expected.raw = entry.raw.indices
            #expect(entry.punch == expected)
            #expect(entry.punch.enrollID.sent == "0012")
            #expect(entry.terminal.text == "AbC-1")
            #expect(entry.raw == batch.raw)
            #expect(entry.received == Sample.now)
            #expect(entry.connection == 42)
            #expect(entry.state == .owed(attempts: 0))
        }
    }

    @Test(arguments: Engine.allCases) func `a repeat is stored once, for ever`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            try await journal.store.setSinks([.erpnext])
            let batch = Sample.batch(Sample.punches(3))
            #expect(try await journal.store.record(batch) == IntakeReceipt(stored: 3, owed: 3))
            #expect(try await journal.store.record(batch) == IntakeReceipt(repeated: 3))
            let owed = try await journal.store.owed(to: .erpnext, after: 0, limit: 10)
            try await journal.store.settle(owed.map { Sample.delivered($0.id) }, for: .erpnext)
            try await journal.reopen()
            // Also after delivery, under another letter case, with other codes and leading zeros.
            var again = Sample.batch(
                Sample.punches(3).map { punch in
                    var punch = punch
                    punch.enrollID = EnrollID("00" + punch.enrollID.sent)!
                    punch.mode = 1
                    punch.name = nil
                    return punch
                }, terminal: SerialNumber("t1")!)
            #expect(try await journal.store.record(again) == IntakeReceipt(repeated: 3))
            again.punches.append(Sample.punch("1000", second: 1))
            again.punches[3].raw = 0..<0
            #expect(try await journal.store.record(again) == IntakeReceipt(stored: 1, repeated: 3, owed: 1))
            #expect(try await journal.store.status().punches == 4)
        }
    }

    @Test(arguments: Engine.allCases) func `a punch twice in one batch is stored once`(engine: Engine)
        async throws
    {
        try await engine.withJournal { journal in
            let batch = Sample.batch([Sample.punch(), Sample.punch(), Sample.punch("012")])
            let receipt = try await journal.store.record(batch)
            #expect(receipt == IntakeReceipt(stored: 1, repeated: 2))
        }
    }

    @Test(arguments: Engine.allCases)
    func `person, terminal, second and a door's event make the identity`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            let batch = Sample.batch([
                Sample.punch("1"), Sample.punch("2"), Sample.punch("1", second: 1),
                Sample.punch("0", kind: .doorEvent, event: 3), Sample.punch("0", kind: .doorEvent, event: 4),
                Sample.punch("0", kind: .doorEvent, event: 3),
                // A person's event is none of it.
                Sample.punch("1", event: 9),
            ])
            let receipt = try await store.record(batch)
            #expect(receipt == IntakeReceipt(stored: 5, repeated: 2))
            let other = Sample.batch([Sample.punch("1")], terminal: SerialNumber("T2")!)
            #expect(try await store.record(other).stored == 1)
        }
    }

    @Test(arguments: Engine.allCases)
    func `only persons at believable times are owed`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            try await journal.store.setSinks([.erpnext])
            let receipt = try await journal.store.record(
                Sample.batch([
                    Sample.punch("99999999", kind: .stranger), Sample.punch("0", kind: .doorEvent, event: 1),
                    Sample.punch("5", doubt: .tooOld), Sample.punch("6", doubt: .inFuture), Sample.punch("7"),
                ]))
            #expect(receipt == IntakeReceipt(stored: 5, owed: 1))
            #expect(
                try await journal.store.owed(to: .erpnext, after: 0, limit: 9).map(\.enrollID.sent) == ["7"])
            let states = try await journal.store.allPunches().map(\.state)
            #expect(states.filter { $0 == .notOwed }.count == 4)
        }
    }

    @Test(arguments: Engine.allCases)
    func `a batch with one impossible part is kept not at all`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            try await journal.store.setSinks([.erpnext])
            var batch = Sample.batch(
                Sample.punches(3), terminal: SerialNumber("new")!, quarantined: [("odd", Array("{}".utf8))])
            batch.punches[2].raw = 0..<1_000_000
            await #expect(throws: StoreError.self) { try await journal.store.record(batch) }
            let status = try await journal.store.status()
            #expect(status.punches == 0)
            #expect(status.quarantined == 0)
            #expect(status.queues[.erpnext]?.owed == 0)
            #expect(journal.store.health == .writable)
            #expect(
                try await journal.store.record(
                    Sample.batch(Sample.punches(1), terminal: SerialNumber("new")!)
                )
                .stored == 1)
        }
    }

    @Test(arguments: Engine.allCases)
    func `what cannot be read is kept once per terminal and counted`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            let texts: [[UInt8]] = [
                Array(#"{"enrollid":[]}"#.utf8), [0xFF, 0xFE, 0x41], [0x61, 0x00, 0x62], [], Array("é".utf8),
            ]
            let records = texts.map { (reason: "no enroll id", raw: $0) }
            let first = Sample.batch([], quarantined: records)
            #expect(try await store.record(first) == IntakeReceipt(quarantined: 5))
            let later = UnixTime(seconds: Sample.now.seconds + 60)
            let second = Sample.batch([], received: later, quarantined: [records[1], records[1]])
            #expect(try await store.record(second) == IntakeReceipt(quarantined: 2))
            let elsewhere = Sample.batch([], terminal: SerialNumber("T2")!, quarantined: [records[1]])
            #expect(try await store.record(elsewhere).quarantined == 1)

            let kept = try await store.quarantine(after: 0, limit: 10)
            #expect(kept.map(\.raw) == texts + [texts[1]])
            #expect(kept.map(\.times) == [1, 3, 1, 1, 1, 1])
            #expect(kept[1].firstReceived == Sample.now)
            #expect(kept[1].lastReceived == later)
            #expect(kept[1].reason == "no enroll id")
            #expect(try await store.quarantine(after: kept[3].id, limit: 1) == [kept[4]])
            #expect(try await store.status().quarantined == 6)
        }
    }

    @Test(arguments: Engine.allCases) func `text that is no UTF-8 comes back byte by byte`(engine: Engine)
        async throws
    {
        try await engine.withJournal { journal in
            var batch = Sample.batch([Sample.punch()])
            batch.raw = [0x22, 0xC3, 0x28, 0x00, 0xFF, 0x22]
            batch.punches[0].raw = 0..<6
            _ = try await journal.store.record(batch)
            #expect(try await journal.store.allPunches().map(\.raw) == [batch.raw])
        }
    }

    @Test(arguments: Engine.allCases)
    func `a terminal may introduce itself before or after its first punch`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let sighting = TerminalSighting(
                serial: Sample.terminal, at: Sample.now, address: "10.0.0.9", model: "AiFace",
                firmware: "1.2",
                backlog: 4, skew: -2, deviceInfo: "{}")
            try await journal.store.note(sighting)
            _ = try await journal.store.record(Sample.batch([Sample.punch()]))
            try await journal.store.note(
                TerminalSighting(serial: SerialNumber("T2")!, at: Sample.now, address: "::1"))
            try await journal.store.note(
                TerminalSighting(serial: SerialNumber("t1")!, at: Sample.now, address: "::1"))
            #expect(try await journal.store.allPunches().map(\.terminal.text) == ["T1"])
        }
    }
}
