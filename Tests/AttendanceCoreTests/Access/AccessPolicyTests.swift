import AttendanceCore
import Testing

@Suite struct AccessPolicyTests {
    /// A Sunday noon, UTC.
    private static let now = UnixTime(seconds: 1_795_348_800)
    private let zone: ZoneRules

    init() throws { zone = try #require(ZoneRules(identifier: "UTC")) }

    private func punch(
        _ id: String = "12", age: Int64 = 0, kind: PunchKind = .person, doubt: TimeDoubt = .none
    ) throws -> Punch {
        let instant = Self.now.seconds - age
        return Punch(
            enrollID: try #require(EnrollID(id)), time: WallTime(seconds: instant), zone: "UTC",
            instant: instant, kind: kind, doubt: doubt, raw: 0..<0)
    }

    private func verdict(
        _ punch: Punch?, records: Int = 1, isApproved: Bool = true,
        person: AccessPerson = .active(places: [])
    ) -> AccessPolicy.Verdict {
        verdict(AccessPolicy(), punch, records: records, isApproved: isApproved, person: person)
    }

    private func verdict(
        _ policy: AccessPolicy, _ punch: Punch?, records: Int = 1, isApproved: Bool = true,
        person: AccessPerson = .active(places: [])
    ) -> AccessPolicy.Verdict {
        policy.verdict(
            on: .init(records: records, punch: punch, isApproved: isApproved, received: Self.now), in: zone,
            person: { _ in person })
    }

    @Test func `a known and active person passes`() throws {
        #expect(verdict(try punch()) == .open)
        #expect(verdict(try punch(age: 60)) == .open)
        #expect(verdict(try punch(age: -60)) == .open)
    }

    /// With the most generous policy, and a person whom everybody knows.
    @Test func `nobody passes by what is no live record of a person`() throws {
        let policy = AccessPolicy(allowsWhenUnsure: true)
        let cases: [(Punch?, Int, Bool, AccessPolicy.Refusal)] = [
            (try punch("99999999", kind: .stranger), 1, true, .notAPerson),
            (try punch("099999999"), 1, true, .notAPerson),
            (try punch("0", kind: .doorEvent), 1, true, .notAPerson),
            (try punch("000"), 1, true, .notAPerson),
            (try punch(age: 61), 1, true, .stale),
            (try punch(age: -61), 1, true, .clock),
            (try punch(age: 86_400 * 365), 1, true, .stale),
            (try punch(doubt: .tooOld), 1, true, .stale),
            (try punch(doubt: .inFuture), 1, true, .stale),
            (try punch(), 2, true, .batch),
            (try punch(), 50, true, .batch),
            (nil, 1, true, .batch),
            (nil, 0, true, .batch),
            (try punch(), 1, false, .terminalNotApproved),
        ]
        for (punch, records, isApproved, why) in cases {
            #expect(
                verdict(policy, punch, records: records, isApproved: isApproved) == .refuse(why))
        }
    }

    @Test func `who is unsure is the operator's choice, and nobody else is`() throws {
        let strict = AccessPolicy()
        let generous = AccessPolicy(allowsWhenUnsure: true)
        #expect(verdict(strict, try punch(), person: .unsure) == .refuse(.unsure))
        #expect(verdict(generous, try punch(), person: .unsure) == .open)
        for policy in [strict, generous] {
            #expect(verdict(policy, try punch(), person: .unknown) == .refuse(.unknown))
            #expect(verdict(policy, try punch(), person: .inactive) == .refuse(.inactive))
        }
    }

    @Test func `places and hours are limits`() throws {
        let dubai = AccessPolicy(places: ["dubai"])
        #expect(verdict(dubai, try punch(), person: .active(places: ["Dubai", "Example"])) == .open)
        #expect(verdict(dubai, try punch(), person: .active(places: [])) == .refuse(.place))
        let weekdays = AccessPolicy(hours: try WorkingHours("Mon-Fri 08:00-18:00"))
        #expect(verdict(weekdays, try punch()) == .refuse(.hours))
        #expect(verdict(AccessPolicy(hours: try WorkingHours("Sun 11:00-13:00")), try punch()) == .open)
    }

    @Test func `a no anywhere wins, then a yes, then a doubt`() {
        let yes = AccessPerson.active(places: ["A"])
        #expect(AccessPerson.combined([yes, .inactive]) == .inactive)
        #expect(AccessPerson.combined([.unsure, .inactive]) == .inactive)
        #expect(
            AccessPerson.combined([.unknown, .unsure, yes, .active(places: ["B"])])
                == .active(places: ["A", "B"]))
        #expect(AccessPerson.combined([.unknown, .unsure]) == .unsure)
        #expect(AccessPerson.combined([.unknown]) == .unknown && AccessPerson.combined([]) == .unknown)
    }

    @Test(arguments: [
        ("Active", nil, true), ("Inactive", nil, false), ("Left", nil, false), ("Suspended", nil, false),
        ("Active", "2026-11-21", false), ("Active", "2026-11-22", true),
    ])
    func `an employee passes as long as they are active`(status: String, day: String?, passes: Bool) {
        var keys = ["attendance_device_id": "12"]
        keys[Employee.relievingDateField] = day
        let employee = Employee(
            name: "HR-EMP-1", fullName: "Ada", status: status, branch: "Dubai", keys: keys)
        let person = AccessPerson(.employee(employee), today: "2026-11-22")
        #expect(person == (passes ? .active(places: ["Dubai"]) : .inactive))
    }

    @Test func `the screen shows the operator's words, or why`() {
        let plain = AccessPolicy()
        #expect(plain.answer(.open) == .init(opens: true, message: nil))
        #expect(plain.answer(.refuse(.unknown)) == .init(opens: false, message: "Not known"))
        let worded = AccessPolicy(welcome: "Welcome", refusal: "Ask at the desk")
        #expect(worded.answer(.open) == .init(opens: true, message: "Welcome"))
        #expect(worded.answer(.refuse(.hours)) == .init(opens: false, message: "Ask at the desk"))
        #expect(AccessPolicy.Refusal.allCases.allSatisfy { $0.rawValue.count <= AccessPolicy.maximumText })
    }
}
