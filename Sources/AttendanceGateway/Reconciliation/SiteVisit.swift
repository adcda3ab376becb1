import ArgumentParser
import AsyncHTTPClient
import AttendanceCore
import AttendanceDelivery

/// Which ERPNext site a command is about.
struct SiteChoice: ParsableArguments {
    @Option(
        name: .customLong("site"),
        help: ArgumentHelp("Site NAME of a section [Site NAME]; without it that of [ERP].", valueName: "name")
    )
    var name: String?

    /// Throws `ValidationError` for a name that the settings do not have.
    func site(of settings: Settings) throws -> Settings.ERP {
        let wanted = name?.lowercased() ?? SinkName.erpnext.text
        if let site = settings.sites.first(where: { $0.name.text == wanted }) { return site }
        let names = settings.sites.map(\.name.text).joined(separator: ", ")
        throw ValidationError("--site: there is no site “\(PlainText.line(wanted))”; there is \(names)")
    }
}

extension Settings.ERP {
    /// For whoever looks at the site beside the delivery; nil without an address.
    func client(over http: HTTPClient) -> SiteClient? {
        url.map {
            SiteClient(
                client: http, base: $0.absoluteString, authorization: authorizationHeader?.reveal(),
                userAgent: "attendance-gateway/\(Version.current)")
        }
    }
}

/// Reading a site for the length of one command.
struct SiteVisit: Sendable {
    let site: Settings.ERP
    let reader: SiteReader

    /// Ends the process where the site has no address. The client is closed afterwards, whatever comes.
    static func run<Result: Sendable>(
        _ site: Settings.ERP, _ body: @Sendable (SiteVisit) async throws -> Result
    ) async throws -> Result {
        let http = SiteClient.makeHTTPClient(concurrency: 2)
        guard let client = site.client(over: http) else {
            try await http.shutdown()
            Screen.fail(
                "there is no address to ask: set URL in \(site.heading)", code: CheckConfig.configurationError
            )
        }
        let visit = SiteVisit(site: site, reader: SiteReader(client: client, timeout: site.timeout))
        do {
            let result = try await body(visit)
            try await http.shutdown()
            return result
        } catch {
            try await http.shutdown()
            throw error
        }
    }

    /// In which times were sent that have no decision beside them; nil: each terminal's own.
    func zone() async -> ZoneRules? {
        if site.dialect == .custom { return nil }
        if let name = site.siteTimeZone { return ZoneRules(identifier: name) }
        return await reader.timeZone().value.flatMap { ZoneRules(identifier: $0) }
    }

    /// Asks again, with pauses, while the site says "not now". Throws `Unreachable` with its last word.
    static func insist<Value: Sendable>(
        pauses: [Duration] = [.seconds(1), .seconds(5)], _ ask: () async -> SiteAnswer<Value>
    ) async throws -> Value {
        var pauses = pauses[...]
        while true {
            let answer = await ask()
            try Task.checkCancellation()
            if let value = answer.value { return value }
            guard case .unavailable(_, let retryAfter) = answer, let pause = pauses.popFirst() else {
                throw Unreachable(problem: answer.problem ?? SiteProblem(reason: "no answer"))
            }
            try await Task.sleep(for: min(retryAfter ?? pause, .seconds(30)))
        }
    }

    struct Unreachable: Error { let problem: SiteProblem }
}

extension Settings.ERP {
    /// The section of the settings it comes from.
    var heading: String { name == .erpnext ? "[ERP]" : "[Site \(name.text)]" }
}
