import AttendanceCore
import AttendanceStore
import AttendanceTerminals
import AttendanceWeb
import Foundation

/// Takes orders of people for terminals: what may be sent, to whom, and until when. The same for a command line, the
/// running gateway and a page.
struct CommandOffice: Sendable {
    /// Terminals of one order.
    static let mostTerminals = 20_000
    static let longestExpiry = 366 * 86_400

    let terminals: Settings.Terminals
    let commands: Settings.Commands

    /// Throws `CommandOrderRefusal` with all that is wrong, before anything is kept.
    ///
    /// - Parameter keep: keeps the commands and answers their numbers.
    func carryOut(
        _ order: CommandOrder, in journal: any JournalReading, at now: UnixTime,
        keep: ([NewCommand], _ by: Author, _ isForced: Bool) async throws -> [Int64]
    ) async throws -> CommandReceipt {
        let serials = try await serials(order.terminals, group: order.group, in: journal)
        let reason = PlainText.line(order.reason ?? "", limit: 500)
        let expires = try expiry(of: order, at: now)
        var new: [NewCommand] = []
        for serial in serials {
            guard let target = try await journal.commandTarget(serial) else {
                throw CommandOrderRefusal(text: CommandError.unknownTerminal(serial).localizedDescription)
            }
            let request = try request(of: order, for: target.traits)
            if let danger = request.catalogueWord.danger, !order.isConfirmed || reason.isEmpty {
                throw CommandOrderRefusal(
                    text: "\(request.word) \(danger). Say --confirm, and why with --reason; both are kept")
            }
            new.append(
                NewCommand(
                    terminal: target.serial, request: request, reason: reason.isEmpty ? nil : reason,
                    expires: expires))
        }
        do {
            return CommandReceipt(ids: try await keep(new, Author(order.author), order.isForced))
        } catch let error as CommandError {
            throw CommandOrderRefusal(text: error.localizedDescription)
        } catch let error as CommandNotKnown {
            throw CommandOrderRefusal(text: error.localizedDescription)
        } catch let error as VaultError {
            throw CommandOrderRefusal(text: error.localizedDescription)
        }
    }

    private func request(of order: CommandOrder, for traits: TerminalTraits) throws -> CommandRequest {
        do {
            if let json = order.json {
                guard order.texts.isEmpty else {
                    throw CommandOrderRefusal(text: "give the fields as key=value or as JSON, not both")
                }
                guard
                    case .object(let fields)? = JSONValue(
                        parsing: json, maximumDepth: CommandCatalogue.maximumDepth)
                else { throw CommandOrderRefusal(text: "the fields are no JSON object") }
                return order.isRaw
                    ? try CommandCatalogue.raw(order.word, fields: fields)
                    : try CommandCatalogue.request(order.word, fields: fields, for: traits)
            }
            return order.isRaw
                ? try CommandCatalogue.raw(order.word, texts: order.texts)
                : try CommandCatalogue.request(order.word, texts: order.texts, for: traits)
        } catch let refusal as CommandRefusal {
            throw CommandOrderRefusal(text: refusal.description)
        }
    }

    private func expiry(of order: CommandOrder, at now: UnixTime) throws -> UnixTime {
        guard let seconds = order.expiresSeconds else { return now + commands.expireAfter }
        guard (1...Self.longestExpiry).contains(seconds) else {
            throw CommandOrderRefusal(text: "a command may wait for 1 second to 366 days")
        }
        return now + .seconds(seconds)
    }

    /// Each once, in the order asked for; then those of the group by serial number, whether the file or the registry
    /// puts them there. Terminals that are not ours are in no group.
    func serials(_ names: [String], group: String?, in journal: any JournalReading) async throws
        -> [SerialNumber]
    {
        var all: [SerialNumber] = []
        for text in names {
            guard let serial = SerialNumber(text) else {
                throw CommandOrderRefusal(text: "“\(PlainText.line(text, limit: 64))” is no serial number")
            }
            all.append(serial)
        }
        if let group {
            let wanted = group.trimmingBlanks().lowercased()
            var last: SerialNumber?
            var found = 0
            repeat {
                let page = try await journal.terminals(after: last, limit: 1_000)
                for record in page
                where record.standing == .approved && terminals.groupName(of: record)?.lowercased() == wanted
                {
                    all.append(record.serial)
                    found += 1
                }
                last = page.count == 1_000 ? page.last?.serial : nil
            } while last != nil
            guard found > 0 else {
                throw CommandOrderRefusal(
                    text:
                        "no terminal that was ever heard of is in a group “\(PlainText.line(group, limit: 64))”"
                )
            }
        }
        var seen: Set<SerialNumber> = []
        all = all.filter { seen.insert($0).inserted }
        guard !all.isEmpty else { throw CommandOrderRefusal(text: "no terminal is named") }
        guard all.count <= Self.mostTerminals else {
            throw CommandOrderRefusal(text: "more than \(Self.mostTerminals) terminals in one order")
        }
        return all
    }

    /// Throws `CommandOrderRefusal` for a cancellation that would mean everything.
    static func filter(of order: CommandCancellation) throws -> CommandFilter {
        var filter = CommandFilter(ids: Set(order.ids), word: order.word?.lowercased())
        if let text = order.terminal {
            guard let serial = SerialNumber(text) else {
                throw CommandOrderRefusal(text: "“\(PlainText.line(text, limit: 64))” is no serial number")
            }
            filter.terminal = serial
        }
        guard !filter.ids.isEmpty || filter.terminal != nil else {
            throw CommandOrderRefusal(text: "name commands by number, or a terminal")
        }
        return filter
    }
}

extension Settings.Terminals {
    /// The group that a terminal is said to be in: by the file, else by the registry as it stands in the journal, also
    /// where that group has no section of its own any more. Nil: in none.
    fileprivate func groupName(of record: TerminalRecord) -> String? {
        let own = overrides[record.serial]
        if let group = own?.group { return group.name }
        return own?.standsAlone == true ? nil : record.group
    }
}
