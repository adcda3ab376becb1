import AttendanceCore
import Foundation
import Testing

/// What a site says in an answer, before it is written in one of the shapes its version and settings give it.
enum SiteSays: Sendable {
    /// `frappe.throw`: an exception with words for the user.
    case thrown(String, String)
    /// What Python or the database raised: in the traceback only.
    case raised(String, String)
    /// An exception of this type, with words that nobody here understands.
    case type(String)
    /// Any bytes.
    case raw(String)

    static let page = SiteSays.raw(
        "<html><head><title>502 Bad Gateway</title></head><body><h1>502</h1></body></html>")
    static let nothing = SiteSays.raw("")
    static let foreign = "Ο κανόνας αυτός ισχύει"

    /// How Frappe writes errors. Source: docs/erpnext.md §7.
    enum Shape: String, Sendable, CaseIterable {
        case version13, version15
        /// *Allow Error Traceback* off.
        case withoutTraceback
        case withoutMessages
        /// `exc_type` came with version 13.
        case version12
        case api2, api2WithoutTraceback
    }

    /// The shapes that still tell what the row is about.
    var shapes: [Shape] {
        switch self {
        case .thrown, .type: Shape.allCases
        case .raised: [.version13, .version15, .withoutMessages, .version12, .api2]
        case .raw: [.version15]
        }
    }

    func body(_ shape: Shape = .version15) -> [UInt8] {
        switch self {
        case .raw(let text): Array(text.utf8)
        case .thrown(let type, let words): Self.json(type, words, isShown: true, shape)
        case .raised(let type, let words): Self.json(type, words, isShown: false, shape)
        case .type(let type): Self.json(type, Self.foreign, isShown: true, shape)
        }
    }

    private static func json(_ type: String, _ words: String, isShown: Bool, _ shape: Shape) -> [UInt8] {
        let module = isShown ? "frappe.exceptions." : ""
        let traceback =
            "Traceback (most recent call last):\n  File \"apps/frappe/app.py\", line 114\n\(module)\(type): \(words)\n"
        if shape == .api2 || shape == .api2WithoutTraceback {
            var error = ["type": type]
            if isShown { error.merge(["message": words, "title": "Message", "indicator": "red"]) { $1 } }
            if shape == .api2 { error["exception"] = traceback }
            return bytes(["errors": [error], "messages": isShown ? [["message": words]] : []])
        }
        var object: [String: Any] = [:]
        if shape != .version12 { object["exc_type"] = type }
        if shape != .withoutTraceback {
            object["exc"] = text([traceback])
            if shape != .version12 { object["exception"] = "\(module)\(type): \(words)" }
            if shape == .version15 { object["_exc_source"] = "hrms (app)" }
        }
        if isShown, shape != .withoutMessages {
            var message: [String: Any] = ["message": words, "indicator": "red"]
            if shape != .version13 { message["raise_exception"] = 1 }
            object["_server_messages"] = text([text(message)])
        }
        return bytes(object)
    }

    static func bytes(_ value: Any) -> [UInt8] {
        (try? JSONSerialization.data(withJSONObject: value, options: .fragmentsAllowed)).map(Array.init) ?? []
    }

    static func text(_ value: Any) -> String { String(decoding: bytes(value), as: UTF8.self) }
}

/// What an answer leads to: what the rules for settling make of the punch, and what the breaker is told of the site.
enum Effect: Equatable, Sendable {
    /// Settled; the site goes on.
    case settled
    /// A dead letter; the site goes on.
    case dead(RejectionCause)
    /// Tried again; the site goes on.
    case again(counted: Bool)
    /// Stays owed, no attempt used up; the site is left alone until it answers. `mayBeThere`: looked for first.
    case owed(mayBeThere: Bool)
    /// Stays owed, no attempt used up; the site is paused until somebody mends it.
    case paused(SiteFault)
    /// None of these: a fate and a sign that do not fit each other.
    case nonsense

    init(_ outcome: DeliveryOutcome, attemptsBefore: Int = 0) {
        let (fate, _) = SettlementRules().fate(
            of: outcome, attemptsBefore: attemptsBefore, at: UnixTime(seconds: 0), random: 0)
        self =
            switch (fate, outcome.sign) {
            case (.delivered, .answers): .settled
            case (.dead(let cause, _), .answers): .dead(cause)
            case (.again(let due, let counted, false), .answers) where due > UnixTime(seconds: 0):
                .again(counted: counted)
            case (.again(_, false, let mayBeStored), .unavailable): .owed(mayBeThere: mayBeStored)
            case (.again(_, false, false), .misconfigured(let fault, _, let remedy)) where !remedy.isEmpty:
                .paused(fault)
            default: .nonsense
            }
    }
}

/// A row of the table: an answer, what it leads to and under which class it is counted.
struct AnswerRow: CustomTestStringConvertible, Sendable {
    var status: Int
    var what: String
    var says: SiteSays
    var effect: Effect
    var answer: AnswerClass
    var testDescription: String { "\(status) \(what)" }

    init(_ status: Int, _ what: String, _ says: SiteSays, _ effect: Effect, _ answer: AnswerClass) {
        (self.status, self.what, self.says, self.effect, self.answer) = (status, what, says, effect, answer)
    }

    /// From bytes to class to action, in every shape.
    func check(_ dialect: ERPNextAnswer.Dialect, lookup: ERPNextAnswer.Lookup? = nil) {
        for shape in says.shapes {
            let answer = ERPNextAnswer(status: status, body: says.body(shape))
            let verdict = answer.verdict(.init(dialect, lookup: lookup))
            #expect(Effect(verdict.outcome) == effect, "\(self), \(shape), \(dialect): \(verdict)")
            #expect(verdict.answer == self.answer, "\(self), \(shape), \(dialect): \(verdict)")
        }
    }
}

let sentTime = "2026-11-22 08:01:09"

func isOneLine(_ text: String) -> Bool { !text.unicodeScalars.contains(where: \.isControl) }

/// A check-in as the site answers it, nulls left out.
func storedCheckin(
    time: String? = sentTime, name: String? = "EMP-CKIN-11-2026-000001", more: [String: Any] = [:]
)
    -> String
{
    var document: [String: Any] = [
        "employee": "HR-EMP-00007", "log_type": "", "device_id": "gate-1", "docstatus": 0, "idx": 0,
        "latitude": 0.0, "doctype": "Employee Checkin",
    ]
    document["time"] = time
    document["name"] = name
    return SiteSays.text(["message": document.merging(more) { $1 }])
}
