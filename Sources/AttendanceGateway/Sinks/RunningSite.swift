import AsyncHTTPClient
import AttendanceCore
import AttendanceDelivery
import AttendanceStore

/// One ERPNext site at work.
struct RunningSite: Sendable {
    let name: SinkName
    let settings: Settings.ERP
    /// Rung when something became owed to this site.
    let owing: WakeUp
    /// Nil without an address: punches are kept, and owed.
    let worker: DeliveryWorker?

    /// - Parameters:
    ///   - terminals: the settings of terminals as they are in force.
    ///   - reported: rung when outcomes were written that the CSV follows; nil for a site that it does not follow.
    init(
        _ site: Settings.ERP, owing: WakeUp, people: People, terminals: TerminalsInForce, store: SQLiteStore,
        client: HTTPClient, reported: WakeUp?, surroundings: Gateway.Surroundings
    ) throws {
        name = site.name
        settings = site
        self.owing = owing
        guard let sinkSettings = try site.sinkSettings() else {
            worker = nil
            return
        }
        let sink = ERPNextSink(
            name: site.name, settings: sinkSettings, client: client, directory: people.directories[site.name],
            attribution: .following(
                terminals, at: site.name, journal: store, repeatWindow: site.repeatWindow ?? .zero),
            moment: surroundings.delivery.moment, logger: surroundings.logger)
        worker = DeliveryWorker(
            sink: sink, store: store, wakeUp: owing, reported: reported,
            strangers: people.strangers(of: site.name), settings: site.deliverySettings,
            timing: surroundings.delivery, logger: surroundings.logger)
    }
}

extension Attribution {
    /// By the settings of terminals as they are in force, for punches that go to `sink`.
    static func following(
        _ terminals: TerminalsInForce, at sink: SinkName, journal: any JournalReading, repeatWindow: Duration
    ) -> Attribution {
        let ruling = JournalRuling(
            journal: journal, repeatWindow: { repeatWindow },
            rule: { terminals.now.directionRule(of: $0) },
            dayStart: { terminals.now.dayStartSeconds(of: $0) },
            space: { terminals.now.idSpace(of: $0) },
            isRouted: { terminals.now.sinks(of: $0).contains(sink) })
        return Attribution(
            employeeField: { terminals.now.employeeField(of: $0) },
            space: { terminals.now.idSpace(of: $0) },
            coordinates: { serial in
                terminals.now.coordinates(of: serial).map {
                    .init(latitude: $0.latitude, longitude: $0.longitude)
                }
            },
            ruling: { try await ruling($0, usualShift: $1) })
    }
}
