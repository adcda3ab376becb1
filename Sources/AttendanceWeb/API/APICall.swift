import AttendanceCore
import AttendanceStore
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// One call, after all that the table says of it was checked.
package struct APICall: Sendable {
    /// Objects and lists within each other in a body.
    static let maximumDepth = 20

    let principal: Principal?
    let context: ConsoleContext
    let headers: HTTPFields
    /// Whether what the caller came in with still holds.
    let stillHolds: @Sendable () async -> Bool
    private let values: [String: [String]]
    private let bodyData: Data
    /// As it was sent.
    let tree: JSONValue

    // MARK: Reading

    init(
        _ endpoint: Endpoint, _ request: Request, context: ConsoleContext,
        stillHolds: @escaping @Sendable () async -> Bool
    ) async throws {
        principal = context.principal
        self.context = context
        self.stillHolds = stillHolds
        headers = request.headers
        values = try Self.values(endpoint, request, context)
        guard let body = endpoint.body else {
            bodyData = Data()
            tree = .null
            return
        }
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > body.limit {
            throw APIProblem(.tooLarge, "a body of this endpoint has at most \(body.limit) bytes")
        }
        let bytes = try await request.body.collect(upTo: body.limit)
        if bytes.readableBytes == 0, !body.isRequired {
            bodyData = Data("{}".utf8)
            tree = [:]
            return
        }
        guard Self.isJSON(request.headers[.contentType]) else {
            throw APIProblem(.mediaType, "send the body with Content-Type: application/json")
        }
        bodyData = Data(buffer: bytes)
        tree = try Self.tree(bodyData)
        let faults = body.schema.faults(in: tree)
        guard faults.isEmpty else {
            throw APIProblem(
                .invalid, "the body does not fit in \(faults.count) places",
                errors: faults.map { .init(pointer: $0.pointer, detail: $0.detail) })
        }
    }

    private static func isJSON(_ type: String?) -> Bool {
        guard let type else { return false }
        let parts = type.split(separator: ";").map { $0.trimmingBlanks().lowercased() }
        guard parts.first == "application/json" else { return false }
        return parts.dropFirst().allSatisfy { !$0.hasPrefix("charset=") || $0.contains("utf-8") }
    }

    private static func tree(_ data: Data) throws -> JSONValue {
        guard let text = String(data: data, encoding: .utf8) else {
            throw APIProblem(.malformed, "the body is not UTF-8")
        }
        guard let tree = JSONValue(parsing: text, maximumDepth: maximumDepth) else {
            throw APIProblem(
                .malformed,
                "the body is no JSON, or has objects and lists deeper than \(maximumDepth) or more than 100,000 values"
            )
        }
        return tree
    }

    /// The body as a value. Its shape was checked, so that nothing but JSON's finer points can be wrong.
    func body<Value: Decodable>(_ type: Value.Type) throws -> Value {
        do {
            return try JSONAnswer.decode(type, from: bodyData)
        } catch {
            throw APIProblem(.malformed, "the body cannot be read: \(PlainText.line("\(error)", limit: 300))")
        }
    }

    private static func values(
        _ endpoint: Endpoint, _ request: Request, _ context: ConsoleContext
    ) throws -> [String: [String]] {
        var sent = try query(request.uri.query ?? "")
        var faults: [APIProblem.Fault] = []
        let known = endpoint.parameters(in: .query)
        for name in sent.keys.sorted() where !known.contains(where: { $0.name == name }) {
            let names = known.map(\.name).joined(separator: ", ")
            faults.append(
                .init(
                    parameter: PlainText.line(name, limit: 60),
                    detail: known.isEmpty ? "is not known here" : "is not known here; there are \(names)"))
            sent[name] = nil
        }
        for parameter in endpoint.parameters(in: .path) {
            guard let raw = context.parameters.get(parameter.name), let text = raw.removingPercentEncoding
            else { throw APIProblem(.malformed, "the path is not percent-encoded UTF-8") }
            sent[parameter.name] = [text]
        }
        for parameter in endpoint.parameters(in: .header) {
            let name = HTTPField.Name.named(parameter.name)
            if let text = request.headers[name] { sent[parameter.name] = [text] }
        }
        for parameter in endpoint.parameters {
            guard let texts = sent[parameter.name] else {
                if parameter.isRequired {
                    faults.append(.init(parameter: parameter.name, detail: "is missing"))
                }
                continue
            }
            for fault in parameter.schema.faults(ofTexts: texts) {
                faults.append(.init(parameter: parameter.name, detail: fault))
            }
        }
        // A number that cannot be one is nothing that there is; all else is a mistake.
        let paths = Set(endpoint.parameters(in: .path).map(\.name))
        if !faults.isEmpty, faults.allSatisfy({ $0.parameter.map(paths.contains) ?? false }) {
            throw APIProblem.notFound
        }
        guard faults.isEmpty else {
            throw APIProblem(
                .invalid, faults.map { "\($0.parameter ?? "") \($0.detail)" }.joined(separator: "; "),
                errors: Array(faults.prefix(Schema.mostFaults)))
        }
        return sent
    }

    private static func query(_ text: String) throws -> [String: [String]] {
        var values: [String: [String]] = [:]
        let pairs = text.split(separator: "&", maxSplits: FormFields.maximumFields)
        guard pairs.count <= FormFields.maximumFields else {
            throw APIProblem(.malformed, "the query has too many parameters")
        }
        for pair in pairs {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let texts = parts.map { $0.replacing("+", with: " ").removingPercentEncoding }
            guard let name = texts[0], let value = texts.count > 1 ? texts[1] : "" else {
                throw APIProblem(.malformed, "the query is not percent-encoded UTF-8")
            }
            values[name, default: []].append(value)
        }
        return values
    }

    var bodyBytes: Data { bodyData }

    // MARK: Parameters

    func text(_ name: String) -> String? { values[name]?.first }
    func texts(_ name: String) -> [String] { values[name] ?? [] }
    func integer(_ name: String) -> Int64? { text(name).flatMap { Int64($0) } }
    func flag(_ name: String) -> Bool? { text(name).map { $0 == "true" } }
    var cursor: String? { text("cursor") }
    var limit: Int { integer("limit").map { Int($0) } ?? 100 }

    /// Read as a value of ours; a problem with the parameter where it cannot be one.
    func value<Value>(_ name: String, _ allowed: String, _ read: (String) -> Value?) throws -> Value? {
        guard let text = text(name) else { return nil }
        guard let value = read(text) else { throw APIProblem.parameter(name, "must be \(allowed)") }
        return value
    }

    func serial(_ name: String = "terminal") throws -> SerialNumber? {
        try value(name, "a serial number") { SerialNumber($0) }
    }

    /// Of the path.
    func requiredSerial() throws -> SerialNumber {
        guard let serial = text("serial").flatMap({ SerialNumber($0) }) else { throw APIProblem.notFound }
        return serial
    }

    /// Of the path.
    func requiredID() throws -> Int64 {
        guard let id = integer("id") else { throw APIProblem.notFound }
        return id
    }

    /// A day is its beginning.
    func wall(_ name: String) throws -> WallTime? {
        try value(name, "a day or moment that exists: YYYY-MM-DD or YYYY-MM-DD HH:MM:SS") {
            WallTime($0) ?? WallTime($0 + " 00:00:00")
        }
    }

    func moment(_ name: String) throws -> UnixTime? {
        try value(name, "a moment such as 2026-11-22T08:00:00Z") { UnixTime(iso8601: $0) }
    }

    // MARK: Who asks

    /// Throws where the table should have said that somebody must be known.
    func who() throws -> Principal {
        guard let principal else {
            throw APIProblem(.unauthenticated, "send a token: Authorization: Bearer agw_…")
        }
        return principal
    }

    func author() throws -> Author { try who().author }

    /// Whether all terminals are within reach.
    var reachesAllGroups: Bool { principal?.reach?.groups == nil }

    /// `If-Match`, of what holds now.
    func requireMatch(_ revision: String?) throws {
        guard let wanted = headers[.ifMatch], wanted.trimmingBlanks() != "*" else { return }
        let tags = wanted.split(separator: ",").map { $0.trimmingBlanks() }
        guard let revision,
            tags.contains(where: { $0.hasPrefix("\"\(revision)-") || $0 == "\"\(revision)\"" })
        else {
            throw APIProblem(.changed, "it is not what it was when you read it; read it again")
        }
    }
}

