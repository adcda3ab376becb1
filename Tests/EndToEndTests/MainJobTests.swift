import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import AttendanceWeb
import Foundation
import Testing

@testable import AttendanceGateway

@Suite struct `The main job` {
    @Test(.timeLimit(.minutes(10))) func `a punch sent twice reaches ERPNext and the CSV once`() async throws
    {
        try await withERPNext { erp in
            try await withGateway(erp: erp) { gateway in
                let terminal = try await gateway.connect("ZX01")
                #expect(try await terminal.register().isSuccess)
                let time = wallNow(-60)
                for index in 0..<2 {
                    let answer = try await terminal.sendLog(
                        [.aiFace(7, at: time, name: "Ada")], logIndex: index)
                    #expect(answer.acknowledges(count: 1, logIndex: index))
                }
                await erp.checkinCount(reaches: 1)
                try await gateway.outboxIsEmpty()
                #expect(erp.checkins.map(\.time) == [time.description])
                #expect(erp.checkins.map(\.deviceID) == ["ZX01"])
                try await eventually { try gateway.csvLines().count == 1 }
                #expect(try gateway.csvLines() == ["\(time),7,Ada,ZX01,Success"])
                let entry = try #require(try await gateway.journal().first)
                guard case .delivered(_, let reference) = entry.state else {
                    Issue.record("not delivered: \(entry.state)")
                    return
                }
                #expect(reference == erp.checkins[0].name)
            }
        }
    }

    @Test(.timeLimit(.minutes(10))) func `the custom method is called as the older service called it`()
        async throws
    {
        try await withERPNext { erp in
            let settings = [
                "ERP.URL=\(erp.url)/", "ERP.Dialect=custom",
                "ERP.APIEndpoint=\(SimulatedERPNext.customMethod)",
            ]
            try await withGateway(settings) { gateway in
                let terminal = try await gateway.connect("ZX01")
                try await terminal.register()
                let time = wallNow(-60)
                try await terminal.send(
                    #"{"cmd":"sendlog","sn":"ZX01","record":[{"enrollid":"0007","time":"\#(time)","name":"Ada"}]}"#
                )
                #expect(try await terminal.answer(to: "sendlog").isSuccess)
                await erp.requestCount(of: "POST \(SimulatedERPNext.customMethod)", reaches: 1)
                try await eventually { try await gateway.gateway.store.status().queues[.erpnext]?.owed == 0 }
            }
        }
    }

    @Test(.timeLimit(.minutes(10))) func `strangers, doors and lost clocks are kept and not forwarded`()
        async throws
    {
        try await withERPNext { erp in
            try await withGateway(erp: erp) { gateway in
                let terminal = try await gateway.connect("ZX01")
                try await terminal.register()
                let time = wallNow(-60)
                let answer = try await terminal.sendLog([
                    .stranger(at: time, photoBytes: 4000), .door(event: 5, at: time),
                    .door(event: 1, at: time),
                    .tfs(7, at: WallTime(year: 2000, month: 1, day: 1)!), .tfs(7, at: wallNow(9 * 86_400)),
                    .tfs(7, at: time),
                ])
                #expect(answer.acknowledges(count: 6, logIndex: 0))
                try await gateway.outboxIsEmpty()
                #expect(erp.checkins.count == 1)
                let entries = try await gateway.journal()
                #expect(entries.count == 6)
                #expect(entries.count { $0.state == .notOwed } == 5)
                #expect(Set(entries.map(\.punch.doubt)) == [.none, .tooOld, .inFuture])
                let raw = entries.map { String(decoding: $0.raw, as: UTF8.self) }.joined()
                #expect(raw.contains("removed, "))
                #expect(!raw.contains("/9j/"))
            }
        }
    }

