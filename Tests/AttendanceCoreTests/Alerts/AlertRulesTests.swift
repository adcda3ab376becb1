import AttendanceCore
import Testing

@Suite struct AlertRulesTests {
    private static let kolkata = ZoneRules(identifier: "Asia/Kolkata")!
    private static let berlin = ZoneRules(identifier: "Europe/Berlin")!
    /// Friday 2026-11-20, 10:00 in Kolkata.
    private static let now = UnixTime(seconds: kolkata.instant(of: WallTime("2026-11-20 10:00:00")!))
    private static let serial = SerialNumber("ZX01")!

    private func snapshot(
        terminals: [AlertSnapshot.Terminal] = [], sinks: [AlertSnapshot.Sink] = [],
        disks: [AlertSnapshot.Disk] = [],
        certificates: [AlertSnapshot.Certificate] = [], shifts: [ShiftStanding] = [],
        journal: AlertSnapshot.Journal = .writable, upFor: Duration = .seconds(86_400)
    ) -> AlertSnapshot {
        AlertSnapshot(
            at: Self.now, started: ago(upFor), journal: journal, terminals: terminals, sinks: sinks,
            disks: disks,
            certificates: certificates, shifts: shifts)
    }

    private func ago(_ duration: Duration) -> UnixTime { Self.now + (.zero - duration) }

    private func terminal(
        heard: Duration? = .zero, isConnected: Bool = false, zone: ZoneRules = kolkata, skew: Int? = 0,
        backlog: Int? = 0, memory: DeviceMemory = DeviceMemory(), resends: Int = 0, name: String? = "Gate 1"
    ) -> AlertSnapshot.Terminal {
        AlertSnapshot.Terminal(
            TerminalFigures(
                serial: Self.serial, isConnected: isConnected, lastHeard: heard.map(ago), backlog: backlog,
                skew: skew,
                memory: memory, resends: resends),
            name: name, zone: zone)
    }

    private func look(
        _ snapshot: AlertSnapshot, _ thresholds: AlertThresholds = AlertThresholds()
    ) -> (firm: [AlertFinding], lingering: Set<AlertKind>) {
        let findings = AlertRules.findings(in: snapshot, thresholds: thresholds)
        return (findings.firm, Set(findings.lingering.map(\.kind)))
    }

    private func thresholds(workingHours: String) throws -> AlertThresholds {
        var thresholds = AlertThresholds()
        thresholds.workingHours = try WorkingHours(workingHours)
        return thresholds
    }

    @Test func `nothing is told of a gateway that is well`() {
        let found = look(
            snapshot(
                terminals: [terminal(isConnected: true)],
                sinks: [
                    .init(
                        name: .erpnext, lastSuccess: ago(.seconds(5)), owed: 3, oldestOwed: ago(.seconds(5)))
                ],
                disks: [.init(path: "/data", holds: "the journal", free: 50 << 30, total: 100 << 30)],
                certificates: [
                    .init(server: "erp:443", state: .trusted(until: Self.now + .seconds(60 * 86_400)))
                ]))
        #expect(found.firm.isEmpty && found.lingering.isEmpty)
    }

    // MARK: Terminals

    @Test(arguments: [(14, false), (15, true), (600, true), (31 * 24 * 60, false)])
    func `a terminal away for 15 minutes is offline, and one away for a month was taken down`(
        minutes: Int64, isTold: Bool
    ) throws {
        let found = look(
            snapshot(terminals: [terminal(heard: .seconds(minutes * 60))], upFor: .seconds(40 * 86_400)))
        #expect(found.firm.map(\.id) == (isTold ? [AlertID(.terminalOffline, "ZX01")] : []))
        #expect(found.lingering == (isTold ? [] : [.terminalOffline]))
        if let finding = found.firm.first {
            #expect(finding.title == "Terminal Gate 1 (ZX01) is offline")
            #expect(finding.since == ago(.seconds(minutes * 60)))
        }
    }

