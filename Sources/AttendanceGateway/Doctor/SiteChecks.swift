import AsyncHTTPClient
import AttendanceCore
import AttendanceDelivery
import AttendanceStore

/// One ERPNext site, from its address to its shifts.
struct SiteChecks: Sendable {
    let site: Settings.ERP
    let settings: Settings
    let journal: JournalView
    let options: Doctor.Options
    let client: SiteClient?
    private let http: HTTPClient
    private let chain = Chain()
    private let found = SiteFindings()

    init(
        site: Settings.ERP, settings: Settings, journal: JournalView, client: HTTPClient,
        options: Doctor.Options
    ) {
        self.site = site
        self.settings = settings
        self.journal = journal
        self.options = options
        http = client
        self.client = site.client(over: client)
    }

    var name: String { site.name.text }
    private var now: UnixTime { options.now() }

    var all: [DoctorCheck] {
        guard let url = site.url, let client else {
            return [
                DoctorCheck(title: name) {
                    [.skipped(name, "there is no URL in \(site.heading): punches are kept and owed")]
                }
            ]
        }
        let address = AddressChecks(
            title: name, url: url, certificateDays: settings.alerts.certificateDays, now: options.now)
        // Just below the look's own limit, so that the request's own words are told.
        let limit = min(site.timeout, max(options.limit - .seconds(1), .milliseconds(500)))
        let reader = SiteReader(client: client, timeout: limit, now: options.now)
        var checks = address.all
        checks.append(
            step("answer") { title in
                if let why = await address.blocked {
                    await chain.block(why)
                    return [.skipped(title, why)]
                }
                return await answer(reader, title)
            })
        if site.dialect == .custom { checks.append(step("endpoint") { await endpoint(client, limit, $0) }) }
        if site.dialect == .hrms || site.authorizationHeader != nil {
            checks += [
                step("credentials") { await credentials(reader, $0) },
                step("versions") { await versions(reader, $0) },
                step("time zone") { await zone(reader, $0) },
                step("employees", limit: 30) { await employees(reader, $0) },
                step("ids") { await ids($0) },
                step("check-ins") { await checkins(reader, $0) },
                step("shift types") { await shifts(reader, $0) },
                step("trial check-in", limit: 60) { await trial(reader, $0) },
            ]
        }
        return checks
    }

    private func step(
        _ what: String, limit: Int64 = 10, _ look: @escaping @Sendable (String) async -> [CheckResult]
    ) -> DoctorCheck {
        let title = "\(name) \(what)"
        return chain.step(title, limit: .seconds(limit)) { await look(title) }
    }

    // MARK: Who answers

    private func answer(_ reader: SiteReader, _ title: String) async -> [CheckResult] {
        let answer = await reader.ping()
        guard let ping = answer.value else {
            let problem = answer.problem ?? SiteProblem(reason: "no answer")
            // A custom method may belong to something that is no Frappe at all.
            if site.dialect == .custom, case .unreadable = answer {
                return [.warning(title, problem.reason, "none, if the custom endpoint is no ERPNext")]
            }
            if site.dialect == .custom, case .missing = answer {
                return [.warning(title, problem.reason, "none, if the custom endpoint is no ERPNext")]
            }
            await chain.block("the site does not answer as ERPNext")
            return [
                .failure(
                    title, problem.reason,
                    problem.remedy
                        ?? "set URL to the address of ERPNext itself, without /app or /desk behind it")
            ]
        }
        let seen = "ERPNext answers, in \(FleetText.milliseconds(ping.roundTrip)) ms"
        guard let skew = ping.clockSkew else { return [.ok(title, seen)] }
        let clocks =
            "this machine's clock is \(Spoken.duration(skew)) \(skew < .zero ? "behind" : "ahead of") its"
        let off = max(skew, .zero - skew)
        if off > .seconds(300) {
            return [
                .failure(
                    title, "\(seen); \(clocks)", "set the clock that is wrong (timedatectl set-ntp true)")
            ]
        }
        if off > .seconds(30) {
            return [
                .warning(
                    title, "\(seen); \(clocks)", "set the clock that is wrong (timedatectl set-ntp true)")
            ]
        }
        return [.ok(title, "\(seen); the clocks agree")]
    }

