import AttendanceCore
import AttendanceStore
import Foundation

extension API {
    static let codeEndpoints: [Endpoint] = [
        Endpoint(
            .get, "codes", "listCodes", "Codes that were issued, by number", "Never what opens.", tag: .codes,
            scope: .administer, traits: .paged
        ) { try await $0.listCodes($1) },
        Endpoint(
            .post, "codes", "issueCode", "Issue a PIN or a QR code",
            "It is shown this once and kept nowhere.",
            tag: .codes, scope: .administer, body: .json(CodeBody.self), status: .created, traits: .secret
        ) { try await $0.issueCode($1) },
        Endpoint(
            .delete, "codes/{id}", "revokeCode", "Let a code open nothing any more", tag: .codes,
            scope: .administer, [.id]
        ) { try await $0.revokeCode($1) },
    ]

    func listCodes(_ call: APICall) async throws -> PageAnswer<CodeReport> {
        let start = try call.cursor.map { try PageCursor.number($0) } ?? 0
        let page = try await store.accessCodes(after: start, limit: call.limit)
        return PageAnswer(
            page.map { CodeReport($0) },
            next: page.count == call.limit ? page.last.map { PageCursor.text(["\($0.id)"]) } : nil)
    }

    func issueCode(_ call: APICall) async throws -> IssuedCodeAnswer {
        let body = try call.body(CodeBody.self)
        func moment(_ text: String, _ name: String) throws -> Int64 {
            guard let moment = UnixTime(iso8601: text) else {
                throw APIProblem.field("/\(name)", "must be a moment such as 2027-01-01T00:00:00Z")
            }
            return moment.milliseconds
        }
        let answer = try await operations.codes.carryOut(
            CodeOrder(
                issue: .init(
                    person: body.person, name: body.name ?? "", terminal: body.terminal, group: body.group,
                    from: try body.from.map { try moment($0, "from") },
                    until: try moment(body.until, "until"),
                    isPin: body.kind == "pin", digits: body.digits ?? 6, uses: body.uses ?? 1),
                author: try call.author().name))
        guard let id = answer.id, let code = answer.code else {
            throw APIProblem(.failed, "no code was made")
        }
        return IssuedCodeAnswer(id: id, code: code)
    }

    func revokeCode(_ call: APICall) async throws -> NoAnswer {
        let answer = try await operations.codes.carryOut(
            CodeOrder(revoke: [try call.requiredID()], author: try call.author().name))
        guard !answer.revoked.isEmpty else { throw APIProblem.notFound }
        return NoAnswer()
    }
}

package struct CodeBody: Codable, Documented {
    package var kind: String
    package var person: String
    package var name: String?
    package var terminal: String?
    package var group: String?
    package var from: String?
    package var until: String
    package var digits: Int?
    package var uses: Int?

    package static let schema = Schema.named(
        "CodeOrder",
        .object([
            .init("kind", .words(["qr", "pin"])), .init("person", Schema.enrollID, "Enroll id."),
            .optional("name", Schema.line(0...Person.maximumName), "Shown on the screen."),
            .optional("terminal", Schema.serial, "Where it holds; or `group`."),
            .optional("group", Schema.line(1...100)),
            .optional("from", Schema.momentOrDay, "Now without it."), .init("until", Schema.momentOrDay),
            .optional("digits", .integer(6...8), "Of a PIN; 6 without it."),
            .optional("uses", .integer(1...Int64(AccessCode.mostUses)), "1 without it."),
        ]))
    package static let samples = [
        CodeBody(
            kind: "pin", person: "12", terminal: "AYTI10087992", until: "2026-12-24T18:00:00+05:30", digits: 6
        )
    ]
}

package struct IssuedCodeAnswer: Documented {
    package var id: Int64
    package var code: String

    package static let schema = Schema.named(
        "IssuedCode",
        .object([.init("id", .id), .init("code", .anyText, "The PIN, or the text of the QR code. Secret.")]))
    package static let samples = [IssuedCodeAnswer(id: 5, code: "481516")]
}

package struct CodeReport: Documented {
    package var id: Int64
    package var kind: String
    package var space: String
    package var person: String
    package var name: String
    package var terminal: String?
    package var group: String?
    package var starts: String
    package var ends: String
    package var uses: Int
    package var used: Int
    package var author: String
    package var issued: String
    package var revoked: String?
    package var lastUsed: String?
    package var lastTerminal: String?

    init(_ record: AccessCodeRecord) {
        id = record.id
        kind = record.code.kind == .pin ? "pin" : "qr"
        space = record.code.person.space
        person = record.code.person.enrollID.sent
        name = record.code.name
        switch record.code.scope {
        case .terminal(let serial): terminal = serial.text
        case .group(let name): group = name
        }
        starts = record.code.starts.iso8601
        ends = record.code.ends.iso8601
        uses = record.code.uses
        used = record.used
        author = record.author.name
        issued = record.issued.iso8601
        revoked = record.revoked?.iso8601
        lastUsed = record.lastUsed?.iso8601
        lastTerminal = record.lastTerminal
    }

    package static let schema = Schema.named(
        "Code",
        .object([
            .init("id", .id), .init("kind", .words(["qr", "pin"])), .init("space", .anyText),
            .init("person", .anyText), .init("name", .anyText), .optional("terminal", .anyText),
            .optional("group", .anyText), .init("starts", .moment), .init("ends", .moment),
            .init("uses", .count),
            .init("used", .count), .init("author", .anyText), .init("issued", .moment),
            .optional("revoked", .moment), .optional("last_used", .moment),
            .optional("last_terminal", .anyText),
        ]))
    package static var samples: [CodeReport] {
        guard let id = EnrollID("12") else { return [] }
        let moment = UnixTime(seconds: 1_795_228_270)
        return [
            CodeReport(
                AccessCodeRecord(
                    id: 5,
                    code: AccessCode(
                        kind: .pin, person: PersonKey(enrollID: id), name: "Asha Rao",
                        scope: .terminal(.unknown),
                        starts: moment, ends: moment + .seconds(86_400)), used: 0, author: Author("asha"),
                    issued: moment, revoked: nil, lastUsed: nil, lastTerminal: nil))
        ]
    }
}
