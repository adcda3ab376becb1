import AttendanceCore
import Foundation
import Testing

@testable import AttendanceGateway

private let rights = "APIKey = k3y-k3y-k3y\nAPISecret = s3cret-s3cret\n"

@Suite struct SinkSettingsTests {
    @Test func `the site of [ERP] is the only sink of a plain file, with the defaults of the table`() throws {
        let settings = try loadSettings(soundSettings).get()
        #expect(settings.sinks == [.erpnext])
        #expect(settings.sites == [settings.erp])
        let site = settings.erp
        #expect(site.name == .erpnext && site.mode == .deliver && site.startFrom == .all)
        #expect(site.leadingZeros == .ignored && site.repeatWindow == nil && site.mappings.isEmpty)
        #expect(!site.movesLastSync && site.lastSyncInterval == .seconds(600) && site.concurrency == 2)
        // Without rights nobody can read employees, and the custom method takes one punch at a time.
        #expect(site.employeeSync == nil && site.bulkAbove == nil)
        let hrms = try loadSettings(soundSettings + "Dialect = hrms\n" + rights).get().erp
        #expect(hrms.employeeSync == .seconds(600) && hrms.bulkAbove == 500)
        let modest = try loadSettings(
            soundSettings + "Dialect = hrms\nBulk = no\nEmployeeSyncMinutes = 0\n" + rights
        ).get().erp
        #expect(modest.employeeSync == nil && modest.bulkAbove == nil)
    }

    @Test func `further sites have the keys of [ERP] and are hrms by default`() throws {
        let folder = try TemporaryFolder()
        try folder.write("group,id,employee\n,0042,HR-EMP-00007\n", to: "etc/mapping.csv")
        let settings = try loadSettings(
            soundSettings + """
                [Site Branch_2]
                URL = https://branch.example.com/
                \(rights)EmployeeField = custom_id
                EmployeeSyncMinutes = 60
                LeadingZeros = exact
                MappingFile = mapping.csv
                RepeatSeconds = 60
                SiteTimeZone = Asia/Dubai
                LastSync = yes
                LastSyncMinutes = 5
                Concurrency = 4
                BulkAbove = 1000
                StartFrom = 2026-01-31
                [Site trial]
                URL = https://erp.example.com
                Mode = Shadow
                [Terminals]
                Shifts = Day
                """, folder: folder
        ).get()
        #expect(settings.sinks.map(\.text) == ["erpnext", "branch_2", "trial"])
        let branch = settings.furtherSites[0]
        #expect(branch.dialect == .hrms && branch.mode == .deliver && branch.employeeField == "custom_id")
        #expect(branch.employeeSync == .seconds(3600) && branch.leadingZeros == .exact)
        #expect(branch.mappingFile == folder.path + "/etc/mapping.csv")
        #expect(branch.mappings.map(\.employee) == ["HR-EMP-00007"])
        #expect(branch.repeatWindow == .seconds(60) && branch.siteTimeZone == "Asia/Dubai")
        #expect(branch.movesLastSync && branch.lastSyncInterval == .seconds(300))
        #expect(branch.concurrency == 4 && branch.bulkAbove == 1000)
        #expect(branch.authorizationHeader?.reveal() == "token k3y-k3y-k3y:s3cret-s3cret")
        let day = try #require(WallTime(year: 2026, month: 1, day: 31))
        #expect(branch.startFrom == .day(day) && "\(branch.startFrom)" == "2026-01-31")
        #expect(settings.startFrom(of: branch.name) == branch.startFrom)
        // A shadow sends nothing, so it needs no rights.
        #expect(settings.furtherSites[1].mode == .shadow && settings.furtherSites[1].startFrom == .now)
        #expect(settings.startFrom(of: .erpnext) == .all)
    }

