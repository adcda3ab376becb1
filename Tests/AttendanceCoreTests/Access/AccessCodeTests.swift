import AttendanceCore
import Testing

@Suite struct AccessCodeTests {
    private static let start = UnixTime(seconds: 1_000)
    private let terminal: SerialNumber

    init() throws { terminal = try #require(SerialNumber("T1")) }

    private func code(_ scope: AccessCode.Scope? = nil, person: UInt64 = 12) -> AccessCode {
        AccessCode(
            kind: .pin, person: PersonKey(enrollID: EnrollID(number: person)),
            scope: scope ?? .terminal(terminal), starts: Self.start, ends: Self.start + .seconds(60), uses: 2)
    }

    @Test func `a code opens at its place, in its time, as often as it may`() throws {
        let other = try #require(SerialNumber("T2"))
        func refusal(
            _ code: AccessCode, at serial: SerialNumber? = nil, of group: String? = nil, used: Int = 0,
            isRevoked: Bool = false, after seconds: Int = 0
        ) -> AccessCode.Refusal? {
            code.refusal(
                at: serial ?? terminal, of: group, used: used, isRevoked: isRevoked,
                now: Self.start + .seconds(seconds))
        }
        #expect(refusal(code()) == nil && refusal(code(), used: 1, after: 59) == nil)
        #expect(refusal(code(), after: -1) == .early && refusal(code(), after: 60) == .late)
        #expect(refusal(code(), used: 2) == .used && refusal(code(), isRevoked: true) == .revoked)
        #expect(refusal(code(), at: other) == .elsewhere)
        let office = code(.group("Office"))
        #expect(refusal(office, at: other, of: "office") == nil)
        #expect(refusal(office) == .elsewhere && refusal(office, of: "Gate") == .elsewhere)
    }

    @Test func `no two codes sign the same text`() {
        var shifted = code()
        shifted.person.space = "1"
        let all = [
            code(), code(.group("T1")), code(person: 121), code(.group("")), shifted,
        ].map { $0.signed(nonce: "n") }
        #expect(Set(all).count == all.count)
        #expect(code().signed(nonce: "a") != code().signed(nonce: "b"))
    }

    @Test func `guessing shuts a terminal, longer each time, and a right code forgives nothing`() throws {
        var throttle = GuessThrottle()
        var now = Self.start
        var guesses = 0
        let end = now + .seconds(86_400)
        while now < end {
            if throttle.allows(terminal, at: now) {
                _ = throttle.failed(terminal, at: now)
                guesses += 1
            }
            now = now + .seconds(1)
        }
        #expect((100...140).contains(guesses))
        #expect(throttle.allows(try #require(SerialNumber("T2")), at: now))
        // A day of peace, and all is forgotten.
        now = now + GuessThrottle.memory + .seconds(1)
        let wrong = (1...GuessThrottle.tries).map { _ in throttle.failed(terminal, at: now) }
        #expect(wrong == [false, false, false, false, true])
        #expect(!throttle.allows(terminal, at: now + .seconds(299)))
        #expect(throttle.allows(terminal, at: now + .seconds(300)))
    }

    @Test func `nothing secret stands in a description`() {
        let code = PresentedCode(kind: .pin, text: "48151623", word: "sendpin")
        #expect(!"\(code)".contains("4815") && !String(reflecting: code).contains("4815"))
    }
}
