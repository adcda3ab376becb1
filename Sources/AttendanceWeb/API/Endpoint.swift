import AttendanceCore
import Foundation
import HTTPTypes
import Hummingbird

/// What the document tells the shape of, with values that a test holds against it.
package protocol Documented: Encodable, Sendable {
    static var schema: Schema { get }
    /// The first is the document's example.
    static var samples: [Self] { get }
}

/// One call of the API: from this table come the routes, the checks of what is sent, and the document.
package struct Endpoint: Sendable {
    package enum Tag: String, CaseIterable, Sendable {
        case system = "System"
        case punches = "Punches"
        case terminals = "Terminals"
        case commands = "Commands"
        case pulls = "Pulls"
        case persons = "Persons"
        case employees = "Employees"
        case deliveries = "Deliveries"
        case alerts = "Alerts"
        case accounts = "Accounts"
        case codes = "Codes"

        var help: String {
            switch self {
            case .system: "The gateway itself: health, settings, what is going on."
            case .punches: "What terminals have sent, and what became of it."
            case .terminals: "Terminals, and what is said of them."
            case .commands: "What terminals are asked to do."
            case .pulls: "Records that terminals are asked for, because they did not send them."
            case .persons: "Whom terminals shall know: the roster."
            case .employees: "Who is who between terminals and ERPNext sites."
            case .deliveries: "Sinks, what is owed to them, and what could not be delivered."
            case .alerts: "What the gateway calls for help about."
            case .accounts: "Who may use the console and the API, and what they did."
            case .codes: "PINs and QR codes by which people may pass."
            }
        }
    }

    package struct Parameter: Sendable {
        package enum Place: String, Sendable { case path, query, header }
        package var name: String
        package var place: Place
        package var schema: Schema
        package var help: String
        package var isRequired: Bool

        /// A list is given by naming the parameter several times.
        package static func query(_ name: String, _ schema: Schema, _ help: String, isRequired: Bool = false)
            -> Parameter
        {
            Parameter(name: name, place: .query, schema: schema, help: help, isRequired: isRequired)
        }

        package static func path(_ name: String, _ schema: Schema, _ help: String) -> Parameter {
            Parameter(name: name, place: .path, schema: schema, help: help, isRequired: true)
        }

        package static func header(_ name: String, _ schema: Schema, _ help: String) -> Parameter {
            Parameter(name: name, place: .header, schema: schema, help: help, isRequired: false)
        }
    }

    /// What is sent along. JSON throughout.
    package struct Body: Sendable {
        package var schema: Schema
        package var example: JSONValue
        /// In bytes.
        package var limit: Int
        package var isRequired: Bool

        /// - `isRequired`: without it an empty body is taken for `{}`.
        package static func json<Value: Documented & Decodable>(
            _ type: Value.Type, upTo limit: Int = 64 << 10, isRequired: Bool = true
        ) -> Body {
            Body(
                schema: type.schema, example: Value.samples.first.map { JSONValue(encoding: $0) } ?? .null,
                limit: limit, isRequired: isRequired)
        }
    }

    /// What else may happen with a call.
    package struct Traits: OptionSet, Sendable {
        package let rawValue: Int
        package init(rawValue: Int) { self.rawValue = rawValue }
        /// Of something that may not be there, though it stands in no path.
        package static let mayBeMissing = Traits(rawValue: 1)
        /// Nothing for whoever is limited to a part.
        package static let whole = Traits(rawValue: 2)
        /// `ETag`, and 304 for whoever has it already.
        package static let tagged = Traits(rawValue: 4)
        /// `If-Match` is looked at.
        package static let guarded = Traits(rawValue: 8)
        /// The answer shows a secret once, and is not kept for repeats.
        package static let secret = Traits(rawValue: 16)
        /// May be refused as things stand.
        package static let mayConflict = Traits(rawValue: 32)
        /// One page of many: with `limit` and `cursor`.
        package static let paged = Traits(rawValue: 128)
        /// Events, as long as one likes.
        package static let stream = Traits(rawValue: 64)
    }

    package var method: HTTPRequest.Method
    /// Below `/api/v1`, such as `punches/{id}`.
    package var path: String
    package var operation: String
    package var summary: String
    package var help: String
    package var tag: Tag
    /// Nil: for everybody, without a token.
    package var scope: Scope?
    package var parameters: [Parameter]
    package var body: Body?
    package var status: HTTPResponse.Status
    package var schema: Schema
    package var example: JSONValue?
    package var traits: Traits
    /// What pages show that is different afterwards.
    package var touches: Set<LiveHub.Topic>
    let run: @Sendable (API, APICall) async throws -> APIAnswer

    package init<Answer: Documented>(
        _ method: HTTPRequest.Method, _ path: String, _ operation: String, _ summary: String,
        _ help: String = "", tag: Tag, scope: Scope?, _ parameters: [Parameter] = [], body: Body? = nil,
        status: HTTPResponse.Status = .ok, traits: Traits = [], touches: Set<LiveHub.Topic> = [],
        _ handler: @escaping @Sendable (API, APICall) async throws -> Answer
    ) {
        self.method = method
        self.path = path
        self.operation = operation
        self.summary = summary
        self.help = help
        self.tag = tag
        self.scope = scope
        self.parameters = parameters
        if traits.contains(.paged) { self.parameters += Parameter.page }
        self.parameters += Self.headers(method, scope, traits)
        self.body = body
        self.status = Answer.self == NoAnswer.self ? .noContent : status
        self.traits = traits
        self.touches = touches
        schema = Answer.schema
        example = Answer.samples.first.map { JSONValue(encoding: $0) }
        run = { api, call in
            let answer = try await handler(api, call)
            if let stream = answer as? EventStream { return APIAnswer(stream: stream.response) }
            return APIAnswer(
                body: answer is NoAnswer ? nil : try JSONAnswer.encode(answer),
                revision: (answer as? any Revised)?.revision, next: (answer as? any Paged)?.nextCursor)
        }
    }

    private static func headers(_ method: HTTPRequest.Method, _ scope: Scope?, _ traits: Traits)
        -> [Parameter]
    {
        var headers: [Parameter] = []
        if method != .get, scope != nil {
            headers = [
                .header(
                    API.keyHeader, .text(.init(1...200, pattern: "^[!-~]+$")),
                    "Chosen by you: sent again with the same key, the request is not carried out twice, and its "
                        + "answer comes again, for a day."),
                .header(
                    API.formTokenHeader, .text(.init(0...200)),
                    "With a session's cookie: its form token. Not needed with a token of the API."),
            ]
        }
        if traits.contains(.tagged) {
            headers.append(
                .header("If-None-Match", .text(.init(0...1000)), "An `ETag`: 304 where it still holds."))
        }
        if traits.contains(.guarded) {
            headers.append(
                .header("If-Match", .text(.init(0...1000)), "An `ETag`: 412 where it was changed meanwhile."))
        }
        return headers
    }

    /// `/api/v1/punches/{id}`
    package var fullPath: String { "\(API.root)/\(path)" }
    var isUnsafe: Bool { method != .get }
    func parameters(in place: Parameter.Place) -> [Parameter] { parameters.filter { $0.place == place } }

    /// Problems that it may answer with, beside those of every call.
    package var problems: Set<APIProblem.Kind> {
        var problems: Set<APIProblem.Kind> = [.malformed, .tooMany, .failed, .unavailable, .invalid]
        if scope != nil { problems.formUnion([.unauthenticated, .forbidden]) }
        if traits.contains(.mayBeMissing) || !parameters(in: .path).isEmpty { problems.insert(.notFound) }
        if body != nil { problems.formUnion([.tooLarge, .mediaType]) }
        if isUnsafe { problems.formUnion([.underWay, .keyUsed]) }
        if traits.contains(.mayConflict) { problems.insert(.conflict) }
        if traits.contains(.guarded) { problems.insert(.changed) }
        return problems
    }
}

