import AttendanceCore
import Hummingbird

/// `/settings`: every setting with its value and where it came from; the file can be checked and loaded afresh.
struct SettingsPage: Sendable {
    let console: Console

    func add(to router: RouterGroup<ConsoleContext>) {
        let group = router.group("settings").add(middleware: Requires(console: console, scope: .administer))
        group.get { request, context in
            try show(nil, request: request, context: context)
        }
        group.post("check") { request, context in
            _ = try await console.form(request, context)
            let check = console.operations.settings?.check()
            return try show(check.map { Outcome($0, isInForce: false) }, request: request, context: context)
        }
        group.post("reload") { request, context in
            _ = try await console.form(request, context)
            guard let author = context.principal?.author else { throw HTTPError(.forbidden) }
            let check = await console.operations.settings?.reload(author)
            return try show(check.map { Outcome($0, isInForce: true) }, request: request, context: context)
        }
    }

    struct Outcome {
        var tone: String
        var word: String
        var findings: [String]
        var changes: [String]
        var later: [String]

        init(_ check: SettingsCheck, isInForce: Bool) {
            tone = check.isUsable ? "good" : "bad"
            word = check.isUsable ? (isInForce ? "reloaded" : "usable") : "mistakes"
            findings = check.findings.map(\.text)
            changes = check.changes
            later = check.changesAfterRestart
        }
    }
    struct Row {
        var key: String
        var value: String
        var origin: String
        var isSet: Bool
        var needsRestart: Bool
        var help: String
    }
    struct Section {
        var heading: String
        var rows: [Row]
    }
    struct Model {
        var file: String?
        var search: String
        var onlySet: Bool
        var sections: [Section]
        var verdict: String?
        var verdictTone: String
        var findings: [String]
        var changes: [String]
        var later: [String]
    }

    private func show(
        _ outcome: Outcome?, request: Request, context: ConsoleContext
    ) throws -> Response {
        let search = try request.search()
        let text = search["search"]?.lowercased() ?? ""
        let onlySet = search.isTicked("set")
        let view = console.operations.settings?.view() ?? SettingsView(file: nil, lines: [])
        var sections: [Section] = []
        for line in view.lines {
            if onlySet, line.isDefault { continue }
            if !text.isEmpty, !"\(line.section) \(line.key) \(line.help)".lowercased().contains(text) {
                continue
            }
            if sections.last?.heading != line.section {
                sections.append(Section(heading: line.section, rows: []))
            }
            sections[sections.count - 1].rows.append(
                Row(
                    key: line.key, value: line.value, origin: line.origin, isSet: !line.isDefault,
                    needsRestart: line.needsRestart, help: line.help))
        }
        let model = Model(
            file: view.file, search: search["search"].map { String($0.prefix(100)) } ?? "", onlySet: onlySet,
            sections: sections, verdict: outcome.map { console.text("settings", $0.word, context) },
            verdictTone: outcome?.tone ?? "", findings: outcome?.findings ?? [],
            changes: outcome?.changes ?? [],
            later: outcome?.later ?? [])
        return console.render("settings", model, at: .settings, request: request, context: context)
    }
}
