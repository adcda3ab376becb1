import AttendanceCore
import Foundation
import Testing

@testable import AttendanceGateway

@Suite struct AlertSettingsTests {
    @Test func `thresholds have defaults, and 0 switches each off`() throws {
        let alerts = try loadSettings(soundSettings).get().alerts
        #expect(alerts.workingHours == nil && alerts.channels.isEmpty && alerts.interval == .seconds(30))
        #expect(alerts.offline == .seconds(900) && alerts.owed == .seconds(1800))
        #expect(alerts.paused == .seconds(60) && alerts.deadLetters == 1 && alerts.diskFreePercent == 10)
        #expect(alerts.unavailable == .seconds(600) && alerts.shift == .seconds(1800))
        #expect(alerts.clockDrift == .seconds(120) && alerts.memoryPercent == 90)
        #expect(alerts.resendTimes == 20 && alerts.networkMoves == 2 && alerts.certificateDays == 14)
        let off = try loadSettings(
            soundSettings + """
                [Alerts]
                WorkingHours = Sun-Thu 22:00-06:00,
                   sat 09:00-24:00
                OfflineMinutes = 0
                OwedMinutes = 0
                PausedMinutes = 0
                UnavailableMinutes = 0
                ShiftMinutes = 0
                DeadLetters = 0
                DiskFreePercent = 0
                ClockDriftSeconds = 0
                MemoryPercent = 0
                ResendTimes = 0
                NetworkMoves = 0
                CertificateDays = 0
                IntervalSeconds = 5
                """
        ).get().alerts
        #expect(
            off
                == Settings.Alerts(
                    workingHours: try WorkingHours("Sun-Thu 22:00-06:00, Sat 09:00-24:00"),
                    interval: .seconds(5), channels: [])
        )
    }

    @Test func `limits reach the rules, and 0 silences them`() throws {
        let text = "[Alerts]\nUnavailableMinutes = 3\nShiftMinutes = 45\n"
        let limits = try loadSettings(soundSettings + text).get().alerts.thresholds
        #expect(limits.after(.siteUnavailable) == .seconds(180) && limits.shift == .seconds(2700))
        #expect(limits.silenced.isEmpty)
        let off = "[Alerts]\nUnavailableMinutes = 0\nShiftMinutes = 0\n"
        let silenced = try loadSettings(soundSettings + off).get().alerts.thresholds.silenced
        #expect(silenced == [.siteUnavailable, .shiftWaits])
    }

    @Test func `each kind of channel has what it needs`() throws {
        let settings = try loadSettings(
            soundSettings + """
                [Alert one]
                Kind = JSON
                URL = https://a.example.com/alerts
                Token = t0ken-of-json
                [Alert two]
                Kind = slack
                URL = https://hooks.example.com/services/T1
                [Alert three]
                Kind = telegram
                Token = 123:abc
                Chat = -1001
                [Alert four]
                Kind = ntfy
                URL = https://ntfy.example.com/topic
                [Alert five]
                Kind = mail
                To = operators@example.com, root
                From = gateway@example.com
                Sendmail = /bin/true
                """)
        #expect(settings.problems.isEmpty)
        let channels = try settings.get().alerts.channels
        #expect(channels.map(\.name) == ["one", "two", "three", "four", "five"])
        #expect(channels.map(\.target.kind) == [.json, .slack, .telegram, .ntfy, .mail])
        func url(_ text: String) throws -> SecretURL { SecretURL(try #require(URL(string: text))) }
        #expect(
            try channels.map(\.target) == [
                .json(url("https://a.example.com/alerts"), token: Secret("t0ken-of-json")),
                .slack(url("https://hooks.example.com/services/T1")),
                .telegram(server: nil, token: Secret("123:abc"), chat: "-1001"),
                .ntfy(url("https://ntfy.example.com/topic"), token: nil),
                .mail(
                    to: ["operators@example.com", "root"], from: "gateway@example.com", program: "/bin/true"),
            ])
    }

    @Test(arguments: [
        Mistake("[Alerts]\nWorkingHours = Mon-Fri", 2, "has days and no hours", "Mon-Fri 08:00-18:00"),
        Mistake("[Alerts]\nWorkingHours = Mo-Fr 08:00-18:00", 2, "\"Mo-Fr\" is no day", "Mon-Fri"),
        Mistake("[Alerts]\nWorkingHours = Mon-Fri 8-18", 2, "\"8-18\" is no span", "HH:MM-HH:MM"),
        Mistake("[Alerts]\nOfflineMinutes = -1", 2, "-1 is out of range", "from 0 to 10080"),
        Mistake("[Alerts]\nOwedMinutes = soon", 2, "is no whole number", "from 0 to 10080"),
        Mistake("[Alerts]\nPausedMinutes = 1.5", 2, "is no whole number", "from 0 to 10080"),
        Mistake("[Alerts]\nUnavailableMinutes = 10081", 2, "10081 is out of range", "from 0 to 10080"),
        Mistake("[Alerts]\nShiftMinutes = -5", 2, "-5 is out of range", "from 0 to 10080"),
        Mistake("[Alerts]\nDeadLetters = yes", 2, "is no whole number", "from 0 to 1000000"),
        Mistake("[Alerts]\nDiskFreePercent = 60", 2, "60 is out of range", "from 0 to 50"),
        Mistake("[Alerts]\nClockDriftSeconds = 99999", 2, "out of range", "from 0 to 86400"),
        Mistake("[Alerts]\nMemoryPercent = 101", 2, "101 is out of range", "from 0 to 100"),
        Mistake("[Alerts]\nResendTimes = x", 2, "is no whole number", "from 0 to 100000"),
        Mistake("[Alerts]\nCertificateDays = 400", 2, "400 is out of range", "from 0 to 365"),
        Mistake("[Alerts]\nIntervalSeconds = 1", 2, "1 is out of range", "from 5 to 3600"),
        Mistake("[Alerts ops]", 1, "takes no name", "or [Alert NAME]"),
        Mistake("[Alert]", 1, "needs a name", "(or [Alerts] if that is meant)"),
        Mistake("[Alert a]", 1, "the channel has no Kind", "json, slack, telegram, ntfy or mail"),
        Mistake("[Alert a]\nKind = sms", 2, "\"sms\" is not known", "json, slack, telegram, ntfy or mail"),
        Mistake("[Alert a]\nKind = json", 2, "of the kind json needs URL", "Write URL ="),
        Mistake("[Alert a]\nKind = slack", 2, "of the kind slack needs URL", "Write URL ="),
        Mistake("[Alert a]\nKind = ntfy", 2, "of the kind ntfy needs URL", "Write URL ="),
        Mistake("[Alert a]\nKind = telegram\nChat = 1", 2, "telegram needs Token", "Write Token ="),
        Mistake("[Alert a]\nKind = telegram\nToken = 1:abc", 2, "telegram needs Chat", "Write Chat ="),
        Mistake("[Alert a]\nKind = mail\nSendmail = /bin/true", 2, "mail needs To", "Write To ="),
        Mistake("[Alert a]\nKind = slack\nURL = dont-show", 3, "begins with neither", "https://"),
        Mistake(
            "[Alert a]\nKind = telegram\nToken = 1:abc\nChat = my chat", 4, "\"my chat\" is no chat", "@name"),
        Mistake("[Alert a]\nKind = telegram\nToken = dont show\nChat = 1", 3, "holds blanks", "ASCII"),
        Mistake(
            "[Alert a]\nKind = telegram\nTokenFile = none\nChat = 1", 3, "No such file or directory",
            "Check the path"),
        Mistake(
            "[Alert a]\nKind = mail\nSendmail = /bin/true\nTo = -oQ/tmp", 4, "no mail address", "name@"),
        Mistake(
            "[Alert a]\nKind = mail\nSendmail = /bin/true\nTo = a@b@c", 4, "no mail address", "name@"),
        Mistake(
            "[Alert a]\nKind = mail\nSendmail = /bin/true\nTo = a@b\nFrom = a b", 5, "no mail address",
            "name@"),
        Mistake("[Alert a]\nKind = mail\nSendmail = sendmail -t\nTo = a@b", 3, "no absolute path", "/usr/"),
    ])
    func `a mistake about alerts names its line and the remedy`(mistake: Mistake) throws {
        try mistake.check()
    }

    @Test(arguments: [
        ("Kind = slack\nURL = https://x\nTo = a@b", "To means nothing for a channel of the kind slack"),
        ("Kind = slack\nURL = https://x\nToken = abcdefgh", "Token means nothing"),
        ("Kind = ntfy\nURL = http://x/t\nToken = abcdefgh", "the token goes over the network unencrypted"),
        ("Kind = mail\nTo = a@b\nSendmail = /nowhere/sendmail", "no program \"/nowhere/sendmail\""),
        ("Kind = mail\nTo = a@b\nSendmail = /bin/true\nURL = https://x", "URL means nothing"),
    ])
    func `a warning about a channel does not stop the gateway`(text: String, words: String) throws {
        let loaded = try loadSettings(soundSettings + "[Alert a]\n" + text)
        #expect(loaded.settings?.alerts.channels.count == 1)
        #expect(loaded.warnings.count == 1, "\(loaded.problems.map(\.description))")
        #expect(loaded.warnings.allSatisfy { $0.problem.contains(words) })
    }
}
