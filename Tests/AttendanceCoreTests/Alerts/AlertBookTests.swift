import AttendanceCore
import Testing

@Suite struct AlertBookTests {
    private static let start = UnixTime(seconds: 1_795_312_800)
    private static let zone = ZoneRules(identifier: "Asia/Kolkata")!

    /// An hour of looks every 30 s, as a service makes them; collects what is told.
    private struct Diary {
        var book: AlertBook
        var now = AlertBookTests.start
        var told: [String] = []
        var confirms = true

        init(_ thresholds: AlertThresholds = AlertThresholds(), records: [AlertRecord] = []) {
            book = AlertBook(thresholds: thresholds, records: records)
        }

        mutating func look(_ findings: AlertFindings, times: Int = 1) {
            for _ in 0..<times {
                for notice in book.update(findings, at: now) {
                    told.append(
                        "\(notice.event.rawValue) \(notice.alerts.map(\.subject).joined(separator: "+"))")
                    if confirms { book.confirm(notice, at: now) }
                }
                now = now + .seconds(30)
            }
        }

        mutating func restart() { book = AlertBook(thresholds: book.thresholds, records: book.records) }
    }

    private func finding(
        _ kind: AlertKind, _ subject: String, _ severity: AlertSeverity = .warning, since: UnixTime? = nil
    ) -> AlertFinding {
        AlertFinding(
            AlertID(kind, subject), severity, title: "\(subject) is wrong", detail: "so much",
            remedy: "mend it",
            since: since)
    }

    private func firm(_ kind: AlertKind, _ subjects: String...) -> AlertFindings {
        AlertFindings(firm: subjects.map { finding(kind, $0) })
    }

    private let well = AlertFindings()

    @Test func `is told once after it has lasted, and once when it is over for long enough`() {
        var diary = Diary()
        diary.look(firm(.siteUnavailable, "erp"), times: 20)
        #expect(diary.told.isEmpty)
        diary.look(firm(.siteUnavailable, "erp"), times: 100)
        #expect(diary.told == ["raised erp"])
        #expect(diary.book.current.map(\.subject) == ["erp"])
        #expect(diary.book.current.first?.since == Self.start)
        diary.look(well, times: 4)
        #expect(diary.told == ["raised erp"])
        diary.look(well, times: 100)
        #expect(diary.told == ["raised erp", "recovered erp"])
        #expect(diary.book.current.isEmpty && diary.book.records.isEmpty)
    }

    @Test func `trouble that is known to be older has lasted as long`() {
        var diary = Diary()
        let old = AlertFindings(
            firm: [finding(.siteUnavailable, "erp", since: Self.start + .seconds(-700))])
        diary.look(old)
        #expect(diary.told == ["raised erp"])
    }

    @Test func `flapping is one alert`() {
        var diary = Diary()
        for _ in 0..<50 {
            diary.look(firm(.deadLetters, "erp"), times: 2)
            diary.look(well, times: 9)
        }
        #expect(diary.told == ["raised erp"])
        diary.look(well, times: 3)
        #expect(diary.told == ["raised erp", "recovered erp"])
    }

    @Test func `what passes before it is told is never told`() {
        var diary = Diary()
        for _ in 0..<50 {
            diary.look(firm(.sitePaused, "erp"), times: 2)
            diary.look(well)
        }
        #expect(diary.told.isEmpty)
        #expect(diary.book.records.isEmpty)
    }

    @Test func `in the margin nothing begins and nothing ends`() {
        var diary = Diary()
        let margin = AlertFindings(lingering: [AlertID(.diskLow, "/data")])
        diary.look(margin, times: 100)
        #expect(diary.told.isEmpty)
        diary.look(firm(.diskLow, "/data"), times: 5)
        diary.look(margin, times: 100)
        #expect(diary.told == ["raised /data"])
        // Well for less than its five minutes, then again in the margin.
        diary.look(well, times: 9)
        diary.look(margin, times: 100)
        #expect(diary.told == ["raised /data"])
        diary.look(well, times: 11)
        #expect(diary.told == ["raised /data", "recovered /data"])
    }

