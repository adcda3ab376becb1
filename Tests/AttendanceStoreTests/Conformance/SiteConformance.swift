import AttendanceCore
import AttendanceStore
import Testing

@Suite("Conformance: sites, terminals, audit, alerts", .timeLimit(.minutes(10))) struct SiteConformance {
    static func employee(_ number: Int, id: String) -> Employee {
        Employee(
            name: "HR-EMP-\(number)", fullName: "Person \(number) \"X\"", status: "Active", company: "A & B",
            defaultShift: "Day", modified: "2026-03-02 08:00:00.000001", keys: ["attendance_device_id": id])
    }

    @Test(arguments: Engine.allCases)
    func `employees are kept per site, replaced and removed`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            let other = SinkName("branch")!
            try await store.setSinks([.erpnext, other])
            try await store.putEmployees(
                [Self.employee(1, id: "1"), Self.employee(2, id: "2")], removed: [], of: .erpnext)
            try await store.putEmployees([Self.employee(1, id: "77")], removed: [], of: other)
            try await store.putEmployees([Self.employee(2, id: "3")], removed: ["HR-EMP-1"], of: .erpnext)
            try await journal.reopen()
            #expect(
                try await journal.store.employees(of: .erpnext, after: "", limit: 9) == [
                    Self.employee(2, id: "3")
                ])
            #expect(
                try await journal.store.employees(of: other, after: "", limit: 9) == [
                    Self.employee(1, id: "77")
                ])
            #expect(try await journal.store.employees(of: other, after: "HR-EMP-1", limit: 9).isEmpty)
        }
    }

    @Test(arguments: Engine.allCases)
    func `a delivered punch shows the employee's name`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            try await store.setSinks([.erpnext])
            try await store.putEmployees([Self.employee(1, id: "1")], removed: [], of: .erpnext)
            _ = try await store.record(Sample.batch([Sample.punch("1", name: nil)]))
            try await store.begin(
                [
                    .init(
                        punch: 1, frozen: "{}",
                        decision: Decision(person: "hr-emp-1", employee: "HR-EMP-1", time: Sample.morning))
                ], for: .erpnext, at: Sample.now)
            try await store.settle([Sample.delivered(1)], for: .erpnext)
            #expect(try await store.allPunches().first?.employeeName == "Person 1 \"X\"")
            #expect(
                try await store.outcomes(of: .erpnext, after: 0, limit: 9).map(\.name) == ["Person 1 \"X\""])
        }
    }

    @Test(arguments: Engine.allCases)
    func `mappings are an operator's word and stand in the audit trail`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            try await store.setSinks([.erpnext])
            let first = EmployeeMapping(space: "", enrollID: EnrollID("7")!, employee: "HR-EMP-1")
            let second = EmployeeMapping(space: "gate", enrollID: EnrollID("7")!, employee: "HR-EMP-2")
            try await store.setMappings(
                [first, second], removed: [], of: .erpnext, by: Author("ada"), at: Sample.now)
            #expect(try await store.mappings(of: .erpnext) == [first, second])
            try await store.setMappings(
                [], removed: [first, first], of: .erpnext, by: Author("ada"), at: Sample.now)
            #expect(try await store.mappings(of: .erpnext) == [second])
            #expect(
                try await store.auditTrail(after: 0, limit: 9).map(\.action) == [
                    "employees.map", "employees.map", "employees.unmap",
                ])
        }
    }

    @Test(arguments: Engine.allCases)
    func `facts of a site are kept with their time`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            try await store.setSinks([.erpnext])
            try await store.setFacts(["zone": "UTC", "a": "b"], of: .erpnext, at: Sample.now)
            let later = Sample.now + .seconds(5)
            try await store.setFacts(["zone": "Asia/Kolkata"], of: .erpnext, at: later)
            #expect(
                try await store.facts(of: .erpnext) == [
                    "zone": SiteFact(value: "Asia/Kolkata", at: later),
                    "a": SiteFact(value: "b", at: Sample.now),
                ])
        }
    }

    @Test(arguments: Engine.allCases)
    func `terminals keep their progress, never backwards`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            let (a, b) = (SerialNumber("A1")!, SerialNumber("b2")!)
            for serial in [b, a] {
                try await store.note(
                    TerminalSighting(
                        serial: serial, at: Sample.now, address: "10.0.0.1", backlog: 3, skew: -5))
            }
            try await store.note([
                TerminalProgress(serial: a, lastHeard: Sample.now, completeUntil: 100),
                TerminalProgress(serial: SerialNumber("nobody")!, lastHeard: Sample.now, completeUntil: 100),
            ])
            try await store.note([
                TerminalProgress(serial: a, lastHeard: Sample.now + .seconds(9), completeUntil: 90),
                TerminalProgress(serial: b, lastHeard: Sample.now, completeUntil: nil),
            ])
            let terminals = try await store.terminals(after: nil, limit: 9)
            #expect(terminals.map(\.serial) == [a, b])
            #expect(terminals.map(\.completeUntil) == [100, nil])
            #expect(terminals.map(\.lastHeard) == [Sample.now + .seconds(9), Sample.now])
            #expect(terminals.map(\.backlog) == [3, 3] && terminals.map(\.skew) == [-5, -5])
            #expect(try await store.terminals(after: a, limit: 9).map(\.serial) == [b])
        }
    }

    @Test(arguments: Engine.allCases)
    func `the clock reading next before a moment is found`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            let serial = Sample.terminal
            func read(_ second: Int64, _ skew: Int) async throws {
                try await store.note(
                    TerminalSighting(
                        serial: serial, at: Sample.now + .seconds(second), address: "", skew: skew))
            }
            #expect(try await store.clockReading(of: serial, near: Sample.now) == nil)
            try await read(10, 100)
            try await read(20, 200)
            for (second, skew) in [(Int64(0), 100), (10, 100), (19, 100), (20, 200), (99, 200)] {
                let reading = try await store.clockReading(of: serial, near: Sample.now + .seconds(second))
                #expect(reading?.skew == skew)
            }
        }
    }

    @Test(arguments: Engine.allCases)
    func `what is owed longest is known per terminal`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            try await store.setSinks([.erpnext])
            let (a, b) = (SerialNumber("A")!, SerialNumber("B")!)
            _ = try await store.record(
                Sample.batch([Sample.punch("1", second: 9), Sample.punch("2", second: 5)], terminal: a))
            _ = try await store.record(Sample.batch([Sample.punch("1", second: 7)], terminal: b))
            let start = Sample.morning.seconds - 19_800
            #expect(try await store.oldestOwed(to: .erpnext) == [a: start + 5, b: start + 7])
            try await store.settle([Sample.delivered(2)], for: .erpnext)
            #expect(try await store.oldestOwed(to: .erpnext) == [a: start + 9, b: start + 7])
        }
    }

    @Test(arguments: Engine.allCases)
    func `a person's punches of some hours come in the order of time`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            _ = try await store.record(
                Sample.batch([
                    Sample.punch("007", second: 30), Sample.punch("7", second: 10),
                    Sample.punch("8", second: 20), Sample.punch("70", second: 20),
                    Sample.punch("7", second: 100), Sample.punch("7", second: 40, doubt: .inFuture),
                ]))
            let start = Sample.morning.seconds - 19_800
            let day = try await store.dayPunches(of: ["7", "8"], from: start, until: start + 100, limit: 9)
            #expect(day.map { $0.time.seconds - Sample.morning.seconds } == [10, 20, 30])
            #expect(day.first?.mode == 8 && day.first?.inOut == 0 && day.first?.instant == start + 10)
            #expect(try await store.dayPunches(of: [], from: 0, until: .max / 4, limit: 9).isEmpty)
            let seen = try await store.seenPeople(from: Sample.morning, limit: 9)
            #expect(seen.map(\.enrollID.canonical) == ["7", "70", "8"])
            #expect(seen.map(\.punches) == [4, 1, 1])
        }
    }

    @Test(arguments: Engine.allCases) func `alerts are kept as a whole`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let alert = AlertRecord(
                kind: "site-paused", subject: "erpnext", severity: .critical, title: "t", detail: "d",
                remedy: "r",
                since: Sample.now, told: Sample.now, clearSince: nil)
            var other = alert
            other.subject = "branch"
            try await journal.store.setAlerts([alert, other])
            try await journal.store.setAlerts([alert])
            try await journal.reopen()
            #expect(try await journal.store.alerts() == [alert])
        }
    }
}
