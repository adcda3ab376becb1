import AttendanceCore
import Testing

@Suite struct CorrectionProposalTests {
    private let zone = ZoneRules(identifier: "Asia/Kolkata")!
    private let received = UnixTime(seconds: 1_795_329_900)  // 2026-11-22 12:15:00 in Kolkata

    private func propose(_ sent: String?, skew: Int?) -> CorrectionProposal {
        CorrectionProposal(
            sent: sent.map { WallTime($0)! }, received: received, zone: zone,
            reading: skew.map { ClockReading(at: received, skew: $0) })
    }

    @Test(arguments: [
        // A clock that was set back to the year 2000 and ran from there.
        ("2000-01-01 00:10:00", -848_660_400, "2026-11-22 11:10:00"),
        // A clock in the wrong year.
        ("2027-11-22 12:14:58", 31_536_000, "2026-11-22 12:14:58"),
        // A backlog of some weeks.
        ("2027-10-01 09:00:00", 31_536_000, "2026-10-01 09:00:00"),
    ])
    func `takes the measured error of the clock off`(sent: String, skew: Int, expected: String) {
        let proposal = propose(sent, skew: skew)
        #expect(proposal.time.description == expected)
        #expect(zone.instant(of: proposal.time) == proposal.instant)
        #expect(proposal.basis.contains("clock was"))
    }

    @Test(
        arguments: [
            // No reading; one without an error; one that would put it after its arrival, or before any memory.
            ("2000-01-01 00:10:00", nil), ("2000-01-01 00:10:00", 3), ("2027-11-22 12:14:58", 86_400),
            ("2000-01-01 00:10:00", -86_400), (nil, 31_536_000),
        ] as [(String?, Int?)])
    func `else proposes the moment of arrival`(sent: String?, skew: Int?) {
        let proposal = propose(sent, skew: skew)
        #expect(proposal.time.description == "2026-11-22 12:15:00")
        #expect(proposal.instant == received.seconds)
        #expect(proposal.basis.contains("arrived"))
    }

    @Test func `an enormous error overflows nothing`() {
        #expect(propose("9999-12-31 23:59:59", skew: .max / 4).instant == received.seconds)
        #expect(propose("1970-01-01 00:00:00", skew: -(.max / 4)).instant == received.seconds)
    }
}
