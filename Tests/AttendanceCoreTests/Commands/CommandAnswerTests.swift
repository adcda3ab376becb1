import Testing

@testable import AttendanceCore

/// Answers of terminals: read, understood, told in words, and shown without secrets.
@Suite struct CommandAnswerTests {
    private func answer(_ text: String) throws -> CommandAnswer {
        try #require(CommandAnswer(reading: Array(text.utf8)))
    }

    private func result(_ word: String, _ text: String, _ fields: [String: JSONValue] = [:]) throws
        -> CommandResult?
    {
        let word = try #require(CommandCatalogue.word(word))
        return CommandResult(
            word.answer, from: try answer(text), to: CommandRequest(word: word.name, fields: fields))
    }

    @Test func `an answer is read with the tolerance of the decoder`() throws {
        let text =
            "\u{FEFF}{\" ret \" : \" GetUserInfo \", \"sn\":\"T1\",\"result\":1,\"enrollid\":\"0012\",\"name\":\"A\",,"
            + "\"backupnum\":10,\"admin\":\"0\",\"record\":4711,}\u{0}"
        let answer = try answer(text)
        #expect(answer.key == .ret && answer.word == "getuserinfo" && answer.result == true)
        #expect(answer.serial == SerialNumber("t1"))
        #expect(answer.enrollID == EnrollID(number: 12))
        #expect(
            try result("getuserinfo", text)
                == .credential(
                    CommandResult.UserCredential(
                        enrollID: EnrollID(number: 12), name: "A", admin: 0, backupNumber: 10,
                        record: .integer(4711))))
    }

    @Test func `an answer under cmd is known as one`() throws {
        #expect(try answer(#"{"cmd":"getalllog","count":0}"#).key == .cmd)
    }

    @Test(arguments: ["", "[]", "{", "{}", "7", #"{"ret":""}"#, #"{"ret":7}"#, #"{"result":true}"#, "w\u{0}"])
    func `what is no answer is none`(text: String) {
        #expect(CommandAnswer(reading: Array(text.utf8)) == nil)
    }

    @Test func `no answer is too deep or too long to be refused`() {
        let deep = #"{"ret":"x","a":"# + String(repeating: "[", count: 100_000)
        #expect(CommandAnswer(reading: Array(deep.utf8)) == nil)
        let long = #"{"ret":"x","a":["# + String(repeating: "1,", count: 400_000) + "1]}"
        #expect(CommandAnswer(reading: Array(long.utf8)) == nil)
        #expect(
            CommandAnswer(reading: [UInt8](repeating: 0x20, count: CommandAnswer.maximumBytes + 1)) == nil)
    }

    @Test func `random damage to an answer never traps`() {
        let good = Array(
            #"{"ret":"getuserlist","result":true,"count":2,"from":0,"to":1,"record":[{"enrollid":1,"admin":0,"backupnum":0},{"enrollid":"2","admin":"1","backupnum":11}]}"#
                .utf8)
        var random = SeededGenerator(seed: 6)
        for _ in 0..<5000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...5, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            guard let answer = CommandAnswer(reading: bytes) else { continue }
            for word in CommandCatalogue.words {
                _ = CommandResult(word.answer, from: answer, to: CommandRequest(word: word.name))?.maskedText
            }
        }
    }

    // MARK: What it says

    @Test func `each kind of answer is understood`() throws {
        #expect(try result("opendoor", #"{"ret":"opendoor","result":true}"#) == .plain)
        #expect(
            try result(
                "getuserlist",
                #"{"ret":"getuserlist","result":true,"record":[{"enrollid":1,"admin":2,"backupnum":50},7,{"x":1}]}"#
            )
                == .users([CommandResult.UserRow(enrollID: EnrollID(number: 1), admin: 2, backupNumber: 50)]))
        #expect(
            try result("getusername", #"{"ret":"getusername","result":true,"record":"Ann"}"#) == .name("Ann"))
        #expect(
            try result("gettime", #"{"ret":"gettime","time":"2026-11-22 8:00:00"}"#)
                == .time(WallTime(valid: "2026-11-22 08:00:00")))
        #expect(try result("gettime", #"{"ret":"gettime","time":"soon"}"#) == nil)
        #expect(
            try result("checkuserid", #"{"ret":"checkuserid","result":true,"exists":0}"#) == .exists(false))
        #expect(
            try result("getuserids", #"{"ret":"getuserids","result":true,"record":[1,"02",{"enrollid":3}]}"#)
                == .userIDs([1, 2, 3].map { EnrollID(number: $0) }))
        #expect(
            try result("getdevinfo", #"{"ret":"getdevinfo","result":true,"volume":6}"#)
                == .settings(["volume": .integer(6)]))
        #expect(
            try result(
                "getholiday",
                #"{"ret":"getholiday","holidays":[{"name":"N","startday":"12-25","endday":"12-26","shift":0,"dayzone":1}]}"#
            )
                == .holidays([
                    CommandResult.Holiday(name: "N", start: "12-25", end: "12-26", shift: 0, dayZone: 1)
                ]))
        guard
            case .userLock(let lock)? = try result(
                "getuserlock",
                #"{"ret":"getuserlock","result":true,"enrollid":1,"weekzone":1,"weekzone3":2,"group":4,"starttime":"2026-01-01 00:00:00"}"#
            )
        else {
            Issue.record("no user lock")
            return
        }
        #expect(lock.weekZones == [1, 0, 2, 0] && lock.group == 4 && lock.enrollID == EnrollID(number: 1))
        #expect(try result("getuserinfo", #"{"ret":"getuserinfo","result":true}"#) == nil)
    }

    @Test(arguments: [
        (
            #"{"ret":"x","result":false,"reason":1,"msg":"can not find this command"}"#,
            CommandFailure.Kind.unsupported
        ),
        (#"{"ret":"x","result":false,"msg":"Unsupported"}"#, .unsupported),
        (#"{"ret":"x","result":0,"msg":"can not find the user"}"#, .notFound),
        (#"{"ret":"x","result":"false","reason":"have no data"}"#, .notFound),
        (#"{"ret":"x","result":false,"reason":1}"#, .other), (#"{"ret":"x","reason":3}"#, .other),
        (#"{"ret":"x","result":false}"#, .other),
    ]) func `a refusal is told by its words`(text: String, kind: CommandFailure.Kind) throws {
        let failure = try #require(try answer(text).failure)
        #expect(failure.kind == kind)
        #expect(!failure.words.isEmpty)
    }

    @Test func `the codes of photos are told in words`() {
        func words(_ code: Int, _ word: String = "setuserinfo") -> String {
            CommandFailure(word: word, reason: String(code), message: nil).words
        }
        let expected = [
            1: "too large", 5: "no face", 6: "more than one face", 7: "too wide", 8: "face is too large",
            9: "too small", 10: "poor quality", 11: "turned away", 12: "already enrolled", 77: "decoded",
        ]
        for (code, text) in expected { #expect(words(code).contains(text), "\(code)") }
        #expect(words(5, "deleteuser") == "not found (code 5)")
        #expect(words(99, "deleteuser") == "refused (code 99)")
        let hostile = CommandFailure(
            word: "x", reason: nil, message: "a\nb\u{1B}[31m" + String(repeating: "c", count: 999))
        #expect(
            !hostile.words.contains("\n") && !hostile.words.contains("\u{1B}") && hostile.words.count < 300)
    }

    // MARK: What is shown of it

    @Test func `no secret stands in what is shown`() throws {
        let secret = "5e5c12e7"
        let texts = [
            (
                "getuserinfo",
                #"{"ret":"getuserinfo","result":true,"enrollid":1,"backupnum":0,"record":"5e5c12e7"}"#
            ),
            (
                "getallusers",
                #"{"ret":"getallusers","enrollid":1,"backupnum":11,"record":"5e5c12e7","count":1}"#
            ),
            (
                "getdevinfo",
                #"{"ret":"getdevinfo","result":true,"volume":1,"adminpwd":"5e5c12e7","Pin":"5e5c12e7"}"#
            ),
            ("adduser", #"{"ret":"adduser","result":true,"record":"5e5c12e7","user":[{"card":"5e5c12e7"}]}"#),
            (
                "getfile",
                #"{"ret":"getfile","result":true,"data":"\#(String(repeating: secret, count: 60))"}"#
            ),
            ("checkregstatus", #"{"ret":"checkregstatus","image":["5e5c12e7"],"record":["5e5c12e7"]}"#),
        ]
        for (word, text) in texts {
            let shown = try #require(try result(word, text)?.maskedText)
            #expect(!shown.contains(secret), "\(word)")
            #expect(shown.contains("removed, "), "\(word)")
        }
        let settings = try result("getreg", #"{"ret":"getreg","usedpwd":3,"pwdsize":100}"#)
        #expect(settings?.maskedText == #"{"pwdsize":100,"usedpwd":3}"#)
        #expect(try result("opendoor", #"{"ret":"opendoor","result":true}"#)?.maskedText == nil)
    }

    @Test func `what is shown is bounded`() {
        let rows = (1...20_000).map {
            CommandResult.UserRow(enrollID: EnrollID(number: UInt64($0)), admin: 0, backupNumber: 0)
        }
        #expect((CommandResult.users(rows).maskedText?.utf8.count ?? .max) < 100)
    }
}
