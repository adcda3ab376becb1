import AttendanceCore
import Testing

@Suite struct `Serial numbers` {
    @Test(arguments: [
        ("ZXTA26110001", "ZXTA26110001"), (" zx1 \n", "zx1"), ("\0zx1\0\0", "zx1"), ("Tür 1", "Tür 1"),
        ("\u{A0}zx\u{3000}", "zx"), ("a b", "a b"),
    ])
    func `is kept trimmed`(_ text: String, _ kept: String) {
        #expect(SerialNumber(text)?.text == kept)
    }

    @Test(arguments: [
        "", " ", "\0", "a\nb", "a\u{7F}b", "a\u{85}b", "a\u{2028}b", "a\0b",
        String(repeating: "x", count: 65),
    ])
    func `is unusable`(_ text: String) {
        #expect(SerialNumber(text) == nil)
    }

    @Test func `letter case does not tell terminals apart`() {
        #expect(SerialNumber("ZXta1") == SerialNumber("zxTA1"))
        #expect(Set([SerialNumber("ÄB"), SerialNumber("äb")]).count == 1)
        #expect(SerialNumber("ZX1") != SerialNumber("ZX2"))
        #expect(SerialNumber(String(repeating: "ü", count: 64)) != nil)
    }
}

@Suite struct `Enroll ids` {
    @Test(arguments: [
        ("7", "7"), ("007", "7"), ("0", "0"), ("000", "0"), (" 12 ", "12"),
        ("123456789012345678", "123456789012345678"),
        ("00A", "00A"), ("E-7", "E-7"), ("-0", "-0"), ("٠١", "٠١"),
        ("00000000000000000000000000000000000001", "1"),
    ])
    func `is identified by`(_ text: String, _ canonical: String) {
        #expect(EnrollID(text)?.canonical == canonical)
    }

    @Test(arguments: ["", "  ", "a\tb", String(repeating: "9", count: 65)])
    func `is unusable`(_ text: String) {
        #expect(EnrollID(text) == nil)
    }

    @Test func `leading zeros are kept and do not make another person`() {
        #expect(EnrollID("0012")?.sent == "0012")
        #expect(EnrollID("0012") == EnrollID("12"))
        #expect(EnrollID(number: 12) == EnrollID("012"))
        #expect(EnrollID("e1") != EnrollID("E1"))
    }

    @Test(arguments: [
        ("0", true, false), ("000", true, false), ("99999999", false, true), ("1", false, false),
    ])
    func `of doors and strangers`(_ text: String, _ isDoor: Bool, _ isStranger: Bool) {
        #expect(EnrollID(text)?.isDoor == isDoor)
        #expect(EnrollID(text)?.isStranger == isStranger)
    }
}

@Suite struct `Identity of punches` {
    private func punch(_ id: String, _ kind: PunchKind, event: Int64?, doubt: TimeDoubt = .none) -> Punch {
        Punch(
            enrollID: EnrollID(id)!, time: WallTime(valid: "2026-11-22 08:01:09"), zone: "UTC", instant: 0,
            kind: kind,
            doubt: doubt, event: event, raw: 0..<0)
    }

    @Test func `the event tells door events apart and nothing else`() {
        #expect(punch("0", .doorEvent, event: 5).identityEvent == 5)
        #expect(punch("0", .doorEvent, event: nil).identityEvent == 0)
        #expect(punch("1", .person, event: 5).identityEvent == -1)
        #expect(punch("99999999", .stranger, event: 5).identityEvent == -1)
    }

    @Test func `only persons at believable times are forwarded`() {
        #expect(punch("1", .person, event: 0).isForwarded)
        #expect(!punch("1", .person, event: 0, doubt: .tooOld).isForwarded)
        #expect(!punch("1", .person, event: 0, doubt: .inFuture).isForwarded)
        #expect(!punch("0", .doorEvent, event: 0).isForwarded)
        #expect(!punch("99999999", .stranger, event: 0).isForwarded)
    }
}
