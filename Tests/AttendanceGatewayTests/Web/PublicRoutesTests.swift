import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOEmbedded
import Testing

@testable import AttendanceWeb

private func report(_ status: HealthReport.Status = .ok) -> HealthReport {
    HealthReport(
        status: status, version: "1.2.3", uptimeSeconds: 5, connectedDevices: 2, connections: 3,
        store: .init(
            status: "writable", since: nil, reason: nil, punches: 4, quarantined: 1, databaseBytes: 4096),
        queue: .init(owed: 7, oldestAgeSeconds: 60, deadLetters: 1),
        sinks: [
            .init(
                name: "erpnext", state: "paused", since: "2026-03-01T08:00:00Z", reason: "why", remedy: "how",
                lastSuccess: "2026-03-01T07:00:00Z",
                queue: .init(owed: 7, oldestAgeSeconds: nil, deadLetters: 1))
        ])
}

/// What the router answers, without a socket.
private func ask(
    _ path: String, _ method: HTTPRequest.Method = .get, headers: HTTPFields = [:],
    health: HealthReport = report(), live: HealthProbe = .fine, ready: HealthProbe = .fine
) async throws -> (status: Int, headers: HTTPFields, body: String) {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let routes = PublicRoutes(
        health: { health }, metrics: { "a_metric 1\n" }, version: "1.2.3", logger: logger,
        probes: HealthProbes(live: { live }, ready: { ready }))
    let head = HTTPRequest(
        method: method, scheme: "http", authority: "x", path: path, headerFields: headers)
    let request = Request(head: head, body: .init(buffer: ByteBuffer()))
    let context = BasicRequestContext(source: .init(channel: NIOAsyncTestingChannel(), logger: logger))
    do {
        let response = try await routes.router().buildResponder().respond(to: request, context: context)
        let body = Collected()
        try await response.body.write(body)
        return (response.status.code, response.headers, String(buffer: await body.box.bytes))
    } catch let error as any HTTPResponseError {
        return (error.status.code, [:], "")
    }
}

private struct Collected: ResponseBodyWriter {
    actor Box {
        var bytes = ByteBuffer()
        func add(_ more: ByteBuffer) { bytes.writeImmutableBuffer(more) }
    }
    let box = Box()

    mutating func write(_ buffer: ByteBuffer) async throws { await box.add(buffer) }
    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
}