/// What a handler's answer has become.
struct APIAnswer: Sendable {
    var body: Data?
    /// Of what may be changed about it, for `If-Match`.
    var revision: String?
    /// The cursor of the next page.
    var next: String?
    var stream: Response?

    init(body: Data?, revision: String? = nil, next: String? = nil) {
        self.body = body
        self.revision = revision
        self.next = next
    }

    init(stream: Response) { self.stream = stream }
}

/// Done, with nothing to tell.
package struct NoAnswer: Documented {
    package static let schema = Schema.nothing
    package static let samples: [NoAnswer] = []
}

/// An answer that has a revision apart from what moves by itself.
protocol Revised { var revision: String { get } }

/// An answer that is one page of many.
protocol Paged { var nextCursor: String? { get } }

/// Some of what was asked for, and where the rest begins.
package struct PageAnswer<Item: Documented>: Documented, Paged {
    package var items: [Item]
    package var nextCursor: String?
    /// The search stopped at its bound; everything newer than this was looked at.
    package var searchedBackTo: String?

    package init(_ items: [Item], next: String?, searchedBackTo: UnixTime? = nil) {
        self.items = items
        nextCursor = next
        self.searchedBackTo = searchedBackTo?.iso8601
    }

    package static var schema: Schema {
        .named(
            (Item.schema.name ?? "Item") + "Page",
            .object([
                .init("items", .list(Item.schema)),
                .optional(
                    "next_cursor", .anyText,
                    "For `cursor`, with all else as before; absent at the end. A page may hold fewer items than "
                        + "asked for and go on all the same."),
                .optional(
                    "searched_back_to", .moment,
                    "The search stopped at its bound: everything newer than this was looked at."),
            ]))
    }

    package static var samples: [PageAnswer] {
        [PageAnswer(Item.samples, next: "cHwxMjM"), PageAnswer([], next: nil)]
    }
}

/// All there is.
package struct ListAnswer<Item: Documented>: Documented {
    package var items: [Item]

    package init(_ items: [Item]) { self.items = items }

    package static var schema: Schema {
        .named((Item.schema.name ?? "Item") + "List", .object([.init("items", .list(Item.schema))]))
    }
    package static var samples: [ListAnswer] { [ListAnswer(Item.samples)] }
}

extension JSONValue {
    /// A value as the API would send it.
    init(encoding value: some Encodable) {
        // What cannot be encoded has no example; a test encodes all of them.
        guard let data = try? JSONAnswer.encode(value) else {
            self = .null
            return
        }
        self = JSONValue(parsing: String(decoding: data, as: UTF8.self)) ?? .null
    }
}

/// Cursors tell nobody anything, and are checked like everything else that comes in.
enum PageCursor {
    static func text(_ parts: [String]) -> String { Data(parts.joined(separator: "|").utf8).base64URL }

    /// So many parts; throws a problem with the parameter `cursor`.
    static func parts(_ text: String, _ count: Int) throws -> [String] {
        let padded =
            text.replacing("-", with: "+").replacing("_", with: "/")
            + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        guard let data = Data(base64Encoded: padded), let plain = String(data: data, encoding: .utf8) else {
            throw wrong
        }
        let parts = plain.split(
            separator: "|", maxSplits: count - 1, omittingEmptySubsequences: false
        ).map(String.init)
        guard parts.count == count else { throw wrong }
        return parts
    }

    static func number(_ text: String) throws -> Int64 {
        guard let number = Int64(try parts(text, 1)[0]) else { throw wrong }
        return number
    }

    static var wrong: APIProblem { .parameter("cursor", "is none that this list has given") }
}
