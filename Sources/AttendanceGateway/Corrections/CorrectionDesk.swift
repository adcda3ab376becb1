import AttendanceCore
import AttendanceStore
import AttendanceWeb
import Foundation

/// Times that could not be believed: what is open, what is proposed, and what somebody decides. The same for a
/// command line, the running gateway and a page.
struct CorrectionDesk: Sendable {
    let terminals: Settings.Terminals

    // MARK: Looking

    /// Open cases first seen first; with `all` also those decided on. Reads page by page.
    func each(
        in journal: any JournalReading, all: Bool, _ body: (CorrectionCase) async throws -> Void
    ) async throws {
        var after: Int64 = 0
        while true {
            let page = try await journal.doubtful(after: after, limit: 500)
            guard let last = page.last else { break }
            for entry in page where all || entry.correction == nil {
                try await body(try await open(entry, journal))
            }
            after = last.id
        }
        after = 0
        while true {
            let page = try await journal.quarantine(after: after, limit: 500)
            guard let last = page.last else { break }
            for entry in page where all || entry.resolution == nil {
                try await body(try await open(entry, journal))
            }
            after = last.id
        }
    }

    /// Pages of the journal that one page of cases may cost: those decided on are found among the others.
    private static let mostPages = 20

    /// A page of cases, the newest first.
    func page(
        _ search: CorrectionSearch, in journal: any JournalReading
    ) async throws -> Page<CorrectionCase, Int64> {
        switch search.kind {
        case .records:
            let page = try await journal.latestQuarantine(
                QuarantineSearch(isOpen: search.all ? nil : true, terminals: search.terminals),
                before: search.before, limit: search.limit)
            var cases: [CorrectionCase] = []
            for entry in page.items { cases.append(try await open(entry, journal)) }
            return Page(items: cases, next: page.next, searchedBackTo: page.searchedBackTo)
        case .punches:
            let punches = PunchSearch(terminals: search.terminals, kinds: [.person], isDoubtful: true)
            // By arrival: the number alone says where one is.
            var place = search.before.map { PunchCursor(time: WallTime(seconds: 0), id: $0) }
            var cases: [CorrectionCase] = []
            var searchedBackTo: UnixTime?
            for _ in 0..<Self.mostPages {
                let page = try await journal.latestPunches(
                    punches, before: place, limit: max(1, search.limit))
                for entry in page.items where search.all || entry.correction == nil {
                    guard cases.count < search.limit else {
                        return Page(items: cases, next: cases.last.map(\.number))
                    }
                    cases.append(try await open(entry, journal))
                }
                searchedBackTo = page.searchedBackTo ?? page.items.last?.received
                place = page.next
                if place == nil { break }
            }
            return Page(
                items: cases, next: place?.id, searchedBackTo: place == nil ? nil : searchedBackTo)
        }
    }

    private func open(_ entry: JournalEntry, _ journal: any JournalReading) async throws -> CorrectionCase {
        let zone = try zone(of: entry)
        let reading = try await journal.clockReading(of: entry.terminal, near: entry.received)
        return CorrectionCase(
            id: .punch(entry.id), terminal: entry.terminal, enrollID: entry.punch.enrollID,
            name: entry.punch.name, sent: entry.punch.time.description, received: entry.received,
            zone: zone.identifier,
            proposal: CorrectionProposal(
                sent: entry.punch.time, received: entry.received, zone: zone, reading: reading),
            decision: entry.correction.map { correction in
                switch correction.ruling {
                case .time(let time, _): "\(time) by \(correction.author): \(correction.basis)"
                case .rejected: "rejected by \(correction.author): \(correction.basis)"
                }
            })
    }

    private func open(_ entry: QuarantineEntry, _ journal: any JournalReading) async throws -> CorrectionCase
    {
        let punch = QuarantinedPunch(raw: entry.raw)
        let zone = try zone(of: entry.terminal)
        var proposal: CorrectionProposal?
        if punch != nil {
            let reading = try await journal.clockReading(of: entry.terminal, near: entry.firstReceived)
            proposal = CorrectionProposal(
                sent: nil, received: entry.firstReceived, zone: zone, reading: reading)
        }
        return CorrectionCase(
            id: .record(entry.id), terminal: entry.terminal, enrollID: punch?.enrollID, name: punch?.name,
            sent: entry.reason, received: entry.firstReceived, zone: zone.identifier,
            proposal: proposal,
            decision: entry.resolution.map { resolution in
                (resolution.punch.map { "punch \($0)" } ?? "given up")
                    + " by \(resolution.author): \(resolution.basis)"
            })
    }

    private func zone(of entry: JournalEntry) throws -> ZoneRules {
        // The zone it came in with, which is what a correction must be read in too.
        try ZoneRules(identifier: entry.punch.zone) ?? zone(of: entry.terminal)
    }