    @Test func `becoming critical is told once more, and once only`() {
        var diary = Diary()
        let critical = AlertFindings(firm: [finding(.terminalFull, "ZX01", .critical)])
        for _ in 0..<5 {
            diary.look(firm(.terminalFull, "ZX01"), times: 3)
            diary.look(critical, times: 3)
        }
        #expect(diary.told == ["raised ZX01", "worsened ZX01"])
        #expect(diary.book.current.first?.severity == .critical)
    }

    @Test func `a restart neither repeats nor forgets`() {
        var diary = Diary()
        diary.look(firm(.deadLetters, "erp"), times: 3)
        diary.restart()
        diary.look(firm(.deadLetters, "erp"), times: 30)
        #expect(diary.told == ["raised erp"])
        diary.look(well, times: 6)
        diary.restart()
        diary.look(well, times: 6)
        #expect(diary.told == ["raised erp", "recovered erp"])
        diary.restart()
        diary.look(well, times: 30)
        #expect(diary.told.count == 2)
    }

    @Test func `what no channel has taken yet is told again after a restart, its end too`() {
        var diary = Diary()
        diary.confirms = false
        diary.look(firm(.deadLetters, "erp"), times: 10)
        #expect(diary.told == ["raised erp"])
        #expect(diary.book.records.map(\.told) == [nil])
        diary.restart()
        diary.confirms = true
        diary.look(firm(.deadLetters, "erp"), times: 10)
        #expect(diary.told == ["raised erp", "raised erp"])
        diary.confirms = false
        diary.look(well, times: 30)
        #expect(diary.told.count == 3)
        #expect(diary.book.current.isEmpty)
        diary.restart()
        diary.look(well, times: 1)
        #expect(diary.told.suffix(2) == ["recovered erp", "recovered erp"])
        // Broken again before anybody heard of the end: it is the alert that they know.
        diary.restart()
        diary.confirms = true
        diary.look(firm(.deadLetters, "erp"), times: 10)
        #expect(diary.told.count == 4)
        #expect(diary.book.records.count == 1)
    }

    @Test func `begins anew when it breaks again after its end was told`() {
        var diary = Diary()
        for _ in 0..<3 {
            diary.look(firm(.deadLetters, "erp"), times: 2)
            diary.look(well, times: 12)
        }
        #expect(diary.told == Array(repeating: ["raised erp", "recovered erp"], count: 3).flatMap(\.self))
    }

    @Test func `many at once are one message, and their end is one`() {
        var diary = Diary()
        let all = AlertFindings(firm: (10..<37).map { finding(.terminalOffline, "T\($0)") })
        diary.look(all, times: 100)
        #expect(diary.told.count == 1)
        #expect(diary.book.current.count == 27)
        diary.look(well, times: 100)
        #expect(diary.told.count == 2)
        #expect(diary.book.current.isEmpty)
    }

    @Test func `a few are told one by one, and those that follow many wait and go together`() {
        var diary = Diary()
        func away(_ count: Int) -> AlertFindings {
            AlertFindings(firm: (0..<count).map { finding(.terminalOffline, "T\($0 + 10)") })
        }
        for count in 1...40 { diary.look(away(count)) }
        // Twenty by themselves; from the 21st on at most one message in ten minutes.
        #expect(diary.told.prefix(20).allSatisfy { $0.split(separator: " ").last?.count == 3 })
        #expect(diary.told.count == 21)
        diary.look(away(40), times: 20)
        #expect(diary.told.count == 22)
        #expect(diary.told.last?.split(separator: "+").count == 19)
        // They come back one after the other.
        for count in (0..<40).reversed() { diary.look(away(count)) }
        diary.look(well, times: 60)
        #expect(diary.book.records.isEmpty)
        let ends = diary.told.filter { $0.hasPrefix("recovered") }
        #expect(ends.count < 10)
        #expect(ends.joined(separator: "+").split(separator: "+").count == 40)
    }

    @Test func `kinds do not wait for each other`() {
        var diary = Diary()
        var many = AlertFindings(firm: (10..<37).map { finding(.terminalOffline, "T\($0)") })
        diary.look(many)
        many.firm.append(finding(.deadLetters, "erp"))
        diary.look(many)
        #expect(diary.told.last == "raised erp")
    }

