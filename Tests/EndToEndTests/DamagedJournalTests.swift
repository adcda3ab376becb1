import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import Foundation
import Testing

@testable import AttendanceGateway

@Suite struct `A gateway whose journal is damaged` {
    private func overwrite(_ path: String, at offset: UInt64, _ count: Int) throws {
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.seek(toOffset: offset)
        try file.write(contentsOf: Data((0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }))
        try file.close()
    }

    private enum Damage: CaseIterable {
        case header, middle, truncated, log
    }

    /// 600 punches are sent and delivered, then something happens to the file, then the gateway is started again.
    @Test(.timeLimit(.minutes(10)), arguments: Damage.allCases)
    private func `starts, says so, and delivers nothing twice`(_ damage: Damage) async throws {
        try await withERPNext(people: 1...600) { erp in
            let folder = try TemporaryFolder()
            let settings = ["Backup.Directory=\(folder.path)/backups", "ERP.AmbiguousWaitSec=1"]
            let start = wallNow(-3_000)
            let send: @Sendable (RunningGateway, Range<Int>) async throws -> Void = { gateway, numbers in
                let terminal = try await gateway.connect("ZX01")
                try await terminal.register()
                for part in stride(from: numbers.lowerBound, to: numbers.upperBound, by: 100) {
                    let records = (part..<part + 100).map {
                        SimulatedRecord.tfs(UInt64($0 + 1), at: WallTime(seconds: start.seconds + Int64($0)))
                    }
                    let answer = try await terminal.sendLog(records, logIndex: part)
                    #expect(answer.isSuccess)
                }
            }
            try await withGateway(settings, erp: erp, folder: folder) { gateway in
                try await send(gateway, 0..<400)
                await erp.checkinCount(reaches: 400)
                try await gateway.outboxIsEmpty()
                // The first is made by itself, right after the start; this one has all.
                try await eventually { !gateway.gateway.backups.figures.isBusy }
                let made = try await gateway.command(["backup"])
                #expect(made.status == 0, "\(made.output)")
                try await send(gateway, 400..<600)
                await erp.checkinCount(reaches: 600)
                try await gateway.outboxIsEmpty()
            }
            let data = folder.path + "/data"
            let file = data + "/journal.sqlite"
            let size = try #require(
                try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int)
            switch damage {
            case .header: try overwrite(file, at: 0, 200)
            case .middle: try overwrite(file, at: UInt64(size / 8192) * 4096, 5 * 4096)
            case .truncated:
                try #require(FileHandle(forWritingAtPath: file)).truncate(atOffset: UInt64(size / 2))
            case .log:
                try Data((0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 91) }).write(
                    to: URL(fileURLWithPath: file + "-wal"))
            }
            // As after a power cut.
            try Data("open\n".utf8).write(to: URL(fileURLWithPath: data + "/journal.state"))

            try await withGateway(settings, erp: erp, folder: folder) { gateway in
                let health = try await gateway.health()
                let store = try #require(health["store"] as? [String: Any])
                let isRebuilt = store["rebuilt"] != nil
                // Noise in place of a log is not read at all by SQLite: nothing is missing then.
                #expect(isRebuilt == (damage != .log))
                if isRebuilt {
                    #expect(health["status"] as? String == "degraded")
                    let aside = try FileManager.default.contentsOfDirectory(atPath: data).filter {
                        $0.hasPrefix("damaged-")
                    }
                    #expect(aside.count == 1)
                    let trail = try await gateway.rows(["audit", "list"])
                    #expect(trail.contains { $0["action"] as? String == "journal.rebuild" })
                }
                let kept = try await gateway.gateway.store.status().punches
                #expect(kept >= 400)
                // The terminal sends all again, as when it is asked for its log.
                try await send(gateway, 0..<600)
                try await gateway.outboxIsEmpty()
                #expect(erp.checkins.count == 600)
                let entries = try await gateway.journal()
                #expect(Set(entries.map(\.punch.enrollID.canonical)).count == 600)
                let check = try await gateway.command(["verify"])
                #expect(check.status == 0, "\(check.output)")
            }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `that cannot be read for want of permission is left where it is`() async throws {
        let folder = try TemporaryFolder()
        try await withGateway(folder: folder) { _ in }
        let data = folder.path + "/data"
        // A folder in the database's place: SQLite cannot open it, and that is no damage.
        try FileManager.default.moveItem(atPath: data + "/journal.sqlite", toPath: data + "/elsewhere")
        try FileManager.default.createDirectory(
            atPath: data + "/journal.sqlite", withIntermediateDirectories: false)
        await #expect(throws: StoreError.self) { try await withGateway(folder: folder) { _ in } }
        let names = try FileManager.default.contentsOfDirectory(atPath: data)
        #expect(!names.contains { $0.hasPrefix("damaged-") })
    }
}

