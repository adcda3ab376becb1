import AttendanceCore
import Foundation
import Testing

@Suite struct EnrolmentReaderTests {
    static let photo = JPEG.base64(width: 480, height: 640)

    static func read(_ text: String, word: String = "senduser", algorithm: String? = nil) throws -> Enrolment?
    {
        try Array(text.utf8).withUnsafeBytes {
            try EnrolmentReader.read($0, word: word, algorithm: algorithm)
        }
    }

    @Test func `each kind of credential is read as terminals send it`() throws {
        func content(_ slot: String, _ record: String, word: String = "senduser") throws -> CredentialContent?
        {
            try Self.read(
                #"{"cmd":"\#(word)","enrollid":7,"name":"Ada",\#(slot)"admin":"1","record":\#(record)}"#,
                word: word)?.content
        }
        let finger = try content(#""backupnum":0,"#, #""0a1b(12)ff""#)
        #expect(finger?.kind == .fingerprint && finger?.text == "0a1b(12)ff")
        #expect(try content(#""backupnum":10,"#, "1234")?.text == "1234")
        #expect(try content(#""backupnum":"11","#, "4294967295")?.kind == .card)
        #expect(
            try content(#""backupnum":50,"#, "\"data:image/jpeg;base64,\(Self.photo)\"")?.text == Self.photo)
        // Some firmwares leave the slot out.
        #expect(try content("", "\"\(Self.photo)\"")?.slot == 50)
        #expect(try content("", "4711", word: "sendcard")?.slot == 11)
        #expect(try content("", "47", word: "sendpwd")?.slot == 10)
    }

    @Test func `a user without any credential is a person all the same`() throws {
        let enrolment = try #require(
            try Self.read(#"{"cmd":"senduser","enrollid":"0012","name":" Ada\n","backupnum":0,"record":"0"}"#)
        )
        #expect(enrolment.enrollID == EnrollID("12") && enrolment.name == "Ada")
        #expect(enrolment.content == nil && enrolment.defect == nil)
        #expect(try Self.read(#"{"cmd":"senduser","enrollid":0,"record":1}"#) == nil)
        #expect(try Self.read(#"{"cmd":"senduser","enrollid":99999999}"#) == nil)
        #expect(try Self.read(#"{"cmd":"senduser"}"#) == nil)
    }

    @Test(arguments: [
        (50, "bm8ganBlZw=="), (50, "???"), (50, JPEG.base64(width: 100, height: 100)), (10, "123456789"),
        (10, "12a4"), (11, "0"), (11, "4294967296"), (0, "xyz"), (0, "0a(1"), (99, "1"), (12, "1"),
    ])
    func `what no terminal takes is told without a word of it`(slot: Int, record: String) throws {
        let enrolment = try #require(
            try Self.read(
                #"{"cmd":"senduser","enrollid":7,"backupnum":\#(slot),"record":"\#(record)"}"#))
        let defect = try #require(enrolment.defect)
        #expect(enrolment.content == nil)
        if record.count > 3 { #expect(!defect.description.contains(record)) }
    }

    @Test func `a template longer than its algorithm makes is refused`() throws {
        let template = String(repeating: "a", count: 1100)
        let text = #"{"cmd":"senduser","enrollid":7,"backupnum":0,"record":"\#(template)"}"#
        #expect(try Self.read(text, algorithm: "thbio3.0")?.content != nil)
        #expect(try Self.read(text, algorithm: "thbio1.0")?.defect != nil)
    }

    @Test func `a credential never shows itself`() throws {
        let content = try CredentialContent(slot: 10, record: "4711")
        var dumped = ""
        dump(content, to: &dumped)
        #expect(!"\(content) \(String(reflecting: content)) \(dumped)".contains("4711"))
    }
}

/// A JPEG that is one as far as anybody looks who does not decode it.
enum JPEG {
    static func base64(width: Int, height: Int, padding: Int = 40) -> String {
        var bytes: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0, 0x00, 0x10]
        bytes += Array("JFIF".utf8) + [0, 1, 1, 0, 0, 1, 0, 1, 0, 0]
        bytes += [0xFF, 0xC0, 0x00, 0x0B, 8, UInt8(height >> 8), UInt8(height & 255)]
        bytes += [UInt8(width >> 8), UInt8(width & 255), 1, 1, 0x11, 0]
        bytes += [0xFF, 0xDA, 0x00, 0x08, 1, 1, 0, 0, 63, 0]
        bytes += (0..<padding).map { UInt8(truncatingIfNeeded: $0 * 37 + 1) & 0x7F } + [0xFF, 0xD9]
        return Data(bytes).base64EncodedString()
    }
}
