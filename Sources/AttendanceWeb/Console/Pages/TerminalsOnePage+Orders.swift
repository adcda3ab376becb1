import AttendanceCore
import AttendanceStore
import HTTPTypes
import Hummingbird

/// The forms of `/terminals/SERIAL`.
extension TerminalsOnePage {
    private func begin(
        _ request: Request, _ context: ConsoleContext
    ) async throws -> (form: FormFields, report: TerminalReport, author: String) {
        let form = try await console.form(request, context)
        let report = try await console.operations.terminal(try context.part("serial"), for: context)
        return (form, report, context.principal?.author.name ?? "")
    }

    private func done(_ word: String, _ report: TerminalReport, at place: String = "") -> Response {
        console.redirect(to: Console.path("terminals", report.serial) + "?done=\(word)\(place)")
    }

    private func changed(_ topic: LiveHub.Topic) async {
        await roll.forget()
        console.live.changed(topic)
    }

    // MARK: Who it is

    func decide(_ request: Request, _ context: ConsoleContext) async throws -> Response {
        let (form, report, author) = try await begin(request, context)
        guard let verb = form["verb"].flatMap({ TerminalOrder.Verb(rawValue: $0) }),
            verb == .approve || verb == .block
        else { throw HTTPError(.badRequest) }
        do {
            _ = try await console.operations.registry.carryOut(
                TerminalOrder(verb: verb, serials: [report.serial], reason: form["reason"], author: author))
            await changed(.terminals)
            return done(verb.rawValue, report)
        } catch let refusal as any RefusedOrder {
            return try await show(
                report, Extra(errors: ["order": refusal.localizedDescription]), request, context)
        }
    }

    func set(_ request: Request, _ context: ConsoleContext) async throws -> Response {
        let (form, report, author) = try await begin(request, context)
        guard let serial = SerialNumber(report.serial) else { throw HTTPError(.notFound) }
        let settled = console.operations.field.settled(serial)
        let record = try await console.operations.store.terminal(serial)
        let said = record.map { TerminalDetails($0) } ?? TerminalDetails()
        var extra = Extra()
        for field in TerminalField.allCases {
            guard settled.values[field] == nil, let sent = form.exactly(field.rawValue) else { continue }
            let value = sent.trimmingBlanks()
            extra.typed[field.rawValue] = value
            guard value != said[field] ?? "" else { continue }
            // Nobody may put a terminal where they could not see it, or take one from there.
            if field == .group, !(context.principal?.reaches(group: value.isEmpty ? nil : value) ?? false) {
                extra.errors[field.rawValue] = text("group_out_of_reach", context)
                continue
            }
            do {
                _ = try await console.operations.registry.carryOut(
                    TerminalOrder(
                        verb: .set, serials: [report.serial], field: field,
                        value: value.isEmpty ? nil : value, removes: value.isEmpty, author: author))
            } catch let refusal as any RefusedOrder {
                extra.errors[field.rawValue] = refusal.localizedDescription
            }
        }
        await changed(.terminals)
        guard extra.errors.isEmpty else {
            let now = try await console.operations.terminal(report.serial, for: context)
            return try await show(now, extra, request, context)
        }
        return done("saved", report)
    }

    /// The answer shows a new secret this once: it is no page that one could come back to.
    func token(_ request: Request, _ context: ConsoleContext) async throws -> Response {
        let (form, report, author) = try await begin(request, context)
        let removes = form["verb"] == "remove"
        do {
            let answer = try await console.operations.registry.carryOut(
                TerminalOrder(verb: .token, serials: [report.serial], removes: removes, author: author))
            await changed(.terminals)
            guard let token = answer.token else { return done("token_removed", report) }
            let now = try await console.operations.terminal(report.serial, for: context)
            return try await show(now, Extra(token: token), request, context)
        } catch let refusal as any RefusedOrder {
            return try await show(
                report, Extra(errors: ["order": refusal.localizedDescription]), request, context)
        }
    }

    // MARK: Commands

    /// A button: a word without fields.
    func order(_ request: Request, _ context: ConsoleContext) async throws -> Response {
        let (form, report, author) = try await begin(request, context)
        guard let word = form["word"].flatMap({ CommandCatalogue.word($0) }) else {
            throw HTTPError(.badRequest)
        }
        var extra = Extra(typed: ["word": word.name, "reason": form["reason"] ?? ""])
        if word.needsConfirmation {
            try await console.require(.administer, for: "command \(word.name)", context)
            if form["reason"] == nil { extra.errors["reason"] = text("reason_needed", context) }
            if !form.isTicked("confirm") { extra.errors["confirm"] = text("confirm_needed", context) }
        }
        guard extra.errors.isEmpty else { return try await show(report, extra, request, context) }
        do {
            _ = try await console.operations.commands.send(
                CommandOrder(
                    terminals: [report.serial], word: word.name, isConfirmed: form.isTicked("confirm"),
                    reason: form["reason"], author: author))
            await changed(.commands)
            return done("sent", report, at: "#commands")
        } catch let refusal as any RefusedOrder {
            extra.errors["order"] = refusal.localizedDescription
            return try await show(report, extra, request, context)
        }
    }

    func pull(_ request: Request, _ context: ConsoleContext) async throws -> Response {
        let (form, report, author) = try await begin(request, context)
        let isAll = form["what"] == "all"
        let isRange = form["what"] == "range"
        var extra = Extra(typed: ["from": form["from"] ?? "", "to": form["to"] ?? ""])
        do {
            guard !isRange || form["from"] != nil else {
                extra.errors["pull"] = text("from_needed", context)
                return try await show(report, extra, request, context)
            }
            _ = try await console.operations.logs.pull(
                LogPullOrder(
                    terminals: [report.serial], from: isRange ? form["from"] : nil,
                    to: isRange ? form["to"] : nil, isAll: isAll, author: author))
            await changed(.commands)
            return done("pull", report, at: "#commands")
        } catch let refusal as any RefusedOrder {
            extra.errors["pull"] = refusal.localizedDescription
            return try await show(report, extra, request, context)
        }
    }

    func cancel(_ request: Request, _ context: ConsoleContext) async throws -> Response {
        let (form, report, author) = try await begin(request, context)
        guard let id = form["id"].flatMap({ Int64($0) }) else { throw HTTPError(.badRequest) }
        let count = try await console.operations.commands.cancel(
            CommandCancellation(ids: [id], terminal: report.serial, author: author))
        await changed(.commands)
        return done(count > 0 ? "cancelled" : "uncancelled", report, at: "#commands")
    }
}

extension Console {
    /// Throws `HTTPError` 403 for somebody who may not; that is written down.
    func require(_ scope: Scope, for what: String, _ context: ConsoleContext) async throws {
        guard let principal = context.principal, principal.may(scope) else {
            if let principal = context.principal {
                await accounts.noteRefused(principal, scope: scope, what: what)
            }
            throw HTTPError(.forbidden)
        }
    }
}
