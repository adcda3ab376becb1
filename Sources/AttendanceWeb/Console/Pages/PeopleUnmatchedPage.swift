import AttendanceCore
import AttendanceStore
import HTTPTypes
import Hummingbird

/// `/people/unmatched`: where terminals and employees do not fit together, and the mappings that mend it.
struct PeopleUnmatchedPage: Sendable {
    let console: Console
    let roll: TerminalsRoll
    /// It reads all punches of some days: for all who look at once, and not more often than this.
    private let checks = Lasting<Question, EmployeeCheck?>(for: .seconds(30))

    private struct Question: Hashable, Sendable {
        var sink: SinkName
        var days: Int
    }

    private static let rows = 50
    private static let days = [7, 30, 60]

    init(console: Console, roll: TerminalsRoll) {
        self.console = console
        self.roll = roll
    }

    func add(to read: RouterGroup<ConsoleContext>) {
        read.get("people/unmatched") { try await show($0, $1, try $0.search(), Extra()) }
        let change = read.group().add(middleware: Requires(console: console, scope: .deliveries))
        change.post("people/map") { try await map($0, $1) }
        change.post("people/employees") { try await sync($0, $1) }
    }

    private func text(_ key: String, _ context: ConsoleContext, _ places: KeyValuePairs<String, String> = [:])
        -> String
    {
        console.text(PeoplePage.words, key, context, places)
    }

    private struct Extra {
        var errors: [String: String] = [:]
        var typed: [String: String] = [:]
        var notice: PageNotice?
    }
    struct Finding {
        var kind: String
        var tone: String
        var number: String
        var person: String
        var employees: String
        var space: String
        var terminals: String
        var punches: String
        var last: String
        var remedy: String
        var mapHref: String
        var mayMap: Bool
    }
    struct Mapping {
        var number: String
        var space: String
        var employee: String
        var person: String
        var isFile: Bool
        var mayRemove: Bool
    }
    struct Model {
        var sites: [PageChoice]
        var hasSites: Bool
        var site: String
        var days: [PageChoice]
        var kinds: [PageChoice]
        var isKnown: Bool
        var summary: String
        var isCut: Bool
        var findings: [Finding]
        var isEmpty: Bool
        var previous: String
        var hasPrevious: Bool
        var following: String
        var hasFollowing: Bool
        var mappings: [Mapping]
        var hasMappings: Bool
        var moreMappings: String
        var spaces: [PageChoice]
        var mayMap: Bool
        var mayRead: Bool
        var typedNumber: String
        var typedEmployee: String
        var isForced: Bool
        var numberError: String
        var hasNumberError: Bool
        var employeeError: String
        var hasEmployeeError: Bool
        var error: String
        var hasError: Bool
    }

    private func sites(_ context: ConsoleContext) -> [SinkName] {
        console.operations.sinks.filter {
            console.operations.employees.sites.contains($0) && context.principal?.reaches(sink: $0) ?? false
        }
    }

