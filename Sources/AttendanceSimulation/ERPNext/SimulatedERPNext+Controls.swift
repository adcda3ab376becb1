import AttendanceCore

/// What tests see of the site and how they change it while it runs.
extension SimulatedERPNext {
    // MARK: What it holds

    /// In the order in which they were stored.
    package var checkins: [SimulatedCheckin] { read(\.checkins.rows) }
    package var employees: [SimulatedEmployee] { read(\.employees.all) }
    package var shiftTypes: [SimulatedShiftType] { read(\.shiftTypes) }
    package var statistics: SimulatedSiteStatistics { read(\.statistics) }

    /// Requests so far by method and path, such as `GET api/method/ping`.
    package var requests: [String: Int] { statistics.requests }
    /// How often a check-in arrived while another of the same person was at work inside the site.
    package var overlaps: Int { statistics.overlaps }
    /// Calls of the two methods that add one check-in each.
    package var checkinRequests: Int { read { $0.checkinRequests } }
    package var probes: Int { requests["GET api/method/ping", default: 0] }

    // MARK: Employees

    /// Adds an employee, or changes the one of that name.
    package func add(_ employee: SimulatedEmployee) {
        change { $0.employees.put(employee, stamp: $0.clock.stamp()) }
    }

    /// Changes an employee; `modified` is the site's to set. Nothing happens if there is none of that name.
    package func update(_ name: String, _ body: (inout SimulatedEmployee) -> Void) {
        update([name], body)
    }

    /// Changes several employees in one statement, as an import does: all bear the same `modified`.
    package func update(_ names: [String], _ body: (inout SimulatedEmployee) -> Void) {
        change { site in
            let stamp = site.clock.stamp()
            for name in names {
                guard var employee = site.employees[name] else { continue }
                body(&employee)
                site.employees.put(employee, stamp: stamp)
            }
        }
    }

    package func removeEmployee(_ name: String) { change { $0.employees.remove(name) } }

    /// A custom column of Employee that nobody has a value in yet.
    package func addEmployeeField(_ name: String) { change { $0.employees.addColumn(name) } }

    // MARK: Check-ins and shifts

    /// As a person would in the desk. Whether it was there.
    @discardableResult
    package func removeCheckin(_ name: String) -> Bool { change { $0.checkins.remove(name) } }

    /// Changes a stored check-in behind everybody's back: an attendance linked to it, another time.
    package func updateCheckin(_ name: String, _ body: (inout SimulatedCheckin) -> Void) {
        change { site in
            guard var checkin = site.checkins[name] else { return }
            body(&checkin)
            checkin.name = name
            checkin.modified = site.clock.stamp()
            site.checkins.replace(checkin)
        }
    }

    /// Adds a Shift Type, or changes the one of that name.
    package func add(_ shift: SimulatedShiftType) {
        change { site in
            var shift = shift
            shift.modified = site.clock.stamp()
            if let index = site.shiftTypes.firstIndex(where: { $0.name == shift.name }) {
                shift.creation = site.shiftTypes[index].creation
                site.shiftTypes[index] = shift
            } else {
                shift.creation = shift.modified
                site.shiftTypes.append(shift)
            }
        }
    }

    /// The next check-in gets this number, as after a series was reset or a backup restored: with one that is taken
    /// every insert fails with 409 until it is set right.
    package func setSeries(next number: Int) {
        change { site in
            for prefix in site.series.keys { site.series[prefix] = number - 1 }
        }
    }

    // MARK: Switches

    /// Between the check for a repeat and the commit.
    package func setHandlingTime(_ time: Duration) { change { $0.handlingTime = time } }

    /// How long one document holds the lock of the name series: inserts wait for each other, so that more requests at
    /// once only take longer.
    package func setInsertTime(_ time: Duration) { change { $0.insertTime = time } }

    package func setCredential(_ credential: String?) { change { $0.credential = credential } }

    /// What the API user may do.
    package func changeRights(_ body: (inout SimulatedSiteRights) -> Void) { change { body(&$0.rights) } }

    package func setVersion(_ version: SimulatedSiteVersion) { change { $0.version = version } }

    /// The site's clock.
    package func setClock(_ now: @escaping @Sendable () -> UnixTime) { change { $0.clock.now = now } }