    private func endpoint(_ client: SiteClient, _ limit: Duration, _ title: String) async -> [CheckResult] {
        let remedy = "look at APIEndpoint in \(site.heading), and whether its app is installed on the site"
        var results: [CheckResult] = []
        switch await EndpointProbe(client: client, path: site.endpoint, timeout: limit).ask() {
        case .there(let status, _):
            results.append(
                .ok(title, "\(site.endpoint) is there (it answers \(status) to a call without a punch)"))
        case .missing(let words): results.append(.failure(title, "\(site.endpoint): \(words)", remedy))
        case .denied(let status, let words):
            results.append(
                .warning(
                    title,
                    "\(site.endpoint) answers \(status) to a call without a punch: \(words ?? "no words")",
                    "if it takes POST only, this says nothing; else allow guests to call it, or set Authorization or "
                        + "APIKey"))
        case .redirected(let location):
            results.append(
                .failure(title, "redirects to \(location)", "set URL to the address it redirects to"))
        case .unavailable(let reason):
            results.append(
                .failure(title, reason, "ask the site's administrator; punches stay owed meanwhile"))
        }
        if site.authorizationHeader == nil {
            results.append(
                .warning(
                    title,
                    "it is called without authorization, as the older service did: anybody can send punches",
                    "let the method ask for a key, or change to Dialect = hrms"))
        }
        return results
    }

    // MARK: Rights and versions

