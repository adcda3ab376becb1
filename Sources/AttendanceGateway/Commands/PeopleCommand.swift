import ArgumentParser
import AttendanceCore
import AttendanceDelivery
import AttendanceStore
import AttendanceWeb
import Foundation

/// `people list|show|import|export|sync|enrol|erase|receipts|conflicts`: whom terminals know.
struct PeopleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "people",
        abstract: "Show, import, enrol, copy and erase the people whom terminals know.",
        discussion: """
            The roster holds people by id space and number. What terminals send of their credentials is kept, \
            sealed, with Collect = yes in [People], and copied within a group with ShareCredentials = yes. No \
            fingerprint, face, photo, PIN or card number is ever shown but by show --with-biometrics.
            """,
        subcommands: [
            List.self, Show.self, Import.self, Export.self, Sync.self, Enrol.self, Erase.self, Receipts.self,
            Conflicts.self,
        ], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show the roster.")
        @OptionGroup var common: CommonOptions
        @Option(help: "Only this id space.") var space: String?
        @Flag(help: "Also those who are gone.") var all = false
        @Option(help: "text, csv or json (one object a line).") var format: OutputFormat = .text

        func run() async throws {
            let output = Output(format: format)
            output.header(PersonRow.columns)
            var count = 0
            try await PeopleCommand.each(of: space, in: common.openJournal()) { entry in
                guard all || entry.person.state == .active else { return }
                output.row(PersonRow(entry))
                count += 1
            }
            output.flush()
            if format == .text { Screen.note("\(count) people") }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show all that is kept of one person, as JSON.",
            discussion: "Every look is written into the audit trail, with its author.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The person's number on the terminals.") var id: String
        @Option(help: "The id space, where there are several.") var space = ""
        @Flag(help: "One JSON object on one line, for a person who asks for their data.") var export = false
        @Flag(help: "Also templates, photos, PINs and card numbers. Handle what is printed with care.")
        var withBiometrics = false

        func run() async throws {
            let answer = try await PeopleCommand.ask(
                PeopleOrder(
                    .show, author: .atCommandLine, space: space, id: id, isWhole: withBiometrics), common)
            guard let person = answer.person else { throw ExitCode(1) }
            let output = Output(format: .json)
            if export {
                output.line(person.json)
            } else {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
                output.line(String(decoding: try encoder.encode(person), as: UTF8.self))
            }
            output.flush()
        }
    }

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put people into the roster from a CSV file.",
            discussion: """
                Columns: \(PeopleFile.columns.joined(separator: ",")). Only the number is needed. Every mistake is \
                told with its line, and of a file that has one nothing is taken. Empty cells leave what is known.
                """)
        @OptionGroup var common: CommonOptions
        @Argument(help: "The file, or - for standard input.") var file: String
        @Flag(help: "Only check the file and say what would be done.") var dryRun = false

        func run() async throws {
            let settings = common.settings()
            let bytes: [UInt8]
            do {
                let handle =
                    file == "-"
                    ? FileHandle.standardInput : try FileHandle(forReadingFrom: URL(fileURLWithPath: file))
                bytes = Array(try handle.read(upToCount: PeopleFile.maximumBytes + 1) ?? Data())
            } catch {
                Screen.fail(
                    "\(file) cannot be read: \(error.localizedDescription)", code: CommonOptions.noInput)
            }
            let entries: [PeopleFile.Entry]
            do {
                entries = try PeopleFile.parse(
                    bytes, spaces: settings.terminals.spaceNames, at: Gateway.Surroundings.systemTime())
            } catch {
                for problem in error.problems { Screen.note("\(file): \(problem)") }
                if error.more > 0 { Screen.note("and \(error.more) more") }
                Screen.fail("nothing was imported", code: 65)
            }
            let credentials = entries.reduce(0) { $0 + $1.contents.count }
            guard !dryRun else {
                return Screen.note(
                    "\(entries.count) people with \(credentials) cards and PINs would be imported")
            }
            var done = 0
            for start in stride(from: 0, to: entries.count, by: PeopleOrder.maximumEntries) {
                let part = entries[start..<min(start + PeopleOrder.maximumEntries, entries.count)]
                done += try await PeopleCommand.ask(
                    PeopleOrder(
                        .put, author: .atCommandLine, entries: part.map { PeopleOrder.Entry($0) }), common
                ).changed
            }
            Screen.note("\(done) people with \(credentials) cards and PINs are in the roster")
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write the roster as a CSV file that import reads, without any credential.",
            discussion:
                "Each export is written into the audit trail, with its author, before it is handed out.")
        @OptionGroup var common: CommonOptions
        @Option(help: "Only this id space.") var space: String?

        func run() async throws {
            let journal = try common.openJournal()
            var count = 0
            try await PeopleCommand.each(of: space, in: journal) { entry in
                if entry.person.state == .active { count += 1 }
            }
            let order = ExportOrder(
                .people, filter: space.map { "id space “\($0)”" } ?? "everybody", rows: count,
                author: .atCommandLine)
            _ = try await JournalChange(settings: common.settings()).run(path: "/exports", order: order) {
                try await order.carryOut(in: $0, at: Gateway.Surroundings.systemTime())
            }
            let output = Output(format: .csv)
            output.header(PeopleFile.columns)
            try await PeopleCommand.each(of: space, in: journal) { entry in
                guard entry.person.state == .active else { return }
                output.line(PeopleFile.cells(entry.person).map(CSVLine.cell).joined(separator: ","))
            }
            output.flush()
        }
    }

    struct Sync: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have terminals list whom they hold, and bring them what they lack, now.")
        @OptionGroup var common: CommonOptions
        @Option(help: "Only this terminal, by its serial number.") var terminal: String?
        @Flag(help: "Try also what a terminal has refused before.") var again = false

        func run() async throws {
            let answer = try await PeopleCommand.ask(
                PeopleOrder(.sync, author: .atCommandLine, terminal: terminal, isWhole: again), common)
            Screen.note(answer.words)
        }
    }

    struct Conflicts: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what could not be brought about at terminals, and why.")
        @OptionGroup var common: CommonOptions
        @Option(help: "text, csv or json (one object a line).") var format: OutputFormat = .text

        func run() async throws {
            let answer = try await PeopleCommand.ask(
                PeopleOrder(.conflicts, author: .atCommandLine), common)
            let output = Output(format: format)
            output.header(ConflictRow.columns)
            for conflict in answer.conflicts ?? [] { output.row(ConflictRow(conflict)) }
            output.flush()
            if format == .text { Screen.note(answer.words) }
        }
    }

    struct Enrol: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Enrol somebody at a terminal from here.",
            discussion: """
                The terminal asks the person to its reader or camera; what it takes comes back and is kept. Needs \
                Collect = yes in [People].
                """)
        enum What: String, ExpressibleByArgument, CaseIterable {
            case finger, face, card, palm, pin

            var slot: Int {
                switch self {
                case .finger: 0
                case .pin: 10
                case .card: 11
                case .palm: 30
                case .face: 50
                }
            }
        }
        @OptionGroup var common: CommonOptions
        @Argument(help: "The person's number on the terminals.") var id: String
        @Option(help: "The terminal's serial number.") var terminal: String
        @Option(help: "finger, face, card, palm or pin.") var what: What = .finger
        @Option(help: "Which finger, 0 to 9.") var finger = 0
        @Option(help: "The id space, where there are several.") var space = ""
        @Option(help: "How many seconds to wait for the person.") var wait = 90

        func validate() throws {
            guard (0...9).contains(finger) else { throw ValidationError("--finger is 0 to 9") }
            guard (0...600).contains(wait) else { throw ValidationError("--wait is 0 to 600") }
        }

        func run() async throws {
            guard let enrollID = EnrollID(id) else { throw ValidationError("\(id) is no person's number") }
            let slot = what == .finger ? finger : what.slot
            let start = Gateway.Surroundings.systemTime()
            let answer = try await PeopleCommand.ask(
                PeopleOrder(
                    .enrol, author: .atCommandLine, space: space, id: id, terminal: terminal, slot: slot),
                common)
            Screen.note(answer.words)
            guard let number = answer.number, wait > 0 else { return }
            let key = PersonKey(space: space, enrollID: enrollID)
            let journal = try common.openJournal()
            var isTold = false
            for _ in 0..<wait {
                try await Task.sleep(for: .seconds(1))
                let command = try await journal.commands(
                    CommandFilter(ids: [number]), after: 0, limit: 1
                ).first
                if let command, command.state.isFinal, command.state != .done {
                    Screen.fail(
                        "the terminal did not begin: \(command.words ?? "\(command.state)")", code: 1)
                }
                if command?.state == .done, !isTold {
                    isTold = true
                    Screen.note("the terminal waits for the person: \(what.rawValue)")
                }
                let taken = try await journal.rosterEntry(key)?.credentials.first {
                    $0.at >= start && $0.source == SerialNumber(terminal)
                }
                if let taken {
                    return Screen.note(
                        "taken: \(taken.kind.rawValue), slot \(taken.slot), \(taken.size) bytes")
                }
            }
            Screen.fail("nothing came within \(wait) seconds; the terminal may still be waiting", code: 1)
        }
    }

    struct Erase: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Erase a person here and on every terminal, with a receipt.",
            discussion: """
                Credentials and photos of punches are deleted here at once. Each terminal of the id space is told to \
                forget the person and asked whether it has; one that is offline owes it until it is back. Punches \
                stay: they are attendance, and no biometric data.
                """)
        @OptionGroup var common: CommonOptions
        @Argument(help: "The person's number on the terminals.") var id: String
        @Option(help: "The id space, where there are several.") var space = ""
        @Option(help: "Why; it stands in the receipt and the audit trail.") var reason: String
        @Flag(help: "Do it: it cannot be undone.") var yes = false

        func run() async throws {
            guard yes else {
                Screen.fail(
                    "this deletes every credential of \(PlainText.line(id, limit: 64)) here and on all terminals; "
                        + "say --yes to do it", code: 64)
            }
            let answer = try await PeopleCommand.ask(
                PeopleOrder(.erase, author: .atCommandLine, space: space, id: id, reason: reason), common)
            Screen.note(answer.words)
        }
    }

    struct Receipts: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show who was erased, where, and whether each terminal has proven it.")
        @OptionGroup var common: CommonOptions
        @Flag(help: "Only those that a terminal still owes.") var open = false
        @Option(help: "text, csv or json (one object a line).") var format: OutputFormat = .text

        func run() async throws {
            let output = Output(format: format)
            output.header(ReceiptRow.columns)
            for receipt in try await RosterDesk.receipts(in: try common.openJournal())
            where !open || receipt.finished == nil {
                if receipt.places.isEmpty { output.row(ReceiptRow(receipt, nil)) }
                for place in receipt.places where !open || place.verified == nil {
                    output.row(ReceiptRow(receipt, place))
                }
            }
            output.flush()
        }
    }

    // MARK: Together

    static func each(
        of space: String?, in journal: any JournalReading, _ body: (RosterEntry) -> Void
    ) async throws {
        var after: PersonKey?
        while true {
            let page = try await journal.roster(space: space, after: after, limit: 500)
            guard let last = page.last else { return }
            page.forEach(body)
            after = last.person.key
        }
    }

    static func ask(_ order: PeopleOrder, _ common: CommonOptions) async throws -> PeopleAnswer {
        let settings = common.settings()
        do {
            return try await JournalChange(settings: settings).run(path: "/people", order: order) { store in
                try await RosterDesk(
                    store: store, vault: try await RosterParts.vault(of: settings, store: store),
                    terminals: settings.terminals, collects: settings.people.collects,
                    now: Gateway.Surroundings.systemTime
                ).carryOut(order)
            }
        } catch let error as PeopleRefusal {
            Screen.fail(error.text, code: 1)
        } catch let error as VaultError {
            Screen.fail(error.localizedDescription, code: CheckConfig.configurationError)
        }
    }
}

