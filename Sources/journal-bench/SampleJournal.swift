import AttendanceCore
import AttendanceStore
import Foundation
import GRDB
import Logging

/// A journal of sixty days: 5,000 people, 200 terminals, a site that was down for the last hours.
struct SampleJournal: Sendable {
    let folder: String
    let punches: Int
    private let days = 60
    private let people = 5_000
    private let terminals = (0..<200).map { "T\($0)" }.compactMap { SerialNumber($0) }
    private let start = Self.clock().seconds - 60 * 86_400

    init(folder: String, punches: Int) {
        self.folder = folder
        self.punches = punches
    }

    static func clock() -> UnixTime { UnixTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }

    private func id(_ number: Int) -> EnrollID { EnrollID(number: UInt64(number)) }

    // MARK: What is asked for

    func person(_ round: Int) -> EnrollID { id(1 + (round &* 7_919) % people) }
    /// Punched in the first days only.
    var leaver: EnrollID { id(people + 1) }
    func terminal(_ round: Int) -> SerialNumber { terminals[(round &* 31) % 198] }
    /// Sent in the first days only.
    var gone: SerialNumber { terminals[198] }
    var reach: Set<SerialNumber> { Set(terminals.prefix(50)) }
    func number(_ round: Int) -> Int64 { 1 + Int64((round &* 104_729) % punches) }

    func day(_ round: Int) -> PunchSearch {
        let from = start + Int64((round * 7) % days) * 86_400
        return PunchSearch(from: WallTime(seconds: from), until: WallTime(seconds: from + 86_400))
    }

    func middle(_ round: Int) -> PunchCursor {
        let number = number(round)
        return PunchCursor(time: wall(of: Int(number)), id: number)
    }

    // MARK: Making it

    /// In about the order of the numbers.
    private func wall(of number: Int) -> WallTime {
        WallTime(seconds: start + Int64(number) * Int64(days) * 86_400 / Int64(punches))
    }

    private func batch(_ numbers: Range<Int>, received: UnixTime? = nil) -> IntakeBatch {
        let first = numbers.lowerBound
        let isEarly = first < punches / 30
        // A terminal that waits for approval, one that is gone, and all the others in turn.
        let place = first / 20 % 2_000 == 7 ? 199 : isEarly && first / 20 % 50 == 3 ? 198 : first / 20 % 198
        var batch = IntakeBatch(
            terminal: terminals[place], connection: Int64(place),
            received: received ?? UnixTime(seconds: wall(of: first).seconds))
        batch.isHeld = place == 199
        for number in numbers {
            let draw = (number &* 2_654_435_761) >> 7 % 10_000
            let kind: PunchKind = draw < 50 ? .stranger : draw < 100 ? .doorEvent : .person
            let person =
                isEarly && draw == 5_000 ? people + 1 : 1 + (number &* 48_271) % people
            let enroll = kind == .stranger ? id(99_999_999) : kind == .doorEvent ? id(0) : id(person)
            let time = wall(of: number)
            let text =
                #"{"enrollid":\#(enroll.sent),"time":"\#(time)","mode":8,"inout":0,"event":0,"temp":36.5}"#
            let bytes = Array(text.utf8)
            batch.punches.append(
                Punch(
                    enrollID: enroll, name: kind == .person ? Self.name(person) : nil, time: time,
                    zone: "UTC",
                    instant: time.seconds, kind: kind, doubt: draw == 9_999 ? .tooOld : .none, mode: 8,
                    inOut: 0,
                    event: kind == .doorEvent ? Int64(number) : 0,
                    raw: batch.raw.count..<batch.raw.count + bytes.count))
            batch.raw += bytes
        }
        return batch
    }

    private static let first = ["Ada", "Grace", "Alan", "Edsger", "Barbara", "Niklaus", "José", "Katherine"]
    private static let last = [
        "Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov", "Wirth", "Álvarez", "Johnson",
    ]

    private static func name(_ person: Int) -> String {
        "\(first[person % 8]) \(last[person / 8 % 8]) \(person)"
    }

