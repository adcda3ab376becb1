import Testing

@testable import AttendanceCore

@Suite struct OneTimeCodeTests {
    /// RFC 4226 appendix D: HMAC-SHA1 of the counters 0 to 9 by `12345678901234567890`.
    private static let hashes = [
        "cc93cf18508d94934c64b65d8ba7667fb7cde4b0", "75a48a19d4cbe100644e8ac1397eea747a2d33ab",
        "0bacb7fa082fef30782211938bc1c5e70416ff44", "66c28227d03a2d5529262ff016a1e6ef76557ece",
        "a904c900a64b35909874b33e61c5938a8e15ed1c", "a37e783d7b7233c083d4f62926c7a25f238d0316",
        "bc9cd28561042c83f219324d3c607256c03272ae", "a4fb960c0bc06e1eabb804e5b397cdc4b45596fa",
        "1b3c89f65e6c9e883012052823443f048b4332db", "1637409809a679dc698207310c8c7fc07290d9e5",
    ]
    private static let codes = [
        "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489",
    ]

    private static func mac(_ message: [UInt8]) -> [UInt8] {
        let step = Int(message.last ?? 0)
        guard message.dropLast().allSatisfy({ $0 == 0 }), hashes.indices.contains(step) else {
            return [UInt8](repeating: 0, count: 20)
        }
        let digits = hashes[step].compactMap(\.hexDigitValue)
        return stride(from: 0, to: 40, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    @Test func `makes the codes of RFC 4226`() {
        for (step, code) in Self.codes.enumerated() {
            #expect(OneTimeCode.code(of: Int64(step), by: Self.mac) == code)
        }
    }

    private func step(_ code: String, second: Int64, after used: Int64? = nil) -> Int64? {
        OneTimeCode.matchingStep(code, at: UnixTime(seconds: second), after: used, by: Self.mac)
    }

    @Test func `takes the code of now and of half a minute before and after`() {
        // 150 to 179 is the half minute 5.
        for second: Int64 in [150, 179] {
            #expect(step("254676", second: second) == 5)
            #expect(step("338314", second: second) == 4)
            #expect(step("287922", second: second) == 6)
            #expect(step("969429", second: second) == nil)
            #expect(step("162583", second: second) == nil)
        }
    }

    @Test func `a code works once, and none older than it works after it`() {
        #expect(step("254676", second: 150, after: 4) == 5)
        #expect(step("254676", second: 150, after: 5) == nil)
        #expect(step("338314", second: 150, after: 5) == nil)
        #expect(step("287922", second: 150, after: 5) == 6)
    }

    @Test(arguments: [
        "", "25467", "2546760", "25467a", "٢٥٤٦٧٦", "-54676", "254 676 ", "254676\u{0}",
        String(repeating: "2", count: 1_000_000),
    ])
    func `anything but six digits is wrong, blanks apart`(code: String) {
        #expect(step(code, second: 150) == (code == "254 676 " ? 5 : nil))
    }

    @Test(arguments: [
        ("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("fooba", "MZXW6YTB"),
        ("foobar", "MZXW6YTBOI"),
    ])
    func `writes base32 as in RFC 4648`(text: String, encoded: String) {
        #expect(OneTimeCode.base32(Array(text.utf8)) == encoded)
    }

    @Test func `tells an authenticator program everything in one address`() throws {
        let uri = OneTimeCode.uri(
            secret: Array("foobar".utf8), account: try #require(AccountName("ada@example.com")),
            issuer: "Plant: & 7")
        #expect(
            uri
                == "otpauth://totp/Plant%20%26%207:ada%40example.com?secret=MZXW6YTBOI&issuer=Plant%20%26%207"
                + "&algorithm=SHA1&digits=6&period=30")
    }
}
