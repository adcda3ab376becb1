import Foundation
import Testing

@testable import AttendanceCore

/// What the catalogue has, and what it takes.
@Suite struct CommandCatalogueTests {
    private static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private func page(_ path: String) throws -> String {
        try String(contentsOf: Self.root.appending(path: path), encoding: .utf8)
    }

    /// Every word of docs/protocol.md §8.
    static let words = [
        "getuserlist", "getuserinfo", "setuserinfo", "deleteuser", "getusername", "setusername", "enableuser",
        "cleanuser", "cleanadmin", "adduser", "setuserprofile", "getuserprofile", "getallusers", "getuserids",
        "getunuserdid", "checkuserid", "checkregstatus", "canceladduser", "cleaninactiveuser", "getnewlog",
        "getalllog", "cleanlog", "cleanlogphoto", "settime", "gettime", "getdevinfo", "setdevinfo", "reboot",
        "initsys", "disabledevice", "enabledevice", "getdevcap", "getreg", "checklive", "initmenu",
        "cleandatebase", "upgrade", "forceota", "setotaserver", "getotaserver", "getdir", "getfile",
        "writefile",
        "setscreensaver", "setvoice", "setcompanyname", "setdepartment", "opendoor", "lockctrl",
        "getdoorstatus",
        "setdevlock", "getdevlock", "getuserlock", "setuserlock", "deleteuserlock", "cleanuserlock",
        "getholiday",
        "setholiday", "getquestionnaire", "setquestionnaire", "getshift", "setshift", "getbelltime",
        "setbelltime",
    ]

    @Test(arguments: words) func `every word of the protocol is in the catalogue`(name: String) throws {
        let word = try #require(CommandCatalogue.word(name))
        #expect(word.name == name && !word.isRaw)
        #expect(word.summary.hasSuffix("."))
        #expect(CommandCatalogue.help(name)?.contains(word.summary) == true)
        #expect(CommandCatalogue.overview.contains("\n  \(name) "))
    }

    @Test func `the catalogue has these words and no others, each once`() {
        #expect(CommandCatalogue.words.map(\.name).sorted() == Self.words.sorted())
        #expect(Set(Self.words).count == Self.words.count)
    }

    @Test func `the words in the tables of the protocol page are in the catalogue`() throws {
        let page = try page("docs/protocol.md")
        let begin = try #require(page.range(of: "## 8. Server"))
        let end = try #require(page.range(of: "### 8.5"))
        var names: Set<String> = []
        for line in page[begin.upperBound..<end.lowerBound].split(separator: "\n") where line.hasPrefix("|") {
            let cells = line.split(separator: "|")
            let isNewer = cells[0].contains("newer") && !cells[0].contains("`")
            let cell = isNewer ? cells[1] : cells[0]
            names.formUnion(
                cell.split(separator: "`").map(String.init).filter {
                    CommandCatalogue.isWord($0) && $0 != "cmd"
                })
        }
        #expect(names.count > 50)
        for name in names { #expect(CommandCatalogue.word(name) != nil, "\(name)") }
    }

    @Test func `the page of commands is what the table says`() throws {
        let page = try page("docs/commands.md")
        let begin = try #require(page.range(of: CommandCatalogue.referenceBegin))
        let end = try #require(page.range(of: CommandCatalogue.referenceEnd))
        #expect(
            page[begin.upperBound..<end.lowerBound].trimmingCharacters(in: .whitespacesAndNewlines)
                == CommandCatalogue.reference.trimmingCharacters(in: .whitespacesAndNewlines),
            "write it anew: scripts/settings-reference.sh")
    }

    @Test(arguments: [
        "cleanuser", "cleanlog", "initsys", "cleandatebase", "cleanadmin", "cleanuserlock", "opendoor",
        "lockctrl",
    ]) func `what wipes or opens needs a confirmation and is never sent twice`(name: String) throws {
        let word = try #require(CommandCatalogue.word(name))
        #expect(word.needsConfirmation)
        #expect(word.repeating == .never)
    }

