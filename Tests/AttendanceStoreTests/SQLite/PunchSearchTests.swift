import AttendanceCore
import Foundation
import GRDB
import Testing

@testable import AttendanceStore

/// A journal of 20,000 punches in every state, and every answer compared with the rows themselves.
@Suite("Searching punches", .timeLimit(.minutes(10))) struct PunchSearchTests {
    private static let old = SinkName("old-site")!
    private static let terminals = (1...12).map { SerialNumber("T\($0)")! }
    private static let count = 20_000
    /// Of more than this the beginning is compared.
    private static let enough = 400

    private static func second(_ seconds: Int64) -> WallTime {
        WallTime(seconds: Sample.morning.seconds + seconds)
    }

    /// 40 days of punches in about the order of their times; some late by days, some of clocks that are wrong.
    private func fill(_ store: SQLiteStore) async throws {
        var random = SeededNumbers(seed: 5)
        try await store.setSinks([Self.old])
        try await store.setSinks([.erpnext])
        for batch in 0..<Self.count / 100 {
            if batch == 20 { try await store.setSinks([.erpnext, Self.old]) }
            let terminal = Self.terminals[Int.random(in: 0..<12, using: &random)]
            let late: Int64 = Int.random(in: 0..<20, using: &random) == 0 ? 9 * 86_400 : 0
            let punches = (0..<100).map { index in
                let draw = Int.random(in: 0..<50, using: &random)
                var punch = Sample.punch(
                    draw == 0
                        ? "99999999" : draw == 1 ? "0" : "\(100 + Int.random(in: 0..<300, using: &random))",
                    second: Int64(batch * 17_280 + index * 170) - late,
                    kind: draw == 0 ? .stranger : draw == 1 ? .doorEvent : .person,
                    doubt: draw == 2 ? .tooOld : .none, event: draw == 1 ? Int64(index) : nil)
                if draw == 2 { punch.time = Self.second(-800_000_000 + Int64(index)) }
                return punch
            }
            var intake = Sample.batch(
                punches, terminal: terminal, received: Sample.now + .seconds(Int64(batch) * 17_280))
            intake.isHeld = terminal == Self.terminals[3] || terminal == Self.terminals[4]
            if terminal == Self.terminals[5] { intake.sinks = [Self.old] }
            _ = try await store.record(intake)
        }
        try await settle(store, &random)
    }

    /// The site was down from number 12,000 to 15,000: those are still owed, most of them tried often.
    private func settle(_ store: SQLiteStore, _ random: inout SeededNumbers) async throws {
        var after: Int64 = 0
        while true {
            let owed = try await store.owed(to: .erpnext, after: after, limit: 1_000)
            guard let last = owed.last else { break }
            after = last.id
            var settlements: [Settlement] = []
            for punch in owed {
                switch (punch.id, Int.random(in: 0..<200, using: &random)) {
                case (12_000..<15_000, let draw):
                    if draw > 100 { settlements += Array(repeating: Sample.again(punch.id), count: draw % 5) }
                case (_, 0): settlements.append(Sample.dead(punch.id))
                case (_, 1):
                    settlements.append(
                        Settlement(
                            punch: punch.id, attempt: Sample.attempt(.suppressed),
                            fate: .suppressed(reason: "repeats punch 1"), report: nil))
                case (_, 2): break
                default: settlements.append(Sample.delivered(punch.id, reference: "CK-\(punch.id)"))
                }
            }
            try await store.settle(settlements, for: .erpnext)
        }
        let some = DeadLetterFilter(until: Self.second(10 * 86_400))
        _ = try await store.discardDeadLetters(some, reason: "a visitor", by: .gateway, at: Sample.now)
        // Once delivered, sent again, and then delivered, suppressed or still owed.
        let again = (1...3).flatMap { base in (0..<10).map { Int64(base * 1_000 + $0) } }
        _ = try await store.owe(again, to: .erpnext, again: true, by: nil, at: Sample.now)
        try await store.settle(again.prefix(10).map { Sample.again($0) }, for: .erpnext)
        try await store.settle(again.dropFirst(10).prefix(10).map { Sample.delivered($0) }, for: .erpnext)
    }

    private static let searches: [PunchSearch] = {
        let people = ["101", "0350", "99999999", "nobody"].map { EnrollID($0)! }
        var all: [PunchSearch] = [
            PunchSearch(), PunchSearch(people: [people[0]]), PunchSearch(people: people),
            PunchSearch(people: [people[3]]), PunchSearch(people: []),
            PunchSearch(terminals: [terminals[0]]), PunchSearch(terminals: Set(terminals.prefix(4))),
            PunchSearch(terminals: []), PunchSearch(terminals: [SerialNumber("unheard-of")!]),
            PunchSearch(from: second(20 * 86_400), until: second(21 * 86_400)),
            PunchSearch(until: second(86_400)), PunchSearch(from: second(39 * 86_400)),
            PunchSearch(from: second(5), until: second(5)),
            PunchSearch(kinds: [.stranger]), PunchSearch(kinds: [.person, .doorEvent]),
            PunchSearch(kinds: []),
            PunchSearch(isDoubtful: true), PunchSearch(isDoubtful: false),
            PunchSearch(people: [people[0]], isDoubtful: true),
            PunchSearch(
                people: [people[0]], terminals: Set(terminals.prefix(6)), from: second(86_400),
                until: second(30 * 86_400), kinds: [.person], isDoubtful: false),
        ]
        for state in PunchSearch.State.allCases {
            all += [
                PunchSearch(state: state), PunchSearch(people: [people[0]], state: state),
                PunchSearch(terminals: Set(terminals.prefix(4)), state: state),
                PunchSearch(from: second(5 * 86_400), until: second(9 * 86_400), state: state),
                PunchSearch(kinds: [.person], state: state),
                PunchSearch(isDoubtful: true, state: state),
                PunchSearch(
                    terminals: [terminals[5]], from: second(86_400), isDoubtful: false, state: state,
                    sink: old),
                PunchSearch(state: state, sink: SinkName("unheard-of")!),
            ]
        }
        return all
    }()

    private static let tight = PunchFinder.Limits(
        rows: 1_500, batch: 90, kept: 200, common: 0.1, rare: 100, held: 1)

    /// Nothing, some and all of the journal in memory; with the bounds that hold, and with tight ones.
    private static let variants: [(name: String, columns: PunchColumns.Limits, finder: PunchFinder.Limits)] =
        [
            ("whole", .init(), .init(common: 2)),
            ("whole, by key where it is common", .init(), .init()),
            ("stretches, tight", .init(stretch: 1_024), tight),
            ("a part, tight", .init(punches: 6_000, stretch: 1_024), tight),
            ("next to nothing", .init(punches: 10, stretch: 256), .init()),
        ]

    private func isMeant(_ entry: JournalEntry, _ search: PunchSearch) -> Bool {
        let time = entry.punch.time
        return search.people?.contains(entry.punch.enrollID) != false
            && search.terminals?.contains(entry.terminal) != false
            && search.from.map { time >= $0 } != false && search.until.map { time < $0 } != false
            && search.kinds.contains(entry.punch.kind)
            && (search.isDoubtful ?? entry.punch.doubt.isDoubtful) == entry.punch.doubt.isDoubtful
            && (search.state ?? entry.state.kind) == entry.state.kind
    }

    @Test func `finds what is there, newest first, on pages that follow each other`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder) { store in
                try await fill(store)
                var all: [SinkName: [JournalEntry]] = [:]
                for search in Self.searches where all[search.sink] == nil {
                    all[search.sink] = try await store.allPunches(PunchFilter(sink: search.sink))
                }
                let states = Dictionary(grouping: try #require(all[.erpnext]), by: \.state.kind)
                #expect(states.count == PunchSearch.State.allCases.count, "the journal holds every state")
                for (turn, (name, columnLimits, finderLimits)) in Self.variants.enumerated() {
                    let columns = PunchColumns(limits: columnLimits)
                    if name.hasPrefix("whole") {
                        while try await store.readers.read({ try columns.readAhead($0) }) {}
                        #expect(columns.count == all[.erpnext]?.count)
                    }
                    for (index, var search) in Self.searches.enumerated() {
                        // One order in each variant: both in all of them would take a minute.
                        let order = PunchSearch.Order.allCases[(turn + index) % 2]
                        search.order = order
                        let wanted = try #require(all[search.sink]).filter { isMeant($0, search) }
                            .sorted { order == .time ? $0.cursor > $1.cursor : $0.id > $1.id }.map(\.id)
                        let found = try await walk(
                            store, search, columns, finderLimits, limit: wanted.count > 600 ? 150 : 37)
                        #expect(found == Array(wanted.prefix(found.count)), "\(name): \(search)")
                        #expect(found.count >= min(wanted.count, Self.enough), "\(name): \(search)")
                    }
                    #expect(columns.count <= max(columnLimits.punches, 2 * Int(columnLimits.stretch)))
                }
            }
        }
    }

    private func walk(
        _ store: SQLiteStore, _ search: PunchSearch, _ columns: PunchColumns, _ limits: PunchFinder.Limits,
        limit: Int
    ) async throws -> [Int64] {
        var found: [Int64] = []
        var cursor: PunchCursor?
        while true {
            let page = try await store.readers.read { [cursor] in
                try PunchFinder.page(
                    $0, search, before: cursor, limit: limit, columns: columns, limits: limits)
            }
            found += page.items.map(\.id)
            if found.count > Self.enough { return found }
            guard let next = page.next else {
                #expect(page.searchedBackTo == nil)
                return found
            }
            // Either a whole page, or a word how far it came; never the same place again.
            #expect(page.items.count == limit || page.searchedBackTo != nil)
            #expect(next != cursor)
            guard next != cursor, page.items.count <= limit else { return found }
            cursor = next
        }
    }

    @Test func `a search finds what came since the last one`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder) { store in
                let search = PunchSearch(people: [EnrollID("12")!])
                #expect(try await store.latestPunches(search, before: nil, limit: 9).items.isEmpty)
                for second in 1...300 as ClosedRange<Int64> {
                    _ = try await store.record(Sample.batch([Sample.punch("12", second: second)]))
                    guard second % 25 == 0 else { continue }
                    for order in PunchSearch.Order.allCases {
                        var search = search
                        search.order = order
                        let page = try await store.latestPunches(search, before: nil, limit: 2)
                        #expect(page.items.map(\.id) == [second, second - 1])
                        #expect(page.next == page.items.last?.cursor)
                    }
                }
                let above = try await store.punches(numberedAbove: 297, at: .erpnext, limit: 2)
                #expect(above.map(\.id) == [298, 299])
                #expect(above.first?.state == .notOwed && above.first?.raw.isEmpty == false)
            }
        }
    }

    @Test func `cursors from anywhere do no harm`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder) { store in
                _ = try await store.record(Sample.batch(Sample.punches(5)))
                let numbers: [Int64] = [.min, -1, 0, 1, 3, .max]
                for order in PunchSearch.Order.allCases {
                    for id in numbers {
                        for seconds in numbers {
                            for people in [nil, [EnrollID("1001")!]] {
                                let cursor = PunchCursor(time: WallTime(seconds: seconds), id: id)
                                let page = try await store.latestPunches(
                                    PunchSearch(order: order, people: people), before: cursor, limit: .max)
                                #expect(page.items.count <= 5 && page.next == nil)
                            }
                        }
                    }
                }
                for number in numbers {
                    _ = try await store.latestDeadLetters(.init(), before: number, limit: .min)
                    _ = try await store.latestQuarantine(.init(), before: number, limit: 0)
                    _ = try await store.auditTrail(AuditSearch(), before: number, limit: 0)
                    _ = try await store.explanation(of: number)
                    let place = AttemptCursor(
                        started: UnixTime(milliseconds: number), punch: number, number: Int(number))
                    _ = try await store.latestAttempts(AttemptSearch(), before: place, limit: 0)
                }
            }
        }
    }

    /// SQLite says itself that no statement of the console reads a whole table that grows with the punches.
    @Test func `no question reads a whole table`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder) { store in
                try await store.setSinks([.erpnext, Self.old])
                for second in 0..<300 as Range<Int64> {
                    _ = try await store.record(
                        Sample.batch(
                            [Sample.punch("101", second: second, doubt: second % 9 == 0 ? .tooOld : .none)],
                            terminal: Self.terminals[Int(second % 12)]))
                }
                try await store.settle((1...200).map { Sample.delivered($0) }, for: .erpnext)
                try await store.settle((201...230).map { Sample.dead($0) }, for: .erpnext)
            }
            let queue = try DatabaseQueue(path: folder + "/journal.sqlite")
            let statements = try queue.inDatabase { db in
                let seen = Statements()
                db.trace { event in
                    if case .statement(let statement) = event { seen.texts.insert(statement.sql) }
                }
                for limits in [PunchColumns.Limits(), .init(punches: 16, stretch: 16)] {
                    let columns = PunchColumns(limits: limits)
                    for var search in Self.searches {
                        for order in PunchSearch.Order.allCases {
                            search.order = order
                            for rare in [1, 8_000] {
                                _ = try PunchFinder.page(
                                    db, search, before: nil, limit: 20, columns: columns,
                                    limits: .init(rare: rare, held: rare))
                            }
                        }
                    }
                }
                _ = try Queries.explanation(db, of: 3)
                _ = try Queries.punches(db, above: 3, at: .erpnext, limit: 3)
                _ = try Queries.latestAttempts(
                    db, AttemptSearch(answers: [.transient], terminals: [Self.terminals[0]]), before: nil,
                    limit: 9)
                let dead = DeadLetterFilter(person: EnrollID("101")!, terminal: Self.terminals[0])
                _ = try Queries.latestDeadLetters(
                    db, DeadLetterSearch(dead, terminals: Set(Self.terminals), sinks: [.erpnext]), before: 9,
                    limit: 9)
                _ = try Queries.latestQuarantine(
                    db, QuarantineSearch(isOpen: true, terminals: Set(Self.terminals)), before: nil, limit: 9)
                _ = try Queries.auditTrail(
                    db,
                    AuditSearch(action: "a", author: "b", subject: "c", from: Sample.now, until: Sample.now),
                    before: nil, limit: 9)
                _ = try Queries.rates(db, through: 300, at: Sample.now)
                db.trace(options: [])
                return seen.texts
            }
            #expect(statements.count > 30)
            // What grows with the punches, by the names it has in the statements.
            let large: Set<String> = [
                "punch", "p", "attempt", "a", "outbox", "o", "dead_letter", "d", "discarded", "x", "decision",
                "n",
                "audit", "quarantine", "q", "held", "late", "l", "photo", "outcome",
            ]
            for sql in statements.sorted() where sql.hasPrefix("SELECT") || sql.hasPrefix("WITH") {
                let plan = try queue.inDatabase { db in
                    let statement = try db.makeStatement(sql: "EXPLAIN QUERY PLAN \(sql)")
                    statement.setUncheckedArguments([])
                    return try Row.fetchAll(statement).map { $0["detail"] as String }
                }
                for step in plan {
                    let words = step.split(separator: " ")
                    // A list of numbers or names is called n in some statements.
                    let isScan =
                        words.first == "SCAN" && words.count > 1 && large.contains(String(words[1]))
                        && !step.contains("VIRTUAL TABLE")
                    #expect(!isScan, "\(step) in \(sql)")
                }
                if sql.contains("attempt_latest") {
                    #expect(!plan.contains { $0.contains("TEMP B-TREE") }, "\(plan)")
                }
            }
        }
    }

    @Test func `punches from before the start are counted too, each once`() async throws {
        try await withTemporaryFolder { folder in
            var wanted = PunchRates()
            try await withSQLiteStore(in: folder) { store in
                for batch in 0..<300 as Range<Int64> {
                    // Half of it within the last hours, in stretches of different density.
                    let received =
                        Sample.now + .seconds(batch < 150 ? (batch - 290) * 10_000 : (batch - 299) * 45)
                    let punches = (0..<1 + batch % 7).map { Sample.punch("\($0)", second: batch) }
                    _ = try await store.record(Sample.batch(punches, received: received))
                    wanted.add(punches.count, at: received)
                }
            }
            try await withSQLiteStore(in: folder) { store in
                #expect(store.rates == PunchRates())
                _ = try await store.record(Sample.batch([Sample.punch(second: 999)]))
                try await store.countPast()
                wanted.add(1, at: Sample.now)
                #expect(store.rates.perMinute(until: Sample.now) == wanted.perMinute(until: Sample.now))
                #expect(store.rates.perHour(until: Sample.now) == wanted.perHour(until: Sample.now))
                #expect(store.rates.perDay(until: Sample.now) == wanted.perDay(until: Sample.now))
                #expect(wanted.perDay(until: Sample.now).allSatisfy { $0 > 0 } == false)
            }
        }
    }

    @Test(arguments: [true, false])
    func `while the gateway runs, the past is read ahead once somebody searches, or only looks`(
        isSearch: Bool
    ) async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder) { store in
                for batch in 0..<70 as Range<Int64> {
                    _ = try await store.record(Sample.batch(Sample.punches(1_000, from: batch * 1_000)))
                }
                let running = Task { try await store.run() }
                while store.rates == PunchRates() { await Task.yield() }
                #expect(store.columns.count == 0)
                let person = try #require(EnrollID("1000"))
                let page = try await store.latestPunches(
                    isSearch ? PunchSearch(people: [person]) : PunchSearch(), before: nil, limit: 500)
                #expect(page.items.count == (isSearch ? 70 : 500))
                while store.columns.count < 70_000 { await Task.yield() }
                running.cancel()
                try await running.value
            }
        }
    }

    private final class Statements {
        var texts: Set<String> = []
    }
}