    @Test func `connected and never seen terminals are not offline`() {
        for terminal in [terminal(heard: .seconds(9999), isConnected: true), terminal(heard: nil)] {
            let found = look(snapshot(terminals: [terminal]))
            #expect(found.firm.isEmpty && found.lingering.isEmpty)
        }
    }

    @Test func `time outside working hours does not count, on the terminal's own wall`() throws {
        let limits = try thresholds(workingHours: "Mon-Fri 09:50-18:00")
        func isOffline(_ terminal: AlertSnapshot.Terminal) -> Bool {
            !look(snapshot(terminals: [terminal]), limits).firm.isEmpty
        }
        // In Kolkata work began 10 minutes ago; in Berlin it is half past five.
        #expect(!isOffline(terminal(heard: .seconds(20 * 60))))
        #expect(!isOffline(terminal(heard: .seconds(40_000), zone: Self.berlin)))
        // Since before yesterday's end.
        #expect(isOffline(terminal(heard: .seconds(16 * 3600 + 6 * 60))))
        #expect(!isOffline(terminal(heard: .seconds(16 * 3600 + 4 * 60))))
    }

    @Test func `while the gateway itself was down nobody could be heard`() {
        let away = terminal(heard: .seconds(7200))
        #expect(look(snapshot(terminals: [away], upFor: .seconds(840))).lingering == [.terminalOffline])
        #expect(!look(snapshot(terminals: [away], upFor: .seconds(900))).firm.isEmpty)
    }

    @Test(arguments: [
        (121, true, false), (-121, true, false), (120, false, true), (61, false, true), (60, false, false),
    ])
    func `a clock is wrong beyond the limit, and well again at half of it`(
        skew: Int, isTold: Bool, lingers: Bool
    ) {
        let found = look(snapshot(terminals: [terminal(isConnected: true, skew: skew)]))
        #expect(found.firm.map(\.id.kind) == (isTold ? [.clockDrift] : []))
        #expect(found.lingering == (lingers ? [.clockDrift] : []))
        if let finding = found.firm.first { #expect(finding.detail.contains(skew > 0 ? "ahead" : "behind")) }
    }

    @Test func `no skew is too large to say`() {
        for skew in [Int.min, Int.max] {
            #expect(look(snapshot(terminals: [terminal(isConnected: true, skew: skew)])).firm.count == 1)
        }
    }

    @Test(arguments: [
        (DeviceMemory(logs: 900, logPlaces: 1000), 0, AlertSeverity?.some(.warning), false),
        (DeviceMemory(logs: 10, logPlaces: 1000), 900, .critical, false),
        (DeviceMemory(users: 900, userPlaces: 1000), 0, .warning, false),
        (DeviceMemory(users: 899, userPlaces: 1000), 0, nil, true),
        (DeviceMemory(users: 850, userPlaces: 1000), 0, nil, true),
        (DeviceMemory(users: 849, userPlaces: 1000), 0, nil, false),
        (DeviceMemory(users: 5, userPlaces: 0, logs: 7), 3, nil, false), (DeviceMemory(), nil, nil, false),
    ])
    func `a memory that fills is told at 90 percent and is well below 85`(
        memory: DeviceMemory, backlog: Int?, severity: AlertSeverity?, lingers: Bool
    ) {
        let found = look(
            snapshot(terminals: [terminal(isConnected: true, skew: nil, backlog: backlog, memory: memory)]))
        #expect(found.firm.map(\.severity) == (severity.map { [$0] } ?? []))
        #expect(found.lingering == (lingers ? [.terminalFull] : []))
    }

    @Test func `a resend loop is told from the twentieth time on`() {
        #expect(look(snapshot(terminals: [terminal(isConnected: true, resends: 19)])).firm.isEmpty)
        #expect(
            look(snapshot(terminals: [terminal(isConnected: true, resends: 20)])).firm.map(\.id.kind) == [
                .resendLoop
            ])
    }

