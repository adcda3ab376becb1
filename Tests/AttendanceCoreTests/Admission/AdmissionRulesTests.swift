import Testing

@testable import AttendanceCore

@Suite struct `Admission rules` {
    private func verdict(
        _ rules: AdmissionRules, address: String? = "192.168.10.5", path: String = "/pub/chat",
        _ header: String...
    ) -> AdmissionRules.Verdict {
        rules.admit(address: address, path: path, authorization: header)
    }

    @Test func `admit anyone when none is set, and say so`() {
        #expect(AdmissionRules().isOpen)
        #expect(verdict(AdmissionRules()) == .admitted)
        #expect(AdmissionRules().admits(nil))
    }

    @Test(arguments: [
        (["Bearer s3cret-token"], true), (["bearer s3cret-token"], true), (["BEARER   s3cret-token"], true),
        (["Bearer s3cret-tokem"], false), (["Bearer s3cret-token "], false), (["Bearer s3cret-toke"], false),
        (["Bearer"], false), (["Basic s3cret-token"], false), (["s3cret-token"], false), ([], false),
        ([""], false),
        (["Bearer s3cret-token", "Bearer s3cret-token"], false),
    ])
    func `want the whole token in one header`(headers: [String], admitted: Bool) {
        let rules = AdmissionRules(token: "s3cret-token")
        let verdict = rules.admit(address: nil, path: "/", authorization: headers)
        #expect(verdict == (admitted ? .admitted : .refused(.token)))
    }

    @Test func `must all hold together`() throws {
        let rules = AdmissionRules(
            token: "t0ken-of-length", networks: [try NetworkRange("192.168.10.0/24")],
            secretPath: "/gate-8f3ka02m")
        #expect(verdict(rules, path: "/gate-8f3ka02m", "Bearer t0ken-of-length") == .admitted)
        #expect(verdict(rules, path: "/gate-8f3ka02m") == .refused(.token))
        #expect(verdict(rules, path: "/gate", "Bearer t0ken-of-length") == .refused(.path))
        #expect(
            verdict(rules, address: "10.0.0.1", path: "/gate-8f3ka02m", "Bearer t0ken-of-length")
                == .refused(.address))
        #expect(
            verdict(rules, address: nil, path: "/gate-8f3ka02m", "Bearer t0ken-of-length")
                == .refused(.address))
    }

    @Test func `compare serials without regard to letter case`() {
        let rules = AdmissionRules(serials: [SerialNumber("AYTI10087992")!])
        #expect(rules.admits(SerialNumber(" ayti10087992 ")))
        #expect(!rules.admits(SerialNumber("AYTI10087993")))
        #expect(!rules.admits(nil))
        #expect(verdict(rules) == .admitted)
    }

    @Test(arguments: [
        ("", "", true), ("a", "a", true), ("a", "b", false), ("a", "", false), ("ab", "a", false),
        ("é", "é", true),
    ])
    func `compare secrets byte by byte`(a: String, b: String, equal: Bool) {
        #expect(ConstantTime.equal(a, b) == equal)
    }
}