    private func show(
        _ request: Request, _ context: ConsoleContext, _ query: FormFields, _ extra: Extra
    ) async throws -> Response {
        let sites = sites(context)
        let site =
            query["site"].flatMap { SinkName($0) }.flatMap { sites.contains($0) ? $0 : nil } ?? sites.first
        let days = query.number("days").flatMap { Self.days.contains($0) ? $0 : nil } ?? Self.days[0]
        let kind = query["kind"].flatMap { EmployeePreview.Kind(rawValue: $0) }
        let reach = try await PeopleReach(roll, context)
        var check: EmployeeCheck?
        if let site {
            check = try await checks.value(Question(sink: site, days: days)) {
                [field = console.operations.field] in
                try await field.check(site, days)
            }
        }
        let all = (check?.preview.findings ?? []).compactMap { visible($0, reach) }
        let found = all.filter { kind == nil || $0.kind == kind }
        let page = min(max(1, query.number("page") ?? 1), 100_000)
        let start = (page - 1) * Self.rows
        let mayMap = context.may(.deliveries)
        func address(_ page: Int) -> String {
            let fields = [
                ("site", site?.text ?? ""), ("days", "\(days)"), ("kind", kind?.rawValue ?? ""),
                ("page", page > 1 ? "\(page)" : ""),
            ].filter { !$0.1.isEmpty }
            return "/people/unmatched?"
                + fields.map { "\($0.0)=\(Console.escaped($0.1))" }.joined(separator: "&")
        }
        let mappings = (check?.mappings ?? []).filter { reach.isWhole($0.mapping.space) }
        let model = Model(
            sites: sites.map { .init(value: $0.text, label: $0.text, isChosen: $0 == site) },
            hasSites: sites.count > 1, site: site?.text ?? "",
            days: Self.days.map {
                .init(value: "\($0)", label: text("days", context, ["count": "\($0)"]), isChosen: $0 == days)
            },
            kinds: EmployeePreview.Kind.allCases.map { other in
                .init(
                    value: other.rawValue,
                    label:
                        "\(text("finding_\(other.rawValue)", context)) (\(all.count { $0.kind == other }))",
                    isChosen: other == kind)
            }, isKnown: (check?.employees ?? 0) > 0,
            summary: check.map {
                reach.isLimited
                    ? ""
                    : text(
                        "check_summary", context, ["employees": "\($0.employees)", "ids": "\($0.ids)"])
            } ?? "", isCut: check?.isCut ?? false,
            findings: found.dropFirst(start).prefix(Self.rows).map {
                finding($0, site, reach, mayMap: mayMap, base: address(page), context)
            }, isEmpty: found.isEmpty, previous: address(page - 1), hasPrevious: page > 1,
            following: address(page + 1), hasFollowing: found.count > start + Self.rows,
            mappings: mappings.prefix(200).map { mapping, isFile in
                Mapping(
                    number: mapping.enrollID.sent, space: mapping.space, employee: mapping.employee,
                    person: site.flatMap { console.operations.field.employee($0, mapping.employee)?.fullName }
                        ?? "", isFile: isFile, mayRemove: mayMap && !isFile)
            }, hasMappings: !mappings.isEmpty,
            moreMappings: mappings.count > 200
                ? text("and_more", context, ["count": "\(mappings.count - 200)"]) : "",
            spaces: reach.visible.filter { reach.isWhole($0) }.map {
                .init(
                    value: $0, label: $0.isEmpty ? text("space_shared", context) : $0,
                    isChosen: $0 == extra.typed["space"] ?? query.exactly("space") ?? "")
            }, mayMap: mayMap && site != nil && reach.visible.contains { reach.isWhole($0) },
            mayRead: mayMap && site != nil, typedNumber: extra.typed["id"] ?? query["map"] ?? "",
            typedEmployee: extra.typed["employee"] ?? query["employee"] ?? "",
            isForced: extra.typed["force"] != nil, numberError: extra.errors["id"] ?? "",
            hasNumberError: extra.errors["id"] != nil, employeeError: extra.errors["employee"] ?? "",
            hasEmployeeError: extra.errors["employee"] != nil, error: extra.errors["order"] ?? "",
            hasError: extra.errors["order"] != nil)
        return console.render(
            "people-unmatched", model, at: .people, title: text("unmatched", context),
            notice: extra.notice ?? notice(query, request, context),
            status: extra.errors.isEmpty ? .ok : .unprocessableContent, request: request, context: context)
    }

    private func notice(_ query: FormFields, _ request: Request, _ context: ConsoleContext) -> PageNotice? {
        guard request.method == .get else { return nil }
        let count = "\(query.number("count") ?? 0)"
        switch query["done"] {
        case "mapped": return PageNotice(.good, text("done_mapped", context, ["count": count]))
        case "unmapped": return PageNotice(.good, text("done_unmapped", context))
        case "read": return PageNotice(.good, text("done_read", context, ["count": count]))
        default: return nil
        }
    }

    /// As far as a visitor may see it; nil where they may not at all. What is about employees alone belongs to no
    /// terminal, and is for those who reach all of them.
    private func visible(_ finding: EmployeePreview.Finding, _ reach: PeopleReach) -> EmployeePreview.Finding?
    {
        guard reach.isLimited else { return finding }
        var finding = finding
        finding.terminals = finding.terminals.filter(reach.reaches)
        return finding.terminals.isEmpty ? nil : finding
    }

