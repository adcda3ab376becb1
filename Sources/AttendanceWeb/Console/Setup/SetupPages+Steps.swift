import AttendanceCore
import HTTPTypes
import Hummingbird

extension SetupPages {
    // MARK: 2. The zone

    private struct ZoneModel {
        var stations: [Station]
        var zone: String
        var zones: [String]
        var errors: [String: String] = [:]
    }

    func addZone(to router: RouterGroup<ConsoleContext>) {
        router.get("zone") { request, context in
            showZone(try await desk.draft(), [], request, context)
        }
        router.post("zone") { request, context in
            let form = try await console.form(request, context)
            var draft = try await desk.draft()
            draft.zone = try typed("zone", form)
            let (next, problems) = try await move(&draft, from: .zone, wish(form), context)
            return next ?? showZone(draft, problems, request, context)
        }
    }

    private func showZone(
        _ draft: SetupDraft, _ problems: [SetupProblem], _ request: Request, _ context: ConsoleContext
    ) -> Response {
        show(
            .zone,
            ZoneModel(
                stations: stations(at: .zone, reached: draft.reached, context), zone: draft.zone,
                zones: desk.machine().zones, errors: errors(problems, context)),
            errors: !problems.isEmpty, request: request, context: context)
    }

    // MARK: 3. ERPNext

    private struct SiteModel {
        struct Line {
            /// `good`, `warning`, `bad`; empty for what was not looked at.
            var tone: String
            var verdict: String
            var check: String
            var seen: String
            var remedy: String?
        }
        var stations: [Station]
        var address: String
        var key: String
        var hasSecret: Bool
        var errors: [String: String] = [:]
        var wasTested = false
        var lines: [Line] = []
        var result: String?
        var resultTone = "good"
    }

    func addSite(to router: RouterGroup<ConsoleContext>) {
        router.get("erpnext") { request, context in
            showSite(try await desk.draft(), [], nil, request, context)
        }
        router.post("erpnext") { request, context in
            let form = try await console.form(request, context)
            var draft = try await desk.draft()
            let wish = wish(form)
            if wish == .skip {
                (draft.siteAddress, draft.siteKey, draft.siteSecret) = ("", "", "")
            } else {
                draft.siteAddress = try typed("address", form)
                draft.siteKey = try typed("key", form)
                // What is kept is not sent to the browser again: blank leaves it as it is.
                let secret = try typed("secret", form)
                if !secret.isEmpty { draft.siteSecret = secret }
            }
            if wish == .next, draft.siteAddress.isEmpty {
                try await desk.keep(draft, .erpnext, author(context))
                let problem = SetupProblem(.siteAddress, "fault_address_missing", at: .erpnext)
                return showSite(draft, [problem], nil, request, context)
            }
            let (next, problems) = try await move(&draft, from: .erpnext, wish, context)
            if let next { return next }
            guard problems.isEmpty, !draft.siteAddress.isEmpty else {
                let missing =
                    draft.siteAddress.isEmpty
                    ? [SetupProblem(.siteAddress, "fault_address_missing", at: .erpnext)] : []
                return showSite(draft, problems + missing, nil, request, context)
            }
            let checks = await desk.tryConnection(draft, try author(context))
            return showSite(draft, [], checks, request, context)
        }
    }

    private func showSite(
        _ draft: SetupDraft, _ problems: [SetupProblem], _ checks: [SetupCheck]?, _ request: Request,
        _ context: ConsoleContext
    ) -> Response {
        var model = SiteModel(
            stations: stations(at: .erpnext, reached: draft.reached, context), address: draft.siteAddress,
            key: draft.siteKey, hasSecret: !draft.siteSecret.isEmpty, errors: errors(problems, context))
        if let checks {
            model.wasTested = true
            model.lines = checks.map {
                SiteModel.Line(
                    tone: $0.outcome == .skipped ? "" : $0.outcome.rawValue,
                    verdict: text("check_\($0.outcome.rawValue)", context), check: $0.title, seen: $0.seen,
                    remedy: $0.remedy)
            }
            let isBad = checks.contains { $0.outcome == .bad }
            let isOdd = checks.contains { $0.outcome == .warning }
            model.result = text(isBad ? "test_bad" : isOdd ? "test_warning" : "test_good", context)
            model.resultTone = isBad ? "bad" : isOdd ? "warning" : "good"
        }
        return show(
            .erpnext, model, errors: !problems.isEmpty, request: request, context: context)
    }

    // MARK: 4. Terminals

    private struct AdmissionModel {
        var stations: [Station]
        var unknown: [PageChoice]
        var hosts: [PageChoice]
        var port: String
        var networks: String
        var path: String
        var secret: String
        var isOpen: Bool
        var errors: [String: String] = [:]
    }

