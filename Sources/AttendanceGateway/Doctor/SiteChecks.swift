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
    let chain = Chain()
    let found = SiteFindings()

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
    var now: UnixTime { options.now() }

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
        let limit = min(site.timeout, max((options.limit ?? .seconds(10)) - .seconds(1), .milliseconds(500)))
        let reader = SiteReader(client: client, timeout: limit, now: options.now)
        var checks = address.all
        checks.append(
            step("answer") { title in
                if let why = await address.blocked {
                    await chain.block(why)
                    return [.skipped(title, why)]
                }
                // Without the key: a wrong one would make the site refuse even this, and that is another check.
                let anybody = SiteReader(
                    client: SiteClient(
                        client: http, base: url.absoluteString, authorization: nil,
                        userAgent: "attendance-gateway/\(Version.current)"), timeout: limit, now: options.now)
                return await answer(anybody, title)
            })
        guard site.dialect == .hrms else {
            return checks + [
                step("endpoint") { await endpoint(client, limit, $0) },
                step("time zone") { await zone(reader, $0) },
            ]
        }
        return checks + [
            step("credentials") { await credentials(reader, $0) },
            step("versions") { await versions(reader, $0) },
            step("time zone") { await zone(reader, $0) },
            step("employees", limit: .seconds(30)) { await employees(reader, $0) },
            step("ids", late: .skipped) { await ids($0) },
            step("check-ins") { await checkins(reader, $0) },
            step("shift types") { await shifts(reader, $0) },
            step("trial check-in", limit: .seconds(60)) { await trial(reader, $0) },
        ]
    }

    private func step(
        _ what: String, limit: Duration = .seconds(10), late: CheckResult.Outcome = .failure,
        _ look: @escaping @Sendable (String) async -> [CheckResult]
    ) -> DoctorCheck {
        let title = "\(name) \(what)"
        return chain.step(title, limit: limit, late: late) { await look(title) }
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

}

/// What the first checks of a site find out for the later ones.
actor SiteFindings {
    private(set) var zone: ZoneRules?
    private(set) var employees: [Employee]?

    func keep(zone: ZoneRules) { self.zone = zone }
    func keep(employees: [Employee]) { self.employees = employees }
}

extension Settings.ERP {
    /// The method that takes punches in the hrms dialect.
    var checkinMethod: String {
        // The settings were checked when they were read; nothing in them can fail here.
        (try? sinkSettings())?.endpoint ?? ERPNextSink.Settings.hrmsEndpoint
    }
}
