import AttendanceCore
import AttendanceStore
import Crypto
import Foundation

extension API {
    static let terminalEndpoints: [Endpoint] = [
        Endpoint(
            .get, "terminals", "listTerminals", "Terminals by serial number", tag: .terminals, scope: .read,
            [
                .query(
                    "standing", .words(TerminalStanding.allCases.map { "\($0)" }), "Only those that are so."),
                .query("state", .words(["online", "offline", "never"]), "Only those that are so."), .group,
            ], traits: .paged
        ) { try await $0.listTerminals($1) },
        Endpoint(
            .get, "terminals/{serial}", "getTerminal", "One terminal",
            "Its `ETag` changes with all that is told; `If-Match` of a change looks only at what people say of it.",
            tag: .terminals, scope: .read, [.serial], traits: .tagged
        ) { try await $0.getTerminal($1) },
        Endpoint(
            .patch, "terminals/{serial}", "changeTerminal",
            "Say something of a terminal, or take it back with null",
            "What the settings file says of it cannot be changed here.", tag: .terminals, scope: .terminals,
            [.serial], body: .json(TerminalChange.self), traits: [.guarded, .tagged], touches: [.terminals]
        ) { try await $0.changeTerminal($1) },
        Endpoint(
            .post, "terminals/{serial}/approve", "approveTerminal", "Let a terminal in",
            "What waited for that is forwarded. Also before it ever came.", tag: .terminals,
            scope: .terminals,
            [.serial], body: .json(ReasonBody.self, isRequired: false),
            touches: [.terminals, .punches, .deliveries]
        ) { try await $0.setStanding(.approve, $1) },
        Endpoint(
            .post, "terminals/{serial}/block", "blockTerminal", "Turn a terminal away",
            "It keeps what it has and did not send.", tag: .terminals, scope: .terminals, [.serial],
            body: .json(ReasonBody.self, isRequired: false), touches: [.terminals]
        ) { try await $0.setStanding(.block, $1) },
        Endpoint(
            .delete, "terminals/{serial}", "forgetTerminal", "Take a terminal that is gone out of every list",
            "Its punches stay.", tag: .terminals, scope: .terminals, [.serial], touches: [.terminals]
        ) { try await $0.forgetTerminal($1) },
        Endpoint(
            .post, "terminals/{serial}/token", "issueTerminalToken",
            "Make a new secret that the terminal must bring", "It is shown this once and kept nowhere.",
            tag: .terminals, scope: .terminals, [.serial], traits: .secret, touches: [.terminals]
        ) { try await $0.setTerminalToken($1, removes: false) },
        Endpoint(
            .delete, "terminals/{serial}/token", "removeTerminalToken",
            "Ask no secret of a terminal any more",
            tag: .terminals, scope: .terminals, [.serial], touches: [.terminals]
        ) { try await $0.setTerminalToken($1, removes: true) },
        Endpoint(
            .get, "terminal-events", "listTerminalEvents",
            "What terminals did of late: came, went, moved, waited", "Since the gateway was started.",
            tag: .terminals, scope: .read,
            [.query("after", .count, "`next` of the answer before; without it only where to begin.")]
        ) { try await $0.terminalEvents($1) },
        Endpoint(
            .get, "shifts", "listShifts", "Up to when each shift's punches are complete",
            tag: .terminals, scope: .read
        ) { try await $0.shifts($1) },
    ]

    func listTerminals(_ call: APICall) async throws -> PageAnswer<TerminalAnswerReport> {
        let cursor = try call.cursor.map { try PageCursor.parts($0, 1)[0] }
        let standing = call.text("standing")
        let state = call.text("state")
        let group = call.text("group").map { Reach.folded($0) }
        var place = cursor
        var kept: [TerminalReport] = []
        // A page of the desk's costs a look at everything; few of them are enough for any installation.
        for _ in 0..<40 {
            let page = try await operations.terminals.terminals(place, TerminalRoutes.pageSize)
            for report in page.terminals {
                place = report.serial
                guard try call.who().reaches(group: report.group),
                    standing == nil || report.standing == standing,
                    state == nil || report.state.rawValue == state,
                    group == nil || report.group.map({ Reach.folded($0) }) == group
                else { continue }
                kept.append(report)
                if kept.count == call.limit {
                    return PageAnswer(kept.map { .init($0) }, next: PageCursor.text([report.serial]))
                }
            }
            guard let next = page.next else { return PageAnswer(kept.map { .init($0) }, next: nil) }
            place = next
        }
        return PageAnswer(kept.map { .init($0) }, next: place.map { PageCursor.text([$0]) })
    }

    func getTerminal(_ call: APICall) async throws -> TerminalAnswerReport {
        TerminalAnswerReport(try await terminal(call))
    }

    /// The terminal of the path, within reach.
    private func terminal(_ call: APICall) async throws -> TerminalReport {
        let serial = try call.requiredSerial()
        guard let report = try await operations.registry.one(serial.text),
            try call.who().reaches(group: report.group)
        else { throw APIProblem.notFound }
        return report
    }

