import AttendanceCore
import Foundation
import Synchronization

// Many check-ins in one request: `insert_many` (docs/erpnext.md §4, docs/decisions/0027-bulk-insert.md).

extension ERPNextSink {
    /// What this run has learnt of sending many at once.
    struct Bulk: Sendable {
        var pace = BatchPace(maximum: ERPNextSink.maximumDocuments)
        var trust = BatchTrust()
    }

    /// The most that Frappe takes (`Only 200 inserts allowed in one request`).
    static let maximumDocuments = 200
    /// Requests that a shadow does not send.
    static let shadowBatch = 100
    private static let insertMany = "api/method/frappe.client.insert_many"

    package func batchLimit(_ situation: BatchSituation) -> Int {
        if settings.mode == .shadow { return Self.shadowBatch }
        guard let above = settings.bulkAbove, canLook, directory != nil, situation.age == .old else {
            return 1
        }
        // The site takes check-ins one after the other: beside many at once nothing else that can wait.
        if situation.batches > 0 { return 0 }
        guard situation.owed > above else { return 1 }
        let now = moment()
        return bulk.withLock { $0.trust.isOff(at: now) ? 1 : $0.pace.limit }
    }

    /// `insert_many` takes any employee's name, whether there is such a one or not.
    package func mayShare(_ punch: OwedPunch) -> Bool {
        if settings.mode == .shadow { return true }
        guard let contents = directory?.now else { return false }
        if let frozen = punch.frozen {
            guard let employee = fields(frozen)?.employee else { return false }
            return contents.employees.employee(named: employee)?.takesCheckins == true
        }
        return employee(of: punch, in: contents)?.takesCheckins == true
    }

    /// Told of every single delivery: it shows whether the site writes what is sent.
    func notePace(_ delivery: Delivery) {
        switch delivery.outcome {
        case .delivered:
            let confirmed = bulk.withLock { bulk in
                bulk.pace.deliveredOne()
                return bulk.trust.tookOne()
            }
            if let confirmed { tellOff(confirmed) }
        case .siteMisconfigured(.wrongTime, _, _): bulk.withLock { $0.pace.failed() }
        case .siteMisconfigured, .siteUnavailable:
            bulk.withLock { bulk in
                bulk.pace.failedOne()
                bulk.trust.refusedOne()
            }
        case .alreadyThere, .rejected, .retry: break
        }
    }

    // MARK: Inserting

    func insertMany(_ punches: [FrozenPunch]) async -> BatchAnswer {
        let contents = directory?.now
        let requests = punches.compactMap { punch -> (FrozenPunch, CheckinFields, [String: JSONValue])? in
            guard let fields = fields(punch.frozen), let document = fields.document,
                let employee = fields.employee,
                contents?.employees.employee(named: employee)?.takesCheckins == true
            else { return nil }
            return (punch, fields, document)
        }
        guard requests.count == punches.count, punches.count <= Self.maximumDocuments,
            !isOff
        else { return .split(reason: "not all of them can go together") }

        let body = JSONValue.object(["docs": .list(requests.map { .object($0.2) })])
        let clock = ContinuousClock.now
        let exchange = await site.exchange(
            .init(
                method: .POST, path: Self.insertMany, body: ("application/json", body.bytes),
                timeout: settings.bulkTimeout))
        let took = ContinuousClock.now - clock
        guard case .answer(let answer) = exchange else {
            bulk.withLock { $0.pace.failed() }
            return .each(punches.map { _ in Self.silent(exchange) })
        }
        guard answer.status == 200 else { return refused(answer, punches.count) }
        guard let names = Self.names(in: answer.body) else {
            bulk.withLock { $0.pace.failed() }
            if FrappeBody(answer.body).isJSON { switchOff("the site does not name the check-ins it made") }
            return .each(
                punches.map { _ in Self.silent("the site did not say what it stored", ambiguous: true) })
        }
        guard names.count == punches.count else {
            switchOff("the site names \(names.count) check-ins of \(punches.count)")
            return .each(
                punches.map { _ in Self.silent("the site named too few check-ins", ambiguous: true) })
        }
        return await readBack(requests.map(\.1), names, took: took)
    }

