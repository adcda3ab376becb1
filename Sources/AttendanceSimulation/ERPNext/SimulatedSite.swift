import AttendanceCore
import Foundation

/// What the simulated site holds and how it answers: no network in here, so a request is a function call.
struct SimulatedSite: Sendable {
    /// What is to be done with a request.
    enum Plan: Sendable {
        case reply(FrappeReply)
        /// `finish` is to be called after so long, and its answer given.
        case work(Work, after: Duration)
        /// Nothing, until the client leaves.
        case hang
        /// Nothing, until the faults are cleared.
        case hold(Work)
        case close
    }

    /// A request that has passed all checks and is not yet committed. The gap between is what makes two equal requests
    /// at once store two rows, as on the real site.
    struct Work: Sendable {
        /// Whose requests are on their way inside the site; nil for what stores no check-in.
        var employees: [String]?
        /// Changes the site and answers; nil closes the connection.
        var finish: @Sendable (inout SimulatedSite) -> FrappeReply?
    }

    /// What a request leads to when nothing is in its way.
    enum Outcome: Sendable {
        case reply(FrappeReply)
        /// Check-ins to be stored. `employees` are collated document names.
        case commit(
            employees: [String], documents: Int,
            @Sendable (inout SimulatedSite) throws(SiteError) -> FrappeReply)
    }

    /// One request on its way through the site.
    struct Call: Sendable {
        var request: SiteRequest
        var route: SiteRoute
        var style: ReplyStyle
        var visitor: Visitor
        /// Whether the user may write at permission level 1.
        var writesTime: Bool
        /// Whether what is done will last.
        var commits: Bool
    }

    var clock: SiteClock
    var version = SimulatedSiteVersion.recorded
    var employees = EmployeeTable()
    var checkins = CheckinTable()
    var shiftTypes: [SimulatedShiftType] = []
    /// Last number given, by beginning of the name.
    var series: [String: Int] = [:]
    var registersUnknown = false
    var credential: String?
    var customMethod: String
    var rights = SimulatedSiteRights()
    /// The language of a request that asks for none.
    var language = SimulatedSiteLanguage.english
    /// Every answer in this language, whatever is asked for.
    var forcedLanguage: SimulatedSiteLanguage?
    var errorBody = SimulatedErrorBody.whole
    /// *HR Settings > Allow Geolocation Tracking*.
    var wantsCoordinates = false
    var tellsTimeZone = true
    var missingMethods: Set<String> = []
    /// The site's name; a request for another host is answered as by a bench without that site.
    var host: String?
    var rateLimit: SiteRateLimit?
    /// Between the check for a repeat and the commit.
    var handlingTime: Duration = .zero
    /// How long one document holds the lock of the name series.
    var insertTime: Duration = .zero
    var faults: [InjectedFault] = []
    var statistics = SimulatedSiteStatistics()

    /// When the lock of the name series is free again.
    private var seriesIsFree = ContinuousClock.now

    init(customMethod: String, clock: SiteClock) {
        self.customMethod = customMethod
        self.clock = clock
    }

    /// Path of the method that adds a check-in.
    var checkinPath: String { "api/method/\(version.checkinMethod)" }

    // MARK: Requests

    mutating func plan(_ request: SiteRequest) -> Plan {
        let (route, isVersion2) = SiteRoute.of(request.path, hasVersions: version.hasVersionedPaths)
        let style = style(of: request, isVersion2: isVersion2)
        let keys = deliveryKeys(of: request, route)
        let fault = takeFault(request, keys: keys)
        if let fault {
            statistics.faults[fault, default: 0] += 1
            if let plan = atOnce(fault, request, style, isDelivery: keys != nil) { return plan }
        }
        let discards = fault.map { !$0.stores } ?? false
        do {
            let outcome = try self.outcome(
                of: request, route, style, writesTime: rights.writeLevelOne && fault != .wrongTime,
                commits: request.commits && !discards)
            return plan(outcome, fault, request, style)
        } catch {
            return plan(.reply(style.reply(error)), fault, request, style)
        }
    }