    func changeTerminal(_ call: APICall) async throws -> TerminalAnswerReport {
        let before = TerminalAnswerReport(try await terminal(call))
        try call.requireMatch(before.revision)
        let principal = try call.who()
        guard case .object(let fields) = call.tree else { throw APIProblem.field("", "must be an object") }
        if let group = fields["group"], !call.reachesAllGroups {
            // Nobody gives a terminal away to where they could not fetch it back from.
            guard case .text(let name) = group, principal.reaches(group: name) else {
                throw APIProblem.field("/group", "must be a group within your reach")
            }
        }
        for field in TerminalField.allCases {
            guard let value = fields[field.rawValue] else { continue }
            var order = TerminalOrder(
                verb: .set, serials: [before.report.serial], field: field, author: principal.author.name)
            if case .text(let text) = value { order.value = text } else { order.removes = true }
            do {
                _ = try await operations.registry.carryOut(order)
            } catch let refusal as TerminalRefusal {
                throw APIProblem.field("/\(field.rawValue)", refusal.text)
            }
        }
        return TerminalAnswerReport(try await terminal(call))
    }

    func setStanding(_ verb: TerminalOrder.Verb, _ call: APICall) async throws -> TerminalAnswer {
        let body = try call.body(ReasonBody.self)
        let serial = try call.requiredSerial()
        // One that was never heard of is in no group unless the settings say so.
        guard reach.contains(serial, for: call.principal) else { throw APIProblem.notFound }
        return try await operations.registry.carryOut(
            TerminalOrder(
                verb: verb, serials: [serial.text], reason: body.reason, author: try call.author().name))
    }

    func forgetTerminal(_ call: APICall) async throws -> TerminalAnswer {
        let report = try await terminal(call)
        return try await operations.registry.carryOut(
            TerminalOrder(verb: .forget, serials: [report.serial], author: try call.author().name))
    }

    func setTerminalToken(_ call: APICall, removes: Bool) async throws -> TerminalAnswer {
        let report = try await terminal(call)
        return try await operations.registry.carryOut(
            TerminalOrder(
                verb: .token, serials: [report.serial], removes: removes, author: try call.author().name))
    }

    func terminalEvents(_ call: APICall) async throws -> TerminalEvents {
        var events = operations.registry.events(call.integer("after"))
        if !call.reachesAllGroups {
            events.events = events.events.filter { event in
                SerialNumber(event.serial).map { reach.contains($0, for: call.principal) } ?? false
            }
        }
        return events
    }

    func shifts(_ call: APICall) async throws -> ShiftList {
        let principal = try call.who()
        var list = try await operations.terminals.shifts()
        list.shifts = list.shifts.filter { SinkName($0.sink).map { principal.reaches(sink: $0) } ?? false }
        if !call.reachesAllGroups {
            // These name terminals of anybody.
            for index in list.shifts.indices { list.shifts[index].heldBackBy = [] }
        }
        return list
    }
}

// MARK: - What is sent and answered

package struct ReasonBody: Codable, Documented {
    package var reason: String?

    package static let schema = Schema.named(
        "Reason",
        .object([.optional("reason", .text(.init(0...500)), "Why; it is kept in the audit trail.")]))
    package static let samples = [ReasonBody(reason: "delivered on Monday")]
}

package struct TerminalChange: Codable, Documented {
    package var name: String?
    package var location: String?
    package var group: String?
    package var zone: String?
    package var dialect: String?

    private static let value = Schema.nullable(Schema.line(1...TerminalField.maximumLength))
    package static let schema = Schema.named(
        "TerminalChange",
        .object([
            .optional("name", value), .optional("location", value),
            .optional("group", value, "One that the settings file has a section for."),
            .optional("zone", value, "IANA name."),
            .optional("dialect", value, "Spelling of the commands its firmware understands."),
        ]))
    package static let samples = [TerminalChange(name: "Main door", location: "Ground floor")]
}

