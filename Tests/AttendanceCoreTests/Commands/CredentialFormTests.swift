import Foundation
import Testing

@testable import AttendanceCore

/// Photos, templates, PINs and cards, before they are sent.
@Suite struct CredentialFormTests {
    /// The smallest thing that has the shape of a JPEG.
    static func jpeg(width: Int, height: Int, size: Int = 1000, marker: UInt8 = 0xC0) -> [UInt8] {
        var bytes: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2, 0xFF]
        bytes += [0xFF, marker, 0, 11, 8]
        bytes += [
            UInt8(height >> 8), UInt8(height & 255), UInt8(width >> 8), UInt8(width & 255), 1, 1, 0x11, 0,
        ]
        bytes += [0xFF, 0xDA, 0, 2]
        return bytes + [UInt8](repeating: 0x55, count: max(0, size - bytes.count))
    }

    private func fault(_ bytes: [UInt8]) -> String? {
        do throws(CredentialDefect) {
            _ = try CredentialRules.photo(Data(bytes).base64EncodedString())
            return nil
        } catch {
            return error.found
        }
    }

    @Test(
        arguments: [
            (240, 320, 1000, nil), (800, 1280, 150_000, nil), (480, 640, 90_000, nil),
            (239, 320, 1000, "a photo of 239 × 320 pixels"), (240, 319, 1000, "a photo of 240 × 319 pixels"),
            (801, 1280, 1000, "a photo of 801 × 1280 pixels"),
            (800, 1281, 1000, "a photo of 800 × 1281 pixels"),
            (480, 640, 150_001, "a photo of 150001 bytes"),
        ] as [(Int, Int, Int, String?)])
    func `a photo is as large as terminals take`(width: Int, height: Int, size: Int, fault: String?) {
        #expect(self.fault(Self.jpeg(width: width, height: height, size: size)) == fault)
        #expect(self.fault(Self.jpeg(width: width, height: height, size: size, marker: 0xC2)) == fault)
    }

    @Test func `what is no JPEG is refused`() {
        #expect(fault([]) == "a photo that is no base64")
        #expect(fault([0x89, 0x50, 0x4E, 0x47]) == "a photo that is no JPEG")
        #expect(fault([0xFF, 0xD8, 0xFF]) == "a photo that is no JPEG")
        let whole = Self.jpeg(width: 480, height: 640, size: 0)
        for cut in 3..<whole.count - 2 {
            #expect(fault(Array(whole[..<cut])) == "a photo that is no JPEG", "\(cut)")
        }
        #expect(fault(Self.jpeg(width: 480, height: 640, marker: 0xC4)) != nil)
        #expect(fault(Self.jpeg(width: 0, height: 640)) != nil)
    }

    @Test func `no bytes make the reader of JPEGs trap`() {
        var random = SeededGenerator(seed: 4)
        for _ in 0..<3000 {
            var bytes = Self.jpeg(width: 480, height: 640, size: 60)
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                bytes[Int.random(in: 2..<bytes.count, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            _ = JPEGSize(Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random))))
        }
    }

    @Test func `a photo loses its prefix and its line breaks`() throws {
        let base64 = Data(Self.jpeg(width: 480, height: 640)).base64EncodedString()
        let given = "data:image/jpeg;base64," + base64.prefix(76) + "\r\n" + base64.dropFirst(76)
        let sent = try CredentialRules.photo(String(given))
        #expect(sent == base64)
        #expect(throws: CredentialDefect.self) { try CredentialRules.photo("not base64!") }
        #expect(throws: CredentialDefect.self) {
            try CredentialRules.photo(String(repeating: "A", count: 1 << 20))
        }
    }

    @Test(arguments: [
        ("c5a1ff", true), ("c5(12)ff(3)", true), ("0", true), ("(1)", true), ("", false), ("C5A1", true),
        ("c5(ff", false), ("c5()ff", false), ("c5(0)", false), ("c5((1))", false), ("c5)1(", false),
        ("xyz", false),
        ("c5(99999999999999999999)", false), ("c5(12", false), ("c5 a1", false),
    ]) func `a fingerprint template is hexadecimal with runs of zeros`(text: String, isGood: Bool) {
        do throws(CredentialDefect) {
            _ = try CredentialRules.fingerprint(text, algorithm: "thbio3.0")
            #expect(isGood)
        } catch {
            #expect(!isGood, "\(error)")
        }
    }

    @Test(arguments: [(CommandDialect.evo, true), (.aiface, true), (.unknown, true), (.tfs, false)])
    func `a user without credentials is sent where readers take one`(dialect: CommandDialect, isGood: Bool) {
        do throws(CredentialDefect) {
            let sent = try CredentialForm.checked(
                .text("0"), in: .fingerprint(0), for: TerminalTraits(dialect: dialect))
            #expect(isGood && sent == .text("0"))
        } catch {
            #expect(!isGood, "\(error)")
        }
    }

    @Test func `a fingerprint template is as long as its algorithm makes them`() throws {
        let long = String(repeating: "a", count: 1619)
        _ = try CredentialRules.fingerprint(long, algorithm: "thbio3.0")
        #expect(throws: CredentialDefect.self) {
            try CredentialRules.fingerprint(long + "a", algorithm: "thbio3.0")
        }
        #expect(throws: CredentialDefect.self) {
            try CredentialRules.fingerprint(long, algorithm: "thbio1.0")
        }
        _ = try CredentialRules.fingerprint(String(long.prefix(1023)), algorithm: "thbio1.0")
    }

    @Test(
        arguments: [
            (11, JSONValue.integer(1), JSONValue.integer(1)), (11, .text("0004711"), .integer(4711)),
            (11, .integer(4_294_967_295), .integer(4_294_967_295)), (11, .integer(0), nil),
            (11, .integer(4_294_967_296), nil), (11, .text("12ab"), nil), (10, .text("0012"), .text("0012")),
            (10, .text("12345678"), .integer(12_345_678)), (10, .text("123456789"), nil),
            (10, .text(""), nil),
            (10, .integer(-1), nil), (20, .text("QUJDREVG"), .text("QUJDREVG")),
            (20, .text("not base64"), nil),
            (51, .integer(1), nil), (30, .text("palm-text"), .text("palm-text")),
            (40, .text("with blank "), nil),
            (12, .integer(1), nil),
        ] as [(Int64, JSONValue, JSONValue?)])
    func `PINs, cards, faces and palms have their forms`(slot: Int64, value: JSONValue, sent: JSONValue?)
        throws
    {
        let slot = try #require(CredentialSlot(slot))
        #expect(slot.number == CredentialSlot(slot.number)?.number)
        do throws(CredentialDefect) {
            let checked = try CredentialForm.checked(value, in: slot, for: TerminalTraits())
            #expect(checked == sent)
        } catch {
            #expect(sent == nil, "\(error)")
        }
    }
}
