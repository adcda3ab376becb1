import AttendanceCore
import AttendanceStore
import Foundation

extension API {
    private static let deadLetterFilters: [Endpoint.Parameter] = [
        .sink("Only of this sink."),
        .query("cause", .words(RejectionCause.allCases.map(\.rawValue)), "Only of this cause."),
        .query("person", Schema.enrollID, "Enroll id."), .terminal,
        .query("from", Schema.wallOrDay, "First moment, by the terminals' clocks."),
        .query("until", Schema.wallOrDay, "First moment that is no longer wanted."),
    ]

    static let deliveryEndpoints: [Endpoint] = [
        Endpoint(
            .get, "sinks", "listSinks", "Where punches go, and how it fares", tag: .deliveries, scope: .read
        ) {
            try await $0.listSinks($1)
        },
        Endpoint(
            .get, "attempts", "listAttempts", "Attempts at a sink, newest first", tag: .deliveries,
            scope: .read,
            [
                .sink("Without it the first within reach."),
                .query(
                    "meaning", .words(RecordedAttempt.Meaning.allCases.map(\.apiWord)),
                    "Only those that meant this for their punch."),
                .query("answer", .words(AnswerClass.allCases.map(\.rawValue)), "Only with such an answer."),
                .terminal, .group,
            ], traits: .paged
        ) { try await $0.listAttempts($1) },
        Endpoint(
            .get, "dead-letters", "listDeadLetters", "What could not be delivered, newest first",
            tag: .deliveries,
            scope: .read, deadLetterFilters, traits: .paged
        ) { try await $0.listDeadLetters($1) },
        Endpoint(
            .get, "dead-letters/groups", "listDeadLetterGroups", "Dead letters counted by sink and cause",
            tag: .deliveries, scope: .read, deadLetterFilters
        ) { try await $0.deadLetterGroups($1) },
        Endpoint(
            .post, "dead-letters/retry", "retryDeadLetters", "Send dead letters again",
            "Attempts are counted anew, and what is sent is decided anew.", tag: .deliveries,
            scope: .deliveries,
            body: .json(DeadLetterBody.self), touches: [.deliveries, .punches]
        ) { try await $0.retryDeadLetters($1) },
        Endpoint(
            .post, "dead-letters/discard", "discardDeadLetters", "Give dead letters up",
            "The punches stay in the journal, with the reason.", tag: .deliveries, scope: .deliveries,
            body: .json(DiscardBody.self), touches: [.deliveries, .punches]
        ) { try await $0.discardDeadLetters($1) },
        Endpoint(
            .get, "corrections", "listCorrections", "Times that could not be believed, with proposals",
            tag: .deliveries, scope: .read,
            [
                .query(
                    "kind", .words(CorrectionSearch.Kind.allCases.map(\.rawValue)),
                    "`punches`, as without it: with a doubtful time. `records`: of the quarantine."),
                .query("all", .flag, "Also those that were decided on."), .terminal, .group,
            ], traits: .paged
        ) { try await $0.listCorrections($1) },
        Endpoint(
            .post, "corrections", "decideCorrections", "Decide on times that could not be believed",
            tag: .deliveries, scope: .deliveries, body: .json(CorrectionBody.self), traits: .mayBeMissing,
            touches: [.deliveries, .punches]
        ) { try await $0.decideCorrections($1) },
        Endpoint(
            .get, "quarantine", "listQuarantine", "Records that could not be read, newest first",
            tag: .deliveries,
            scope: .read,
            [
                .query("open", .flag, "Only those that nobody has decided on, or only others."), .terminal,
                .group,
            ], traits: .paged
        ) { try await $0.listQuarantine($1) },
        Endpoint(
            .get, "late-deliveries", "listLateDeliveries", "Check-ins that came too late for their shift",
            tag: .deliveries, scope: .read,
            [.sink("Without it the first within reach.")], traits: .paged
        ) { try await $0.listLate($1) },
        Endpoint(
            .post, "comparisons", "compareWithSite", "Compare the journal with what a site holds",
            "Asks the site; one comparison at a time, at most 31 days.", tag: .deliveries, scope: .deliveries,
            body: .json(ComparisonBody.self), traits: [.mayBeMissing, .mayConflict]
        ) { try await $0.compare($1) },
        Endpoint(
            .get, "repairs", "listRepairs", "Check-ins that a site has made wrongly, as they stand there now",
            "Asks the site.", tag: .deliveries, scope: .deliveries, [.site],
            traits: [.mayBeMissing, .mayConflict]
        ) { try await $0.listRepairs($1) },
        Endpoint(
            .get, "misfiled-checkins", "listMisfiledCheckins", "Check-ins that a site has made wrongly",
            tag: .deliveries, scope: .read,
            [.sink("Without it the first within reach.")], traits: .paged
        ) { try await $0.listMisfiled($1) },
    ]

