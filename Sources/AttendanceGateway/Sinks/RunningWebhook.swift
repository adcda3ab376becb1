import AsyncHTTPClient
import AttendanceCore
import AttendanceDelivery
import AttendanceStore

/// One webhook at work.
struct RunningWebhook: Sendable {
    let name: SinkName
    /// Rung when something became owed to it.
    let owing = WakeUp()
    let worker: DeliveryWorker

    /// - Parameters:
    ///   - terminals: the settings of terminals as they are in force.
    ///   - employees: who is who at the first site, for the names; nil where that is not read.
    init(
        _ webhook: Settings.Webhook, terminals: TerminalsInForce, employees: SiteDirectory?,
        field: String, store: SQLiteStore, client: HTTPClient, surroundings: Gateway.Surroundings
    ) {
        name = webhook.name
        let sink = WebhookSink(
            name: webhook.name, settings: webhook.sinkSettings, client: client,
            attribution: .following(terminals, at: webhook.name, journal: store, repeatWindow: .zero),
            names: WebhookSink.Names(
                terminal: { terminals.now.name(of: $0) },
                employee: { punch in
                    let resolution = employees?.now.employees.resolve(
                        key: punch.alias ?? punch.enrollID.sent, enrollID: punch.enrollID,
                        field: terminals.now.employeeField(of: punch.terminal) ?? field,
                        space: terminals.now.idSpace(of: punch.terminal))
                    if case .employee(let employee)? = resolution { return employee }
                    return nil
                }), now: surroundings.now)
        worker = DeliveryWorker(
            sink: sink, store: store, wakeUp: owing,
            settings: DeliveryWorker.Settings(
                rules: SettlementRules(retry: RetryPolicy(first: webhook.retryDelay)),
                concurrency: webhook.concurrency), timing: surroundings.delivery, logger: surroundings.logger)
    }
}

extension Settings.Webhook {
    var sinkSettings: WebhookSink.Settings {
        WebhookSink.Settings(
            url: HiddenText(url.reveal().absoluteString), secret: secret.map { HiddenText($0.reveal()) },
            headers: headers.map { ($0.name, HiddenText($0.value.reveal())) }, batchSize: batchSize,
            timeout: timeout,
            success: WebhookSink.SuccessRule(
                statuses: successStatuses,
                body: successField.map { .field(path: $0.path, value: $0.value) }),
            userAgent: "attendance-gateway/\(Version.current)")
    }
}
