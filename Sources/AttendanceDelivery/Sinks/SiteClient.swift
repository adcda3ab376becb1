import AsyncHTTPClient
import AttendanceCore
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// HTTP as a delivery needs it: HTTP/1.1, no redirect followed, no cookie kept, at most 1 MiB of an answer read, an end
/// to every wait, and certainty whether anything was sent.
package struct SiteClient: Sendable {
    /// How an exchange ended.
    enum Exchange: Sendable {
        case answer(ERPNextAnswer)
        /// The request has certainly not reached the site.
        case notSent(reason: String)
        /// The request may have reached the site, and no whole answer came back.
        case noAnswer(reason: String)
        /// The address itself is no HTTP address.
        case badAddress(reason: String)
    }

    struct Request: Sendable {
        var method: HTTPMethod
        var path: String
        /// Sent percent-encoded after `?`, in this order.
        var query: [(String, String)] = []
        var body: (type: String, bytes: [UInt8])?
        /// Beside those that every request has.
        var headers: [(String, String)] = []
        var timeout: Duration
    }

    private let client: HTTPClient
    private let base: String
    private let authorization: String?
    private let userAgent: String
    /// Whether `base` is the whole address, without a path of ours.
    private let isExact: Bool

    /// - `base`: `http(s)://host[:port][/prefix]`, with or without slashes at its end.
    /// - `authorization`: value of the `Authorization` header; never logged.
    package init(client: HTTPClient, base: String, authorization: String?, userAgent: String) {
        self.client = client
        var base = base.trimmingBlanks()
        while base.hasSuffix("/") { base.removeLast() }
        self.base = base
        self.authorization = authorization
        self.userAgent = userAgent
        isExact = false
    }

    /// For one address only: each request goes there, whatever its path.
    package init(client: HTTPClient, exactly address: String, userAgent: String) {
        self.client = client
        base = address.trimmingBlanks()
        authorization = nil
        self.userAgent = userAgent
        isExact = true
    }

    /// How the shared client must be set up. An idle connection is dropped before gunicorn (2 s) drops it under a
    /// request; a connection that cannot be made is an answer for the breaker, not something to try again below it.
    package static func configuration(concurrency: Int) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.httpVersion = .http1Only
        configuration.timeout = .init(connect: .seconds(10))
        configuration.connectionPool.idleTimeout = .milliseconds(1500)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = max(4, concurrency * 2)
        configuration.connectionPool.retryConnectionEstablishment = false
        return configuration
    }

    /// A client so set up, on the process's shared event loops. Its maker shuts it down.
    package static func makeHTTPClient(concurrency: Int) -> HTTPClient {
        HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration(concurrency: concurrency))
    }

    /// Never throws. Ends within `timeout`; when the task is cancelled, at once.
    func exchange(_ request: Request) async -> Exchange {
        await withTaskGroup(of: Exchange?.self) { group in
            group.addTask { await self.perform(request) }
            group.addTask {
                // Woken early only by cancellation, which means the same: no more waiting.
                try? await Task.sleep(for: request.timeout)
                return nil
            }
            let first = await group.next() ?? nil
            let cancelled = Task.isCancelled
            group.cancelAll()
            if let first { return first }
            // Cancelled now, the exchange still says how far it had come.
            let why =
                cancelled ? "the gateway is stopping" : "no answer within \(request.timeout.inSeconds) s"
            switch await group.next() ?? nil {
            case .notSent: return .notSent(reason: why)
            case .noAnswer, nil: return .noAnswer(reason: why)
            case let other?: return other
            }
        }
    }

    private func perform(_ request: Request) async -> Exchange {
        var outgoing = HTTPClientRequest(url: url(request))
        outgoing.method = request.method
        outgoing.headers = [
            "Accept": "application/json", "Accept-Language": "en", "User-Agent": userAgent,
        ]
        if let authorization { outgoing.headers.add(name: "Authorization", value: authorization) }
        for (name, value) in request.headers { outgoing.headers.replaceOrAdd(name: name, value: value) }
        let passage = Passage()
        if let body = request.body {
            outgoing.headers.add(name: "Content-Type", value: body.type)
            outgoing.body = .bytes(
                WatchedBytes(bytes: body.bytes, passage: passage), length: .known(Int64(body.bytes.count)))
        }
        do {
            let response = try await client.execute(
                outgoing, deadline: .now() + TimeAmount(request.timeout) + .seconds(1))
            return .answer(try await read(response))
        } catch let error as HTTPClientError where Self.badAddress.contains(error) {
            return .badAddress(reason: error.shortDescription)
        } catch {
            let reason = Self.words(of: error)
            return passage.begun || request.body == nil ? .noAnswer(reason: reason) : .notSent(reason: reason)
        }
    }

    static let badAddress: [HTTPClientError] = [
        .invalidURL, .emptyHost, .emptyScheme, .missingSocketPath,
    ]

    private func read(_ response: HTTPClientResponse) async throws -> ERPNextAnswer {
        var body: [UInt8] = []
        for try await part in response.body {
            body.append(contentsOf: part.readableBytesView.prefix(ERPNextAnswer.maximumBody - body.count))
            // Leaving the loop closes the connection: the rest is not worth its transfer.
            if body.count >= ERPNextAnswer.maximumBody { break }
        }
        return ERPNextAnswer(
            status: Int(response.status.code),
            retryAfter: response.headers.first(name: "retry-after"),
            date: response.headers.first(name: "date"), location: response.headers.first(name: "location"),
            body: body)
    }

    private func url(_ request: Request) -> String {
        if isExact { return base }
        let path = request.path.trimmingBlanks().drop { $0 == "/" }
        let query = request.query.map { "\(Self.encoded($0))=\(Self.encoded($1))" }.joined(separator: "&")
        return "\(base)/\(path)" + (query.isEmpty ? "" : "?\(query)")
    }

    /// Percent-encoding that suits a query, a path segment and a form alike: all but RFC 3986's unreserved characters.
    static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let hex = String(byte, radix: 16, uppercase: true)
                result += hex.utf8.count == 1 ? "%0\(hex)" : "%\(hex)"
            }
        }
        return result
    }

    /// Short words for the operator. Never an error's whole description: some of them hold header values.
    static func words(of error: any Error) -> String {
        switch error {
        case is CancellationError: return "stopped"
        case let error as HTTPClientError: return PlainText.line(error.shortDescription, limit: 200)
        case let error as NIOConnectionError:
            if let cause = error.connectionErrors.first?.error as? IOError { return words(of: cause) }
            if error.dnsAError != nil || error.dnsAAAAError != nil {
                return "the name \(error.host) cannot be resolved"
            }
            return "cannot connect to \(error.host):\(error.port)"
        case let error as IOError:
            return "the connection failed (\(String(cString: strerror(error.errnoCode))))"
        default: return PlainText.line(String(describing: error), limit: 200)
        }
    }
}

/// Whether a request's body was asked for, which happens only on a connection that stands and after the head was
/// written: the earliest moment from which a punch may arrive.
private final class Passage: Sendable {
    private let flag = Atomic(false)
    var begun: Bool { flag.load(ordering: .acquiring) }
    func begin() { flag.store(true, ordering: .releasing) }
}

private struct WatchedBytes: Sequence, Sendable {
    let bytes: [UInt8]
    let passage: Passage

    func makeIterator() -> IndexingIterator<[UInt8]> {
        passage.begin()
        return bytes.makeIterator()
    }
}

extension Duration {
    /// Whole seconds where it is whole, else with its fraction: for the operator.
    var inSeconds: String {
        let (seconds, attoseconds) = components
        guard attoseconds != 0 else { return String(seconds) }
        return String((Double(seconds) + Double(attoseconds) / 1e18).rounded(toPlaces: 3))
    }
}

extension Double {
    fileprivate func rounded(toPlaces places: Int) -> Double {
        let factor = (0..<places).reduce(1.0) { factor, _ in factor * 10 }
        return (self * factor).rounded() / factor
    }
}