    // MARK: Sinks and attempts

    func listSinks(_ call: APICall) async throws -> ListAnswer<SinkAnswer> {
        let principal = try call.who()
        return ListAnswer(
            await operations.health().sinks.filter { sink in
                SinkName(sink.name).map { principal.reaches(sink: $0) } ?? false
            }.map { SinkAnswer(sink: $0) })
    }

    func listAttempts(_ call: APICall) async throws -> PageAnswer<AttemptAnswer> {
        guard let sink = try call.sink(of: self) ?? call.firstSink(of: self) else {
            return PageAnswer([], next: nil)
        }
        var search = AttemptSearch(sink: sink)
        if let word = call.text("meaning") {
            search.meanings = Set(RecordedAttempt.Meaning.allCases.filter { $0.apiWord == word })
        }
        search.answers = call.text("answer").flatMap { AnswerClass(rawValue: $0) }.map { [$0] }
        search.terminals = try await reach.terminals(
            for: try call.who(), terminal: try call.serial(), group: call.text("group"))
        let before = try call.cursor.map { text -> AttemptCursor in
            let parts = try PageCursor.parts(text, 3)
            guard let started = Int64(parts[0]), let punch = Int64(parts[1]), let number = Int(parts[2])
            else {
                throw PageCursor.wrong
            }
            return AttemptCursor(started: UnixTime(milliseconds: started), punch: punch, number: number)
        }
        let page = try await store.latestAttempts(search, before: before, limit: call.limit)
        return PageAnswer(
            page.items.map { AttemptAnswer($0) },
            next: page.next.map {
                PageCursor.text(["\($0.started.milliseconds)", "\($0.punch)", "\($0.number)"])
            }, searchedBackTo: page.searchedBackTo)
    }

    // MARK: Dead letters

    private func deadLetterFilter(_ call: APICall) throws -> DeadLetterFilter {
        DeadLetterFilter(
            sink: try call.sink(of: self), cause: call.text("cause").flatMap { RejectionCause(rawValue: $0) },
            person: try call.value("person", "an enroll id") { EnrollID($0) }, terminal: try call.serial(),
            from: try call.wall("from"), until: try call.wall("until"))
    }

    func listDeadLetters(_ call: APICall) async throws -> PageAnswer<DeadLetterAnswer> {
        let page = try await DeliveriesReach(call.context, operations).letters(
            try deadLetterFilter(call), before: try call.cursor.map { try PageCursor.number($0) },
            limit: call.limit)
        return PageAnswer(
            page.items.map { DeadLetterAnswer($0) }, next: page.next.map { PageCursor.text(["\($0)"]) },
            searchedBackTo: page.searchedBackTo)
    }

    func deadLetterGroups(_ call: APICall) async throws -> ListAnswer<DeadLetterGroupAnswer> {
        let groups = try await DeliveriesReach(call.context, operations).groups(try deadLetterFilter(call))
        return ListAnswer(groups.map { DeadLetterGroupAnswer($0) })
    }

    func retryDeadLetters(_ call: APICall) async throws -> ChangeCount {
        let body = try call.body(DeadLetterBody.self)
        return try await eachOrder(body.filter, all: body.all, call) {
            try await operations.deadLetters.retry($0)
        }
    }

    func discardDeadLetters(_ call: APICall) async throws -> ChangeCount {
        let body = try call.body(DiscardBody.self)
        return try await eachOrder(body.filter, all: body.all, call) { order in
            var order = order
            order.reason = body.reason
            return try await operations.deadLetters.discard(order)
        }
    }