    private func finding(
        _ finding: EmployeePreview.Finding, _ site: SinkName?, _ reach: PeopleReach, mayMap: Bool,
        base: String, _ context: ConsoleContext
    ) -> Finding {
        var places = finding.terminals.prefix(3).map { serial in
            reach.terminals.first { SerialNumber($0.serial) == serial }?.name ?? serial.text
        }
        if finding.terminals.count > 3 {
            places.append(text("and_more", context, ["count": "\(finding.terminals.count - 3)"]))
        }
        let isMappable =
            [.unknownID, .severalEmployees, .mappingToNobody].contains(finding.kind) && finding.id != nil
            && reach.isWhole(finding.space)
        return Finding(
            kind: text("finding_\(finding.kind.rawValue)", context),
            tone: finding.kind.needsWork ? "warning" : "", number: finding.id ?? "",
            person: finding.name ?? "", employees: finding.employees.prefix(10).joined(separator: ", "),
            space: finding.space, terminals: places.joined(separator: ", "),
            punches: finding.terminals.isEmpty ? "" : "\(finding.punches)",
            last: finding.lastPunch?.description ?? "", remedy: finding.remedy,
            mapHref: base
                + "&map=\(Console.escaped(finding.id ?? ""))&space=\(Console.escaped(finding.space))"
                + "&employee=\(Console.escaped(finding.employees.first ?? ""))#map",
            mayMap: mayMap && isMappable)
    }

    // MARK: Changing

    private func site(_ form: FormFields, _ context: ConsoleContext) throws -> SinkName {
        guard let site = form["site"].flatMap({ SinkName($0) }), sites(context).contains(site) else {
            throw HTTPError(.notFound)
        }
        return site
    }

    private func map(_ request: Request, _ context: ConsoleContext) async throws -> Response {
        let form = try await console.form(request, context)
        let site = try site(form, context)
        let reach = try await PeopleReach(roll, context)
        let space = form.exactly("space") ?? ""
        guard console.operations.field.spaces().contains(space), reach.isWhole(space) else {
            throw HTTPError(.forbidden)
        }
        let removes = form["verb"] == "remove"
        let id = form["id"].flatMap { EnrollID($0) }
        let employee = form["employee"] ?? ""
        var extra = Extra(typed: ["id": form["id"] ?? "", "employee": employee, "space": space])
        if form.isTicked("force") { extra.typed["force"] = "1" }
        if id == nil || id?.isDoor == true || id?.isStranger == true {
            extra.errors["id"] = text("no_number", context)
        }
        if employee.isEmpty {
            extra.errors["employee"] = text("no_employee", context)
        } else if !removes, !form.isTicked("force"),
            console.operations.field.employee(site, employee) == nil
        {
            extra.errors["employee"] = text("unknown_employee", context, ["site": site.text])
        }
        let query = try FormFields(query: "site=\(Console.escaped(site.text))")
        guard extra.errors.isEmpty, let id else { return try await show(request, context, query, extra) }
        do {
            let mapping = EmployeeMapping(space: space, enrollID: id, employee: employee)
            let answer = try await console.operations.employees.map(
                MappingOrder(
                    site: site, added: removes ? [] : [mapping], removed: removes ? [mapping] : [],
                    author: context.principal?.author ?? .gateway), logger: console.logger)
            await checks.forget()
            console.live.changed(.people)
            console.live.changed(.deliveries)
            return console.redirect(
                to: "/people/unmatched?site=\(Console.escaped(site.text))"
                    + "&done=\(removes ? "unmapped" : "mapped")&count=\(answer.requeued)")
        } catch let refusal as any RefusedOrder {
            extra.errors["order"] = refusal.localizedDescription
            return try await show(request, context, query, extra)
        }
    }

    private func sync(_ request: Request, _ context: ConsoleContext) async throws -> Response {
        let form = try await console.form(request, context)
        let site = try site(form, context)
        let query = try FormFields(query: "site=\(Console.escaped(site.text))")
        do {
            let report = try await console.operations.employees.sync(EmployeeSyncOrder(site: site))
            await checks.forget()
            console.live.changed(.people)
            if let problem = report.problem {
                let words = [problem, report.remedy].compactMap(\.self).joined(separator: "; ")
                return try await show(request, context, query, Extra(errors: ["order": words]))
            }
            return console.redirect(
                to: "/people/unmatched?site=\(Console.escaped(site.text))&done=read&count=\(report.employees)"
            )
        } catch let refusal as any RefusedOrder {
            return try await show(
                request, context, query, Extra(errors: ["order": refusal.localizedDescription]))
        }
    }
}
