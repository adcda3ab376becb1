import AsyncHTTPClient
import AttendanceWeb
import Foundation
import NIOCore
import NIOFoundationCompat

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
        guard let uri = components.string, let url = URL(httpURLWithSocketPath: socket, uri: uri) else {
            return nil
        }
        // A gateway that was killed leaves its socket behind: whoever does not answer at once is not there.
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let (status, body) = await Self.exchange(url, client)
        try await client.shutdown()
        guard let status, let body else { return nil }
        guard status != 404 else { return nil }
        guard status == 200 else {
            Screen.fail("the gateway could not tell: \(String(buffer: body))", code: 1)
        }
        return try JSONAnswer.decode(Answer.self, from: Data(buffer: body))
    }

    private static func exchange(_ url: URL, _ client: HTTPClient) async -> (Int?, ByteBuffer?) {
        do {
            let answer = try await client.execute(
                HTTPClientRequest(url: url.absoluteString), timeout: .seconds(30))
            return (Int(answer.status.code), try await answer.body.collect(upTo: 16 << 20))
        } catch {
            // Nobody listens: the caller goes by the journal and says so.
            return (nil, nil)
        }
    }
}