    /// Whoever is limited to a part orders by number what of it they see.
    private func eachOrder(
        _ filter: DeadLetterBody.Filter?, all: Bool?, _ call: APICall,
        _ carryOut: (DeadLetterOrder) async throws -> Int
    ) async throws -> ChangeCount {
        let text = filter?.text ?? DeadLetterFilterText()
        guard all == true || text != DeadLetterFilterText() else {
            throw APIProblem.field("/filter", "is empty; say all: true where all dead letters are meant")
        }
        var changed = 0
        for order in try await DeliveriesReach(call.context, operations).orders(try text.filter()) {
            changed += try await carryOut(DeadLetterOrder(filter: order, author: try call.author().name))
        }
        return ChangeCount(changed: changed)
    }

    // MARK: Corrections and quarantine

    func listCorrections(_ call: APICall) async throws -> PageAnswer<CorrectionAnswer> {
        let kind = call.text("kind").flatMap { CorrectionSearch.Kind(rawValue: $0) } ?? .punches
        let page = try await operations.corrections.cases(
            CorrectionSearch(
                kind, all: call.flag("all") ?? false,
                terminals: try await reach.terminals(
                    for: try call.who(), terminal: try call.serial(), group: call.text("group")),
                before: try call.cursor.map { try PageCursor.number($0) }, limit: call.limit))
        return PageAnswer(
            page.items.map { CorrectionAnswer($0) }, next: page.next.map { PageCursor.text(["\($0)"]) },
            searchedBackTo: page.searchedBackTo)
    }

    func decideCorrections(_ call: APICall) async throws -> CorrectionResult {
        let body = try call.body(CorrectionBody.self)
        let all = body.everyProposal ?? false
        if !call.reachesAllGroups {
            guard !all else {
                throw APIProblem.field(
                    "/every_proposal", "is not for somebody who is limited to groups; name cases")
            }
            for (index, id) in (body.ids ?? []).enumerated() {
                guard let terminal = try await terminal(ofCase: id),
                    reach.contains(terminal, for: call.principal)
                else { throw APIProblem.field("/ids/\(index)", "is no case") }
            }
        }
        guard let ruling = CorrectionOrder.Ruling(rawValue: body.ruling) else {
            throw APIProblem.field("/ruling", "is none")
        }
        return try await operations.corrections.carryOut(
            CorrectionOrder(
                ids: body.ids ?? [], ruling: ruling, everyProposal: all, time: body.time, reason: body.reason,
                author: try call.author().name))
    }

    private func terminal(ofCase id: String) async throws -> SerialNumber? {
        guard let number = Int64(id.dropFirst()), number > 0 else { return nil }
        if id.hasPrefix("P") {
            return try await store.punches(numbered: [number], at: .erpnext).first?.terminal
        }
        let record = try await store.quarantine(after: number - 1, limit: 1).first
        return record?.id == number ? record?.terminal : nil
    }

    func listQuarantine(_ call: APICall) async throws -> PageAnswer<QuarantineAnswer> {
        let search = QuarantineSearch(
            isOpen: call.flag("open"),
            terminals: try await reach.terminals(
                for: try call.who(), terminal: try call.serial(), group: call.text("group")))
        let page = try await store.latestQuarantine(
            search, before: try call.cursor.map { try PageCursor.number($0) }, limit: call.limit)
        return PageAnswer(
            page.items.map { QuarantineAnswer($0) }, next: page.next.map { PageCursor.text(["\($0)"]) },
            searchedBackTo: page.searchedBackTo)
    }

    // MARK: Comparing

    /// Nobody who is limited to groups: a site's employees are not of one.
    private func comparable(_ name: String?, _ call: APICall) throws -> SinkName {
        try call.requireAllGroups()
        guard let sink = SinkName(name ?? SinkName.erpnext.text), try call.who().reaches(sink: sink),
            operations.reconciling.sites.contains(sink)
        else { throw APIProblem.notFound }
        return sink
    }

