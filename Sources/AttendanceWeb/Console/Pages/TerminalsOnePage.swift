import AttendanceCore
import AttendanceStore
import HTTPTypes
import Hummingbird

/// `/terminals/SERIAL`: everything that is known of one terminal, and what can be done with it.
struct TerminalsOnePage: Sendable {
    let console: Console
    let roll: TerminalsRoll

    /// Commands of the latest, and events, that are shown.
    private static let commands = 20
    private static let events = 20

    func add(to read: RouterGroup<ConsoleContext>) {
        read.get("terminals/:serial") { request, context in
            let report = try await console.operations.terminal(try context.part("serial"), for: context)
            return try await show(report, Extra(), request, context)
        }
        let change = read.group().add(middleware: Requires(console: console, scope: .terminals))
        change.post("terminals/:serial/standing") { try await decide($0, $1) }
        change.post("terminals/:serial/fields") { try await set($0, $1) }
        change.post("terminals/:serial/token") { try await token($0, $1) }
        change.post("terminals/:serial/order") { try await order($0, $1) }
        change.post("terminals/:serial/pull") { try await pull($0, $1) }
        change.post("terminals/:serial/cancel") { try await cancel($0, $1) }
    }

    func text(_ key: String, _ context: ConsoleContext, _ places: KeyValuePairs<String, String> = [:])
        -> String
    {
        console.text(TerminalsPage.words, key, context, places)
    }

    /// What a form that was sent adds to the page.
    struct Extra {
        /// By field of the form: what is wrong with it.
        var errors: [String: String] = [:]
        /// What was typed, by field.
        var typed: [String: String] = [:]
        /// Shown this once.
        var token: String?
    }

    // MARK: Looking

    struct Field {
        var name: String
        var label: String
        var value: String
        /// The file says it: shown and not asked for.
        var isSettled: Bool
        var section: String
        var isChoice: Bool
        var choices: [PageChoice]
        var hasError: Bool
        var error: String
        var hint: String
    }
    struct Fact {
        var label: String
        var value: String
        var isTime: Bool
    }
    struct Command {
        var id: Int64
        var at: String
        var word: String
        var fields: String
        var author: String
        var reason: String
        var hasReason: Bool
        var tone: String
        var state: String
        var detail: String
        var attempts: String
        var result: String
        var hasResult: Bool
        var mayCancel: Bool
    }
    struct Pull {
        var command: Int64
        var state: String
        var tone: String
        var pages: Int
        var entries: Int
        var fresh: Int
        var repeated: Int
    }
    struct Event {
        var at: String
        var what: String
        var address: String
    }
    struct Danger {
        var word: String
        var what: String
        var isChosen: Bool
    }
    struct WordGroup {
        var label: String
        var words: [Danger]
    }
    struct Model {
        var serial: String
        var path: String
        var heading: String
        var hasName: Bool
        var tags: [TerminalsPage.Tag]
        var zone: String
        var isPending: Bool
        var isBlocked: Bool
        var isContested: Bool
        var held: String
        var facts: [Fact]
        var clock: [Fact]
        var place: [Fact]
        var fills: [PageFill]
        var hasFills: Bool
        var steps: [Fact]
        var hasSteps: Bool
        var events: [Event]
        var hasEvents: Bool
        var info: [Fact]
        var hasInfo: Bool
        var commands: [Command]
        var hasCommands: Bool
        var pulls: [Pull]
        var hasPulls: Bool
        var missing: String
        var fields: [Field]
        var dangers: [Danger]
        var wordGroups: [WordGroup]
        var mayChange: Bool
        var mayAdminister: Bool
        var hasToken: Bool
        var isTokenSettled: Bool
        var section: String
        var newToken: String
        var hasNewToken: Bool
        var orderError: String
        var hasOrderError: Bool
        var reason: String
        var hasReasonError: Bool
        var reasonError: String
        var hasConfirmError: Bool
        var confirmError: String
        var from: String
        var to: String
        var hasPullError: Bool
        var pullError: String
    }

