import Testing

@testable import AttendanceWeb

@Suite struct `Rates of the API` {
    @Test func `a minute's calls at once, then one after the other, each asker for themselves`() {
        let rates = APIRates()
        for _ in 1...60 { #expect(rates.wait(for: "token:1", perMinute: 60, at: .zero) == nil) }
        #expect(rates.wait(for: "token:1", perMinute: 60, at: .zero) == 1)
        #expect(rates.wait(for: "token:2", perMinute: 60, at: .zero) == nil)
        #expect(rates.wait(for: "token:1", perMinute: 60, at: .seconds(1)) == nil)
        #expect(rates.wait(for: "token:1", perMinute: 60, at: .seconds(1)) == 1)
        for _ in 1...60 { #expect(rates.wait(for: "token:1", perMinute: 60, at: .seconds(200)) == nil) }
        #expect(rates.wait(for: "token:1", perMinute: 60, at: .seconds(200)) == 1)
        // Another limit begins anew.
        #expect(rates.wait(for: "token:1", perMinute: 10, at: .seconds(200)) == nil)
    }

    @Test func `very many askers cost no more memory, and keep nobody out who was there`() {
        let rates = APIRates()
        for asker in 1...APIRates.mostAskers {
            #expect(rates.wait(for: "address:\(asker)", perMinute: 10, at: .zero) == nil)
        }
        // Those who come now share one account, until others have rested.
        for asker in 1...10 { #expect(rates.wait(for: "late:\(asker)", perMinute: 10, at: .zero) == nil) }
        #expect(rates.wait(for: "late:11", perMinute: 10, at: .zero) != nil)
        #expect(rates.wait(for: "address:1", perMinute: 10, at: .zero) == nil)
        #expect(rates.wait(for: "late:12", perMinute: 10, at: .seconds(61)) == nil)
    }
}
