import AttendanceCore
import AttendanceStore

/// When each terminal was last heard of, and how its clock stood then.
struct TerminalChecks: Sendable {
    let settings: Settings
    let journal: JournalView
    let now: @Sendable () -> UnixTime

    /// Terminals that get a line of their own even when all is well.
    private static let shown = 50
    private static let maximum = 10_000

    var check: DoctorCheck { DoctorCheck(title: "terminals") { await look() } }

    private func look() async -> [CheckResult] {
        guard let reader = journal.open else {
            return [.skipped("terminals", "there is no journal that can be read")]
        }
        var records: [TerminalRecord] = []
        do {
            while records.count < Self.maximum {
                let page = try await reader.terminals(after: records.last?.serial, limit: 1000)
                if page.isEmpty { break }
                records += page
            }
        } catch {
            return [.skipped("terminals", error.localizedDescription)]
        }
        // Where punches without any serial are kept: none of the terminals, unless they wait for a decision.
        records.removeAll { $0.serial == .unknown && ($0.standing != .pending || $0.held == 0) }
        let all = records.map(result)
        var results = records.count <= Self.shown ? all : all.filter { $0.outcome != .ok }
        if results.count < all.count {
            results.append(.ok("terminals", "\(all.count - results.count) others heard of lately"))
        }
        let known = Set(records.map(\.serial))
        let expected = Set(settings.terminals.overrides.keys).union(
            settings.listeners.flatMap { $0.admission.serials })
        for serial in expected.subtracting(known).sorted(by: { $0.folded < $1.folded }) {
            results.append(
                .warning(
                    "terminal \(serial)", "in the settings, and never heard of",
                    "look at the terminal's server address, port and protocol (WebSocket), or at the spelling"
                ))
        }
        if results.isEmpty {
            results.append(
                .warning(
                    "terminals", "none has ever connected",
                    "set server address and port in a terminal's menu; docs/terminal-families.md tells how"))
        }
        return results
    }

    private func result(_ terminal: TerminalRecord) -> CheckResult {
        let name = (settings.terminals.name(of: terminal.serial) ?? terminal.name).map { " (\($0))" } ?? ""
        let title = "terminal \(terminal.serial)\(name)"
        let isLetIn = settings.registryRules.named.contains(terminal.serial)
        switch terminal.standing {
        case .blocked: return .ok(title, "blocked")
        case .pending where settings.terminals.unknown != .accept && !isLetIn:
            let held = Spoken.count(terminal.held, "punch", "punches")
            return .warning(
                title, "waits for approval, \(held) kept and not forwarded", terminal.serial.approval)
        case .pending, .approved: break
        }
        guard terminal.wasSeen else {
            return .warning(
                title, "approved, and never heard of",
                "look at the terminal's server address, port and protocol (WebSocket), or at the spelling")
        }
        let silence = now() - (terminal.lastHeard ?? terminal.lastSeen)
        var seen = ["last heard of \(Spoken.duration(max(silence, .zero))) ago"]
        if let address = terminal.address { seen.append("at \(address)") }
        if let skew = terminal.skew {
            seen.append(skew == 0 ? "clock right" : "clock \(abs(skew)) s \(skew < 0 ? "behind" : "ahead")")
        }
        if let backlog = terminal.backlog, backlog > 0 { seen.append("\(backlog) punches waiting in it") }
        let words = seen.joined(separator: ", ")
        if silence > max(settings.alerts.offline ?? .seconds(900), .seconds(120)) {
            return .warning(
                title, words, "look at its power, network and server settings; it keeps its punches meanwhile"
            )
        }
        if let skew = terminal.skew, Duration.seconds(abs(skew)) > settings.alerts.clockDrift ?? .seconds(120)
        {
            return .warning(
                title, words,
                settings.terminals.sendsClock
                    ? "look at TimeZone of the terminal; SendClock sets its clock at each registration"
                    : "set its clock, or switch SendClock on")
        }
        return .ok(title, words)
    }
}
