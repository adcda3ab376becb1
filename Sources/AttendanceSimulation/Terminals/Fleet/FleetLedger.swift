import Foundation
import Synchronization

/// What the terminals of a fleet write down together: counters, latencies, and on request each acknowledged punch.
final class FleetLedger: Sendable {
    private struct State {
        var snapshot = FleetSnapshot()
        var latency = LatencyHistogram()
        let file: FileHandle?
    }
    private let state: Mutex<State>

    /// `file`: acknowledged punches are appended to it, one `serial,enrollid,time` a line.
    init(terminals: Int, file: String? = nil) throws {
        var handle: FileHandle?
        if let file {
            let descriptor = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else {
                throw CocoaError(.fileWriteUnknown, userInfo: [NSFilePathErrorKey: file])
            }
            handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        }
        var snapshot = FleetSnapshot()
        snapshot.terminals = terminals
        state = Mutex(State(snapshot: snapshot, file: handle))
    }

    func note(_ change: (inout FleetSnapshot) -> Void) { state.withLock { change(&$0.snapshot) } }

    /// The server has acknowledged a batch: only now is it written down.
    func acknowledged(_ records: [SimulatedRecord], serial: String, after latency: Duration) throws {
        try state.withLock { state in
            if let file = state.file {
                let lines = records.map { "\(serial),\($0.enrollID.bare),\($0.time)\n" }.joined()
                try file.write(contentsOf: Data(lines.utf8))
            }
            state.snapshot.acknowledged += records.count
            state.latency.record(latency)
        }
    }

    func snapshot(elapsed: Duration) -> FleetSnapshot {
        state.withLock { state in
            var snapshot = state.snapshot
            snapshot.elapsed = elapsed
            snapshot.latencyMedian = state.latency.quantile(0.5)
            snapshot.latency99 = state.latency.quantile(0.99)
            snapshot.latencyMaximum = state.latency.maximum
            return snapshot
        }
    }
}