    func show(
        _ report: TerminalReport, _ extra: Extra, _ request: Request, _ context: ConsoleContext
    ) async throws -> Response {
        let operations = console.operations
        guard let serial = SerialNumber(report.serial) else { throw HTTPError(.notFound) }
        func text(_ key: String, _ places: KeyValuePairs<String, String> = [:]) -> String {
            self.text(key, context, places)
        }
        let zone = ZoneRules(identifier: report.zone)
        let record = try await operations.store.terminal(serial)
        let settled = operations.field.settled(serial)
        let latest = try await operations.store.latestCommands(
            CommandFilter(terminal: serial), before: .max, limit: Self.commands)
        let pulls = try await operations.logs.pulls().pulls.filter { SerialNumber($0.serial) == serial }
        let standing = try await operations.logs.standing().terminals.first {
            SerialNumber($0.serial) == serial
        }
        let reading = try await operations.store.clockReading(of: serial, near: operations.now())
        let steps = try await operations.store.clockSteps(of: serial, limit: 5)
        let events = operations.registry.events(0).events.filter { SerialNumber($0.serial) == serial }
        let fills = fills(of: report, text)
        let info = Self.info(record?.deviceInfo)
        let mayAdminister = context.may(.administer)
        let model = Model(
            serial: report.serial, path: Console.path("terminals", report.serial),
            heading: report.name ?? report.serial, hasName: report.name != nil,
            tags: TerminalsPage.tags(of: report) { text($0, $1) }, zone: report.zone,
            isPending: report.standing == "pending", isBlocked: report.standing == "blocked",
            isContested: report.isContested == true,
            held: report.held > 0 ? text("held", ["count": "\(report.held)"]) : "",
            facts: facts(of: report, zone, text), clock: clock(of: report, reading, zone, text),
            place: place(of: report, zone, text), fills: fills, hasFills: !fills.isEmpty,
            steps: steps.map {
                Fact(
                    label: Moments.text($0.at, in: zone),
                    value: TerminalsPage.skew($0.before)
                        + ($0.after.map { " → " + TerminalsPage.skew($0) } ?? ""), isTime: true)
            }, hasSteps: !steps.isEmpty,
            events: events.suffix(Self.events).reversed().map {
                Event(
                    at: Moments.text(iso8601: $0.at, in: zone) ?? "", what: text("event_\($0.event)"),
                    address: $0.address ?? "")
            }, hasEvents: !events.isEmpty, info: info, hasInfo: !info.isEmpty,
            commands: latest.map { command($0, zone, context) }, hasCommands: !latest.isEmpty,
            pulls: pulls.sorted { $0.command > $1.command }.prefix(10).map { pull in
                let state = CommandState.allCases.first { "\($0)" == pull.state } ?? .unknown
                return Pull(
                    command: pull.command, state: text("command_\(state)"), tone: Self.tone(state),
                    pages: pull.pages, entries: pull.entries, fresh: pull.new, repeated: pull.repeated)
            }, hasPulls: !pulls.isEmpty,
            missing: standing?.missing.map { text("missing", ["count": "\($0)"]) } ?? "",
            fields: fields(report, record, settled, extra, context),
            dangers: Self.dangers.compactMap { word in
                CommandCatalogue.word(word).map {
                    Danger(word: word, what: $0.summary, isChosen: extra.typed["word"] == word)
                }
            }, wordGroups: Self.words(mayAdminister: mayAdminister), mayChange: context.may(.terminals),
            mayAdminister: mayAdminister, hasToken: report.hasToken, isTokenSettled: settled.hasToken,
            section: settled.section, newToken: extra.token ?? "", hasNewToken: extra.token != nil,
            orderError: extra.errors["order"] ?? "", hasOrderError: extra.errors["order"] != nil,
            reason: extra.typed["reason"] ?? "", hasReasonError: extra.errors["reason"] != nil,
            reasonError: extra.errors["reason"] ?? "", hasConfirmError: extra.errors["confirm"] != nil,
            confirmError: extra.errors["confirm"] ?? "", from: extra.typed["from"] ?? "",
            to: extra.typed["to"] ?? "", hasPullError: extra.errors["pull"] != nil,
            pullError: extra.errors["pull"] ?? "")
        return console.render(
            "terminal", model, at: .terminals, title: report.name ?? report.serial,
            notice: try notice(request, context, extra),
            status: extra.errors.isEmpty ? .ok : .unprocessableContent, request: request, context: context)
    }