    func addAdmission(to router: RouterGroup<ConsoleContext>) {
        router.get("admission") { request, context in
            showAdmission(try await desk.draft(), [], request, context)
        }
        router.post("admission") { request, context in
            let form = try await console.form(request, context)
            var draft = try await desk.draft()
            draft.unknown = try typed("unknown", form)
            draft.host = try typed("host", form)
            draft.port = try typed("port", form)
            draft.networks = try typed("networks", form)
            draft.secretPath = try typed("path", form)
            draft.token = try typed("secret", form)
            draft.isWithoutRule = form.isTicked("open")
            let (next, problems) = try await move(&draft, from: .admission, wish(form), context)
            return next ?? showAdmission(draft, problems, request, context)
        }
    }

    private func showAdmission(
        _ draft: SetupDraft, _ problems: [SetupProblem], _ request: Request, _ context: ConsoleContext
    ) -> Response {
        let addresses = desk.machine().addresses
        var hosts: [(String, String)] = [("0.0.0.0", text("host_all", context))]
        hosts += addresses.map { ($0, $0) } + [("127.0.0.1", text("host_none", context))]
        if !hosts.contains(where: { $0.0 == draft.host }) { hosts.append((draft.host, draft.host)) }
        return show(
            .admission,
            AdmissionModel(
                stations: stations(at: .admission, reached: draft.reached, context),
                unknown: UnknownTerminals.allCases.map {
                    .init(
                        value: $0.rawValue, label: text("unknown_\($0.rawValue)", context),
                        isChosen: $0.rawValue == draft.unknown)
                },
                hosts: hosts.map { .init(value: $0.0, label: $0.1, isChosen: $0.0 == draft.host) },
                port: draft.port, networks: draft.networks, path: draft.secretPath, secret: draft.token,
                isOpen: draft.isWithoutRule, errors: errors(problems, context)),
            errors: !problems.isEmpty, request: request, context: context)
    }

    // MARK: 5. The file

    private struct WriteModel {
        struct Trouble {
            var what: String
            var href: String
            var label: String
        }
        var stations: [Station]
        var path: String
        var exists: Bool
        var changes: [String]
        var troubles: [Trouble]
        /// Nil where the file can be written.
        var obstacle: String?
        var content: String
        var refusal: String?
    }
    private struct StartModel {
        var run: String
        var path: String
        var kept: String?
        var then: String
    }

    func addWriting(to router: RouterGroup<ConsoleContext>) {
        router.get("write") { request, context in
            await showWriting(try await desk.draft(), nil, request, context)
        }
        router.post("write") { request, context in
            let form = try await console.form(request, context)
            var draft = try await desk.draft()
            let author = try author(context)
            if wish(form) == .back { return console.redirect(to: SetupStep.admission.path) }
            guard await desk.problems(draft, .write).isEmpty else {
                return await showWriting(draft, nil, request, context)
            }
            do {
                var path = ""
                var kept: String?
                var needsRestart = true
                // `add` is the button of somebody who has put the file there by hand.
                if wish(form) != .add {
                    let written = try await desk.write(draft, author)
                    (path, kept, needsRestart) = (written.path, written.kept, written.needsRestart)
                }
                if needsRestart { try await desk.restart(author) }
                draft.reached = .write
                try await desk.keep(draft, .write, author)
                if !needsRestart { return console.redirect(to: SetupStep.terminal.path) }
                return console.render(
                    "setup-start",
                    StartModel(run: desk.run, path: path, kept: kept, then: SetupStep.terminal.path),
                    title: text("start_title", context), request: request, context: context)
            } catch let refusal as SetupRefusal {
                return await showWriting(draft, refusal.text, request, context)
            }
        }
    }

    private func showWriting(
        _ draft: SetupDraft, _ refusal: String?, _ request: Request, _ context: ConsoleContext
    ) async -> Response {
        let problems = await desk.problems(draft, .write)
        let file = await desk.file(draft)
        return show(
            .write,
            WriteModel(
                stations: stations(at: .write, reached: draft.reached, context), path: file.path,
                exists: file.exists, changes: file.changes,
                troubles: problems.map {
                    .init(
                        what: $0.word.map { text($0, context) } ?? $0.detail ?? "", href: $0.step.path,
                        label: text("step_\($0.step.rawValue)", context))
                }, obstacle: problems.isEmpty ? file.obstacle : nil,
                content: problems.isEmpty && file.obstacle != nil ? file.text : "", refusal: refusal),
            errors: refusal != nil, request: request, context: context)
    }
}
