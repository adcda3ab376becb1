import AttendanceCore
import AttendanceStore
import Testing

@Suite("Conformance: importing", .timeLimit(.minutes(10))) struct ImportConformance {
    private func batch(
        _ punches: [(id: String, second: Int64, isDelivered: Bool)], kind: PunchKind = .person,
        doubt: TimeDoubt = .none
    ) -> ImportBatch {
        var batch = ImportBatch(sink: .erpnext, at: Sample.now)
        for (id, second, isDelivered) in punches {
            let start = batch.raw.count
            batch.raw += Array(#"{"line":\#(second)}"#.utf8)
            var punch = Sample.punch(id, second: second, kind: kind, doubt: doubt)
            punch.raw = start..<batch.raw.count
            batch.punches.append(
                ImportedPunch(
                    terminal: Sample.terminal, standing: .approved, punch: punch, isDelivered: isDelivered))
        }
        return batch
    }

    private func owed(_ store: any Store) async throws -> [String] {
        try await store.owed(to: .erpnext, after: 0, limit: 100).map(\.enrollID.sent)
    }

    @Test(arguments: Engine.allCases)
    func `what was delivered is known, what was not is owed, and again changes nothing`(engine: Engine)
        async throws
    {
        try await engine.withJournal { journal in
            let lines = batch([
                ("1", 0, true), ("2", 0, false), ("3", 0, false), ("3", 0, true), ("3", 0, false),
            ])
            let first = try await journal.store.importPunches(lines)
            #expect((first.added, first.known) == (3, 2))
            #expect((first.delivered, first.settled, first.owed) == (2, 1, 2))
            #expect(try await owed(journal.store) == ["2"])
            try await journal.reopen()
            let again = try await journal.store.importPunches(lines)
            #expect((again.added, again.known) == (0, 5))
            #expect((again.delivered, again.settled, again.owed) == (0, 0, 0))
            // The terminal sends all it has.
            try await journal.store.setSinks([.erpnext])
            let receipt = try await journal.store.record(
                Sample.batch([Sample.punch("1"), Sample.punch("02"), Sample.punch("3"), Sample.punch("4")]))
            #expect((receipt.stored, receipt.repeated, receipt.owed) == (1, 3, 1))
            #expect(try await owed(journal.store) == ["2", "4"])
            let all = try await journal.store.allPunches()
            guard case .delivered = all[0].state else {
                Issue.record("the imported punch is \(all[0].state)")
                return
            }
            // Neither a success nor a failure that the other service's CSV has already.
            #expect(try await journal.store.outcomes(of: .erpnext, after: 0, limit: 10).isEmpty)
            #expect(try await journal.store.status().queues[.erpnext]?.owed == 2)
        }
    }

    @Test(arguments: Engine.allCases)
    func `what was delivered there is owed here no more, held ones included`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            try await journal.store.setSinks([.erpnext])
            _ = try await journal.store.record(Sample.batch([Sample.punch("1"), Sample.punch("2")]))
            var waiting = Sample.batch([Sample.punch("5")], terminal: try #require(SerialNumber("T2")))
            waiting.isHeld = true
            #expect(try await journal.store.record(waiting).held == 1)
            var lines = batch([("1", 0, true), ("5", 0, true)])
            lines.punches[1].terminal = try #require(SerialNumber("t2"))
            let receipt = try await journal.store.importPunches(lines)
            #expect((receipt.added, receipt.delivered, receipt.settled) == (0, 2, 1))
            #expect(try await owed(journal.store) == ["2"])
            let held = try await journal.store.allPunches().last
            guard case .delivered = held?.state else {
                Issue.record("the held punch is \(String(describing: held?.state))")
                return
            }
        }
    }

    @Test(arguments: Engine.allCases)
    func `dead letters stay, and what is not forwarded is kept and not owed`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            try await journal.store.setSinks([.erpnext])
            _ = try await journal.store.record(Sample.batch([Sample.punch("1")]))
            let punch = try #require(try await journal.store.owed(to: .erpnext, after: 0, limit: 1).first)
            try await journal.store.settle([Sample.dead(punch.id)], for: .erpnext)
            let dead = try await journal.store.importPunches(batch([("1", 0, true), ("1", 0, false)]))
            #expect((dead.known, dead.delivered, dead.owed) == (2, 0, 0))
            let odd = try await journal.store.importPunches(
                batch([("99999999", 1, false)], kind: .stranger))
            let doubtful = try await journal.store.importPunches(
                batch([("7", 2, false), ("7", 2, false)], doubt: .tooOld))
            #expect((odd.unforwarded, doubtful.unforwarded, doubtful.known) == (1, 1, 1))
            #expect(try await owed(journal.store).isEmpty)
        }
    }
}
