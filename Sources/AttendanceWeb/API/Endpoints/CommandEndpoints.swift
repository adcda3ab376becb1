import AttendanceCore
import AttendanceStore
import Foundation

extension API {
    static let commandEndpoints: [Endpoint] = [
        Endpoint(
            .get, "commands", "listCommands", "What terminals were asked to do, newest first",
            tag: .commands, scope: .read,
            [
                .terminal,
                .query("state", .words(CommandState.allCases.map { "\($0)" }), "Only those that are so."),
                .query("word", Schema.line(1...64), "Only this command."),
                .query(
                    "purpose", Schema.line(1...64), "Only those of a part of the gateway, such as `people`."),
            ], traits: .paged
        ) { try await $0.listCommands($1) },
        Endpoint(
            .post, "commands", "sendCommand", "Order a command for terminals",
            "It waits until each terminal is connected. One that wipes or opens needs the right `administer`, "
                + "`is_confirmed` and a reason; so does any that is not in the catalogue (`is_raw`).",
            tag: .commands, scope: .terminals, body: .json(CommandBody.self, upTo: 2 << 20),
            status: .accepted,
            touches: [.commands]
        ) { try await $0.sendCommand($1) },
        Endpoint(
            .get, "commands/{id}", "getCommand", "One command, and what became of it", tag: .commands,
            scope: .read, [.id]
        ) { try await $0.getCommand($1) },
        Endpoint(
            .post, "commands/{id}/cancel", "cancelCommand", "Take a command back that was not sent yet",
            tag: .commands, scope: .terminals, [.id], touches: [.commands]
        ) { try await $0.cancelCommand($1) },
        Endpoint(
            .post, "commands/cancel", "cancelCommands",
            "Take commands of one terminal back that were not sent yet",
            tag: .commands, scope: .terminals, body: .json(CancelBody.self), traits: .mayBeMissing,
            touches: [.commands]
        ) { try await $0.cancelCommands($1) },
        Endpoint(
            .get, "command-queue", "getCommandQueue", "Commands that have not ended", tag: .commands,
            scope: .read, traits: .whole
        ) { api, _ in try await api.operations.commands.standing() },
        Endpoint(
            .get, "command-catalogue", "listCommandWords", "Every command that there is, and what it takes",
            tag: .commands, scope: .read
        ) { _, _ in ListAnswer(CommandCatalogue.words.map { CommandWordAnswer($0) }) },
    ]

    func listCommands(_ call: APICall) async throws -> PageAnswer<CommandAnswerReport> {
        var filter = CommandFilter(
            terminal: try call.serial(), word: call.text("word")?.lowercased(), purpose: call.text("purpose"))
        if let state = call.text("state") {
            filter.states = Set(CommandState.allCases.filter { "\($0)" == state })
        }
        let start = try call.cursor.map { try PageCursor.number($0) } ?? .max
        let page = try await collect(call.limit, from: start) { before, size in
            try await store.latestCommands(filter, before: before, limit: size).map { ($0, $0.id) }
        } keep: {
            reach.contains($0.terminal, for: call.principal)
        }
        return PageAnswer(
            page.items.map { CommandAnswerReport($0) }, next: page.next.map { PageCursor.text(["\($0)"]) })
    }

    func getCommand(_ call: APICall) async throws -> CommandAnswerReport {
        CommandAnswerReport(try await command(try call.requiredID(), call))
    }

    private func command(_ id: Int64, _ call: APICall) async throws -> CommandRecord {
        let found = try await store.commands(CommandFilter(ids: [id]), after: 0, limit: 1)
        guard let record = found.first, reach.contains(record.terminal, for: call.principal) else {
            throw APIProblem.notFound
        }
        return record
    }

    func sendCommand(_ call: APICall) async throws -> CommandReceipt {
        let body = try call.body(CommandBody.self)
        let principal = try call.who()
        if body.isRaw == true || CommandCatalogue.word(body.word)?.needsConfirmation == true {
            guard principal.may(.administer) else {
                await accounts.noteRefused(
                    principal, scope: .administer, what: "command \(PlainText.line(body.word, limit: 64))")
                throw APIProblem(
                    .forbidden, "a command that wipes or opens, or is not known, needs the right administer")
            }
        }
        try requireTerminals(body.terminals ?? [], group: body.group, call)
        var json: String?
        if case .object(let fields) = call.tree, let own = fields["fields"] { json = own.json }
        return try await operations.commands.send(
            CommandOrder(
                terminals: body.terminals ?? [], group: body.group, word: body.word, json: json,
                isRaw: body.isRaw ?? false, isConfirmed: body.isConfirmed ?? false, reason: body.reason,
                isForced: body.isForced ?? false, expiresSeconds: body.expiresSeconds,
                author: principal.author.name))
    }

