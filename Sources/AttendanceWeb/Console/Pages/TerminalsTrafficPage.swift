import AttendanceCore
import AttendanceStore
import HTTPTypes
import Hummingbird

/// `/terminals/SERIAL/traffic`: what passes over a terminal's line, while somebody looks.
struct TerminalsTrafficPage: Sendable {
    let console: Console

    /// - Parameter change: of those who may command terminals: what people punch is told more closely here.
    func add(to change: RouterGroup<ConsoleContext>) {
        change.get("terminals/:serial/traffic") { request, context in
            let report = try await console.operations.terminal(try context.part("serial"), for: context)
            return try await show(report, error: nil, request, context)
        }
        change.post("terminals/:serial/traffic") { try await turn($0, $1) }
    }

    struct Frame {
        var number: Int
        var at: String
        var isFromTerminal: Bool
        var size: String
        var text: String
    }
    struct Model {
        var path: String
        var heading: String
        var serial: String
        var zone: String
        var isOn: Bool
        var until: String
        var frames: [Frame]
        var isEmpty: Bool
        var hasError: Bool
        var error: String
    }

    private func show(
        _ report: TerminalReport, error: String?, _ request: Request, _ context: ConsoleContext
    ) async throws -> Response {
        guard let serial = SerialNumber(report.serial) else { throw HTTPError(.notFound) }
        let zone = ZoneRules(identifier: report.zone)
        let traffic = console.operations.field.traffic.report(serial)
        let frames = (traffic?.frames ?? []).reversed().map { frame in
            let milliseconds = String(frame.at.milliseconds % 1000 + 1000).dropFirst()
            return Frame(
                number: frame.number, at: Moments.text(frame.at, in: zone) + ".\(milliseconds)",
                isFromTerminal: frame.isFromTerminal, size: "\(frame.bytes) B", text: frame.text)
        }
        let model = Model(
            path: Console.path("terminals", report.serial), heading: report.name ?? report.serial,
            serial: report.serial, zone: report.zone, isOn: traffic != nil,
            until: traffic.map {
                console.text(
                    TerminalsPage.words, "watched_until", context,
                    ["time": String(Moments.text($0.until, in: zone).dropFirst(11))])
            } ?? "", frames: frames, isEmpty: frames.isEmpty, hasError: error != nil, error: error ?? "")
        return console.render(
            "terminal-traffic", model, at: .terminals,
            title: console.text(
                TerminalsPage.words, "traffic_of", context, ["terminal": report.name ?? report.serial]),
            status: error == nil ? .ok : .unprocessableContent, request: request, context: context)
    }

    private func turn(_ request: Request, _ context: ConsoleContext) async throws -> Response {
        let form = try await console.form(request, context)
        let report = try await console.operations.terminal(try context.part("serial"), for: context)
        guard let serial = SerialNumber(report.serial), let author = context.principal?.author else {
            throw HTTPError(.notFound)
        }
        let traffic = console.operations.field.traffic
        if form["verb"] == "stop" {
            traffic.stop(serial)
        } else {
            // Before anything is kept: a look that is not written down does not happen.
            try await console.operations.store.audit(
                AuditEntry(
                    at: console.operations.now(), author: author, action: "terminals.watch",
                    subject: "terminal \(serial)"))
            guard traffic.watch(serial) else {
                return try await show(
                    report, error: console.text(TerminalsPage.words, "too_many_watched", context), request,
                    context)
            }
        }
        console.live.changed(.traffic)
        return console.redirect(to: Console.path("terminals", report.serial, "traffic"))
    }
}
