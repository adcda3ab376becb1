import AttendanceCore
import AttendanceStore

/// One thing that a page asks. Answers whether it stopped at its bound.
struct Question: Sendable {
    let name: String
    let ask: @Sendable (SQLiteStore, SampleJournal, _ round: Int) async throws -> Bool

    private init(
        _ name: String,
        _ ask: @escaping @Sendable (SQLiteStore, SampleJournal, _ round: Int) async throws -> Bool
    ) {
        self.name = name
        self.ask = ask
    }

    /// The first page of a search, and of each second round one from the middle.
    private static func search(
        _ name: String, _ make: @escaping @Sendable (SampleJournal, Int) -> PunchSearch
    ) -> [Question] {
        PunchSearch.Order.allCases.map { order in
            Question("\(name), by \(order.rawValue)") { store, sample, round in
                var search = make(sample, round)
                search.order = order
                let cursor = round % 2 == 0 ? nil : sample.middle(round)
                return try await store.latestPunches(search, before: cursor, limit: 50).searchedBackTo != nil
            }
        }
    }

    static let all: [Question] =
        search("a person who left", { sample, _ in PunchSearch(people: [sample.leaver]) })
        + search("newest", { _, _ in PunchSearch() })
        + search("a person", { sample, round in PunchSearch(people: [sample.person(round)]) })
        + search(
            "20 people", { sample, round in PunchSearch(people: (0..<20).map { sample.person(round + $0) }) })
        + search("nobody's number", { _, _ in PunchSearch(people: [EnrollID("no-one")].compactMap { $0 }) })
        + search("a terminal", { sample, round in PunchSearch(terminals: [sample.terminal(round)]) })
        + search("a terminal that is gone", { sample, _ in PunchSearch(terminals: [sample.gone]) })
        + search("a reach of 50 terminals", { sample, _ in PunchSearch(terminals: sample.reach) })
        + search("a day", { sample, round in sample.day(round) })
        + search(
            "a person's day",
            { sample, round in
                var search = sample.day(round)
                search.people = [sample.person(round)]
                return search
            })
        + search("people only", { _, _ in PunchSearch(kinds: [.person]) })
        + search("strangers", { _, _ in PunchSearch(kinds: [.stranger]) })
        + search("doubtful times", { _, _ in PunchSearch(isDoubtful: true) })
        + PunchSearch.State.allCases.flatMap { state in
            search(state.rawValue, { _, _ in PunchSearch(state: state) })
                + search(
                    "\(state.rawValue) of a person",
                    { sample, round in
                        PunchSearch(people: [sample.person(round)], state: state)
                    })
                + search(
                    "\(state.rawValue) within a reach",
                    { sample, _ in
                        PunchSearch(terminals: sample.reach, state: state)
                    })
                + search(
                    "\(state.rawValue) on a day",
                    { sample, round in
                        var search = sample.day(round)
                        search.state = state
                        return search
                    })
        } + others

    private static let others: [Question] = [
        Question("what has come since") { store, _, _ in
            _ = try await store.punches(numberedAbove: store.feed.newest - 100, at: .erpnext, limit: 100)
            return false
        },
        Question("explain a punch") { store, sample, round in
            _ = try await store.explanation(of: sample.number(round))
            return false
        },
        Question("people by a piece of their name") { store, _, round in
            _ = try await store.people(matching: ["ada", "lovel", "é", "zzz"][round % 4], limit: 50)
            return false
        },
        Question("people by number") { store, sample, round in
            _ = try await store.people(matching: sample.person(round).canonical, limit: 50)
            return false
        },
        Question("latest attempts") { store, _, _ in
            try await store.latestAttempts(AttemptSearch(), before: nil, limit: 50).searchedBackTo != nil
        },
        Question("latest attempts that failed") { store, _, _ in
            let search = AttemptSearch(meanings: [.again, .dead])
            return try await store.latestAttempts(search, before: nil, limit: 50).searchedBackTo != nil
        },
        Question("latest attempts of a rare class within a reach") { store, sample, _ in
            let search = AttemptSearch(answers: [.rateLimited], terminals: sample.reach)
            return try await store.latestAttempts(search, before: nil, limit: 50).searchedBackTo != nil
        },
        Question("dead letters") { store, _, _ in
            try await store.latestDeadLetters(DeadLetterSearch(), before: nil, limit: 50).searchedBackTo
                != nil
        },
        Question("dead letters of a person within a reach") { store, sample, round in
            let search = DeadLetterSearch(
                DeadLetterFilter(person: sample.person(round)), terminals: sample.reach)
            return try await store.latestDeadLetters(search, before: nil, limit: 50).searchedBackTo != nil
        },
        Question("quarantine") { store, sample, _ in
            let search = QuarantineSearch(isOpen: true, terminals: sample.reach)
            return try await store.latestQuarantine(search, before: nil, limit: 50).searchedBackTo != nil
        },
        Question("the audit trail") { store, _, _ in
            try await store.auditTrail(AuditSearch(), before: nil, limit: 50).searchedBackTo != nil
        },
        Question("the audit trail of somebody who did nothing") { store, _, _ in
            let search = AuditSearch(action: "users.", author: "nobody", subject: "x")
            return try await store.auditTrail(search, before: nil, limit: 50).searchedBackTo != nil
        },
        Question("rates") { store, _, _ in
            let rates = store.rates
            let now = SampleJournal.clock()
            _ = (rates.perMinute(until: now), rates.perHour(until: now), rates.perDay(until: now))
            return false
        },
        Question("status") { store, _, _ in
            _ = try await store.status()
            return false
        },
    ]
}
