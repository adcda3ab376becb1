import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import Foundation
import Testing

@testable import AttendanceGateway

/// Terminals that ask before they open, over real sockets.
@Suite(.timeLimit(.minutes(10))) struct `Terminals in approval mode` {
    private static let door = """
        [Terminal D1]
        Approval = on
        AccessMessage = Welcome
        [Terminal P1]
        """

    private static func terminal(
        _ serial: String, _ gateway: RunningGateway, offset: Int64 = 0
    ) throws -> FaithfulTerminal {
        var options = FaithfulTerminal.Options(serial: serial)
        options.profile = .aiFaceBS
        options.zone = "Asia/Kolkata"
        options.clockOffset = offset
        options.habits.asksApproval = true
        return try FaithfulTerminal(options, address: .init(port: gateway.port))
    }

    private static func answer(
        _ terminal: SimulatedTerminal, _ records: [SimulatedRecord]
    ) async throws -> (access: Int?, message: String?) {
        let answer = try await terminal.sendLog(records)
        return (answer["access"]?.integer.map { Int($0) }, answer["message"]?.text)
    }

    @Test func `a person whom the site knows passes, and nobody else`() async throws {
        try await withERPNext(people: 1...5) { erp in
            try await withGateway(file: Self.door, erp: erp) { gateway in
                let door = try await gateway.connect("D1")
                let plain = try await gateway.connect("P1")
                _ = try await door.register()
                _ = try await plain.register()
                try await eventually {
                    try await Self.answer(door, [.tfs(1, at: wallNow())]).access == 1
                }
                #expect(try await Self.answer(door, [.tfs(2, at: wallNow())]).message == "Welcome")
                // Not known, a stranger, the door, old, and many at once.
                #expect(try await Self.answer(door, [.tfs(77, at: wallNow())]).access == 0)
                #expect(try await Self.answer(door, [.tfs(99_999_999, at: wallNow())]).access == 0)
                #expect(try await Self.answer(door, [.tfs(0, at: wallNow())]).access == 0)
                #expect(try await Self.answer(door, [.tfs(3, at: wallNow(-120))]).access == 0)
                let batch = try await Self.answer(
                    door, [.tfs(4, at: wallNow(-1)), .tfs(5, at: wallNow())])
                #expect(batch.access == 0)
                #expect(try await Self.answer(plain, [.tfs(1, at: wallNow())]).access == nil)
            }
        }
    }

    @Test func `where nobody can tell, WhenUnsure decides, and never for what is no live person`()
        async throws
    {
        let doors = Self.door + "\nWhenUnsure = allow\nApproval = on\n[Terminal D2]\nApproval = on\n"
        try await withERPNext(people: 1...5) { erp in
            // The employees cannot be read yet.
            erp.setCredential("somebody:else")
            try await withGateway(file: doors, erp: erp) { gateway in
                let allows = try await gateway.connect("P1")
                let refuses = try await gateway.connect("D2")
                _ = try await allows.register()
                _ = try await refuses.register()
                #expect(try await Self.answer(allows, [.tfs(1, at: wallNow())]).access == 1)
                let refused = try await Self.answer(refuses, [.tfs(1, at: wallNow())])
                #expect(refused.access == 0 && refused.message == "Cannot check now")
                #expect(try await Self.answer(allows, [.tfs(99_999_999, at: wallNow())]).access == 0)
                #expect(try await Self.answer(allows, [.tfs(0, at: wallNow())]).access == 0)
                #expect(try await Self.answer(allows, [.tfs(2, at: wallNow(-120))]).access == 0)
                #expect(try await Self.answer(allows, [.tfs(2, at: wallNow(120))]).access == 0)
                let batch = try await Self.answer(allows, [.tfs(3, at: wallNow(-1)), .tfs(4, at: wallNow())])
                #expect(batch.access == 0)

                // Once they are known, nobody is let in of whom it is known that nobody knows them.
                erp.setCredential("k3y-of-tests:\(erpSecret)")
                #expect(try await gateway.command(["employees", "sync"]).status == 0)
                try await eventually {
                    try await Self.answer(refuses, [.tfs(5, at: wallNow())]).access == 1
                }
                let unknown = try await Self.answer(allows, [.tfs(77, at: wallNow())])
                #expect(unknown.access == 0 && unknown.message == "Not known")
            }
        }
    }

    @Test func `a terminal that waits for approval opens for nobody`() async throws {
        let all = "[Terminals]\nApproval = on\nWhenUnsure = allow\n"
        try await withERPNext(people: 1...5) { erp in
            try await withGateway(["Terminals.Unknown=pending"], file: all, erp: erp) { gateway in
                let terminal = try await gateway.connect("N1")
                _ = try await terminal.register()
                for person in [UInt64(1), 77, 99_999_999, 0] {
                    let answer = try await Self.answer(terminal, [.tfs(person, at: wallNow())])
                    #expect(answer.access == 0 && answer.message == "Terminal not approved")
                }
                #expect(try await gateway.command(["terminals", "approve", "N1"]).status == 0)
                try await eventually {
                    try await Self.answer(terminal, [.tfs(1, at: wallNow())]).access == 1
                }
                #expect(
                    try await gateway.command(["terminals", "block", "N1", "--reason", "lost"]).status == 0)
                // It may be cut off before it has an answer; if it gets one, it is no.
                let after = try? await Self.answer(terminal, [.tfs(1, at: wallNow())])
                #expect(after?.access ?? 0 == 0)
            }
        }
    }

    @Test func `a code opens once, at its terminal, and guessing shuts it`() async throws {
        try await withGateway(file: Self.door) { gateway in
            let issued = try await gateway.command([
                "codes", "issue", "--person", "900", "--name", "Guest", "--terminal", "D1", "--until", "1h",
            ])
            let code = try #require(
                issued.output.split(separator: "\n").first { $0.hasPrefix("AG1.") }.map(String.init),
                "\(issued.output)")
            let door = try await gateway.connect("D1")
            let other = try await gateway.connect("P1")
            _ = try await door.register()
            _ = try await other.register()
            func show(_ text: String, at terminal: SimulatedTerminal) async throws -> ServerMessage {
                try await terminal.exchange(#"{"cmd":"sendqrcode","sn":"x","record":"\#(text)"}"#)
            }
            let elsewhere = try await show(code, at: other)
            #expect(elsewhere["access"]?.integer == 0)
            let first = try await show(code, at: door)
            #expect(first["result"] == true && first["access"]?.integer == 1)
            #expect(first["enrollid"]?.integer == 900 && first["username"]?.text == "Guest")
            let second = try await show(code, at: door)
            #expect(second["result"] == false && second["access"]?.integer == 0)
            #expect(second["message"]?.text == "Already used")
            for _ in 0..<5 {
                let wrong = try await door.exchange(#"{"cmd":"sendpin","sn":"D1","pin":"12345678"}"#)
                #expect(wrong["message"]?.text == "Code not known")
            }
            let shut = try await door.exchange(#"{"cmd":"sendpin","sn":"D1","pin":"12345678"}"#)
            #expect(shut["message"]?.text == "Too many tries")
            let trail = try await gateway.gateway.store.auditTrail(after: 0, limit: 50)
            #expect(trail.contains { $0.action == "codes.issue" })
            #expect(!trail.contains { $0.detail.contains(code) })
            let verified = try await gateway.command(["audit", "verify"])
            #expect(verified.status == 0 && verified.output.contains("nothing was changed"))
        }
    }

    @Test func `a clock that is wrong is set and read back`() async throws {
        try await withGateway(["Terminals.SendClock=no"], file: Self.door) { gateway in
            let terminal = try Self.terminal("D1", gateway, offset: -600)
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await terminal.run() }
                let serial = try #require(SerialNumber("D1"))
                try await eventually {
                    let steps = try await gateway.gateway.store.clockSteps(of: serial, limit: 9)
                    return steps.first?.after.map { abs($0) <= 5 } ?? false
                }
                let steps = try await gateway.gateway.store.clockSteps(of: serial, limit: 9)
                #expect(steps.count == 1 && (-610 ... -590).contains(steps.first?.before ?? 0))
                let shown = try await gateway.rows(["terminals", "show", "D1"]).first
                let told = try #require(shown?["clock_steps"] as? [[String: Any]])
                #expect(told.count == 1 && told.first?["overlaps"] as? Bool == false)
                #expect((-610 ... -590).contains(told.first?["before_seconds"] as? Int ?? 0))
                #expect(
                    try await gateway.command(["terminals", "show", "D1"]).output.contains(
                        "clock set         "))
                tasks.cancelAll()
            }
        }
    }

    @Test func `punches over which a clock was set back say so`() async throws {
        try await withGateway(file: Self.door) { gateway in
            let terminal = try await gateway.connect("P1")
            _ = try await terminal.register()
            _ = try await terminal.sendLog([.tfs(1, at: wallNow(-900)), .tfs(2, at: wallNow(-200))])
            let serial = try #require(SerialNumber("P1"))
            let now = Gateway.Surroundings.systemTime()
            let noted = try await gateway.gateway.store.noteClockStep(
                ClockStep(
                    terminal: serial, at: UnixTime(seconds: now.seconds - 400), before: 600, unread: 2))
            #expect(noted != nil)
            let rows = try await gateway.rows(["punches"])
            #expect(rows.map { $0["enroll_id"] as? String } == ["1", "2"])
            #expect(rows.first?["clock"] as? String == "")
            #expect((rows.last?["clock"] as? String)?.hasPrefix("set back 600 s at ") == true)
            let shown = try await gateway.command(["terminals", "show", "P1"])
            #expect(shown.output.contains("set back while it held 2 punches"))
            let exported = try await gateway.command(["export", "--format", "csv"])
            #expect(exported.output.contains("set back 600 s at "))
        }
    }
}