    @Test func `what only reads or sets needs no confirmation and may be repeated`() {
        for word in CommandCatalogue.words where word.name.hasPrefix("get") || word.name.hasPrefix("check") {
            #expect(word.repeating == .safe && !word.needsConfirmation, "\(word.name)")
        }
        for name in ["setuserinfo", "setusername", "deleteuser", "setdevlock", "enableuser", "enabledevice"] {
            #expect(CommandCatalogue.word(name)?.repeating == .safe, "\(name)")
        }
        for name in ["adduser", "reboot", "upgrade", "writefile"] {
            #expect(CommandCatalogue.word(name)?.repeating == .never, "\(name)")
        }
    }

    @Test func `answers are waited for as long as the protocol page says`() throws {
        func seconds(_ word: String, _ fields: [String: JSONValue] = [:]) -> Duration {
            CommandRequest(word: word, fields: fields).timeOut
        }
        #expect(seconds("opendoor") == .seconds(10))
        #expect(seconds("getuserlist") == .seconds(20))
        #expect(seconds("cleanuser") == .seconds(20))
        #expect(seconds("setuserinfo", ["backupnum": .integer(11)]) == .seconds(10))
        #expect(seconds("setuserinfo", ["backupnum": .integer(50)]) == .seconds(20))
    }

    @Test func `a clock is set again only to the moment of sending`() throws {
        #expect(CommandRequest.setTime.isRepeatable)
        let fixed = try CommandCatalogue.request("settime", texts: ["time=2026-11-22 08:00:00"])
        #expect(!fixed.isRepeatable)
        #expect(fixed.fields == ["cloudtime": .text("2026-11-22 08:00:00")])
    }

    // MARK: Texts and JSON

