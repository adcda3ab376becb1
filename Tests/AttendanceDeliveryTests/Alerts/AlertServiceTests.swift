import AttendanceCore
import AttendanceDelivery
import Foundation
import Logging
import ServiceLifecycle
import Synchronization
import Testing

/// A channel that does as it is told and remembers what it was sent.
private final class ScriptedChannel: AlertChannel {
    let name: String
    let kind = "json"
    private let shared: Mutex<(script: [AlertSending], usual: AlertSending, titles: [String])>

    init(_ name: String, _ script: [AlertSending] = [], usual: AlertSending = .taken) {
        self.name = name
        shared = Mutex((script, usual, []))
    }

    var titles: [String] { shared.withLock(\.titles) }

    func send(_ message: AlertMessage) async -> AlertSending {
        shared.withLock { shared in
            shared.titles.append(message.title)
            return shared.script.isEmpty ? shared.usual : shared.script.removeFirst()
        }
    }
}

/// A channel that never ends by itself.
private struct HangingChannel: AlertChannel {
    let name = "hangs"
    let kind = "slack"
    func send(_ message: AlertMessage) async -> AlertSending {
        try? await Task.sleep(for: .seconds(3600))  // ended by cancellation
        return .failed(reason: "cut off", mayHelp: true)
    }
}

/// What the gateway seems to be like, and what the journal keeps.
private final class Scene: Sendable {
    private let shared = Mutex<
        (snapshot: AlertSnapshot?, records: [AlertRecord], saves: Int, isBroken: Bool)
    >(
        (nil, [], 0, false))

    var records: [AlertRecord] {
        get { shared.withLock(\.records) }
        set { shared.withLock { $0.records = newValue } }
    }
    var saves: Int { shared.withLock(\.saves) }
    func set(_ snapshot: AlertSnapshot) { shared.withLock { $0.snapshot = snapshot } }
    func setBroken(_ isBroken: Bool) { shared.withLock { $0.isBroken = isBroken } }

    func snapshot(at now: UnixTime) -> AlertSnapshot {
        var snapshot = shared.withLock(\.snapshot) ?? AlertSnapshot(at: now, started: now)
        snapshot.at = now
        return snapshot
    }

    struct Broken: Error {}

    var memory: AlertService.Memory {
        AlertService.Memory(
            load: {
                try self.shared.withLock { if $0.isBroken { throw Broken() } else { return $0.records } }
            },
            save: { records in
                try self.shared.withLock { shared in
                    if shared.isBroken { throw Broken() }
                    shared.records = records
                    shared.saves += 1
                }
            })
    }
}

@Suite struct AlertServiceTests {
    private static let timing = DeliveryTiming.faster(1000)

    private static func sink(_ letters: Int) -> AlertSnapshot {
        AlertSnapshot(
            at: timing.now(), started: timing.now(), sinks: [.init(name: .erpnext, deadLetters: letters)])
    }

