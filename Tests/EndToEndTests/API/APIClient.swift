import AsyncHTTPClient
import AttendanceCore
import AttendanceGateway
import AttendanceWeb
import Foundation
import NIOCore
import NIOHTTP1
import Testing

/// A program that calls the API, and holds every answer against the document.
struct APIClient: Sendable {
    struct Answer: Sendable {
        var status: Int
        var headers: HTTPHeaders
        var text: String
        var body: JSONValue

        subscript(_ name: String) -> JSONValue? {
            if case .object(let fields) = body { fields[name] } else { nil }
        }

        /// Of a page or list.
        var items: [JSONValue] { self["items"]?.array ?? [] }
        /// Last part of a problem's type.
        var problem: String? {
            self["type"]?.string.flatMap { $0.split(separator: ":").last.map(String.init) }
        }
        /// What of the request a problem means.
        var faults: [String] {
            (self["errors"]?.array ?? []).compactMap { $0["pointer"]?.string ?? $0["parameter"]?.string }
        }
    }

    private static let client = HTTPClient(
        eventLoopGroupProvider: .singleton,
        configuration: .init(redirectConfiguration: .disallow, decompression: .disabled))

    var port: Int
    var headers: [(String, String)] = []

    init(port: Int, token: String? = nil) {
        self.port = port
        if let token { headers = [("Authorization", "Bearer \(token)")] }
    }

    func get(_ path: String, _ headers: [(String, String)] = []) async throws -> Answer {
        try await ask(.GET, path, headers: headers)
    }

    func post(_ path: String, _ body: JSONValue? = nil, _ headers: [(String, String)] = []) async throws
        -> Answer
    {
        try await ask(.POST, path, body: body?.json, headers: headers)
    }

    func ask(
        _ method: HTTPMethod, _ path: String, body: String? = nil, headers: [(String, String)] = []
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(API.root)\(path)")
        request.method = method
        for (name, value) in self.headers { request.headers.replaceOrAdd(name: name, value: value) }
        if let body {
            request.headers.replaceOrAdd(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(string: body))
        }
        for (name, value) in headers { request.headers.replaceOrAdd(name: name, value: value) }
        let response = try await Self.client.execute(request, timeout: .seconds(50))
        let text = String(buffer: try await response.body.collect(upTo: 16 << 20))
        let answer = Answer(
            status: Int(response.status.code), headers: response.headers, text: text,
            body: JSONValue(parsing: text) ?? .null)
        check(answer, method, path)
        return answer
    }

    /// Whether the answer is one that the document tells of.
    private func check(_ answer: Answer, _ method: HTTPMethod, _ path: String) {
        guard method != .HEAD else { return }
        let what: Comment = "\(method.rawValue) \(path): \(answer.status) \(answer.text.prefix(400))"
        #expect(!answer.text.contains("<html"), what)
        guard answer.status < 500 || answer.status == 503 else {
            Issue.record(what)
            return
        }
        if answer.status >= 400 {
            #expect(answer.headers.first(name: "Content-Type") == "application/problem+json", what)
            #expect(ProblemAnswer.schema.faults(in: answer.body).isEmpty, what)
            #expect(answer["status"]?.whole == Int64(answer.status), what)
        }
        guard let endpoint = Self.endpoint(method.rawValue, path) else {
            #expect([404, 405, 401, 429].contains(answer.status), what)
            return
        }
        let known = Set(endpoint.problems.map(\.status.code) + [endpoint.status.code])
        #expect(known.contains(answer.status) || answer.status == 304 || answer.status == 405, what)
        if answer.status == endpoint.status.code, endpoint.schema != .nothing {
            #expect(answer.headers.first(name: "Content-Type") == "application/json", what)
            let faults = endpoint.schema.faults(in: answer.body)
            #expect(faults.isEmpty, "\(what): \(faults)")
        }
    }

    static func endpoint(_ method: String, _ path: String) -> Endpoint? {
        let parts = path.prefix { $0 != "?" }.split(separator: "/")
        let here = API.endpoints.filter { endpoint in
            let wanted = endpoint.path.split(separator: "/")
            return endpoint.method.rawValue == method && wanted.count == parts.count
                && zip(wanted, parts).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
        }
        return here.first { !$0.path.contains("{") } ?? here.first
    }
}

extension JSONValue {
    subscript(_ name: String) -> JSONValue? {
        if case .object(let fields) = self { fields[name] } else { nil }
    }
    var string: String? { if case .text(let text) = self { text } else { nil } }
    var whole: Int64? { if case .integer(let number) = self { number } else { nil } }
    var array: [JSONValue]? { if case .list(let values) = self { values } else { nil } }
}

extension RunningGateway {
    /// Calls with a new token.
    func client(
        _ scopes: Set<Scope> = Set(Scope.allCases), groups: [String]? = nil, sinks: [String]? = nil
    ) async throws -> APIClient {
        let reach = try groups == nil && sinks == nil ? nil : Reach(groups: groups, sinks: sinks)
        let token = try await gateway.accounts.issueToken(
            name: "program \(UUID())", scopes: scopes, reach: reach, by: Author("test"))
        return APIClient(port: try await consolePort(), token: token.text)
    }
}