    @Test func `a webhook has an address, headers and a rule of success`() throws {
        let settings = try loadSettings(
            soundSettings + """
                [Webhook payroll]
                URL = https://payroll.example.com:8443/punches?key=dont-show
                Secret = dont-show-this-key-77
                Headers = X-Source: gateway
                    Accept: application/json, text/plain;q=0.5
                    Authorization: Bearer dont-show
                BatchSize = 100
                Concurrency = 2
                TimeoutSec = 10
                RetryDelaySec = 7
                SuccessStatus = 200-204, 409
                SuccessField = status.ok = true
                StartFrom = all
                [Webhook plain]
                URL = http://127.0.0.1:9000
                """
        ).get()
        let payroll = settings.webhooks[0]
        #expect(payroll.name.text == "payroll" && payroll.startFrom == .all)
        #expect(
            payroll.url.reveal().absoluteString == "https://payroll.example.com:8443/punches?key=dont-show")
        #expect("\(payroll.url)" == "https://payroll.example.com:8443/…")
        #expect(payroll.secret?.reveal() == "dont-show-this-key-77")
        #expect(payroll.headers.map(\.name) == ["X-Source", "Accept", "Authorization"])
        #expect(payroll.headers[1].value.reveal() == "application/json, text/plain;q=0.5")
        #expect(payroll.batchSize == 100 && payroll.concurrency == 2)
        #expect(payroll.timeout == .seconds(10) && payroll.retryDelay == .seconds(7))
        #expect(payroll.successStatuses == [200...204, 409...409])
        #expect(payroll.successField == .init(path: ["status", "ok"], value: "true"))
        let plain = settings.webhooks[1]
        #expect(plain.secret == nil && plain.headers.isEmpty && plain.successField == nil)
        #expect(plain.batchSize == 50 && plain.concurrency == 1 && plain.startFrom == .now)
        #expect(plain.successStatuses == [200...299] && plain.retryDelay == .seconds(5))
    }

    @Test(arguments: [
        Mistake("[ERP]\nEmployeeSyncMinutes = 2000", 2, "2000 is out of range", "from 0 to 1440"),
        Mistake("[ERP]\nLastSyncMinutes = 0", 2, "0 is out of range", "from 1 to 1440"),
        Mistake("[ERP]\nLastSync = sometimes", 2, "neither yes nor no", "yes or no"),
        Mistake("[ERP]\nURL = https://x\nLastSync = yes", 3, "needs the rights of a user", "APIKey"),
        Mistake("[ERP]\nLeadingZeros = drop", 2, "\"drop\" is not known", "Write ignore or exact"),
        Mistake("[ERP]\nRepeatSeconds = 1h", 2, "is no whole number", "from 0 to 3600"),
        Mistake("[ERP]\nBulk = maybe", 2, "neither yes nor no", "yes or no"),
        Mistake("[ERP]\nBulkAbove = 10", 2, "10 is out of range", "from 100 to 100000"),
        Mistake("[ERP]\nConcurrency = 33", 2, "33 is out of range", "from 1 to 32"),
        Mistake("[ERP]\nStartFrom = yesterday", 2, "neither now, all nor a day", "2026-01-31"),
        Mistake("[ERP]\nStartFrom = 2026-02-30", 2, "neither now, all nor a day", "2026-01-31"),
        Mistake("[ERP]\nStartFrom = 2026/02/03", 2, "neither now, all nor a day", "2026-01-31"),
        Mistake("[ERP]\nMode = shadow", 2, "no key \"Mode\"", "belongs into [Site NAME]"),
        Mistake("[ERP]\nMappingFile = nowhere.csv", 2, "No such file or directory", "Check the path"),
        Mistake("[ERP]\nMappingFile = /", 2, "cannot be read", "Check the path"),
        Mistake("[ERP two]", 1, "takes no name", "Write [ERP], or [Site NAME]"),
        Mistake("[Site]", 1, "needs a name", "[Site branch]"),
        Mistake("[Site branch]", 1, "has no address", "https://erp.example.com"),
        Mistake("[Site branch]\nURL = https://x", 1, "needs the rights of a user", "APIKey and APISecret"),
        Mistake("[Site branch]\nURL = https://x\nMode = dry", 3, "\"dry\" is not known", "deliver or shadow"),
        Mistake("[Site a b]\nURL = https://x\nMode = shadow", 1, "cannot be the name of a sink", "1 to 32"),
        Mistake(
            "[Site ERPNext]\nURL = https://x\nMode = shadow", 1, "is taken by the gateway", "another name"),
        Mistake("[Webhook csv]\nURL = https://x", 1, "is taken by the gateway", "another name"),
        Mistake("[Webhook all]\nURL = https://x", 1, "is taken by the gateway", "another name"),
        Mistake(
            "[Site pay]\nURL = https://x\nMode = shadow\n[Webhook PAY]\nURL = https://y", 4,
            "another sink is called pay", "name of its own"),
        Mistake("[Webhook w]", 1, "has no address", "https://payroll.example.com"),
        Mistake("[Webhook w]\nURL = dont-show", 2, "begins with neither", "https://hooks.example.com"),
        Mistake("[Webhook w]\nURL = https://u:hunter2@x", 2, "user name or password", "header"),
        Mistake("[Webhook w]\nURL = https://x/dont-show here", 2, "is no address", "https://hooks"),
        Mistake("[Webhook w]\nURL = https://x\nBatchSize = 0", 3, "0 is out of range", "from 1 to 1000"),
        Mistake("[Webhook w]\nURL = https://x\nConcurrency = 9", 3, "9 is out of range", "from 1 to 8"),
        Mistake("[Webhook w]\nURL = https://x\nTimeoutSec = 0", 3, "0 is out of range", "from 1 to 600"),
        Mistake("[Webhook w]\nURL = https://x\nRetryDelaySec = 0", 3, "0 is out of range", "from 1 to 900"),
        Mistake("[Webhook w]\nURL = https://x\nStartFrom = 1", 3, "neither now, all", "2026-01-31"),
        Mistake("[Webhook w]\nURL = https://x\nSecret = dont-show\u{E9}", 3, "cannot be sent", "ASCII"),
        Mistake("[Webhook w]\nURL = https://x\nHeaders = dont-show", 3, "no colon", "Name: value"),
        Mistake("[Webhook w]\nURL = https://x\nHeaders = a b: dont-show", 3, "no name of a header", "X-"),
        Mistake("[Webhook w]\nURL = https://x\nHeaders = Host: y", 3, "gateway's own", "Remove it"),
        Mistake("[Webhook w]\nURL = https://x\nHeaders = A:", 3, "A has no value", "Name: value"),
        Mistake("[Webhook w]\nURL = https://x\nHeaders = A: 1\n  a: 2", 3, "a stands twice", "Keep one"),
        Mistake("[Webhook w]\nURL = https://x\nHeaders = A: 1, B: 2", 3, "a second one", "line of its own"),
        Mistake("[Webhook w]\nURL = https://x\nHeaders = A: dont-show\u{E9}", 3, "cannot be sent", "ASCII"),
        Mistake("[Webhook w]\nURL = https://x\nSuccessStatus = ok", 3, "\"ok\" is no status", "200-299"),
        Mistake("[Webhook w]\nURL = https://x\nSuccessStatus = 299-200", 3, "is no status", "200-299"),
        Mistake("[Webhook w]\nURL = https://x\nSuccessStatus = 200-", 3, "is no status", "200-299"),
        Mistake("[Webhook w]\nURL = https://x\nSuccessStatus =", 3, "no status code", "200-299"),
        Mistake("[Webhook w]\nURL = https://x\nSuccessField = a..b", 3, "is no field", "data.id"),
        Mistake("[Webhook w]\nURL = https://x\nSuccessField = a =", 3, "is no field", "data.id"),
        Mistake("[Webhook w]\nURL = https://x\nMode = shadow", 3, "no key \"Mode\"", "[Site NAME]"),
    ])
    func `a mistake in a sink names its line and the remedy`(mistake: Mistake) throws {
        try mistake.check()
    }

    @Test(arguments: [
        (soundSettings + "[Webhook w]\nURL = http://x\nHeaders = A: b", "the headers go over the network"),
        (soundSettings + "[Webhook w]\nURL = https://x\nSecret = short", "short enough to be guessed"),
        (soundSettings + "Bulk = yes", "Bulk means nothing"),
        (soundSettings + "EmployeeSyncMinutes = 5", "with the rights of a user only"),
        (soundSettings + "LastSync = yes\n" + rights, "no terminal has Shifts"),
        (soundSettings + "[Webhook w]\nURL = https://x\n[Terminals]\nSinks = erpnext", "go to w"),
        (soundSettings + "[Webhook w]\nURL = https://x\n[Terminals]\nSinks = w", "go to erpnext"),
        (
            soundSettings + "[Site b]\nURL = https://ERP.example.com\n" + rights,
            "erpnext has the same address"
        ),
        ("[Security]\nAuthToken = abcdefghij\n[Webhook w]\nURL = https://x", "there is no ERP"),
    ])
    func `a warning about a sink does not stop the gateway`(text: String, words: String) throws {
        let loaded = try loadSettings(text)
        #expect(loaded.settings != nil, "\(loaded.problems.map(\.description))")
        #expect(loaded.warnings.count == 1, "\(loaded.problems.map(\.description))")
        #expect(loaded.warnings.allSatisfy { $0.problem.contains(words) })
    }

    @Test func `two sinks may be one site where no punch goes to both`() throws {
        let text = soundSettings + "[Site b]\nURL = https://erp.example.com/\n" + rights
        #expect(try loadSettings(text + "Mode = shadow").warnings.isEmpty)
        let apart = text + "[Terminals]\nSinks = erpnext\n[Terminal A]\nSinks = b\n"
        #expect(try loadSettings(apart).warnings.isEmpty)
        #expect(try loadSettings(text).warnings.count == 1)
    }

    @Test func `without [ERP] nothing waits for it where punches go elsewhere`() throws {
        let loaded = try loadSettings(
            "[Security]\nAuthToken = abcdefghij\n[Webhook w]\nURL = https://x\n[Terminals]\nSinks = w")
        #expect(loaded.problems.isEmpty)
        #expect(try loaded.get().terminals.traits.sinks == [try #require(SinkName("w"))])
    }

    @Test func `no output holds what a webhook's address, key or headers hide`() throws {
        let text =
            soundSettings + """
                [Webhook payroll]
                URL = https://payroll.example.com/dont-show
                Secret = dont-show-this-key-77
                Headers = Authorization: Bearer dont-show
                [Alert chat]
                Kind = slack
                URL = https://hooks.example.com/services/dont-show
                [Alert bot]
                Kind = telegram
                Token = 1:dont-show
                Chat = @operators
                """
        let loaded = try loadSettings(text)
        let settings = try loaded.get()
        var dumped = ""
        dump(settings, to: &dumped)
        let outputs = [
            "\(settings)", String(reflecting: settings), dumped, CheckConfig.report(loaded),
            loaded.values.map { "\($0.title) \($0.shown)" }.joined(),
            SettingsDifference(from: try loadSettings(soundSettings), to: loaded).changes
                .map(\.description).joined(),
        ]
        for output in outputs { #expect(!output.contains("dont-show")) }
        #expect(CheckConfig.report(loaded).contains("slack to https://hooks.example.com/…\n"))
    }

    @Test func `values of sinks come from all layers`() throws {
        let folder = try TemporaryFolder()
        try folder.write("from-credential-file\n", to: "cred/webhook.payroll.secret")
        let settings = try loadSettings(
            soundSettings
                + "[Webhook payroll]\nURL = https://x\n[Group Dubai office]\nTimeZone = Asia/Dubai\n"
                + "[Terminal A]\nGroup = Dubai office\n",
            environment: [
                "CREDENTIALS_DIRECTORY": folder.path + "/cred", "ATTENDANCE_WEBHOOK_PAYROLL_BATCH_SIZE": "7",
                "ATTENDANCE_GROUP_DUBAI_OFFICE_DIRECTION": "in",
            ],
            arguments: ["Webhook.payroll.Concurrency=3", "Group.Dubai office.DayStart=05:30"], folder: folder
        ).get()
        #expect(settings.webhooks.map(\.batchSize) == [7] && settings.webhooks.map(\.concurrency) == [3])
        #expect(settings.webhooks[0].secret?.reveal() == "from-credential-file")
        #expect(settings.groups.map(\.traits.direction) == [.incoming])
        #expect(settings.groups.map(\.traits.dayStart) == [TimeOfDay("05:30").map { .at($0) }])
    }

    @Test func `a whole sink waits for a restart, its thresholds do not`() throws {
        let before = try loadSettings(soundSettings + "[Site s]\nURL = https://x\nMode = shadow\n")
        let after = try loadSettings(
            soundSettings + """
                [Site s]
                URL = https://x
                Mode = shadow
                RepeatSeconds = 60
                Concurrency = 3
                [Webhook w]
                URL = https://y
                [Alerts]
                OfflineMinutes = 5
                [Alert a]
                Kind = ntfy
                URL = https://z
                [Terminals]
                Direction = in
                Sinks = erpnext, s
                """)
        let difference = SettingsDifference(from: before, to: after)
        #expect(
            difference.now.map(\.title) == [
                "[Alerts] OfflineMinutes", "[Site s] RepeatSeconds", "[Terminals] Direction",
                "[Terminals] Sinks",
            ])
        #expect(difference.afterRestart.map(\.title).contains("[Site s] Concurrency"))
        #expect(difference.afterRestart.map(\.title).contains("[Webhook w] URL"))
        #expect(difference.afterRestart.map(\.title).contains("[Alert a] Kind"))
    }
}
