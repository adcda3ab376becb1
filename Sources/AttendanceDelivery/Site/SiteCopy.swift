import AttendanceCore
import AttendanceStore
import Logging

/// The work of a `SiteSync`: what is known of a site, in memory and in the journal. One call at a time.
actor SiteCopy {
    struct Round: Sendable {
        var report: SiteSync.Report
        /// The site did not answer, so nothing is known to be wrong with it.
        var isUnavailable = false
        /// Somebody must mend something first: the key, a right, a firewall.
        var isDenied = false
        var retryAfter: Duration?
    }

    /// Employees of one site beyond which the list is not read on.
    static let maximumEmployees = 1_000_000
    /// How far before the last reading a change may lie and still be news: it is committed after the moment it bears,
    /// and the site's clock may be set back an hour.
    static let overlap: Int64 = 2 * 3600

    let reader: SiteReader
    let store: any Store
    let directory: SiteDirectory
    let owing: WakeUp
    let settings: SiteSync.Settings
    let timing: DeliveryTiming
    let logger: Logger

    private(set) var rules: SiteSync.Rules
    private var employees: [String: Employee] = [:]
    /// Of the file, then of the journal: the later ones win.
    private var mappings: [EmployeeMapping] = []
    /// Mappings or rules have changed and nobody knows yet.
    private var hasChanged = false
    /// Facts as the journal has them.
    private var kept: [String: String] = [:]
    /// The site's own time of the last reading: what was changed well before it is known.
    private var cursor: WallTime?
    /// This machine's clock minus the site's.
    private var skew = Duration.zero
    private var wholeList: UnixTime?
    /// Fields that this site's Employee does not have.
    private var absentFields: Set<String> = []
    /// The last whole list left out most of those known before: believed when the next one says so too.
    private var hasShrunk = false
    private var wantsWholeList = false

    // What `requeue` remembers.
    var generation = 0
    var scannedGeneration = -1
    var scannedThrough: Int64 = 0
    var retried: [Int64: String] = [:]

    init(
        reader: SiteReader, store: any Store, directory: SiteDirectory, owing: WakeUp,
        settings: SiteSync.Settings,
        rules: SiteSync.Rules, timing: DeliveryTiming, logger: Logger
    ) {
        self.reader = reader
        self.store = store
        self.directory = directory
        self.owing = owing
        self.settings = settings
        self.rules = rules
        self.timing = timing
        self.logger = logger
    }

    // MARK: From the journal

    /// Answers how many employees are known.
    func load() async throws -> Int {
        let facts = try await store.facts(of: settings.sink)
        kept = facts.mapValues(\.value)
        cursor = kept[SiteFacts.Name.cursor].flatMap { WallTime($0) }
        wholeList = kept[SiteFacts.Name.wholeList].flatMap { Int64($0) }.map { UnixTime(milliseconds: $0) }
        var after = ""
        while true {
            let page = try await store.employees(of: settings.sink, after: after, limit: 1000)
            guard let last = page.last else { break }
            for employee in page { employees[employee.name] = employee }
            after = last.name
        }
        try await loadMappings()
        let zone = kept[SiteFacts.Name.timeZone].flatMap { ZoneRules(identifier: $0) }
        // What an older version has written and this one cannot read is read from the site again.
        let shifts = try? kept[SiteFacts.Name.shifts].map(SiteFacts.shifts)
        let versions = try? kept[SiteFacts.Name.versions].map(SiteFacts.versions)
        directory.update { contents in
            contents.zone = zone
            contents.zoneAsked = zone != nil
            contents.shifts = Self.byName(shifts ?? [])
            contents.versions = versions ?? [:]
        }
        publishEmployees()
        return employees.count
    }

    private func loadMappings() async throws {
        let new = rules.mappings + (try await store.mappings(of: settings.sink))
        if new != mappings {
            mappings = new
            hasChanged = true
        }
    }

    func setRules(_ new: SiteSync.Rules) {
        rules = new
        hasChanged = true
    }

    private static func byName(_ shifts: [ShiftType]) -> [String: ShiftType] {
        Dictionary(shifts.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    }

    /// Lets the sink see who is who now.
    private func publishEmployees() {
        hasChanged = false
        generation += 1
        let new = EmployeeDirectory(
            employees: Array(employees.values), mappings: mappings, leadingZeros: rules.leadingZeros)
        let known = wholeList != nil
        directory.update { contents in
            contents.employees = new
            contents.knowsEmployees = known
        }
        // The lanes of what is owed go by who is who.
        owing.ringForRequeued()
    }

    // MARK: From the site

    /// Mappings have changed, or may have.
    func remap() async -> Round {
        var round = Round(employees: employees.count)
        await keepGoing(&round) { round in
            try await loadMappings()
            if hasChanged { publishEmployees() }
            round.report.requeued = try await requeue()
        }
        return round
    }

    /// Reads the site. What was read before something went wrong is kept.
    func read(whole: Bool) async -> Round {
        var round = Round(employees: employees.count)
        await keepGoing(&round) { round in
            try await loadMappings()
            if try await readSite(&round) {
                if settings.readsEmployees { try await readEmployees(&round, whole: whole) }
            }
            if hasChanged { publishEmployees() }
            round.report.requeued = try await requeue()
        }
        round.report.employees = employees.count
        return round
    }

    private func keepGoing(_ round: inout Round, _ body: (inout Round) async throws -> Void) async {
        do {
            try await body(&round)
        } catch {
            // The journal: it tells its own trouble, and the next round finds the same to do.
            round.report.problem = SiteProblem(reason: PlainText.line(error.localizedDescription))
            round.isUnavailable = true
        }
    }

    /// Time zone, versions, shift types. False when the site does not answer.
    private func readSite(_ round: inout Round) async throws -> Bool {
        var new: [String: String] = [:]
        let ping = await reader.ping()
        guard let found = ping.value else {
            round.add(ping)
            cannotTellZone(ping, &round)
            return false
        }
        skew = found.clockSkew ?? .zero
        let told = await reader.timeZone()
        switch told {
        case .value(let name):
            guard let zone = ZoneRules(identifier: name) else {
                round.add(
                    SiteProblem(
                        reason: "the site's time zone \(name) is none that this machine knows",
                        remedy: "set SiteTimeZone"))
                zoneIsNotTold()
                break
            }
            if let before = directory.now.zone, before.identifier != zone.identifier {
                logger.warning(
                    "the site's time zone has changed; punches not yet tried are sent in the new one",
                    metadata: ["before": "\(before.identifier)", "now": "\(zone.identifier)"])
            }
            directory.update { contents in
                contents.zone = zone
                contents.zoneAsked = true
                contents.zoneProblem = nil
            }
            new[SiteFacts.Name.timeZone] = zone.identifier
        case .unavailable(let reason, let retryAfter):
            round.unavailable(reason, retryAfter)
            cannotTellZone(told, &round)
            return false
        case .denied(let reason, let remedy, let fault):
            // Somebody stands in the way who may be gone tomorrow. What is frozen in a wrong zone stays wrong.
            let problem = SiteProblem(reason: reason, remedy: "\(remedy); or set SiteTimeZone", fault: fault)
            round.add(problem)
            round.isDenied = true
            directory.update { $0.zoneProblem = problem }
        case .missing, .unreadable:
            // An old site: each terminal's own time is sent, unless SiteTimeZone says otherwise.
            zoneIsNotTold()
        }
        // Sites tell versions and shifts only to some users; nothing depends on them but convenience.
        if let versions = await reader.versions().value {
            directory.update { $0.versions = versions }
            new[SiteFacts.Name.versions] = try SiteFacts.encode(versions)
        }
        if let shifts = await reader.shiftTypes().value {
            directory.update { $0.shifts = Self.byName(shifts) }
            new[SiteFacts.Name.shifts] = try SiteFacts.encode(shifts)
        }
        try await keep(new)
        return true
    }

    /// The zone is still to be asked for. Until then the sink says this of it.
    private func cannotTellZone(_ answer: SiteAnswer<some Sendable>, _ round: inout Round) {
        if case .denied = answer { round.isDenied = true }
        directory.update { $0.zoneProblem = answer.problem }
    }

    /// The site has answered, and will not tell its zone.
    private func zoneIsNotTold() {
        directory.update { contents in
            contents.zoneAsked = true
            contents.zoneProblem = nil
        }
    }

    private func keep(_ facts: [String: String]) async throws {
        let new = facts.filter { kept[$0.key] != $0.value }
        guard !new.isEmpty else { return }
        try await store.setFacts(new, of: settings.sink, at: timing.now())
        kept.merge(new) { $1 }
    }

    // MARK: Employees

    private var fieldList: String { settings.keyFields.sorted().joined(separator: ",") }

    private func isWholeListDue(_ now: UnixTime) -> Bool {
        guard let wholeList, kept[SiteFacts.Name.fields] == fieldList, cursor != nil else { return true }
        let age = now - wholeList
        // A wall clock that was set back must not put it off for years.
        return age >= settings.wholeListInterval || age < .zero
            || (wantsWholeList || hasShrunk) && age >= settings.minimumPause * 10
    }

    private func readEmployees(_ round: inout Round, whole wanted: Bool) async throws {
        let now = timing.now()
        let whole = wanted || isWholeListDue(now)
        let since = whole ? nil : cursor.map { WallTime(seconds: $0.seconds - Self.overlap).description }
        let siteTime = directory.now.zone.map { $0.wallTime(at: (now + (.zero - skew)).seconds) }
        var changed: [Employee] = []
        var seen: Set<String> = []
        var shown: Set<String> = []
        var newest = cursor
        var unreadable = 0
        var after: String?
        repeat {
            let answer = await page(since: since, after: after)
            guard case .value(let page) = answer else {
                round.add(answer)
                // What was read is true; the cursor stays, so the rest is read next time.
                try await take(changed, removed: [], &round)
                return
            }
            for employee in page.employees {
                if employees[employee.name] != employee { changed.append(employee) }
                seen.insert(employee.name)
                if let time = WallTime(employee.modified), newest.map({ time > $0 }) ?? true { newest = time }
            }
            unreadable += page.unreadable
            shown.formUnion(page.shownFields)
            after = page.next
            if seen.count > Self.maximumEmployees {
                round.add(
                    SiteProblem(reason: "the site lists more than \(Self.maximumEmployees) employees"))
                return
            }
        } while after != nil

        if unreadable > 0 {
            logger.warning("employees without a usable name left out", metadata: ["count": "\(unreadable)"])
        }
        var facts: [String: String] = [:]
        var removed: [String] = []
        if whole {
            if !seen.isEmpty { tellMissingFields(shown, &round) }
            removed = employees.keys.filter { !seen.contains($0) }
            let shrinks = seen.isEmpty ? !employees.isEmpty : removed.count > max(10, employees.count / 2)
            if shrinks, seen.isEmpty || !hasShrunk {
                round.add(
                    SiteProblem(
                        reason:
                            "the site shows only \(seen.count) of \(employees.count) employees that it had",
                        remedy: "check the API user's roles and User Permissions; those known before are kept"
                    ))
                removed = []
            }
            hasShrunk = shrinks
            wantsWholeList = false
            wholeList = now
            if directory.now.knowsEmployees == false { hasChanged = true }
            facts[SiteFacts.Name.wholeList] = String(now.milliseconds)
            facts[SiteFacts.Name.fields] = fieldList
        }
        try await take(changed, removed: removed, &round)
        // Without the site's zone, the newest change is the only clock there is of it; one from a wrong clock then
        // hides later changes until the next whole list.
        cursor = siteTime ?? newest
        facts[SiteFacts.Name.cursor] = cursor?.description
        try await keep(facts)
    }

    /// One page; where the site does not know a field, without it.
    private func page(since: String?, after: String?) async -> SiteAnswer<EmployeePage> {
        let answer = await reader.employees(
            keyFields: settings.keyFields, modifiedSince: since, after: after, leavingOut: absentFields)
        guard case .missing = answer else { return answer }
        let before = absentFields
        for field in SiteReader.employeeFields.dropFirst(4) + settings.keyFields
        where !absentFields.contains(field) {
            if await reader.hasField(field, of: "Employee").value == false { absentFields.insert(field) }
        }
        guard absentFields != before else { return answer }
        return await reader.employees(
            keyFields: settings.keyFields, modifiedSince: since, after: after, leavingOut: absentFields)
    }

    private func tellMissingFields(_ shown: Set<String>, _ round: inout Round) {
        for field in settings.keyFields where !shown.contains(field) {
            round.add(
                SiteProblem(
                    reason: "no employee shows the field \(PlainText.line(field, limit: 64))",
                    remedy: "check EmployeeField, and that the API user may read the field (permission level)"
                ))
        }
        // Asked again next time: somebody may have added them.
        absentFields = []
    }

    private func take(_ changed: [Employee], removed: [String], _ round: inout Round) async throws {
        guard !changed.isEmpty || !removed.isEmpty else { return }
        for employee in changed { employees[employee.name] = employee }
        for name in removed { employees[name] = nil }
        // Known to the sink before it is kept: what is lost by a crash in between is read again.
        publishEmployees()
        var rest = changed[...]
        while !rest.isEmpty {
            try await store.putEmployees(Array(rest.prefix(500)), removed: [], of: settings.sink)
            rest = rest.dropFirst(500)
        }
        var gone = removed[...]
        while !gone.isEmpty {
            try await store.putEmployees([], removed: Array(gone.prefix(500)), of: settings.sink)
            gone = gone.dropFirst(500)
        }
        round.report.changed += changed.count
        round.report.removed += removed.count
        logger.info(
            "employees read",
            metadata: [
                "changed": "\(changed.count)", "removed": "\(removed.count)", "known": "\(employees.count)",
            ])
    }

    /// Somebody whom the copy knows is unknown to the site itself: the copy may have missed a removal.
    func suspectRemoval() { wantsWholeList = true }
}

extension SiteCopy.Round {
    init(employees: Int) {
        self.init(report: .init(employees: employees, changed: 0, removed: 0, requeued: 0, problem: nil))
    }

    /// The first problem of a round is told.
    mutating func add(_ problem: SiteProblem) { report.problem = report.problem ?? problem }

    mutating func add(_ answer: SiteAnswer<some Sendable>) {
        if case .unavailable(let reason, let retryAfter) = answer {
            unavailable(reason, retryAfter)
        } else if let problem = answer.problem {
            add(problem)
        }
    }

    mutating func unavailable(_ reason: String, _ retryAfter: Duration?) {
        add(SiteProblem(reason: reason))
        isUnavailable = true
        self.retryAfter = retryAfter
    }
}
