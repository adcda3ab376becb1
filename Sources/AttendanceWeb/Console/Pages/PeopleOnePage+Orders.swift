import AttendanceCore
import AttendanceStore
import Foundation
import HTTPTypes
import Hummingbird

/// The forms of `/people/SPACE/NUMBER`.
extension PeopleOnePage {
    private struct Sent {
        var form: FormFields
        var key: PersonKey
        var reach: PeopleReach
        var author: Author
    }

    /// - Parameter isWhole: needs everybody of the id space within reach, since it is about all its terminals.
    private func begin(
        _ request: Request, _ context: ConsoleContext, isWhole: Bool
    ) async throws -> Sent {
        let form = try await console.form(request, context)
        let key = try key(context)
        let reach = try await PeopleReach(roll, context)
        guard console.operations.field.spaces().contains(key.space), try await reach.sees(key) else {
            throw HTTPError(.notFound)
        }
        if isWhole, !reach.isWhole(key.space) { throw HTTPError(.forbidden) }
        return Sent(form: form, key: key, reach: reach, author: context.principal?.author ?? .gateway)
    }

    private func typed(_ form: FormFields, _ names: [String]) -> [String: String] {
        names.reduce(into: [:]) { $0[$1] = form[$1] ?? "" }
    }

    func save(_ request: Request, _ context: ConsoleContext) async throws -> Response {
        let sent = try await begin(request, context, isWhole: true)
        let form = sent.form
        do {
            _ = try await console.operations.people.carryOut(
                PeopleOrder(
                    .put, author: sent.author,
                    entries: [
                        .init(
                            space: sent.key.space, id: sent.key.enrollID.sent, name: form["name"] ?? "",
                            role: form["role"] ?? "", employee: form["employee"], card: form["card"],
                            pin: form["pin"], validFrom: form["from"], validUntil: form["until"])
                    ]))
            console.live.changed(.people)
            return console.redirect(to: PeopleReach.path(sent.key) + "?done=saved")
        } catch let refusal as any RefusedOrder {
            let extra = Extra(
                errors: ["save": refusal.localizedDescription],
                typed: typed(form, ["name", "role", "employee", "from", "until"]))
            return try await show(sent.key, sent.reach, extra, request, context)
        }
    }

    func enrol(_ request: Request, _ context: ConsoleContext) async throws -> Response {
        let sent = try await begin(request, context, isWhole: false)
        guard let terminal = sent.form["terminal"], SerialNumber(terminal).map(sent.reach.reaches) ?? false
        else { throw HTTPError(.notFound) }
        do {
            let answer = try await console.operations.people.carryOut(
                PeopleOrder(
                    .enrol, author: sent.author, space: sent.key.space, id: sent.key.enrollID.sent,
                    terminal: terminal, slot: sent.form.number("slot")))
            console.live.changed(.commands)
            let number = answer.number.map { "?command=\($0)#enrol" } ?? ""
            return console.redirect(to: PeopleReach.path(sent.key) + number)
        } catch let refusal as any RefusedOrder {
            let extra = Extra(
                errors: ["enrol": refusal.localizedDescription],
                typed: typed(sent.form, ["terminal", "slot"]))
            return try await show(sent.key, sent.reach, extra, request, context)
        }
    }

    func erase(_ request: Request, _ context: ConsoleContext) async throws -> Response {
        let sent = try await begin(request, context, isWhole: true)
        var extra = Extra(typed: typed(sent.form, ["reason"]))
        if sent.form["reason"] == nil {
            extra.errors["erase"] = text("reason_needed", context)
        } else if !sent.form.isTicked("confirm") {
            extra.errors["erase"] = text("confirm_needed", context)
        }
        if extra.errors.isEmpty {
            do {
                _ = try await console.operations.people.carryOut(
                    PeopleOrder(
                        .erase, author: sent.author, space: sent.key.space, id: sent.key.enrollID.sent,
                        reason: sent.form["reason"]))
                console.live.changed(.people)
                return console.redirect(to: PeopleReach.path(sent.key) + "?done=erased#receipts")
            } catch let refusal as any RefusedOrder {
                extra.errors["erase"] = refusal.localizedDescription
            }
        }
        return try await show(sent.key, sent.reach, extra, request, context)
    }

    /// A file for the person themselves: everything that is kept of them.
    func export(_ request: Request, _ context: ConsoleContext) async throws -> Response {
        let sent = try await begin(request, context, isWhole: true)
        do {
            let answer = try await console.operations.people.carryOut(
                PeopleOrder(
                    .show, author: sent.author, space: sent.key.space, id: sent.key.enrollID.sent,
                    isWhole: sent.form.isTicked("whole")))
            var headers = HTTPFields()
            headers[.contentType] = "application/json; charset=utf-8"
            headers[.cacheControl] = "no-store"
            // A number may hold anything; a file's name may not.
            let name = sent.key.enrollID.sent.filter { $0.isASCII && ($0.isLetter || $0.isNumber) }
            headers[.contentDisposition] =
                "attachment; filename=\"person-\(name.isEmpty ? "export" : name).json\""
            let body = answer.person?.strictText ?? "{}"
            return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(string: body)))
        } catch let refusal as any RefusedOrder {
            return try await show(
                sent.key, sent.reach, Extra(errors: ["export": refusal.localizedDescription]), request,
                context)
        }
    }

    // MARK: Codes

    private static let spans = [
        "1h": 3600, "8h": 8 * 3600, "1d": 86_400, "7d": 7 * 86_400, "30d": 30 * 86_400,
    ]

    /// The answer shows the code this once: it is no page that one could come back to.
    func issue(_ request: Request, _ context: ConsoleContext) async throws -> Response {
        let sent = try await begin(request, context, isWhole: true)
        let form = sent.form
        guard let terminal = form["terminal"], SerialNumber(terminal).map(sent.reach.reaches) ?? false else {
            throw HTTPError(.notFound)
        }
        var extra = Extra(typed: typed(form, ["terminal"]))
        let now = console.operations.now()
        let person = try await console.operations.store.rosterEntry(sent.key)?.person
        do {
            let span = form["span"].flatMap { Self.spans[$0] } ?? 3600
            let answer = try await console.operations.codes.carryOut(
                CodeOrder(
                    issue: .init(
                        person: sent.key.enrollID.sent, name: person?.name ?? "", terminal: terminal,
                        group: nil, from: nil, until: (now + .seconds(span)).milliseconds,
                        isPin: form["kind"] == "pin", digits: 8, uses: form.number("uses") ?? 1),
                    author: sent.author.name))
            extra.code = answer.code
        } catch let refusal as any RefusedOrder {
            extra.errors["code"] = refusal.localizedDescription
        }
        return try await show(sent.key, sent.reach, extra, request, context)
    }

    func revoke(_ request: Request, _ context: ConsoleContext) async throws -> Response {
        let sent = try await begin(request, context, isWhole: true)
        guard let id = sent.form["id"].flatMap({ Int64($0) }) else { throw HTTPError(.badRequest) }
        // Only of this person: numbers of others stand on other pages.
        let records = try await console.operations.store.accessCodes(after: id - 1, limit: 1)
        guard records.first?.id == id, records.first?.code.person == sent.key else {
            throw HTTPError(.notFound)
        }
        _ = try await console.operations.codes.carryOut(CodeOrder(revoke: [id], author: sent.author.name))
        return console.redirect(to: PeopleReach.path(sent.key) + "?done=revoked#codes")
    }
}
