import Testing

@testable import AttendanceCore

@Suite struct SecretMaskTests {
    private static func mask(_ record: JSONValue) -> SecretMask {
        SecretMask(
            CommandRequest(word: "setuserinfo", fields: ["enrollid": .integer(4711), "record": record]))
    }

    @Test(arguments: [
        (JSONValue.text("4712"), "pin 4712 is wrong, 4711 too", "pin [hidden] is wrong, 4711 too"),
        (.integer(12_345_678), "card=12345678!", "card=[hidden]!"),
        (.text("12"), "code 12", "code 12"),
        (.text("/9j/4AAQSkZJRgABAQ=="), "photo /9j/4AAQSkZJR", "photo [hidden]"),
        (.text("/9j/4AAQSkZJRgABAQ=="), "the photo is too large", "the photo is too large"),
        (.text("secret99"), "secret99secret99 é", "[hidden] é"), (.text("abc"), "", ""),
    ])
    func `what is secret is taken out, whole or in pieces`(record: JSONValue, text: String, shown: String) {
        #expect(Self.mask(record).masked(text) == shown)
    }

    @Test func `a large photo costs a moment`() {
        let photo = String(repeating: "/9j/4AAQSkZJRgABAQ", count: 20_000)
        let text = String(repeating: "no face in it; ", count: 30)
        #expect(Self.mask(.text(photo)).masked(text) == text)
    }
}
