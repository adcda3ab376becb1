import AsyncHTTPClient
import AttendanceDelivery
import AttendanceWeb
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1

/// Asks a running gateway over its admin socket; what it alone knows stands in no journal.
struct AdminQuestion {
    let socket: String

    /// Nil when no gateway answers there: none runs, it is an older one, or this user may not ask it.
    func get<Answer: Decodable>(_ path: String, _ query: [(String, String)] = []) async throws -> Answer? {
        var components = URLComponents()
        components.path = path
        if !query.isEmpty { components.queryItems = query.map { URLQueryItem(name: $0, value: $1) } }
        // `+` in a query would be read as a blank.
        components.percentEncodedQuery = components.percentEncodedQuery?.replacing("+", with: "%2B")
        guard let uri = components.string else { return nil }
        return try await ask(uri, .GET, within: .seconds(30))
    }

    /// An order without a body. Nil as for `get`.
    func post<Answer: Decodable>(_ path: String) async throws -> Answer? {
        try await ask(path, .POST, within: .minutes(2))
    }

    private func ask<Answer: Decodable>(
        _ uri: String, _ method: HTTPMethod, within limit: TimeAmount
    ) async throws -> Answer? {
        guard let url = URL(httpURLWithSocketPath: socket, uri: uri) else { return nil }
        var request = HTTPClientRequest(url: url.absoluteString)
        request.method = method
        // A client that does not try to connect again: where nobody listens, that is the answer.
        let client = SiteClient.makeHTTPClient(concurrency: 1)
        let answer: HTTPClientResponse
        let body: ByteBuffer
        do {
            answer = try await client.execute(request, timeout: limit)
            body = try await answer.body.collect(upTo: 16 << 20)
            try await client.shutdown()
        } catch {
            // Nobody listens: the caller goes by the journal and says so. The process has nothing else to keep tidy.
            try? await client.shutdown()
            return nil
        }
        guard answer.status != .notFound else { return nil }
        guard answer.status == .ok else {
            Screen.fail("the gateway could not tell: \(String(buffer: body))", code: 1)
        }
        return try JSONAnswer.decode(Answer.self, from: Data(buffer: body))
    }
}