    @Test(.timeLimit(.minutes(10))) func `punches are kept while no ERP is set, and delivered once one is`()
        async throws
    {
        let folder = try TemporaryFolder()
        try await withGateway(folder: folder) { gateway in
            let terminal = try await gateway.connect("ZX01")
            try await terminal.register()
            try await terminal.sendLog([.tfs(7, at: wallNow(-60))])
            let health = try await gateway.health()
            #expect(health["status"] as? String == "degraded")
            #expect((health["queue"] as? [String: Any])?["owed"] as? Int == 1)
        }
        try await withERPNext { erp in
            try await withGateway(erp: erp, folder: folder) { gateway in
                await erp.checkinCount(reaches: 1)
                try await gateway.outboxIsEmpty()
            }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a dead letter is told with its cause and delivered when sent again`()
        async throws
    {
        try await withERPNext(people: 1...9) { erp in
            // The employees are not read: the gateway would find out by itself that somebody is known now.
            try await withGateway(["ERP.EmployeeSyncMinutes=0"], erp: erp) { gateway in
                let terminal = try await gateway.connect("ZX01")
                try await terminal.register()
                try await terminal.sendLog([.tfs(77, at: wallNow(-60)), .tfs(7, at: wallNow(-50))])
                try await eventually { try await gateway.gateway.store.status().queues[.erpnext]?.dead == 1 }
                await erp.checkinCount(reaches: 1)
                let letters = try await gateway.gateway.store.deadLetters(
                    DeadLetterFilter(), after: 0, limit: 9)
                #expect(letters.map(\.cause) == [.unknownEmployee])
                try await eventually { try gateway.csvLines().count == 2 }
                #expect(
                    try gateway.csvLines().contains { $0.contains(",77,") && $0.hasSuffix(",ERP_Failed") })

                erp.add(SimulatedEmployee(name: "HR-EMP-77", deviceID: "77"))
                // Through the socket that the command line uses while a gateway runs.
                let changed = try await JournalChange(settings: try gateway.settings()).run(
                    path: "/dead-letters/retry",
                    order: DeadLetterOrder(filter: .init(cause: "unknown-employee"), author: "ops")
                ) { _ in
                    Issue.record("the running gateway holds the journal, so nobody else can have opened it")
                    return ChangeCount(changed: 0)
                }.changed
                #expect(changed == 1)
                await erp.checkinCount(reaches: 2)
                try await eventually { try gateway.csvLines().count == 3 }
                #expect(try gateway.csvLines().contains { $0.contains(",77,") && $0.hasSuffix(",Success") })
            }
        }
    }

    @Test(.timeLimit(.minutes(10))) func `one poisoned punch blocks nobody`() async throws {
        try await withERPNext { erp in
            erp.inject(.serverError(exceptionType: "KeyError", message: "'shift'"), person: "13")
            try await withGateway(erp: erp) { gateway in
                let terminal = try await gateway.connect("ZX01")
                try await terminal.register()
                let time = wallNow(-600)
                try await terminal.sendLog([.tfs(13, at: time)])
                for person in UInt64(1)...60 where person != 13 {
                    try await terminal.sendLog([.tfs(person, at: time)])
                }
                await erp.checkinCount(reaches: 59)
                #expect(!erp.checkins.contains { $0.person == "13" })
                try await eventually { try await gateway.gateway.store.status().queues[.erpnext]?.owed == 1 }
            }
        }
    }

    @Test(.timeLimit(.minutes(10))) func `health tells a full journal with 503 and recovers by itself`()
        async throws
    {
        try await withGateway { gateway in
            let terminal = try await gateway.connect("ZX01")
            try await terminal.register()
            #expect(try await terminal.sendLog([.tfs(1, at: wallNow(-60))]).isSuccess)
            let store = gateway.gateway.store
            try await store.setPageQuota(1)
            var refused = 0
            for person in UInt64(2)...400 {
                let answer = try await terminal.sendLog([
                    .aiFace(person, at: wallNow(-60), name: String(repeating: "x", count: 200))
                ])
                if !answer.isSuccess {
                    refused += 1
                    #expect(answer.text == #"{"ret":"sendlog","result":false,"reason":1}"#)
                    break
                }
            }
            #expect(refused == 1)
            let failing = try await gateway.http("/health")
            #expect(failing.status == 503)
            #expect(failing.body.contains(#""status":"failing""#))
            try await store.setPageQuota(1_000_000)
            try await eventually { try await gateway.http("/health").status == 200 }
            #expect(try await terminal.sendLog([.tfs(999, at: wallNow(-60))]).isSuccess)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `a terminal's own section gives it its zone and its name`()
        async throws
    {
        let file = "[Terminal ZX02]\nTimeZone = Asia/Dubai\nName = Main gate\n"
        let now = UnixTime(seconds: 1_795_314_669)  // 02:31:09 UTC
        try await withGateway(file: file, now: { now }) { gateway in
            let here = try await gateway.connect("ZX01").register()
            #expect(here.cloudTime == "2026-11-22 08:01:09")
            let there = try await gateway.connect("zx02").register()
            #expect(there.cloudTime == "2026-11-22 06:31:09")
            try await eventually {
                try String(contentsOfFile: gateway.folder + "/logs/attendance.log", encoding: .utf8)
                    .contains(#"name="Main gate""#)
            }
        }
    }

    @Test(.timeLimit(.minutes(10))) func `metrics and health stand on the terminals' port`() async throws {
        try await withERPNext { erp in
            try await withGateway(erp: erp) { gateway in
                let terminal = try await gateway.connect("ZX01")
                try await terminal.register()
                let health = try await gateway.health()
                #expect(health["status"] as? String == "ok")
                #expect(health["connected_devices"] as? Int == 1)
                let metrics = try await gateway.http("/metrics")
                #expect(metrics.headers["content-type"]?.hasPrefix("text/plain; version=0.0.4") == true)
                #expect(metrics.body.contains("gateway_terminals_connected 1"))
                #expect(metrics.body.contains(#"gateway_queue_owed{sink="erpnext"} 0"#))
                #expect(try await gateway.http("/").body.contains("Attendance Gateway"))
                #expect(try await gateway.http("/nothing-here").status == 404)
                let wrong = try await gateway.http("/pub/chat", method: "POST")
                #expect(wrong.status == 426)
                #expect(wrong.body.contains("WebSocket"))
            }
        }
    }
}

extension RunningGateway {
    func settings() throws -> Settings {
        try SettingsLoader(
            path: nil,
            arguments: [
                "Server.Host=127.0.0.1", "Store.Directory=\(folder)/data",
                "Logging.LogDirectory=\(folder)/logs",
            ], environment: [:], workingFolder: folder, executableFolder: folder
        ).load().get()
    }
}