    /// What keeps a site from being compared is nothing of the gateway's own.
    private func asking<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let refusal as ComparisonRefusal {
            switch refusal {
            case .noSuchSite: throw APIProblem.notFound
            case .busy, .tookTooLong: throw APIProblem(.conflict, refusal.localizedDescription)
            case .unreachable: throw APIProblem(.unavailable, refusal.localizedDescription, retryAfter: 30)
            case .badDays, .tooManyDays, .badEmployee: throw refusal
            }
        }
    }

    func compare(_ call: APICall) async throws -> ComparisonReport {
        let body = try call.body(ComparisonBody.self)
        let sink = try comparable(body.site, call)
        return try await asking {
            try await operations.reconciling.compare(
                ComparisonOrder(sink: sink.text, from: body.from, to: body.to, employee: body.employee))
        }
    }

    func listRepairs(_ call: APICall) async throws -> ListAnswer<RepairReport> {
        let sink = try comparable(call.text("site"), call)
        return ListAnswer(try await asking { try await operations.reconciling.repairs(sink) })
    }

    func listLate(_ call: APICall) async throws -> PageAnswer<LateDeliveryAnswer> {
        guard let sink = try call.sink(of: self) ?? call.firstSink(of: self) else {
            return PageAnswer([], next: nil)
        }
        let start = try call.cursor.map { try PageCursor.number($0) } ?? 0
        let page = try await collect(call.limit, from: start) { after, size in
            try await store.lateDeliveries(at: sink, after: after, limit: size).map { ($0, $0.punch) }
        } keep: {
            reach.contains($0.terminal, for: call.principal)
        }
        return PageAnswer(
            page.items.map { LateDeliveryAnswer($0) }, next: page.next.map { PageCursor.text(["\($0)"]) })
    }

    func listMisfiled(_ call: APICall) async throws -> PageAnswer<MisfiledAnswer> {
        guard let sink = try call.sink(of: self) ?? call.firstSink(of: self) else {
            return PageAnswer([], next: nil)
        }
        let start = try call.cursor.map { try PageCursor.number($0) } ?? 0
        let page = try await collect(call.limit, from: start) { after, size in
            try await store.misfiled(at: sink, after: after, limit: size).map { ($0, $0.punch) }
        } keep: {
            reach.contains($0.terminal, for: call.principal)
        }
        return PageAnswer(
            page.items.map { MisfiledAnswer($0) }, next: page.next.map { PageCursor.text(["\($0)"]) })
    }
}

// MARK: - What is sent and answered

package struct DeadLetterBody: Codable, Documented {
    package struct Filter: Codable, Hashable, Sendable {
        package var sink: String?
        package var ids: [Int64]?
        package var cause: String?
        package var person: String?
        package var terminal: String?
        package var from: String?
        package var until: String?

        var text: DeadLetterFilterText {
            DeadLetterFilterText(
                sink: sink, ids: ids, cause: cause, person: person, terminal: terminal, from: from,
                until: until)
        }

        static let schema = Schema.named(
            "DeadLetterFilter",
            .object([
                .optional("sink", Schema.sink),
                .optional("ids", .list(.id, 1...1000), "Numbers of dead letters."),
                .optional("cause", .words(RejectionCause.allCases.map(\.rawValue))),
                .optional("person", Schema.enrollID, "Enroll id."), .optional("terminal", Schema.serial),
                .optional("from", Schema.wall, "First moment, by the terminals' clocks."),
                .optional("until", Schema.wall, "First moment that is no longer meant."),
            ]))
    }
    package var filter: Filter?
    package var all: Bool?

    static let properties: [Schema.Property] = [
        .optional("filter", Filter.schema, "Which; all that is given must hold."),
        .optional("all", .flag, "Needed with an empty filter: all that there are."),
    ]
    package static let schema = Schema.named("DeadLetterOrder", .object(properties))
    package static let samples = [DeadLetterBody(filter: Filter(sink: "erpnext", cause: "unknown-employee"))]
}

package struct DiscardBody: Codable, Documented {
    package var filter: DeadLetterBody.Filter?
    package var all: Bool?
    package var reason: String

    private static let why = Schema.Property("reason", .text(.init(1...500)), "Why; kept with the punch.")
    package static let schema = Schema.named("DiscardOrder", .object(DeadLetterBody.properties + [why]))
    package static let samples = [
        DiscardBody(filter: .init(ids: [3]), reason: "a visitor, without an employee")
    ]
}

package struct CorrectionBody: Codable, Documented {
    package var ids: [String]?
    package var ruling: String
    package var everyProposal: Bool?
    package var time: String?
    package var reason: String?

    package static let schema = Schema.named(
        "CorrectionOrder",
        .object([
            .optional(
                "ids", .list(.text(.init(2...20, pattern: "^[PR][0-9]+$")), 1...1000), "Such as `P12`, `R3`."),
            .init(
                "ruling", .words(["accept", "time", "reject"]),
                "`accept` what is proposed, set a `time` for one case, or `reject` for good."),
            .optional(
                "every_proposal", .flag,
                "With `accept`: every open case that has a proposal, in place of `ids`."),
            .optional("time", Schema.wall, "By the terminal's clock."),
            .optional("reason", .text(.init(0...500)), "Needed with `time` and `reject`."),
        ]))
    package static let samples = [CorrectionBody(ids: ["P12"], ruling: "accept")]
}