    /// Terminals and a group of an order: what is not within reach is as unknown as what there is not.
    func requireTerminals(_ terminals: [String], group: String?, _ call: APICall) throws {
        guard !terminals.isEmpty || group != nil else {
            throw APIProblem.field("/terminals", "names none; give some, or a group")
        }
        for (index, text) in terminals.enumerated() {
            guard let serial = SerialNumber(text) else {
                throw APIProblem.field("/terminals/\(index)", "is no serial number")
            }
            guard reach.contains(serial, for: call.principal) else {
                throw APIProblem.field(
                    "/terminals/\(index)", CommandError.unknownTerminal(serial).localizedDescription)
            }
        }
        if let group, try !call.who().reaches(group: group) {
            throw APIProblem.field("/group", "has no terminal that was ever heard of")
        }
    }

    func cancelCommand(_ call: APICall) async throws -> ChangeCount {
        let record = try await command(try call.requiredID(), call)
        return ChangeCount(
            changed: try await operations.commands.cancel(
                CommandCancellation(ids: [record.id], author: try call.author().name)))
    }

    func cancelCommands(_ call: APICall) async throws -> ChangeCount {
        let body = try call.body(CancelBody.self)
        guard let serial = SerialNumber(body.terminal), reach.contains(serial, for: call.principal) else {
            throw APIProblem.notFound
        }
        return ChangeCount(
            changed: try await operations.commands.cancel(
                CommandCancellation(
                    ids: [], terminal: serial.text, word: body.word, author: try call.author().name)))
    }
}

// MARK: - What is sent and answered

package struct CommandBody: Codable, Documented {
    package var terminals: [String]?
    package var group: String?
    package var word: String
    /// Read from the tree: names of its keys are the terminal's own.
    package var isRaw: Bool?
    package var isConfirmed: Bool?
    package var reason: String?
    package var isForced: Bool?
    package var expiresSeconds: Int?

    package static let schema = Schema.named(
        "CommandOrder",
        .object([
            .optional("terminals", .list(Schema.serial, 0...1000), "Serial numbers."),
            .optional("group", Schema.line(1...100), "All terminals of a group."),
            .init("word", Schema.line(1...64), "A command of the catalogue."),
            .optional("fields", .map(.anything), "What the catalogue says that it takes."),
            .optional("is_raw", .flag, "Any word with any fields; nothing but the form is checked."),
            .optional("is_confirmed", .flag, "Needed for commands that wipe or open; so is `reason`."),
            .optional("reason", .text(.init(0...500))),
            .optional("is_forced", .flag, "Also where the firmware was seen not to know the word."),
            .optional("expires_seconds", .integer(1...(366 * 86_400)), "How long it may wait."),
        ]))
    package static let samples = [CommandBody(terminals: ["AYTI10087992"], word: "gettime")]
}

package struct CancelBody: Codable, Documented {
    package var terminal: String
    package var word: String?

    package static let schema = Schema.named(
        "CommandCancellation",
        .object([
            .init("terminal", Schema.serial),
            .optional("word", Schema.line(1...64), "Only this command."),
        ]))
    package static let samples = [CancelBody(terminal: "AYTI10087992", word: "gettime")]
}

extension CommandReceipt: Documented {
    package static let schema = Schema.named(
        "CommandReceipt",
        .object([.init("ids", .list(.id), "Numbers of the commands, by terminal in the order asked for.")]))
    package static let samples = [CommandReceipt(ids: [17])]
}

