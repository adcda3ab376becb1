import AttendanceCore
import Metrics

/// The terminals' side of `/metrics`. Instruments are made once: making one costs a look-up under a lock.
package final class TerminalMetrics: Sendable {
    let acknowledgement = Timer(label: "gateway_acknowledgement_seconds")
    let stored = Counter(label: "gateway_punches_total", dimensions: [("outcome", "stored")])
    let repeated = Counter(label: "gateway_punches_total", dimensions: [("outcome", "repeated")])
    let quarantined = Counter(label: "gateway_punches_total", dimensions: [("outcome", "quarantined")])
    let notStored = Counter(label: "gateway_batches_not_stored_total")
    let messages = Counter(label: "gateway_messages_total")
    let registrations = Counter(label: "gateway_registrations_total")
    private let refusals: [AdmissionRules.Refusal: Counter]

    package init() {
        refusals = Dictionary(
            uniqueKeysWithValues: AdmissionRules.Refusal.allCases.map {
                ($0, Counter(label: "gateway_connections_refused_total", dimensions: [("reason", "\($0)")]))
            })
    }

    func refused(_ refusal: AdmissionRules.Refusal) { refusals[refusal]?.increment() }
}