    private func credentials(_ reader: SiteReader, _ title: String) async -> [CheckResult] {
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

    private func versions(_ reader: SiteReader, _ title: String) async -> [CheckResult] {
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
        guard site.dialect == .hrms else { return [.ok(title, seen)] }
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

    private func zone(_ reader: SiteReader, _ title: String) async -> [CheckResult] {
        let answer = await reader.timeZone()
        guard let name = answer.value else {
            let reason = answer.problem?.reason ?? "no answer"
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

    // MARK: People

    /// Read at most; beyond, the rest is not looked at.
    private static let maximumEmployees = 20_000

    private var keyFields: [String] {
        let own =
            settings.terminals.groups.compactMap(\.traits.employeeField)
            + settings.terminals.overrides.values.compactMap(\.traits.employeeField)
            + [settings.terminals.traits.employeeField].compactMap(\.self)
        return Array(Set(own + [site.employeeField])).sorted()
    }

    private func employees(_ reader: SiteReader, _ title: String) async -> [CheckResult] {
        guard site.dialect == .hrms else {
            return [.skipped(title, "the custom endpoint looks people up itself")]
        }
        var all: [Employee] = []
        var shown: Set<String> = []
        var after: String?
        repeat {
            let answer = await reader.employees(keyFields: keyFields, after: after)
            guard let page = answer.value else { return [unread(answer, title)] }
            all += page.employees
            shown.formUnion(page.shownFields)
            after = page.next
        } while after != nil && all.count < Self.maximumEmployees
        if all.isEmpty {
            return [
                .warning(
                    title, "the API user sees no employee",
                    "make employees, or take User Permissions (Employee, Company) away from the API user")
            ]
        }
        await found.keep(employees: all)
        let hidden = keyFields.filter { !shown.contains($0) }
        if !hidden.isEmpty {
            return [
                .failure(
                    title, "the API user does not see the field \(Spoken.some(hidden)) of Employee",
                    "look at EmployeeField, and at the permission level of that field")
            ]
        }
        let active = all.filter { $0.status == "Active" }
        let keyed = active.filter { employee in keyFields.contains { employee.keys[$0] != nil } }
        let seen =
            "\(Spoken.count(all.count, "employee")), \(active.count) active, \(keyed.count) of them with "
            + keyFields.joined(separator: " or ")
        if keyed.isEmpty {
            return [
                .warning(
                    title, seen,
                    "give employees the number they have on the terminals (\(site.employeeField)), or map them "
                        + "(employees map)")
            ]
        }
        var results: [CheckResult] = [.ok(title, seen)]
        for field in keyFields {
            let held = Dictionary(grouping: all.filter { $0.keys[field] != nil }) {
                ($0.keys[field] ?? "").lowercased()
            }
            let doubled = held.filter { $0.value.count > 1 }.sorted { $0.key < $1.key }
            if !doubled.isEmpty {
                results.append(
                    .warning(
                        title,
                        "\(field) is held by several: "
                            + Spoken.some(
                                doubled.map {
                                    "\($0.key) (\($0.value.map(\.name).joined(separator: " "))" + ")"
                                }),
                        "give each employee an id of its own: punches with these wait as dead letters"))
            }
        }
        return results
    }

    private func unread(_ answer: SiteAnswer<EmployeePage>, _ title: String) -> CheckResult {
        let reason = answer.problem?.reason ?? "no answer"
        if case .missing = answer {
            return .failure(
                title, "Employee has no field \(keyFields.joined(separator: " or ")) (\(reason))",
                "correct EmployeeField, or make the custom field on Employee")
        }
        let remedy = answer.problem?.remedy ?? "look at the site's Error Log"
        // HRMS's own method looks people up by itself, without a right to read them.
        return site.employeeSync == nil
            ? .warning(title, "\(reason); punches are delivered all the same", remedy)
            : .failure(title, reason, remedy)
    }

    /// How far back people are looked for.
    private static let lately: Int64 = 30 * 86_400

    private func ids(_ title: String) async -> [CheckResult] {
        guard let employees = await found.employees else {
            return [.skipped(title, "the site's employees were not read")]
        }
        guard let reader = journal.open else {
            return [.skipped(title, "there is no journal that can be read")]
        }
        let people: [SeenPerson]
        let mappings: [EmployeeMapping]
        do {
            people = try await reader.seenPeople(
                from: WallTime(seconds: now.seconds - Self.lately), limit: 50_000)
            mappings = try await reader.mappings(of: site.name)
        } catch {
            return [.skipped(title, error.localizedDescription)]
        }
        let directory = EmployeeDirectory(
            employees: employees, mappings: mappings,
            leadingZeros: site.leadingZeros == .exact ? .exact : .ignored)
        var unknown: [String] = []
        var several: [String] = []
        var inactive: [String] = []
        for person in people where settings.terminals.sinks(of: person.terminal).contains(site.name) {
            let label = "\(person.enrollID.sent)\(person.name.map { " \($0)" } ?? "") at \(person.terminal)"
            switch resolve(person, in: directory) {
            case .employee(let employee):
                if !employee.takesCheckins { inactive.append("\(label) (\(employee.name))") }
            case .several: several.append(label)
            case .unknown: unknown.append(label)
            }
        }
        var results: [CheckResult] = []
        if !unknown.isEmpty {
            results.append(
                .warning(
                    title, "no employee for \(Spoken.some(unknown))",
                    "set \(site.employeeField) of the employee to exactly that id, or map it; the punches go then by "
                        + "themselves"))
        }
        if !several.isEmpty {
            results.append(
                .warning(
                    title, "several employees for \(Spoken.some(several))",
                    "give each an id of its own, or map it"))
        }
        if !inactive.isEmpty {
            results.append(
                .warning(
                    title, "inactive employees punch: \(Spoken.some(inactive))",
                    "ERPNext refuses them; set them Active, or take them out of the terminals"))
        }
        if results.isEmpty {
            results.append(
                people.isEmpty
                    ? .skipped(title, "nobody has punched in the last 30 days")
                    : .ok(
                        title,
                        "all \(Spoken.count(people.count, "id")) of the last 30 days have their employee"))
        }
        return results
    }

    private func resolve(_ person: SeenPerson, in directory: EmployeeDirectory)
        -> EmployeeDirectory.Resolution
    {
        let group = settings.terminals.group(of: person.terminal)
        return directory.resolve(
            key: site.personID == .alias ? person.alias ?? person.enrollID.sent : person.enrollID.sent,
            enrollID: person.enrollID,
            field: settings.terminals.employeeField(of: person.terminal) ?? site.employeeField,
            space: group?.traits.employeeField == nil ? "" : group?.name ?? "")
    }

    // MARK: Check-ins

    private func checkins(_ reader: SiteReader, _ title: String) async -> [CheckResult] {
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
    private func siteTime(_ instant: Int64) async -> WallTime {
        var zone = await found.zone
        for name in [site.siteTimeZone, settings.terminals.timeZone].compactMap(\.self) where zone == nil {
            zone = ZoneRules(identifier: name)
        }
        return zone?.wallTime(at: instant) ?? WallTime(seconds: instant)
    }

    private func shifts(_ reader: SiteReader, _ title: String) async -> [CheckResult] {
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

    private func trial(_ reader: SiteReader, _ title: String) async -> [CheckResult] {
        guard let employee = options.trialEmployee else {
            return [
                .skipped(
                    title,
                    "not asked for; --write --employee NAME makes one, compares its time, and deletes it")
            ]
        }
        guard site.dialect == .hrms else { return [.skipped(title, "only in the hrms dialect")] }
        guard site.mode == .deliver else { return [.skipped(title, "the site is in shadow mode")] }
        return await TrialCheckin(
            title: title, site: site, reader: reader, employee: employee,
            // Not the present moment: a site that puts its own time in place of the one sent would not show.
            time: await siteTime(now.seconds - 3_600), audit: options.audit
        ).run()
    }
}

/// What the first checks of a site find out for the later ones.
private actor SiteFindings {
    private(set) var zone: ZoneRules?
    private(set) var employees: [Employee]?

    func keep(zone: ZoneRules) { self.zone = zone }
    func keep(employees: [Employee]) { self.employees = employees }
}

extension Settings.ERP {
    /// The method that takes punches in the hrms dialect, with the rule by which the sink chooses it.
    var checkinMethod: String {
        endpoint.hasSuffix("add_log_based_on_employee_field") ? endpoint : ERPNextSink.Settings.hrmsEndpoint
    }
}