    /// Runs the service within a group of its own, as the gateway does, and stops it in order.
    private func running<Value: Sendable>(
        _ channels: [any AlertChannel], _ scene: Scene,
        _ body: @escaping @Sendable (AlertService) async throws -> Value
    ) async throws -> Value {
        let timing = Self.timing
        let service = AlertService(
            channels: channels,
            settings: .init(thresholds: AlertThresholds(), interval: .seconds(30), zone: AlertSamples.zone),
            gateway: "gate-host", snapshot: { scene.snapshot(at: timing.now()) }, memory: scene.memory,
            timing: timing,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let group = ServiceGroup(
            configuration: .init(
                services: [service], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            do {
                let value = try await body(service)
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
                return value
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
        }
    }

    /// Asks again until it holds; the test's time limit is its end.
    private func eventually(_ condition: () async throws -> Bool) async throws {
        while try await !condition() { try await Task.sleep(for: .milliseconds(5)) }
    }

    private let letters = "Punches were refused for good by erpnext"

    @Test(.timeLimit(.minutes(10))) func `tells every channel once, and once when it is over`() async throws {
        let (first, second, scene) = (ScriptedChannel("a"), ScriptedChannel("b"), Scene())
        scene.set(Self.sink(3))
        try await running([first, second], scene) { service in
            try await eventually { first.titles.count == 1 && second.titles.count == 1 }
            try await eventually { scene.records.first?.told != nil }
            #expect(service.current.map(\.subject) == ["erpnext"])
            #expect(service.channelStates.allSatisfy { $0.lastSuccess != nil && !$0.isFailing })
            scene.set(Self.sink(0))
            try await eventually { first.titles.count == 2 && second.titles.count == 2 }
            try await eventually { scene.records.isEmpty }
            #expect(service.current.isEmpty)
        }
        let over = "Over: Punches were refused for good by erpnext"
        #expect(first.titles == [letters, over] && second.titles == [letters, over])
    }

    @Test(.timeLimit(.minutes(10))) func `a restart in between repeats nothing and forgets nothing`()
        async throws
    {
        let (channel, scene) = (ScriptedChannel("a"), Scene())
        scene.set(Self.sink(3))
        try await running([channel], scene) { _ in try await eventually { scene.records.first?.told != nil } }
        try await running([channel], scene) { service in
            try await eventually { !service.current.isEmpty }
            scene.set(Self.sink(0))
            try await eventually { channel.titles.count == 2 }
        }
        #expect(channel.titles == [letters, "Over: Punches were refused for good by erpnext"])
        #expect(scene.records.isEmpty)
    }

    @Test(.timeLimit(.minutes(10))) func `tries again, in order, and gives up what cannot help`() async throws
    {
        let scene = Scene()
        let flaky = ScriptedChannel(
            "flaky",
            Array(repeating: .failed(reason: "503", mayHelp: true, retryAfter: .seconds(60)), count: 4))
        let wrong = ScriptedChannel("wrong", usual: .failed(reason: "404: no_service", mayHelp: false))
        scene.set(Self.sink(3))
        try await running([flaky, wrong], scene) { service in
            try await eventually { flaky.titles.count == 5 && wrong.titles.count == 1 }
            try await eventually { service.channelStates.allSatisfy { $0.waiting == 0 } }
            #expect(service.channelStates.map(\.isFailing) == [false, true])
            #expect(service.channelStates[1].lastFailure?.reason == "404: no_service")
        }
    }

    @Test(.timeLimit(.minutes(10))) func `a channel that hangs holds up no other, nor the shutdown`()
        async throws
    {
        let (channel, scene) = (ScriptedChannel("a"), Scene())
        scene.set(Self.sink(3))
        let stopped = try await running([HangingChannel(), channel], scene) { _ in
            try await eventually { scene.records.first?.told != nil }
            scene.set(Self.sink(0))
            try await eventually { channel.titles.count == 2 }
            return ContinuousClock.now
        }
        #expect(ContinuousClock.now - stopped < .seconds(60))
    }

    @Test(.timeLimit(.minutes(10))) func `what nobody was told by the end is told after the next start`()
        async throws
    {
        let scene = Scene()
        let down = ScriptedChannel("a", usual: .failed(reason: "no network", mayHelp: true))
        scene.set(Self.sink(3))
        try await running([down], scene) { _ in try await eventually { down.titles.count >= 1 } }
        #expect(scene.records.map(\.told) == [nil])
        let up = ScriptedChannel("a")
        try await running([up], scene) { _ in try await eventually { scene.records.first?.told != nil } }
        #expect(up.titles == [letters])
    }

    @Test(.timeLimit(.minutes(10))) func `without a channel it is kept and shown`() async throws {
        let scene = Scene()
        scene.set(Self.sink(3))
        try await running([], scene) { service in
            try await eventually { scene.records.first?.told != nil }
            #expect(service.current.count == 1)
            #expect(await service.test().isEmpty)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `a journal that fails keeps nobody from being told`() async throws {
        let (channel, scene) = (ScriptedChannel("a"), Scene())
        scene.setBroken(true)
        scene.set(Self.sink(3))
        try await running([channel], scene) { _ in
            try await eventually { channel.titles.count == 1 }
            #expect(scene.records.isEmpty)
            scene.setBroken(false)
            try await eventually { scene.records.first?.told != nil }
        }
        #expect(channel.titles.count == 1)
    }

    @Test(.timeLimit(.minutes(10))) func `a test message goes to each channel and says what became of it`()
        async throws
    {
        let scene = Scene()
        let good = ScriptedChannel("good")
        let bad = ScriptedChannel("bad", usual: .failed(reason: "401", mayHelp: false))
        try await running([bad, good], scene) { service in
            let results = await service.test()
            #expect(
                results == [
                    .init(channel: "bad", kind: "json", sending: .failed(reason: "401", mayHelp: false)),
                    .init(channel: "good", kind: "json", sending: .taken),
                ])
            #expect(service.current.isEmpty)
            #expect(service.channelStates.map(\.isFailing) == [true, false])
        }
        #expect(good.titles == ["This is a test of the attendance gateway's alerts"])
    }

    @Test(.timeLimit(.minutes(10))) func `new limits hold from the next look on`() async throws {
        let (channel, scene) = (ScriptedChannel("a"), Scene())
        scene.set(Self.sink(3))
        try await running([channel], scene) { service in
            try await eventually { channel.titles.count == 1 }
            var limits = AlertThresholds()
            limits.silenced = [.deadLetters]
            service.set(.init(thresholds: limits, interval: .seconds(10), zone: AlertSamples.zone))
            try await eventually { service.current.isEmpty }
        }
        #expect(channel.titles == [letters])
    }
}
