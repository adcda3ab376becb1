import AsyncHTTPClient
import AttendanceCore
import AttendanceDelivery
import AttendanceSimulation
import AttendanceStore
import Foundation
import NIOCore
import Testing

@testable import AttendanceGateway

@Suite(.timeLimit(.minutes(10))) struct `Reconciling` {
    private func config(_ folder: TemporaryFolder, _ erp: SimulatedERPNext, port: Int) throws -> String {
        let path = folder.path + "/config.ini"
        try """
        [Server]
        Host = 127.0.0.1
        Port = \(port)
        [ERP]
        URL = \(erp.url)
        Dialect = hrms
        APIKey = k3y-of-tests
        APISecret = \(erpSecret)
        RetryDelaySec = 1
        [Terminals]
        TimeZone = Asia/Kolkata
        Unknown = accept
        """.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    /// The kinds in a JSON output, each with the number of its punch or the name of its check-in; the summary is left
    /// out.
    private func kinds(_ output: String) throws -> [String] {
        try output.split(separator: "\n").filter { $0.hasPrefix("{") }.compactMap { line in
            let object =
                try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] ?? [:]
            guard let kind = object["kind"] as? String, kind != "summary" else { return nil }
            return "\(kind) \(object["punch"] as? Int ?? 0)"
        }.sorted()
    }

    /// By the journal itself: what `/health` tells may be a moment old.
    private func nothingIsOwed(_ folder: TemporaryFolder, punches: Int) async throws {
        let journal = try SQLiteReader(folder: folder.path + "/data")
        defer { journal.close() }
        try await eventually {
            let status = try await journal.status()
            return status.punches == punches && status.queues[.erpnext]?.owed == 0
        }
    }

    @Test func `agrees after a delivery, finds what was done to the site, and sends the missing again`()
        async throws
    {
        let folder = try TemporaryFolder()
        let port = try await LoopbackPort.free()
        try await withERPNext(people: 1...9) { erp in
            let path = try config(folder, erp, port: port)
            let gateway = try GatewayProcess(["serve", "--config", path], port: port)
            try await gateway.isReady()
            let terminal = try await SimulatedTerminal.connect(port: port, serial: "GATE-1")
            _ = try await terminal.register()
            let start = wallNow(-3600)
            _ = try await terminal.sendLog(
                (1...6).map {
                    .aiFace(UInt64($0), at: WallTime(seconds: start.seconds + Int64($0)), name: "Ada")
                })
            try await nothingIsOwed(folder, punches: 6)
            let day = String(wallNow(-86_400).description.prefix(10))
            let reconcile = ["reconcile", "--config", path, "--from", day]
            let agreed = try await GatewayProcess.run(reconcile, in: folder)
            #expect(agreed.status == 0, "\(agreed.output)")
            #expect(agreed.output.contains("all agree. 6 delivered, 6 of them as sent"))

            let made = erp.checkins.sorted { $0.time < $1.time }.map(\.name)
            erp.removeCheckin(made[0])
            erp.updateCheckin(made[1]) { $0.time = wallNow(-90_000).description }
            erp.updateCheckin(made[2]) { $0.employee = "HR-EMP-9" }
            let found = try await GatewayProcess.run(reconcile + ["--format", "json"], in: folder)
            #expect(found.status == 1)
            #expect(try kinds(found.output) == ["different-employee 3", "different-time 2", "missing 1"])
            #expect(found.output.contains("\"kind\":\"summary\",\"agree\":false"))

            let asked = try await GatewayProcess.run(reconcile + ["--fix"], in: folder)
            #expect(asked.status == 1)
            #expect(asked.output.contains("--fix --yes"))
            #expect(erp.checkins.count == 5)
            let fixed = try await GatewayProcess.run(reconcile + ["--fix", "--yes"], in: folder)
            #expect(fixed.status == 1)
            #expect(fixed.output.contains("1 punch is sent again"))
            try await eventually { erp.checkins.count == 6 }
            try await nothingIsOwed(folder, punches: 6)
            let after = try await GatewayProcess.run(reconcile + ["--format", "json"], in: folder)
            #expect(!(try kinds(after.output).contains("missing 1")))
            let audit = try await GatewayProcess.run(["audit", "--config", path], in: folder)
            #expect(audit.output.contains("punches.send-again"))

            gateway.signal(SIGTERM)
            #expect(await gateway.waitUntilEnded() == 0)
            try await erp.stop()
            let gone = try await GatewayProcess.run(reconcile, in: folder)
            #expect(gone.status == 69)
            #expect(gone.output.contains("the site cannot be asked"))
            try await erp.start()
        }
    }

    @Test(arguments: [
        ["reconcile"], ["reconcile", "--from", "yesterday"],
        ["reconcile", "--from", "2026-01-02", "--to", "2026-01-01"],
        ["reconcile", "--from", "2026-01-01", "--site", "nowhere"],
        ["reconcile", "--from", "2026-01-01", "--yes"], ["repairs", "fix"], ["repairs", "fix", "--all", "7"],
        ["doctor", "--write"], ["doctor", "--employee", "HR-EMP-1"],
    ])
    func `orders that make no sense are refused`(_ arguments: [String]) async throws {
        let folder = try TemporaryFolder()
        try await withERPNext { erp in
            let path = try config(folder, erp, port: 0)
            let result = try await GatewayProcess.run(arguments + ["--config", path], in: folder)
            #expect(result.status == 64, "\(result.output)")
            #expect(erp.requests.isEmpty)
        }
    }

    @Test func `Ctrl-C ends a comparison at once`() async throws {
        let folder = try TemporaryFolder()
        try await withERPNext { erp in
            let bench = try await JournalBench(folder: folder.path + "/data")
            await bench.store.close()
            erp.inject(.hang, path: "api/resource/Employee Checkin")
            let process = try GatewayProcess(
                ["reconcile", "--config", try config(folder, erp, port: 0), "--from", "2026-11-01"])
            await erp.requestCount(of: "GET api/resource/Employee Checkin", reaches: 1)
            process.signal(SIGINT)
            #expect(await process.waitUntilEnded() == 130)
        }
    }

    @Test func `the admin socket refuses orders that make no sense`() async throws {
        try await withGateway { gateway in
            let socket = gateway.folder + "/data/admin.sock"
            func post(_ path: String, _ body: String) async throws -> (status: Int, body: String) {
                let url = try #require(URL(httpURLWithSocketPath: socket, uri: path))
                var request = HTTPClientRequest(url: url.absoluteString)
                request.method = .POST
                request.body = .bytes(ByteBuffer(string: body))
                let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
                return (
                    Int(answer.status.code), String(buffer: try await answer.body.collect(upTo: 1 << 20))
                )
            }
            let many = (1...1001).map(String.init).joined(separator: ",")
            for body in [
                #"{"sink":"No sink","punches":[1],"author":"ada"}"#, #"{"sink":"erpnext","author":"ada"}"#,
                #"{"sink":"erpnext","punches":[\#(many)],"author":"ada"}"#, "[]", "",
            ] {
                #expect(try await post("/punches/owe", body).status == 400, "\(body.prefix(60))")
            }
            let none = try await post("/punches/owe", #"{"sink":"erpnext","punches":[7],"author":"ada"}"#)
            #expect(none.status == 200)
            #expect(none.body.contains("0"))
            let hostile = #"{"action":"a\u001b[31m","subject":"s","detail":"d\u0000\n","author":"\u0007"}"#
            #expect(try await post("/audit", hostile).status == 200)
            let trail = try await gateway.gateway.store.auditTrail(after: 0, limit: 10)
            let texts = trail.flatMap { [$0.action, $0.subject, $0.detail, $0.author.name] }
            #expect(trail.count == 1)
            #expect(!texts.joined().unicodeScalars.contains { $0.value < 0x20 })
        }
    }

    /// The journal of `bench` against the site, with what was found.
    private func reconcile(
        _ folder: TemporaryFolder, _ erp: SimulatedERPNext, _ range: Range<WallTime>, employee: String? = nil
    ) async throws -> (findings: [ReconciliationFinding], figures: ReconciliationFigures) {
        let loaded = SettingsLoader(
            path: try config(folder, erp, port: 0), arguments: [], environment: [:],
            workingFolder: folder.path, executableFolder: folder.path
        ).load()
        let settings = try loaded.get()
        let journal = try SQLiteReader(folder: folder.path + "/data")
        defer { journal.close() }
        return try await SiteVisit.run(settings.erp) { visit in
            let expected = ExpectedCheckins(
                zone: ZoneRules(identifier: "Asia/Kolkata"),
                people: try await PeopleOfSite(visit.site, settings: settings, journal: journal),
                employee: employee)
            var findings: [ReconciliationFinding] = []
            let figures = try await Reconciler(journal: journal, visit: visit, expected: expected)
                .run(range) { findings += $0 }
            return (findings, figures)
        }
    }

    /// Puts check-ins on the site, 200 a call; answers their names.
    private func insert(
        _ erp: SimulatedERPNext,
        _ documents: [(employee: String, time: WallTime, logType: String, device: String)]
    ) async throws -> [String] {
        var names: [String] = []
        var rest = documents[...]
        while !rest.isEmpty {
            let some = rest.prefix(200)
            rest = rest.dropFirst(200)
            let body: [String: Any] = [
                "docs": some.map {
                    [
                        "doctype": "Employee Checkin", "employee": $0.employee, "time": $0.time.description,
                        "log_type": $0.logType, "device_id": $0.device,
                    ]
                }
            ]
            let answer = try await erp.post(
                "api/method/frappe.client.insert_many", json: body,
                authorization: "token k3y-of-tests:\(erpSecret)")
            names += answer["message"] as? [String] ?? []
        }
        return names
    }

    @Test func `judges by what was decided, across the windows' edges and for one employee`() async throws {
        let folder = try TemporaryFolder()
        let start = WallTime("2026-11-02 00:00:00")!
        @Sendable func at(_ day: Int64, _ second: Int64) -> WallTime {
            WallTime(seconds: start.seconds + day * 86_400 + second)
        }
        try await withERPNext(people: 1...9) { erp in
            // Number, employee, time, direction: two just around midnight.
            let punches: [(String, WallTime, Direction?)] = [
                ("1", at(0, 28_800), .in), ("1", at(0, 86_399), .out), ("2", at(1, 0), .in),
                ("2", at(1, 60), .out), ("3", at(2, 100), nil), ("3", at(2, 200), .in),
            ]
            let names = try await insert(
                erp,
                punches.map { ("HR-EMP-\($0.0)", $0.1, $0.2?.rawValue ?? "", "GATE-1") }
                    + [
                        ("HR-EMP-4", at(1, 500), "", "GATE-1"), ("HR-EMP-4", at(1, 501), "", "Phone"),
                        ("HR-EMP-1", at(0, 28_800), "OUT", "GATE-1"),
                    ])
            let bench = try await JournalBench(folder: folder.path + "/data")
            for (person, time, _) in punches { try await bench.record(person, time) }
            try await bench.deliver(
                punches.enumerated().map { index, punch in
                    (
                        Int64(index + 1),
                        Decision(
                            person: "hr-emp-\(punch.0)", employee: "HR-EMP-\(punch.0)", time: punch.1,
                            direction: punch.2), names[index]
                    )
                })
            // Moved over midnight, turned, given away, and moved out of the time that is compared.
            erp.updateCheckin(names[1]) { $0.time = at(1, 5).description }
            erp.updateCheckin(names[3]) { $0.logType = "IN" }
            erp.updateCheckin(names[4]) { $0.employee = "HR-EMP-9" }
            erp.updateCheckin(names[5]) { $0.time = at(40, 0).description }
            await bench.store.close()

            let (findings, figures) = try await reconcile(folder, erp, start..<at(3, 0))
            let labels = findings.map {
                "\($0.kind.rawValue) \($0.expected.map { "\($0.punch)" } ?? $0.found?.name ?? "")"
            }
            #expect(
                labels.sorted()
                    == [
                        "different-direction 4", "different-employee 5", "different-time 2",
                        "different-time 6",
                        "doubled 1", "extra \(names[6])",
                    ])
            #expect(figures.delivered == 6)
            #expect(figures.agreeing == 2)
            #expect(figures.elsewhere == 1)

            let one = try await reconcile(folder, erp, start..<at(3, 0), employee: "HR-EMP-9")
            #expect(one.findings.map(\.kind) == [.employee])
            #expect(one.figures.delivered == 0)
            // A check-in that was moved into the time from the day before is explained.
            let late = try await reconcile(folder, erp, at(1, 0)..<at(2, 0))
            #expect(late.findings.contains { $0.kind == .time && $0.expected?.punch == 2 })
        }
    }

    @Test func `20,000 check-ins are compared in one go`() async throws {
        let folder = try TemporaryFolder()
        let start = WallTime("2026-11-02 00:00:00")!
        try await withERPNext(people: 1...2) { erp in
            let documents = (0..<20_000).map { index in
                (
                    "HR-EMP-\(index % 2000)", WallTime(seconds: start.seconds + Int64(index) * 21), "IN",
                    "GATE-\(index % 10)"
                )
            }
            let names = try await insert(erp, documents)
            #expect(names.count == 20_000)
            let bench = try await JournalBench(folder: folder.path + "/data")
            for terminal in 0..<10 {
                let own = documents.filter { $0.3 == "GATE-\(terminal)" }
                try await bench.record(
                    own.map { (String($0.0.dropFirst(7)), $0.1) }, terminal: "GATE-\(terminal)")
            }
            // The journal numbers by terminal, the site by time.
            var deliveries: [(Int64, Decision?, String?)] = []
            for terminal in 0..<10 {
                for (index, document) in documents.enumerated() where document.3 == "GATE-\(terminal)" {
                    deliveries.append(
                        (
                            Int64(deliveries.count + 1),
                            Decision(
                                person: document.0.lowercased(), employee: document.0, time: document.1,
                                direction: .in), names[index]
                        ))
                }
            }
            try await bench.deliver(deliveries)
            await bench.store.close()
            for name in [names[17], names[12_345], names[19_999]] { erp.removeCheckin(name) }
            let path = try config(folder, erp, port: 0)
            let result = try await GatewayProcess.run(
                [
                    "reconcile", "--config", path, "--from", "2026-11-02", "--to", "2026-11-07", "--format",
                    "json",
                ],
                in: folder)
            #expect(result.status == 1)
            #expect(try kinds(result.output).count == 3)
            #expect(result.output.contains("\"delivered\":20000,\"as_sent\":19997"))
        }
    }

    // MARK: Repairs

    @Test func `wrong check-ins are listed, and deleted where nobody needs them`() async throws {
        let folder = try TemporaryFolder()
        let start = WallTime("2026-11-02 08:00:00")!
        @Sendable func at(_ second: Int64) -> WallTime { WallTime(seconds: start.seconds + second) }
        try await withERPNext(people: 1...9) { erp in
            let bench = try await JournalBench(folder: folder.path + "/data")
            // Each punch was first made with the hour of its delivery, later rightly, but for the fourth.
            let wrong = try await insert(
                erp, (1...5).map { ("HR-EMP-\($0)", at(40_000 + Int64($0)), "", "GATE-1") })
            let right = try await insert(
                erp, [1, 2, 3, 5].map { ("HR-EMP-\($0)", at($0), "", "GATE-1") })
            for number in 1...5 as ClosedRange<Int64> {
                try await bench.record("\(number)", at(number))
                try await bench.misfile(
                    number,
                    decision: Decision(
                        person: "hr-emp-\(number)", employee: "HR-EMP-\(number)", time: at(number)),
                    reference: wrong[Int(number) - 1])
            }
            try await bench.deliver(zip([1, 2, 3, 5] as [Int64], right).map { ($0, nil, $1) })
            await bench.store.close()
            erp.updateCheckin(wrong[1]) { $0.attendance = "HR-ATT-2026-00001" }
            erp.removeCheckin(wrong[2])

            let path = try config(folder, erp, port: 0)
            let offline = try await GatewayProcess.run(
                ["repairs", "list", "--config", path, "--offline"], in: folder)
            #expect(offline.status == 1)
            for name in wrong { #expect(offline.output.contains(name)) }
            let list = try await GatewayProcess.run(["repairs", "list", "--config", path], in: folder)
            #expect(list.status == 1)
            #expect(list.output.contains("4 to repair, 1 gone or set right"))
            #expect(list.output.contains("HR-ATT-2026-00001"))
            #expect(list.output.contains("not delivered otherwise yet"))

            let shown = try await GatewayProcess.run(
                ["repairs", "fix", "--config", path, wrong[0]], in: folder)
            #expect(shown.status == 1)
            #expect(shown.output.contains("say --yes"))
            #expect(erp.checkins.count == 8)
            let fixed = try await GatewayProcess.run(
                ["repairs", "fix", "--config", path, "--all", "--yes"], in: folder)
            #expect(fixed.status == 1, "two are left to a person")
            #expect(Set(erp.checkins.map(\.name)) == Set(right + [wrong[1], wrong[3]]))
            let audit = try await GatewayProcess.run(["audit", "--config", path], in: folder)
            #expect(audit.output.contains("repairs.delete"))
            #expect(audit.output.contains(wrong[0]) && audit.output.contains(wrong[4]))

            erp.changeRights { $0.deleteCheckin = false }
            erp.updateCheckin(wrong[1]) { $0.attendance = nil }
            let denied = try await GatewayProcess.run(
                ["repairs", "fix", "--config", path, "2", "--yes"], in: folder)
            #expect(denied.status == 1)
            #expect(denied.output.contains("not deleted"))
            #expect(erp.checkins.contains { $0.name == wrong[1] })
        }
    }
}

extension SimulatedERPNext {
    /// A call from outside, with a JSON body; answers the JSON object.
    func post(_ path: String, json: [String: Any], authorization: String) async throws -> [String: Any] {
        var request = HTTPClientRequest(url: "\(url)/\(path)")
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        request.headers.add(name: "authorization", value: authorization)
        request.body = .bytes(ByteBuffer(bytes: Array(try JSONSerialization.data(withJSONObject: json))))
        let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let data = Data(buffer: try await answer.body.collect(upTo: 1 << 20))
        return try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    }
}
