import AsyncHTTPClient
import AttendanceCore
import AttendanceSimulation
import Foundation
import Testing

@testable import AttendanceDelivery

@Suite struct WebhookChannelTests {
    private static let token = "7131:AAG-s3cret_token"

    private func channel(
        _ target: WebhookChannel.Target, _ client: HTTPClient, timeout: Duration = .seconds(15)
    ) -> WebhookChannel {
        WebhookChannel(
            name: "chat", target: target, client: client, userAgent: "attendance-gateway/test",
            timeout: timeout)
    }

    private func object(_ body: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any])
    }

    // MARK: Forms

    @Test(.timeLimit(.minutes(10))) func `json posts everything, with a bearer token`() async throws {
        try await withReceiver { receiver, client in
            let channel = channel(.json(url: receiver.url + "/hook?x=1", token: "t0ken"), client)
            #expect(await channel.send(AlertSamples.message()) == .taken)
            let request = try #require(receiver.requests.first)
            #expect(request.method == "POST" && request.path == "/hook?x=1")
            #expect(request.headers["authorization"] == "Bearer t0ken")
            #expect(request.headers["content-type"] == "application/json; charset=utf-8")
            #expect(request.headers["user-agent"] == "attendance-gateway/test")
            let form = try object(request.body)
            #expect(form["event"] as? String == "raised")
            #expect(form["kind"] as? String == "terminal-offline")
            #expect(form["gateway"] as? String == "gate-host")
            #expect(form["title"] as? String == "Terminal Gate 1 (ZX01) is offline")
            #expect(form["count"] as? Int == 1 && form["version"] as? Int == 1)
            let alert = try #require((form["alerts"] as? [[String: Any]])?.first)
            #expect(alert["subject"] as? String == "ZX01")
            #expect(alert["since"] as? String == "2026-11-22T02:00:00.000Z")
            #expect(alert["until"] == nil)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `slack gets one text in which no name is markup`() async throws {
        try await withReceiver { receiver, client in
            let hostile = AlertSamples.record(title: "Terminal <!channel> & @all is offline")
            let channel = channel(.slack(url: receiver.url + "/services/T0/B0/s3cret"), client)
            #expect(await channel.send(AlertSamples.message(.raised, [hostile])) == .taken)
            let text = try #require(try object(receiver.requests[0].body)["text"] as? String)
            #expect(
                text == """
                    🟠 *Terminal &lt;!channel&gt; &amp; @\u{200B}all is offline*
                    Last heard of 20 min ago.
                    What to do: See whether it has power.
                    Since 2026-11-22 07:30:00 (Asia/Kolkata)
                    Gateway: gate-host
                    """)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `telegram gets chat and text at the bot's own address`() async throws
    {
        try await withReceiver { receiver, client in
            receiver.answer(.reply(status: 200, body: #"{"ok":true,"result":{"message_id":7}}"#))
            let channel = channel(
                .telegram(server: receiver.url + "/", token: Self.token, chat: "-1001234567890"), client)
            #expect(await channel.send(AlertSamples.message(.recovered)) == .taken)
            let request = receiver.requests[0]
            #expect(request.path == "/bot\(Self.token)/sendMessage")
            let form = try object(request.body)
            #expect(form["chat_id"] as? String == "-1001234567890")
            #expect(
                (form["text"] as? String)?.hasPrefix("🟢 Over: Terminal Gate 1 (ZX01) is offline\n") == true)
            #expect(form["parse_mode"] == nil)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `ntfy gets title, priority and tags as headers`() async throws {
        try await withReceiver { receiver, client in
            let channel = channel(.ntfy(url: receiver.url + "/topic", token: "tk_1"), client)
            let critical = AlertSamples.record(
                "erpnext", kind: .sitePaused, severity: .critical, title: "Zustellung wäre\u{2028}gestört")
            #expect(
                await channel.send(AlertSamples.message(.raised, kind: .sitePaused, [critical])) == .taken)
            let request = receiver.requests[0]
            #expect(request.path == "/topic")
            #expect(request.headers["priority"] == "5")
            #expect(request.headers["tags"] == "rotating_light,site-paused")
            #expect(request.headers["authorization"] == "Bearer tk_1")
            #expect(request.headers["title"] == "=?UTF-8?B?WnVzdGVsbHVuZyB3w6RyZeKAqGdlc3TDtnJ0?=")
            #expect(request.body.hasPrefix("Last heard of 20 min ago.\nWhat to do:"))
            #expect(await channel.send(AlertSamples.message(.recovered)) == .taken)
            #expect(receiver.requests[1].headers["priority"] == "3")
            #expect(receiver.requests[1].headers["tags"] == "white_check_mark,terminal-offline")
            #expect(receiver.requests[1].headers["title"] == "Over: Terminal Gate 1 (ZX01) is offline")
        }
    }

    @Test(.timeLimit(.minutes(10))) func `a message is no longer than a service takes`() async throws {
        try await withReceiver { receiver, client in
            receiver.answer(.reply(status: 200, body: #"{"ok":true}"#))
            let long = (0..<5000).map {
                AlertSamples.record("T\($0)", title: String(repeating: "🟠é", count: 90) + "\($0)")
            }
            let message = AlertSamples.message(.raised, long)
            for target in [
                WebhookChannel.Target.slack(url: receiver.url), .ntfy(url: receiver.url, token: nil),
                .telegram(server: receiver.url, token: Self.token, chat: "1"),
                .json(url: receiver.url, token: nil),
            ] {
                #expect(await channel(target, client).send(message) == .taken)
            }
            let bodies = receiver.requests.map(\.body)
            let slack = try #require(try object(bodies[0])["text"] as? String)
            #expect(slack.utf16.count <= 3600)
            #expect(bodies[1].utf8.count <= 4096)
            let telegram = try #require(try object(bodies[2])["text"] as? String)
            #expect(telegram.utf16.count <= 4096)
            let json = try object(bodies[3])
            #expect(json["count"] as? Int == 5000)
            #expect((json["alerts"] as? [Any])?.count == 20)
        }
    }

    // MARK: Answers

    @Test(
        .timeLimit(.minutes(10)),
        arguments: [
            (SimulatedReceiver.Answer.reply(status: 204), String?.none, false),
            (.reply(status: 400, body: "invalid_payload"), "400: invalid_payload", false),
            (.reply(status: 404, body: "<h1>no_service</h1>"), "404: no_service", false),
            (.reply(status: 410), "410", false),
            (.reply(status: 500, body: "oops\r\n\u{1B}[31m"), "500: oops [31m", true),
            (.reply(status: 429, headers: ["Retry-After": "7"]), "429", true),
            (
                .reply(
                    status: 429,
                    headers: [
                        "Retry-After": "Sun, 22 Nov 2026 08:01:16 GMT",
                        "Date": "Sun, 22 Nov 2026 08:01:09 GMT",
                    ]), "429", true
            ),
            (
                .reply(status: 302, headers: ["Location": "http://elsewhere.example/x"]), "302: it redirects",
                false
            ),
            (.close, "closed", true),
        ])
    func `what comes back is judged`(
        answer: SimulatedReceiver.Answer, reason: String?, mayHelp: Bool
    ) async throws {
        try await withReceiver { receiver, client in
            receiver.answer(answer)
            let sending = await channel(.slack(url: receiver.url), client).send(AlertSamples.message())
            if let reason {
                #expect(sending.reason?.contains(reason) == true)
                #expect(sending.mayHelp == mayHelp)
            } else {
                #expect(sending == .taken)
            }
            if case .reply(429, _, _) = answer { #expect(sending.retryAfter == .seconds(7)) }
            #expect(receiver.requests.count == 1)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `telegram's own no is a no, and its wait is kept`() async throws {
        try await withReceiver { receiver, client in
            let channel = channel(.telegram(server: receiver.url, token: Self.token, chat: "1"), client)
            receiver.answer(next: [
                .reply(
                    status: 429,
                    body: #"{"ok":false,"description":"Too Many Requests","parameters":{"retry_after":31}}"#),
                .reply(status: 400, body: #"{"ok":false,"description":"Bad Request: chat not found"}"#),
                .reply(status: 200, body: "<html>hotel Wi-Fi</html>"),
            ])
            let limited = await channel.send(AlertSamples.message())
            #expect(limited.retryAfter == .seconds(31) && limited.mayHelp == true)
            let unknown = await channel.send(AlertSamples.message())
            #expect(unknown.reason == "400: Bad Request: chat not found" && unknown.mayHelp == false)
            #expect(await channel.send(AlertSamples.message()).reason == "200: hotel Wi-Fi")
        }
    }

    @Test(.timeLimit(.minutes(10))) func `an endless answer is cut off and an absent one has an end`()
        async throws
    {
        try await withReceiver { receiver, client in
            receiver.answer(.reply(status: 500, body: String(repeating: "x", count: 3 << 20)))
            let long = await channel(.slack(url: receiver.url), client).send(AlertSamples.message())
            #expect((long.reason?.count ?? .max) < 250)
            receiver.answer(.hang)
            let absent = await channel(.slack(url: receiver.url), client, timeout: .milliseconds(300))
                .send(AlertSamples.message())
            #expect(absent == .failed(reason: "no answer within 0.3 s", mayHelp: true))
        }
    }

    @Test(.timeLimit(.minutes(10))) func `no address and no token stands in any words`() async throws {
        try await withReceiver { receiver, client in
            let secret = "s3cretpath"
            // A server that quotes the request in its error page.
            let quoted = "at /services/\(secret) and /bot\(Self.token)/sendMessage, Bearer t0ken-x"
            receiver.answer(.reply(status: 500, body: quoted))
            let closed = SimulatedReceiver()
            try await closed.start()
            let nobody = closed.url
            try await closed.stop()
            for server in [receiver.url, nobody, "http://127.0.0.1:1", "gopher://x", "https://\(secret) x"] {
                for target in [
                    WebhookChannel.Target.slack(url: "\(server)/services/\(secret)?k=1"),
                    .telegram(server: server, token: Self.token, chat: "1"),
                    .json(url: server + "/services/\(secret)?k=1", token: "t0ken-x"),
                    .ntfy(url: server, token: "t0ken-x"),
                ] {
                    let channel = channel(target, client)
                    let sending = await channel.send(AlertSamples.message())
                    var words = sending.reason ?? ""
                    #expect(!words.isEmpty)
                    words += "\(channel) \(String(reflecting: channel))"
                    var dumped = ""
                    dump(channel, to: &dumped)
                    let own: [String] =
                        switch target {
                        case .slack: [secret]
                        case .telegram: [Self.token, "AAG-s3cret"]
                        case .json: [secret, "t0ken-x"]
                        case .ntfy: ["t0ken-x"]
                        }
                    for text in own { #expect(!words.contains(text) && !dumped.contains(text)) }
                }
            }
        }
    }

    // MARK: Encoded words

    @Test(arguments: [
        ("Plain, as it is", "Plain, as it is"), ("", ""),
        ("=?UTF-8?B?eA==?=", "=?UTF-8?B?PT9VVEYtOD9CP2VBPT0/PQ==?="),
        ("a\r\nBcc: x@y", "=?UTF-8?B?YQ0KQmNjOiB4QHk=?="),
    ])
    func `a header line holds printable ASCII only`(text: String, encoded: String) {
        #expect(EncodedWords.header(text) == encoded)
    }

    @Test func `long words are divided between characters`() throws {
        let text = String(repeating: "é🟠", count: 100)
        let words = EncodedWords.words(text)
        #expect(words.allSatisfy { $0.count <= 75 })
        var decoded = ""
        for word in words {
            let base64 = String(word.dropFirst("=?UTF-8?B?".count).dropLast(2))
            let data = try #require(Data(base64Encoded: base64))
            decoded += try #require(String(data: data, encoding: .utf8))
        }
        #expect(decoded == text)
    }
}
