import AttendanceCore
import AttendanceDelivery
import AttendanceSimulation
import AttendanceStore
import Foundation
import Testing

@testable import AttendanceGateway

/// The day as it happens: in each turn the terminals send while the site fails in one way.
struct DayRun: Sendable {
    let plan: DayPlan
    let erp: SimulatedERPNext
    let gateway: RunningGateway
    let clock: DayClock
    let terminals: [String: DayTerminal]

    /// Turns of the weather that are no fault of an answer: the site is gone altogether.
    static let outages = 2
    static let turns = ERPNextFault.catalogue.count + outages

    private enum Weather: CustomStringConvertible {
        case fault(CataloguedFault)
        case outage

        var description: String {
            switch self {
            case .fault(let fault): fault.name
            case .outage: "site gone"
            }
        }
    }

    init(_ plan: DayPlan, erp: SimulatedERPNext, gateway: RunningGateway, clock: DayClock) {
        self.plan = plan
        self.erp = erp
        self.gateway = gateway
        self.clock = clock
        var terminals: [String: DayTerminal] = [:]
        var generator = SeededGenerator(seed: plan.seed &+ 1)
        for office in DayOffice.allCases {
            for serial in office.terminals {
                terminals[serial] = DayTerminal(
                    serial, of: office, gateway: gateway, clock: clock, seed: generator.next())
            }
        }
        self.terminals = terminals
    }

    // MARK: The day

    /// Records an issue that says where the day was when it is cut off. Answers how long each turn took.
    func live() async throws -> [(name: String, took: Duration)] {
        var turns: [(name: String, took: Duration)] = []
        var generator = SeededGenerator(seed: plan.seed &+ 2)
        var weather = ERPNextFault.catalogue(seed: plan.seed).map { Weather.fault($0) }
        for _ in 0..<Self.outages {
            weather.insert(.outage, at: Int.random(in: 0...weather.count, using: &generator))
        }
        for (turn, weather) in weather.enumerated() {
            let start = ContinuousClock.now
            do {
                try await live(turn, weather, using: &generator)
            } catch is CancellationError {
                Issue.record(
                    "seed \(plan.seed): cut off in turn \(turn), \(weather), with \(erp.checkins.count) check-ins"
                )
                throw CancellationError()
            }
            turns.append((weather.description, ContinuousClock.now - start))
        }
        erp.setForcedLanguage(nil)
        return turns
    }

    private func live(
        _ turn: Int, _ weather: Weather, using generator: inout SeededGenerator
    ) async throws {
        let slice = plan.slices[turn]
        // As it happens, or later than what counts as live: then many may go at once.
        let isLate = generator.happens(0.7)
        if let moment = (isLate ? slice.last : slice.first)?.instant {
            clock.advance(to: UnixTime(seconds: moment + (isLate ? 1_000 : 0)))
        }
        for person in plan.hired[turn, default: []] { erp.add(DayPerson.all[person].employee) }
        erp.setForcedLanguage(SimulatedSiteLanguage.allCases.randomElement(using: &generator))
        switch weather {
        case .outage:
            try await erp.stop()
            try await send(slice)
            try await erp.start()
        case .fault(let fault): try await meet(fault, with: slice, using: &generator)
        }
        // One fault after the other, or a while of work in between.
        if generator.happens(0.35) { try await soon { try await owed() <= 20 } }
    }

