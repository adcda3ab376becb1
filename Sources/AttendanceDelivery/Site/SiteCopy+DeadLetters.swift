import AttendanceCore
import AttendanceStore
import Logging

// Sending dead letters again once their people are known.
//
// The rule: a dead letter that died because of its person (unknown, inactive, several) is sent again when that person
// is, by the directory as it is now, one employee who takes check-ins; and for the same state of that employee (same
// document, same `modified`) only once. So a directory that came to know somebody a moment too late does no harm; and
// what the site refuses all the same stays dead until somebody changes the employee or the mapping. What was tried is
// remembered while the gateway runs: a restart tries each such dead letter once more.

extension SiteCopy {
    static let personCauses = RejectionCause.allCases.filter(\.isAboutPerson)
    /// Dead letters looked at, or sent again, at a time.
    static let deadLetterPage = 500
    private static let maximumRemembered = 100_000

    /// Looks at the dead letters that are new, or at all of them when it is known otherwise who is who. Answers how
    /// many are sent again.
    func requeue() async throws -> Int {
        let generation = generation
        let start = scannedGeneration == generation ? scannedThrough : 0
        var highest = start
        var count = 0
        for cause in Self.personCauses {
            var after = start
            while true {
                let filter = DeadLetterFilter(sink: settings.sink, cause: cause)
                let page = try await store.deadLetters(filter, after: after, limit: Self.deadLetterPage)
                guard let last = page.last else { break }
                count += try await retry(page)
                after = last.id
                highest = max(highest, last.id)
            }
        }
        scannedGeneration = generation
        scannedThrough = highest
        if count > 0 {
            owing.ringForRequeued()
            logger.notice(
                "dead letters sent again: their people are known now", metadata: ["count": "\(count)"])
        }
        return count
    }

    private func retry(_ page: [DeadLetter]) async throws -> Int {
        let punches = try await store.punches(numbered: page.map(\.punch), at: settings.sink)
        let aliases = Dictionary(punches.map { ($0.id, $0.punch.alias) }, uniquingKeysWith: { $1 })
        let known = directory.now.employees
        var ids: [Int64] = []
        for letter in page {
            let space = rules.space(letter.terminal)
            let key = settings.personKey.key(letter.enrollID, alias: aliases[letter.punch] ?? nil)
            guard
                case .employee(let employee) = known.resolve(
                    key: key, enrollID: letter.enrollID, field: space.field, space: space.name),
                employee.takesCheckins
            else { continue }
            let state = "\(employee.name)\n\(employee.modified)"
            guard retried[letter.punch] != state else {
                suspectRemoval()
                continue
            }
            if retried.count >= Self.maximumRemembered { retried = [:] }
            retried[letter.punch] = state
            ids.append(letter.id)
        }
        guard !ids.isEmpty else { return 0 }
        return try await store.retryDeadLetters(
            DeadLetterFilter(sink: settings.sink, ids: ids), by: .gateway, at: timing.now())
    }
}

extension ERPNextSink.PersonKey {
    /// What is sent for a person.
    package func key(_ enrollID: EnrollID, alias: String?) -> String {
        switch self {
        case .enrollID: enrollID.sent
        case .aliasFirst: alias ?? enrollID.sent
        }
    }
}
