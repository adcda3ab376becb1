import AttendanceCore
import AttendanceStore
import HTTPTypes
import Hummingbird

/// `/terminals/SERIAL/command?word=…`: one word of the catalogue with its fields; without a word, any at all.
struct TerminalsCommandPage: Sendable {
    let console: Console

    func add(to change: RouterGroup<ConsoleContext>) {
        change.get("terminals/:serial/command") { request, context in
            let report = try await console.operations.terminal(try context.part("serial"), for: context)
            let query = try request.search()
            guard query["raw"] == nil else {
                try await console.require(.administer, for: "a command in raw mode", context)
                return try await show(report, nil, nil, [:], [], request, context)
            }
            guard let word = query["word"].flatMap({ CommandCatalogue.word($0) }) else {
                throw HTTPError(.notFound)
            }
            try await check(word, context)
            return try await show(report, word, nil, [:], [], request, context)
        }
        change.post("terminals/:serial/command") { try await send($0, $1) }
    }

    struct Model {
        var path: String
        var heading: String
        var serial: String
        var isRaw: Bool
        var word: String
        var summary: String
        var note: String
        var hasNote: Bool
        var danger: String
        var isDangerous: Bool
        var isNotKnown: Bool
        var isForced: Bool
        var takesOthers: Bool
        var others: String
        var fields: [CommandForm.Field]
        var json: String
        var reason: String
        var isConfirmed: Bool
        var hasReasonError: Bool
        var reasonError: String
        var hasConfirmError: Bool
        var confirmError: String
        var hasError: Bool
        var error: String
    }

    private func text(_ key: String, _ context: ConsoleContext, _ places: KeyValuePairs<String, String> = [:])
        -> String
    {
        console.text(TerminalsPage.words, key, context, places)
    }

    private func check(_ word: CommandWord, _ context: ConsoleContext) async throws {
        if word.needsConfirmation {
            try await console.require(.administer, for: "command \(word.name)", context)
        }
    }

    /// - Parameters:
    ///   - word: nil for raw mode.
    ///   - errors: by the fields `reason`, `confirm` and `order`.
    private func show(
        _ report: TerminalReport, _ word: CommandWord?, _ form: FormFields?, _ errors: [String: String],
        _ problems: [CommandProblem], _ request: Request, _ context: ConsoleContext
    ) async throws -> Response {
        var isNotKnown = false
        if let word, let firmware = report.firmware {
            isNotKnown = try await console.operations.store.knownWords(of: firmware)[word.name] == false
        }
        let commandForm = word.map { CommandForm(word: $0) }
        let rest = (commandForm?.rest(of: problems) ?? problems).map(\.description)
        let error = ([errors["order"]].compactMap(\.self) + rest).joined(separator: ". ")
        let model = Model(
            path: Console.path("terminals", report.serial), heading: report.name ?? report.serial,
            serial: report.serial, isRaw: word == nil, word: word?.name ?? form?["word"] ?? "",
            summary: word?.summary ?? "", note: word?.note ?? "", hasNote: word?.note != nil,
            danger: word?.danger ?? "", isDangerous: word == nil || word?.needsConfirmation == true,
            isNotKnown: isNotKnown, isForced: form?.isTicked("force") ?? false,
            takesOthers: word?.takesOthers ?? false, others: form?[CommandForm.others] ?? "",
            fields: commandForm?.fields(form, problems: problems) ?? [], json: form?["json"] ?? "",
            reason: form?["reason"] ?? "", isConfirmed: form?.isTicked("confirm") ?? false,
            hasReasonError: errors["reason"] != nil, reasonError: errors["reason"] ?? "",
            hasConfirmError: errors["confirm"] != nil, confirmError: errors["confirm"] ?? "",
            hasError: !error.isEmpty, error: error)
        let isFine = errors.isEmpty && problems.isEmpty
        return console.render(
            "terminal-command", model, at: .terminals,
            title: text(
                "command_to", context,
                ["word": word?.name ?? text("raw", context), "terminal": report.name ?? report.serial]),
            status: isFine ? .ok : .unprocessableContent, request: request, context: context)
    }

    private func send(_ request: Request, _ context: ConsoleContext) async throws -> Response {
        let form = try await console.form(request, context)
        let report = try await console.operations.terminal(try context.part("serial"), for: context)
        let isRaw = form.isTicked("raw")
        let word = isRaw ? nil : form["word"].flatMap { CommandCatalogue.word($0) }
        guard isRaw || word != nil else { throw HTTPError(.badRequest) }
        if isRaw { try await console.require(.administer, for: "a command in raw mode", context) }
        if let word { try await check(word, context) }
        var errors: [String: String] = [:]
        if isRaw || word?.needsConfirmation == true {
            if form["reason"] == nil { errors["reason"] = text("reason_needed", context) }
            if !form.isTicked("confirm") { errors["confirm"] = text("confirm_needed", context) }
        }
        let texts = word.map { CommandForm(word: $0).texts(of: form) } ?? []
        var problems: [CommandProblem] = []
        if let word, let serial = SerialNumber(report.serial),
            let target = try await console.operations.store.commandTarget(serial)
        {
            do {
                _ = try CommandCatalogue.request(word.name, texts: texts, for: target.traits)
            } catch {
                problems = error.problems
            }
        }
        guard errors.isEmpty, problems.isEmpty else {
            return try await show(report, word, form, errors, problems, request, context)
        }
        do {
            _ = try await console.operations.commands.send(
                CommandOrder(
                    terminals: [report.serial], word: word?.name ?? form["word"] ?? "", texts: texts,
                    json: isRaw ? form["json"] ?? "{}" : nil, isRaw: isRaw,
                    isConfirmed: form.isTicked("confirm"), reason: form["reason"],
                    isForced: form.isTicked("force"), author: context.principal?.author.name ?? ""))
            console.live.changed(.commands)
            return console.redirect(
                to: Console.path("terminals", report.serial) + "?done=sent#commands")
        } catch let refusal as any RefusedOrder {
            return try await show(
                report, word, form, ["order": refusal.localizedDescription], [], request, context)
        }
    }
}
