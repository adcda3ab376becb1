import Testing

@testable import AttendanceCore

@Suite struct `Watching a serial number` {
    private let start = UnixTime(seconds: 1_795_314_669)

    @Test func `counts moves of a day, and jumps between networks among them`() {
        var watch = SerialWatch()
        watch.moved(isJump: false, at: start)
        watch.moved(isJump: true, at: start + .seconds(60))
        #expect(watch.moves(at: start + .seconds(60)) == 2)
        #expect(watch.jumps(at: start + .seconds(60)) == 1)
        #expect(watch.moves(at: start + .seconds(86_401)) == 1)
        #expect(watch.moves(at: start + .seconds(90_000)) == 0)
    }

    @Test func `keeps no more than it needs, however often one moves`() {
        var watch = SerialWatch()
        for second in 0..<10_000 { watch.moved(isJump: true, at: start + .seconds(second)) }
        #expect(watch.moves(at: start + .seconds(10_000)) == 64)
    }

    @Test(arguments: [(isSame: false, times: 3), (true, 6)])
    func `says that two hold a serial when living connections replace each other`(isSame: Bool, times: Int) {
        var watch = SerialWatch()
        for turn in 1...times {
            #expect(watch.contest(at: start) < SerialWatch.contested)
            let now = start + .seconds(turn * 30)
            watch.replaced(lastHeard: now + .seconds(-5), isSameAddress: isSame, at: now)
        }
        let end = start + .seconds(times * 30)
        #expect(watch.contest(at: end) >= SerialWatch.contested)
        #expect(watch.contest(at: end + .seconds(700)) == 0)
    }

    @Test func `takes a connection that a terminal left behind for what it is`() {
        var watch = SerialWatch()
        for turn in 1...20 {
            let now = start + .seconds(turn * 20)
            watch.replaced(lastHeard: now + .seconds(-61), isSameAddress: true, at: now)
            watch.replaced(lastHeard: nil, isSameAddress: false, at: now)
        }
        #expect(watch.contest(at: start + .seconds(400)) == 0)
    }

    @Test(arguments: [
        ("192.168.1.7", "192.168.200.9", true), ("192.168.1.7", "192.169.1.7", false),
        ("10.1.2.3", "10.1.200.3", true), ("10.1.2.3", "10.2.2.3", false), ("10.1.2.3", "192.168.1.1", false),
        ("203.0.113.5", "203.0.113.77", true), ("203.0.113.5", "203.0.114.5", false),
        ("::ffff:10.1.2.3", "10.1.9.9", true), ("2001:db8:1::1", "2001:db8:1:ff::9", true),
        ("2001:db8:1::1", "2001:db8:2::1", false), ("2001:db8:1::1", "10.0.0.1", false),
        ("127.0.0.1", "127.9.9.9", true), ("local", "local", true), ("local", "10.0.0.1", false),
    ])
    func `knows which addresses are of one network`(a: String, b: String, isNear: Bool) {
        #expect(NetworkAddress.areNear(a, b) == isNear)
        #expect(NetworkAddress.areNear(b, a) == isNear)
    }

    @Test func `counts a /64 of IPv6 as one source`() {
        #expect(
            NetworkAddress.source(of: "2001:db8::1:2:3:4")
                == NetworkAddress.source(of: "2001:db8::ffff:1:1:1"))
        #expect(
            NetworkAddress.source(of: "2001:db8:0:1::1") != NetworkAddress.source(of: "2001:db8:0:2::1"))
        #expect(NetworkAddress.source(of: "10.0.0.1") == "10.0.0.1")
    }
}

@Suite struct `What is said of a terminal` {
    @Test(arguments: [
        ("AYTI10087992", "AYTI10087992"), ("a b", "'a b'"), ("x;rm -rf ~", "'x;rm -rf ~'"),
        ("it's", "'it'\\''s'"), ("$(id)", "'$(id)'"), ("-x", "-- '-x'"),
    ])
    func `a serial number becomes one harmless word of a command`(text: String, word: String) throws {
        let serial = try #require(SerialNumber(text))
        #expect(serial.shellWord == word)
        #expect(serial.approval == "attendance-gateway terminals approve \(word)")
    }