    private func notice(
        _ request: Request, _ context: ConsoleContext, _ extra: Extra
    ) throws -> PageNotice? {
        let known = [
            "sent", "cancelled", "uncancelled", "saved", "approve", "block", "token_removed", "pull",
        ]
        guard request.method == .get, let done = try request.search()["done"], known.contains(done) else {
            return nil
        }
        return PageNotice(done == "uncancelled" ? .info : .good, text("one_\(done)", context))
    }

    /// Facts that are known; the others are left out.
    private struct Facts {
        let text: (String, KeyValuePairs<String, String>) -> String
        var all: [Fact] = []

        mutating func add(_ key: String, _ value: String?, isTime: Bool = false) {
            if let value, !value.isEmpty {
                all.append(Fact(label: text(key, [:]), value: value, isTime: isTime))
            }
        }
    }

    private func facts(
        of report: TerminalReport, _ zone: ZoneRules?,
        _ text: @escaping (String, KeyValuePairs<String, String>) -> String
    ) -> [Fact] {
        var facts = Facts(text: text)
        facts.add("last_heard", Moments.text(iso8601: report.lastHeard, in: zone), isTime: true)
        facts.add("complete", report.completeUntil, isTime: true)
        facts.add("backlog", report.backlog.map(String.init))
        facts.add("held_back", report.held > 0 ? "\(report.held)" : nil)
        facts.add("resent", report.resends > 0 ? "\(report.resends)" : nil)
        facts.add("shifts", report.shifts.joined(separator: ", "))
        facts.add("model", report.model)
        facts.add("firmware", report.firmware)
        facts.add(
            "dialect",
            report.dialect.map { report.isDialectGuessed ? text("guessed", ["dialect": $0]) : $0 })
        facts.add("first_seen", Moments.text(iso8601: report.firstSeen, in: zone), isTime: true)
        return facts.all
    }

    private func clock(
        of report: TerminalReport, _ reading: ClockReading?, _ zone: ZoneRules?,
        _ text: (String, KeyValuePairs<String, String>) -> String
    ) -> [Fact] {
        var facts = [Fact(label: text("zone", [:]), value: report.zone, isTime: false)]
        if let skew = report.skewSeconds {
            facts.append(Fact(label: text("clock_off", [:]), value: TerminalsPage.skew(skew), isTime: true))
        }
        if let reading {
            facts.append(
                Fact(
                    label: text("last_reading", [:]),
                    value: "\(Moments.text(reading.at, in: zone)): \(TerminalsPage.skew(reading.skew))",
                    isTime: true))
        }
        return facts
    }

    private func place(
        of report: TerminalReport, _ zone: ZoneRules?,
        _ text: @escaping (String, KeyValuePairs<String, String>) -> String
    ) -> [Fact] {
        var facts = Facts(text: text)
        facts.add("group", report.group)
        facts.add("location", report.location)
        facts.add("address", report.address, isTime: true)
        facts.add("previous_address", report.previousAddress, isTime: true)
        facts.add("moved_since", Moments.text(iso8601: report.moved, in: zone), isTime: true)
        facts.add("moves_in_day", report.movesInDay.flatMap { $0 > 0 ? "\($0)" : nil })
        facts.add("network_moves", report.networkMovesInDay.flatMap { $0 > 0 ? "\($0)" : nil })
        return facts.all
    }

    private func fills(
        of report: TerminalReport, _ text: (String, KeyValuePairs<String, String>) -> String
    ) -> [PageFill] {
        let memory = report.memory
        return [
            PageFill(text("people_there", [:]), memory?.users, of: text),
            PageFill(text("logs_there", [:]), memory?.logs, of: text),
            PageFill(text("faces", [:]), memory?.faces, of: text),
            PageFill(text("fingerprints", [:]), memory?.fingerprints, of: text),
            PageFill(text("palms", [:]), memory?.palms, of: text),
            PageFill(text("cards", [:]), memory?.cards, of: text),
            PageFill(text("passwords", [:]), memory?.passwords, of: text),
        ].compactMap(\.self)
    }

