import AttendanceCore
import AttendanceStore
import Testing

@Suite("Conformance: the console", .timeLimit(.minutes(10))) struct ConsoleConformance {
    private static let operatorName = Author("Ada")
    private static let other = SinkName("other")!

    @Test(arguments: Engine.allCases)
    func `everything about a punch is told at once`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            #expect(try await store.explanation(of: 1) == nil)
            try await store.setSinks([.erpnext, Self.other])
            try await store.note(
                TerminalSighting(serial: Sample.terminal, at: Sample.now, address: "10.0.0.7", skew: -40))
            _ = try await store.record(Sample.batch([Sample.punch("12"), Sample.punch("13", second: 1)]))
            _ = try await store.noteClockStep(
                ClockStep(terminal: Sample.terminal, at: Sample.now + .seconds(-60), before: 90))
            let decision = Decision(
                person: "hr-emp-1", employee: "HR-EMP-1", time: Sample.morning, direction: .in)
            try await store.putEmployees(
                [Employee(name: "HR-EMP-1", fullName: "Ada Lovelace")], removed: [], of: .erpnext)
            try await store.begin(
                [AttemptStart(punch: 1, frozen: #"{"a":1}"#, decision: decision)], for: .erpnext,
                at: Sample.now)
            try await store.settle(
                [
                    Sample.again(1, due: Sample.now + .seconds(60)),
                    Sample.again(1, due: Sample.now + .seconds(90)),
                ],
                for: .erpnext)
            try await store.settle([Sample.dead(1)], for: Self.other)
            _ = try await store.retryDeadLetters(.init(), by: Self.operatorName, at: Sample.now)
            try await store.settle([Sample.dead(1)], for: Self.other)
            try await store.audit(
                AuditEntry(
                    at: Sample.now, author: Self.operatorName, action: "dead-letters.retry", subject: "all",
                    detail: "1 dead letters: punches 11, 21"))
            let told = try #require(try await store.explanation(of: 1))
            #expect(told.entry.id == 1 && told.entry.punch.enrollID.sent == "12" && !told.entry.raw.isEmpty)
            #expect(told.terminal.address == "10.0.0.7")
            #expect(told.clock == ClockReading(at: Sample.now, skew: -40))
            #expect(told.clockStep?.before == 90)
            #expect(told.sinks.map(\.sink) == [.erpnext, Self.other])
            let here = told.sinks[0]
            #expect(here.state == .owed(attempts: 2) && here.decision == decision)
            #expect(here.employeeName == "Ada Lovelace" && here.isActive)
            #expect(
                here.owed
                    == PunchExplanation.Owed(
                        attempts: 2, due: Sample.now + .seconds(90), frozen: #"{"a":1}"#, begun: nil))
            #expect(here.attempts.map(\.number) == [1, 2] && here.deadLetter == nil)
            let there = told.sinks[1]
            #expect(there.state.kind == .dead && there.deadLetter?.cause == .unknownEmployee)
            #expect(there.attempts.map(\.meaning) == [.dead, .dead] && there.owed == nil)
            #expect(told.audit.map(\.action) == ["dead-letters.retry"] && told.photoBytes == nil)
            _ = try await store.discardDeadLetters(
                .init(), reason: "a visitor", by: Self.operatorName, at: Sample.now)
            let after = try #require(try await store.explanation(of: 1))
            #expect(after.sinks[1].discarded?.reason == "a visitor")
            #expect(after.audit.map(\.action) == ["dead-letters.discard", "dead-letters.retry"])
            #expect(try await store.explanation(of: 2)?.audit == [])
            #expect(try await store.explanation(of: 3) == nil)
        }
    }

    @Test(arguments: Engine.allCases)
    func `a correction and a record made into a punch are explained`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            try await store.setSinks([.erpnext])
            _ = try await store.record(
                Sample.batch([Sample.punch("1", doubt: .tooOld)], quarantined: [("no time", [1])]))
            try await store.correct(
                1,
                as: Correction(
                    ruling: .time(Sample.morning, instant: 5), author: Self.operatorName, at: Sample.now,
                    basis: "asked"), owedTo: nil)
            try await store.resolveQuarantine(
                1, as: Sample.batch([Sample.punch("2", second: 9)]), by: Self.operatorName, basis: "seen",
                at: Sample.now)
            let corrected = try #require(try await store.explanation(of: 1))
            #expect(corrected.entry.correction?.basis == "asked")
            #expect(corrected.audit.map(\.action) == ["corrections.decide"])
            let made = try #require(try await store.explanation(of: 2))
            #expect(made.resolution?.record == 1 && made.resolution?.made.basis == "seen")
            #expect(made.audit.map(\.subject) == ["record 1"])
            let open = try await store.latestQuarantine(.init(isOpen: true), before: nil, limit: 5)
            #expect(open.items.isEmpty)
            let decided = try await store.latestQuarantine(.init(isOpen: false), before: nil, limit: 5)
            #expect(decided.items.map(\.resolution?.punch) == [2])
        }
    }

    @Test(arguments: Engine.allCases)
    func `people are found by a piece of their name or by a number`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            try await store.setSinks([.erpnext])
            try await store.putEmployees(
                [
                    Employee(
                        name: "HR-EMP-1", fullName: "José Álvarez", keys: ["attendance_device_id": "0017"]),
                    Employee(name: "HR-EMP-2", fullName: "Marijose Doe"),
                    Employee(name: "HR-EMP-3", fullName: "100% _Sure", keys: ["attendance_device_id": "A-9"]),
                ], removed: [], of: .erpnext)
            try await store.setMappings(
                [
                    EmployeeMapping(space: "staff", enrollID: EnrollID("55")!, employee: "HR-EMP-2"),
                    EmployeeMapping(enrollID: EnrollID("66")!, employee: "HR-EMP-GONE"),
                ], removed: [], of: .erpnext, by: .gateway, at: Sample.now)
            try await store.putPeople(
                [
                    Person(
                        key: PersonKey(space: "members", enrollID: EnrollID("7")!), name: "Josephine",
                        role: .user, state: .active, employee: nil, source: .file, validFrom: nil,
                        validUntil: nil, changed: Sample.now)
                ], credentials: [], by: nil, at: Sample.now)
            _ = try await store.record(
                Sample.batch([Sample.punch("7", name: "Old name"), Sample.punch("88", name: "Uncle JOSE")]))
            func names(_ text: String, limit: Int = 50) async throws -> [String] {
                try await store.people(matching: text, limit: limit).map(\.name)
            }
            #expect(try await names("JOSE") == ["Josephine", "Uncle JOSE", "Marijose Doe"])
            #expect(try await names("josé") == ["José Álvarez"])
            #expect(try await names("ÁLVAREZ") == ["José Álvarez"])
            #expect(try await names("Jos", limit: 2) == ["Josephine", "José Álvarez"])
            #expect(try await names("%") == ["100% _Sure"])
            #expect(try await names("_") == ["100% _Sure"])
            #expect(try await names("' OR 1=1 --") == [])
            #expect(try await names("\\") == [])
            #expect(try await names("  ") == [])
            #expect(try await names(String(repeating: "x", count: 10_000)) == [])
            #expect(try await names("17") == ["José Álvarez"])
            #expect(try await names("55") == ["Marijose Doe"])
            #expect(try await names("66") == ["HR-EMP-GONE"])
            #expect(try await names("hr-emp-1") == ["José Álvarez"])
            #expect(try await names("88") == ["Uncle JOSE"])
            let mapped = try #require(try await store.people(matching: "marijose", limit: 5).first)
            #expect(mapped.enrollIDs == [EnrollID("55")!] && mapped.employee == "HR-EMP-2")
            #expect(mapped.sink == .erpnext && mapped.source == .employee)
        }
    }

    @Test(arguments: Engine.allCases)
    func `attempts come newest first, whatever they meant`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            try await store.setSinks([.erpnext, Self.other])
            _ = try await store.record(Sample.batch(Sample.punches(60)))
            var all: [(started: Int64, punch: Int64, number: Int, meaning: RecordedAttempt.Meaning)] = []
            for round in 1...4 {
                let settlements = (1...60).compactMap { (punch: Int64) -> Settlement? in
                    guard punch % 4 != 1 || round == 1 else { return nil }
                    // Later punches begin earlier, many at the same moment.
                    let started = Int64(round * 10) - punch / 7
                    var settlement =
                        punch % 4 == 1 ? Sample.delivered(punch, reference: "CK") : Sample.again(punch)
                    settlement.attempt.started = Sample.now + .seconds(started)
                    all.append((started, punch, round, punch % 4 == 1 ? .delivered : .again))
                    return settlement
                }
                try await store.settle(settlements, for: .erpnext)
            }
            for meanings in [Set(RecordedAttempt.Meaning.allCases), [.again], [.delivered], [.dead], []] {
                let wanted = all.filter { meanings.contains($0.meaning) }
                    .sorted { ($0.started, $0.punch, $0.number) > ($1.started, $1.punch, $1.number) }
                var found: [LatestAttempt] = []
                var cursor: AttemptCursor?
                repeat {
                    let page = try await store.latestAttempts(
                        AttemptSearch(meanings: meanings), before: cursor, limit: 11)
                    found += page.items
                    cursor = page.next
                } while cursor != nil
                #expect(found.map(\.punch) == wanted.map(\.punch))
                #expect(found.map(\.recorded.number) == wanted.map(\.number))
            }
            let rejected = AttemptSearch(answers: [.transient], terminals: [Sample.terminal])
            let page = try await store.latestAttempts(rejected, before: nil, limit: 500)
            #expect(page.items.count == 180 && page.next == nil)
            let none = AttemptSearch(terminals: [SerialNumber("T9")!])
            #expect(try await store.latestAttempts(none, before: nil, limit: 9).items.isEmpty)
            #expect(
                try await store.latestAttempts(.init(sink: Self.other), before: nil, limit: 9).items.isEmpty)
        }
    }

    @Test(arguments: Engine.allCases)
    func `dead letters, quarantine and the trail come newest first, within a reach`(engine: Engine)
        async throws
    {
        try await engine.withJournal { journal in
            let store = journal.store
            let (a, b) = (SerialNumber("A")!, SerialNumber("B")!)
            try await store.setSinks([.erpnext])
            for (index, terminal) in [a, b, a].enumerated() {
                _ = try await store.record(
                    Sample.batch(
                        [Sample.punch("\(index + 1)")], terminal: terminal,
                        quarantined: [("odd", [UInt8(index)])]))
            }
            try await store.settle([1, 2, 3].map { Sample.dead($0) }, for: .erpnext)
            let first = try await store.latestDeadLetters(.init(), before: nil, limit: 2)
            #expect(first.items.map(\.punch) == [3, 2] && first.next == first.items.last?.id)
            let rest = try await store.latestDeadLetters(.init(), before: first.next, limit: 2)
            #expect(rest.items.map(\.punch) == [1] && rest.next == nil)
            let reach = DeadLetterSearch(terminals: [a], sinks: [.erpnext])
            let within = try await store.latestDeadLetters(reach, before: nil, limit: 9)
            #expect(within.items.map(\.punch) == [3, 1])
            let outside = DeadLetterSearch(sinks: [Self.other])
            #expect(try await store.latestDeadLetters(outside, before: nil, limit: 9).items.isEmpty)
            let odd = try await store.latestQuarantine(.init(terminals: [a]), before: nil, limit: 1)
            #expect(odd.items.map(\.raw) == [[2]])
            let older = try await store.latestQuarantine(.init(terminals: [a]), before: odd.next, limit: 1)
            #expect(older.items.map(\.raw) == [[0]] && older.next == nil)
            for index in 0..<6 {
                try await store.audit(
                    AuditEntry(
                        at: Sample.now + .seconds(Int64(index)),
                        author: index % 2 == 0 ? Self.operatorName : .gateway,
                        action: index < 3 ? "terminals.set" : "users.add", subject: "Gate \(index)"))
            }
            func ids(_ search: AuditSearch, before: Int64? = nil, limit: Int = 9) async throws -> [Int64] {
                try await store.auditTrail(search, before: before, limit: limit).items.map(\.id)
            }
            #expect(try await ids(AuditSearch()) == [6, 5, 4, 3, 2, 1])
            #expect(try await ids(AuditSearch(), before: 3, limit: 1) == [2])
            #expect(try await ids(AuditSearch(action: "terminals.")) == [3, 2, 1])
            #expect(try await ids(AuditSearch(author: "aDA")) == [5, 3, 1])
            #expect(try await ids(AuditSearch(subject: "gate 4")) == [5])
            #expect(
                try await ids(
                    AuditSearch(from: Sample.now + .seconds(1), until: Sample.now + .seconds(3))) == [3, 2])
        }
    }

    @Test(arguments: Engine.allCases)
    func `whoever follows is told of new punches, and of nothing else`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            #expect(store.feed.newest == 0)
            var numbers = store.feed.numbers().makeAsyncIterator()
            #expect(await numbers.next() == 0)
            _ = try await store.record(Sample.batch(Sample.punches(3)))
            #expect(store.feed.newest == 3)
            #expect(await numbers.next() == 3)
            _ = try await store.record(Sample.batch(Sample.punches(3)))
            try await store.setSinks([.erpnext])
            _ = try await store.record(Sample.batch([Sample.punch("1", second: 900)]))
            _ = try await store.record(Sample.batch([Sample.punch("1", second: 901)]))
            // The last word only, for one who was slow.
            #expect(await numbers.next() == 5)
            #expect(store.rates.perMinute(until: Sample.now, count: 1) == [5])
            try await journal.reopen()
            #expect(journal.store.feed.newest == 5)
            var again = journal.store.feed.numbers().makeAsyncIterator()
            #expect(await again.next() == 5)
        }
    }
}
