import AttendanceStore
import AttendanceWeb
import Synchronization

/// Whether the journal's writer lives, asked by a commit of its own: at most one at a time and one a second, however
/// many ask.
final class JournalPulse: Sendable {
    enum Beat: Hashable, Sendable {
        case commits
        /// It has answered, and cannot commit: it lives.
        case refuses(reason: String)
        /// No answer in time.
        case silent
    }

    /// A writer that has not answered for so long is taken for dead. Less than what container engines wait for a probe.
    static let patience = Duration.seconds(4)
    private static let lasting = Duration.seconds(1)

    private struct State {
        var last: (beat: Beat, at: Duration)?
        /// Number of the question that is open; nil when none is.
        var asking: Int?
        var asked = 0
        var waiting: [CheckedContinuation<Beat, Never>] = []
    }

    private let prove: @Sendable () async throws -> Void
    private let moment: @Sendable () -> Duration
    private let sleep: @Sendable (Duration) async throws -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - prove: throws `StoreError` when nothing can be committed; does not return while the writer hangs.
    ///   - moment: of a clock that never goes back.
    init(
        prove: @escaping @Sendable () async throws -> Void, moment: @escaping @Sendable () -> Duration,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.prove = prove
        self.moment = moment
        self.sleep = sleep
    }

    /// Waits at most `patience`.
    func beat() async -> Beat {
        await withCheckedContinuation { continuation in
            let now = moment()
            let (known, question) = state.withLock { state -> (Beat?, Int?) in
                if let (beat, at) = state.last,
                    now - at < Self.lasting || state.asking != nil && beat == .silent
                {
                    return (beat, nil)
                }
                state.waiting.append(continuation)
                guard state.asking == nil else { return (nil, nil) }
                state.asked += 1
                state.asking = state.asked
                return (nil, state.asked)
            }
            if let known { continuation.resume(returning: known) }
            if let question { ask(question) }
        }
    }

    /// Outside of the structure of tasks: the answer is for all who ask meanwhile, whoever of them goes away, and a
    /// writer that hangs gives none.
    private func ask(_ question: Int) {
        let limit = Task {
            do { try await sleep(Self.patience) } catch { return }  // the answer was in time
            tell(.silent, to: question, isOver: false)
        }
        Task {
            let beat: Beat
            do {
                try await prove()
                beat = .commits
            } catch {
                beat = .refuses(reason: error.localizedDescription)
            }
            limit.cancel()
            tell(beat, to: question, isOver: true)
        }
    }

    private func tell(_ beat: Beat, to question: Int, isOver: Bool) {
        let now = moment()
        let waiting = state.withLock { state -> [CheckedContinuation<Beat, Never>] in
            // The limit may run out at the moment of the answer: then that one counts.
            guard state.asking == question else { return [] }
            state.last = (beat, now)
            if isOver { state.asking = nil }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume(returning: beat) }
    }
}

extension HealthProbes {
    init(of store: any Store, _ pulse: JournalPulse) {
        self.init(
            live: {
                // A full or broken disk is told by `ready`; a restart would not mend it, and would cut every terminal off.
                await pulse.beat() == .silent ? .silent : .fine
            },
            ready: {
                switch await pulse.beat() {
                case .silent: return .silent
                case .refuses(let reason): return HealthProbe(ok: false, reason: reason)
                case .commits: break
                }
                // A commit that overwrites a row says nothing of room for new ones.
                guard case .failing(let since, let reason) = store.health else { return .fine }
                return HealthProbe(ok: false, reason: reason, since: since.iso8601)
            })
    }
}

extension HealthProbe {
    fileprivate static let silent = HealthProbe(
        ok: false,
        reason: "the journal's writer has not answered for \(JournalPulse.patience.components.seconds) s")
}
