import AttendanceCore
import AttendanceStore
import HTTPTypes
import Hummingbird

/// `/account`: one's own password, one-time codes and sessions.
struct AccountPage: Sendable {
    let console: Console

    func add(to router: RouterGroup<ConsoleContext>) {
        let group = router.group("account")
        group.get { request, context in
            let search = try request.search()
            return try await show(done: search["done"], request: request, context: context)
        }
        group.post("password") { request, context in
            try await act("password", request, context) { form, principal in
                guard form.exactly("new") == form.exactly("again") else {
                    throw AccountRefusal(.wrongPassword, field: .password)
                }
                try await console.accounts.changePassword(
                    of: principal, old: form.exactly("old") ?? "", new: form.exactly("new") ?? "",
                    address: context.address)
            }
        }
        group.post("codes") { request, context in
            let form = try await console.form(request, context)
            let principal = try asker(context)
            do {
                let enrolment = try await console.accounts.beginCodes(
                    of: principal, password: form.exactly("old") ?? "", issuer: "Attendance Gateway",
                    address: context.address)
                return try await show(
                    enrolment: (enrolment.secret, enrolment.uri), request: request, context: context)
            } catch let refusal as AccountRefusal {
                return try await show(
                    trouble: ("codes", refusal), request: request, context: context)
            }
        }
        group.post("codes/confirm") { request, context in
            try await act("codes", request, context) { form, principal in
                try await console.accounts.confirmCodes(of: principal, code: form["code"] ?? "")
            }
        }
        group.post("codes/remove") { request, context in
            try await act("codes", request, context) { form, principal in
                try await console.accounts.removeCodes(
                    of: principal, password: form.exactly("old") ?? "", address: context.address)
            }
        }
        group.post("sessions") { request, context in
            try await act("sessions", request, context) { _, principal in
                _ = try await console.accounts.signOutEverywhere(
                    principal.id, keeping: principal.session, by: principal.author)
            }
        }
    }

    struct Session {
        var isThis: Bool
        var address: String
        var agent: String
        var lastUsed: String
        var created: String
    }
    struct Model {
        var name: String
        var usesCodes: Bool
        var zone: String
        var sessions: [Session]
        var passwordTrouble: String?
        var codesTrouble: String?
        var secret: String?
        var uri: String?
    }

    private func asker(_ context: ConsoleContext) throws -> Principal {
        guard let principal = context.principal else { throw HTTPError(.forbidden) }
        return principal
    }

    /// Carries out what a form of the page asks, and shows the page again where it cannot be.
    private func act(
        _ what: String, _ request: Request, _ context: ConsoleContext,
        _ body: (FormFields, Principal) async throws -> Void
    ) async throws -> Response {
        let form = try await console.form(request, context)
        do {
            try await body(form, try asker(context))
            return console.redirect(to: "/account?done=\(what)")
        } catch let refusal as AccountRefusal {
            return try await show(trouble: (what, refusal), request: request, context: context)
        }
    }

    private func show(
        done: String? = nil, trouble: (what: String, refusal: AccountRefusal)? = nil,
        enrolment: (secret: String, uri: String)? = nil, request: Request, context: ConsoleContext
    ) async throws -> Response {
        let principal = try asker(context)
        let account = try await console.operations.store.account(principal.id)
        let zoneName = console.operations.zone()
        let zone = ZoneRules(identifier: zoneName)
        let words = trouble.map { console.words(of: $0.refusal, context) }
        let model = Model(
            name: principal.name, usesCodes: account?.usesCodes ?? false, zone: zoneName,
            sessions: try await console.accounts.sessions(of: principal.id).map {
                Session(
                    isThis: $0.id == principal.session, address: $0.address, agent: $0.agent,
                    lastUsed: Moments.text($0.lastUsed, in: zone), created: Moments.text($0.created, in: zone)
                )
            },
            passwordTrouble: trouble?.what == "password" ? words : nil,
            codesTrouble: trouble?.what == "codes" ? words : nil, secret: enrolment?.secret,
            uri: enrolment?.uri)
        let isKnown = ["password", "codes", "sessions"].contains(done ?? "")
        return console.render(
            "account", model,
            notice: isKnown ? PageNotice(.good, console.text("account", "done", context)) : nil,
            status: trouble == nil ? .ok : .unprocessableContent, request: request, context: context)
    }
}

extension Console {
    /// Why an account or token was not changed, in the reader's language where the console has a text for it.
    func words(of refusal: AccountRefusal, _ context: ConsoleContext) -> String {
        let key = "refusal_" + refusal.key.replacing("-", with: "_")
        let text = text("account", key, context)
        return text == key ? refusal.localizedDescription : text
    }
}