extension CorrectionResult: Documented {
    package static let schema = Schema.named(
        "CorrectionResult",
        .object([
            .init("changed", .count),
            .init("refused", .list(.anyText), "A sentence for each case that could not be decided."),
        ]))
    package static var samples: [CorrectionResult] {
        var result = CorrectionResult()
        result.changed = 1
        return [result]
    }
}

/// A time that could not be believed.
package struct CorrectionAnswer: Documented {
    package var id: String
    package var terminal: String
    package var person: String?
    package var name: String?
    package var sent: String
    package var received: String
    package var zone: String
    package var proposed: String?
    package var basis: String?
    package var decision: String?

    init(_ open: CorrectionCase) {
        id = open.id.description
        terminal = open.terminal.text
        person = open.enrollID?.sent
        name = open.name
        sent = open.sent
        received = open.received.iso8601
        zone = open.zone
        proposed = open.proposal?.time.description
        basis = open.proposal?.basis
        decision = open.decision
    }

    package static let schema = Schema.named(
        "CorrectionCase",
        .object([
            .init("id", .anyText, "`P12` is punch 12, `R3` record 3 of the quarantine."),
            .init("terminal", .anyText), .optional("person", .anyText), .optional("name", .anyText),
            .init("sent", .anyText, "What the terminal said, or why it cannot be read."),
            .init("received", .moment), .init("zone", .anyText, "Of `sent` and `proposed`."),
            .optional("proposed", .anyText, "By the terminal's clock; absent: it can only be rejected."),
            .optional("basis", .anyText, "On what the proposal rests."),
            .optional("decision", .anyText, "What was decided, in words."),
        ]))
    package static var samples: [CorrectionAnswer] {
        [
            CorrectionAnswer(
                CorrectionCase(
                    id: .punch(12), terminal: .unknown, enrollID: EnrollID("12"), name: "Asha Rao",
                    sent: "2000-01-01 00:03:11", received: UnixTime(seconds: 1_795_228_270),
                    zone: "Asia/Kolkata",
                    proposal: nil, decision: nil))
        ]
    }
}

package struct SinkAnswer: Documented {
    package var sink: HealthReport.Sink
    package func encode(to encoder: any Encoder) throws { try sink.encode(to: encoder) }

    package static let schema = Schema.named(
        "Sink",
        .object([
            .init("name", .anyText), .init("state", .anyText, "Such as `running`, `paused`, `unavailable`."),
            .optional("since", .moment), .optional("reason", .anyText), .optional("remedy", .anyText),
            .optional("last_success", .moment), .init("queue", HealthReport.queueSchema),
            .optional(
                "site",
                .object([
                    .init("employees", .count), .optional("last_read", .moment),
                    .optional("time_zone", .anyText),
                    .optional("problem", .anyText), .optional("remedy", .anyText),
                    .optional("since", .moment),
                ]), "The local copy of what an ERPNext site knows."),
        ]))
    package static let samples = [
        SinkAnswer(
            sink: HealthReport.Sink(
                name: "erpnext", state: "running", lastSuccess: "2026-11-22T02:31:09.000Z",
                queue: .init(owed: 2, oldestAgeSeconds: 3, deadLetters: 1),
                site: .init(employees: 120, timeZone: "Asia/Kolkata")))
    ]
}

package struct DeadLetterAnswer: Documented {
    package var id: Int64
    package var sink: String
    package var punch: Int64
    package var terminal: String
    package var person: String
    package var name: String?
    package var time: String
    package var cause: String
    package var reason: String
    package var attempts: Int
    package var died: String

    init(_ letter: DeadLetter) {
        id = letter.id
        sink = letter.sink.text
        punch = letter.punch
        terminal = letter.terminal.text
        person = letter.enrollID.sent
        name = letter.name
        time = letter.time.description
        cause = letter.cause.rawValue
        reason = letter.reason
        attempts = letter.attempts
        died = letter.died.iso8601
    }

    package static let schema = Schema.named(
        "DeadLetter",
        .object([
            .init("id", .id), .init("sink", .anyText), .init("punch", .id), .init("terminal", .anyText),
            .init("person", .anyText), .optional("name", .anyText), .init("time", .anyText, "As believed."),
            .init("cause", .words(RejectionCause.allCases.map(\.rawValue))),
            .init("reason", .anyText, "In the sink's own words."), .init("attempts", .count),
            .init("died", .moment),
        ]))
    package static var samples: [DeadLetterAnswer] { DeadLetter.sample.map { [DeadLetterAnswer($0)] } ?? [] }
}