    /// The `devinfo` object, a line a key; 100 at most.
    private static func info(_ text: String?) -> [Fact] {
        guard let text, case .object(let fields)? = JSONValue(parsing: text)?.masked else { return [] }
        return fields.sorted { $0.key < $1.key }.prefix(100).map { key, value in
            Fact(
                label: PlainText.line(key, limit: 64),
                value: PlainText.line(value.plainText ?? value.strictText, limit: 200), isTime: true)
        }
    }

    static func tone(_ state: CommandState) -> String {
        switch state {
        case .done: "good"
        case .waiting, .sent, .cancelled: ""
        case .expired, .unknown: "warning"
        case .refused, .failed: "bad"
        }
    }

    private func command(_ record: CommandRecord, _ zone: ZoneRules?, _ context: ConsoleContext) -> Command {
        Command(
            id: record.id, at: Moments.text(record.finished ?? record.sent ?? record.queued, in: zone),
            word: record.word, fields: record.fields == "{}" ? "" : PlainText.line(record.fields, limit: 300),
            author: record.author.name, reason: record.reason ?? "", hasReason: record.reason != nil,
            tone: Self.tone(record.state), state: text("command_\(record.state)", context),
            detail: record.words ?? "",
            attempts: record.attempts > 1 ? text("attempts", context, ["count": "\(record.attempts)"]) : "",
            result: record.result.map { String($0.prefix(20_000)) } ?? "", hasResult: record.result != nil,
            mayCancel: record.state == .waiting && context.may(.terminals))
    }

    // MARK: Words

    /// Those that wipe or open and need nothing but a reason.
    private static let dangers = [
        "opendoor", "cleanlog", "cleanuser", "cleanadmin", "cleanuserlock", "cleanlogphoto", "initsys",
    ]

    private static func words(mayAdminister: Bool) -> [WordGroup] {
        CommandGroup.allCases.map { group in
            WordGroup(
                label: group.title,
                words: CommandCatalogue.words.filter {
                    $0.group == group && (mayAdminister || !$0.needsConfirmation)
                }.map { Danger(word: $0.name, what: "\($0.name) · \($0.summary)", isChosen: false) })
        }
    }

    // MARK: Fields

    private func fields(
        _ report: TerminalReport, _ record: TerminalRecord?, _ settled: SettledFields, _ extra: Extra,
        _ context: ConsoleContext
    ) -> [Field] {
        let said = record.map { TerminalDetails($0) } ?? TerminalDetails()
        return TerminalField.allCases.map { field in
            let value = settled.values[field] ?? extra.typed[field.rawValue] ?? said[field] ?? ""
            var choices: [String] = []
            switch field {
            case .group:
                choices = console.operations.field.groups().filter {
                    context.principal?.reaches(group: $0) ?? false
                }
            case .dialect:
                choices = CommandDialect.allCases.filter { $0 != .unknown }.map(\.rawValue)
            case .name, .location, .zone: break
            }
            // What stands there and is no choice any more must not be lost by saving something else.
            if !choices.isEmpty || field == .group || field == .dialect, !value.isEmpty,
                !choices.contains(value)
            {
                choices.append(value)
            }
            let isChoice = field == .group || field == .dialect
            let hint: String =
                switch field {
                case .zone: text("zone_hint", context, ["zone": report.zone])
                case .dialect: text("dialect_hint", context)
                case .name, .location, .group: ""
                }
            return Field(
                name: field.rawValue, label: text("field_\(field.rawValue)", context), value: value,
                isSettled: settled.values[field] != nil, section: settled.section, isChoice: isChoice,
                choices: choices.map { .init(value: $0, label: $0, isChosen: $0 == value) },
                hasError: extra.errors[field.rawValue] != nil, error: extra.errors[field.rawValue] ?? "",
                hint: hint)
        }
    }
}
