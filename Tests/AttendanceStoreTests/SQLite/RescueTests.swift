import AttendanceCore
import Foundation
import GRDB
import Logging
import Testing

@testable import AttendanceStore

@Suite struct `A damaged journal` {
    /// 4,000 punches, the first 3,000 of them delivered, in `folder`/data; after 2,500 a backup if asked for.
    private func make(in folder: String, backup: Bool = false) async throws {
        try await withSQLiteStore(in: folder + "/data") { store in
            try await store.setSinks([.erpnext])
            for part in 0..<40 {
                _ = try await store.record(Sample.batch(Sample.punches(100, from: Int64(part) * 200)))
                if part == 25, backup {
                    _ = try await store.backUp(to: folder + "/backups", program: "test", at: Sample.now)
                }
                guard part < 30 else { continue }
                let numbers = Int64(part) * 100 + 1...Int64(part) * 100 + 100
                try await store.begin(
                    numbers.map { AttemptStart(punch: $0, frozen: "{}") }, for: .erpnext, at: Sample.now)
                try await store.settle(numbers.map { Sample.delivered($0) }, for: .erpnext)
            }
            try await store.audit(
                AuditEntry(at: Sample.now, author: Author("a"), action: "b", subject: "c", detail: "d"))
        }
    }

    private func rescue(_ folder: String) throws -> JournalRescue.Report {
        try JournalRescue(
            folder: folder + "/data", backups: folder + "/backups", csv: folder + "/csv",
            zone: "Asia/Kolkata",
            logger: Logger(label: "test")
        ).run(reason: "test", at: Sample.now + .seconds(3600))
    }

    private func database(_ folder: String) -> String { folder + "/data/journal.sqlite" }