/// `vault rotate|status`: the keys that seal what nobody may read.
struct VaultCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vault", abstract: "Look after the key that seals credentials and photos.",
        subcommands: [Rotate.self, Check.self], defaultSubcommand: Check.self)

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a new key, seal everything with it, and drop the old one.",
            discussion: """
                Back the key file up again afterwards, apart from the journal. Backups of the journal from before \
                need the key file of before. Interrupted, the next one goes on where it was.
                """)
        @OptionGroup var common: CommonOptions

        func run() async throws {
            Screen.note(
                try await PeopleCommand.ask(PeopleOrder(.rotate, author: .atCommandLine), common).words)
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check that the key file is there, is nobody else's, and fits the journal.")
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let settings = common.settings()
            let keys = try await common.openJournal().sealedKeys()
            do {
                try Vault(path: settings.store.keyFile).check(holding: keys)
            } catch {
                Screen.fail(error.localizedDescription, code: CheckConfig.configurationError)
            }
            Screen.note(
                keys.isEmpty
                    ? "nothing is sealed"
                    : "\(settings.store.keyFile) holds what the journal needs")
        }
    }
}

private struct PersonRow: OutputRow {
    static let columns = [
        "id_space", "enroll_id", "name", "role", "state", "employee", "source", "credentials", "valid_from",
        "valid_until", "changed",
    ]
    let values: [OutputValue]