    @Test func `a request is the same from texts and from JSON`() throws {
        let texts = try CommandCatalogue.request(
            "SetUserInfo",
            texts: ["enrollid=0012", "name=Ann = Bo", "backupnum=11", "record=4294967295", "admin=0"])
        let fields = try CommandCatalogue.request(
            "setuserinfo",
            fields: [
                "enrollid": .integer(12), "name": .text("Ann = Bo"), "backupnum": .integer(11),
                "record": .integer(4_294_967_295), "admin": .text("0"),
            ])
        #expect(texts == fields)
        #expect(
            String(decoding: texts.encoded(for: .tfs, at: nil), as: UTF8.self)
                == #"{"cmd":"setuserinfo","enrollid":12,"name":"Ann = Bo","backupnum":11,"admin":0,"record":4294967295}"#
        )
    }

    @Test func `lists are written as JSON`() throws {
        let request = try CommandCatalogue.request(
            "setusername", texts: [#"record=[{"enrollid":"7","name":"Ann"},{"enrollid":8,"name":"Bo"}]"#])
        #expect(
            String(decoding: request.encoded(for: .tfs, at: nil), as: UTF8.self)
                == #"{"cmd":"setusername","record":[{"enrollid":7,"name":"Ann"},{"enrollid":8,"name":"Bo"}],"count":2}"#
        )
    }

    private func problems(_ word: String, _ texts: [String], _ traits: TerminalTraits = TerminalTraits())
        -> [CommandProblem]
    {
        do throws(CommandRefusal) {
            _ = try CommandCatalogue.request(word, texts: texts, for: traits)
            return []
        } catch {
            return error.problems
        }
    }

    @Test func `every problem is told, not only the first`() {
        let found = problems(
            "setuserinfo", ["backupnum=14", "admin=3", "nam=Ann", "birthday=02-30", "starttime=tomorrow"])
        #expect(
            found.map(\.field).sorted()
                == ["admin", "backupnum", "birthday", "enrollid", "nam", "record", "starttime"].sorted())
        #expect(
            found.first { $0.field == "admin" }?.description
                == #"admin: "3"; allowed: 0 (ordinary), 1 (administrator), 2 (super user: may enrol and download)"#
        )
        #expect(found.first { $0.field == "enrollid" }?.found == "missing")
    }

    @Test(arguments: [
        ("getuserinfo", "enrollid=0"), ("getuserinfo", "enrollid=99999999"), ("getuserinfo", "enrollid=E7"),
        ("getuserinfo", "enrollid=-1"), ("getuserinfo", "enrollid=1234567890123456789"),
        ("setdevinfo", "volume=11"), ("setdevinfo", "volume=loud"), ("setdevinfo", "language=19"),
        ("setdevinfo", "sleep=2"), ("setdevinfo", "vol=1"), ("opendoor", "doornum=5"), ("lockctrl", "ctrl=3"),
        ("getalllog", "from=2026-02-30"), ("settime", "time=2026-11-22T08:00:00Z"),
        ("setuserprofile", "profile=\u{7}"), ("cleaninactiveuser", "days=0"), ("getuserlist", "stn=true"),
        ("getholiday", "stn=false"), ("cleanuser", "sure=yes"), ("getalllog", "sn=T1"),
    ]) func `a value that no terminal takes is refused`(word: String, text: String) {
        let found = problems(word, [text])
        #expect(found.contains { text.hasPrefix($0.field) }, "\(found)")
    }

    @Test func `a number longer than the terminal's id format is refused`() {
        let short = TerminalTraits(enrollIDDigits: 9)
        #expect(problems("getuserinfo", ["enrollid=123456789"], short).isEmpty)
        #expect(
            problems("getuserinfo", ["enrollid=1234567890"], short).first?.allowed
                == "a whole number of at most 9 digits, not 0, not 99999999")
        #expect(problems("getuserinfo", ["enrollid=1234567890"]).isEmpty)
    }

    @Test func `nothing to change is a mistake`() {
        #expect(problems("setdevinfo", []).map(\.field) == ["fields"])
        #expect(problems("setdevlock", []).map(\.field) == ["fields"])
    }

    @Test func `a range of days must not end before it begins`() throws {
        #expect(problems("getalllog", ["from=2026-11-2", "to=2026-11-1"]).map(\.field) == ["to"])
        let request = try CommandCatalogue.request("getalllog", texts: ["from=2026-11-2", "to=2026-11-02"])
        #expect(request.fields == ["from": .text("2026-11-02"), "to": .text("2026-11-02")])
    }

    @Test func `a field without a key or given twice is told without its value`() {
        let found = problems("setuserinfo", ["8412", "enrollid=1", "enrollid=2"])
        #expect(found.count == 2)
        #expect(!found.description.contains("8412"))
    }

    // MARK: Secrets

    @Test(arguments: [
        "backupnum=10 record=123456789", "backupnum=11 record=card42x7", "backupnum=0 record=xyzsecretxyz",
        "backupnum=50 record=secretphoto", "backupnum=10 record=1 pwd=12345secret card=secret",
    ]) func `no problem repeats a secret`(texts: String) {
        let found = problems(
            "setuserinfo", ["enrollid=1"] + texts.split(separator: " ").map(String.init),
            TerminalTraits(templateAlgorithm: "thbio3.0"))
        #expect(!found.isEmpty)
        for secret in ["123456789", "card42x7", "secret"] { #expect(!found.description.contains(secret)) }
    }

    @Test func `secrets are split off and put back`() throws {
        let request = try CommandCatalogue.request(
            "setuserinfo", texts: ["enrollid=1", "name=Ann", "backupnum=10", "record=4711", "card=99887766"])
        let (plain, secrets) = request.splittingSecrets()
        #expect(Set(secrets.keys) == ["record", "card"])
        #expect(plain.joining(secrets: secrets) == request)
        #expect(
            request.maskedFields
                == #"{"backupnum":10,"card":"removed, 8 bytes","enrollid":1,"name":"Ann","record":"removed, 4 bytes"}"#
        )
        #expect(!plain.maskedFields.contains("4711"))
    }

    @Test func `in raw mode anything under the name of a credential is secret, at any depth`() throws {
        let request = try CommandCatalogue.raw(
            "sendpin2",
            fields: [
                "pin": .integer(4711),
                "users": .list([.object(["id": .integer(1), "Password": .text("x")])]),
                "door": .integer(1), "usedpwd": .integer(3),
                "record": .list([.object(["enrollid": .integer(1)])]),
            ])
        #expect(request.secretKeys == ["pin", "users", "record"])
        let names = try CommandCatalogue.request(
            "setusername", texts: [#"record=[{"enrollid":7,"name":"Ann"}]"#])
        #expect(names.secretKeys.isEmpty)
    }

    // MARK: Raw mode

    @Test func `any word of a good form can be sent in raw mode`() throws {
        let request = try CommandCatalogue.raw(
            "NewWord_2", texts: ["a=1", "b=x y", #"c={"d":[true]}"#, "e=007"])
        #expect(
            String(decoding: request.encoded(for: .unknown, at: nil), as: UTF8.self)
                == #"{"cmd":"newword_2","a":1,"b":"x y","c":{"d":[true]},"e":"007"}"#)
        #expect(request.catalogueWord.needsConfirmation)
        #expect(!request.isRepeatable)
        let reading = try CommandCatalogue.raw("getnews")
        #expect(!reading.catalogueWord.needsConfirmation && reading.isRepeatable)
        let wiping = try CommandCatalogue.raw("cleanuser", texts: ["x=1"])
        #expect(wiping.catalogueWord.needsConfirmation)
    }

    @Test(arguments: ["", "a b", "1a", "é", "a\"b", String(repeating: "a", count: 65)])
    func `a word of another form is refused`(name: String) {
        #expect(throws: CommandRefusal.self) { try CommandCatalogue.raw(name) }
    }

    @Test func `raw mode has limits`() {
        var deep = JSONValue.integer(1)
        for _ in 0..<20 { deep = .list([deep]) }
        #expect(throws: CommandRefusal.self) { try CommandCatalogue.raw("getx", fields: ["a": deep]) }
        #expect(throws: CommandRefusal.self) {
            try CommandCatalogue.raw("getx", fields: ["cmd": .text("reboot")])
        }
        #expect(throws: CommandRefusal.self) {
            try CommandCatalogue.raw("getx", fields: ["a": .text(String(repeating: "x", count: 2 << 20))])
        }
        let refusal = #expect(throws: CommandRefusal.self) { try CommandCatalogue.request("opendor") }
        #expect(refusal?.description.contains("raw mode") == true)
    }

    @Test func `whatever stands in a text, the message is one strict object`() throws {
        let name = "A\"\\ \u{1F600}é"
        let request = try CommandCatalogue.request(
            "setusername",
            fields: ["record": .list([.object(["enrollid": .integer(1), "name": .text(name)])])])
        let bytes = request.encoded(for: .tfs, at: nil)
        let parsed = try JSONDecoder().decode(JSONValue.self, from: Data(bytes))
        #expect(
            parsed
                == .object([
                    "cmd": .text("setusername"), "count": .integer(1),
                    "record": .list([.object(["enrollid": .integer(1), "name": .text(name)])]),
                ]))
    }

    // MARK: Dialects

    @Test(
        arguments: [
            ("tfs30", nil, CommandDialect.tfs), ("AiFace", "ai518_f48v_v1.20", .aiface),
            (nil, "TH900_v2", .tfs),
            ("AiFace BS", nil, .aifaceBS), ("AiFace", "AiF43V_BS_3.04", .aifaceBS), ("", "AiF43V_1", .aiface),
            ("EVO Facial", nil, .evo),
            (nil, nil, .unknown),
            ("The Terminal", "x", .unknown),
        ] as [(String?, String?, CommandDialect)])
    func `the dialect is guessed from model and firmware`(
        model: String?, firmware: String?, dialect: CommandDialect
    ) {
        #expect(CommandDialect.guess(model: model, firmware: firmware) == dialect)
    }

    @Test func `clock and switch are spelled as the dialect has them`() throws {
        let wall = WallTime(valid: "2026-11-22 08:00:00")
        func sent(_ request: CommandRequest, _ dialect: CommandDialect) -> String {
            String(decoding: request.encoded(for: dialect, at: wall), as: UTF8.self)
        }
        #expect(sent(.setTime, .tfs) == #"{"cmd":"settime","cloudtime":"2026-11-22 08:00:00"}"#)
        #expect(sent(.setTime, .aifaceBS) == #"{"cmd":"settime","time":"2026-11-22 08:00:00"}"#)
        #expect(
            sent(.setTime, .aiface)
                == #"{"cmd":"settime","cloudtime":"2026-11-22 08:00:00","time":"2026-11-22 08:00:00"}"#)
        let off = try CommandRequest.enableUser(EnrollID(number: 7), false)
        #expect(sent(off, .tfs) == #"{"cmd":"enableuser","enrollid":7,"enflag":0}"#)
        #expect(sent(off, .aifaceBS) == #"{"cmd":"enableuser","enrollid":7,"enable":0}"#)
        #expect(sent(off, .unknown) == #"{"cmd":"enableuser","enrollid":7,"enflag":0,"enable":0}"#)
        let holidays = try CommandCatalogue.request("getholiday")
        #expect(sent(holidays, .tfs) == #"{"cmd":"getholiday","stn":true}"#)
    }

    // MARK: Constructors

    @Test func `the gateway's own commands are what the protocol wants`() throws {
        let ann = EnrollID(number: 12)
        func sent(_ request: CommandRequest) -> String {
            String(decoding: request.encoded(for: .tfs, at: nil), as: UTF8.self)
        }
        let delete = try CommandRequest.deleteUser(ann)
        #expect(sent(delete) == #"{"cmd":"deleteuser","enrollid":12,"backupnum":13}"#)
        let slots = try CommandRequest.deleteFingerprints(ann, for: TerminalTraits(dialect: .aiface))
        #expect(slots.count == 10)
        let atOnce = try CommandRequest.deleteFingerprints(ann, for: TerminalTraits(dialect: .tfs))
        #expect(atOnce.map(sent) == [#"{"cmd":"deleteuser","enrollid":12,"backupnum":12}"#])
        let names = try CommandRequest.setUserNames((1...120).map { (EnrollID(number: $0), "N\($0)") })
        #expect(names.map { $0.fields["count"] } == [.integer(50), .integer(50), .integer(20)])
        let day = WallTime(valid: "2026-11-22 08:00:00")
        #expect(sent(.getAllLog(from: day)) == #"{"cmd":"getalllog","from":"2026-11-22"}"#)
        let add = try CommandRequest.addUser(ann, name: "Ann", slot: .photo)
        #expect(
            sent(add) == #"{"cmd":"adduser","enrollid":12,"backupnum":50,"admin":0,"name":"Ann","flag":10}"#)
        #expect(throws: CommandRefusal.self) {
            try CommandRequest.deleteCredential(ann, slot: .allFingerprints)
        }
        #expect(CommandRequest.fittingName(String(repeating: "é", count: 40)).utf8.count == 64)
    }

    @Test func `a template goes to terminals of its own algorithm only`() throws {
        let traits = TerminalTraits(templateAlgorithm: "thbio3.0")
        func send(_ algorithm: String?, _ traits: TerminalTraits) throws(CommandRefusal) {
            _ = try CommandRequest.setUserInfo(
                EnrollID(number: 1), name: "Ann", slot: .fingerprint(0), record: .text("c5a1(12)ff"),
                origin: TemplateOrigin(algorithm: algorithm), for: traits)
        }
        try send("THBIO3.0", traits)
        let refusal = #expect(throws: CommandRefusal.self) { try send("thbio1.0", traits) }
        #expect(
            refusal?.problems.first?.description
                == "record: a template of thbio1.0; allowed: one of thbio3.0")
        #expect(throws: CommandRefusal.self) { try send(nil, traits) }
        #expect(throws: CommandRefusal.self) { try send("thbio3.0", TerminalTraits()) }
    }
}