extension Schema {
    /// Of a parameter: what its texts mean, and where they do not.
    func faults(ofTexts texts: [String]) -> [String] {
        if case .list(let item, let count) = plain {
            if texts.count > count.upperBound { return ["may be given at most \(count.upperBound) times"] }
            return texts.flatMap { item.faults(ofTexts: [$0]) }
        }
        guard texts.count == 1 else { return ["may be given once"] }
        let value: JSONValue
        switch plain {
        case .integer:
            // No sign but minus, no blanks: what Int64 reads besides is no number of JSON.
            let digits = texts[0].hasPrefix("-") ? texts[0].dropFirst() : texts[0][...]
            guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int64(texts[0])
            else { return ["must be a whole number"] }
            value = .integer(number)
        case .flag:
            guard texts[0] == "true" || texts[0] == "false" else { return ["must be true or false"] }
            value = .flag(texts[0] == "true")
        default: value = .text(texts[0])
        }
        return faults(in: value).map(\.detail)
    }
}

extension UnixTime {
    /// Of a text such as `2026-11-22T08:00:00Z`, `2026-11-22T13:30:00.250+05:30`, or a day, which is its beginning in
    /// UTC.
    package init?(iso8601 text: String) {
        guard text.utf8.count <= 40 else { return nil }
        if let day = WallTime(text + " 00:00:00"), text.utf8.count == 10 {
            self.init(seconds: day.seconds)
            return
        }
        guard text.utf8.count >= 20, let wall = WallTime(String(text.prefix(19))) else { return nil }
        var rest = text.dropFirst(19)
        var milliseconds: Int64 = 0
        if rest.first == "." {
            let digits = rest.dropFirst().prefix { $0.isASCII && $0.isNumber }
            guard (1...9).contains(digits.count),
                let value = Int64((digits + "00").prefix(3))
            else { return nil }
            milliseconds = value
            rest = rest.dropFirst(1 + digits.count)
        }
        var offset: Int64 = 0
        if rest != "Z" && rest != "z" {
            let parts = rest.dropFirst().split(separator: ":", omittingEmptySubsequences: false)
            guard rest.first == "+" || rest.first == "-", parts.count == 2, parts[0].count == 2,
                parts[1].count == 2, let hours = Int64(parts[0]), let minutes = Int64(parts[1]),
                (0...14).contains(hours), (0...59).contains(minutes)
            else { return nil }
            offset = (hours * 3600 + minutes * 60) * (rest.first == "-" ? -1 : 1)
        }
        self.init(milliseconds: (wall.seconds - offset) * 1000 + milliseconds)
    }
}
