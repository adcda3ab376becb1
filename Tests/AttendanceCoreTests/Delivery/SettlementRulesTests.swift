import AttendanceCore
import Testing

@Suite struct SettlementRulesTests {
    private let now = UnixTime(seconds: 1_000_000)

    private func fate(
        _ outcome: DeliveryOutcome, attempts: Int = 0, open: Bool = false, blamed: Bool = false,
        canLook: Bool = true
    ) -> (fate: Settlement.Fate, report: ReportedStatus?) {
        SettlementRules(canLook: canLook).fate(
            of: outcome, attemptsBefore: attempts, mayBeStoredBefore: open, blamed: blamed, at: now, random: 0
        )
    }

    @Test func `what the site has is delivered and reported`() {
        for outcome in [DeliveryOutcome.delivered(reference: "X"), .alreadyThere(reference: nil)] {
            let (fate, report) = fate(outcome)
            #expect(fate == .delivered)
            #expect(report == .success)
        }
    }

    @Test func `a rejected punch is dead at once and reported as failed`() {
        let (fate, report) = fate(.rejected(cause: .unknownEmployee, reason: "who"))
        #expect(fate == .dead(cause: .unknownEmployee, reason: "who"))
        #expect(report == .failed)
    }

    @Test(arguments: [(0, 5, false), (1, 10, false), (2, 20, true), (6, 320, true)])
    func `a counted failure waits longer each time and is reported from MaxRetries on`(
        attempts: Int, seconds: Int, reported: Bool
    ) {
        let (fate, report) = fate(.retry(reason: "x", counted: true), attempts: attempts)
        #expect(fate == .again(due: now + .seconds(seconds), counted: true, mayBeStored: false))
        #expect(report == (reported ? .failed : nil))
    }

    @Test func `the eighth counted failure is the last`() {
        #expect(
            fate(.retry(reason: "x", counted: true), attempts: 7).fate
                == .dead(cause: .serverError, reason: "x"))
        #expect(
            fate(.retry(reason: "x", counted: false), attempts: 7).fate
                == .again(due: now + .seconds(5), counted: false, mayBeStored: false))
    }

    @Test func `the site's faults burn no attempt`() {
        let misconfigured = DeliveryOutcome.siteMisconfigured(
            fault: .authentication, reason: "r", remedy: "m")
        #expect(fate(misconfigured, attempts: 7).fate == .again(due: now, counted: false, mayBeStored: false))
        let down = DeliveryOutcome.siteUnavailable(reason: "r", retryAfter: nil, ambiguous: false)
        #expect(fate(down, attempts: 7).fate == .again(due: now, counted: false, mayBeStored: false))
        #expect(
            fate(down, attempts: 7, open: true).fate == .again(due: now, counted: false, mayBeStored: true))
    }

    @Test func `a missing answer is looked for at once, or left alone where nobody can look`() {
        let silent = DeliveryOutcome.siteUnavailable(reason: "r", retryAfter: nil, ambiguous: true)
        #expect(fate(silent).fate == .again(due: now, counted: false, mayBeStored: true))
        #expect(
            fate(silent, canLook: false).fate
                == .again(due: now + .seconds(120), counted: false, mayBeStored: true))
    }

    @Test func `a punch to blame pays for itself`() {
        let down = DeliveryOutcome.siteUnavailable(reason: "r", retryAfter: nil, ambiguous: true)
        #expect(
            fate(down, blamed: true).fate == .again(due: now + .seconds(5), counted: true, mayBeStored: true))
        #expect(
            fate(down, blamed: true, canLook: false).fate
                == .again(due: now + .seconds(120), counted: true, mayBeStored: true))
        #expect(fate(down, attempts: 7, blamed: true).fate == .dead(cause: .serverError, reason: "r"))
    }
}
