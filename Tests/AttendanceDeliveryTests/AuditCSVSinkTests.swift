import AttendanceCore
import AttendanceStore
import Foundation
import Logging
import Testing

@testable import AttendanceDelivery

@Suite struct AuditCSVSinkTests {
    private struct Journal: Sendable {
        let store: SQLiteStore
        let csv: String

        /// A fresh sink, as after a start of the program.
        func sink(batch: Int = 500, folder: String? = nil) -> AuditCSVSink {
            AuditCSVSink(
                store: store, wakeUp: WakeUp(), settings: .init(folder: folder ?? csv, batch: batch),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        }

        func catchUp(batch: Int = 500) async throws {
            var follower = AuditCSVSink.Follower()
            try await sink(batch: batch).catchUp(&follower)
        }

        /// Records punches and settles them, every third as failed.
        func settle(_ count: Int, from second: Int64 = 0, name: String? = "Ada") async throws {
            let now = UnixTime(seconds: 1_795_312_800)
            let persons = (0..<count).map { "\(100 + $0)" }
            _ = try await store.record(World.batch(persons, from: second, name: name, received: now))
            for (index, punch) in try await store.owed(to: .erpnext, after: 0, limit: 10_000).enumerated() {
                let attempt = Attempt(started: now, duration: .zero, answer: .delivered)
                let failed = index % 3 == 2
                let fate: Settlement.Fate = failed ? .dead(cause: .invalidData, reason: "x") : .delivered
                try await store.settle(
                    [
                        Settlement(
                            punch: punch.id, attempt: attempt, fate: fate, report: failed ? .failed : .success
                        )
                    ],
                    for: .erpnext)
            }
        }

        func text(_ month: String = "2026-11") throws -> String {
            try String(contentsOfFile: "\(csv)/\(month)-attendance.csv", encoding: .utf8)
        }

        func write(_ text: String) throws {
            try text.write(toFile: "\(csv)/2026-11-attendance.csv", atomically: true, encoding: .utf8)
        }
    }

