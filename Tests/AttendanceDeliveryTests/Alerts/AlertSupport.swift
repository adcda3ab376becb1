import AsyncHTTPClient
import AttendanceCore
import AttendanceDelivery
import AttendanceSimulation
import Foundation

enum AlertSamples {
    static let zone = ZoneRules(identifier: "Asia/Kolkata")!
    static let now = UnixTime(seconds: 1_795_312_800)

    static func record(
        _ subject: String = "ZX01", kind: AlertKind = .terminalOffline, severity: AlertSeverity = .warning,
        title: String = "Terminal Gate 1 (ZX01) is offline"
    ) -> AlertRecord {
        AlertRecord(
            kind: kind.rawValue, subject: subject, severity: severity, title: title,
            detail: "Last heard of 20 min ago.", remedy: "See whether it has power.", since: now)
    }

    static func message(
        _ event: AlertNotice.Event = .raised, kind: AlertKind = .terminalOffline,
        _ records: [AlertRecord] = [record()]
    ) -> AlertMessage {
        AlertMessage(AlertNotice(event, kind, records, at: now), gateway: "gate-host", zone: zone)
    }
}

/// Gives `body` something to post to and a client to post with, and ends both.
func withReceiver<Value: Sendable>(
    _ body: (SimulatedReceiver, HTTPClient) async throws -> Value
) async throws -> Value {
    let receiver = SimulatedReceiver()
    try await receiver.start()
    let client = SiteClient.makeHTTPClient(concurrency: 2)
    let result: Result<Value, any Error>
    do { result = .success(try await body(receiver, client)) } catch { result = .failure(error) }
    try await client.shutdown()
    try await receiver.stop()
    return try result.get()
}

/// A folder of its own, gone afterwards.
func withFolder<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let path = NSTemporaryDirectory() + "alerts-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }  // what is left over harms no later test
    return try await body(path)
}

extension AlertSending {
    var reason: String? {
        if case .failed(let reason, _, _) = self { reason } else { nil }
    }
    var mayHelp: Bool? {
        if case .failed(_, let mayHelp, _) = self { mayHelp } else { nil }
    }
    var retryAfter: Duration? {
        if case .failed(_, _, let retryAfter) = self { retryAfter } else { nil }
    }
}
