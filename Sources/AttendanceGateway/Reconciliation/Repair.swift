import AttendanceCore
import AttendanceDelivery
import AttendanceStore

/// A check-in that the site made wrongly, as it stands there now, and what may be done about it.
struct Repair: Sendable {
    enum Standing: Sendable {
        /// Not asked.
        case unknown
        case gone
        case there(SiteCheckin)
    }
    enum Verdict: Hashable, Sendable {
        /// Nothing is left to do: it is gone, or it was set right.
        case settled(String)
        /// It may be deleted: wrong as ever, of use to nobody, and its punch stands there rightly besides.
        case deletable
        /// A person must look; why, and what to do.
        case byHand(reason: String, remedy: String)
    }

    var misfiled: MisfiledCheckin
    var standing: Standing
    var verdict: Verdict

    /// - Parameters:
    ///   - punch: as the journal has it now.
    ///   - proper: the check-in that the punch was delivered as later, as it stands there now.
    init(_ misfiled: MisfiledCheckin, standing: Standing, punch: JournalEntry?, proper: SiteCheckin?) {
        self.misfiled = misfiled
        self.standing = standing
        verdict = Self.verdict(misfiled, standing, punch, proper)
    }

    private static func verdict(
        _ misfiled: MisfiledCheckin, _ standing: Standing, _ punch: JournalEntry?, _ proper: SiteCheckin?
    ) -> Verdict {
        let found: SiteCheckin
        switch standing {
        case .unknown: return .byHand(reason: "not looked for", remedy: "run this without --offline")
        case .gone: return .settled("no longer there")
        case .there(let checkin): found = checkin
        }
        guard let sent = misfiled.decision ?? punch?.decision else {
            return .byHand(
                reason: "the journal does not hold what was sent",
                remedy: "compare it with punch \(misfiled.punch) and set its time in ERPNext")
        }
        if found.time == sent.time { return .settled("its time is right now") }
        guard found.deviceID.flatMap(SerialNumber.init) == misfiled.terminal,
            sent.employee.map({ $0.lowercased() == found.employee.lowercased() }) ?? true
        else {
            return .byHand(
                reason: "it is another terminal's or employee's by now", remedy: "look at it in ERPNext")
        }
        if let attendance = found.attendance {
            return .byHand(
                reason: "Attendance \(PlainText.line(attendance, limit: 140)) was made from it",
                remedy: "cancel that in ERPNext, delete the check-in, and mark the day again")
        }
        guard let punch, case .delivered(_, let reference?) = punch.state, reference != found.name else {
            return .byHand(
                reason: "its punch is not delivered otherwise yet",
                remedy:
                    "give the API user's role write at level 1 on Employee Checkin; when the punch is delivered, "
                    + "run this again (or set the time to \(sent.time) in ERPNext)")
        }
        guard let proper, proper.name == reference, proper.time == sent.time,
            proper.employee.lowercased() == found.employee.lowercased()
        else {
            return .byHand(
                reason: "the right check-in \(reference) is not there as it was sent",
                remedy: "run reconcile for that day first")
        }
        return .deletable
    }

    // MARK: Looking

    /// Every misfiled check-in of a site, by punch.
    ///
    /// - Parameters:
    ///   - reader: nil to leave the site alone.
    ///   - known: names of check-ins that nobody needs to look for.
    static func all(
        of sink: SinkName, in journal: any JournalReading, reader: SiteReader?,
        leavingOut known: Set<String> = []
    ) async throws -> [Repair] {
        var repairs: [Repair] = []
        var rest = try await Misfiled.all(of: sink, in: journal).filter { !known.contains($0.reference) }[...]
        while !rest.isEmpty {
            try Task.checkCancellation()
            let some = Array(rest.prefix(50))
            rest = rest.dropFirst(50)
            let punches = Dictionary(
                try await journal.punches(numbered: Array(Set(some.map(\.punch))), at: sink)
                    .map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
            var names = some.map(\.reference)
            for case .delivered(_, let reference?) in punches.values.map(\.state) { names.append(reference) }
            var there: [String: SiteCheckin] = [:]
            if let reader {
                let wanted = Array(Set(names)).sorted()
                let found = try await SiteVisit.insist { await reader.checkins(named: wanted) }
                there = Dictionary(found.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
            }
            for misfiled in some {
                let punch = punches[misfiled.punch]
                var proper: SiteCheckin?
                if case .delivered(_, let reference?) = punch?.state { proper = there[reference] }
                repairs.append(
                    Repair(
                        misfiled,
                        standing: reader == nil
                            ? .unknown : there[misfiled.reference].map(Standing.there) ?? .gone,
                        punch: punch, proper: proper))
            }
        }
        return repairs
    }
}