package struct CommandAnswerReport: Documented {
    package var id: Int64
    package var terminal: String
    package var word: String
    /// Without what is secret.
    package var fields: JSONValue
    package var state: String
    package var author: String
    package var purpose: String?
    package var reason: String?
    package var queued: String
    package var expires: String
    package var attempts: Int
    package var sent: String?
    package var finished: String?
    package var words: String?
    package var result: JSONValue?

    init(_ record: CommandRecord) {
        id = record.id
        terminal = record.terminal.text
        word = record.word
        fields = JSONValue(parsing: record.fields) ?? [:]
        state = "\(record.state)"
        author = record.author.name
        purpose = record.purpose
        reason = record.reason
        queued = record.queued.iso8601
        expires = record.expires.iso8601
        attempts = record.attempts
        sent = record.sent?.iso8601
        finished = record.finished?.iso8601
        words = record.words
        result = record.result.flatMap { JSONValue(parsing: $0) }
    }

    package static let schema = Schema.named(
        "Command",
        .object([
            .init("id", .id), .init("terminal", .anyText), .init("word", .anyText),
            .init("fields", .map(.anything), "Without what is secret."),
            .init("state", .words(CommandState.allCases.map { "\($0)" })), .init("author", .anyText),
            .optional("purpose", .anyText, "The part of the gateway that ordered it."),
            .optional("reason", .anyText), .init("queued", .moment), .init("expires", .moment),
            .init("attempts", .count), .optional("sent", .moment), .optional("finished", .moment),
            .optional("words", .anyText, "How it ended, for a person to read."),
            .optional("result", .anything, "What the terminal answered, without what is secret."),
        ]))
    package static let samples = [
        CommandAnswerReport(
            CommandRecord(
                id: 17, terminal: .unknown, word: "gettime", fields: "{}", lane: .interactive,
                author: Author("asha"), queued: UnixTime(seconds: 1_795_228_270),
                expires: UnixTime(seconds: 1_795_314_670), attempts: 1,
                sent: UnixTime(seconds: 1_795_228_271),
                state: .done, finished: UnixTime(seconds: 1_795_228_272), words: "done",
                result: #"{"time":"2026-11-22 08:01:12"}"#))
    ]
}

extension CommandStandingReport: Documented {
    package static let schema = Schema.named(
        "CommandQueue",
        .object([
            .init("waiting", .count), .init("in_flight", .count), .init("terminals", .count),
            .init(
                "longest",
                .list(
                    .object([
                        .init("serial", .anyText), .init("open", .count), .init("oldest", .moment),
                    ])), "Those that have waited longest."),
        ]))
    package static let samples = [
        CommandStandingReport(
            waiting: 2, inFlight: 1, terminals: 1,
            longest: [.init(serial: "AYTI10087992", open: 3, oldest: "2026-11-22T02:31:09.000Z")])
    ]
}

package struct CommandWordAnswer: Documented {
    package struct Field: Encodable, Sendable {
        package var key: String
        package var allowed: String
        package var isRequired: Bool
        package var isSecret: Bool
        package var note: String?
    }
    package var word: String
    package var group: String
    package var summary: String
    package var danger: String?
    package var note: String?
    package var isRepeatable: Bool
    package var takesOthers: Bool
    package var fields: [Field]

    init(_ word: CommandWord) {
        self.word = word.name
        group = word.group.rawValue
        summary = word.summary
        danger = word.danger
        note = word.note
        isRepeatable = word.repeating == .safe
        takesOthers = word.takesOthers
        fields = word.parameters.map {
            Field(
                key: $0.key, allowed: $0.kind.allowed, isRequired: $0.isRequired, isSecret: $0.isSecret,
                note: $0.note)
        }
    }

    package static let schema = Schema.named(
        "CommandWord",
        .object([
            .init("word", .anyText), .init("group", .words(CommandGroup.allCases.map(\.rawValue))),
            .init("summary", .anyText),
            .optional("danger", .anyText, "What it wipes or opens, as the end of “this …”."),
            .optional("note", .anyText), .init("is_repeatable", .flag),
            .init("takes_others", .flag, "Fields beyond these are taken as they come."),
            .init(
                "fields",
                .list(
                    .object([
                        .init("key", .anyText), .init("allowed", .anyText, "In words."),
                        .init("is_required", .flag), .init("is_secret", .flag), .optional("note", .anyText),
                    ]))),
        ]))
    package static var samples: [CommandWordAnswer] {
        CommandCatalogue.word("gettime").map { [CommandWordAnswer($0)] } ?? []
    }
}

// MARK: - Pulls

extension API {
    static let pullEndpoints: [Endpoint] = [
        Endpoint(
            .get, "pulls", "listPulls", "Pulls under way, and the last that have ended", tag: .pulls,
            scope: .read
        ) { try await $0.pulls($1) },
        Endpoint(
            .post, "pulls", "orderPull", "Ask terminals for records again",
            "Without days and without `is_all`: what they count as unsent.", tag: .pulls, scope: .terminals,
            body: .json(PullBody.self), status: .accepted, touches: [.commands]
        ) { try await $0.pull($1) },
        Endpoint(
            .get, "pulls/terminals", "listPullStandings",
            "Which terminals were pulled, and where punches are missing",
            tag: .pulls, scope: .read
        ) { try await $0.pullStandings($1) },
    ]

    func pulls(_ call: APICall) async throws -> LogPullList {
        var list = try await operations.logs.pulls()
        list.pulls = list.pulls.filter { isWithinReach($0.serial, call) }
        return list
    }

    func pullStandings(_ call: APICall) async throws -> LogStandingReport {
        var list = try await operations.logs.standing()
        list.terminals = list.terminals.filter { isWithinReach($0.serial, call) }
        return list
    }

    private func isWithinReach(_ serial: String, _ call: APICall) -> Bool {
        SerialNumber(serial).map { reach.contains($0, for: call.principal) } ?? false
    }

    func pull(_ call: APICall) async throws -> CommandReceipt {
        let body = try call.body(PullBody.self)
        try requireTerminals(body.terminals ?? [], group: body.group, call)
        return try await operations.logs.pull(
            LogPullOrder(
                terminals: body.terminals ?? [], group: body.group, from: body.from, to: body.to,
                isAll: body.isAll ?? false, isForced: body.isForced ?? false, author: try call.author().name))
    }
}

package struct PullBody: Codable, Documented {
    package var terminals: [String]?
    package var group: String?
    package var from: String?
    package var to: String?
    package var isAll: Bool?
    package var isForced: Bool?

    package static let schema = Schema.named(
        "PullOrder",
        .object([
            .optional("terminals", .list(Schema.serial, 0...1000), "Serial numbers."),
            .optional("group", Schema.line(1...100), "All terminals of a group."),
            .optional("from", Schema.day, "First day, by the terminal's clock."),
            .optional("to", Schema.day, "Last day; without it up to the newest."),
            .optional("is_all", .flag, "Everything it has."),
            .optional("is_forced", .flag, "Also where the firmware was seen not to know the command."),
        ]))
    package static let samples = [
        PullBody(terminals: ["AYTI10087992"], from: "2026-11-20", to: "2026-11-22")
    ]
}

extension LogPullList: Documented {
    package static let schema = Schema.named(
        "PullList",
        .object([
            .init(
                "pulls",
                .list(
                    .object([
                        .init("command", .id), .init("serial", .anyText), .init("state", .anyText),
                        .init("pages", .count), .init("entries", .count),
                        .init("new", .count, "Records that the journal did not have."),
                        .init("repeated", .count),
                    ])))
        ]))
    package static let samples = [
        LogPullList(pulls: [
            .init(
                command: 17, serial: "AYTI10087992", state: "running", pages: 2, entries: 100, new: 3,
                repeated: 97)
        ])
    ]
}

extension LogStandingReport: Documented {
    package static let schema = Schema.named(
        "PullStandings",
        .object([
            .init(
                "terminals",
                .list(
                    .object([
                        .init("serial", .anyText), .optional("name", .anyText), .init("is_connected", .flag),
                        .optional("running", .anyText), .optional("last_pull", .moment),
                        .optional("last_scope", .anyText), .optional("last_is_complete", .flag),
                        .optional("last_entries", .count), .optional("last_new", .count),
                        .optional("missing", .anyInteger, "Records that are missing by its own count."),
                        .optional("gap_since", .moment), .optional("gap_is_stuck", .flag),
                        .optional("stalled_since", .moment),
                    ])))
        ]))
    package static var samples: [LogStandingReport] {
        var terminal = LogStandingReport.Terminal(
            serial: "AYTI10087992", name: "Main door", isConnected: true)
        terminal.lastPull = "2026-11-22T02:31:09.000Z"
        terminal.missing = 3
        return [LogStandingReport(terminals: [terminal])]
    }
}
