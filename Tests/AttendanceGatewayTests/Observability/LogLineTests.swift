import AttendanceCore
import Foundation
import Logging
import Testing

@testable import AttendanceGateway

@Suite struct LogLineTests {
    private func line(
        _ message: String = "punches stored", _ metadata: Logger.Metadata = [:], level: Logger.Level = .info,
        error: (any Error)? = nil
    ) -> String {
        let time = UnixTime(milliseconds: 1_795_334_469_042)
        return LogLine.format(
            time: time, local: WallTime(seconds: time.seconds + 19_800), level: level, message: message,
            metadata: metadata, error: error)
    }

    @Test func `has time, level, message and sorted values`() {
        #expect(
            line(metadata: ["terminal": "A1", "count": "\(50)"])
                == "2026-11-22 13:31:09,042 - INFO - punches stored count=50 terminal=A1")
    }
    private func line(metadata: Logger.Metadata) -> String { line("punches stored", metadata) }

    @Test(arguments: [
        (Logger.Level.trace, "DEBUG"), (.debug, "DEBUG"), (.info, "INFO"), (.notice, "INFO"),
        (.warning, "WARNING"),
        (.error, "ERROR"), (.critical, "CRITICAL"),
    ])
    func `levels have the older service's names`(level: Logger.Level, name: String) {
        #expect(line(level: level).contains(" - \(name) - "))
    }

    @Test(arguments: [
        ("A1", "v=A1"), ("two words", "v=\"two words\""), ("", "v=\"\""), ("a\"b", "v=\"a\\\"b\""),
        ("a\\b", "v=\"a\\\\b\""), ("a=b", "v=\"a=b\""), ("a\nERROR - b", "v=\"a\\nERROR - b\""),
        ("a\r\nb", "v=\"a\\r\\nb\""), ("a\tb", "v=\"a\\tb\""),
        ("a\u{0}b\u{1B}[31m", "v=\"a\\u{0}b\\u{1b}[31m\""),
        ("a\u{2028}b\u{85}", "v=\"a\\u{2028}b\\u{85}\""), ("\u{202E}gpj", "v=\"\\u{202e}gpj\""),
        ("Jürgen", "v=Jürgen"), ("张伟", "v=张伟"),
    ])
    func `a value is escaped so that one record is one line`(value: String, expected: String) {
        let text = line("m", ["v": .string(value)])
        #expect(text.hasSuffix(" - INFO - m \(expected)"))
        #expect(!text.unicodeScalars.contains { $0.isControl })
    }

    @Test func `message, keys and errors are escaped as well`() {
        struct Odd: Error, CustomStringConvertible { let description = "two\nlines" }
        let text = line("a\nb", ["k\ney x": "v"], error: Odd())
        #expect(text.hasSuffix(" - INFO - a\\nb k\\ney_x=v error=\"two\\nlines\""))
    }

    @Test func `a long value is cut`() {
        let text = line("m", ["v": .string(String(repeating: "x", count: 100_000))])
        #expect(text.utf8.count < LogLine.maximumScalars + 100)
        #expect(text.hasSuffix("…"))
    }

    @Test(arguments: [
        "token", "authToken", "AuthToken", "auth_token", "Authorization", "api-secret", "password", "pin",
        "userPIN",
        "card", "cardNo", "card_number", "image", "photo", "template", "faceTemplates", "apiKey", "cookie",
        "pwd",
    ])
    func `the value of a secret's name is redacted`(key: String) {
        let text = line(
            "m",
            [key: "hunter2", "list": ["a"], "inner": [key: "hunter2", "ok": ["deep": [key: "hunter2"]]]])
        #expect(!text.contains("hunter2"))
        #expect(text.contains("\(key)=redacted"))
    }

    @Test(arguments: [
        "discarded", "ping", "mapping", "shipping", "terminal", "person", "keys", "cardinality",
    ])
    func `other names are not`(key: String) {
        #expect(line("m", [key: "5"]).hasSuffix(" \(key)=5"))
    }

    // MARK: Other forms for the console

    private static let metadata: Logger.Metadata = [
        "terminal": "A1", "api_key": "k", "note": "two\nlines",
    ]

    @Test(arguments: [
        (Logger.Level.trace, "<7>"), (.debug, "<7>"), (.info, "<6>"), (.notice, "<5>"), (.warning, "<4>"),
        (.error, "<3>"), (.critical, "<2>"),
    ])
    func `journald gets the level as a priority, and no time`(level: Logger.Level, priority: String) {
        let line = LogLine.journal(level: level, message: "punches stored", metadata: Self.metadata)
        #expect(line == priority + #"punches stored api_key=redacted note="two\nlines" terminal=A1"#)
    }

    @Test func `an object has the time in UTC, and the values by name`() throws {
        struct Failure: Error, CustomStringConvertible { let description = "no \"room\"" }
        let line = LogLine.json(
            time: UnixTime(milliseconds: 1_795_334_469_042), level: .notice,
            message: String(repeating: "x", count: 3_000), metadata: Self.metadata, error: Failure())
        #expect(!line.contains("\n"))
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(object["time"] as? String == "2026-11-22T08:01:09.042Z")
        #expect(object["level"] as? String == "notice")
        #expect((object["message"] as? String)?.count == LogLine.maximumScalars + 1)
        #expect(
            object["fields"] as? [String: String]
                == ["terminal": "A1", "api_key": "redacted", "note": "two\nlines", "error": "no \"room\""])
    }

    @Test func `only journald's own stream is journald's`() throws {
        let pipe = Pipe()
        let descriptor = pipe.fileHandleForWriting.fileDescriptor
        var file = stat()
        try #require(fstat(descriptor, &file) == 0)
        let stream = "\(file.st_dev):\(file.st_ino)"
        #expect(ConsoleLogForm.fitting(["JOURNAL_STREAM": stream], descriptor: descriptor) == .journal)
        #expect(ConsoleLogForm.fitting(["JOURNAL_STREAM": "8:1"], descriptor: descriptor) == .text)
        #expect(ConsoleLogForm.fitting([:], descriptor: descriptor) == .text)
        #expect(ConsoleLogForm.fitting(["JOURNAL_STREAM": stream], descriptor: -1) == .text)
    }
}
