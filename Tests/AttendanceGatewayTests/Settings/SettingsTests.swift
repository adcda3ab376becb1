import AttendanceCore
import Foundation
import Logging
import Testing

@testable import AttendanceGateway

@Suite struct SettingsTests {
    @Test func `the older service's file means what it meant`() throws {
        let folder = try TemporaryFolder()
        let loaded = try loadSettings(
            """
            [Server]
            host = 10.1.2.3
            port = 9001
            [ERP]
            url = http://erp.local:8000/
            apiendpoint = /api/method/app.add
            maxretries = 5
            retrydelaysec = 7
            [Security]
            authtoken = p%40ss@word%
            [Logging]
            logdirectory = mylogs
            loglevel = warning
            """, folder: folder)
        let settings = try loaded.get()
        #expect(loaded.problems.isEmpty)
        #expect(settings.listeners.map(\.host) == ["10.1.2.3"])
        #expect(settings.listeners.map(\.port) == [9001])
        #expect(settings.listeners[0].admission.token?.reveal() == "p%40ss@word%")
        #expect(settings.erp.url?.absoluteString == "http://erp.local:8000/")
        #expect(settings.erp.endpoint == "api/method/app.add")
        #expect(settings.erp.maximumRetries == 5)
        #expect(settings.erp.retryDelay == .seconds(7))
        #expect(settings.logging.directory == folder.path + "/etc/mylogs")
        #expect(settings.csv.directory == settings.logging.directory)
        #expect(settings.logging.level == .warning)
        #expect(settings.store.directory == folder.path + "/etc/data")
        #expect(settings.admin.socketPath == folder.path + "/etc/data/admin.sock")
    }

