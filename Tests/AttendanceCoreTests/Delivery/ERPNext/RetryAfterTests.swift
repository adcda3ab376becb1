import AttendanceCore
import Testing

@Suite struct RetryAfterTests {
    private static let now = "Sun, 22 Nov 2026 08:01:09 GMT"

    @Test(arguments: [
        ("30", Duration.seconds(30)), (" 0 ", .zero), ("3600", .seconds(3600)), ("3601", .seconds(3600)),
        ("99999999999999999999999", .seconds(3600)),
        ("Sun, 22 Nov 2026 08:03:09 GMT", .seconds(120)), ("Sunday, 22-Nov-26 08:03:09 GMT", .seconds(120)),
        ("Sun Nov 22 08:03:09 2026", .seconds(120)), ("Sun, 22 Nov 2026 08:01:09 GMT", .zero),
        ("Sat, 21 Nov 2026 08:01:09 GMT", .zero), ("Mon, 23 Nov 2026 08:01:09 GMT", .seconds(3600)),
    ])
    func `is a number of seconds or a date by the site's clock, within an hour`(text: String, wait: Duration)
    {
        let answer = ERPNextAnswer(status: 429, retryAfter: text, date: Self.now)
        #expect(answer.verdict(.init(.customMethod)).outcome.sign == sign(429, wait))
        let maintenance = ERPNextAnswer(status: 503, retryAfter: text, date: Self.now)
        #expect(maintenance.verdict(.init(.customMethod)).outcome.sign == sign(503, wait))
        #expect(maintenance.verdict(.init(.customMethod)).answer == .rateLimited)
    }

    @Test(arguments: [
        nil, "", "soon", "-4", "1.5", "30 seconds", "2026-11-22T08:03:09Z", "Sun, 31 Feb 2026 08:03:09 GMT",
        "Sun, 22 Nov 2026 08:03:09 CET", "Sun, 22 Nov 2026 24:03:09 GMT", "Sun, 22 Foo 2026 08:03:09 GMT",
        "Sun, 22 Nov 2026 08:03 GMT", "٣٠", "\u{1B}[31m",
        "Sun, 22 Nov 2026 08:03:09 GMT, Sun, 22 Nov 2026 08:03:09 GMT",
    ])
    func `that cannot be read is none`(text: String?) {
        let answer = ERPNextAnswer(status: 429, retryAfter: text, date: Self.now)
        #expect(answer.wait == nil)
        #expect(answer.verdict(.init(.customMethod)).answer == .rateLimited)
        let down = ERPNextAnswer(status: 503, retryAfter: text, date: Self.now)
        #expect(down.verdict(.init(.customMethod)).answer == .transient)
    }

    @Test func `a date means nothing without the site's own`() {
        for date in [nil, "", "yesterday"] {
            #expect(ERPNextAnswer(status: 429, retryAfter: Self.now, date: date).wait == nil)
            #expect(ERPNextAnswer(status: 429, retryAfter: "7", date: date).wait == .seconds(7))
        }
    }

    @Test(
        arguments: [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
            ("Sun Nov  6 08:49:37 1994", 784_111_777), ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Tue, 29 Feb 2028 23:59:59 gmt", 1_835_481_599),
        ] as [(String, Int64)])
    func `dates are read in their three forms`(text: String, seconds: Int64) {
        #expect(UnixTime(httpDate: text) == UnixTime(seconds: seconds))
    }

    private func sign(_ status: Int, _ wait: Duration) -> SiteBreaker.Sign {
        .unavailable(reason: "the site asks to wait (\(status))", retryAfter: wait)
    }
}
