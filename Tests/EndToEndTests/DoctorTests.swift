import AttendanceCore
import AttendanceDelivery
import AttendanceSimulation
import AttendanceStore
import AttendanceWeb
import Foundation
import Testing

@testable import AttendanceGateway

@Suite(.timeLimit(.minutes(10))) struct `The doctor` {
    /// What it finds for these settings, by the title of each check.
    private func examine(
        _ arguments: [String] = [], file: String = "", erp: SimulatedERPNext? = nil,
        folder: TemporaryFolder? = nil, options: Doctor.Options = Doctor.Options()
    ) async throws -> [CheckResult] {
        let folder = try folder ?? TemporaryFolder()
        var all = [
            "Server.Host=127.0.0.1", "Server.Port=0", "Store.Directory=\(folder.path)/data",
            "Logging.LogDirectory=\(folder.path)/logs", "Terminals.TimeZone=Asia/Kolkata",
        ]
        if let erp {
            all += [
                "ERP.URL=\(erp.url)", "ERP.Dialect=hrms", "ERP.APIKey=k3y-of-tests",
                "ERP.APISecret=\(erpSecret)",
            ]
        }
        let config = folder.path + "/doctor.ini"
        try file.write(toFile: config, atomically: true, encoding: .utf8)
        let loaded = SettingsLoader(
            path: config, arguments: all + arguments, environment: [:], workingFolder: folder.path,
            executableFolder: folder.path
        ).load()
        var results: [CheckResult] = []
        for await result in Doctor(loaded, options: options).run() { results.append(result) }
        return results
    }

    private func first(_ results: [CheckResult], _ check: String) throws -> CheckResult {
        try #require(results.first { $0.check == check }, "no check \(check) in \(results)")
    }

    private func expectFailure(
        _ results: [CheckResult], _ check: String, says words: String..., remedy: String = "",
        skipsAfter last: String? = "erpnext trial check-in"
    ) throws {
        let result = try first(results, check)
        #expect(result.outcome == .failure)
        for words in words { #expect(result.seen.contains(words), "\(result.seen)") }
        let shown = try #require(result.remedy, "no remedy for \(result.seen)")
        #expect(remedy.isEmpty || shown.contains(remedy), "\(shown)")
        if let last { #expect(try first(results, last).outcome == .skipped) }
    }

    // MARK: All is well

    @Test func `finds nothing wrong where nothing is, and changes nothing`() async throws {
        try await withERPNext(people: 1...5) { erp in
            erp.add(
                SimulatedShiftType(
                    name: "Day", start: "09:00", end: "18:00", lastSync: wallNow(-600).description))
            let folder = try TemporaryFolder()
            try await withGateway(erp: erp, folder: folder) { gateway in
                let terminal = try await gateway.connect("GATE-1")
                _ = try await terminal.register()
                _ = try await terminal.sendLog([.aiFace(3, at: wallNow(-60), name: "Ada")])
                try await gateway.outboxIsEmpty()
                let results = try await examine(
                    ["Server.Port=\(gateway.port)"], erp: erp, folder: folder)
                #expect(results.filter { $0.outcome == .failure }.isEmpty)
                for check in [
                    "settings", "journal", "journal integrity", "deliveries to erpnext", "gateway",
                    "time zone", "port \(gateway.port)", "terminal GATE-1", "erpnext name",
                    "erpnext connection", "erpnext answer", "erpnext credentials", "erpnext versions",
                    "erpnext time zone", "erpnext employees", "erpnext ids", "erpnext check-ins",
                    "erpnext shift types",
                ] {
                    let result = try first(results, check)
                    #expect(result.outcome == .ok, "\(result)")
                }
                #expect(erp.checkins.count == 1)
            }
        }
    }

    // MARK: This machine

    @Test func `mistakes in the settings are named, and nothing else is looked at`() async throws {
        let results = try await examine(
            file: """
                [ERP]
                URL = ftp://erp.example.com
                APIKey = two words
                EmployeeField = 1; DROP
                [Terminal GATE-1]
                TimeZone = Asia/Kalkutta
                """)
        #expect(results.filter { $0.outcome == .failure }.count >= 4)
        for line in [2, 3, 4, 6] {
            #expect(results.contains { $0.seen.contains("doctor.ini:\(line):") }, "line \(line)")
        }
        #expect(results.last?.outcome == .skipped)
    }

    @Test func `a folder that is a file, and one that is missing`() async throws {
        let folder = try TemporaryFolder()
        try "".write(toFile: folder.path + "/data", atomically: true, encoding: .utf8)
        let results = try await examine(folder: folder)
        try expectFailure(
            results, "journal folder", says: "is no folder", remedy: "another folder", skipsAfter: nil)
        #expect(try first(results, "log folder").outcome == .warning)
    }

    @Test func `a folder that the user may not write to`() async throws {
        let folder = try TemporaryFolder()
        let data = folder.path + "/data"
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        for (path, mode) in [(folder.path, 0o755), (data, 0o555)] {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        }
        let config = folder.path + "/config.ini"
        try """
        [Server]
        Host = 127.0.0.1
        Port = 0
        [Terminals]
        TimeZone = UTC
        [Store]
        Directory = \(data)
        [Logging]
        LogDirectory = \(folder.path)/logs
        """.write(toFile: config, atomically: true, encoding: .utf8)
        // Root may write everywhere, so the program runs as somebody else.
        let unprivileged =
            geteuid() == 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []
        let output = try await Self.output(
            of: unprivileged + [GatewayProcess.executable, "doctor", "--config", config])
        #expect(output.status == 1)
        let line = try #require(output.text.split(separator: "\n").first { $0.contains("journal folder") })
        #expect(line.hasPrefix("FAIL"))
        #expect(line.contains("not writable"))
        #expect(line.contains("→"))
        #expect(
            output.text.contains("log folder") && output.text.contains("is not writable (Permission denied)"))
    }

    private static func output(of command: [String]) async throws -> (status: Int32, text: String) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = command
        process.standardInput = FileHandle.nullDevice
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        let (stream, ended) = AsyncStream.makeStream(of: Int32.self)
        process.terminationHandler = {
            ended.yield($0.terminationStatus)
            ended.finish()
        }
        try process.run()
        var status: Int32 = -1
        for await code in stream { status = code }
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        return (status, String(decoding: data, as: UTF8.self))
    }

    @Test func `a damaged journal is told, in its pages and in its head`() async throws {
        let folder = try TemporaryFolder()
        let bench = try await JournalBench(folder: folder.path + "/data")
        let start = wallNow(-100_000)
        try await bench.record((0..<4000).map { ("\($0 % 50 + 1)", WallTime(seconds: start.seconds + $0)) })
        await bench.store.close()
        let path = folder.path + "/data/journal.sqlite"
        let whole = try Data(contentsOf: URL(filePath: path))
        var torn = whole
        // Behind the first pages, which hold the schema.
        for offset in stride(from: 80 * 4096, to: torn.count - 4096, by: 4096) {
            torn.replaceSubrange(offset..<offset + 512, with: Data(repeating: 0xA5, count: 512))
        }
        try torn.write(to: URL(filePath: path))
        try expectFailure(
            try await examine(folder: folder), "journal integrity", says: "damaged",
            remedy: "restore a backup",
            skipsAfter: nil)
        try (Data("no database at all".utf8) + whole.dropFirst(18)).write(to: URL(filePath: path))
        try expectFailure(
            try await examine(folder: folder), "journal", says: "damaged", remedy: "restore a backup",
            skipsAfter: "journal integrity")
        try whole.write(to: URL(filePath: path))
        #expect(try first(try await examine(folder: folder), "journal integrity").outcome == .ok)
    }

    @Test func `a port that another program holds`() async throws {
        try await withERPNext { other in
            let results = try await examine(["Server.Port=\(other.port)"])
            try expectFailure(
                results, "port \(other.port)", says: "another program", remedy: "another Port",
                skipsAfter: nil)
            #expect(try first(results, "gateway").outcome == .warning)
        }
    }

    @Test func `terminals that are silent, wrong in time, or never came`() async throws {
        let folder = try TemporaryFolder()
        let bench = try await JournalBench(folder: folder.path + "/data")
        let now = JournalBench.now()
        for (serial, age, skew) in [("T-SILENT", 90_000, 0), ("T-WRONG", 10, -600), ("T-FINE", 10, 1)] {
            try await bench.store.note(
                TerminalSighting(
                    serial: SerialNumber(serial)!, at: UnixTime(seconds: now.seconds - Int64(age)),
                    address: "192.168.1.9", backlog: 7, skew: skew))
        }
        await bench.store.close()
        let results = try await examine(
            file: "[Terminal T-NEVER]\nName = Back door\n[Terminal T-FINE]\nName = Front door\n",
            folder: folder)
        #expect(try first(results, "terminal T-SILENT").outcome == .warning)
        #expect(try first(results, "terminal T-SILENT").seen.contains("25 h ago"))
        #expect(try first(results, "terminal T-WRONG").seen.contains("clock 600 s behind"))
        #expect(try first(results, "terminal T-WRONG").outcome == .warning)
        #expect(try first(results, "terminal T-FINE (Front door)").outcome == .ok)
        #expect(try first(results, "terminal T-FINE (Front door)").seen.contains("7 punches waiting"))
        #expect(try first(results, "terminal T-NEVER").outcome == .warning)
    }

    // MARK: The way to the site

    @Test func `a name that is none, a port that is closed, a site that is none`() async throws {
        let port = try await LoopbackPort.free()
        let key = ["ERP.Dialect=hrms", "ERP.APIKey=k", "ERP.APISecret=s"]
        try expectFailure(
            try await examine(["ERP.URL=https://no-such-host.invalid"] + key), "erpnext name",
            says: "cannot be resolved", remedy: "slip in URL")
        try expectFailure(
            try await examine(["ERP.URL=http://127.0.0.1:\(port)"] + key), "erpnext connection",
            says: "refused", remedy: "firewalls")
        try expectFailure(
            try await examine(["ERP.URL=https://127.0.0.1:\(port)"] + key), "erpnext connection",
            says: "refused", remedy: "firewalls")
        try await withERPNext { erp in
            // http spoken on a port that is to speak https.
            try expectFailure(
                try await examine(["ERP.URL=https://127.0.0.1:\(erp.port)"] + key), "erpnext certificate",
                says: "TLS", remedy: "https at all")
            try expectFailure(
                try await examine(["ERP.URL=\(erp.url)/desk/"] + key), "erpnext answer",
                says: "no ERPNext", remedy: "without /app")
        }
    }

    @Test func `redirects, pages and silence are told apart`() async throws {
        try await withERPNext { erp in
            erp.inject(.redirect(to: "https://erp.example.com/api/method/ping"))
            try expectFailure(
                try await examine(erp: erp), "erpnext answer", says: "redirects to https://erp.example.com",
                remedy: "set URL")
            erp.clearFaults()
            erp.inject(.page)
            try expectFailure(
                try await examine(erp: erp), "erpnext answer", says: "not ERPNext's", remedy: "set URL")
            erp.clearFaults()
            erp.inject(.maintenance)
            try expectFailure(
                try await examine(erp: erp), "erpnext answer", says: "maintenance")
            erp.clearFaults()
            erp.inject(.hang)
            var options = Doctor.Options()
            options.limit = .milliseconds(1500)
            try expectFailure(
                try await examine(erp: erp, options: options), "erpnext answer", says: "no answer", remedy: ""
            )
        }
    }

    @Test func `words of a hostile site are one plain line`() async throws {
        try await withERPNext { erp in
            erp.inject(
                .refused(
                    exceptionType: "ValidationError", message: "<b>boo</b>\u{1B}[31m\u{7}\nFAIL  all is lost"),
                path: "api/method/frappe.auth.get_logged_user")
            let result = try first(try await examine(erp: erp), "erpnext credentials")
            #expect(result.outcome == .failure)
            #expect(result.seen.contains("boo"))
            let line = DoctorCommand.line(result)
            #expect(!line.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F })
            #expect(!line.contains("<b>"))
        }
    }

    // MARK: Rights

    @Test func `a wrong key and a missing right are told apart`() async throws {
        try await withERPNext { erp in
            try expectFailure(
                try await examine(["ERP.APISecret=wrong"], erp: erp), "erpnext credentials",
                says: "does not accept the API key", remedy: "API Access")
            erp.inject(.forbidden, path: "api/method/frappe.auth.get_logged_user")
            try expectFailure(
                try await examine(erp: erp), "erpnext credentials", says: "may not", remedy: "HR User")
            erp.clearFaults()
            erp.changeRights { $0.readEmployee = false }
            try expectFailure(
                try await examine(erp: erp), "erpnext employees", says: "may not", remedy: "HR User")
            let none = try await examine(["ERP.URL=\(erp.url)", "ERP.Dialect=hrms"])
            try expectFailure(
                none, "settings", says: "rights of a user", remedy: "API Access",
                skipsAfter: "everything else")
        }
    }

    @Test func `a site without HRMS, and one from before HRMS`() async throws {
        try await withERPNext { erp in
            erp.setVersion(
                SimulatedSiteVersion(major: 15, apps: ["frappe": "15.44.2", "erpnext": "15.43.0"]))
            try expectFailure(
                try await examine(erp: erp), "erpnext versions", says: "not installed", remedy: "install-app")
            erp.setVersion(.version13)
            try expectFailure(
                try await examine(erp: erp), "erpnext versions", says: "before version 14",
                remedy: "APIEndpoint = api/method/erpnext.hr")
            let older = "api/method/\(SimulatedSiteVersion.version13.checkinMethod)"
            #expect(
                try first(try await examine(["ERP.APIEndpoint=\(older)"], erp: erp), "erpnext versions")
                    .outcome == .ok)
        }
    }

    @Test func `a wrong zone and a wrong field`() async throws {
        try await withERPNext { erp in
            try expectFailure(
                try await examine(["ERP.SiteTimeZone=Europe/Berlin"], erp: erp), "erpnext time zone",
                says: "Asia/Kolkata", "min wrong", remedy: "SiteTimeZone")
            let same = try first(
                try await examine(["ERP.SiteTimeZone=Asia/Calcutta"], erp: erp), "erpnext time zone")
            #expect(same.outcome == .ok)
            erp.setTellsTimeZone(false)
            #expect(try first(try await examine(erp: erp), "erpnext time zone").outcome == .warning)
            try expectFailure(
                try await examine(["ERP.EmployeeField=no_such_field"], erp: erp), "erpnext employees",
                says: "no_such_field", remedy: "EmployeeField")
        }
    }

    @Test func `ids without employee, doubled ids, inactive employees`() async throws {
        try await withERPNext(people: 1...5) { erp in
            erp.addEmployeeField("badge")
            for number in 1...3 {
                erp.update("HR-EMP-\(number)") { $0.fields["badge"] = number < 3 ? "77" : "3" }
            }
            erp.update("HR-EMP-3") { $0.status = .inactive }
            let folder = try TemporaryFolder()
            let bench = try await JournalBench(folder: folder.path + "/data")
            for person in ["77", "3", "901"] { try await bench.record(person, wallNow(-500)) }
            await bench.store.close()
            let results = try await examine(["ERP.EmployeeField=badge"], erp: erp, folder: folder)
            let ids = results.filter { $0.check == "erpnext ids" }
            #expect(ids.allSatisfy { $0.outcome == .warning })
            #expect(ids.contains { $0.seen.contains("no employee for 901") })
            #expect(ids.contains { $0.seen.contains("several employees for 77") })
            #expect(ids.contains { $0.seen.contains("inactive") && $0.seen.contains("HR-EMP-3") })
            #expect(ids.contains { $0.seen.contains("one id, several employees: 77 (HR-EMP-1 HR-EMP-2)") })
        }
    }

    @Test func `shift types that nobody moves, and names that are not there`() async throws {
        try await withERPNext { erp in
            erp.add(
                SimulatedShiftType(name: "Day", start: "09:00", end: "18:00", lastSync: "2026-01-01 00:00:00")
            )
            erp.add(SimulatedShiftType(name: "Night", start: "22:00", end: "06:00", marksAttendance: false))
            let results = try await examine(erp: erp)
            let day = try first(results, "erpnext shift types: Day")
            #expect(day.outcome == .warning)
            #expect(day.remedy?.contains("LastSync = yes") == true)
            #expect(!results.contains { $0.check.hasSuffix("Night") })
            try expectFailure(
                try await examine(["Terminals.Shifts=Dya"], erp: erp), "erpnext shift types",
                says: "Dya", remedy: "Day, Night")
        }
    }

    // MARK: The trial

    private func trial(_ erp: SimulatedERPNext, employee: String = "HR-EMP-7") async throws -> [CheckResult] {
        var options = Doctor.Options()
        options.trialEmployee = employee
        let orders = Orders()
        options.audit = { await orders.add($0) }
        let results = try await examine(erp: erp, options: options)
        #expect(await orders.all.map(\.action) == ["doctor.trial-checkin"])
        return results.filter { $0.check == "erpnext trial check-in" }
    }

    private actor Orders {
        var all: [AuditOrder] = []
        func add(_ order: AuditOrder) { all.append(order) }
    }

    @Test func `a trial check-in is made, read back and deleted`() async throws {
        try await withERPNext { erp in
            let results = try await trial(erp)
            #expect(results.map(\.outcome) == [.ok], "\(results)")
            #expect(erp.checkins.isEmpty)
            #expect(erp.requests.contains { $0.key.hasPrefix("DELETE") })
        }
    }

    @Test func `a role without permission level 1 is found out, and nothing is left behind`() async throws {
        try await withERPNext { erp in
            erp.changeRights { $0.writeLevelOne = false }
            let results = try await trial(erp)
            #expect(results.map(\.outcome) == [.failure], "\(results)")
            #expect(results.first?.remedy?.contains("permission level 1") == true)
            #expect(erp.checkins.isEmpty)
        }
    }

    @Test func `what could not be deleted is named`() async throws {
        try await withERPNext { erp in
            erp.changeRights { $0.deleteCheckin = false }
            let results = try await trial(erp)
            #expect(results.map(\.outcome) == [.ok, .warning], "\(results)")
            let left = try #require(erp.checkins.first)
            #expect(left.skipsAutoAttendance)
            #expect(results.last?.remedy?.contains("delete Employee Checkin \(left.name)") == true)
        }
    }

    @Test func `an employee that is none, and an answer that is lost`() async throws {
        try await withERPNext { erp in
            let unknown = try await trial(erp, employee: "HR-EMP-none")
            #expect(unknown.map(\.outcome) == [.failure], "\(unknown)")
            #expect(unknown.first?.seen.contains("HR-EMP-none") == true)
            erp.inject(.closed(stored: true), times: 1)
            let lost = try await trial(erp)
            #expect(lost.first?.outcome == .failure)
            #expect(erp.checkins.isEmpty)
        }
    }

    // MARK: The custom dialect

    @Test func `the custom endpoint is there, is missing, or asks for a key`() async throws {
        try await withERPNext { erp in
            let custom = ["ERP.URL=\(erp.url)", "ERP.Dialect=custom"]
            let there = try await examine(custom).filter { $0.check == "erpnext endpoint" }
            #expect(there.map(\.outcome) == [.ok, .warning], "\(there)")
            #expect(there.last?.seen.contains("without authorization") == true)
            try expectFailure(
                try await examine(custom + ["ERP.APIEndpoint=api/method/no.such.method"]), "erpnext endpoint",
                says: "no.such.method", remedy: "APIEndpoint", skipsAfter: nil)
            #expect(erp.checkins.isEmpty)
        }
    }

    @Test func `a webhook's address is looked at and nothing is sent`() async throws {
        try await withERPNext { other in
            let results = try await examine(
                file:
                    "[Webhook payroll]\nURL = \(other.url)/punches/s3cret\n[Webhook gone]\nURL = https://no-such-host.invalid/\n"
            )
            #expect(try first(results, "webhook payroll connection").outcome == .ok)
            try expectFailure(
                results, "webhook gone name", says: "cannot be resolved", remedy: "name servers",
                skipsAfter: "webhook gone certificate")
            #expect(other.requests.isEmpty)
            #expect(!results.contains { $0.seen.contains("s3cret") })
        }
    }
}