@Suite struct `A journal that is restored` {
    @Test(.timeLimit(.minutes(10)))
    func `is asked for again by its terminals, and ERPNext gets nothing twice`() async throws {
        try await withERPNext(people: 1...600) { erp in
            let folder = try TemporaryFolder()
            let settings = ["Backup.Directory=\(folder.path)/backups", "ERP.AmbiguousWaitSec=1"]
            let start = wallNow(-3_000)
            let send: @Sendable (RunningGateway, Range<Int>) async throws -> Void = { gateway, numbers in
                let terminal = try await gateway.connect("ZX01")
                try await terminal.register()
                let records = numbers.map {
                    SimulatedRecord.tfs(UInt64($0 + 1), at: WallTime(seconds: start.seconds + Int64($0)))
                }
                #expect(try await terminal.sendLog(records).isSuccess)
            }
            let (place, values) = try await withGateway(settings, erp: erp, folder: folder) { gateway in
                try await send(gateway, 0..<50)
                // Some are still owed when the backup is made, and delivered afterwards.
                let made = try await gateway.command([
                    "backup", "--to", folder.path + "/here", "--format", "json",
                ])
                #expect(made.status == 0, "\(made.output)")
                let line = try #require(made.output.split(separator: "\n").first { $0.hasPrefix("{") })
                let receipt = try #require(
                    try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
                try await send(gateway, 50..<90)
                await erp.checkinCount(reaches: 90)
                try await gateway.outboxIsEmpty()
                let place = try #require(receipt["place"] as? String)
                let refused = try await gateway.command(["restore", "--from", place, "--apply"])
                #expect(refused.status == 69, "\(refused.output)")
                return (place, gateway.values)
            }
            let config = ["--config", folder.path + "/config.ini"] + values.flatMap { ["--set", $0] }
            let plan = try await GatewayProcess.run(
                ["restore", "--from", place] + config, in: TemporaryFolder())
            #expect(plan.status == 0)
            #expect(plan.output.contains("40 of them are newer than the backup"), "\(plan.output)")
            let done = try await GatewayProcess.run(
                ["restore", "--from", place, "--apply"] + config, in: TemporaryFolder())
            #expect(done.status == 0, "\(done.output)")
            try await withGateway(settings, erp: erp, folder: folder) { gateway in
                #expect(try await gateway.gateway.store.status().punches == 50)
                // Its terminal is asked for what it still holds.
                try await eventually {
                    try await gateway.rows(["commands", "list"]).contains {
                        $0["word"] as? String == "getalllog" || $0["command"] as? String == "getalllog"
                    }
                }
                try await send(gateway, 0..<90)
                try await gateway.outboxIsEmpty()
                #expect(erp.checkins.count == 90)
                #expect(try await gateway.journal().count == 90)
            }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `backups are told of in health and metrics, and a failing one is degraded`() async throws {
        let folder = try TemporaryFolder()
        try Data().write(to: URL(fileURLWithPath: folder.path + "/file"))
        try await withGateway(["Backup.Directory=\(folder.path)/file/below"], folder: folder) { gateway in
            try await eventually {
                (try await gateway.health()["backup"] as? [String: Any])?["state"] as? String == "failing"
            }
            #expect(try await gateway.health()["status"] as? String == "degraded")
            #expect(try await gateway.http("/metrics").body.contains("gateway_backup_up 0"))
        }
        try await withGateway(["Backup.Directory=\(folder.path)/backups"], folder: folder) { gateway in
            try await eventually {
                let backup = try await gateway.health()["backup"] as? [String: Any]
                return backup?["state"] as? String == "made" && backup?["last_success"] != nil
            }
            let metrics = try await gateway.http("/metrics").body
            #expect(metrics.contains("gateway_backup_up 1"))
            #expect(!metrics.contains("gateway_backup_last_success_timestamp_seconds 0\n"))
            let listed = try await gateway.rows(["backup", "--list"])
            #expect(listed.count == 1)
        }
    }
}