/// A terminal, with a revision of what people say of it.
package struct TerminalAnswerReport: Documented, Revised {
    let report: TerminalReport

    init(_ report: TerminalReport) { self.report = report }

    package func encode(to encoder: any Encoder) throws { try report.encode(to: encoder) }

    var revision: String {
        let parts = [
            report.standing, report.name, report.location, report.group, report.zone,
            report.isDialectGuessed ? nil : report.dialect, "\(report.hasToken)",
        ]
        let text = parts.map { $0.map { "\($0.utf8.count):\($0)" } ?? "-" }.joined()
        return Data(SHA256.hash(data: Data(text.utf8)).prefix(9)).base64URL.replacing("-", with: "A")
    }

    private static let fill = Schema.object([
        .optional("used", .anyInteger), .optional("places", .anyInteger, "0: not fitted."),
    ])

    package static let schema = Schema.named(
        "Terminal",
        .object([
            .init("serial", .anyText), .optional("name", .anyText), .optional("group", .anyText),
            .optional("model", .anyText), .optional("firmware", .anyText),
            .optional("address", .anyText, "Where it came from last."),
            .init("state", .words(["online", "offline", "never"])),
            .optional("last_heard", .moment),
            .optional("backlog", .anyInteger, "Records it has not yet brought."),
            .optional("skew_seconds", .anyInteger, "Its clock minus ours."),
            .optional("complete_until", .anyText, "Every punch up to then is here, by its own clock."),
            .init("zone", .anyText, "IANA."),
            .optional("users", .anyInteger), .optional("user_places", .anyInteger),
            .optional("logs", .anyInteger), .optional("log_places", .anyInteger),
            .init("resends", .anyInteger, "How often in a row the same batch has come."),
            .init("shifts", .list(.anyText)),
            .init("standing", .words(TerminalStanding.allCases.map { "\($0)" })),
            .optional("location", .anyText), .optional("dialect", .anyText),
            .init("is_dialect_guessed", .flag), .optional("first_seen", .moment),
            .optional("previous_address", .anyText), .optional("moved", .moment),
            .optional("moves_in_day", .anyInteger), .optional("network_moves_in_day", .anyInteger),
            .optional("is_contested", .flag, "Two terminals seem to use this serial number."),
            .init("held", .anyInteger, "Punches that wait for its approval."),
            .init("has_token", .flag),
            .optional(
                "memory",
                .object(
                    ["users", "faces", "fingerprints", "palms", "cards", "passwords", "logs"]
                        .map { .optional($0, fill) })),
            .optional(
                "clock_steps",
                .list(
                    .object([
                        .init("at", .moment), .init("before_seconds", .anyInteger),
                        .optional("after_seconds", .anyInteger), .optional("unread", .anyInteger),
                        .init("overlaps", .flag, "Times before and after overlap."),
                    ])), "When its clock was set by command, the newest first."),
        ]))

    package static var samples: [TerminalAnswerReport] {
        var report = TerminalReport(
            serial: "AYTI10087992", name: "Main door", group: "Pune", model: "AiFace",
            firmware: "ai518_f11v_v1",
            address: "192.0.2.17", state: .online, lastHeard: "2026-11-22T02:31:09.000Z", backlog: 0,
            skewSeconds: 1, completeUntil: "2026-11-22 08:01:08", zone: "Asia/Kolkata", users: 120,
            userPlaces: 3000, logs: 4100, logPlaces: 100_000, shifts: ["Day"])
        report.memory = .init(users: .init(used: 120, places: 3000), faces: .init(used: 118, places: nil))
        return [
            TerminalAnswerReport(report),
            TerminalAnswerReport(TerminalReport(serial: "NEW-1", state: .never, zone: "Asia/Kolkata")),
        ]
    }
}

extension TerminalAnswer: Documented {
    package static let schema = Schema.named(
        "TerminalChanged",
        .object([
            .init("changed", .list(.anyText), "Terminals that are not as they were."),
            .init("released", .count, "Punches that waited and are forwarded now."),
            .optional("token", .anyText, "A new secret: told this once and kept nowhere."),
        ]))
    package static let samples = [TerminalAnswer(changed: ["AYTI10087992"], released: 14)]
}

extension TerminalEvents: Documented {
    package static let schema = Schema.named(
        "TerminalEvents",
        .object([
            .init(
                "events",
                .list(
                    .object([
                        .init("at", .moment), .init("event", .anyText), .init("serial", .anyText),
                        .optional("name", .anyText), .optional("address", .anyText),
                    ]))), .init("next", .anyInteger, "For `after`, the next time."),
        ]))
    package static let samples = [
        TerminalEvents(
            events: [
                .init(
                    at: "2026-11-22T02:31:09.000Z", event: "connected", serial: "AYTI10087992", name: nil,
                    address: "192.0.2.17")
            ], next: 7)
    ]
}

extension ShiftList: Documented {
    package static let schema = Schema.named(
        "ShiftList",
        .object([
            .init(
                "shifts",
                .list(
                    .object([
                        .init("sink", .anyText), .init("shift", .anyText), .init("state", .anyText),
                        .optional("remark", .anyText), .init("terminals", .anyInteger),
                        .optional("complete_until", .anyText),
                        .optional("site_has", .anyText, "`last_sync_of_checkin`."),
                        .optional("open_end", .anyText, "An end of the shift that is past and not complete."),
                        .init("held_back_by", .list(.anyText)),
                    ])))
        ]))
    package static let samples = [
        ShiftList(shifts: [
            ShiftReport(
                sink: "erpnext", shift: "Day", state: "moving", remark: nil, terminals: 2,
                completeUntil: "2026-11-22 08:01:08", siteHas: "2026-11-22 08:00:00", openEnd: nil,
                heldBackBy: [])
        ])
    ]
}
