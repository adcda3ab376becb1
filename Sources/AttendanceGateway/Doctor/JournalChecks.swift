import AttendanceCore
import AttendanceStore

/// The journal: whether it is ours, whole, and on its way.
struct JournalChecks: Sendable {
    let journal: JournalView
    let now: @Sendable () -> UnixTime

    var all: [DoctorCheck] {
        [
            DoctorCheck(title: "journal") { [await content()] },
            DoctorCheck(
                title: "journal integrity", look: { [await integrity()] }, late: .warning,
                lateRemedy: "the journal is large: look at a backup of it instead (PRAGMA quick_check)"),
            DoctorCheck(title: "deliveries") { await deliveries() },
        ]
    }

    private func content() async -> CheckResult {
        switch journal.reader {
        case .success(let reader):
            do {
                let status = try await reader.status()
                return .ok(
                    "journal",
                    "\(Spoken.count(status.punches, "punch", "punches")), "
                        + "\(Spoken.count(status.quarantined, "record")) in quarantine, "
                        + "\(Spoken.bytes(status.databaseBytes))")
            } catch {
                return .failure(
                    "journal", error.localizedDescription,
                    "keep the file; if the disk is sound, restore a backup beside it")
            }
        case .failure where !journal.exists:
            return .warning(
                "journal", "there is none in \(journal.folder) yet", "start the gateway, it makes one")
        case .failure(let error):
            return .failure("journal", error.localizedDescription, Self.remedy(error))
        }
    }

    private static func remedy(_ error: StoreError) -> String {
        switch error {
        case .damaged: "keep the file, restore a backup, and see docs/operating.md"
        case .foreign: "move it elsewhere, or give Directory in [Store] another folder"
        case .newerVersion: "install the newer version again"
        case .io, .full, .notDurable: "look at the disk, the folder's permissions and the kernel's messages"
        case .other, .locked, .closed, .overloaded: "start the gateway once, then run this again"
        }
    }

    private func integrity() async -> CheckResult {
        guard let reader = journal.open else {
            return .skipped("journal integrity", "there is no journal that can be read")
        }
        do {
            let faults = try await reader.faults(limit: 5)
            return faults.isEmpty
                ? .ok("journal integrity", "SQLite's quick_check finds nothing")
                : .failure(
                    "journal integrity", "damaged: \(faults.joined(separator: "; "))",
                    "stop the gateway, keep the file, restore a backup, and see docs/operating.md")
        } catch is CancellationError {
            return .skipped("journal integrity", "stopped")
        } catch {
            return .failure(
                "journal integrity", error.localizedDescription,
                "stop the gateway, keep the file, restore a backup, and see docs/operating.md")
        }
    }

    private func deliveries() async -> [CheckResult] {
        guard let reader = journal.open else {
            return [.skipped("deliveries", "there is no journal that can be read")]
        }
        do {
            let status = try await reader.status()
            var results: [CheckResult] = []
            for (sink, queue) in status.queues.sorted(by: { $0.key < $1.key }) {
                let title = "deliveries to \(sink)"
                let age = queue.oldest.map { now() - $0 }
                let owed =
                    queue.owed == 0
                    ? "nothing owed"
                    : "\(queue.owed) owed, the oldest for \(Spoken.duration(age ?? .zero))"
                if queue.dead > 0 {
                    results.append(
                        .warning(
                            title, "\(owed), \(Spoken.count(queue.dead, "dead letter"))",
                            "attendance-gateway dead-letters"))
                } else if let age, age > .seconds(1800) {
                    results.append(.warning(title, owed, "see what is said of the site below"))
                } else {
                    results.append(.ok(title, "\(owed), no dead letters"))
                }
            }
            return results.isEmpty ? [.skipped("deliveries", "the journal knows no site yet")] : results
        } catch {
            return [.skipped("deliveries", error.localizedDescription)]
        }
    }
}
