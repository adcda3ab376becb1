import AttendanceCore
import AttendanceStore
import HTTPTypes
import Hummingbird

extension SetupPages {
    // MARK: 6. The first terminal, the first punch

    private struct TerminalModel {
        struct Unit {
            var serial: String
            var kind: String
            var origin: String
            var tone: String
            var standing: String
            var isPending: Bool
            var isSimulated: Bool
        }
        struct Row {
            var href: String
            var time: String
            var person: String
            var serial: String
            var tone: String
            var state: String
            var isSimulated: Bool
        }
        var stations: [Station]
        var addresses: [String]
        var port: Int
        var path: String
        var hasSecretPath: Bool
        var wantsToken: Bool
        var networks: String?
        var isLocal: Bool
        var hasSite: Bool
        var zone: String
        var units: [Unit]
        var rows: [Row]
        var tone: String
        var verdict: String
        var isDone: Bool
        var person: String
        var simulation: String?
        var simulationTone: String
        var simulationDetail: String?
        var errors: [String: String] = [:]
    }

    func addTerminal(to router: RouterGroup<ConsoleContext>) {
        router.get("terminal") { request, context in
            try await showTerminal(request: request, context: context)
        }
        router.post("terminal/approve") { request, context in
            let form = try await console.form(request, context)
            let author = try author(context)
            do {
                _ = try await console.operations.registry.carryOut(
                    TerminalOrder(verb: .approve, serials: [form["serial"] ?? ""], author: author.name))
            } catch is TerminalRefusal {
                // It has gone meanwhile, which the page then shows.
            }
            console.live.changed(.terminals)
            return console.redirect(to: SetupStep.terminal.path)
        }
        router.post("terminal/simulate") { request, context in
            let form = try await console.form(request, context)
            let person = try typed("person", form)
            guard form.isTicked("sure") else {
                return try await showTerminal(
                    person: person, errors: ["sure": text("fault_sure", context)], request: request,
                    context: context)
            }
            guard let number = UInt64(person), number > 0, person.count <= 18 else {
                return try await showTerminal(
                    person: person, errors: ["person": text("fault_person", context)], request: request,
                    context: context)
            }
            do {
                try await desk.simulate(number, author(context))
            } catch let refusal as SetupRefusal {
                return try await showTerminal(
                    person: person, errors: ["simulation": refusal.text], request: request, context: context)
            }
            return console.redirect(to: SetupStep.terminal.path)
        }
        router.post("terminal") { request, context in
            let form = try await console.form(request, context)
            guard wish(form) != .back else { return console.redirect(to: SetupStep.write.path) }
            try await desk.keep(nil, .terminal, author(context))
            let first = try await latestPunch()
            return console.redirect(
                to: SetupStep.done.path + (first.map { "?punch=\($0)" } ?? ""))
        }
    }

    private func latestPunch() async throws -> Int64? {
        try await console.operations.store.latestPunches(PunchSearch(), before: nil, limit: 1).items.first?.id
    }

    private func showTerminal(
        person: String = "", errors: [String: String] = [:], request: Request, context: ConsoleContext
    ) async throws -> Response {
        let target = await desk.target()
        let terminals = try await console.operations.terminals.terminals(nil, 20).terminals
        let punches = try await console.operations.store.latestPunches(
            PunchSearch(), before: nil, limit: 5
        ).items
        let rows = punches.map { row(of: $0, hasSite: target.hasSite, context) }
        let came = terminals.filter { $0.state != .never }
        let isDone = target.hasSite ? rows.contains { $0.tone == "good" } : !rows.isEmpty
        let word =
            isDone
            ? "first_done"
            : !rows.isEmpty
                ? "first_punched"
                : came.contains { $0.standing == "pending" }
                    ? "first_pending" : came.isEmpty ? "first_waiting" : "first_terminal"
        let simulation = desk.simulation()
        let model = TerminalModel(
            stations: stations(at: .terminal, reached: .terminal, context), addresses: target.addresses,
            port: target.port, path: target.path ?? "/pub/chat", hasSecretPath: target.path != nil,
            wantsToken: target.wantsToken,
            networks: target.networks.isEmpty ? nil : target.networks.joined(separator: ", "),
            isLocal: target.addresses.isEmpty, hasSite: target.hasSite, zone: console.operations.zone(),
            units: came.map { unit(of: $0, context) }, rows: rows, tone: isDone ? "good" : "warning",
            verdict: text(word, context), isDone: isDone, person: person,
            simulation: simulation.state == .none
                ? nil
                : text(
                    "simulation_\(simulation.state.rawValue)", context, ["serial": simulation.serial]),
            simulationTone: simulation.state == .failed ? "bad" : "info",
            simulationDetail: simulation.detail, errors: errors)
        return show(.terminal, model, errors: !errors.isEmpty, request: request, context: context)
    }

    private static let simulated = "SIM"

    private func unit(of terminal: TerminalReport, _ context: ConsoleContext) -> TerminalModel.Unit {
        let isPending = terminal.standing == "pending"
        let word =
            isPending
            ? "standing_pending" : terminal.state == .online ? "standing_online" : "standing_offline"
        return TerminalModel.Unit(
            serial: terminal.serial, kind: PlainText.line(terminal.model ?? "", limit: 60),
            origin: terminal.address ?? "",
            tone: isPending ? "warning" : terminal.state == .online ? "good" : "",
            standing: text(word, context), isPending: isPending,
            isSimulated: terminal.serial.hasPrefix(Self.simulated))
    }

    private func row(
        of entry: JournalEntry, hasSite: Bool, _ context: ConsoleContext
    ) -> TerminalModel.Row {
        let (tone, word) =
            switch entry.state {
            case .delivered: ("good", "state_delivered")
            case .owed: ("warning", hasSite ? "state_owed" : "state_kept")
            case .held: ("warning", "state_held")
            case .dead: ("bad", "state_dead")
            case .discarded, .suppressed, .notOwed: ("", "state_kept")
            }
        return TerminalModel.Row(
            href: "/punches/\(entry.id)", time: entry.punch.time.description,
            person: PlainText.line(entry.employeeName ?? entry.punch.enrollID.sent, limit: 80),
            serial: entry.terminal.text, tone: tone, state: text(word, context),
            isSimulated: entry.terminal.text.hasPrefix(Self.simulated))
    }

    // MARK: 7. Done

    private struct DoneModel {
        var stations: [Station]
        /// Of its explanation.
        var punch: String?
    }

    func showDone(_ request: Request, _ context: ConsoleContext) async throws -> Response {
        let punch = try request.search().number("punch").flatMap { $0 > 0 ? "/punches/\($0)" : nil }
        return show(
            .done, DoneModel(stations: stations(at: .done, reached: .done, context), punch: punch),
            request: request, context: context)
    }
}