@Suite struct PublicRoutesTests {
    @Test func `health is JSON with the keys that scripts read`() async throws {
        let answer = try await ask("/health")
        #expect(answer.status == 200)
        #expect(answer.headers[.contentType] == "application/json; charset=utf-8")
        #expect(answer.headers[.cacheControl] == "no-store")
        let json = try #require(
            try JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [String: Any])
        #expect(
            json.keys.sorted() == [
                "alerts", "commands", "connected_devices", "connections", "people", "pulls", "queue", "sinks",
                "status", "store", "terminals", "uptime_seconds", "version",
            ])
        #expect(json["status"] as? String == "ok")
        #expect(json["connected_devices"] as? Int == 2)
        let queue = try #require(json["queue"] as? [String: Any])
        #expect(queue as? [String: Int] == ["owed": 7, "oldest_age_seconds": 60, "dead_letters": 1])
        let store = try #require(json["store"] as? [String: Any])
        #expect(store.keys.sorted() == ["database_bytes", "punches", "quarantined", "status"])
        let sink = try #require((json["sinks"] as? [[String: Any]])?.first)
        #expect(
            sink.keys.sorted() == ["last_success", "name", "queue", "reason", "remedy", "since", "state"])
    }

    @Test(arguments: [(HealthReport.Status.ok, 200), (.degraded, 200), (.failing, 503)])
    func `only a journal that cannot store makes health fail`(state: HealthReport.Status, status: Int)
        async throws
    {
        let answer = try await ask("/health", health: report(state))
        #expect(answer.status == status)
        #expect(answer.body.contains(#""status":"\#(state.rawValue)""#))
    }

    @Test func `live and ready are told apart, with the reason`() async throws {
        let broken = HealthProbe(ok: false, reason: "the disk is full", since: "2026-03-01T08:00:00Z")
        for path in ["/health/live", "/health/ready"] {
            let answer = try await ask(path)
            #expect(answer.status == 200 && answer.body == #"{"ok":true}"#)
            #expect(answer.headers[.cacheControl] == "no-store")
        }
        #expect(try await ask("/health/live", ready: broken).status == 200)
        let answer = try await ask("/health/ready", ready: broken)
        #expect(answer.status == 503)
        #expect(try JSONAnswer.decode(HealthProbe.self, from: Data(answer.body.utf8)) == broken)
        #expect(try await ask("/health/live", live: broken).status == 503)
    }

    @Test(arguments: ["/", "/health", "/health/live", "/health/ready", "/metrics"])
    func `what answers GET answers HEAD, without a body`(path: String) async throws {
        let get = try await ask(path)
        let head = try await ask(path, .head)
        #expect(head.status == 200 && head.body.isEmpty)
        #expect(!get.body.isEmpty)
        #expect(head.headers[.contentType] == get.headers[.contentType])
    }

    @Test(arguments: [
        ("401 no or wrong bearer token", 401), ("403 source address", 403), ("404 path", 404),
        ("400 malformed", 400),
    ])
    func `a refused handshake is answered with its status, wherever it was sent`(refusal: String, status: Int)
        async throws
    {
        let name = try #require(HTTPField.Name("x-gateway-refusal"))
        var bodies: Set<String> = []
        for path in ["/", "/health", "/pub/chat", "/gate-8f3ka02m", "/nothing-here"] {
            let answer = try await ask(path, headers: [name: refusal])
            #expect(answer.status == status)
            #expect(answer.headers[.connection] == "close")
            #expect((answer.headers[.wwwAuthenticate] == "Bearer") == (status == 401))
            // The reason is for the log alone: it would tell an outsider which of his guesses was right.
            #expect(!answer.body.contains(refusal.dropFirst(4)))
            bodies.insert(answer.body)
        }
        #expect(bodies.count == 1)
    }

    @Test(arguments: [HTTPRequest.Method.get, .post], ["/pub/chat", "/pub/api"])
    func `plain HTTP on a terminal's path says what is wrong`(method: HTTPRequest.Method, path: String)
        async throws
    {
        let answer = try await ask(path, method)
        #expect(answer.status == 426)
        #expect(answer.headers[.upgrade] == "websocket")
        #expect(answer.body.contains("WebSocket"))
    }

    @Test func `metrics are Prometheus text, and anything else is not found`() async throws {
        let metrics = try await ask("/metrics")
        #expect(metrics.headers[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
        #expect(metrics.body == "a_metric 1\n")
        #expect(try await ask("/nothing-here").status == 404)
        #expect(try await ask("/health", .delete).status >= 400)
        #expect(try await ask("/health", .options).status >= 400)
    }
}

@Suite struct DeadLetterFilterTextTests {
    @Test func `reads what it knows`() throws {
        let order = try JSONAnswer.decode(
            DeadLetterOrder.self,
            from: Data(
                #"{"filter":{"ids":[1,2],"terminal":"ZX01","from":"2026-03-01 00:00:00"},"author":"ops"}"#
                    .utf8))
        let filter = try order.filter.filter()
        #expect(filter.ids == [1, 2] && filter.terminal?.text == "ZX01")
        #expect(filter.from?.description == "2026-03-01 00:00:00")
        let again = try JSONAnswer.decode(DeadLetterOrder.self, from: JSONAnswer.encode(order))
        #expect(again.filter == order.filter)
    }

    @Test(arguments: [
        DeadLetterFilterText(sink: "No such sink!"), DeadLetterFilterText(cause: "no such cause"),
        DeadLetterFilterText(person: ""), DeadLetterFilterText(terminal: "a\nb"),
        DeadLetterFilterText(from: "2026-03-01"), DeadLetterFilterText(until: "yesterday"),
    ])
    func `a value that is not understood is refused, not left out`(text: DeadLetterFilterText) {
        #expect(throws: FilterError.self) { try text.filter() }
    }

    @Test(arguments: [#"{"filter":{"terminl":"ZX01"}}"#, #"{"filter":{"ids":[1],"kind":"person"}}"#])
    func `so is a field that is not known`(body: String) {
        #expect(throws: FilterError.self) {
            try JSONAnswer.decode(DeadLetterOrder.self, from: Data(body.utf8))
        }
    }

    @Test(arguments: [#"{}"#, #"{"filter":[]}"#, #"{"filter":{"ids":"1"}}"#, "", "no JSON"])
    func `and an order without a filter`(body: String) {
        #expect(throws: DecodingError.self) {
            try JSONAnswer.decode(DeadLetterOrder.self, from: Data(body.utf8))
        }
    }
}
