import AttendanceCore
import AttendanceStore
import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

/// `/audit`: who changed what, and that nobody has changed that.
struct AuditPage: Sendable {
    let console: Console
    /// One check at a time: it reads all there is.
    private let isChecking = CheckMark()

    private static let page = 100
    /// A check that takes longer is one for the command line.
    private static let patience: Duration = .seconds(50)

    init(console: Console) { self.console = console }

    func add(to router: RouterGroup<ConsoleContext>) {
        let pages = router.group("audit").add(middleware: Requires(console: console, scope: .administer))
        pages.get { request, context in
            try await show(try AuditChoice(try request.search(), console, context), request, context)
        }
        pages.post("verify") { request, context in
            let form = try await console.form(request, context)
            let choice = try AuditChoice(back(form), console, context)
            return try await verify(choice, kept: form["kept"], request, context)
        }
        pages.post("export") { request, context in
            let form = try await console.form(request, context)
            let choice = try AuditChoice(back(form), console, context)
            guard choice.search != nil else { return try await show(choice, request, context) }
            return try await export(choice, context)
        }
    }

    private func back(_ form: FormFields) throws -> FormFields {
        do {
            return try FormFields(query: form["back"])
        } catch {
            throw HTTPError(.badRequest)
        }
    }

    // MARK: Showing

    struct Row {
        var number: Int64
        var at: String
        var who: String
        var what: String
        var subjectText: String
        var detail: String
    }
    struct Month {
        var month: String
        var rowCount: Int
        var span: String
        var findingCount: Int
        var hash: String
    }
    struct Verdict {
        var verdictTone: String
        var verdictText: String
        /// Sentences of the gateway.
        var findings: [String]
        var months: [Month]
        var hasMonths: Bool
    }
    struct Model {
        var zone: String
        var action: String
        var author: String
        var subject: String
        var from: String
        var to: String
        var dayError: String?
        var kept: String
        var keptError: String?
        var rows: [Row]
        var hasRows: Bool
        var searched: String?
        var newestHref: String?
        var olderHref: String?
        var back: String
        var verdict: Verdict?
    }

    private func show(
        _ choice: AuditChoice, kept: String = "", keptError: String? = nil, verdict: Verdict? = nil,
        _ request: Request, _ context: ConsoleContext
    ) async throws -> Response {
        let zoneName = console.operations.zone()
        let zone = ZoneRules(identifier: zoneName)
        var found = Page<AuditEntry, Int64>(items: [], next: nil)
        if let search = choice.search {
            found = try await console.operations.store.auditTrail(
                search, before: choice.before, limit: Self.page)
        }
        let model = Model(
            zone: zoneName, action: choice.action ?? "", author: choice.author ?? "",
            subject: choice.subject ?? "", from: choice.from ?? "", to: choice.to ?? "",
            dayError: choice.dayError, kept: kept, keptError: keptError,
            rows: found.items.map { entry in
                Row(
                    number: entry.id, at: Moments.text(entry.at, in: zone), who: entry.author.name,
                    what: PlainText.line(entry.action, limit: 100),
                    subjectText: PlainText.line(entry.subject, limit: 200),
                    detail: PlainText.line(entry.detail, limit: 600))
            }, hasRows: !found.items.isEmpty,
            searched: found.searchedBackTo.map {
                console.text("audit", "searched", context, ["time": Moments.text($0, in: zone)])
            }, newestHref: choice.before == nil ? nil : choice.link(before: nil),
            olderHref: found.next.map { choice.link(before: $0) }, back: choice.query, verdict: verdict)
        return console.render(
            "audit", model, at: .audit,
            status: choice.dayError != nil || keptError != nil ? .unprocessableContent : .ok,
            request: request, context: context)
    }

    // MARK: Checking

    private func verify(
        _ choice: AuditChoice, kept: String?, _ request: Request, _ context: ConsoleContext
    ) async throws -> Response {
        func text(_ key: String, _ places: KeyValuePairs<String, String> = [:]) -> String {
            console.text("audit", key, context, places)
        }
        var expected: Set<[UInt8]> = []
        for word in (kept ?? "").split(whereSeparator: { $0.isWhitespace || $0 == "," }) {
            guard let hash = Self.hash(word) else {
                return try await show(
                    choice, kept: kept ?? "", keptError: text("kept_bad"), request, context)
            }
            expected.insert(hash)
        }
        guard isChecking.begin() else {
            let busy = Verdict(
                verdictTone: "warning", verdictText: text("verify_busy"), findings: [], months: [],
                hasMonths: false)
            return try await show(choice, kept: kept ?? "", verdict: busy, request, context)
        }
        defer { isChecking.end() }
        var check = AuditCheck(expecting: expected)
        let start = ContinuousClock.now
        var place: Int64 = 0
        var isWhole = false
        while ContinuousClock.now - start < Self.patience {
            let page = try await console.operations.store.auditRows(after: place, limit: 1000)
            guard let last = page.last else {
                isWhole = true
                break
            }
            for row in page { check.take(row) }
            place = last.id
        }
        check.finish()
        return try await show(
            choice, kept: kept ?? "", verdict: verdict(check, expected, isWhole, text), request, context)
    }

