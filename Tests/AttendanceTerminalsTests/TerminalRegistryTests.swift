import AttendanceCore
import AttendanceStore
import Testing

@testable import AttendanceTerminals

@Suite struct `The registry of terminals` {
    private let now = UnixTime(seconds: 1_795_314_669)
    private let serial = SerialNumber("ZX01")!

    private func ask(
        _ registry: TerminalRegistry, _ serial: SerialNumber? = nil, _ occasion: TerminalOccasion = .batch,
        token: String? = nil, from address: String = "10.0.0.1", after seconds: Int = 0
    ) -> TerminalAdmission {
        registry.admission(
            of: serial ?? self.serial, occasion,
            PresentedTokens(token.map { [TerminalToken.digest(of: $0)] } ?? []), from: address,
            at: now + .seconds(seconds))
    }

    private func record(_ standing: TerminalStanding, held: Int = 0, token: TokenDigest? = nil)
        -> TerminalRecord
    {
        TerminalRecord(
            serial: serial, firstSeen: now, lastSeen: now, standing: standing, token: token, held: held)
    }

    @Test func `an unknown terminal is let in, kept waiting or kept out as the settings say`() {
        #expect(ask(TerminalRegistry(rules: .init(unknown: .accept))) == .served)
        #expect(ask(TerminalRegistry(rules: .init(unknown: .pending))) == .held)
        #expect(ask(TerminalRegistry(rules: .init(unknown: .withhold))) == .withheld)
        #expect(ask(TerminalRegistry(rules: .init(unknown: .withhold, named: [serial]))) == .served)
    }

    @Test func `what the journal says of a terminal holds at once`() {
        let registry = TerminalRegistry(rules: .init(unknown: .pending))
        #expect(ask(registry, nil, .registration) == .held)
        #expect(registry.pendingCount == 1)
        registry.held(3, of: serial)
        registry.take(record(.approved, held: 3), at: now)
        #expect(registry.pendingCount == 0)
        #expect(ask(registry) == .held, "as long as what waited is not owed")
        #expect(registry.releasable() == [serial])
        registry.released(serial)
        #expect(ask(registry) == .served && registry.releasable().isEmpty)
        // A receipt that comes late does not make it wait again.
        registry.held(1, of: serial)
        #expect(ask(registry) == .served)
        registry.take(record(.blocked), at: now)
        #expect(ask(registry) == .blocked)
        #expect(ask(registry, nil, .unreadable) == .blocked)
    }

    @Test func `invented serials find an end: for one address in an hour, and in all`() {
        let registry = TerminalRegistry(
            rules: .init(unknown: .pending, maximumPending: 30, pendingPerHour: 10))
        func invent(_ number: Int, from address: String, after seconds: Int = 0) -> TerminalAdmission {
            ask(registry, SerialNumber("FAKE\(number)")!, .registration, from: address, after: seconds)
        }
        #expect((0..<1000).count { invent($0, from: "10.0.0.1") == .held } == 10)
        #expect(registry.pendingCount == 10)
        #expect(invent(5, from: "10.0.0.1") == .held, "one that is known already")
        #expect(registry.standing(of: SerialNumber("FAKE999")!) == nil, "it is written down nowhere")
        #expect(invent(2000, from: "10.0.0.1", after: 3599) == .withheld)
        #expect(invent(2000, from: "10.0.0.1", after: 3600) == .held, "the next hour")
        #expect(invent(2001, from: "10.0.0.1", after: -7200) == .held, "a clock that was set back")
        for address in 2...99 {
            for number in 0..<20 {
                _ = invent(address * 1000 + number, from: "10.0.0.\(address)", after: 3600)
            }
        }
        #expect(registry.pendingCount == 30)
        #expect(registry.overflowToTell(at: now) ?? 0 > 900)
        #expect(registry.overflowToTell(at: now + .seconds(59)) == nil)
        // Those that are known are served as ever.
        registry.take(record(.approved), at: now)
        #expect(ask(registry) == .served)
    }

    @Test func `a pending terminal that brings too much keeps the rest`() {
        let registry = TerminalRegistry(rules: .init(unknown: .pending, maximumHeld: 100))
        #expect(ask(registry) == .held)
        registry.held(100, of: serial)
        #expect(ask(registry) == .withheld)
    }

    @Test func `bytes that nobody could read make no terminal known`() {
        let registry = TerminalRegistry(rules: .init(unknown: .pending))
        #expect(ask(registry, .unknown, .unreadable) == .held)
        #expect(registry.pendingCount == 0 && registry.flags(at: now).isEmpty)
    }

