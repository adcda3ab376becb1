import AttendanceCore
import Testing

@Suite struct SiteBreakerTests {
    private let down = SiteBreaker.Sign.unavailable(reason: "refused", retryAfter: nil)

    @Test func `begins with one punch and adds one with each good answer`() {
        var breaker = SiteBreaker(concurrency: 3)
        #expect(breaker.step(at: .zero) == .send(upTo: 1))
        for allowed in [2, 3, 3] {
            #expect(breaker.noted(.answers, epoch: 0, at: .zero, random: 0) == nil)
            #expect(breaker.step(at: .zero) == .send(upTo: allowed))
        }
    }

    @Test func `probes after 1, 2, 4, 8, 8 s, then tries one punch, then ramps up`() {
        var breaker = SiteBreaker(concurrency: 4)
        var now = Duration.seconds(100)
        guard case .trouble(let trouble) = breaker.noted(down, epoch: 0, at: now, random: 0) else {
            Issue.record("nothing told")
            return
        }
        #expect(trouble.kind == .unavailable)
        for wait in [1, 2, 4, 8, 8, 8] {
            #expect(breaker.step(at: now) == .wait(until: now + .seconds(wait)))
            now += .seconds(wait)
            #expect(breaker.step(at: now) == .probe)
            #expect(breaker.step(at: now) == .wait(until: nil))
            breaker.probed(answers: false, at: now, random: 0)
        }
        now += .seconds(8)
        #expect(breaker.step(at: now) == .probe)
        breaker.probed(answers: true, at: now, random: 0)
        #expect(breaker.step(at: now) == .send(upTo: 1))
        let change = breaker.noted(.answers, epoch: breaker.epoch, at: now, random: 0)
        #expect(change == .recovered(trouble, after: now - .seconds(100)))
        #expect(breaker.step(at: now) == .send(upTo: 2))
        #expect(breaker.trouble == nil)
    }

    @Test(arguments: [-1.0, 0, 0.3, 1])
    func `asks again within 10 s however long the outage and however slow the probe`(random: Double) {
        var breaker = SiteBreaker(concurrency: 2)
        var now = Duration.zero
        _ = breaker.noted(down, epoch: 0, at: now, random: random)
        var lastStart: Duration?
        for _ in 0..<400 {
            switch breaker.step(at: now) {
            case .wait(let until?): now = until
            case .probe:
                if let lastStart { #expect(now - lastStart < .seconds(10)) }
                lastStart = now
                now += SiteBreaker.probeTimeout
                breaker.probed(answers: false, at: now, random: random)
            default: Issue.record("neither waiting nor probing")
            }
        }
        #expect(lastStart ?? .zero > .seconds(1000))
    }

    @Test func `a failed trial waits longer than the one before`() {
        var breaker = SiteBreaker(concurrency: 2)
        var now = Duration.zero
        var waits: [Duration] = []
        for _ in 0..<5 {
            _ = breaker.noted(down, epoch: breaker.epoch, at: now, random: 0)
            guard case .wait(let until?) = breaker.step(at: now) else { return }
            waits.append(until - now)
            now = until
            _ = breaker.step(at: now)
            breaker.probed(answers: true, at: now, random: 0)
        }
        #expect(waits == [1, 2, 4, 8, 8].map { .seconds($0) })
    }

    @Test func `answers of requests from before the fall are not listened to`() {
        var breaker = SiteBreaker(concurrency: 2)
        _ = breaker.noted(down, epoch: 0, at: .zero, random: 0)
        #expect(breaker.noted(.answers, epoch: 0, at: .zero, random: 0) == nil)
        #expect(breaker.noted(down, epoch: 0, at: .seconds(5), random: 0) == nil)
        #expect(breaker.step(at: .milliseconds(500)) == .wait(until: .seconds(1)))
    }

    @Test func `Retry-After holds the whole site`() {
        var breaker = SiteBreaker(concurrency: 2)
        _ = breaker.noted(
            .unavailable(reason: "429", retryAfter: .seconds(60)), epoch: 0, at: .zero, random: 0)
        #expect(breaker.step(at: .seconds(59)) == .wait(until: .seconds(60)))
        #expect(breaker.step(at: .seconds(60)) == .probe)
    }

    @Test(arguments: [(SiteFault.configuration, 10), (.authentication, 30), (.wrongTime, 900)])
    func `a fault that somebody has to mend is told once and tried at its pace`(fault: SiteFault, pace: Int) {
        var breaker = SiteBreaker(concurrency: 2)
        let sign = SiteBreaker.Sign.misconfigured(fault: fault, reason: "r", remedy: "m")
        var told = 0
        var now = Duration.zero
        for _ in 0..<4 {
            if breaker.noted(sign, epoch: breaker.epoch, at: now, random: 0) != nil { told += 1 }
            #expect(
                breaker.step(at: now + .seconds(pace) - .milliseconds(1))
                    == .wait(until: now + .seconds(pace)))
            now += .seconds(pace)
            #expect(breaker.step(at: now) == .send(upTo: 1))
        }
        #expect(told == 1)
        guard
            case .recovered(let past, let after) = breaker.noted(
                .answers, epoch: breaker.epoch, at: now, random: 0)
        else {
            Issue.record("recovery not told")
            return
        }
        #expect(past.remedy == "m")
        #expect(after == now)
    }

    @Test func `blames a punch that fails again and again while others get through`() {
        var suspects = Suspects()
        // Twice while nobody got through: the site's doing.
        let answered = [0, 0, 5, 9]
        let blamed = answered.map { suspects.failed(1, answered: $0) }
        #expect(blamed == [false, false, false, true])
        suspects.cleared(1)
        let afterwards = suspects.failed(1, answered: 10)
        #expect(!afterwards)
    }
}