    /// A request without any fault in its way, from its arrival to its end.
    mutating func answer(_ request: SiteRequest) -> FrappeReply {
        let (route, isVersion2) = SiteRoute.of(request.path, hasVersions: version.hasVersionedPaths)
        let style = style(of: request, isVersion2: isVersion2)
        do {
            switch try self.outcome(
                of: request, route, style, writesTime: rights.writeLevelOne, commits: request.commits)
            {
            case .reply(let reply): return reply
            case .commit(_, _, let commit): return try commit(&self)
            }
        } catch {
            return style.reply(error)
        }
    }

    private func style(of request: SiteRequest, isVersion2: Bool) -> ReplyStyle {
        let asked = request.headers["accept-language"].map { SimulatedSiteLanguage(acceptLanguage: $0) }
        return ReplyStyle(
            language: forcedLanguage ?? asked ?? language, errorBody: errorBody, major: version.major,
            isVersion2: isVersion2, wantsPages: request.headers["accept"]?.hasPrefix("text") ?? false)
    }

    private mutating func plan(
        _ outcome: Outcome, _ fault: ERPNextFault?, _ request: SiteRequest, _ style: ReplyStyle
    ) -> Plan {
        let host = request.host
        let veil: @Sendable (FrappeReply) -> FrappeReply? = { reply in
            fault.map { $0.veil(reply, host: host) } ?? reply
        }
        var delay = fault?.delay ?? .zero
        let work: Work
        switch outcome {
        case .reply(let reply):
            if fault == nil { return .reply(reply) }
            work = Work { _ in veil(reply) }
        case .commit(let employees, let documents, let commit):
            statistics.beganDelivery(employees)
            delay += handlingTime + timeInSeries(documents)
            work = Work(employees: employees) { site in
                do throws(SiteError) {
                    return veil(try commit(&site))
                } catch {
                    return veil(style.reply(error))
                }
            }
        }
        return fault == .frozen ? .hold(work) : .work(work, after: delay)
    }

    /// Ends what `plan` began. Nil: close without an answer.
    mutating func finish(_ work: Work) -> FrappeReply? {
        if let employees = work.employees { statistics.endedDelivery(employees) }
        return work.finish(&self)
    }

    /// Inserts wait for each other: each holds the series' row until it is committed.
    private mutating func timeInSeries(_ documents: Int) -> Duration {
        guard insertTime > .zero else { return .zero }
        let now = ContinuousClock.now
        seriesIsFree = max(seriesIsFree, now) + insertTime * documents
        return seriesIsFree - now
    }

    // MARK: From the door to the desk

    private mutating func outcome(
        of request: SiteRequest, _ route: SiteRoute, _ style: ReplyStyle, writesTime: Bool, commits: Bool
    ) throws(SiteError) -> Outcome {
        if let host, request.host.split(separator: ":").first.map(String.init) != host {
            return .reply(.html(404, "<h1>\(request.host) does not exist</h1>"))
        }
        if request.isTooLong { return .reply(.proxyPage(413, host: request.host)) }
        try rateLimit?.check(at: clock.now().seconds)
        rateLimit?.spend(documents: 1)
        let visitor = try visitor(of: request)
        var style = style
        style.hasStaleSession = try staleSession(request, visitor)
        let call = Call(
            request: request, route: route, style: style, visitor: visitor, writesTime: writesTime,
            commits: commits)
        if request.path == customMethod { return try addByCustomMethod(call) }
        switch route {
        case .method(let name): return try method(name, call)
        case .list(let doctype): return try resource(doctype, call)
        case .document(let doctype, let name): return try resource(doctype, name, call)
        case .nothing:
            return .reply(.html(404, "<!doctype html><title>404 Not Found</title><h1>Not Found</h1>"))
        }
    }

    /// What goes under `message` or `data`, wherever this version and path put it.
    static func success(_ value: FrappeValue, _ call: Call, status: Int = 200) -> FrappeReply {
        let key =
            if case .method = call.route, !call.style.isVersion2 {
                "message"
            } else {
                "data"
            }
        var object = [key: value]
        if call.style.hasStaleSession { object["session_expired"] = 1 }
        return .json(object, status: status)
    }
}
