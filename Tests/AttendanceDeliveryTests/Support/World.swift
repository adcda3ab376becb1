import AttendanceCore
import AttendanceDelivery
import AttendanceSimulation
import AttendanceStore
import Foundation
import Logging
import Synchronization

/// A real journal in a temporary folder, a simulated ERPNext on a real socket, and a worker between them whose clock
/// runs `speed` times faster than ours.
struct World: Sendable {
    let folder: String
    let store: SQLiteStore
    let erp: SimulatedERPNext
    let worker: DeliveryWorker
    let wakeUp: WakeUp
    let reported: WakeUp
    let sink: ERPNextSink
    let timing: DeliveryTiming
    /// What the sink and the worker have logged.
    let lines: LogLines

    /// Punches recorded one second apart, in the given order of persons.
    @discardableResult
    func record(_ persons: [String], from second: Int64 = 0, name: String? = "Ada") async throws
        -> IntakeReceipt
    {
        let receipt = try await store.record(
            Self.batch(persons, from: second, name: name, received: timing.now()))
        wakeUp.ring()
        return receipt
    }

    static let morning = WallTime(year: 2026, month: 11, day: 22, hour: 8)!

    static func batch(
        _ persons: [String], from second: Int64 = 0, name: String? = "Ada", received: UnixTime
    ) -> IntakeBatch {
        var batch = IntakeBatch(terminal: SerialNumber("gate-1")!, connection: 1, received: received)
        for (index, person) in persons.enumerated() {
            let time = WallTime(seconds: morning.seconds + second + Int64(index))
            let start = batch.raw.count
            batch.raw.append(contentsOf: Array("{}".utf8))
            batch.punches.append(
                Punch(
                    enrollID: EnrollID(person)!, name: name, time: time, zone: "Asia/Kolkata",
                    instant: time.seconds - 19_800, kind: .person, raw: start..<start + 2))
        }
        return batch
    }

    /// Returns when nothing is owed any more. Every settlement that ends a punch rings `reported`.
    func nothingIsOwed() async throws {
        var signals = reported.signals.makeAsyncIterator()
        while try await store.status().queues[.erpnext]?.owed ?? 0 > 0 {
            guard await signals.next() != nil else { throw CancellationError() }
        }
    }

    /// Returns when the worker has found the site in trouble; looked at by the world's own fast clock.
    func trouble() async throws {
        while worker.state.condition == .running { try await timing.sleep(.milliseconds(100)) }
    }

    func outcomes() async throws -> [ReportedOutcome] {
        try await store.outcomes(of: .erpnext, after: 0, limit: 10_000)
    }
}

/// Says nothing.
let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

enum DialectChoice: Sendable, CaseIterable {
    case hrms, custom
}

/// Gives `body` a world with a running worker, unless `runs` is false, and stops all of it afterwards.
func withWorld<Value: Sendable>(
    _ dialect: DialectChoice = .hrms, speed: Double = 100, concurrency: Int = 2,
    timeout: Duration = .seconds(10),
    rules: SettlementRules = SettlementRules(), credential: String? = nil, runs: Bool = true,
    directory: SiteDirectory? = nil, mode: ERPNextSink.Mode = .deliver, bulkAbove: Int? = nil,
    siteZone: ZoneRules? = nil,
    attribution: (SQLiteStore) -> Attribution = { _ in Attribution() },
    _ body: @escaping @Sendable (World) async throws -> Value
) async throws -> Value {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
        "delivery-\(UUID().uuidString)"
    ).path
    defer { try? FileManager.default.removeItem(atPath: folder) }  // what is left over harms no later test
    let timing = DeliveryTiming.faster(speed)
    let lines = LogLines()
    let store = try SQLiteStore(folder: folder, options: StoreOptions(now: timing.now), logger: quiet)
    try await store.setSinks([.erpnext])
    let erp = try SimulatedERPNext(registersUnknown: true, credential: credential)
    try await erp.start()
    let client = SiteClient.makeHTTPClient(concurrency: concurrency)
    var settings: ERPNextSink.Settings =
        switch dialect {
        case .hrms:
            .init(
                url: erp.url + "/",
                dialect: .hrms(employeeField: "attendance_device_id", siteZone: siteZone),
                credential: APICredential(key: "key", secret: "secret"), timeout: timeout)
        case .custom:
            .init(
                url: erp.url, endpoint: "/" + SimulatedERPNext.customMethod, dialect: .customMethod,
                timeout: timeout)
        }
    settings.mode = mode
    settings.bulkAbove = bulkAbove
    settings.bulkTimeout = timeout
    let sink = ERPNextSink(
        settings: settings, client: client, directory: directory, attribution: attribution(store),
        logger: lines.logger)
    let (wakeUp, reported) = (WakeUp(), WakeUp())
    let worker = DeliveryWorker(
        sink: sink, store: store, wakeUp: wakeUp, reported: reported,
        settings: .init(rules: rules, concurrency: concurrency), timing: timing, logger: lines.logger)
    let world = World(
        folder: folder, store: store, erp: erp, worker: worker, wakeUp: wakeUp, reported: reported,
        sink: sink, timing: timing, lines: lines)
    let result: Result<Value, any Error>
    do {
        result = .success(
            try await withThrowingTaskGroup(of: Void.self) { group in
                if runs { group.addTask { try await worker.run() } }
                defer { group.cancelAll() }
                return try await body(world)
            })
    } catch {
        result = .failure(error)
    }
    try await erp.stop()
    try await client.shutdown()
    await store.close()
    return try result.get()
}

extension DeliveryTiming {
    /// A clock that runs so many times faster, from the same moment on, without jitter.
    static func faster(_ speed: Double) -> DeliveryTiming {
        let start = ContinuousClock.now
        let base = UnixTime(seconds: 1_795_312_800)
        let moment: @Sendable () -> Duration = { (ContinuousClock.now - start) * speed }
        return DeliveryTiming(
            now: { base + moment() }, moment: moment,
            sleep: { try await Task.sleep(for: $0 / speed) }, random: { 0 })
    }
}

/// One punch at a time, as most tests look at a sink.
extension Sink {
    func freeze(_ punch: OwedPunch) async throws -> String {
        switch try await decide(punch) {
        case .send(let frozen, _): return frozen
        case let other: throw NotSent(decision: other)
        }
    }

    func deliver(_ punch: OwedPunch, frozen: String) async -> Delivery {
        guard case .each(let deliveries) = await deliver([FrozenPunch(punch: punch, frozen: frozen)]),
            deliveries.count == 1
        else {
            return Delivery(outcome: .retry(reason: "no single answer", counted: true), answer: .transient)
        }
        return deliveries[0]
    }

    func look(for punch: OwedPunch, frozen: String) async -> Sighting {
        await look(for: [FrozenPunch(punch: punch, frozen: frozen)]).first ?? .cannotTell
    }
}

struct NotSent: Error {
    var decision: SinkDecision
}
