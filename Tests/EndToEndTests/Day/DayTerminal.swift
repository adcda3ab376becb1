import AttendanceCore
import AttendanceSimulation
import Testing

/// One of the ten terminals: sends what it has, now and then over a new connection or for a second time.
actor DayTerminal {
    struct Figures: Sendable {
        var sent = 0
        var again = 0
        var connections = 0
        var unacknowledged = 0
        var slowest: Duration = .zero
    }

    private let serial: String
    private let office: DayOffice
    private let gateway: RunningGateway
    private let clock: DayClock
    private var generator: SeededGenerator
    private var connection: SimulatedTerminal?
    private(set) var figures = Figures()

    init(
        _ serial: String, of office: DayOffice, gateway: RunningGateway, clock: DayClock, seed: UInt64
    ) {
        self.serial = serial
        self.office = office
        self.gateway = gateway
        self.clock = clock
        generator = SeededGenerator(seed: seed)
    }

    func send(_ records: [DayRecord]) async throws {
        if generator.happens(0.1), let old = connection {
            await old.abort()
            connection = nil
        }
        var rest = records.sorted { $0.instant < $1.instant }.map(\.sent)[...]
        while !rest.isEmpty {
            let batch = Array(rest.prefix(Int.random(in: 1...25, using: &generator)))
            rest = rest.dropFirst(batch.count)
            try await deliver(batch)
            figures.sent += batch.count
            // As when the answer was lost.
            guard generator.happens(0.05) else { continue }
            try await deliver(batch)
            figures.again += batch.count
        }
    }

    private func deliver(_ batch: [SimulatedRecord]) async throws {
        let terminal = try await connected()
        let index = terminal.nextLogIndex()
        let start = ContinuousClock.now
        let answer = try await terminal.sendLog(batch, logIndex: index)
        figures.slowest = max(figures.slowest, ContinuousClock.now - start)
        if !answer.acknowledges(count: batch.count, logIndex: index) { figures.unacknowledged += 1 }
    }

    private func connected() async throws -> SimulatedTerminal {
        if let connection { return connection }
        let new = try await gateway.connect(serial)
        let now = clock.now.seconds
        let shown = WallTime(seconds: now + office.offset(at: now))
        try await new.register(deviceInfo: TerminalWords.deviceInfo(clock: shown))
        connection = new
        figures.connections += 1
        return new
    }
}