    private func zone(of terminal: SerialNumber) throws -> ZoneRules {
        let name = terminals.timeZone(of: terminal)
        guard let zone = ZoneRules(identifier: name) else {
            throw CorrectionRefusal(text: "the time zone \(name) of terminal \(terminal) is not known")
        }
        return zone
    }

    // MARK: Deciding

    /// Carries out an order. Cases that cannot be decided are told one by one and hold nothing up.
    func carryOut(_ order: CorrectionOrder, on store: any Store, at now: UnixTime) async throws
        -> CorrectionResult
    {
        let author = Author(order.author)
        var result = CorrectionResult()
        var ids = try order.ids.map { text in
            guard let id = CaseID(text) else {
                throw CorrectionRefusal(
                    text: "“\(PlainText.line(text, limit: 40))” is no case; they look like P12 or R3")
            }
            return id
        }
        if order.everyProposal {
            guard order.ruling == .accept, ids.isEmpty else {
                throw CorrectionRefusal(
                    text: "only proposals can be accepted all at once, and then no case is named")
            }
            try await each(in: store, all: false) { if $0.proposal != nil { ids.append($0.id) } }
        }
        guard !ids.isEmpty || order.everyProposal else { throw CorrectionRefusal(text: "no case is named") }
        if order.ruling == .time, ids.count != 1 {
            throw CorrectionRefusal(text: "a time can be set for one case at a time")
        }
        for id in ids {
            do {
                try await decide(id, order, author, store, now)
                result.changed += 1
            } catch let error as CorrectionError {
                result.refused.append("\(id): \(error.words)")
            } catch let error as CorrectionRefusal {
                result.refused.append("\(id): \(error.text)")
            }
        }
        return result
    }

    private func decide(
        _ id: CaseID, _ order: CorrectionOrder, _ author: Author, _ store: any Store, _ now: UnixTime
    ) async throws {
        switch id {
        case .punch(let number):
            guard let entry = try await store.punches(numbered: [number], at: .erpnext).first else {
                throw CorrectionError.unknown
            }
            let ruling = try await ruling(order, try await open(entry, store), try zone(of: entry), now)
            try await store.correct(
                number, as: Correction(ruling: ruling.ruling, author: author, at: now, basis: ruling.basis),
                owedTo: terminals.sinks(of: entry.terminal))
        case .record(let number):
            guard let entry = try await store.quarantine(after: number - 1, limit: 1).first,
                entry.id == number
            else { throw CorrectionError.unknown }
            let zone = try zone(of: entry.terminal)
            let ruling = try await ruling(order, try await open(entry, store), zone, now)
            var batch: IntakeBatch?
            if case .time(let time, _) = ruling.ruling {
                guard
                    var made = QuarantinedPunch(raw: entry.raw)?.batch(
                        at: time, of: entry.terminal, zone: zone, received: entry.firstReceived)
                else {
                    throw CorrectionRefusal(
                        text: "nobody can tell whose punch it is; it can only be rejected")
                }
                made.sinks = terminals.sinks(of: entry.terminal)
                batch = made
            }
            try await store.resolveQuarantine(number, as: batch, by: author, basis: ruling.basis, at: now)
        }
    }

    private func ruling(
        _ order: CorrectionOrder, _ open: CorrectionCase, _ zone: ZoneRules, _ now: UnixTime
    ) async throws -> (ruling: Correction.Ruling, basis: String) {
        let reason = PlainText.line(order.reason ?? "", limit: 500)
        switch order.ruling {
        case .accept:
            guard let proposal = open.proposal else {
                throw CorrectionRefusal(text: "nobody can tell whose punch it is; it can only be rejected")
            }
            let basis = reason.isEmpty ? proposal.basis : "\(proposal.basis); \(reason)"
            return (.time(proposal.time, instant: proposal.instant), basis)
        case .time:
            guard let time = order.time.flatMap({ WallTime($0) }) else {
                throw CorrectionRefusal(text: "the time must be YYYY-MM-DD HH:MM:SS, by the terminal's clock")
            }
            guard !reason.isEmpty else { throw CorrectionRefusal(text: "setting a time needs a reason") }
            let instant = zone.instant(of: time)
            guard instant <= now.seconds else {
                throw CorrectionRefusal(text: "\(time) is still to come in \(zone.identifier)")
            }
            return (.time(time, instant: instant), reason)
        case .reject:
            guard !reason.isEmpty else { throw CorrectionRefusal(text: "rejecting needs a reason") }
            return (.rejected, reason)
        }
    }
}

extension CorrectionError {
    var words: String {
        switch self {
        case .unknown: "there is no such case"
        case .notDoubtful: "its time is believed, so there is nothing to correct"
        case .alreadyDecided: "it was decided on before, or sent already"
        case .alreadyThere: "the journal has a punch of this person at this terminal and time already"
        }
    }
}

extension CorrectionCase {
    fileprivate var number: Int64 {
        switch id {
        case .punch(let number), .record(let number): number
        }
    }
}
