import AsyncHTTPClient
import AttendanceCore
import Foundation
import NIOCore
import NIOHTTP1

/// One POST to an address whose path may be a secret: no redirect followed, at most 64 KiB of the answer read, an end to
/// every wait, and nothing of the address but its host in any text that comes back.
struct AlertPost: Sendable {
    enum Result: Sendable {
        case answered(status: Int, retryAfter: Duration?, body: [UInt8])
        case failed(reason: String, mayHelp: Bool)
    }

    static let maximumAnswer = 64 << 10
    /// No server is believed that asks for longer.
    static let longestWait: Duration = .seconds(3600)

    let client: HTTPClient
    let timeout: Duration

    func send(to url: String, headers: HTTPHeaders, body: [UInt8], secrets: [String]) async -> Result {
        let result = await withTaskGroup(of: Result?.self) { group in
            group.addTask { await self.perform(url, headers, body) }
            group.addTask {
                // Woken early only by cancellation, which means the same: no more waiting.
                try? await Task.sleep(for: timeout)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
        switch result {
        case .answered: return result ?? .failed(reason: "", mayHelp: true)
        case .failed(let reason, let mayHelp):
            return .failed(reason: Self.hide(secrets, in: reason), mayHelp: mayHelp)
        case nil: return .failed(reason: "no answer within \(timeout.inSeconds) s", mayHelp: true)
        }
    }

    private func perform(_ url: String, _ headers: HTTPHeaders, _ body: [UInt8]) async -> Result {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers = headers
        request.body = .bytes(body)
        do {
            let response = try await client.execute(
                request, deadline: .now() + TimeAmount(timeout) + .seconds(1))
            var answer: [UInt8] = []
            for try await part in response.body {
                answer.append(contentsOf: part.readableBytesView.prefix(Self.maximumAnswer - answer.count))
                // Leaving the loop closes the connection: the rest is not worth its transfer.
                if answer.count >= Self.maximumAnswer { break }
            }
            return .answered(
                status: Int(response.status.code),
                retryAfter: Duration(
                    retryAfter: response.headers.first(name: "retry-after"),
                    date: response.headers.first(name: "date"), atMost: Self.longestWait),
                body: answer)
        } catch let error as HTTPClientError where SiteClient.badAddress.contains(error) {
            return .failed(reason: "the address cannot be used: \(error.shortDescription)", mayHelp: false)
        } catch {
            return .failed(reason: SiteClient.words(of: error), mayHelp: true)
        }
    }

    /// What a server says of an error may quote the request.
    static func hide(_ secrets: [String], in text: String) -> String {
        secrets.filter { $0.utf8.count >= 4 }.sorted { $0.utf8.count > $1.utf8.count }
            .reduce(text) { $0.replacing($1, with: "…") }
    }
}