    @Test func `a value is one line of a hundred characters`() {
        #expect(TerminalField.value("  Main gate ") == "Main gate")
        #expect(TerminalField.value("   ") == nil)
        #expect(TerminalField.value("a\nb") == nil)
        #expect(TerminalField.value(String(repeating: "é", count: 101)) == nil)
    }

    @Test func `a terminal's places are read from what it says of itself`() {
        let capacity = DeviceCapacity(
            deviceInfo:
                #"{"modelname":"x","useduser":12,"usersize":3000,"usedface":-1,"facesize":0,"usedfp":"7","logsize":1e2,"n":{}}"#
        )
        #expect(capacity.users == .init(used: 12, places: 3000))
        #expect(capacity.faces == .init(used: nil, places: 0))
        #expect(capacity.fingerprints == .init(used: 7))
        #expect(capacity.cards == .init())
        #expect(DeviceCapacity(deviceInfo: "nonsense") == DeviceCapacity())
        #expect(DeviceCapacity(deviceInfo: nil) == DeviceCapacity())
    }

    @Test func `tokens stand in the last part of the path or in the query, and are long enough`() {
        #expect(TokenText.candidates(in: "/pub/chat").isEmpty)
        #expect(TokenText.candidates(in: "/pub/chat/abcdefgh12345678") == ["abcdefgh12345678"])
        #expect(
            TokenText.candidates(in: "/pub/chat/abcdefgh12345678/?a=1&token=0123456789abcdef")
                == ["abcdefgh12345678", "0123456789abcdef"])
        #expect(TokenText.candidates(in: "/?token=short").isEmpty)
        #expect(TokenText.candidates(in: "/?token=" + String(repeating: "a", count: 129)).isEmpty)
        #expect(TokenText.candidates(in: "/?token=bad%20bad%20bad%20bad").isEmpty)
        #expect(TokenText.candidates(in: "").isEmpty)
    }

    @Test func `any of what was presented may be the token`() throws {
        let digests = try (0..<3).map { try #require(TokenDigest([UInt8](repeating: $0, count: 32))) }
        #expect(PresentedTokens(Array(digests.prefix(2))).contain(digests[1]))
        #expect(!PresentedTokens(Array(digests.prefix(2))).contain(digests[2]))
        #expect(!PresentedTokens().contain(digests[0]))
        #expect(TokenDigest([1, 2]) == nil)
    }
}

@Suite struct `Alerts about the registry` {
    private let now = UnixTime(seconds: 1_795_314_669)

    private func findings(_ flags: TerminalFlags, _ thresholds: AlertThresholds = AlertThresholds())
        -> AlertFindings
    {
        AlertRules.findings(
            in: AlertSnapshot(at: now, started: now, flags: [flags]), thresholds: thresholds)
    }

    private let serial = SerialNumber("ZX 01")!

    @Test func `a terminal that waits is told with the command that lets it in`() throws {
        let flags = TerminalFlags(
            serial: serial, address: "10.0.0.1", waiting: .init(since: now, held: 3, isWithheld: false))
        let finding = try #require(findings(flags).firm.first)
        #expect(finding.id == AlertID(.terminalPending, "ZX 01"))
        #expect(finding.detail.contains("3 punches of it are kept"))
        #expect(finding.remedy.contains("attendance-gateway terminals approve 'ZX 01'"))
    }

    @Test(arguments: [(jumps: 0, firm: 0, lingers: 0), (1, 0, 1), (2, 1, 0)])
    func `jumps between networks are told from a number on, and linger below it`(
        jumps: Int, firm: Int, lingers: Int
    ) {
        let found = findings(
            TerminalFlags(serial: serial, address: "10.0.0.1", previousAddress: "1.2.3.4", jumps: jumps))
        #expect(found.firm.count == firm)
        #expect(found.lingering.count == lingers)
    }

    @Test func `two that hold one serial are told, and a rule may be silenced`() {
        let flags = TerminalFlags(serial: serial, contest: SerialWatch.contested)
        #expect(findings(flags).firm.map(\.id.kind) == [.serialContested])
        #expect(
            findings(TerminalFlags(serial: serial, contest: 1)).lingering == [
                AlertID(.serialContested, "ZX 01")
            ])
        var silent = AlertThresholds()
        silent.silenced = [.serialContested]
        #expect(findings(flags, silent) == AlertFindings())
    }
}