    private func withJournal(_ body: (Journal) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("csv-\(UUID().uuidString)")
            .path
        // What is left over harms no later test
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = try SQLiteStore(
            folder: folder + "/data", options: StoreOptions(now: { UnixTime(seconds: 1_795_312_800) }),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await store.setSinks([.erpnext])
        try await body(Journal(store: store, csv: folder + "/log"))
        await store.close()
    }

    @Test(.timeLimit(.minutes(10)), arguments: [1, 2, 500])
    func `writes a header and one line per outcome`(batch: Int) async throws {
        try await withJournal { journal in
            try await journal.settle(3)
            try await journal.catchUp(batch: batch)
            try await journal.catchUp(batch: batch)
            #expect(
                try journal.text() == """
                    Timestamp,Enroll ID,Name,Device ID,ERP Status
                    2026-11-22 08:00:00,100,Ada,gate-1,Success
                    2026-11-22 08:00:01,101,Ada,gate-1,Success
                    2026-11-22 08:00:02,102,Ada,gate-1,ERP_Failed

                    """)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `the month of the punch decides the file`() async throws {
        try await withJournal { journal in
            try await journal.settle(1, from: 9 * 86_400 + 0)
            try await journal.settle(1)
            try await journal.catchUp()
            #expect(try journal.text("2026-12").contains("2026-12-01 08:00:00"))
            #expect(try journal.text("2026-11").contains("2026-11-22 08:00:00"))
        }
    }

    /// The bookmark is behind the file, and the file torn at every possible place: what a kill leaves.
    @Test(.timeLimit(.minutes(10)))
    func `a kill between append and bookmark leaves each line once, wherever it strikes`() async throws {
        try await withJournal { journal in
            try await journal.settle(2)
            try await journal.catchUp()
            let before = try journal.text().utf8.count
            let bookmark = try #require(try await journal.store.bookmark(named: SinkName.csv.text))
            try await journal.settle(3, from: 100)
            try await journal.catchUp()
            let whole = try journal.text()
            for size in before...whole.utf8.count {
                try journal.write(String(decoding: whole.utf8.prefix(size), as: UTF8.self))
                try await journal.store.setBookmark(bookmark, named: SinkName.csv.text)
                try await journal.catchUp()
                #expect(try journal.text() == whole)
            }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a kill while the first lines of a new file are written leaves one header`() async throws {
        try await withJournal { journal in
            try await journal.settle(2)
            try await journal.catchUp()
            let whole = try journal.text()
            for size in 0...whole.utf8.count {
                try journal.write(String(decoding: whole.utf8.prefix(size), as: UTF8.self))
                try await journal.store.setBookmark(
                    #"{"files":{"2026-11-attendance.csv":0},"position":0}"#, named: SinkName.csv.text)
                try await journal.catchUp()
                #expect(try journal.text() == whole)
            }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a file that a person changed is appended to on a fresh line`() async throws {
        try await withJournal { journal in
            try FileManager.default.createDirectory(atPath: journal.csv, withIntermediateDirectories: true)
            let older = "Timestamp,Enroll ID,Name,Device ID,ERP Status\n2026-11-01 07:00:00,5,Bo,T9,Success"
            try journal.write(older)
            try await journal.settle(1)
            try await journal.catchUp()
            #expect(try journal.text() == older + "\n2026-11-22 08:00:00,100,Ada,gate-1,Success\n")

            try journal.write("shrunk")
            try await journal.settle(1, from: 1)
            try await journal.catchUp()
            #expect(try journal.text() == "shrunk\n2026-11-22 08:00:01,100,Ada,gate-1,Success\n")

            try journal.write(
                try journal.text() + "a note of somebody, longer than the lines that follow it here")
            try await journal.settle(1, from: 2)
            try await journal.catchUp()
            #expect(try journal.text().hasSuffix("here\n2026-11-22 08:00:02,100,Ada,gate-1,Success\n"))

            try FileManager.default.removeItem(atPath: journal.csv + "/2026-11-attendance.csv")
            try await journal.settle(1, from: 3)
            try await journal.catchUp()
            #expect(
                try journal.text()
                    == "Timestamp,Enroll ID,Name,Device ID,ERP Status\n2026-11-22 08:00:03,100,Ada,gate-1,Success\n"
            )
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `an unwritable folder delays the CSV, is told, and loses nothing`() async throws {
        try await withJournal { journal in
            // A file stands where the folder should be
            try Data().write(to: URL(fileURLWithPath: journal.csv))
            try await journal.settle(2)
            let timing = DeliveryTiming.faster(100)
            let sink = AuditCSVSink(
                store: journal.store, wakeUp: WakeUp(), settings: .init(folder: journal.csv), timing: timing,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await sink.run() }
                while sink.state.condition == .running { try await timing.sleep(.milliseconds(100)) }
                guard case .unavailable(_, let reason, _) = sink.state.condition else {
                    Issue.record("not unavailable")
                    return
                }
                #expect(reason.contains(journal.csv))
                try FileManager.default.removeItem(atPath: journal.csv)
                while sink.state.condition != .running { try await timing.sleep(.milliseconds(100)) }
                group.cancelAll()
            }
            #expect(try journal.text().split(separator: "\n").count == 3)
        }
    }

    @Test(arguments: [
        ("Ada", "Ada"), ("", ""), ("0012", "0012"), ("a,b", "\"a,b\""), ("say \"x\"", "\"say \"\"x\"\"\""),
        ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@x", "'@x"), ("\tx", "' x"), ("\r=x", "' =x"),
        ("  =x", "'  =x"), ("a\r\nb", "a  b"), ("a\u{2028}b\u{0}c", "a b c"), ("Zoë 李", "Zoë 李"),
        ("＝x", "'＝x"),
        (" a", "\" a\""), ("a=b", "a=b"),
    ])
    func `a cell is one line and no formula`(text: String, cell: String) {
        #expect(CSVLine.cell(text) == cell)
    }
}
