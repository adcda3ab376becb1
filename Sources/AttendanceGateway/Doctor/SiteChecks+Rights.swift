import AttendanceCore
import AttendanceDelivery
import AttendanceStore

/// Who the gateway is to the site, and what the site is.
extension SiteChecks {
    // MARK: Rights and versions

    func credentials(_ reader: SiteReader, _ title: String) async -> [CheckResult] {
        guard site.authorizationHeader != nil else {
            await chain.block("there is no API key")
            return [
                .failure(
                    title, "there is no API key in \(site.heading)",
                    "make keys in ERPNext (User > Settings > API Access) and set APIKey and APISecret")
            ]
        }
        let answer = await reader.loggedUser()
        guard let user = answer.value else {
            let problem = answer.problem ?? SiteProblem(reason: "no answer")
            await chain.block("the site does not know the API user")
            return [.failure(title, problem.reason, problem.remedy ?? "look at the site's Error Log")]
        }
        if user == "Administrator" {
            return [
                .warning(
                    title, "the key is the Administrator's",
                    "make a user of its own for the gateway, with the role HR User, and use its key")
            ]
        }
        return [.ok(title, "the site knows the key as \(user)")]
    }

    func versions(_ reader: SiteReader, _ title: String) async -> [CheckResult] {
        let answer = await reader.versions()
        guard let apps = answer.value else {
            return [
                .warning(
                    title, answer.problem?.reason ?? "no answer",
                    "none, as long as punches are delivered; only doctor looks at versions")
            ]
        }
        let shown = ["frappe", "erpnext", "hrms"].compactMap { app in apps[app].map { "\(app) \($0)" } }
        let seen =
            shown.isEmpty ? "the site names none of frappe, erpnext, hrms" : shown.joined(separator: ", ")
        let major = apps["frappe"].flatMap { Int($0.prefix { $0 != "." }) }
        let app = site.checkinMethod.contains("/erpnext.") ? "erpnext" : "hrms"
        if app == "hrms", apps["hrms"] == nil {
            if let major, major < 14 {
                return [
                    .failure(
                        title, "\(seen): before version 14 check-ins belong to ERPNext itself",
                        "set APIEndpoint = \(Self.olderMethod) in \(site.heading)")
                ]
            }
            return [
                .failure(
                    title, "\(seen): Frappe HR (hrms) is not installed, and check-ins belong to it",
                    "bench get-app hrms; bench --site … install-app hrms")
            ]
        }
        if app == "erpnext", let major, major >= 14 {
            return [
                .failure(
                    title, "\(seen): from version 14 on check-ins belong to hrms, not to erpnext",
                    "take APIEndpoint out of \(site.heading)")
            ]
        }
        guard let major, (13...16).contains(major) else {
            return [.warning(title, "\(seen): versions 13 to 16 are known", "try it with --write first")]
        }
        return [.ok(title, seen)]
    }

    private static let olderMethod =
        "api/method/erpnext.hr.doctype.employee_checkin.employee_checkin.add_log_based_on_employee_field"

    // MARK: Time

    func zone(_ reader: SiteReader, _ title: String) async -> [CheckResult] {
        let answer = await reader.timeZone()
        guard let name = answer.value else {
            let reason = answer.problem?.reason ?? "no answer"
            if site.dialect == .custom { return [.skipped(title, reason)] }
            return [
                site.siteTimeZone.map { .ok(title, "\(reason); SiteTimeZone says \($0)") }
                    ?? .warning(
                        title, reason, "set SiteTimeZone in \(site.heading) (System Settings > Time Zone)")
            ]
        }
        guard let theirs = ZoneRules(identifier: name) else {
            return [
                .warning(
                    title, "the site's zone is “\(name)”, which this machine does not know",
                    "set SiteTimeZone in \(site.heading), and install tzdata")
            ]
        }
        await found.keep(zone: theirs)
        if site.dialect == .custom { return [customZone(theirs, title)] }
        guard let own = site.siteTimeZone, own != name else {
            return [.ok(title, "\(name), where it is \(theirs.wallTime(at: now.seconds)) now")]
        }
        guard let ours = ZoneRules(identifier: own), let minutes = Self.difference(ours, theirs, at: now)
        else {
            return [.ok(title, "SiteTimeZone is \(own), the site says \(name): the same clock")]
        }
        return [
            .failure(
                title,
                "SiteTimeZone is \(own), the site says \(name): check-ins would be \(minutes) min wrong",
                "take SiteTimeZone out of \(site.heading), unless the site's System Settings are wrong")
        ]
    }

    /// Times go out there as the terminals show them.
    private func customZone(_ theirs: ZoneRules, _ title: String) -> CheckResult {
        let zones = Set(
            settings.terminals.overrides.keys.map { settings.terminals.timeZone(of: $0) }
                + [settings.terminals.timeZone])
        let wrong = zones.sorted().filter { name in
            ZoneRules(identifier: name).map { Self.difference($0, theirs, at: now) != nil } ?? true
        }
        guard wrong.isEmpty else {
            return .warning(
                title,
                "the site is in \(theirs.identifier), terminals in \(Spoken.some(wrong)): the custom endpoint gets the "
                    + "terminals' times", "none if the endpoint converts them; else use Dialect = hrms")
        }
        return .ok(title, "\(theirs.identifier), as the terminals")
    }

    /// How many minutes two zones differ at most now or in the half year around; nil when they never do.
    private static func difference(_ a: ZoneRules, _ b: ZoneRules, at now: UnixTime) -> Int64? {
        let largest = (-6...6).map { month -> Int64 in
            let moment = now.seconds + Int64(month) * 30 * 86_400
            return abs(a.offset(at: moment) - b.offset(at: moment)) / 60
        }.max()
        return largest.flatMap { $0 == 0 ? nil : $0 }
    }
}