    private func damage(_ folder: String, pages: Range<Int>) throws {
        for page in pages {
            let noise = (0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ page) }
            try overwrite(database(folder), at: UInt64(page) * 4096, with: noise)
        }
    }

    private func pages(_ folder: String) throws -> Int {
        Int((DurableFile.size(database(folder)) ?? 0) / 4096)
    }

    @Test(.timeLimit(.minutes(10)))
    func `pages overwritten in the middle cost what stood in no other place`() async throws {
        try await withTemporaryFolder { folder in
            try await make(in: folder)
            let count = try pages(folder)
            try damage(folder, pages: count / 2..<count / 2 + 6)
            let report = try rescue(folder)
            #expect(report.punches + report.lost == 4_000)
            #expect(report.punches > 3_700, "\(report)")
            #expect(report.setAside.hasPrefix(folder + "/data/damaged-"))
            #expect(
                FileManager.default.fileExists(atPath: report.setAside + "/journal.sqlite"))
            try await withSQLiteStore(in: folder + "/data") { store in
                let check = try await JournalCheck(folder: folder + "/data", keyFile: nil).run()
                #expect(check.isSound, "\(check)")
                let owed = try await store.owed(to: .erpnext, after: 0, limit: 5_000)
                #expect(owed.allSatisfy { $0.begun != nil })
                // Everything that was owed and is still there is owed; nothing that is known to have been delivered.
                #expect(owed.count >= 1_000 - report.lost)
                let trail = try await store.auditTrail(after: 0, limit: 10)
                #expect(trail.last?.action == "journal.rebuild")
                // A terminal that sends all again adds what was lost, and nothing twice.
                var stored = 0
                for part in 0..<40 {
                    stored += try await store.record(
                        Sample.batch(Sample.punches(100, from: Int64(part) * 200))
                    ).stored
                }
                #expect(stored == report.lost)
            }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `with a backup only what is newer than it can be lost`() async throws {
        try await withTemporaryFolder { folder in
            try await make(in: folder, backup: true)
            let count = try pages(folder)
            try damage(folder, pages: count / 4..<count / 4 + 20)
            let report = try rescue(folder)
            #expect(report.backup != nil)
            #expect(report.lost == 0 || report.punches >= 2_600, "\(report)")
            #expect(report.punches + report.lost == 4_000)
            try await withSQLiteStore(in: folder + "/data") { _ in
                let check = try await JournalCheck(folder: folder + "/data", keyFile: nil).run()
                #expect(check.isSound, "\(check)")
            }
        }
    }

    @Test(.timeLimit(.minutes(10)), arguments: [16, 100, 4096])
    func `a header of noise hides nothing`(bytes: Int) async throws {
        try await withTemporaryFolder { folder in
            try await make(in: folder)
            try overwrite(database(folder), at: 0, with: [UInt8](repeating: 0x5A, count: bytes))
            #expect(
                try await storeError { try await withSQLiteStore(in: folder + "/data") { _ in } }.isDamaged)
            let report = try rescue(folder)
            #expect(report.punches == 4_000, "\(report)")
            #expect(report.lost == 0)
            try await withSQLiteStore(in: folder + "/data") { store in
                #expect(try await store.status().queues[.erpnext]?.owed == 1_000)
                try await store.expectConsistent()
            }
        }
    }

    /// The pages on which the tables are listed, but the first.
    private func listPages(_ folder: String) throws -> [Int] {
        let file = try #require(FileHandle(forReadingAtPath: database(folder)))
        let page = [UInt8](try #require(try file.read(upToCount: 4096)))
        try #require(page[100] == 5)  // it leads to others
        func number(at place: Int) -> Int { page[place..<place + 4].reduce(0) { $0 << 8 | Int($1) } }
        let cells = Int(page[103]) << 8 | Int(page[104])
        return [number(at: 108)]
            + (0..<cells).map { number(at: Int(page[112 + $0 * 2]) << 8 | Int(page[113 + $0 * 2])) }
    }

    @Test(.timeLimit(.minutes(10)), arguments: [false, true], [false, true])
    func `without the list of its tables every punch is found all the same`(backup: Bool, inLog: Bool)
        async throws
    {
        try await withTemporaryFolder { folder in
            try await make(in: folder, backup: backup)
            var more = 0
            if inLog {
                // As a kill leaves it: the last punches stand in the log alone.
                let data = folder + "/data"
                try FileManager.default.copyItem(atPath: data, toPath: folder + "/killed")
                try await withSQLiteStore(in: data) { store in
                    more = try await store.record(Sample.batch(Sample.punches(50, from: 100_000))).stored
                    let log = try #require(DurableFile.size(database(folder) + "-wal"))
                    try #require(log > 0)
                    for name in ["journal.sqlite", "journal.sqlite-wal"] {
                        // Replaced whole: a copy into the old file would mix the two.
                        try? FileManager.default.removeItem(atPath: folder + "/killed/" + name)
                        try FileManager.default.copyItem(
                            atPath: data + "/" + name, toPath: folder + "/killed/" + name)
                    }
                }
                try FileManager.default.removeItem(atPath: data)
                try FileManager.default.moveItem(atPath: folder + "/killed", toPath: data)
            }
            for page in try listPages(folder) { try damage(folder, pages: page - 1..<page) }
            #expect(
                try await storeError { try await withSQLiteStore(in: folder + "/data") { _ in } }.isDamaged)
            let report = try rescue(folder)
            #expect(report.punches == 4_000 + more, "\(report)")
            #expect(report.lost == 0)
            #expect(report.fromBackup == 0)
            #expect(!report.isUnread)
            try await withSQLiteStore(in: folder + "/data") { store in
                #expect(try await store.status().queues[.erpnext]?.owed == 1_000 + more)
                try await store.expectConsistent()
            }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `where the backup alone is left it says that it cannot tell how much is lost`() async throws {
        try await withTemporaryFolder { folder in
            try await make(in: folder, backup: true)
            let size = try pages(folder) * 4096
            try Data(repeating: 0x41, count: size).write(to: URL(fileURLWithPath: database(folder)))
            let report = try rescue(folder)
            #expect(report.punches == 2_600)
            #expect(report.fromBackup == 2_600)
            #expect(report.isUnread)
            #expect(
                report.words.contains("what came after the backup is lost here, and how much cannot be told"))
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a truncated file gives what it still has, and the rest comes from the CSV`() async throws {
        try await withTemporaryFolder { folder in
            try await make(in: folder)
            let count = try pages(folder)
            try #require(FileHandle(forWritingAtPath: database(folder))).truncate(
                atOffset: UInt64(count * 2 / 3) * 4096)
            let csv = folder + "/csv"
            try FileManager.default.createDirectory(atPath: csv, withIntermediateDirectories: true)
            var lines = "Timestamp,Enroll ID,Name,Device ID,ERP Status\n"
            for part in 0..<40 {
                for punch in Sample.punches(100, from: Int64(part) * 200) {
                    let status = part < 30 ? "Success" : "ERP_Failed"
                    lines += "\(punch.time),\(punch.enrollID.sent),Ada,T1,\(status)\n"
                }
            }
            try lines.write(toFile: csv + "/2026-03-attendance.csv", atomically: true, encoding: .utf8)
            let report = try rescue(folder)
            #expect(report.fromCSV > 0, "\(report)")
            try await withSQLiteStore(in: folder + "/data") { store in
                var stored = 0
                for part in 0..<40 {
                    stored += try await store.record(
                        Sample.batch(Sample.punches(100, from: Int64(part) * 200))
                    ).stored
                }
                #expect(stored == 0)
                let check = try await JournalCheck(folder: folder + "/data", keyFile: nil).run()
                #expect(check.isSound, "\(check)")
            }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `where nothing can be read, an empty journal begins and says so`() async throws {
        try await withTemporaryFolder { folder in
            try await make(in: folder)
            let size = try pages(folder) * 4096
            try Data(repeating: 0x41, count: size).write(to: URL(fileURLWithPath: database(folder)))
            let report = try rescue(folder)
            #expect(report.punches == 0)
            #expect(report.words.hasPrefix("0 punches are in the journal"))
            try await withSQLiteStore(in: folder + "/data") { store in
                let receipt = try await store.record(Sample.batch(Sample.punches(10)))
                #expect(receipt.stored == 10)
            }
        }
    }

    @Test func `after a stop that was none in order the file is looked through, for so long as it may`()
        async throws
    {
        try await withTemporaryFolder { folder in
            try await make(in: folder)
            try damage(folder, pages: 40..<60)
            let checking = testOptions { $0.checkAfterCrash = .seconds(60) }
            try Data("open\n".utf8).write(to: URL(fileURLWithPath: folder + "/data/journal.state"))
            let error = try await storeError {
                try await withSQLiteStore(in: folder + "/data", options: checking) { _ in }
            }
            #expect(error.isDamaged)
        }
    }

    @Test func `whoever does not look through a journal that was found open leaves that to the next`()
        async throws
    {
        try await withTemporaryFolder { folder in
            let data = folder + "/data"
            let mark = OpenMark(folder: DataFolder(path: data))
            try await make(in: folder)
            #expect(mark.state == .closed)
            try mark.set(.open)
            try await withSQLiteStore(in: data) { _ in #expect(mark.state == .suspect) }
            #expect(mark.state == .suspect)
            let checking = testOptions { $0.checkAfterCrash = .seconds(60) }
            try await withSQLiteStore(in: data, options: checking) { _ in #expect(mark.state == .open) }
            #expect(mark.state == .closed)
        }
    }

    @Test func `an empty file where a journal was is damage, and no new beginning`() async throws {
        try await withTemporaryFolder { folder in
            try await make(in: folder)
            try #require(FileHandle(forWritingAtPath: database(folder))).truncate(atOffset: 0)
            #expect(
                try await storeError { try await withSQLiteStore(in: folder + "/data") { _ in } }.isDamaged)
        }
    }
}
