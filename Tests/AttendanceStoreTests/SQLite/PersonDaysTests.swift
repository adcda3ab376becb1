import AttendanceCore
import Foundation
import Testing

@testable import AttendanceStore

/// Everything here is compared with the rows themselves.
@Suite("A person's day", .timeLimit(.minutes(10))) struct PersonDaysTests {
    private static let zones = [
        ("Asia/Kolkata", Int64(19_800)), ("Pacific/Kiritimati", 50_400), ("Pacific/Pago_Pago", -39_600),
    ]

    private func punches(
        _ count: Int, of people: ClosedRange<Int>, hours: Range<Int64>, _ random: inout SeededNumbers
    ) -> [Punch] {
        (0..<count).map { _ in
            var punch = Sample.punch(
                String(Int.random(in: people, using: &random)),
                second: Int64.random(in: hours.lowerBound * 3_600..<hours.upperBound * 3_600, using: &random),
                kind: Int.random(in: 0..<20, using: &random) == 0 ? .doorEvent : .person,
                doubt: Int.random(in: 0..<20, using: &random) == 0 ? .tooOld : .none)
            let zone = Self.zones[Int.random(in: 0..<3, using: &random)]
            punch.zone = zone.0
            punch.instant = punch.time.seconds - zone.1
            return punch
        }
    }

    private func expected(_ all: [JournalEntry], of ids: [String], _ from: Int64, _ until: Int64) -> [Int64] {
        all.filter {
            ids.contains($0.punch.enrollID.canonical) && $0.punch.kind == .person && $0.punch.doubt == .none
                && $0.punch.instant >= from && $0.punch.instant < until
        }.sorted { ($0.punch.instant, $0.id) < ($1.punch.instant, $1.id) }.map(\.id)
    }

    @Test(arguments: [
        PersonDays.Limits(), .init(punches: 150, unread: 40), .init(punches: 10), .init(span: 3_600),
    ])
    func `is the same from memory as from the journal, while punches come in`(limits: PersonDays.Limits)
        async throws
    {
        var random = SeededNumbers(seed: 31)
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder) { store in
                let days = PersonDays(limits: limits)
                let start = Sample.morning.seconds
                var all: [JournalEntry] = []
                for round in 0..<40 {
                    let batch = punches(
                        round == 20 ? 200 : 10, of: 1...5, hours: -60..<60, &random)
                    _ = try await store.record(Sample.batch(batch, terminal: SerialNumber("T\(round % 3)")!))
                    all = try await store.allPunches()
                    for _ in 0..<4 {
                        let ids = [String(Int.random(in: 1...6, using: &random)), "3"]
                        let from = start + Int64.random(in: -80 * 3_600..<60 * 3_600, using: &random)
                        let until = from + Int64.random(in: 0..<50 * 3_600, using: &random)
                        let found = try await store.readers.read {
                            try days.punches($0, of: ids, from: from, until: until, limit: 10_000)
                        }
                        #expect(found.map(\.id) == expected(all, of: ids, from, until))
                    }
                    #expect(days.count <= max(limits.punches, 10))
                }
                let everything = try await store.readers.read {
                    try days.punches($0, of: ["3"], from: .min, until: .max, limit: 10_000)
                }
                #expect(everything.map(\.id) == expected(all, of: ["3"], .min, .max))
            }
        }
    }

    @Test func `of two readers at once is the same for both`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder) { store in
                let start = Sample.morning.seconds - 19_800
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for person in 1...4 {
                        group.addTask {
                            for round in 1...50 {
                                _ = try await store.record(
                                    Sample.batch([Sample.punch("\(person)", second: Int64(round))]))
                                let day = try await store.dayPunches(
                                    of: ["\(person)"], from: start, until: start + 3_600, limit: 100)
                                #expect(day.count == round)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test func `survives that another journal is put in its place`() async throws {
        try await withTemporaryFolder { folder in
            try await withTemporaryFolder { other in
                let days = PersonDays()
                let start = Sample.morning.seconds - 19_800
                for (place, count) in [(folder, 9), (other, 2)] {
                    try await withSQLiteStore(in: place) { store in
                        let punches = (0..<count).map { Sample.punch("7", second: Int64($0)) }
                        _ = try await store.record(Sample.batch(punches))
                        let found = try await store.readers.read {
                            try days.punches($0, of: ["7"], from: start, until: start + 60, limit: 100)
                        }
                        #expect(found.count == count)
                    }
                }
            }
        }
    }
}

/// SplitMix64.
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }
}