    private func send(_ slice: [DayRecord]) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (serial, records) in Dictionary(grouping: slice, by: \.terminal) {
                guard let terminal = terminals[serial] else { continue }
                group.addTask { try await terminal.send(records) }
            }
            try await group.waitForAll()
        }
    }

    private func meet(
        _ fault: CataloguedFault, with slice: [DayRecord], using generator: inout SeededGenerator
    ) async throws {
        let before = met(fault)
        var wanted = 1
        switch (fault.aftermath, fault.fault) {
        case (.mayLeaveDeadLetters, _):
            // Of some people only, so that it is known whose punches somebody has to send again.
            wanted = Int.random(in: 1...3, using: &generator)
            for victim in victims(of: slice, wanted, using: &generator) {
                erp.inject(
                    fault.fault, times: Int.random(in: 1...2, using: &generator),
                    person: DayPerson.all[victim].name)
            }
        case (.leavesWrongTimes, _):
            for victim in victims(of: slice, 1, using: &generator) {
                erp.inject(fault.fault, times: 1, person: DayPerson.all[victim].name)
            }
        case (.passes, .frozen):
            // Nobody may look meanwhile either: else what is stored on waking would be there twice.
            erp.inject(fault.fault)
        case (.passes, .hang): erp.inject(fault.fault, times: 1)
        case (.passes, _):
            wanted = Int.random(in: 2...4, using: &generator)
            erp.inject(fault.fault, times: generator.happens(0.2) ? wanted : nil)
        }
        try await send(slice)
        try await soon {
            if met(fault) >= before + wanted { return true }
            // Many in one request meet it once.
            guard met(fault) > before else { return false }
            return try await owed() == 0
        }
        if fault.fault == .frozen, Bool.random(using: &generator) {
            try await soon { worker?.state.condition != .running }
        }
        erp.clearFaults()
    }

    /// People who punch in this turn and are known.
    private func victims(
        of slice: [DayRecord], _ count: Int, using generator: inout SeededGenerator
    ) -> [Int] {
        let people = Set(slice.filter { $0.direction != nil }.compactMap(\.person))
        return Array(
            people.filter { !DayPerson.all[$0].isNewcomer }.sorted().shuffled(using: &generator).prefix(count)
        )
    }

    private func met(_ fault: CataloguedFault) -> Int {
        erp.statistics.faults[fault.fault, default: 0]
    }

    /// Looks less often than `eventually`: each look costs the gateway something on a full day.
    func soon(_ condition: () async throws -> Bool) async throws {
        while try await !condition() { try await Task.sleep(for: .milliseconds(40)) }
    }

    var worker: DeliveryWorker? { gateway.gateway.sinks.sites.first?.worker }

    private func owed() async throws -> Int {
        try await gateway.gateway.store.status().queues[.erpnext]?.owed ?? 0
    }

    // MARK: Afterwards

    /// Waits until all that goes by itself has gone: nothing is owed, and no newcomer's punch is a dead letter.
    func settle() async throws {
        try await soon {
            guard try await owed() == 0 else { return false }
            return try await !deadLetters().contains { newcomers.contains(Badge($0)) }
        }
    }

    private struct Badge: Hashable {
        var office: DayOffice
        var id: String

        init(_ letter: DeadLetter) {
            office =
                DayOffice.allCases.first { $0.terminals.contains(letter.terminal.text) } ?? .works
            id = letter.enrollID.sent
        }

        init(_ person: DayPerson) {
            office = person.office
            id = person.badge.bare
        }
    }

    private var newcomers: Set<Badge> { Set(DayPerson.all.filter(\.isNewcomer).map { Badge($0) }) }

    func deadLetters() async throws -> [DeadLetter] {
        try await gateway.gateway.store.deadLetters(.init(sink: .erpnext), after: 0, limit: 1_000)
    }

    /// What somebody has to do on such a day: sends the dead letters again. Answers how many there were.
    func sendDeadLettersAgain() async throws -> Int {
        let count = try await gateway.gateway.store.retryDeadLetters(
            .init(sink: .erpnext), by: .atCommandLine, at: clock.now)
        gateway.gateway.sinks.ringForRequeued(.erpnext)
        try await soon {
            let queue = try await gateway.gateway.store.status().queues[.erpnext]
            return queue?.owed == 0 && queue?.dead == 0
        }
        return count
    }

    /// Deletes the check-ins with a wrong time as `repairs fix` does. Answers how many, and what was left.
    func repair() async throws -> (deleted: Int, left: [String]) {
        guard let site = gateway.gateway.sinks.sites.first?.settings else { return (0, []) }
        let store = gateway.gateway.store
        return try await SiteVisit.run(site) { visit in
            var deleted = 0
            var left: [String] = []
            for repair in try await Repair.all(of: .erpnext, in: store, reader: visit.reader) {
                let name = repair.misfiled.reference
                if repair.verdict == .deletable,
                    await visit.reader.deleteCheckin(named: name).problem == nil
                {
                    deleted += 1
                } else {
                    left.append("\(name): \(repair.verdict)")
                }
            }
            return (deleted, left)
        }
    }
}