    func make() async throws {
        let store = try SQLiteStore(
            folder: folder, options: StoreOptions(now: { Self.clock() }),
            logger: Logger(label: "journal-bench"))
        try await store.setSinks([.erpnext])
        // A few at a time, so that they share commits.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, first) in stride(from: 0, to: punches, by: 20).enumerated() {
                if index >= 400 { try await group.next() }
                let numbers = first..<min(first + 20, punches)
                group.addTask { _ = try await store.record(batch(numbers)) }
            }
            try await group.waitForAll()
        }
        await store.close()
        try settle()
    }

    /// What a gateway would have written over weeks, by a few statements: the last 30,000 are owed, of the others most
    /// delivered.
    private func settle() throws {
        let queue = try DatabaseQueue(path: folder + "/journal.sqlite")
        try queue.write { db in
            let down = punches - 30_000
            try db.execute(
                sql: """
                    INSERT INTO attempt SELECT sink, punch, 1, (SELECT received FROM punch WHERE id = punch) + 900, 120,
                            200, CASE WHEN punch % 400 IN (1, 2) THEN 'rejected' WHEN punch % 2000 = 3 THEN 'suppressed'
                            ELSE 'delivered' END, CASE WHEN punch % 400 IN (1, 2) OR punch % 2000 = 3 THEN NULL
                            ELSE 'EMP-CKIN-03-2026-' || punch END, NULL,
                            CASE WHEN punch % 400 IN (1, 2) THEN 2 WHEN punch % 2000 = 3 THEN 3 ELSE 0 END
                        FROM outbox WHERE punch <= :down ORDER BY sink, punch;
                    INSERT INTO attempt SELECT sink, punch, 1, (SELECT received FROM punch WHERE id = punch) + 900, 30000,
                            502, 'transient', NULL, 'Bad Gateway', 1 FROM outbox WHERE punch > :down AND punch % 10 = 0;
                    INSERT INTO decision SELECT sink, punch, 'hr-emp-' || punch % 5000, 'HR-EMP-' || punch % 5000,
                            (SELECT wall FROM punch WHERE id = punch), 'IN' FROM attempt WHERE fate = 0;
                    INSERT INTO dead_letter (sink, punch, cause, reason, attempts, reported, died)
                        SELECT sink, punch, 'unknown-employee', 'No Employee found', 1, 1, started + 120
                        FROM attempt WHERE fate = 2 AND punch % 400 = 1;
                    INSERT INTO discarded SELECT sink, punch, 'unknown-employee', 'a visitor', started + 999
                        FROM attempt WHERE fate = 2 AND punch % 400 = 2;
                    DELETE FROM outbox WHERE punch <= :down AND punch % 5000 <> 4;
                    DELETE FROM attempt WHERE punch <= :down AND punch % 5000 = 4;
                    """, arguments: ["down": down])
            let sink = try Int64.fetchOne(db, sql: "SELECT id FROM sink WHERE name = 'erpnext'") ?? 0
            for person in 1...20_000 {
                try db.execute(
                    sql: """
                        INSERT INTO employee (sink, name, full_name, status, modified, keys)
                        VALUES (?, ?, ?, 'Active', '2026', ?)
                        """,
                    arguments: [
                        sink, "HR-EMP-\(person)", Self.name(person),
                        #"{"attendance_device_id":"\#(person)"}"#,
                    ])
            }
            for person in 1...people {
                try db.execute(
                    sql: "INSERT INTO person VALUES ('', ?, NULL, ?, 0, 0, NULL, 'terminal', NULL, NULL, 0)",
                    arguments: ["\(person)", Self.name(person)])
            }
            for row in 1...50_000 {
                try db.execute(
                    sql: "INSERT INTO audit VALUES (?, ?, 'Ada', 'commands.send', ?, 'setuserinfo', x'00')",
                    arguments: [row, start * 1000 + Int64(row) * 100_000, "T\(row % 200)"])
            }
            for row in 1...5_000 {
                try db.execute(
                    sql:
                        "INSERT INTO quarantine VALUES (?, ?, ?, 'the time is none', '{\"time\":\"soon\"}', ?, ?, 1)",
                    arguments: [
                        row, 1 + row % 190, row, start * 1000 + Int64(row), start * 1000 + Int64(row),
                    ])
            }
        }
        try queue.close()
    }

    // MARK: Meanwhile

    /// Further punches, one in a batch, at a steady rate.
    func feed(_ store: SQLiteStore, rate: Int) async throws {
        let clock = ContinuousClock()
        let begin = clock.now
        var number = punches
        while true {
            try Task.checkCancellation()
            let due = Int((begin.duration(to: clock.now) / .milliseconds(1)) * Double(rate) / 1000)
            try await withThrowingTaskGroup(of: Void.self) { group in
                while number - punches < due {
                    let next = number..<number + 1
                    group.addTask { _ = try await store.record(batch(next, received: Self.clock())) }
                    number += 1
                }
                try await group.waitForAll()
            }
            try await clock.sleep(for: .milliseconds(2))
        }
    }
}