    /// Nothing of it was stored, unless the proxy or the network hides what happened.
    private func refused(_ answer: ERPNextAnswer, _ count: Int) -> BatchAnswer {
        let verdict = answer.verdict(.init(.hrms(time: "")))
        let delivery = Delivery(
            outcome: verdict.outcome, answer: verdict.answer, status: answer.status, words: verdict.words)
        let all = BatchAnswer.each(Array(repeating: delivery, count: count))
        switch verdict.outcome {
        case .delivered, .alreadyThere, .rejected:
            bulk.withLock { $0.pace.split() }
            return .split(reason: verdict.words ?? "the site answers \(answer.status)")
        case .retry(let reason, let counted):
            bulk.withLock { $0.pace.split() }
            // A deadlock passes; anything else may be the doing of one of them.
            return counted ? .split(reason: reason) : all
        case .siteUnavailable:
            bulk.withLock { $0.pace.failed() }
            return all
        case .siteMisconfigured(let fault, let reason, _):
            bulk.withLock { $0.pace.failed() }
            if verdict.isTooLarge || answer.status == 414 { return .split(reason: reason) }
            // A wrong key and a redirect stop single ones too. What is left is said of this method.
            guard answer.status != 401, !(300...399).contains(answer.status), answer.status >= 400,
                fault != .wrongTime
            else { return all }
            switchOff(reason)
            let alone = Delivery(
                outcome: .retry(reason: "they are sent one by one", counted: false), answer: .configuration,
                status: answer.status, words: verdict.words ?? reason)
            return .each(Array(repeating: alone, count: count))
        }
    }

    /// Whether it is this method that does not work, or the site as a whole, the next single delivery shows: see
    /// `notePace`.
    private func switchOff(_ reason: String) {
        let now = moment()
        bulk.withLock { $0.trust.refused(reason, at: now) }
    }

    private var isOff: Bool {
        let now = moment()
        return bulk.withLock { $0.trust.isOff(at: now) }
    }

    private func tellOff(_ reason: String) {
        logger.warning(
            "many check-ins in one request do not work here; they go one by one for an hour",
            metadata: ["reason": "\(reason)"])
    }

    private static func names(in body: [UInt8]) -> [String]? {
        struct Answer: Decodable {
            var message: [String]
        }
        guard FrappeBody(body).isJSON else { return nil }
        // Anything else is told apart by the caller.
        guard let names = try? JSONDecoder().decode(Answer.self, from: Data(body)).message else { return nil }
        return names.allSatisfy { !$0.isEmpty } ? names : nil
    }

    // MARK: Reading back

    /// The answer to many holds names only: whether the site wrote the times that were sent is in the documents.
    private func readBack(_ sent: [CheckinFields], _ names: [String], took: Duration) async -> BatchAnswer {
        var found: [String: CheckinRow] = [:]
        for part in Self.parts(names, by: \.self) {
            let listing: Listing<CheckinRow> = await list(
                "Employee Checkin",
                fields: ["name", "employee", "time", "log_type", "shift", "shift_actual_end"],
                filters: [.list([.text("name"), .text("in"), .list(part.map { .text($0) })])],
                limit: part.count)
            switch listing {
            case .rows(let rows): for row in rows { found[row.name] = row }
            case .silent(.cannotTell):
                // It has named them, and wrote single ones as sent; but unseen it gets no more.
                switchOff("what it made of them cannot be read back")
                return .each(names.map { Self.delivered($0) })
            case .silent:
                // They are looked for when the site answers again, by the times that were sent. Their names are kept: one
                // that is not found then stands there with another time.
                bulk.withLock { $0.pace.failed() }
                return .each(
                    names.map { name in
                        var unseen = Self.silent("what was stored cannot be read back yet", ambiguous: true)
                        unseen.reference = Self.reference(name)
                        return unseen
                    })
            }
        }
        let deliveries = zip(sent, names).map { judge($0, $1, found[$1]) }
        bulk.withLock { bulk in
            if deliveries.allSatisfy({ $0.answer == .delivered }) {
                bulk.pace.delivered(names.count, after: took)
            } else {
                bulk.pace.failed()
            }
        }
        return .each(deliveries)
    }

    private func judge(_ sent: CheckinFields, _ name: String, _ row: CheckinRow?) -> Delivery {
        let reference = Self.reference(name)
        guard let row else {
            return Delivery(
                outcome: .siteMisconfigured(
                    fault: .configuration, reason: "the site named check-in \(reference), which is not there",
                    remedy: "check the site's error log, and any proxy in between"),
                answer: .configuration, status: 200)
        }
        guard let time = row.time.flatMap({ WallTime($0) }), time == WallTime(sent["timestamp"]) else {
            let verdict = ERPNextAnswer.Verdict.wrongTime(
                reference, stored: row.time, sent: sent["timestamp"])
            return Delivery(
                outcome: verdict.outcome, answer: verdict.answer, status: 200, reference: reference,
                words: verdict.words)
        }
        var delivery = Self.delivered(name)
        delivery.missedShift = missedShift(
            row.shift, endingAt: row.shift_actual_end.flatMap { WallTime($0) })
        if let direction = sent.values["log_type"], let stored = row.log_type, stored != direction {
            delivery.words = PlainText.line("the site holds direction \"\(stored)\" instead of \(direction)")
        }
        return delivery
    }

    private static func delivered(_ name: String) -> Delivery {
        let reference = reference(name)
        return Delivery(
            outcome: .delivered(reference: reference), answer: .delivered, status: 200, reference: reference)
    }
}