    private func verdict(
        _ check: AuditCheck, _ expected: Set<[UInt8]>, _ isWhole: Bool,
        _ text: (String, KeyValuePairs<String, String>) -> String
    ) -> Verdict {
        var findings = check.findings.map { "\($0.month): \($0.kind.rawValue): \($0.words)" }
        if check.untold > 0 { findings.append(text("untold", ["count": "\(check.untold)"])) }
        if isWhole {
            for hash in expected.subtracting(check.met).map(AuditChain.text).sorted() {
                findings.append(text("kept_missing", ["hash": hash]))
            }
        }
        let rows = "\(check.rows)"
        return Verdict(
            verdictTone: !findings.isEmpty ? "bad" : isWhole ? "good" : "warning",
            verdictText: !findings.isEmpty
                ? text("verify_changed", ["count": "\(findings.count)"])
                : text(isWhole ? "verify_well" : "verify_part", ["rows": rows]), findings: findings,
            months: check.months.reversed().map { month in
                Month(
                    month: month.name, rowCount: month.rows, span: "\(month.first)–\(month.last)",
                    findingCount: check.findings.count { $0.month == month.name },
                    hash: AuditChain.text(month.head))
            }, hasMonths: !check.months.isEmpty)
    }

    private static func hash(_ text: Substring) -> [UInt8]? {
        let digits = text.compactMap(\.hexDigitValue)
        guard digits.count == 64, text.utf8.count == 64 else { return nil }
        return stride(from: 0, to: 64, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    // MARK: Exporting

    private static let columns = [
        "id", "at", "milliseconds", "author", "action", "subject", "detail", "previous", "hash",
    ]

    /// Rows in their order, with what is needed to check them elsewhere; written down who took them.
    private func export(_ choice: AuditChoice, _ context: ConsoleContext) async throws -> Response {
        let store = console.operations.store
        let now = console.operations.now()
        try await store.audit(
            AuditEntry(
                at: now, author: context.principal?.author ?? .gateway, action: "audit.export",
                subject: "audit trail", detail: PlainText.line(choice.query, limit: 500)))
        // Its own row is the last that can be in it.
        let newest = try await store.auditTrail(AuditSearch(), before: nil, limit: 1).items.first?.id ?? 0
        let day = Moments.text(now, in: ZoneRules(identifier: console.operations.zone())).prefix(10)
        var headers = HTTPFields()
        headers[.contentType] = "text/csv; charset=utf-8"
        headers[.cacheControl] = "no-store"
        headers[.contentDisposition] = "attachment; filename=\"audit-\(day).csv\""
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                try await writer.write(ByteBuffer(string: Self.columns.joined(separator: ",") + "\r\n"))
                var place: Int64 = 0
                var previous = [UInt8](repeating: 0, count: 32)
                while place < newest {
                    let page = try await store.auditRows(after: place, limit: 500)
                    guard let last = page.last else { break }
                    var lines = ""
                    for row in page where row.id <= newest {
                        if choice.takes(row) { lines += Self.line(row, previous) + "\r\n" }
                        previous = row.hash
                    }
                    if !lines.isEmpty { try await writer.write(ByteBuffer(string: lines)) }
                    place = last.id
                }
                try await writer.finish(nil)
            })
    }

    private static func line(_ row: AuditRow, _ previous: [UInt8]) -> String {
        [
            "\(row.id)", row.at.iso8601, "\(row.at.milliseconds)", CSVCells.cell(row.author),
            CSVCells.cell(row.action), CSVCells.cell(row.subject), CSVCells.cell(row.detail),
            AuditChain.text(previous), AuditChain.text(row.hash),
        ].joined(separator: ",")
    }
}

/// Whether something is under way that shall be so only once.
final class CheckMark: Sendable {
    private let isSet = Mutex(false)

    /// False where it is under way already.
    func begin() -> Bool {
        isSet.withLock { isSet in
            defer { isSet = true }
            return !isSet
        }
    }

    func end() { isSet.withLock { $0 = false } }
}

/// Which rows of the trail, as it stands in the address.
struct AuditChoice: Sendable {
    var action: String?
    var author: String?
    var subject: String?
    /// `YYYY-MM-DD` in the gateway's zone, both included.
    var from: String?
    var to: String?
    var before: Int64?
    private(set) var dayError: String?
    /// Nil where a day is none.
    private(set) var search: AuditSearch?

    init(_ fields: FormFields, _ console: Console, _ context: ConsoleContext) throws {
        action = fields["action"].map { PlainText.line($0, limit: 100) }
        author = fields["author"].map { PlainText.line($0, limit: 100) }
        subject = fields["subject"].map { PlainText.line($0, limit: 200) }
        from = fields["from"]
        to = fields["to"]
        before = fields["before"].flatMap { Int64($0) }
        let days = SearchDays(from: from, to: to)
        if days.isWrong {
            dayError = console.text("audit", "no_days", context)
            return
        }
        let zone = ZoneRules(identifier: console.operations.zone())
        func moment(_ time: WallTime) -> UnixTime {
            UnixTime(seconds: zone?.instant(of: time) ?? time.seconds)
        }
        search = AuditSearch(
            action: action, author: author, subject: subject, from: days.from.map(moment),
            until: days.until.map(moment))
    }

    private var fields: [(name: String, value: String?)] {
        [("action", action), ("author", author), ("subject", subject), ("from", from), ("to", to)]
    }

    /// What stands behind the question mark.
    var query: String { String(SearchLink.to("", fields).drop { $0 == "?" }) }

    func link(before: Int64?) -> String {
        SearchLink.to("/audit", fields + [("before", before.map(String.init))])
    }

    /// The same as `search` finds.
    func takes(_ row: AuditRow) -> Bool {
        func folded(_ text: String) -> String { text.lowercased() }
        guard let search else { return false }
        return search.action.map { row.action.hasPrefix($0) } ?? true
            && search.author.map { folded(row.author) == folded($0) } ?? true
            && search.subject.map { folded(row.subject).contains(folded($0)) } ?? true
            && search.from.map { $0 <= row.at } ?? true && search.until.map { row.at < $0 } ?? true
    }
}
