import AttendanceCore
import Foundation
import Testing

@Suite struct FrappeBodyTests {
    @Test(arguments: SiteSays.Shape.allCases)
    func `finds type and words in every shape`(_ shape: SiteSays.Shape) {
        let body = FrappeBody(
            SiteSays.thrown("ValidationError", "Not on <b>Sundays</b> &amp; holidays").body(shape))
        #expect(body.isJSON)
        #expect(body.exceptionType == "ValidationError")
        #expect(body.words?.hasSuffix("Not on Sundays & holidays") == true)
        #expect(body.says("not on sundays"))
    }

    @Test(
        arguments: [
            (#"{"exc_type":"pymysql.err.OperationalError"}"#, "OperationalError"),
            (
                #"{"exception":"frappe.exceptions.MandatoryError: [Employee Checkin]: time"}"#,
                "MandatoryError"
            ),
            (#"{"exception":"KeyError"}"#, "KeyError"),
            (#"{"exc":"[\"Traceback\\nValueError: x\\n\\n\"]"}"#, "ValueError"),
            (#"{"exc":"ValueError: not in a list"}"#, "ValueError"),
            (#"{"errors":[{"exception":"Traceback\nfrappe.exceptions.InvalidDates: x"}]}"#, "InvalidDates"),
            (#"{"errors":["x",{"type":"InvalidDates"}]}"#, "InvalidDates"),
            (#"{"exception":"something went wrong: x"}"#, nil), (#"{"exception":"Über: x"}"#, nil),
            (#"{"exc_type":""}"#, nil), (#"{"exc_type":7}"#, nil), (#"{"exc":"[]"}"#, nil), ("[]", nil),
            ("7", nil),
        ] as [(String, String?)])
    func `names the exception's class`(json: String, type: String?) {
        let body = FrappeBody(Array(json.utf8))
        #expect(body.isJSON)
        #expect(body.exceptionType == type)
    }

    @Test(
        arguments: [
            // One list in a text, of texts that hold objects: the usual shape.
            (#"{"_server_messages":"[\"{\\\"message\\\":\\\"a\\\"}\"]","exception":"b"}"#, "a"),
            // Of texts, of objects, and as a list itself.
            (#"{"_server_messages":"[\"a\"]"}"#, "a"),
            (#"{"_server_messages":"[{\"message\":\"a\"}]"}"#, "a"),
            (#"{"_server_messages":["{\"message\":\"a\"}"]}"#, "a"),
            // The one that was raised comes first.
            (
                #"{"_server_messages":"[\"{\\\"message\\\":\\\"a\\\"}\",\"{\\\"message\\\":\\\"b\\\",\\\"raise_exception\\\":1}\"]"}"#,
                "b a"
            ),
            // A message that is a list.
            (#"{"_server_messages":"[\"{\\\"message\\\":[\\\"a\\\",7,\\\"b\\\"]}\"]"}"#, "a b"),
            (#"{"errors":[{"message":"a"},{"message":"b"}],"messages":[{"message":"c"}]}"#, "a b"),
            (#"{"errors":[{"type":"X"}],"messages":[{"message":"c"}]}"#, "c"),
            (#"{"_server_messages":"[]","_error_message":"a","exception":"b"}"#, "a"),
            (#"{"_server_messages":"no JSON","exception":"b","exc":"[\"c\"]"}"#, "b"),
            (#"{"message":"a"}"#, "a"), (#"{"message":{"error":"a"}}"#, "a"), (#"{"error":"a"}"#, "a"),
            (#"{"exc":"[\"Traceback\\n  File\\nValueError: a\\n\"]"}"#, "ValueError: a"),
            (#"{"exc_type":"ValidationError"}"#, nil), (#"{"message":""}"#, nil), (#"{"exception":7}"#, nil),
        ] as [(String, String?)])
    func `takes the words from where they are`(json: String, words: String?) {
        #expect(FrappeBody(Array(json.utf8)).words == words)
    }

    @Test func `finds a rule behind a page of other messages`() {
        let noise = (0..<8).map {
            SiteSays.text(["message": "Message \($0) " + String(repeating: "x", count: 300)])
        }
        let json = SiteSays.bytes([
            "exc_type": "ValidationError",
            "_server_messages": SiteSays.text(
                noise + [SiteSays.text(["message": "Log Type is required for"])]),
        ])
        let verdict = ERPNextAnswer(status: 417, body: json).verdict(.init(.hrms(time: sentTime)))
        #expect(Effect(verdict.outcome) == .dead(.directionRequired))
        #expect((verdict.words ?? "").count <= 501)
    }

    // MARK: Hostile bytes

    @Test func `what is deep, large or no JSON is not there`() {
        let deep = String(repeating: "[", count: 65) + String(repeating: "]", count: 65)
        #expect(!FrappeBody(Array(deep.utf8)).isJSON)
        #expect(FrappeBody(Array(deep.utf8.dropFirst().dropLast())).isJSON)
        let largest =
            #"{"message":""# + String(repeating: "x", count: ERPNextAnswer.maximumBody - 14) + #""}"#
        #expect(largest.utf8.count == ERPNextAnswer.maximumBody)
        #expect(FrappeBody(Array(largest.utf8)).isJSON)
        #expect(!FrappeBody(Array((largest + " ").utf8)).isJSON)
        let broken: [UInt8] = Array(#"{"message":""#.utf8) + [0xFF, 0xC3, 0x28] + Array(#""}"#.utf8)
        #expect(!FrappeBody(broken).isJSON)
        #expect(!FrappeBody([]).isJSON)
    }

    @Test(.timeLimit(.minutes(10))) func `a bomb inside a text is a text`() {
        for bomb in [
            String(repeating: "[", count: 400_000), String(repeating: #"{"a":"#, count: 100_000),
            String(repeating: "<a href=", count: 100_000),
            String(repeating: "/employee-checkin/", count: 50_000),
            String(repeating: "EMP-CKIN-", count: 90_000), String(repeating: "\n", count: 900_000),
            String(repeating: "e\u{301}", count: 200_000),
        ] {
            for key in ["_server_messages", "exc", "exception", "_error_message", "message"] {
                let json = SiteSays.bytes(["exc_type": "ValidationError", key: bomb])
                let verdict = ERPNextAnswer(status: 417, body: json).verdict(.init(.hrms(time: sentTime)))
                #expect((verdict.words ?? "").count <= 501)
                #expect((verdict.reference ?? "").count <= 141)
            }
        }
    }

    @Test(.timeLimit(.minutes(10))) func `no bytes trap, and words stay short and on one line`() {
        var random = SeededGenerator(seed: 11)
        let words = #"x <a href="/app/employee-checkin/EMP-CKIN-1">y</a> 'name': 7"#
        var seeds = SiteSays.Shape.allCases.map { SiteSays.thrown("ValidationError", words).body($0) }
        seeds += SiteSays.Shape.allCases.map { SiteSays.raised("TypeError", words).body($0) }
        seeds += [
            Array(storedCheckin().utf8), Array(#"{"message":["a","b"]}"#.utf8), SiteSays.page.body(),
            Array(#"{"_server_messages":"[[[[\"{\\\"message\\\"}]","exc":"[1,2"}"#.utf8),
            Array(#"{"message":{"name":"\#(String(repeating: "x", count: 300_000))","time":1e999}}"#.utf8),
            [UInt8](repeating: 0x22, count: ERPNextAnswer.maximumBody + 1),
        ]
        let dialects: [ERPNextAnswer.Dialect] = [.hrms(time: sentTime), .customMethod]
        for seed in seeds {
            for round in 0..<(seed.count > 2_000 ? 1 : 60) {
                var body = seed
                if round > 0 {
                    for _ in 0..<Int.random(in: 0...4, using: &random) where !body.isEmpty {
                        body[Int.random(in: body.indices, using: &random)] = .random(
                            in: 0...255, using: &random)
                    }
                    if Bool.random(using: &random) { body.removeLast(body.count / 3) }
                }
                for status in [200, 403, 404, 417, 500] {
                    for dialect in dialects {
                        let verdict = ERPNextAnswer(status: status, body: body).verdict(.init(dialect))
                        #expect(Effect(verdict.outcome) != .nonsense)
                        for text in [verdict.words, verdict.reference, verdict.employee, verdict.shift] {
                            #expect((text ?? "").count <= 501)
                            #expect(isOneLine(text ?? ""))
                        }
                    }
                }
            }
        }
    }
}
