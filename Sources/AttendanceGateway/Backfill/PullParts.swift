import AttendanceCore
import AttendanceStore
import AttendanceTerminals
import AttendanceWeb
import Synchronization

/// What the gateway is made of to pull logs at somebody's order.
extension Gateway {
    var logRoutes: LogRoutes {
        LogRoutes(
            pull: {
                [store, commands, pulls, terminalsInForce, commandSettings, now = surroundings.now] order in
                let office = CommandOffice(terminals: terminalsInForce.now, commands: commandSettings.now)
                return try await office.carryOut(order, in: store, at: now()) { new, author, isForced in
                    let ids = try await commands.order(new, by: author, isForced: isForced)
                    pulls.follow(ids, of: new)
                    return ids
                }
            },
            standing: { [pulls, terminalsInForce] in
                let names = terminalsInForce.now
                return LogStandingReport(
                    terminals: pulls.standings().map { .init($0, name: names.name(of: $0.serial)) })
            },
            pulls: { [pulls] in
                LogPullList(
                    pulls: pulls.recent.map {
                        .init(
                            command: $0.command, serial: $0.serial.text, state: "\($0.state)",
                            pages: $0.pages, entries: $0.entries, new: $0.new, repeated: $0.repeated)
                    })
            })
    }
}

extension LogStandingReport.Terminal {
    init(_ standing: LogPulls.Standing, name: String?) {
        self.init(serial: standing.serial.text, name: name, isConnected: standing.isConnected)
        running = standing.running?.rawValue
        if let last = standing.kept.last {
            lastPull = UnixTime(seconds: last.at).iso8601
            lastScope = last.scope.rawValue
            lastIsComplete = last.isComplete
            lastEntries = last.entries
            lastNew = last.new
        }
        if let gap = standing.kept.gap {
            missing = gap.missing
            gapSince = UnixTime(seconds: gap.since).iso8601
            gapIsStuck = gap.isStuck
        }
        stalledSince = standing.kept.stall.map { UnixTime(seconds: $0.since).iso8601 }
    }
}

extension CommandOffice {
    /// Throws `CommandOrderRefusal` with all that is wrong, before anything is kept.
    ///
    /// - Parameter keep: keeps the commands and answers their numbers.
    func carryOut(
        _ order: LogPullOrder, in journal: any JournalReading, at now: UnixTime,
        keep: ([NewCommand], _ by: Author, _ isForced: Bool) async throws -> [Int64]
    ) async throws -> CommandReceipt {
        let (request, scope) = try Self.request(of: order)
        var new: [NewCommand] = []
        for serial in try await serials(order.terminals, group: order.group, in: journal) {
            guard let target = try await journal.commandTarget(serial) else {
                throw CommandOrderRefusal(text: CommandError.unknownTerminal(serial).localizedDescription)
            }
            new.append(
                NewCommand(
                    terminal: target.serial, request: request, purpose: LogPulls.purpose,
                    reference: scope.rawValue, expires: now + commands.expireAfter))
        }
        do {
            return CommandReceipt(ids: try await keep(new, Author(order.author), order.isForced))
        } catch let error as CommandError {
            throw CommandOrderRefusal(text: error.localizedDescription)
        } catch let error as CommandNotKnown {
            throw CommandOrderRefusal(text: error.localizedDescription)
        }
    }

    private static func request(of order: LogPullOrder) throws -> (CommandRequest, PullScope) {
        guard order.from != nil || order.to != nil else {
            return order.isAll ? (.getAllLog(), .everything) : (.getNewLog, .new)
        }
        guard !order.isAll else {
            throw CommandOrderRefusal(text: "give days or ask for everything, not both")
        }
        let (from, to) = (try day(order.from, "from"), try day(order.to, "to"))
        guard let from else { throw CommandOrderRefusal(text: "say from which day on") }
        if let to, to < from { throw CommandOrderRefusal(text: "the last day lies before the first") }
        return (.getAllLog(from: from, to: to), .range)
    }

    private static func day(_ text: String?, _ name: String) throws -> WallTime? {
        guard let text else { return nil }
        guard text.utf8.count <= 10, let day = WallTime("\(text) 00:00:00") else {
            throw CommandOrderRefusal(
                text: "“\(PlainText.line(text, limit: 40))” is no day: write \(name) as YYYY-MM-DD")
        }
        return day
    }
}

/// `WorkingHours` of `[Alerts]` as it is in force now.
final class WorkingHoursInForce: Sendable {
    private let value: Mutex<WorkingHours>

    init(_ hours: WorkingHours) { value = Mutex(hours) }

    var now: WorkingHours { value.withLock { $0 } }
    func take(_ hours: WorkingHours) { value.withLock { $0 = hours } }
}
