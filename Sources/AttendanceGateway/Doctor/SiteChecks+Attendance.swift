import AttendanceCore
import AttendanceDelivery
import AttendanceStore

/// Check-ins, shifts, and the trial.
extension SiteChecks {
    // MARK: Check-ins

    func checkins(_ reader: SiteReader, _ title: String) async -> [CheckResult] {
        let end = await siteTime(now.seconds + 86_400)
        let answer = await reader.checkins(
            from: WallTime(seconds: end.seconds - 32 * 86_400), until: end, limit: 1)
        guard let page = answer.value else {
            let problem = answer.problem ?? SiteProblem(reason: "no answer")
            return [
                .failure(
                    title, problem.reason,
                    problem.remedy
                        ?? "give the API user the role HR User: the gateway must see whether a punch is there"
                )
            ]
        }
        guard let checkin = page.checkins.first else {
            return [
                .skipped(
                    title,
                    "the API user may read them, and there is none of the last 30 days to ask the right to make one for"
                )
            ]
        }
        switch await reader.hasPermission("create", on: "Employee Checkin", named: checkin.name) {
        case .value(true):
            return [
                .ok(
                    title,
                    "the API user may read and create them (of level 1, the time, only --write says something)"
                )
            ]
        case .value(false):
            return [
                .failure(title, "the API user may not create them", "give the API user the role HR User")
            ]
        case let other:
            return [
                .warning(
                    title, "they can be read; \(other.problem?.reason ?? "no answer")",
                    "prove the right to create them by --write")
            ]
        }
    }

    /// What the site's clock shows, as far as its zone is known.
    func siteTime(_ instant: Int64) async -> WallTime {
        var zone = await found.zone
        for name in [site.siteTimeZone, settings.terminals.timeZone].compactMap(\.self) where zone == nil {
            zone = ZoneRules(identifier: name)
        }
        return zone?.wallTime(at: instant) ?? WallTime(seconds: instant)
    }

    func shifts(_ reader: SiteReader, _ title: String) async -> [CheckResult] {
        let answer = await reader.shiftTypes()
        guard let shifts = answer.value else {
            let problem = answer.problem ?? SiteProblem(reason: "no answer")
            let remedy = problem.remedy ?? "give the API user read on Shift Type"
            return [
                site.movesLastSync
                    ? .failure(title, problem.reason, remedy) : .warning(title, problem.reason, remedy)
            ]
        }
        let localNow = await siteTime(now.seconds)
        var results: [CheckResult] = []
        let named = Set(shifts.map(\.name))
        let strange = settings.terminals.allShifts.filter { !named.contains($0) }
        if !strange.isEmpty {
            results.append(
                .failure(
                    title, "the settings name Shift Types that are not there: \(Spoken.some(strange))",
                    "correct Shifts of the terminals; there is \(named.isEmpty ? "none" : Spoken.some(named.sorted()))"
                ))
        }
        for shift in shifts where shift.marksAttendance {
            if let trouble = lastSync(of: shift, at: localNow, "\(title): \(shift.name)") {
                results.append(trouble)
            }
        }
        if site.movesLastSync, let first = shifts.first {
            if case .value(false) = await reader.hasPermission("write", on: "Shift Type", named: first.name) {
                results.append(
                    .failure(
                        title, "the API user may not write Shift Type, and LastSync is on",
                        "give the API user the role HR User or HR Manager"))
            }
        }
        let marking = shifts.filter(\.marksAttendance).count
        if results.isEmpty {
            results.append(
                .ok(
                    title,
                    "\(Spoken.count(shifts.count, "Shift Type")), \(marking) with automatic attendance"
                        + (marking > 0 ? ", all up to date" : "")))
        }
        return results
    }

    private func lastSync(of shift: ShiftType, at now: WallTime, _ title: String) -> CheckResult? {
        if shift.movesLastSyncItself { return nil }
        let age = shift.lastSync.map { now.seconds - $0.seconds }
        if let age, age <= 36 * 3600 { return nil }
        let seen =
            age.map {
                "last sync of check-in is \(Spoken.duration(.seconds($0))) old, so attendance is not marked"
            }
            ?? "last sync of check-in was never set, so attendance is never marked"
        return .warning(
            title, seen,
            site.movesLastSync
                ? "see which of its terminals is not complete; name them by Shifts in the settings"
                : "set LastSync = yes in \(site.heading) and Shifts of the terminals, or tick Auto Update Last Sync there"
        )
    }

    // MARK: Trial

    func trial(_ reader: SiteReader, _ title: String) async -> [CheckResult] {
        guard let employee = options.trialEmployee else {
            return [
                .skipped(
                    title,
                    "not asked for; --write --employee NAME makes one, compares its time, and deletes it")
            ]
        }
        guard site.mode == .deliver else { return [.skipped(title, "the site is in shadow mode")] }
        return await TrialCheckin(
            title: title, site: site, reader: reader, employee: employee,
            // Not the present moment: a site that puts its own time in place of the one sent would not show.
            time: await siteTime(now.seconds - 3_600), audit: options.audit
        ).run()
    }
}
