import AsyncHTTPClient
import AttendanceCore
import AttendanceStore
import Crypto
import Foundation
import Synchronization
import Testing

@testable import AttendanceDelivery

@Suite(.timeLimit(.minutes(10))) struct WebhookSinkTests {
    private static let now = UnixTime(seconds: 1_795_312_800)

    private static func punch(_ number: Int64 = 7, person: String = "0012") -> OwedPunch {
        OwedPunch(
            id: number, terminal: SerialNumber("gate-1")!, enrollID: EnrollID(person)!, alias: "E-77",
            name: "Zoë \"Z\" & Co", time: WallTime("2026-11-05 08:01:09")!, zone: "Asia/Kolkata",
            instant: 1_793_845_869, received: UnixTime(milliseconds: 1_793_845_870_042), inOut: 1, event: 3,
            mode: 8)
    }

    private func withSink<Value>(
        _ settings: WebhookSink.Settings, attribution: Attribution = Attribution(),
        names: WebhookSink.Names = .init(), _ body: (WebhookSink) async throws -> Value
    ) async throws -> Value {
        let client = SiteClient.makeHTTPClient(concurrency: 1)
        let sink = WebhookSink(
            name: SinkName("payroll")!, settings: settings, client: client, attribution: attribution,
            names: names,
            now: { Self.now })
        let result: Result<Value, any Error>
        do { result = .success(try await body(sink)) } catch { result = .failure(error) }
        try await client.shutdown()
        return try result.get()
    }

    private func frozen(_ sink: WebhookSink, _ punches: [OwedPunch]) async throws -> [FrozenPunch] {
        var frozen: [FrozenPunch] = []
        for punch in punches {
            frozen.append(FrozenPunch(punch: punch, frozen: try await sink.freeze(punch)))
        }
        return frozen
    }

    // MARK: What is sent

    @Test func `a request holds the punches as JSON, signed, with a key for its content`() async throws {
        let site = try await ScriptedSite { _ in .json("{}") }
        let settings = WebhookSink.Settings(
            url: HiddenText(site.url + "/hook?token=t0p"), secret: HiddenText("hush"),
            headers: [("X-Api-Key", HiddenText("k3y"))])
        let names = WebhookSink.Names(
            terminal: { _ in "Main gate" },
            employee: { _ in Employee(name: "HR-EMP-1", fullName: "Zoë Quinn") })
        try await withSink(
            settings, attribution: Attribution(ruling: { _, _ in .forward(.in) }), names: names
        ) { sink in
            let punches = try await frozen(sink, [Self.punch(), Self.punch(8, person: "9")])
            let answer = await sink.deliver(punches)
            let taken = Delivery(outcome: .delivered(reference: nil), answer: .delivered, status: 200)
            #expect(answer == .each([taken, taken]))
            _ = await sink.deliver(punches)
        }
        #expect(site.requests.count == 2)
        let request = try #require(site.requests.first)
        #expect(request.method == "POST")
        #expect(request.uri == "/hook?token=t0p")
        #expect(request.headers["content-type"] == "application/json")
        #expect(request.headers["x-api-key"] == "k3y")
        #expect(request.headers["accept-encoding"] == nil)
        #expect(
            request.body.hasPrefix(
                #"{"punches":[{"alias":"E-77","codes":{"event":3,"inout":1,"mode":8},"direction":"IN","#
                    + #""employee":{"id":"HR-EMP-1","name":"Zoë Quinn"},"enroll_id":"0012","#
                    + #""instant":"2026-11-05T02:31:09Z","name":"Zoë \"Z\" & Co","number":7,"#
                    + #""received":"2026-11-05T02:31:10.042Z","#
                    + #""terminal":{"name":"Main gate","serial":"gate-1"},"#
                    + #""time":"2026-11-05 08:01:09","zone":"Asia/Kolkata"},{"#))
        let code = HMAC<SHA256>.authenticationCode(
            for: Data("\(Self.now.seconds).\(request.body)".utf8),
            using: SymmetricKey(data: Data("hush".utf8)))
        let hex = code.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        #expect(request.headers["x-attendance-signature"] == "t=\(Self.now.seconds),v1=\(hex)")
        // The same content has the same key; each request has a number of its own.
        #expect(site.requests[0].headers["idempotency-key"] == site.requests[1].headers["idempotency-key"])
        #expect(request.headers["idempotency-key"]?.utf8.count == 64)
        #expect(
            site.requests[0].headers["x-attendance-delivery"]
                != site.requests[1].headers["x-attendance-delivery"])
    }

    /// The receiver's side of docs/webhook.md, by somebody else's code.
    @Test func `the signature is what the documented Python computes`() async throws {
        let example = try documentedCheck()
        let body = WebhookSink.body([FrozenPunch(punch: Self.punch(), frozen: #"{"number":7,"name":"Zoë"}"#)])
        let header = WebhookSink.signature(body, secret: "hush", at: Self.now)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "hook-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        // What is left over harms no later test
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data(body).write(to: folder.appendingPathComponent("body"))
        let script =
            example + """


                import sys
                with open(sys.argv[1], "rb") as file:
                    body = file.read()
                secret, header, now = b"hush", sys.argv[2], \(Self.now.seconds) + 10
                assert is_genuine(secret, header, body, now=now)
                assert not is_genuine(b"other", header, body, now=now)
                assert not is_genuine(secret, header, body + b" ", now=now)
                assert not is_genuine(secret, header, body, now=now + 3600)
                assert not is_genuine(secret, "nonsense", body, now=now)
                """
        let program = folder.appendingPathComponent("check.py")
        try Data(script.utf8).write(to: program)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", program.path, folder.appendingPathComponent("body").path, header]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    /// The Python example of docs/webhook.md.
    private func documentedCheck() throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appendingPathComponent("docs/webhook.md"), encoding: .utf8)
        let parts = page.components(separatedBy: "```python\n")
        let code = try #require(parts.dropFirst().first?.components(separatedBy: "```").first)
        return code
    }

    @Test func `what does not print itself does not`() {
        let settings = WebhookSink.Settings(
            url: HiddenText("https://x/t0p"), secret: HiddenText("hush"), headers: [("A", HiddenText("k3y"))])
        var dumped = ""
        dump(settings, to: &dumped)
        for text in ["\(settings)", String(reflecting: settings), dumped] {
            for secret in ["t0p", "hush", "k3y"] { #expect(!text.contains(secret)) }
        }
    }

    // MARK: What answers mean

    struct Case: Sendable, CustomTestStringConvertible {
        var status: Int
        var one: String
        var several: String
        var headers: [(String, String)] = []
        var testDescription: String { "\(status)" }
    }

    private static let cases: [Case] = [
        Case(status: 200, one: "delivered", several: "delivered"),
        Case(status: 204, one: "delivered", several: "delivered"),
        Case(
            status: 301, one: "paused configuration", several: "paused configuration",
            headers: [("Location", "/x")]),
        Case(status: 308, one: "paused configuration", several: "paused configuration"),
        Case(status: 400, one: "rejected refused-by-rule", several: "split"),
        Case(status: 401, one: "paused authentication", several: "paused authentication"),
        Case(status: 403, one: "paused authentication", several: "paused authentication"),
        Case(status: 404, one: "paused configuration", several: "paused configuration"),
        Case(status: 405, one: "paused configuration", several: "paused configuration"),
        Case(status: 408, one: "unavailable", several: "unavailable"),
        Case(status: 409, one: "rejected refused-by-rule", several: "split"),
        Case(status: 410, one: "paused configuration", several: "paused configuration"),
        Case(status: 413, one: "rejected invalid-data", several: "split"),
        Case(status: 415, one: "paused configuration", several: "paused configuration"),
        Case(status: 422, one: "rejected refused-by-rule", several: "split"),
        Case(status: 429, one: "unavailable 17", several: "unavailable 17", headers: [("Retry-After", "17")]),
        Case(status: 429, one: "unavailable", several: "unavailable"),
        Case(status: 500, one: "unavailable", several: "unavailable"),
        Case(status: 502, one: "unavailable", several: "unavailable"),
        Case(status: 503, one: "unavailable 5", several: "unavailable 5", headers: [("Retry-After", "5")]),
        Case(status: 504, one: "unavailable", several: "unavailable"),
        Case(status: 599, one: "unavailable", several: "unavailable"),
    ]

    private func words(_ answer: BatchAnswer) -> String {
        guard case .each(let deliveries) = answer else { return "split" }
        guard Set(deliveries).count == 1, let delivery = deliveries.first else { return "mixed" }
        switch delivery.outcome {
        case .delivered: return "delivered"
        case .rejected(let cause, _): return "rejected \(cause.rawValue)"
        case .siteUnavailable(_, let after, let ambiguous):
            return "unavailable" + (after.map { " \($0.components.seconds)" } ?? "")
                + (ambiguous ? "" : " unsent")
        case .siteMisconfigured(let fault, _, _): return "paused \(fault.rawValue)"
        case .retry(_, let counted): return counted ? "retry counted" : "retry"
        case .alreadyThere: return "already there"
        }
    }

    @Test(arguments: cases) func `each status means what the page says`(example: Case) async throws {
        let site = try await ScriptedSite { _ in
            .init(
                status: example.status, headers: example.headers,
                body: example.status == 204 ? [] : Array("<b>no\u{0}thanks</b>".utf8))
        }
        try await withSink(.init(url: HiddenText(site.url))) { sink in
            let punches = try await frozen(sink, [Self.punch(), Self.punch(8, person: "9")])
            #expect(words(await sink.deliver([punches[0]])) == example.one)
            #expect(words(await sink.deliver(punches)) == example.several)
        }
    }

    @Test func `without an answer the request may have arrived, unless nobody was there`() async throws {
        let site = try await ScriptedSite { _ in nil }
        try await withSink(.init(url: HiddenText(site.url))) { sink in
            let punches = try await frozen(sink, [Self.punch()])
            #expect(words(await sink.deliver(punches)) == "unavailable")
        }
        for (url, outcome) in [
            ("http://127.0.0.1:1/x", "unavailable unsent"), ("nonsense", "paused configuration"),
        ] {
            try await withSink(.init(url: HiddenText(url))) { sink in
                let punches = try await frozen(sink, [Self.punch()])
                #expect(words(await sink.deliver(punches)) == outcome)
            }
        }
    }

    typealias Body = WebhookSink.SuccessRule.Body

    @Test(
        arguments: [
            (Body.field(path: ["ok"], value: "true"), #"{"ok":true}"#, true),
            (.field(path: ["ok"], value: "true"), #"{"ok":false}"#, false),
            (.field(path: ["ok"], value: "true"), #"{"ok":"true"}"#, true),
            (.field(path: ["ok"], value: nil), #"{"ok":false}"#, false),
            (.field(path: ["ok"], value: nil), #"{"ok":null}"#, false),
            (.field(path: ["ok"], value: nil), #"{"ok":[]}"#, true),
            (.field(path: ["code"], value: "0"), #"{"code":0}"#, true),
            (.field(path: ["a", "b"], value: "x"), #"{"a":{"b":"x"}}"#, true),
            (.field(path: ["a", "b"], value: "x"), #"{"a":[{"b":"x"}]}"#, false),
            (.field(path: ["a"], value: nil), "not JSON", false),
            (.field(path: ["a"], value: nil), String(repeating: "[", count: 100_000), false),
            (.contains("accepted"), "all accepted.", true), (.contains("accepted"), "no", false),
        ] as [(Body, String, Bool)])
    func `an answer may have to say that they were taken`(rule: Body, body: String, taken: Bool) async throws
    {
        let site = try await ScriptedSite { _ in .json(body, status: 202) }
        let success = WebhookSink.SuccessRule(statuses: [200...200, 202...202], body: rule)
        try await withSink(.init(url: HiddenText(site.url), success: success)) { sink in
            let punches = try await frozen(sink, [Self.punch(), Self.punch(8, person: "9")])
            #expect(words(await sink.deliver([punches[0]])) == (taken ? "delivered" : "retry counted"))
            #expect(words(await sink.deliver(punches)) == (taken ? "delivered" : "split"))
        }
    }

    @Test func `a success that the settings do not know pauses`() async throws {
        let site = try await ScriptedSite { _ in .json("{}", status: 202) }
        let settings = WebhookSink.Settings(url: HiddenText(site.url), success: .init(statuses: [200...200]))
        try await withSink(settings) { sink in
            let punches = try await frozen(sink, [Self.punch()])
            #expect(words(await sink.deliver(punches)) == "paused configuration")
        }
    }

    // MARK: Through the worker

    /// A receiver that keeps what it took, as the page tells it to: by the request's key.
    private final class Receiver: Sendable {
        struct State: Sendable {
            var punches: [Int64] = []
            var keys: Set<String> = []
            var sizes: [Int] = []
            var times: [Int64: String] = [:]
        }
        let state = Mutex(State())

        static func numbers(_ body: String) -> [Int64] {
            struct Batch: Decodable {
                struct One: Decodable { var number: Int64 }
                var punches: [One]
            }
            // A body that cannot be read holds no punches, which the test then misses.
            return (try? JSONDecoder().decode(Batch.self, from: Data(body.utf8)))?.punches.map(\.number) ?? []
        }

        func take(_ request: ScriptedSite.Request) {
            let numbers = Self.numbers(request.body)
            state.withLock { state in
                state.sizes.append(numbers.count)
                guard state.keys.insert(request.headers["idempotency-key"] ?? "").inserted else { return }
                state.punches += numbers
            }
        }
    }

    private func drain(
        _ count: Int, batch: Int = 50, concurrency: Int = 2, people: Int = 100,
        rules: SettlementRules = SettlementRules(),
        _ answer: @escaping @Sendable (ScriptedSite.Request) -> ScriptedSite.Reply?
    ) async throws {
        let site = try await ScriptedSite { $0.method == "HEAD" ? .init(status: 405) : answer($0) }
        let name = SinkName("payroll")!
        try await withWorld(speed: 300, runs: false) { world in
            try await world.store.setSinks([name])
            try await world.record((0..<count).map { "\($0 % people)" })
            let client = SiteClient.makeHTTPClient(concurrency: concurrency)
            let sink = WebhookSink(
                name: name,
                settings: .init(url: HiddenText(site.url), batchSize: batch, timeout: .seconds(2)),
                client: client, now: world.timing.now)
            let worker = DeliveryWorker(
                sink: sink, store: world.store, wakeUp: WakeUp(), reported: world.reported,
                settings: .init(rules: rules, concurrency: concurrency), timing: world.timing, logger: quiet)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await worker.run() }
                var signals = world.reported.signals.makeAsyncIterator()
                while try await world.store.status().queues[name]?.owed ?? 0 > 0 {
                    guard await signals.next() != nil else { break }
                }
                group.cancelAll()
            }
            try await client.shutdown()
        }
    }

    @Test func `a backlog goes in batches, each punch once, in order per person`() async throws {
        let receiver = Receiver()
        try await drain(1_000) { request in
            receiver.take(request)
            return .json("{}")
        }
        let state = receiver.state.withLock { $0 }
        #expect(state.punches.count == 1_000)
        #expect(Set(state.punches).count == 1_000)
        for numbers in Dictionary(grouping: state.punches, by: { $0 % 100 }).values {
            #expect(numbers == numbers.sorted())
        }
        #expect(state.sizes.max() == 50)
        #expect(state.sizes.count < 60)
    }

    @Test func `a lost answer brings the same request again, with the same key`() async throws {
        let receiver = Receiver()
        let count = Mutex(0)
        let bodies = Mutex<[(String, String)]>([])
        try await drain(200) { request in
            receiver.take(request)
            bodies.withLock { $0.append((request.headers["idempotency-key"] ?? "", request.body)) }
            let number = count.withLock { count in
                count += 1
                return count
            }
            if number == 2 { return nil }
            return number == 3 ? .json("{}", status: 500) : .json("{}")
        }
        let state = receiver.state.withLock { $0 }
        #expect(state.punches.count == 200)
        #expect(Set(state.punches).count == 200)
        let sent = bodies.withLock { $0 }
        let again = Dictionary(grouping: sent, by: \.0).values.filter { $0.count > 1 }
        #expect(again.reduce(0) { $0 + $1.count - 1 } == 2)
        for requests in again { #expect(Set(requests.map(\.1)).count == 1) }
    }

    @Test(arguments: [400, 413, 422, 500])
    func `one punch that a receiver chokes on is found, and the others arrive`(
        status: Int
    ) async throws {
        let receiver = Receiver()
        let rules = SettlementRules(
            retry: RetryPolicy(first: .seconds(1), ceiling: .seconds(4)), maxAttempts: 3)
        try await drain(60, batch: 16, concurrency: 1, rules: rules) { request in
            guard !Receiver.numbers(request.body).contains(13) else { return .json("no", status: status) }
            receiver.take(request)
            return .json("{}")
        }
        let state = receiver.state.withLock { $0 }
        #expect(Set(state.punches) == Set((1...60).filter { $0 != 13 }))
    }
}
