import Foundation
import Testing

@testable import AttendanceCore

@Suite struct AccountRulesTests {
    // MARK: Names

    @Test(arguments: [
        "ada", "Ada.Lovelace", "a_b-c@example.com", "007", "  ada  ", String(repeating: "x", count: 64),
    ])
    func `takes a name`(text: String) {
        #expect(AccountName(text)?.text == text.trimmingCharacters(in: .whitespaces))
    }

    @Test(arguments: [
        "", "ab", String(repeating: "x", count: 65), "ada lovelace", ".ada", "-ada", "@ada", "ad\u{0}a",
        "àda",
        "аda", "<script>", "gateway", "Unknown", String(repeating: "x", count: 1_000_000),
    ])
    func `refuses what is no name`(text: String) {
        #expect(AccountName(text) == nil)
    }

    @Test func `two names that differ in letter case are one`() {
        #expect(AccountName("Ada") == AccountName("aDA"))
        #expect(Set([AccountName("Ada"), AccountName("ada")]).count == 1)
    }

    // MARK: Passwords

    @Test(arguments: [
        ("", PasswordRules.Problem.tooShort), ("nine char", .tooShort), ("123456789", .tooShort),
        ("e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}", .tooShort),
        (String(repeating: "xy z", count: 65), .tooLong),
        (String(repeating: "x", count: 10_000_000), .tooLong),
        ("ada.lovelace", .isName), ("ADA.lovelace", .isName), ("ecalevol.ada", .isName),
        ("password12", .isCommon), ("Password2026!", .isCommon), ("1234567890", .isCommon),
        ("0987654321", .isCommon), ("aaaaaaaaaaaa", .isCommon), ("abababababab", .isCommon),
        ("attendance2026", .isCommon), ("qwertyuiop", .isCommon), ("345678901234", .isCommon),
        ("CorrectHorseBatteryStaple", .isCommon), ("tab\there and", .hasControl),
        ("line\u{2028}separator", .hasControl),
    ])
    func `says what is wrong with a new password`(password: String, problem: PasswordRules.Problem) throws {
        let name = try #require(AccountName("ada.lovelace"))
        #expect(PasswordRules.problem(with: password, of: name) == problem)
    }

    @Test(arguments: [
        "ten chars!", "a sentence that I can remember", "पासवर्ड है यह मेरा", "密码密码很长的密码很好", "Tr0ub4dor&3x",
        "password is the word", String(repeating: "xyz ", count: 64),
    ])
    func `takes a password that is long enough`(password: String) throws {
        #expect(PasswordRules.problem(with: password, of: try #require(AccountName("ada"))) == nil)
    }

    @Test func `a password is the same however its accents are typed`() {
        #expect(
            PasswordRules.normalised("caf\u{E9} cr\u{E8}me")
                == PasswordRules.normalised("cafe\u{301} cre\u{300}me"))
        #expect(PasswordRules.normalised(String(repeating: "x", count: 257)) == nil)
        #expect(PasswordRules.normalised("a good long password\u{0}") == nil)
        // One character of three bytes that stands for eighteen.
        #expect(PasswordRules.normalised(String(repeating: "\u{FDFA}", count: 85)) == nil)
    }

    // MARK: Roles and reach

    @Test func `each role may do more than the one before it`() {
        #expect(Role.allCases.sorted() == [.viewer, .operator, .administrator])
        #expect(Role.viewer.scopes == [.read])
        #expect(Role.operator.scopes == Set(Scope.allCases).subtracting([.administer]))
        #expect(Role.administrator.scopes == Set(Scope.allCases))
    }

    @Test func `a reach limits groups and sinks apart from each other`() throws {
        let groups = try Reach(groups: ["Dubai Office"], sinks: nil)
        #expect(groups.contains(group: "dubai office") && groups.contains(group: "DUBAI OFFICE"))
        #expect(!groups.contains(group: "plant") && !groups.contains(group: nil))
        #expect(groups.contains(sink: .erpnext))
        let sinks = try Reach(groups: nil, sinks: ["ERPNext"])
        #expect(sinks.contains(group: nil) && sinks.contains(sink: .erpnext) && !sinks.contains(sink: .csv))
        let nothing = try Reach(groups: [], sinks: [])
        #expect(!nothing.contains(group: "plant") && !nothing.contains(sink: .erpnext))
        #expect(nothing.words == "groups none; sinks none")
        let everything: Reach? = nil
        #expect(everything.contains(group: nil) && everything.contains(sink: .csv))
    }

    @Test func `what is no reach is never everything`() {
        #expect(throws: Reach.Fault.unlimited) { try Reach(groups: nil, sinks: nil) }
        #expect(throws: Reach.Fault.badGroup(" ")) { try Reach(groups: [" "], sinks: nil) }
        #expect(throws: Reach.Fault.badSink("a b")) { try Reach(groups: nil, sinks: ["a b"]) }
        #expect(throws: Reach.Fault.tooMany) {
            try Reach(groups: (0...200).map { "g\($0)" }, sinks: nil)
        }
        for json in ["{}", #"{"groups":null}"#, #"{"groups":[7]}"#, #"{"sinks":["A B"]}"#, "[]", "null"] {
            #expect(throws: DecodingError.self) {
                try JSONDecoder().decode(Reach.self, from: Data(json.utf8))
            }
        }
    }

    @Test func `a reach is stored and read as it is`() throws {
        for reach in [
            try Reach(groups: ["b", "A"], sinks: ["csv"]), try Reach(groups: nil, sinks: []),
            try Reach(groups: ["x"], sinks: nil),
        ] {
            #expect(try JSONDecoder().decode(Reach.self, from: JSONEncoder().encode(reach)) == reach)
        }
    }

    // MARK: Principals

    private func principal(_ kind: Principal.Kind, csrf: String?) -> Principal {
        Principal(
            kind: kind, id: 7, name: "ada", role: nil, scopes: [.read], reach: nil, session: nil,
            csrfToken: csrf,
            language: nil)
    }

    @Test func `a session needs its own CSRF token, a program's token none`() {
        #expect(principal(.session, csrf: "right").accepts(csrfToken: "right"))
        #expect(!principal(.session, csrf: "right").accepts(csrfToken: "wrong"))
        #expect(!principal(.session, csrf: "right").accepts(csrfToken: ""))
        #expect(!principal(.session, csrf: "right").accepts(csrfToken: nil))
        #expect(!principal(.session, csrf: nil).accepts(csrfToken: nil))
        #expect(principal(.token, csrf: nil).accepts(csrfToken: nil))
        #expect(principal(.token, csrf: nil).author.name == "token ada")
        #expect(principal(.token, csrf: nil).key != principal(.session, csrf: nil).key)
    }
}
