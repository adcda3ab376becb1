import ArgumentParser
import AttendanceCore
import AttendanceStore
import AttendanceWeb
import Foundation

/// `codes issue|list|revoke`: QR codes and PINs by which somebody may pass for a while.
struct Codes: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Issue, list and revoke QR codes and PINs by which somebody may pass.",
        discussion: """
            A terminal that reads a QR code or takes a PIN asks the gateway (sendqrcode, sendpin). A code holds for \
            one person, at one terminal or those of a group, for some time and so many uses.
            """,
        subcommands: [Issue.self, List.self, Revoke.self], defaultSubcommand: List.self)

    struct Issue: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a code and print it, once: it is kept nowhere.",
            discussion: """
                codes issue --person 900 --name "Guest" --terminal AYTI10087992 --until 8h
                codes issue --person 900 --group "Dubai office" --from "2026-12-01 08:00" --until "2026-12-05 18:00" \
                --pin --uses 10
                """)
        @OptionGroup var common: CommonOptions
        @Option(help: "The person's number on the terminals.") var person: String
        @Option(help: "Shown on the terminal.") var name = ""
        @Option(help: "Holds at this terminal (serial number).") var terminal: String?
        @Option(help: "Holds at the terminals of this group.") var group: String?
        @Option(help: "Holds from then on: YYYY-MM-DD HH:MM by the terminals' clocks. Now, unless given.")
        var from: String?
        @Option(help: "Holds until then: the same, or how long from now or from --from, such as 8h or 7d.")
        var until: String
        @Flag(help: "A PIN of digits.") var pin = false
        @Flag(help: "The text of a QR code (the default).") var qr = false
        @Option(help: "Digits of the PIN, 6 to 8.") var digits = 8
        @Option(help: "So often it may be used.") var uses = 1
        @Option(help: "text or json.") var format: OutputFormat = .text

        func validate() throws {
            if (terminal == nil) == (group == nil) {
                throw ValidationError("give --terminal or --group")
            }
            if pin && qr { throw ValidationError("give --pin or --qr") }
            if let from, WallTime(from) == nil {
                throw ValidationError("--from must look like \"2026-12-01 08:00\"")
            }
            if DurationText.seconds(until) == nil, WallTime(until) == nil {
                throw ValidationError("--until must look like 8h, 7d or \"2026-12-05 18:00\"")
            }
        }

        func run() async throws {
            let settings = common.settings()
            let zone = try zone(await settings.terminals.withRegistry(of: common.openJournal()))
            let now = Gateway.Surroundings.systemTime()
            let starts = from.flatMap { WallTime($0) }.map { UnixTime(seconds: zone.instant(of: $0)) }
            let ends: UnixTime
            if let seconds = DurationText.seconds(until) {
                ends = (starts ?? now) + .seconds(min(seconds, 400 * 86_400))
            } else {
                ends = UnixTime(seconds: zone.instant(of: WallTime(until) ?? WallTime(seconds: 0)))
            }
            let answer = try await Codes.ask(
                CodeOrder(
                    issue: .init(
                        person: person, name: name, terminal: terminal, group: group,
                        from: starts?.milliseconds, until: ends.milliseconds, isPin: pin, digits: digits,
                        uses: uses), author: Author.atCommandLine.name), settings)
            let output = Output(format: .text)
            if format == .json {
                output.line(String(decoding: try JSONAnswer.encode(answer), as: UTF8.self))
            } else {
                output.line(answer.code ?? "")
                Screen.note("code \(answer.id ?? 0), until \(ends.iso8601); it is not shown again")
            }
            output.flush()
        }

        private func zone(_ terminals: Settings.Terminals) throws -> ZoneRules {
            let name =
                terminal.flatMap { SerialNumber($0) }.map { terminals.timeZone(of: $0) }
                ?? group.flatMap { terminals.group(named: $0)?.timeZone } ?? terminals.timeZone
            return try Settings.zone(name)
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show codes: for whom, where, until when, and how often they were used (the default).")
        @OptionGroup var common: CommonOptions
        @Flag(help: "Also those that open nothing any more.") var all = false
        @Option(help: "text, csv or json (one object a line).") var format: OutputFormat = .text

        func run() async throws {
            let journal = try common.openJournal()
            let now = Gateway.Surroundings.systemTime()
            let output = Output(format: format)
            output.header(CodeRow.columns)
            var place: Int64 = 0
            while true {
                let page = try await journal.accessCodes(after: place, limit: 500)
                guard let last = page.last else { break }
                for record in page where all || record.state(at: now).isOpen {
                    output.row(CodeRow(record, now))
                }
                place = last.id
            }
            output.flush()
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Have codes open nothing any more.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "Numbers of codes.") var ids: [Int64]

        func run() async throws {
            let answer = try await Codes.ask(
                CodeOrder(revoke: ids, author: Author.atCommandLine.name), common.settings())
            Screen.note("\(answer.revoked.count) revoked")
            if answer.revoked.count < Set(ids).count { throw ExitCode(1) }
        }
    }

    private static func ask(_ order: CodeOrder, _ settings: Settings) async throws -> CodeAnswer {
        do {
            return try await JournalChange(settings: settings).run(path: "/codes", order: order) { store in
                let vault = try await RosterParts.vault(of: settings, store: store)
                return try await CodeDesk(
                    store: store, vault: vault,
                    terminals: settings.terminals.withRegistry(of: store),
                    now: Gateway.Surroundings.systemTime
                ).carryOut(order)
            }
        } catch let error as CodeRefusal {
            Screen.fail(error.text, code: 1)
        } catch let error as VaultError {
            Screen.fail(error.localizedDescription, code: 1)
        }
    }
}

extension AccessCodeRecord {
    fileprivate func state(at now: UnixTime) -> (word: String, isOpen: Bool) {
        if revoked != nil { return ("revoked", false) }
        if now >= code.ends { return ("expired", false) }
        if used >= code.uses { return ("used", false) }
        return now < code.starts ? ("early", true) : ("open", true)
    }
}

private struct CodeRow: OutputRow {
    static let columns = [
        "id", "kind", "person", "name", "place", "from", "until", "uses", "used", "state", "last_used",
        "last_terminal", "author",
    ]
    let values: [OutputValue]

    init(_ record: AccessCodeRecord, _ now: UnixTime) {
        let place =
            switch record.code.scope {
            case .terminal(let serial): serial.text
            case .group(let name): "group \(name)"
            }
        values = [
            .number(record.id), .text(record.code.kind == .qr ? "qr" : "pin"),
            .text(record.code.person.description), .text(record.code.name), .text(place),
            .text(record.code.starts.iso8601), .text(record.code.ends.iso8601),
            .number(Int64(record.code.uses)), .number(Int64(record.used)), .text(record.state(at: now).word),
            record.lastUsed.map { .text($0.iso8601) } ?? .none,
            record.lastTerminal.map { .text($0) } ?? .none,
            .text(record.author.name),
        ]
    }
}
