import AsyncHTTPClient
import AttendanceCore
import AttendanceGateway
import AttendanceStore
import AttendanceWeb
import Foundation
import NIOCore
import NIOHTTP1

/// A browser without a screen: keeps cookies, follows redirects, fills forms in.
final class ConsoleVisitor {
    struct Page {
        var status: Int
        var path: String
        var headers: HTTPHeaders
        var text: String

        /// The value of a form's hidden field, or of any field.
        func field(_ name: String) -> String? {
            guard let start = text.range(of: "name=\"\(name)\""),
                let tag = text[start.upperBound...].range(of: ">"),
                let value = text[start.upperBound..<tag.lowerBound].range(of: "value=\"")
            else { return nil }
            return String(text[value.upperBound...].prefix { $0 != "\"" })
        }
    }

    let base: String
    /// Follows no redirect by itself: cookies are ours to keep.
    private static let client = HTTPClient(
        eventLoopGroupProvider: .singleton,
        configuration: .init(redirectConfiguration: .disallow, decompression: .disabled))
    private var cookies: [String: String] = [:]
    private(set) var formToken = ""
    var language = "en"

    init(port: Int) { base = "http://127.0.0.1:\(port)" }

    func get(_ path: String, headers: [(String, String)] = []) async throws -> Page {
        try await ask(.GET, path, body: nil, headers: headers)
    }

    /// Sends a form of the page that was seen last.
    func post(_ path: String, _ fields: KeyValuePairs<String, String>, token: String? = nil) async throws
        -> Page
    {
        var all = [("form_token", token ?? formToken)]
        all += fields.map { ($0.key, $0.value) }
        let body = all.map { "\(Self.escaped($0.0))=\(Self.escaped($0.1))" }.joined(separator: "&")
        return try await ask(
            .POST, path, body: body, headers: [("Content-Type", "application/x-www-form-urlencoded")])
    }

    func signIn(_ name: String, _ password: String) async throws -> Page {
        _ = try await get("/sign-in")
        return try await post("/sign-in", ["name": name, "password": password])
    }

    /// One answer as it is, redirects included.
    func ask(
        _ method: HTTPMethod, _ path: String, body: String?, headers: [(String, String)] = [],
        follows: Bool = true
    ) async throws -> Page {
        var request = HTTPClientRequest(url: base + path)
        request.method = method
        request.headers.add(name: "Accept-Language", value: language)
        if !cookies.isEmpty {
            request.headers.add(
                name: "Cookie", value: cookies.map { "\($0.key)=\($0.value)" }.joined(separator: "; "))
        }
        for (name, value) in headers { request.headers.replaceOrAdd(name: name, value: value) }
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let response = try await Self.client.execute(request, timeout: .seconds(30))
        for line in response.headers["Set-Cookie"] {
            let pair = line.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1)
            guard pair.count >= 1 else { continue }
            let isGone = line.contains("Max-Age=0")
            cookies[String(pair[0])] = isGone || pair.count < 2 ? nil : String(pair[1])
        }
        let text = String(buffer: try await response.body.collect(upTo: 8 << 20))
        if follows, response.status == .seeOther, let next = response.headers.first(name: "Location") {
            return try await get(next)
        }
        let page = Page(
            status: Int(response.status.code), path: path, headers: response.headers, text: text)
        if let token = page.field("form_token") { formToken = token }
        return page
    }

    static func escaped(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }
}

extension RunningGateway {
    static let password = "a long and quiet evening"

    /// Signed in as a new account of that role.
    func visitor(
        _ role: Role = .administrator, named name: String = "operator.one", reach: Reach? = nil
    ) async throws -> ConsoleVisitor {
        _ = try await gateway.accounts.create(
            name: name, password: Self.password, role: role, reach: reach, by: Author("test"))
        let visitor = ConsoleVisitor(port: try await consolePort())
        _ = try await visitor.signIn(name, Self.password)
        return visitor
    }

    /// Bound a moment after the terminals' own.
    func consolePort() async throws -> Int {
        try await eventually { await gateway.ports.port(of: "console") != nil }
        return await gateway.ports.port(of: "console") ?? 0
    }
}