    init(_ entry: RosterEntry) {
        let person = entry.person
        var counts: [String: Int] = [:]
        for credential in entry.credentials { counts[credential.kind.rawValue, default: 0] += 1 }
        let credentials = counts.sorted { $0.key < $1.key }.map { $1 == 1 ? $0 : "\($1) × \($0)" }
        values = [
            .text(person.key.space), .text(person.key.enrollID.sent), .text(person.name),
            .text(person.role.name), .text(person.state == .active ? "active" : "gone"),
            .text(person.employee ?? ""), .text(person.source.rawValue),
            .text(credentials.joined(separator: ", ")), .text(person.validFrom?.description ?? ""),
            .text(person.validUntil?.description ?? ""), .text(person.changed.iso8601),
        ]
    }
}

private struct ConflictRow: OutputRow {
    static let columns = ["terminal", "enroll_id", "slot", "conflict"]
    let values: [OutputValue]

    init(_ conflict: PeopleAnswer.Conflict) {
        values = [
            .text(conflict.terminal), .text(conflict.person), .optional(conflict.slot.map(Int64.init)),
            .text(conflict.words),
        ]
    }
}

private struct ReceiptRow: OutputRow {
    static let columns = [
        "receipt", "id_space", "enroll_id", "ordered", "author", "reason", "credentials", "photos",
        "terminal",
        "verified", "words", "finished",
    ]
    let values: [OutputValue]

    init(_ receipt: ErasureReceipt, _ place: ErasureReceipt.Place?) {
        values = [
            .number(receipt.id), .text(receipt.person.space), .text(receipt.person.enrollID.sent),
            .text(receipt.ordered.iso8601), .text(receipt.author.name), .text(receipt.reason),
            .number(Int64(receipt.credentials)), .number(Int64(receipt.photos)),
            .text(place?.terminal.text ?? ""),
            .text(place.map { $0.verified?.iso8601 ?? "owed" } ?? ""), .text(place?.words ?? ""),
            .text(receipt.finished?.iso8601 ?? ""),
        ]
    }
}

extension PeopleOrder.Entry {
    init(_ entry: PeopleFile.Entry) {
        let person = entry.person
        self.init(
            space: person.key.space, id: person.key.enrollID.sent, name: person.name, role: person.role.name,
            employee: person.employee, card: entry.contents.first { $0.kind == .card }?.text,
            pin: entry.contents.first { $0.kind == .pin }?.text, validFrom: person.validFrom?.description,
            validUntil: person.validUntil?.description)
    }
}
