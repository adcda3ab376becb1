import AttendanceCore
import AttendanceGateway
import AttendanceStore
import Foundation
import Logging

/// A journal filled by hand, as a gateway that has delivered would have left it.
struct JournalBench {
    let store: SQLiteStore
    static let now = Gateway.Surroundings.systemTime
    static let zone = "Asia/Kolkata"
    private static let east: Int64 = 19_800

    init(folder: String) async throws {
        store = try SQLiteStore(
            folder: folder, options: StoreOptions(now: Self.now), logger: Logger(label: "bench"))
        try await store.setSinks([.erpnext])
    }

    /// One punch; answers its number.
    @discardableResult
    func record(_ person: String, _ time: WallTime, terminal: String = "GATE-1") async throws -> Int64 {
        try await record([(person, time)], terminal: terminal)
        return Int64(try await store.status().punches)
    }

    func record(_ punches: [(person: String, time: WallTime)], terminal: String = "GATE-1") async throws {
        guard let serial = SerialNumber(terminal) else { throw Unusable(text: terminal) }
        var batch = IntakeBatch(terminal: serial, connection: 1, received: Self.now())
        for (person, time) in punches {
            guard let id = EnrollID(person) else { throw Unusable(text: person) }
            let start = batch.raw.count
            batch.raw.append(contentsOf: Array("{}".utf8))
            batch.punches.append(
                Punch(
                    enrollID: id, name: "Ada", time: time, zone: Self.zone,
                    instant: time.seconds - Self.east, kind: .person, raw: start..<start + 2))
        }
        _ = try await store.record(batch)
    }

    /// Settles punches as delivered.
    func deliver(
        _ deliveries: [(punch: Int64, decision: Decision?, reference: String?)]
    ) async throws {
        try await store.begin(
            deliveries.map { AttemptStart(punch: $0.punch, frozen: "{}", decision: $0.decision) },
            for: .erpnext, at: Self.now())
        try await store.settle(
            deliveries.map {
                Settlement(
                    punch: $0.punch,
                    attempt: Attempt(
                        started: Self.now(), duration: .milliseconds(5), status: 200, answer: .delivered,
                        reference: $0.reference), fate: .delivered, report: .success)
            }, for: .erpnext)
    }

    /// An attempt after which the site had made a check-in that is not what was sent.
    func misfile(_ punch: Int64, decision: Decision, reference: String) async throws {
        try await store.begin(
            [AttemptStart(punch: punch, frozen: "{}", decision: decision)], for: .erpnext, at: Self.now())
        let attempt = Attempt(
            started: Self.now(), duration: .milliseconds(5), status: 200, answer: .configuration,
            reference: reference, words: "another time than the one sent")
        try await store.settle(
            [
                Settlement(
                    punch: punch, attempt: attempt,
                    fate: .again(due: Self.now(), counted: false, mayBeStored: false), report: nil)
            ], for: .erpnext)
    }

    struct Unusable: Error { let text: String }
}