    @Test func `no more alerts than the bound are kept, the worst first`() {
        var book = AlertBook(thresholds: AlertThresholds())
        var findings = (0..<AlertBook.maximum + 50).map { finding(.terminalOffline, "T\($0)") }
        findings.append(finding(.sitePaused, "erp", .critical, since: UnixTime(seconds: 0)))
        _ = book.update(AlertFindings(firm: findings), at: Self.start)
        #expect(book.records.count == AlertBook.maximum)
        #expect(book.records.first?.kind == "site-paused")
    }

    @Test func `a clock that is set back neither repeats nor holds for ever`() {
        var diary = Diary()
        diary.look(firm(.deadLetters, "erp"), times: 3)
        diary.look(well, times: 2)
        diary.now = diary.now + .seconds(-86_400)
        diary.look(well, times: 12)
        #expect(diary.told == ["raised erp", "recovered erp"])
        diary.look(firm(.sitePaused, "erp"), times: 2)
        diary.now = diary.now + .seconds(-86_400)
        diary.look(firm(.sitePaused, "erp"), times: 4)
        #expect(diary.told.last == "raised erp")
    }

    @Test func `a rule that is switched off ends without a word`() {
        var diary = Diary()
        diary.look(firm(.deadLetters, "erp"), times: 3)
        diary.book.thresholds.silenced = [.deadLetters]
        diary.look(well, times: 60)
        #expect(diary.told == ["raised erp"])
        #expect(diary.book.records.isEmpty)
    }

    // MARK: What people read

    @Test func `a notice says what, since when and what to do`() throws {
        var book = AlertBook(thresholds: AlertThresholds())
        let raised = try #require(book.update(firm(.deadLetters, "erp"), at: Self.start).first)
        #expect(raised.title == "Erp is wrong")
        #expect(
            raised.lines(in: Self.zone)
                == ["so much", "What to do: mend it", "Since 2026-11-22 07:30:00 (Asia/Kolkata)"])
        _ = book.update(well, at: Self.start + .seconds(3600))
        let over = try #require(book.update(well, at: Self.start + .seconds(4000)).first)
        #expect(over.title == "Over: erp is wrong")
        #expect(
            over.lines(in: Self.zone) == [
                "It lasted 1 h, from 2026-11-22 07:30:00 (Asia/Kolkata) to 2026-11-22 08:30:00 (Asia/Kolkata)"
            ])
        #expect(AlertNotice.test(at: Self.start).title.contains("test"))
    }

    @Test func `a notice of many names the first twenty`() throws {
        var book = AlertBook(thresholds: AlertThresholds())
        let many = AlertFindings(firm: (10..<37).map { finding(.terminalOffline, "T\($0)") })
        let notice = try #require(book.update(many, at: Self.start).first)
        #expect(notice.title == "27 terminals are offline")
        let lines = notice.lines(in: Self.zone)
        #expect(lines.count == 22)
        #expect(lines[0] == "• T10 is wrong")
        #expect(lines[20] == "and 7 more")
    }

    /// Random looks: whatever comes, each alert is raised before it recovers, and never twice in a row.
    @Test func `beginnings and ends take turns, whatever is found`() {
        for seed in UInt64(1)...200 {
            var random = Generator(state: seed)
            var diary = Diary()
            for _ in 0..<400 {
                var findings = AlertFindings()
                for subject in ["a", "b", "c"] {
                    switch random.next() % 4 {
                    case 0: findings.lingering.insert(AlertID(.oldestOwed, subject))
                    case 1:
                        findings.firm.append(
                            finding(.oldestOwed, subject, random.next() % 5 == 0 ? .critical : .warning))
                    default: break
                    }
                }
                diary.look(findings)
                if random.next() % 20 == 0 { diary.restart() }
            }
            for subject in ["a", "b", "c"] {
                let events = diary.told.filter { $0.hasSuffix(subject) && !$0.hasPrefix("worsened") }
                for (index, event) in events.enumerated() {
                    #expect(event.hasPrefix(index % 2 == 0 ? "raised" : "recovered"), "seed \(seed)")
                }
            }
        }
    }

    private struct Generator {
        var state: UInt64
        /// Knuth's MMIX constants; the upper bits are the good ones.
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
    }
}