    @Test func `whatever a terminal calls itself stays one short line`() throws {
        let hostile = "a\r\nBcc: x@y\u{2028}" + String(repeating: "é", count: 5000)
        let finding = try #require(
            look(snapshot(terminals: [terminal(heard: .seconds(9999), name: hostile)])).firm.first)
        for text in [finding.title, finding.detail, finding.remedy, finding.id.subject] {
            #expect(text.count <= 501)
            #expect(!text.unicodeScalars.contains { $0.isControl })
        }
    }

    // MARK: Sites

    @Test func `a paused site is told with its remedy, and a stopped one with what waits`() {
        let since = ago(.seconds(100))
        let found = look(
            snapshot(sinks: [
                .init(
                    name: .erpnext,
                    condition: .paused(
                        fault: .authentication, since: since, reason: "401: wrong key",
                        remedy: "Check APIKey."),
                    owed: 7),
                .init(
                    name: SinkName("branch")!,
                    condition: .unavailable(since: since, reason: "no answer", nextTry: Self.now)),
            ]))
        #expect(
            found.firm.map(\.id) == [AlertID(.sitePaused, "erpnext"), AlertID(.siteUnavailable, "branch")])
        #expect(found.firm.map(\.severity) == [.critical, .warning])
        #expect(found.firm[0].remedy == "Check APIKey.")
        #expect(found.firm[0].detail.contains("7 punches wait"))
        #expect(found.firm.map(\.since) == [since, since])
        #expect(found.lingering == [.sitePaused])
    }

    @Test func `before a site's first answer nothing is known of it`() {
        let silent = AlertSnapshot.Sink(name: .erpnext, owed: 1)
        #expect(look(snapshot(sinks: [silent])).lingering == [.sitePaused, .siteUnavailable])
        #expect(look(snapshot(sinks: [.init(name: .erpnext)])).lingering.isEmpty)
    }

    @Test(arguments: [
        (1800, AlertSeverity?.some(.warning), false), (43_200, .critical, false), (1799, nil, true),
        (900, nil, true),
        (899, nil, false),
    ])
    func `a punch that waits for half an hour is told`(
        seconds: Int64, severity: AlertSeverity?, lingers: Bool
    ) {
        let found = look(
            snapshot(sinks: [
                .init(name: .erpnext, lastSuccess: Self.now, owed: 2, oldestOwed: ago(.seconds(seconds)))
            ]))
        #expect(found.firm.map(\.severity) == (severity.map { [$0] } ?? []))
        #expect(found.lingering == (lingers ? [.oldestOwed] : []))
    }

    @Test func `dead letters and wrong check-ins are told, each sink's for itself`() {
        let found = look(
            snapshot(sinks: [
                .init(name: .erpnext, deadLetters: 3), .init(name: SinkName("branch")!, wrongCheckins: 1),
                .init(name: SinkName("other")!, mayHoldWrongCheckins: true),
            ]))
        #expect(
            found.firm.map(\.id) == [AlertID(.deadLetters, "erpnext"), AlertID(.wrongCheckins, "branch")])
        #expect(found.lingering == [.wrongCheckins], "nobody knows yet whether they still stand there")
        var ten = AlertThresholds()
        ten.deadLetters = 10
        let few = look(snapshot(sinks: [.init(name: .erpnext, deadLetters: 3)]), ten)
        #expect(few.firm.isEmpty && few.lingering == [.deadLetters])
    }

    @Test func `certificates are told before they end, and at once when they are refused`() {
        func found(_ state: CertificateState?) -> ([AlertID], AlertSeverity?, Set<AlertKind>) {
            let found = look(snapshot(certificates: [.init(server: "erp:443", state: state)]))
            return (found.firm.map(\.id), found.firm.first?.severity, found.lingering)
        }
        func days(_ days: Int64) -> UnixTime { Self.now + .seconds(days * 86_400) }
        #expect(found(.trusted(until: days(16))) == ([], nil, []))
        #expect(found(.trusted(until: days(14) + .seconds(60))) == ([], nil, [.certificateExpiry]))
        #expect(found(.trusted(until: days(13))) == ([AlertID(.certificateExpiry, "erp:443")], .warning, []))
        #expect(found(.trusted(until: days(1))) == ([AlertID(.certificateExpiry, "erp:443")], .critical, []))
        #expect(
            found(.refused(.wrongName, until: days(99), reason: "hostname mismatch"))
                == ([AlertID(.certificateRefused, "erp:443")], .critical, [.certificateExpiry]))
        #expect(found(nil) == ([], nil, [.certificateRefused, .certificateExpiry]))
        for fault in CertificateFault.allCases { #expect(!fault.remedy.isEmpty) }
    }

    // MARK: The rest

    @Test(arguments: [
        (9.0, AlertSeverity.warning, false), (2.0, .critical, false), (10.0, nil, true), (11.9, nil, true),
        (12.0, nil, false),
    ])
    func `a disk is low below 10 percent and well from 12 on`(
        percent: Double, severity: AlertSeverity?, lingers: Bool
    ) {
        let total: Int64 = 100 << 30
        let disk = AlertSnapshot.Disk(
            path: "/data", holds: "the journal", free: Int64((Double(total) * percent / 100).rounded(.up)),
            total: total)
        let found = look(snapshot(disks: [disk]))
        #expect(found.firm.map(\.severity) == (severity.map { [$0] } ?? []))
        #expect(found.lingering == (lingers ? [.diskLow] : []))
    }

    @Test func `a small disk is low by its bytes`() {
        let disk = AlertSnapshot.Disk(path: "/data", holds: "the journal", free: 400 << 20, total: 1 << 30)
        #expect(
            look(snapshot(disks: [disk])).firm.first?.detail == "/data: 400 MiB of 1.0 GiB are free (39.1 %)."
        )
    }

    @Test func `a journal that cannot be written is told`() {
        let found = look(snapshot(journal: .failing(since: ago(.seconds(60)), reason: "disk full")))
        #expect(found.firm.map(\.id.kind) == [.journalFailing])
        #expect(found.firm[0].detail.contains("disk full"))
    }

    @Test(arguments: [
        (ShiftStanding.Condition.followed, Int64(3000), String?.some("Attendance of shift Night waits")),
        (.leftToSite, 3000, "Attendance of shift Night is marked without all punches"), (.followed, 60, nil),
        (.notMarked, 3000, nil),
        (
            .denied(reason: "403", remedy: "Give it the role."), 0,
            "Attendance of shift Night is not moved on at erpnext"
        ),
    ])
    func `a shift that waits for terminals is told half an hour after its end`(
        condition: ShiftStanding.Condition, seconds: Int64, title: String?
    ) throws {
        let end = ago(.seconds(seconds))
        let shift = ShiftStanding(
            sink: .erpnext, shift: "Night", condition: condition,
            holders: (1...8).map {
                .init(title: "T\($0)", point: $0 == 8 ? Self.now.seconds : nil, reason: .neverHeard)
            },
            openEnd: .init(wall: Self.kolkata.wallTime(at: end.seconds), at: end))
        let found = look(snapshot(shifts: [shift])).firm
        #expect(found.first?.title == title)
        if title?.hasSuffix("waits") == true {
            #expect(found.first?.detail.hasSuffix("missing: T1, T2, T3, T4, T5 and 2 more.") == true)
        }
    }

    @Test func `a rule that is switched off says nothing`() {
        let all = snapshot(
            terminals: [terminal(heard: .seconds(9999))], journal: .failing(since: Self.now, reason: "x"))
        var silent = AlertThresholds()
        silent.silenced = [.terminalOffline, .journalFailing]
        let found = look(all, silent)
        #expect(found.firm.isEmpty && found.lingering.isEmpty)
    }

    @Test(.timeLimit(.minutes(10))) func `ten thousand terminals are looked at in one look`() throws {
        let terminals = try (0..<10_000).map { number in
            AlertSnapshot.Terminal(
                TerminalFigures(
                    serial: try #require(SerialNumber("T\(number)")), isConnected: number % 2 == 0,
                    lastHeard: ago(.seconds(100_000))), zone: Self.kolkata)
        }
        let limits = try thresholds(workingHours: "Mon-Fri 08:00-18:00")
        let found = look(snapshot(terminals: terminals), limits)
        #expect(found.firm.count == 5000)
    }
}