extension DeadLetter {
    fileprivate static var sample: DeadLetter? {
        guard let id = EnrollID("77") else { return nil }
        return DeadLetter(
            id: 3, sink: .erpnext, punch: 4712, terminal: .unknown, enrollID: id, name: nil,
            time: WallTime(seconds: 1_795_228_270), cause: .unknownEmployee, reason: "No Employee found",
            attempts: 1, died: UnixTime(seconds: 1_795_228_270))
    }
}

package struct DeadLetterGroupAnswer: Documented {
    package var sink: String
    package var cause: String
    package var count: Int
    package var people: Int
    package var first: String
    package var last: String
    package var since: String
    package var example: String

    init(_ group: DeadLetterGroup) {
        sink = group.sink.text
        cause = group.cause.rawValue
        count = group.count
        people = group.people
        first = group.first.description
        last = group.last.description
        since = group.since.iso8601
        example = group.example
    }

    package static let schema = Schema.named(
        "DeadLetterGroup",
        .object([
            .init("sink", .anyText), .init("cause", .words(RejectionCause.allCases.map(\.rawValue))),
            .init("count", .count), .init("people", .count),
            .init("first", .anyText, "Earliest punch, as believed."),
            .init("last", .anyText), .init("since", .moment, "When the first of them died."),
            .init("example", .anyText, "The words of the newest."),
        ]))
    package static var samples: [DeadLetterGroupAnswer] {
        let time = WallTime(seconds: 1_795_228_270)
        return [
            DeadLetterGroupAnswer(
                DeadLetterGroup(
                    sink: .erpnext, cause: .unknownEmployee, count: 4, people: 1, first: time, last: time,
                    since: UnixTime(seconds: 1_795_228_270), example: "No Employee found"))
        ]
    }
}

