import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import Foundation
import Testing

@testable import AttendanceGateway

@Suite(.timeLimit(.minutes(10))) struct `Times that cannot be right` {
    private static let ahead: Int64 = 30 * 86_400

    /// Seconds since the epoch of a wall time in the output of a command.
    private func seconds(_ value: Any?) throws -> Int64 {
        let text = try #require(value as? String)
        return try #require(WallTime(text)).seconds
    }

    /// The site keeps Dubai's time, an hour and a half behind the terminals' own.
    private func inDubai(_ time: String) throws -> String {
        WallTime(seconds: try seconds(time) - 5400).description
    }

    @Test func `wait for a person, and reach the site with the time that was decided on`() async throws {
        try await withERPNext(people: 1...9) { erp in
            erp.setZone("Asia/Dubai")
            try await withGateway(erp: erp) { gateway in
                try await eventually { try await gateway.sink("erpnext")?.site?.lastRead != nil }
                let terminal = try await gateway.connect("T1")
                try await terminal.register(deviceInfo: TerminalWords.deviceInfo(clock: wallNow(Self.ahead)))
                let future = (1...4).map { wallNow(Self.ahead - 600 + 60 * $0) }
                var records: [SimulatedRecord] = future.enumerated().map {
                    .tfs(UInt64($0.offset) + 1, at: $0.element)
                }
                records += [
                    .init(enrollID: .number(5), time: "soon"),
                    .init(enrollID: .number(6), time: "2026-02-31 08:00:00"),
                    .init(enrollID: .number(0), time: "never", mode: 0, event: 1), .tfs(7, at: wallNow(-5)),
                ]
                try await terminal.sendLog(records)
                // Only the one that can be believed goes on its way.
                await erp.checkinCount(reaches: 1)
                try await gateway.outboxIsEmpty()
                #expect(erp.checkins.map(\.person) == ["7"])

                // What is open, with what is proposed.
                let open = try await gateway.rows(["corrections", "list"])
                #expect(open.map { $0["case"] as? String } == ["P1", "P2", "P3", "P4", "R1", "R2", "R3"])
                for (index, row) in open.prefix(4).enumerated() {
                    #expect(row["sent"] as? String == future[index].description)
                    // A busy machine registers it a moment later than it says.
                    let because = row["because"] as? String ?? ""
                    #expect(
                        ["30 d 0 h", "29 d 23 h"].contains {
                            because.contains("was \($0) ahead at its registration")
                        }, "\(because)")
                    let error = try seconds(row["proposed"]) + Self.ahead - future[index].seconds
                    #expect(abs(error) <= 30)
                }
                #expect((open[4]["sent"] as? String)?.contains("soon") == true)
                #expect(try abs(seconds(open[4]["proposed"]) - wallNow().seconds) < 60)
                #expect(open[6]["proposed"] as? String == "")
                #expect(open.allSatisfy { $0["decision"] as? String == "" })

                // Accepted: the proposal. Set: what somebody says. Rejected: never.
                let first = try #require(open[0]["proposed"] as? String)
                let fifth = try #require(open[4]["proposed"] as? String)
                let accepted = try await gateway.command(["corrections", "accept", "P1", "R1"])
                #expect(accepted.status == 0 && accepted.output.contains("2 cases are decided"))
                let time = wallNow(-3600).description
                let set = try await gateway.command(
                    ["corrections", "set", "P2", time, "--reason", "seen on the camera"])
                #expect(set.status == 0)
                let yesterday = wallNow(-86_400).description
                #expect(
                    try await gateway.command(
                        ["corrections", "set", "R2", yesterday, "--reason", "by the paper list"]
                    ).status == 0)
                let rejected = try await gateway.command(
                    ["corrections", "reject", "P3", "R3", "--reason", "nobody\u{1B}[31m was there"])
                #expect(rejected.status == 0)
                await erp.checkinCount(reaches: 5)
                try await gateway.outboxIsEmpty()
                let times = Dictionary(erp.checkins.map { ($0.person, $0.time) }) { "\($0) and \($1)" }
                #expect(Set(times.keys) == ["1", "2", "5", "6", "7"])
                #expect(try times["1"] == inDubai(first))
                #expect(try times["2"] == inDubai(time))
                #expect(try times["5"] == inDubai(fifth))
                #expect(try times["6"] == inDubai(yesterday))

                // What cannot be decided is told, and changes nothing.
                for (arguments, words) in [
                    (["accept", "P1"], "P1: it was decided on before"),
                    (["accept", "P9"], "P9: there is no such case"),
                    (["accept", "R1"], "R1: it was decided on before"),
                    (["set", "P4", wallNow(7200).description, "--reason", "x"], "is still to come"),
                    (["set", "P4", "8 o'clock", "--reason", "x"], "the time must be"),
                    (["set", "P4", time, "--reason", " "], "setting a time needs a reason"),
                ] {
                    let refused = try await gateway.command(["corrections"] + arguments)
                    #expect(refused.status == 1 && refused.output.contains(words), "\(refused.output)")
                }
                #expect(try await gateway.command(["corrections", "accept", "X1"]).status != 0)
                #expect(try await gateway.command(["corrections", "reject", "P4"]).status == 64)

                // The terminal sends all of it again: nothing is new, and nothing is sent twice.
                try await terminal.sendLog(records)
                let left = try await gateway.rows(["corrections", "list"])
                #expect(left.map { $0["case"] as? String } == ["P4"])
                let all = try await gateway.rows(["corrections", "list", "--all"])
                #expect(all.count == 7)
                let words = all.compactMap { $0["decision"] as? String }
                #expect(
                    words[1].hasPrefix("\(time) by ")
                        && words[1].hasSuffix("(command line): seen on the camera"))
                #expect(words[2].hasPrefix("rejected by ") && words[2].hasSuffix("nobody [31m was there"))
                #expect(words[4].hasPrefix("punch ") && words[6].hasPrefix("given up by "))

                // A rejection that left nothing behind may be taken back.
                #expect(
                    try await gateway.command(
                        ["corrections", "set", "P3", time, "--reason", "she was, after all"]
                    ).status == 0)
                let rest = try await gateway.command(["corrections", "accept", "--all"])
                #expect(rest.status == 0 && rest.output.contains("1 cases are decided"))
                await erp.checkinCount(reaches: 7)
                try await gateway.outboxIsEmpty()
                #expect(Set(erp.checkins.map(\.person)) == Set((1...7).map(String.init)))
                #expect(try await gateway.command(["corrections"]).output.contains("no open cases"))

                // The journal keeps what the terminal said; who decided what stands in the trail.
                let journal = try await gateway.journal().filter { $0.id <= 4 }
                #expect(journal.map(\.punch.time) == future)
                #expect(journal.allSatisfy { $0.correction != nil })
                let trail = try await gateway.rows(["audit"])
                #expect(
                    trail.map { "\($0["action"] as? String ?? "") \($0["subject"] as? String ?? "")" } == [
                        "corrections.decide punch 1", "quarantine.decide record 1",
                        "corrections.decide punch 2",
                        "quarantine.decide record 2", "corrections.decide punch 3",
                        "quarantine.decide record 3",
                        "corrections.decide punch 3", "corrections.decide punch 4",
                    ])
                #expect(trail.allSatisfy { ($0["author"] as? String)?.hasSuffix("(command line)") == true })
                let detail = try #require(trail[0]["detail"] as? String)
                #expect(detail.hasPrefix("person 1 at T1: \(future[0]) → \(first); the terminal's clock was"))
                // The CSV says the time that was sent.
                try await eventually { try gateway.csvLines().count == 7 }
                let lines = try gateway.csvLines()
                #expect(lines.count { $0.contains(time) } == 2 && lines.contains { $0.contains(first) })
                #expect(!lines.contains { line in future.contains { line.contains($0.description) } })
            }
        }
    }
}
