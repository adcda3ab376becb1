import Testing

@testable import AttendanceCore

/// A session beside a registry that says what the test says.
private final class Gate {
    var session: TerminalSession
    private let policy: TerminalPolicy

    init(
        _ verdict: @escaping @Sendable (SerialNumber, TerminalOccasion) -> TerminalAdmission
    ) throws {
        policy = TerminalPolicy(defaultZone: try #require(ZoneRules(identifier: "Asia/Kolkata")))
        session = TerminalSession(connection: 1, policy: policy, admission: verdict) { _ in true }
    }

    func hear(_ text: String) -> [TerminalSession.Action] {
        Array(text.utf8).withUnsafeBytes { bytes in
            session.received(bytes, at: UnixTime(seconds: 1_795_314_669)) { policy }
        }
    }
}

extension [TerminalSession.Action] {
    fileprivate var replies: [String] {
        compactMap {
            if case .reply(let reply) = $0 { String(decoding: reply.encoded, as: UTF8.self) } else { nil }
        }
    }
    fileprivate var batches: [IntakeBatch] {
        compactMap { if case .store(let batch, _) = $0 { batch } else { nil } }
    }
    fileprivate var closes: Bool { contains { if case .close = $0 { true } else { false } } }
    fileprivate var turnedAway: [TerminalAdmission] {
        compactMap { if case .notice(.turnedAway(_, let verdict)) = $0 { verdict } else { nil } }
    }
}

private let reg = #"{"cmd":"reg","sn":"ZX01"}"#
private let log =
    #"{"cmd":"sendlog","sn":"ZX01","count":1,"logindex":0,"record":[{"enrollid":7,"time":"2026-11-22 08:01:00"}]}"#

@Suite struct `A terminal's session and the registry` {
    @Test func `a pending terminal is answered like any other, and its punches are marked as held`() throws {
        let gate = try Gate { _, _ in .held }
        #expect(gate.hear(reg).replies.first?.hasPrefix(#"{"ret":"reg","result":true"#) == true)
        let actions = gate.hear(log)
        #expect(actions.batches.map(\.isHeld) == [true])
        #expect(!actions.closes)
    }

    @Test func `a withheld terminal is told to wait, stays connected, and gets no acknowledgement`() throws {
        let gate = try Gate { _, _ in .withheld }
        let first = gate.hear(reg)
        #expect(
            first.replies == [#"{"ret":"reg","result":false,"reason":"Waiting for approval"}"#])
        #expect(!first.closes && first.turnedAway == [.withheld])
        #expect(first.contains { if case .wait = $0 { true } else { false } })
        let second = gate.hear(log)
        #expect(second.batches.isEmpty && !second.closes)
        #expect(second.replies == [#"{"ret":"sendlog","result":false,"reason":1}"#])
        // Remarked on once in a connection.
        #expect(second.turnedAway.isEmpty && gate.hear(reg).turnedAway.isEmpty)
    }

    @Test(arguments: [
        (TerminalAdmission.blocked, "Blocked"), (.withoutToken, "Token required"),
    ])
    func `a refused terminal is told so and the connection ends`(
        verdict: TerminalAdmission, reason: String
    ) throws {
        let gate = try Gate { _, _ in verdict }
        let actions = gate.hear(reg)
        #expect(actions.replies == [#"{"ret":"reg","result":false,"reason":"\#(reason)"}"#])
        #expect(actions.closes && actions.turnedAway == [verdict])
        let batch = gate.hear(log)
        #expect(batch.batches.isEmpty && batch.closes)
    }

    @Test func `a block takes effect at the next batch, and an approval too`() throws {
        let verdict = Verdict()
        let gate = try Gate { _, _ in verdict.now }
        verdict.now = .held
        _ = gate.hear(reg)
        #expect(gate.hear(log).batches.map(\.isHeld) == [true])
        verdict.now = .served
        #expect(gate.hear(log).batches.map(\.isHeld) == [false])
        verdict.now = .blocked
        let actions = gate.hear(log)
        #expect(actions.batches.isEmpty && actions.closes)
        #expect(actions.replies == [#"{"ret":"sendlog","result":false,"reason":1}"#])
    }

    @Test func `the registry is told on what occasion it is asked, and of which serial`() throws {
        let asked = Asked()
        let gate = try Gate { serial, occasion in
            asked.add("\(serial) \(occasion)")
            return .served
        }
        _ = gate.hear(log)
        _ = gate.hear(log.replacing(#""sn":"ZX01","#, with: ""))
        _ = gate.hear("nonsense!")
        _ = gate.hear(reg)
        _ = gate.hear(log)
        #expect(
            asked.all.filter { !$0.hasSuffix("unreadable") } == [
                "ZX01 unregisteredBatch", "unknown unregisteredBatch", "ZX01 registration", "ZX01 batch",
            ])
        #expect(asked.all.contains("unknown unreadable"))
    }

    @Test func `punches without a registration are kept back where that is not trusted`() throws {
        let gate = try Gate { _, occasion in occasion == .unregisteredBatch ? .unregistered : .served }
        let actions = gate.hear(log)
        #expect(actions.batches.isEmpty && !actions.closes && actions.turnedAway == [.unregistered])
        #expect(actions.replies == [#"{"ret":"sendlog","result":false,"reason":1}"#])
    }

    @Test func `nothing unreadable is kept of somebody of whom nothing is taken, and is held of who waits`()
        throws
    {
        #expect(try Gate { _, _ in .withheld }.hear("nonsense!").batches.isEmpty)
        #expect(try Gate { _, _ in .held }.hear("nonsense!").batches.map(\.isHeld) == [true])
        #expect(try Gate { _, _ in .served }.hear("nonsense!").batches.map(\.isHeld) == [false])
    }
}

/// Changed by the test's own thread between two messages.
private final class Verdict: @unchecked Sendable {
    var now = TerminalAdmission.served
}

private final class Asked: @unchecked Sendable {
    private(set) var all: [String] = []
    func add(_ text: String) { all.append(text) }
}
