import AsyncHTTPClient
import AttendanceCore
import AttendanceSimulation
import Foundation
import NIOCore
import Testing

/// An HTTP client as a test needs it: every answer as it came, nothing followed, nothing kept.
struct Caller: Sendable {
    struct Answer: Sendable {
        var status: Int
        var headers: [(String, String)]
        var body: [UInt8]

        var json: JSONValue { JSONValue(bytes: body) }
        var text: String { String(decoding: body, as: UTF8.self) }
        var message: JSONValue { json["message"] }
        var data: JSONValue { json["data"] }
        var type: String? { json["exc_type"].text }
        /// The words of the first of `_server_messages`.
        var words: String? {
            json["_server_messages"].text.flatMap { JSONValue(text: $0)[0].text }
                .flatMap { JSONValue(text: $0)["message"].text }
        }

        func header(_ name: String) -> String? { headers.first { $0.0.lowercased() == name.lowercased() }?.1 }
    }

    let client: HTTPClient
    let url: String
    /// Sent with every request.
    var headers: [(String, String)] = [("Accept", "application/json"), ("Accept-Language", "en")]

    static let hrms = "hrms.hr.doctype.employee_checkin.employee_checkin.add_log_based_on_employee_field"

    func send(
        _ method: String, _ path: String, query: [(String, String)] = [],
        json: String? = nil, form: [(String, String)]? = nil, headers: [(String, String)] = []
    ) async throws -> Answer {
        var request = HTTPClientRequest(
            url: "\(url)/\(Self.encoded(path, but: "/"))"
                + (query.isEmpty ? "" : "?" + Self.form(query)))
        request.method = .init(rawValue: method)
        for (name, value) in self.headers + headers { request.headers.replaceOrAdd(name: name, value: value) }
        if let json {
            request.headers.replaceOrAdd(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(string: json))
        } else if let form {
            request.headers.replaceOrAdd(name: "Content-Type", value: "application/x-www-form-urlencoded")
            request.body = .bytes(ByteBuffer(string: Self.form(form)))
        }
        let response = try await client.execute(request, timeout: .seconds(20))
        let body = try await response.body.collect(upTo: 64 << 20)
        return Answer(
            status: Int(response.status.code), headers: response.headers.map { ($0.name, $0.value) },
            body: Array(body.readableBytesView))
    }

    /// HRMS's own method, with the fields of a form as the official tool sends them.
    func log(_ fields: [String: String], method: String = "POST") async throws -> Answer {
        try await send(method, "api/method/\(Self.hrms)", form: fields.map { ($0.key, $0.value) })
    }

    func log(_ person: String, _ time: String, _ more: [String: String] = [:]) async throws -> Answer {
        try await log(["employee_field_value": person, "timestamp": time].merging(more) { _, new in new })
    }

    func list(
        _ doctype: String, fields: [String]? = nil, filters: String? = nil, _ more: [(String, String)] = []
    ) async throws -> Answer {
        var query = more
        if let fields {
            query.append(("fields", "[" + fields.map { "\"\($0)\"" }.joined(separator: ",") + "]"))
        }
        if let filters { query.append(("filters", filters)) }
        return try await send("GET", "api/resource/\(doctype)", query: query)
    }

    private static func form(_ fields: [(String, String)]) -> String {
        fields.map { "\(encoded($0.0))=\(encoded($0.1))" }.joined(separator: "&")
    }

    private static func encoded(_ text: String, but more: String = "") -> String {
        let plain = CharacterSet(charactersIn: more).union(.alphanumerics).union(.init(charactersIn: "-._~"))
        return text.addingPercentEncoding(withAllowedCharacters: plain) ?? text
    }
}

/// JSON to look into: what is not there is `missing`.
enum JSONValue: Hashable, Sendable {
    case missing
    case null
    case bool(Bool)
    case number(Double)
    case text(String)
    case list([JSONValue])
    case object([String: JSONValue])

    init(text: String) { self.init(bytes: Array(text.utf8)) }

    init(bytes: [UInt8]) {
        // What is no JSON is what some tests want to see.
        let value = try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
        self = value.map(Self.init) ?? .missing
    }

    private init(_ value: Any) {
        switch value {
        case let text as String: self = .text(text)
        case let list as [Any]: self = .list(list.map(Self.init))
        case let object as [String: Any]: self = .object(object.mapValues(Self.init))
        case let number as NSNumber: self = .number(number.doubleValue)
        default: self = .null
        }
    }

    subscript(key: String) -> JSONValue {
        if case .object(let object) = self { object[key] ?? .missing } else { .missing }
    }

    subscript(index: Int) -> JSONValue {
        if case .list(let list) = self, list.indices.contains(index) { list[index] } else { .missing }
    }

    var text: String? { if case .text(let text) = self { text } else { nil } }
    var number: Double? { if case .number(let number) = self { number } else { nil } }
    var list: [JSONValue] { if case .list(let list) = self { list } else { [] } }
    var keys: Set<String> { if case .object(let object) = self { Set(object.keys) } else { [] } }
    var isMissing: Bool { self == .missing }
    /// The texts under one key of each object of a list.
    func texts(_ key: String) -> [String] { list.compactMap { $0[key].text } }
}

/// 22 November 2026, 13:30:05 in India.
let aSunday = UnixTime(seconds: 1_795_334_405)

extension SimulatedEmployee {
    static let ada = SimulatedEmployee(
        name: "HR-EMP-00001", deviceID: "1006", employeeName: "Ada Example", branch: "North",
        defaultShift: "Day", fields: ["employee_number": "E-7", "custom_badge": "B 1"])
    static let bob = SimulatedEmployee(
        name: "HR-EMP-00002", deviceID: "5555x", employeeName: "Bob Example", defaultShift: "Night")
    static let eve = SimulatedEmployee(name: "HR-EMP-00003", deviceID: "Ab12", status: .inactive)
    static let zoe = SimulatedEmployee(name: "HR-EMP-00004", deviceID: "77", status: .left)
}

extension SimulatedShiftType {
    static let day = SimulatedShiftType(
        name: "Day", start: "09:00", end: "18:00", processAfter: "2026-01-01", lastSync: "2026-11-21 20:00:00"
    )
    static let night = SimulatedShiftType(name: "Night", start: "22:00", end: "06:00")
}

/// A site with four employees and two shifts, its clock standing still unless told otherwise.
func withSite(
    credential: String? = "key:secret", version: SimulatedSiteVersion = .recorded,
    authorization: String? = "token key:secret", registersUnknown: Bool = false,
    now: @escaping @Sendable () -> UnixTime = { aSunday },
    _ body: (SimulatedERPNext, Caller) async throws -> Void
) async throws {
    let erp = try SimulatedERPNext(
        employees: [.ada, .bob, .eve, .zoe], registersUnknown: registersUnknown, credential: credential,
        version: version, now: now)
    erp.add(SimulatedShiftType.day)
    erp.add(SimulatedShiftType.night)
    try await erp.start()
    var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
    configuration.httpVersion = .http1Only
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
    let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    var caller = Caller(client: client, url: erp.url)
    if let authorization { caller.headers.append(("Authorization", authorization)) }
    do {
        try await body(erp, caller)
    } catch {
        try await client.shutdown()
        try await erp.stop()
        throw error
    }
    try await client.shutdown()
    try await erp.stop()
}