package struct QuarantineAnswer: Documented {
    package struct Resolution: Encodable, Sendable {
        package var punch: Int64?
        package var author: String
        package var at: String
        package var basis: String
    }
    package var id: Int64
    package var terminal: String
    package var reason: String
    package var raw: String
    package var firstReceived: String
    package var lastReceived: String
    package var times: Int
    package var resolution: Resolution?

    init(_ entry: QuarantineEntry) {
        id = entry.id
        terminal = entry.terminal.text
        reason = entry.reason
        // A record may be as large as a frame; its beginning tells what it is.
        raw = String(decoding: entry.raw.prefix(64 << 10), as: UTF8.self)
        firstReceived = entry.firstReceived.iso8601
        lastReceived = entry.lastReceived.iso8601
        times = entry.times
        resolution = entry.resolution.map {
            Resolution(punch: $0.punch, author: $0.author.name, at: $0.at.iso8601, basis: $0.basis)
        }
    }

    package static let schema = Schema.named(
        "QuarantinedRecord",
        .object([
            .init("id", .id), .init("terminal", .anyText), .init("reason", .anyText),
            .init("raw", .anyText, "As it came, at most 64 KiB of it."), .init("first_received", .moment),
            .init("last_received", .moment), .init("times", .count, "How often the same text came."),
            .optional(
                "resolution",
                .object([
                    .optional("punch", .id, "What it was made into; absent: given up."),
                    .init("author", .anyText),
                    .init("at", .moment), .init("basis", .anyText),
                ])),
        ]))
    package static let samples = [
        QuarantineAnswer(
            QuarantineEntry(
                id: 3, terminal: .unknown, reason: "time: “yesterday” is no date and time",
                raw: Array(#"{"enrollid":12,"time":"yesterday"}"#.utf8),
                firstReceived: UnixTime(seconds: 1_795_228_270),
                lastReceived: UnixTime(seconds: 1_795_228_270),
                times: 1))
    ]
}

package struct MisfiledAnswer: Documented {
    package var punch: Int64
    package var terminal: String
    package var person: String
    package var name: String?
    package var employee: String?
    package var time: String?
    package var reference: String
    package var at: String
    package var words: String?

    init(_ misfiled: MisfiledCheckin) {
        punch = misfiled.punch
        terminal = misfiled.terminal.text
        person = misfiled.enrollID.sent
        name = misfiled.name
        employee = misfiled.decision?.employee
        time = misfiled.decision?.time.description
        reference = misfiled.reference
        at = misfiled.at.iso8601
        words = misfiled.words
    }

    package static let schema = Schema.named(
        "MisfiledCheckin",
        .object([
            .init("punch", .id), .init("terminal", .anyText), .init("person", .anyText),
            .optional("name", .anyText), .optional("employee", .anyText),
            .optional("time", .anyText, "What was sent, in the site's own time."),
            .init("reference", .anyText, "The site's name for the wrong check-in."), .init("at", .moment),
            .optional("words", .anyText),
        ]))
    package static var samples: [MisfiledAnswer] {
        guard let id = EnrollID("12") else { return [] }
        return [
            MisfiledAnswer(
                MisfiledCheckin(
                    punch: 4711, terminal: .unknown, enrollID: id, name: "Asha Rao", decision: nil,
                    reference: "EMP-CKIN-11-2026-000012", at: UnixTime(seconds: 1_795_228_270),
                    words: "another time was stored"))
        ]
    }
}

package struct ComparisonBody: Codable, Documented {
    package var site: String?
    package var from: String
    package var to: String
    package var employee: String?

    package static let schema = Schema.named(
        "ComparisonOrder",
        .object([
            .optional("site", Schema.sink, "Name of the sink; `erpnext` without it."),
            .init("from", Schema.day, "First day of the site's own time."),
            .init("to", Schema.day, "Last day."),
            .optional("employee", Schema.line(1...140), "Only one, by document name."),
        ]))
    package static let samples = [ComparisonBody(from: "2026-11-16", to: "2026-11-22")]
}

extension ComparisonReport: Documented {
    package static let schema = Schema.named(
        "Comparison",
        .object([
            .init("from", .anyText, "By the site's own clock."), .init("until", .anyText),
            .init("is_agreed", .flag), .init("delivered", .count), .init("agreeing", .count),
            .init("owed", .count), .init("refused", .count), .init("suppressed", .count),
            .init("found", .count, "Check-ins on the site."),
            .init("elsewhere", .count, "Those of them that are none of our terminals'."),
            .init("counts", .map(.count), "How many differences of each kind."),
            .init(
                "findings",
                .list(
                    .object([
                        .init("kind", .anyText), .optional("punch", .id), .optional("terminal", .anyText),
                        .optional("enroll_id", .anyText), .optional("name", .anyText),
                        .optional("employee", .anyText, "What was sent."), .optional("time", .anyText),
                        .optional("direction", .anyText),
                        .optional("checkin", .anyText, "What stands there."),
                        .optional("found_employee", .anyText), .optional("found_time", .anyText),
                        .optional("found_direction", .anyText), .init("is_misfiled", .flag),
                    ])), "At most 1,000."), .init("milliseconds", .count),
        ]))
    package static var samples: [ComparisonReport] {
        var finding = Finding(kind: "missing", isMisfiled: false)
        finding.punch = 4711
        finding.enrollID = "12"
        return [
            ComparisonReport(
                from: "2026-11-16 00:00:00", until: "2026-11-23 00:00:00", isAgreed: false, delivered: 120,
                agreeing: 119, owed: 0, refused: 1, suppressed: 2, found: 130, elsewhere: 11,
                counts: ["missing": 1], findings: [finding], milliseconds: 412)
        ]
    }
}

extension RepairReport: Documented {
    package static let schema = Schema.named(
        "Repair",
        .object([
            .init("checkin", .anyText, "The site's name for it."), .init("punch", .id),
            .init("state", .words(["settled", "deletable", "open"])), .init("reason", .anyText),
            .optional("remedy", .anyText), .optional("found_time", .anyText),
        ]))
    package static let samples = [
        RepairReport(
            checkin: "EMP-CKIN-11-2026-000012", punch: 4711, state: .open, reason: "another time was stored",
            remedy: "look at it on the site", foundTime: "2026-11-22 08:02:09")
    ]
}
