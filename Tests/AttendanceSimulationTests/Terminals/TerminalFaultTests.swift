import AttendanceCore
import AttendanceSimulation
import Testing

/// Terminals that answer as none should.
@Suite struct TerminalFaultTests {
    private static func desk(_ fault: TerminalFault, to word: String? = "gettime") -> Desk {
        var desk = Desk.registered()
        desk.brain.faults.add(fault, to: word)
        return desk
    }

    @Test func `says nothing, and the next time it does`() throws {
        var desk = Self.desk(.silence)
        desk.hear(#"{"cmd":"gettime"}"#)
        #expect(desk.inbox.isEmpty && desk.brain.ledger.count("gettime") == 1)
        #expect(try desk.ask("gettime").answeredWord == "gettime")
        #expect(desk.brain.ledger.faultsShown == 1)
    }

    @Test func `answers twice, with another serial, oddly, or with something else first`() throws {
        var desk = Self.desk(.twice)
        desk.hear(#"{"cmd":"gettime"}"#)
        #expect(desk.inbox.count == 2 && desk.inbox[0] == desk.inbox[1])
        desk = Self.desk(.foreignSerial("T2"))
        #expect(try desk.ask("gettime")["sn"] == "T2")
        desk = Self.desk(.oddJSON, to: "getuserlist")
        desk.hear(#"{"cmd":"getuserlist","stn":true}"#)
        #expect(desk.inbox[0].hasPrefix(#"{"ret":" getuserlist ""#) && desk.inbox[0].hasSuffix(",],}"))
        desk = Self.desk(.garbage("<html>"))
        desk.hear(#"{"cmd":"gettime"}"#)
        #expect(desk.inbox == ["<html>"])
        desk = Self.desk(.strayAnswer(word: "opendoor"))
        desk.hear(#"{"cmd":"gettime"}"#)
        #expect(try desk.said().map(\.answeredWord) == ["opendoor", "gettime"])
    }

    @Test func `answers late, also into the next command`() throws {
        var desk = Self.desk(.late(.seconds(7)))
        desk.hear(#"{"cmd":"gettime"}"#)
        #expect(desk.brain.nextDeadline == desk.now.elapsed + .seconds(7))
        #expect(try desk.ask("opendoor").isSuccess)
        #expect(desk.brain.ledger.commandsWhileBusy == 1)
        desk.pass(.seconds(7))
        #expect(try desk.said().map(\.answeredWord) == ["gettime"])
    }

    @Test(arguments: [true, false])
    func `drops the link before the answer, the command done or not`(executing: Bool) {
        var desk = Self.desk(.dropAfter(executing: executing), to: "opendoor")
        desk.hear(#"{"cmd":"opendoor"}"#)
        #expect(desk.inbox.isEmpty && desk.effects.last == .hangUp && !desk.brain.isConnected)
        #expect(desk.brain.ledger.doorOpenings.count == (executing ? 1 : 0))
        #expect(desk.brain.ledger.count("opendoor") == (executing ? 1 : 0))
    }

    @Test func `pushes something between a command and its answer, and refuses at will`() throws {
        var desk = Self.desk(.pushBetween)
        desk.hear(#"{"cmd":"gettime"}"#)
        let said = try desk.said()
        #expect(said.map { $0.command ?? $0.answeredWord } == ["sendlog", "gettime"])
        #expect(said[0].people == [0])
        desk = Self.desk(.refusal(reason: 5, message: "no face"), to: "setuserinfo")
        let answer = try desk.ask("setuserinfo", #""enrollid":1,"backupnum":11,"admin":0,"record":1"#)
        #expect(answer["reason"] == 5 && answer["msg"] == "no face")
        #expect(desk.brain.content.users.count == 0)
    }

    @Test func `the ledger tells what came twice`() throws {
        var desk = Desk.registered()
        for record in [1, 2, 2] {
            _ = try desk.ask("setuserinfo", #""enrollid":1,"backupnum":11,"admin":0,"record":\#(record)"#)
        }
        _ = try desk.ask("opendoor")
        let repeated = desk.brain.ledger.repeated(["setuserinfo", "opendoor"])
        #expect(repeated.count == 1 && repeated.values.first == 2)
        #expect(desk.brain.ledger.count("setuserinfo") == 3)
        #expect(!desk.brain.ledger.executed.contains { $0.fields.contains(#""record":1"#) })
    }

    @Test func `notes what no server should send`() {
        var desk = Desk()
        desk.act { $0.powerOn(at: $1) }
        desk.pass(.seconds(20))
        desk.act { $0.connected(at: $1) }
        desk.hear(#"{"cmd":"gettime"}"#)
        #expect(desk.brain.ledger.commandsBeforeRegistration == 1)
        for text in [#"{"ret":"sendlog","result":true,}"#, #"{"ret":"getuserlist"}"#, "{}", ""] {
            desk.hear(text)
        }
        #expect(desk.brain.ledger.surprises.count == 4)
    }
}