    /// The site's own zone, an IANA name; UTC if there is none of that name. Stored times do not change.
    package func setZone(_ identifier: String) { change { $0.clock.zone = Self.zone(identifier) } }

    /// Whether `get_time_zone` exists; some versions are without it.
    package func setTellsTimeZone(_ tells: Bool) { change { $0.tellsTimeZone = tells } }

    /// A method that the site does not have, by its dotted name.
    package func setMethod(_ name: String, isMissing: Bool) {
        change { site in
            if isMissing { site.missingMethods.insert(name) } else { site.missingMethods.remove(name) }
        }
    }

    /// The language of requests that ask for none.
    package func setLanguage(_ language: SimulatedSiteLanguage) { change { $0.language = language } }

    /// All words in one language, whatever requests ask for; nil to listen to them again.
    package func setForcedLanguage(_ language: SimulatedSiteLanguage?) {
        change { $0.forcedLanguage = language }
    }

    package func setErrorBody(_ body: SimulatedErrorBody) { change { $0.errorBody = body } }

    /// *HR Settings > Allow Geolocation Tracking*: check-ins without coordinates are refused.
    package func setWantsCoordinates(_ wants: Bool) { change { $0.wantsCoordinates = wants } }

    /// The site's name: other hosts are answered as by a bench without that site. Nil takes all.
    package func setHost(_ host: String?) { change { $0.host = host } }

    /// A budget of server time for each window of the clock, and what a request (or document of many) needs of it, in
    /// microseconds; nil for none.
    package func setRateLimit(_ limit: Int?, window: Int = 3600, cost: Int = 40_000) {
        change { $0.rateLimit = limit.map { SiteRateLimit(limit: $0, window: window, cost: cost) } }
    }

    // MARK: Faults

    /// - `times`: for so many check-ins (with `path`: requests); nil until cleared, and then for all requests where the
    ///   fault is the site's.
    /// - `person`: only for check-ins of this person key.
    /// - `path`: only for requests with this path, such as `api/resource/Employee`, whatever they are for.
    package func inject(
        _ fault: ERPNextFault, times: Int? = nil, person: String? = nil, path: String? = nil
    ) {
        change { $0.faults.append(.init(fault: fault, left: times, person: person, path: path)) }
    }

    // MARK: Waiting

    package func checkinCount(reaches count: Int) async {
        await wait { $0.checkins.rows.count >= count }
    }

    /// Requests of a method and path, such as `GET api/method/ping`.
    package func requestCount(of request: String, reaches count: Int) async {
        await wait { $0.statistics.requests[request, default: 0] >= count }
    }

    package func checkinRequestCount(reaches count: Int) async {
        await wait { $0.checkinRequests >= count }
    }

    /// Check-ins that requests inside the site wait to commit, or that are held.
    package func deliveriesAtWork(reach count: Int) async {
        await wait { $0.statistics.deliveriesAtWork >= count }
    }

    /// Whatever tests want to wait for in what the site has seen.
    package func statistics(fulfil condition: @escaping @Sendable (SimulatedSiteStatistics) -> Bool) async {
        await wait { condition($0.statistics) }
    }
}

extension SimulatedSite {
    var checkinRequests: Int {
        ["POST \(checkinPath)", "POST \(customMethod)"].reduce(0) { $0 + statistics.requests[$1, default: 0] }
    }

    func dressed(_ reply: FrappeReply) -> FrappeReply {
        var reply = reply.adding("Date", clock.httpDate)
        switch reply.source {
        case .frappe:
            reply = reply.adding("Server", "gunicorn")
            for cookie in Self.cookies { reply = reply.adding("Set-Cookie", cookie) }
            if let rateLimit, reply.status != 429 {
                reply.headers += rateLimit.headers(at: clock.now().seconds)
            }
        case .gunicorn: reply = reply.adding("Server", "gunicorn")
        case .nginx: reply = reply.adding("Server", "nginx/1.24.0")
        case .cloudflare:
            reply = reply.adding("Server", "cloudflare").adding("CF-RAY", "8e6d1f2a3b4c5d6e-FRA")
        }
        return reply
    }
}
