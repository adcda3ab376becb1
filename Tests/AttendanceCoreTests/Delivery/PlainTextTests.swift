import AttendanceCore
import Testing

@Suite struct PlainTextTests {
    @Test(arguments: [
        ("a<Br>b", "a b"), ("<a href=\"x\">link</a>", "link"),
        ("1 &lt; 2 &amp; 3 &#39;x&#x27;", "1 < 2 & 3 'x'"),
        ("a < b", "a < b"), ("x\r\n\ty\u{0}z\u{2028}w", "x y z w"), ("<unclosed", ""),
        ("&bogus; &#xFFFFFFFF;", "&bogus; &#xFFFFFFFF;"),
        ("&#27;[31mred", "[31mred"), ("", ""),
    ])
    func `strips markup and control characters`(html: String, plain: String) {
        #expect(PlainText.words(ofHTML: html) == plain)
    }

    @Test func `cuts long words with an ellipsis`() {
        let long = PlainText.words(ofHTML: String(repeating: "word ", count: 10_000))
        #expect(long.count <= 501)
        #expect(long.hasSuffix("…"))
    }
}
