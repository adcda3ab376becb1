import AttendanceCore
import AttendanceStore
import Testing

@Suite("Conformance: looking", .timeLimit(.minutes(10))) struct LookingConformance {
    static func second(_ second: Int64) -> WallTime { WallTime(seconds: Sample.morning.seconds + second) }

    /// Of six records: persons 1 and 2 at seconds 0 and 10 on A, a stranger at 5 and a door event at 10 on B.
    static let filters: [(PunchFilter, [Int])] = [
        (PunchFilter(), [0, 1, 2, 3, 4, 5]),
        (PunchFilter(person: EnrollID("001")!), [0, 3]),
        (PunchFilter(terminal: SerialNumber("b")!), [2, 5]),
        (PunchFilter(terminal: SerialNumber("C")!), []),
        (PunchFilter(from: second(5)), [2, 3, 4, 5]),
        (PunchFilter(until: second(10)), [0, 1, 2]),
        (PunchFilter(from: second(1), until: second(10)), [2]),
        (PunchFilter(kinds: [.person]), [0, 1, 3, 4]),
        (PunchFilter(kinds: [.stranger, .doorEvent]), [2, 5]),
        (PunchFilter(kinds: []), []),
        (PunchFilter(person: EnrollID("2")!, terminal: SerialNumber("A")!, from: second(10)), [4]),
    ]

    @Test(arguments: Engine.allCases, filters.indices)
    func `a filter gives the same punches on pages of any size`(engine: Engine, row: Int) async throws {
        let (filter, expected) = Self.filters[row]
        try await engine.withJournal { journal in
            let store = journal.store
            let a = SerialNumber("A")!
            let b = SerialNumber("B")!
            _ = try await store.record(
                Sample.batch([Sample.punch("1", second: 10), Sample.punch("2", second: 10)], terminal: a))
            _ = try await store.record(
                Sample.batch(
                    [
                        Sample.punch("0", second: 10, kind: .doorEvent, event: 2),
                        Sample.punch("99999999", second: 5, kind: .stranger),
                    ], terminal: b))
            _ = try await store.record(Sample.batch([Sample.punch("1"), Sample.punch("2")], terminal: a))
            // Oldest wall time first, and by number within it.
            let order: [Int64] = [5, 6, 4, 1, 2, 3]
            for page in [1, 2, 3, 100] {
                let found = try await store.allPunches(filter, page: page)
                #expect(found.map(\.id) == expected.map { order[$0] }, "pages of \(page)")
            }
        }
    }

    @Test(arguments: Engine.allCases) func `status counts what there is`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            try await journal.store.setSinks([.erpnext])
            let empty = try await journal.store.status()
            #expect(empty.punches == 0)
            #expect(empty.queues.keys.map(\.text) == ["erpnext"])
            #expect(empty.queues[.erpnext]?.oldest == nil)
            let later = Sample.now + .seconds(5)
            _ = try await journal.store.record(Sample.batch([Sample.punch(second: 9)]))
            _ = try await journal.store.record(
                Sample.batch([Sample.punch()], received: later, quarantined: [("x", [1])]))
            for isReopened in [false, true] {
                if isReopened { try await journal.reopen() }
                let status = try await journal.store.status()
                #expect(status.punches == 2)
                #expect(status.quarantined == 1)
                #expect(status.queues[.erpnext]?.owed == 2)
                #expect(status.queues[.erpnext]?.oldest == Sample.now)
                #expect(status.databaseBytes > 0)
            }
            let first = try #require(try await journal.store.owed(to: .erpnext, after: 0, limit: 1).first)
            try await journal.store.settle([Sample.delivered(first.id)], for: .erpnext)
            #expect(try await journal.store.status().queues[.erpnext]?.oldest == later)
        }
    }

    @Test(arguments: Engine.allCases) func `a sound store says so and proves it`(engine: Engine) async throws
    {
        try await engine.withJournal { journal in
            #expect(journal.store.health == .writable)
            try await journal.store.proveWritable()
        }
    }

    @Test(arguments: Engine.allCases) func `a closed store refuses everything`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            await journal.close()
            await #expect(throws: StoreError.closed) {
                try await journal.store.record(Sample.batch([Sample.punch()]))
            }
            await #expect(throws: StoreError.closed) { try await journal.store.proveWritable() }
            await #expect(throws: StoreError.closed) {
                try await journal.store.owed(to: .erpnext, after: 0, limit: 1)
            }
        }
    }
}