    @Test func `defaults are the older service's and those of the table`() throws {
        let settings = try loadSettings(soundSettings).get()
        #expect(settings.listeners.count == 1)
        #expect(settings.listeners[0].host == "0.0.0.0")
        #expect(settings.listeners[0].port == 8080)
        #expect(settings.erp.endpoint == "api/method/clean_plus.services.biometric_server_erp2.add_checkin")
        #expect(settings.erp.maximumRetries == 3)
        #expect(settings.erp.retryDelay == .seconds(5))
        #expect(settings.erp.dialect == .custom)
        #expect(settings.erp.url?.absoluteString == "https://erp.example.com/")
        #expect(settings.logging.level == .info)
        #expect(settings.logging.keep == 30)
        #expect(settings.connections.maximumMessageBytes == 8 << 20)
        #expect(settings.connections.pingInterval == .seconds(20))
        #expect(settings.connections.silence == .seconds(90))
        #expect(settings.terminals.timeZone == "Asia/Kolkata")
        #expect(
            settings.terminals.sendsClock && !settings.terminals.asksForUsers
                && !settings.terminals.keepsPhotos)
    }

    @Test func `listeners and terminals have sections of their own`() throws {
        let settings = try loadSettings(
            soundSettings + """
                [Listener second]
                Host = ::
                Port = 8081
                AllowedSerials = A1, B2,
                    C3
                AllowedNetworks = 10.0.0.0/8, 2001:db8::/32
                SecretPath = /terminals-8f3ka02m
                [Listener local]
                Host = 127.0.0.1
                Port = 8082
                [Terminal a1]
                TimeZone = Asia/Dubai
                Name = Main gate
                """
        ).get()
        #expect(settings.listeners.map(\.name) == [nil, "second", "local"])
        let second = settings.listeners[1].admission
        #expect(second.serials == Set(["a1", "b2", "c3"].compactMap { SerialNumber($0) }))
        #expect(second.networks.map(\.description) == ["10.0.0.0/8", "2001:db8::/32"])
        #expect(second.secretPath?.reveal() == "/terminals-8f3ka02m")
        let serial = try #require(SerialNumber("A1"))
        #expect(settings.terminals.timeZone(of: serial) == "Asia/Dubai")
        #expect(settings.terminals.name(of: serial) == "Main gate")
        let other = try #require(SerialNumber("other"))
        #expect(settings.terminals.timeZone(of: other) == "Asia/Kolkata")
    }

    // MARK: Mistakes

    @Test(arguments: [
        Mistake("[Server]\nPort = 80a", 2, "\"80a\" is no whole number", "from 0 to 65535"),
        Mistake("[Server]\nPort = 70000", 2, "70000 is out of range", "from 0 to 65535"),
        Mistake("[Server]\nPort =", 2, "is no whole number", "from 0 to 65535"),
        Mistake("[Server]\nPort = 8080 # http", 2, "is no whole number", "comment needs a line of its own"),
        Mistake("[Server]\nPort = '8080'", 2, "is no whole number", "Remove the quotes"),
        Mistake("[Server]\nPort = 8080\n Host = x", 2, "next line is indented", "Remove the blanks"),
        Mistake("[Server]\nHost = 300.1.1.1", 2, "is no address", "0.0.0.0"),
        Mistake("[Server]\nProt = 1", 2, "no key \"Prot\"", "Perhaps Port is meant"),
        Mistake("[Server]\nAuthToken = abcdefghij", 2, "no key \"AuthToken\"", "belongs into [Security]"),
        Mistake("[Server]\nQuux = 1", 2, "no key \"Quux\"", "The keys of [Server] are Host, Port"),
        Mistake("[Sever]", 1, "no section [Sever]", "Perhaps [Server] is meant"),
        Mistake("[DEFAULT]", 1, "no section [DEFAULT]", "The sections are [Server]"),
        Mistake("[Server two]", 1, "takes no name", "[Server]"),
        Mistake("[Terminal]", 1, "needs a name", "[Terminal SERIAL]"),
        Mistake("[ERP]\nURL = erp.example.com", 2, "no https://", "https://erp.example.com"),
        Mistake("[ERP]\nURL = ftp://erp.example.com", 2, "neither http nor https", "https://erp.example.com"),
        Mistake("[ERP]\nURL = https://u:hunter2@erp.example.com", 2, "user name or password", "APIKey"),
        Mistake("[ERP]\nURL = https://", 2, "is no address", "https://erp.example.com"),
        Mistake("[ERP]\nURL = https://x/?site=1", 2, "? or # part", "https://erp.example.com"),
        Mistake("[ERP]\nMaxRetries = 0", 2, "0 is out of range", "from 1 to 1000"),
        Mistake("[ERP]\nRetryDelaySec = 5s", 2, "is no whole number", "from 1 to 900"),
        Mistake("[ERP]\nDialect = rest", 2, "\"rest\" is not known", "Write custom or hrms"),
        Mistake("[ERP]\nAPIEndpoint = https://x/y", 2, "is no path", "api/method/"),
        Mistake("[ERP]\nAPIKey = k1234567", 2, "APISecret is not", "both or neither"),
        Mistake(
            "[ERP]\nURL = https://x\nDialect = hrms", 3, "needs the rights of a user", "APIKey and APISecret"),
        Mistake("[ERP]\nSiteTimeZone = Asia/Calcuta", 2, "is no time zone", "Perhaps Asia/Calcutta is meant"),
        Mistake("[Security]\nAuthToken = your-secret-token", 2, "placeholder of a sample", "openssl rand"),
        Mistake("[Security]\nAuthToken = CHANGE_ME", 2, "placeholder of a sample", "openssl rand"),
        Mistake("[Security]\nAuthToken = Bearer abcdefgh", 2, "holds blanks", "ASCII"),
        Mistake(
            "[Security]\nAuthTokenFile = nowhere", 2, "cannot be read (No such file or directory)", "path"),
        Mistake("[Logging]\nLogLevel = LOUD", 2, "\"LOUD\" is no level", "DEBUG, INFO, WARNING"),
        Mistake("[Logging]\nConsole = maybe", 2, "neither yes nor no", "yes or no"),
        Mistake("[Server]\nMaxMessageBytes = 8 GB", 2, "is no size", "8 MiB"),
        Mistake("[Server]\nMaxMessageBytes = 1", 2, "out of range", "64 KiB to 64 MiB"),
        Mistake("[Server]\nSilenceSeconds = 20", 2, "not more than PingSeconds", "twice"),
        Mistake("[Server]\nSecretPath = short", 2, "no path that is hard to guess", "8 letters"),
        Mistake("[Server]\nAllowedNetworks = 10.0.0.1/8, nine", 2, "\"nine\" is no network", "10.0.0.0/8"),
        Mistake("[Terminals]\nTimeZone = IST", 2, "is no time zone", "Asia/Kolkata"),
        Mistake("[Terminals]\nEarliestYear = 99", 2, "out of range", "1970 to 9999"),
        Mistake(
            "[Listener b]\nPort = 8080\nHost = 0.0.0.0\nAuthToken = abcdefghij", 2, "that of [Server]",
            "port of its own"),
        Mistake("[Listener b]\nPort = 9", 1, "no admission rule is set", "AllowWithoutAdmission = yes"),
        Mistake("[Server]\nnonsense", 2, "neither a [section]", "key = value"),
    ])
    func `a mistake names its line and the remedy`(mistake: Mistake) throws {
        try mistake.check()
    }

    @Test func `every mistake is told at once, in the file's order`() throws {
        let loaded = try loadSettings(
            """
            Stray = 1
            [Server]
            Port = x
            Prot = y
            [ERP]
            MaxRetries = many
            [Nowhere]
            [Logging]
            LogLevel = LOUD
            nonsense
            """, environment: ["ATTENDANCE_TERMINALS_TIME_ZONE": "Nowhere/City"],
            arguments: ["CSV.Enabled=perhaps"])
        #expect(loaded.mistakes.compactMap(\.line) == [1, 3, 4, 6, 7, 9, 10])
        #expect(
            loaded.mistakes.suffix(2).map(\.place) == [
                .environment(variable: "ATTENDANCE_TERMINALS_TIME_ZONE"), .argument(name: "CSV.Enabled"),
            ])
        #expect(throws: SettingsError.self) { try loaded.get() }
    }

    @Test func `an open port without a rule is refused until it is written out`() throws {
        let open = try loadSettings("[ERP]\nURL = https://x\n")
        #expect(open.mistakes.map(\.problem).first?.contains("no admission rule") == true)
        #expect(try loadSettings("[Server]\nAllowWithoutAdmission = yes\n").settings != nil)
        for host in ["127.0.0.1", "localhost", "::1"] {
            #expect(try loadSettings("[Server]\nHost = \(host)\n").settings != nil)
        }
        for rule in ["AllowedSerials = A", "AllowedNetworks = 10.0.0.0/8", "SecretPath = /abcdefgh"] {
            #expect(try loadSettings("[Server]\n\(rule)\n").settings != nil)
        }
    }

    @Test(arguments: [
        ("[Security]\nAuthToken = abcdefghij\n", "there is no ERP"),
        (soundSettings + "[Logging]\nLogDirectory = \"logs\"", "more than is meant"),
        (soundSettings + "[Terminal A]\nName = Gate ; main", "more than is meant"),
        (soundSettings + "[Terminal A]\nName = 100%%", "%% stands for two"),
        ("[Security]\nAuthToken = short\n[ERP]\nURL = https://x", "short enough to be guessed"),
        (
            "[Security]\nAuthToken = abcdefghij\n[ERP]\nURL = http://x\nAPIKey = k\nAPISecret = s2345678",
            "unencrypted"
        ),
    ])
    func `a warning does not stop the gateway`(text: String, words: String) throws {
        let loaded = try loadSettings(text)
        #expect(loaded.settings != nil)
        #expect(loaded.warnings.map(\.problem).contains { $0.contains(words) })
    }

    @Test func `a machine in UTC draws a warning until a zone is set`() throws {
        #expect(try loadSettings(soundSettings, zone: "Etc/UTC").warnings.count == 1)
        #expect(
            try loadSettings(soundSettings + "[Terminals]\nTimeZone = UTC", zone: "Etc/UTC").warnings.isEmpty)
    }

    // MARK: Layers

    @Test func `command line over environment over credentials over file`() throws {
        let folder = try TemporaryFolder()
        try folder.write("from-credential\n", to: "cred/security.authtoken")
        try folder.write("unused", to: "cred/something.else")
        let text = "[Server]\nPort = 1\n[Security]\nAuthToken = from-the-file\n[ERP]\nURL = https://x\n"
        var environment = ["CREDENTIALS_DIRECTORY": folder.path + "/cred"]
        func port(_ arguments: [String] = []) throws -> Settings.Listener {
            try loadSettings(text, environment: environment, arguments: arguments, folder: folder).get()
                .listeners[0]
        }
        #expect(try port().port == 1)
        #expect(try port().admission.token?.reveal() == "from-credential")
        environment["ATTENDANCE_SERVER_PORT"] = "2"
        environment["ATTENDANCE_SECURITY_AUTH_TOKEN"] = "from-environment"
        #expect(try port().port == 2)
        #expect(try port().admission.token?.reveal() == "from-environment")
        #expect(try port(["server.PORT=3"]).port == 3)
        try folder.write("\n", to: "cred/erp.apikey")
        let empty = try loadSettings(text, environment: environment, folder: folder)
        #expect(empty.mistakes.map(\.problem) == [folder.path + "/cred/erp.apikey is empty"])
        try FileManager.default.removeItem(atPath: folder.path + "/cred/erp.apikey")
        #expect(try port(["Security.AuthToken=from=argument"]).admission.token?.reveal() == "from=argument")
    }

    @Test func `every setting without a name in its section has a variable that works`() throws {
        for row in SettingsTable.rows {
            guard let variable = row.variable else { continue }
            let layer = SettingsLayers.environment([variable: "value"], folder: "/")
            let found = SettingsLayers(layers: [layer]).find(row, name: nil)
            #expect(found?.text == "value", "\(row.title)")
            #expect(found?.place == .environment(variable: variable))
        }
        #expect(SettingsTable.erp.retryDelaySec.row.variable == "ATTENDANCE_ERP_RETRY_DELAY_SEC")
        #expect(SettingsTable.erp.apiEndpoint.row.variable == "ATTENDANCE_ERP_API_ENDPOINT")
        #expect(SettingsTable.erp.url.row.variable == "ATTENDANCE_ERP_URL")
    }

    @Test func `a mistake in the environment names the variable`() throws {
        let loaded = try loadSettings(
            soundSettings, environment: ["ATTENDANCE_SERVER_PORT": "abc", "ATTENDANCE_ERP_ULR": "x"])
        #expect(loaded.settings == nil)
        #expect(
            loaded.problems.map(\.description).contains {
                $0.hasPrefix(
                    "environment variable ATTENDANCE_SERVER_PORT: [Server] Port: \"abc\" is no whole number.")
            })
        #expect(loaded.warnings.map(\.remedy) == ["Perhaps ATTENDANCE_ERP_URL is meant"])
    }

    @Test func `a variable of a named section reaches it`() throws {
        let settings = try loadSettings(
            soundSettings + "[Listener second]\nPort = 8081\nHost = 127.0.0.1",
            environment: ["ATTENDANCE_LISTENER_SECOND_PORT": "9090"]
        ).get()
        #expect(settings.listeners[1].port == 9090)
    }

    @Test(arguments: [
        "Server.Port", "Port=1", "Nowhere.Port=1", "Server.Prot=1", "Listener.Port=1", "Server.two.Port=1",
    ])
    func `a wrong --set is a mistake`(argument: String) throws {
        let loaded = try loadSettings(soundSettings, arguments: [argument])
        #expect(loaded.mistakes.count == 1)
        #expect(loaded.mistakes.first?.description.hasPrefix("--set ") == true)
    }

    @Test func `secrets come from files of their own`() throws {
        let folder = try TemporaryFolder()
        try folder.write("  token-of-the-file \r\n", to: "etc/token")
        let text = "[Security]\nAuthTokenFile = token\n[ERP]\nURL = https://x\n"
        let loaded = try loadSettings(text, folder: folder)
        #expect(try loaded.get().listeners[0].admission.token?.reveal() == "token-of-the-file")
        let both = try loadSettings(
            text.replacing("[ERP]", with: "AuthToken = abcdefghij\n[ERP]"), folder: folder)
        #expect(both.mistakes.map(\.remedy) == ["Keep one of the two"])
        // A stronger layer needs no such choice.
        let overridden = try loadSettings(
            text, environment: ["ATTENDANCE_SECURITY_AUTH_TOKEN": "from-environment"], folder: folder)
        #expect(try overridden.get().listeners[0].admission.token?.reveal() == "from-environment")
        try folder.write("", to: "etc/token")
        #expect(try loadSettings(text, folder: folder).mistakes.first?.problem.contains("is empty") == true)
    }

    @Test func `systemd's folders are used where none is written`() throws {
        let environment = ["STATE_DIRECTORY": "/var/lib/gw:/other", "LOGS_DIRECTORY": "/var/log/gw"]
        let settings = try loadSettings(soundSettings, environment: environment).get()
        #expect(settings.store.directory == "/var/lib/gw")
        #expect(settings.logging.directory == "/var/log/gw")
        let written = try loadSettings(
            soundSettings + "[Store]\nDirectory = /srv/journal\n", environment: environment
        ).get()
        #expect(written.store.directory == "/srv/journal")
    }

    @Test func `paths in the environment are relative to the working folder`() throws {
        let folder = try TemporaryFolder()
        let settings = try loadSettings(
            soundSettings, environment: ["ATTENDANCE_STORE_DIRECTORY": "journal/../j"], folder: folder
        ).get()
        #expect(settings.store.directory == folder.path + "/j")
    }

    @Test func `the file is looked for in order`() throws {
        let folder = try TemporaryFolder()
        var loader = SettingsLoader(
            environment: [:], workingFolder: folder.path + "/work", executableFolder: folder.path + "/bin",
            machineTimeZone: "UTC")
        #expect(
            loader.searchPath == [
                folder.path + "/work/config.ini", folder.path + "/bin/config.ini",
                "/etc/attendance-gateway/config.ini", "/etc/attendance-system/config.ini",
            ])
        try folder.write(soundSettings, to: "bin/config.ini")
        #expect(loader.load().file == folder.path + "/bin/config.ini")
        try folder.write(soundSettings, to: "work/config.ini")
        #expect(loader.load().file == folder.path + "/work/config.ini")
        loader.path = "missing.ini"
        let missing = loader.load()
        #expect(missing.mistakes.first?.description.contains("No such file or directory") == true)
        loader.path = folder.path
        #expect(loader.load().mistakes.first?.problem.contains("cannot be read") == true)
    }

    // MARK: Secrets

    @Test func `no output holds a secret`() throws {
        let secrets = ["t0ken-t0ken", "k3y-k3y-k3y", "s3cret-s3cret", "/hidden-path-77"]
        let loaded = try loadSettings(
            """
            [Server]
            SecretPath = \(secrets[3])
            [Security]
            AuthToken = \(secrets[0])
            [ERP]
            URL = https://x
            APIKey = \(secrets[1])
            APISecret = \(secrets[2])
            """)
        let settings = try loaded.get()
        #expect(settings.erp.authorizationHeader?.reveal() == "token k3y-k3y-k3y:s3cret-s3cret")
        var dumped = ""
        dump(settings, to: &dumped)
        let outputs = [
            "\(settings)", String(reflecting: settings), dumped, CheckConfig.report(loaded),
            loaded.values.map { "\($0.title) \($0.shown)" }.joined(),
            SettingsDifference(from: try loadSettings(soundSettings), to: loaded).changes.map(\.description)
                .joined(),
        ]
        for output in outputs {
            for secret in secrets { #expect(!output.contains(secret)) }
        }
        // Nor does a mistake in one.
        let wrong = try loadSettings("[Security]\nAuthToken = gehe im\n[ERP]\nAPIKey = geh\u{E9}im")
        #expect(!wrong.problems.map(\.description).joined().contains("geh"))
    }

    @Test func `the report says what would run`() throws {
        let report = CheckConfig.report(
            try loadSettings(soundSettings + "[Listener b]\nHost = ::1\nPort = 81"))
        #expect(report.contains("listen      0.0.0.0:8080: admits by token\n"))
        #expect(report.contains("listen      [::1]:81 (b): this machine only\n"))
        #expect(report.contains("ERP         https://erp.example.com/api/method/"))
        #expect(report.contains("[Security] AuthToken = redacted"))
        let mistakes = CheckConfig.report(try loadSettings("[Server]\nPort = x"))
        #expect(
            mistakes.contains(
                "config.ini:2: [Server] Port: \"x\" is no whole number. Write one from 0 to 65535.\n"))
        #expect(mistakes.hasSuffix("1 mistake: the gateway would not start.\n"))
    }

    @Test(arguments: [
        ("prot", "Port"), ("retry_delay_sec", "RetryDelaySec"), ("auth token", "AuthToken"), ("zzz", nil),
    ])
    func `suggests the nearest name`(name: String, expected: String?) {
        #expect(
            Suggestion.nearest(to: name, among: ["Port", "Host", "RetryDelaySec", "AuthToken"]) == expected)
    }
}
