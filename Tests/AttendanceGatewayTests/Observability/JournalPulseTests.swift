import Foundation
import Synchronization
import Testing

@testable import AttendanceGateway

@Suite(.timeLimit(.minutes(10))) struct JournalPulseTests {
    private struct Full: LocalizedError { var errorDescription: String? { "the disk is full" } }

    /// A writer and a clock that a test moves by hand.
    private final class Writer: Sendable {
        let proofs = Atomic(0)
        let now = Mutex(Duration.zero)
        private let hanging = Mutex<[CheckedContinuation<Void, Never>]?>(nil)

        func hang() { hanging.withLock { $0 = $0 ?? [] } }
        func release() {
            let waiting = hanging.withLock { hanging in
                defer { hanging = nil }
                return hanging ?? []
            }
            for continuation in waiting { continuation.resume() }
        }
        func prove() async {
            proofs.add(1, ordering: .relaxed)
            await withCheckedContinuation { continuation in
                let hangs = hanging.withLock { hanging -> Bool in
                    hanging?.append(continuation)
                    return hanging != nil
                }
                if !hangs { continuation.resume() }
            }
        }
        var count: Int { proofs.load(ordering: .relaxed) }
    }

    @Test func `many who ask cost one commit a second`() async {
        let writer = Writer()
        let pulse = JournalPulse(
            prove: { await writer.prove() }, moment: { writer.now.withLock { $0 } })
        await withTaskGroup(of: JournalPulse.Beat.self) { group in
            for _ in 0..<100 { group.addTask { await pulse.beat() } }
            for await beat in group { #expect(beat == .commits) }
        }
        #expect(writer.count == 1)
        writer.now.withLock { $0 = .milliseconds(999) }
        #expect(await pulse.beat() == .commits && writer.count == 1)
        writer.now.withLock { $0 = .milliseconds(1000) }
        #expect(await pulse.beat() == .commits && writer.count == 2)
    }

    @Test func `a writer that answers with an error lives`() async {
        let pulse = JournalPulse(prove: { throw Full() }, moment: { .zero })
        #expect(await pulse.beat() == .refuses(reason: "the disk is full"))
    }

    @Test func `one that hangs is silent, at once for whoever asks next, until it answers`() async {
        let writer = Writer()
        writer.hang()
        // Patience is over at once for the first question.
        let isFirst = Atomic(true)
        let pulse = JournalPulse(
            prove: { await writer.prove() }, moment: { writer.now.withLock { $0 } },
            sleep: { if !isFirst.exchange(false, ordering: .relaxed) { try await Task.sleep(for: $0) } })
        #expect(await pulse.beat() == .silent)
        writer.now.withLock { $0 = .seconds(30) }
        #expect(await pulse.beat() == .silent)
        #expect(writer.count == 1)
        writer.release()
        while await pulse.beat() == .silent { await Task.yield() }
        #expect(await pulse.beat() == .commits)
    }
}