    @Test func `a terminal with a token comes in with it alone, registered or not`() {
        let digest = TerminalToken.digest(of: "0123456789abcdef")
        let registry = TerminalRegistry()
        registry.take(record(.approved, token: digest), at: now)
        for occasion in [TerminalOccasion.registration, .batch, .unregisteredBatch] {
            #expect(ask(registry, nil, occasion) == .withoutToken)
            #expect(ask(registry, nil, occasion, token: "0123456789abcdeF") == .withoutToken)
            #expect(ask(registry, nil, occasion, token: "0123456789abcdef") == .served)
        }
        // The settings' own token wins, also before the terminal was ever heard of.
        let other = SerialNumber("ZX02")!
        registry.rules = .init(
            unknown: .pending, named: [other],
            tokens: [other: digest, serial: TerminalToken.digest(of: "fedcba9876543210")])
        #expect(ask(registry, other, .registration) == .withoutToken)
        #expect(ask(registry, other, .registration, token: "0123456789abcdef") == .served)
        #expect(ask(registry, token: "0123456789abcdef") == .withoutToken)
        #expect(ask(registry, token: "fedcba9876543210") == .served)
    }

    @Test func `punches without a registration are refused where the settings say so`() {
        let registry = TerminalRegistry(rules: .init(unknown: .accept, trustsUnregistered: false))
        #expect(ask(registry, nil, .unregisteredBatch) == .unregistered)
        #expect(ask(registry, nil, .registration) == .served)
    }

    @Test func `terminals that the settings name or accept by now are to be approved`() {
        let registry = TerminalRegistry(rules: .init(unknown: .pending))
        _ = ask(registry)
        _ = ask(registry, SerialNumber("ZX02")!)
        #expect(registry.promotable().isEmpty)
        registry.rules = .init(unknown: .pending, named: [serial])
        #expect(registry.promotable() == [serial])
        registry.rules = .init(unknown: .accept)
        #expect(registry.promotable().count == 2)
    }

    @Test func `a move within a network is told apart from one between networks`() {
        let registry = TerminalRegistry()
        _ = ask(registry)
        func arrive(_ address: String) -> TerminalRegistry.Arrival {
            registry.arrived(serial, isNew: true, from: address, at: now)
        }
        #expect(arrive("10.0.0.1") == .init())
        #expect(arrive("10.0.7.1") == .init(movedFrom: "10.0.0.1"))
        #expect(registry.flags(at: now).isEmpty)
        #expect(arrive("203.0.113.9") == .init(movedFrom: "10.0.7.1", isJump: true))
        #expect(registry.flags(at: now).map(\.jumps) == [1])
        let flags = registry.flags(of: serial, at: now)
        #expect(flags?.moves == 2 && flags?.previousAddress == "10.0.7.1" && flags?.moved == now)
        #expect(registry.flags(at: now + .seconds(90_000)).isEmpty)
    }

    @Test func `two that replace each other are noticed`() {
        let registry = TerminalRegistry()
        _ = ask(registry)
        for turn in 0..<3 {
            let moment = now + .seconds(turn * 10)
            registry.replaced(
                serial, from: "10.0.0.\(turn % 2)", older: "10.0.0.\(1 - turn % 2)", lastHeard: moment,
                at: moment)
        }
        #expect(registry.flags(at: now + .seconds(30)).first?.contest == SerialWatch.contested)
    }

    @Test func `events are numbered, and the oldest are forgotten`() {
        let registry = TerminalRegistry(rules: .init(unknown: .pending))
        let (none, start) = registry.events(after: nil)
        #expect(none.isEmpty && start == 0)
        _ = ask(registry)
        _ = registry.arrived(serial, isNew: true, from: "10.0.0.1", at: now)
        let (events, next) = registry.events(after: start)
        #expect(events.map(\.kind) == [.waiting, .connected] && next == 2)
        for _ in 0..<5000 { registry.left(serial, at: now) }
        #expect(registry.events(after: 0).events.count <= 1000)
        #expect(registry.events(after: 0).next == 5002)
    }

    @Test func `waiting is to be told once`() {
        let registry = TerminalRegistry(rules: .init(unknown: .pending))
        _ = ask(registry)
        #expect(registry.isToBeTold(serial) && !registry.isToBeTold(serial))
        registry.take(record(.blocked), at: now)
        #expect(registry.refused(serial, from: "10.0.0.1", at: now))
        #expect(!registry.refused(serial, from: "10.0.0.1", at: now + .seconds(20)))
        #expect(registry.refused(serial, from: "10.0.0.1", at: now + .seconds(3600)))
    }

    @Test func `new tokens are good ones, and each is another`() {
        let tokens = (0..<100).map { _ in TerminalToken.make() }
        #expect(Set(tokens).count == 100)
        #expect(tokens.allSatisfy { $0.count == 32 && TokenText.isSound($0) })
        #expect(TerminalToken.presented(in: "/pub/chat/" + tokens[0]).digests.count == 1)
        #expect(TerminalToken.presented(in: "/pub/chat") == PresentedTokens())
    }
}
