import AttendanceCore
import AttendanceSimulation
import Testing

/// Every word of docs/protocol.md §8 to every firmware.
@Suite struct CommandTableTests {
    /// Fields with which a terminal that knows the word carries it out, and the keys of its answer.
    static let words: [(word: String, fields: String, keys: Set<String>)] = [
        ("getuserlist", #""stn":true,"page":1,"pagesize":40"#, ["count", "record"]),
        (
            "getuserinfo", #""enrollid":7,"backupnum":10"#,
            ["enrollid", "name", "backupnum", "admin", "record"]
        ),
        ("setuserinfo", #""enrollid":9,"name":"Ann","backupnum":11,"admin":0,"record":4711"#, []),
        ("deleteuser", #""enrollid":7,"backupnum":13"#, []),
        ("getusername", #""enrollid":7"#, ["record"]),
        ("setusername", #""count":1,"record":[{"enrollid":7,"name":"Ben"}]"#, []),
        ("enableuser", #""enrollid":7,"enflag":0,"enable":0"#, []),
        ("cleanuser", "", []),
        ("cleanadmin", "", []),
        ("adduser", #""enrollid":8,"backupnum":0,"admin":0,"name":"Cy","flag":10"#, []),
        ("setuserprofile", #""enrollid":7,"profile":"late shift""#, ["enrollid"]),
        ("getuserprofile", #""enrollid":7"#, ["enrollid", "record"]),
        ("getallusers", #""stn":true"#, ["count", "index", "record"]),
        ("getuserids", "", ["count", "record"]),
        ("getunuserdid", "", ["enrollid"]),
        ("checkuserid", #""enrollid":7"#, ["exists"]),
        ("checkregstatus", "", ["status"]),
        ("cleaninactiveuser", #""days":30"#, []),
        ("getnewlog", #""stn":true,"page":1,"pagesize":40"#, ["count", "record"]),
        ("getalllog", #""stn":true,"page":1,"from":"2026-3-1","to":"2026-03-31""#, ["count", "record"]),
        ("cleanlog", "", []),
        ("cleanlogphoto", "", []),
        ("settime", #""cloudtime":"2026-03-02 09:00:00","time":"2026-03-02 09:00:00""#, []),
        ("gettime", "", ["time"]),
        (
            "getdevinfo", "",
            ["deviceid", "language", "volume", "screensaver", "verifymode", "sleep", "loghint"]
        ),
        ("setdevinfo", #""volume":3"#, []),
        ("initsys", "", []),
        ("disabledevice", "", []),
        ("enabledevice", "", []),
        ("getdevcap", "", ["usersize", "logsize"]),
        ("getreg", "", ["devinfo"]),
        ("checklive", "", []),
        ("initmenu", "", []),
        ("cleandatebase", "", []),
        ("upgrade", "", []),
        ("forceota", "", []),
        ("setotaserver", #""url":"http://127.0.0.1/x""#, []),
        ("getotaserver", "", []),
        ("getdir", "", ["record"]),
        ("writefile", #""name":"a","data":"AA==""#, []),
        ("setscreensaver", #""seconds":9"#, []),
        ("setvoice", #""text":"hello""#, []),
        ("setcompanyname", #""name":"Works""#, []),
        ("setdepartment", #""name":"Hall""#, []),
        ("opendoor", "", []),
        ("lockctrl", #""ctrl":1"#, []),
        ("getdoorstatus", #""doornum":1"#, ["status"]),
        ("setdevlock", #""opendelay":5,"dayzone":[{"day":[{"section":"08:00~17:00"}]}]"#, []),
        ("getdevlock", "", ["opendelay", "doorsensor"]),
        ("getuserlock", #""enrollid":7"#, ["enrollid", "weekzone", "group", "starttime", "endtime"]),
        ("setuserlock", #""count":1,"record":[{"enrollid":7,"weekzone":2,"group":3}]"#, []),
        ("deleteuserlock", #""enrollid":7"#, []),
        ("cleanuserlock", "", []),
        ("getholiday", #""stn":true"#, ["holidays"]),
        ("setholiday", #""holidays":[{"name":"May","startday":"05-01","endday":"05-01"}]"#, []),
        ("getquestionnaire", #""stn":true"#, []),
        ("setquestionnaire", #""title":"Why?","radio":true,"items":["in","out"]"#, []),
        ("getshift", "", []),
        ("setshift", #""shift":[]"#, []),
        ("getbelltime", "", []),
        ("setbelltime", #""bell":[]"#, []),
    ]
    /// Words whose usual answer is not a plain success.
    static let others: Set<String> = ["reboot", "getfile", "canceladduser"]

    static func desk(_ profile: FirmwareProfile) -> Desk {
        var desk = Desk.registered(profile)
        desk.act {
            $0.enrol(
                7, name: "Ada", admin: 1,
                credentials: [
                    StoredCredential(slot: 0, record: SimulatedCredential.finger(seed: 7)),
                    StoredCredential(slot: 10, record: "4242"),
                ], at: $1)
            $0.stallPushes(true, at: $1)
            _ = $0.punch(7, known: false, at: $1)
        }
        return desk
    }

    @Test func `the table has every word`() {
        #expect(Set(Self.words.map(\.word)).union(Self.others) == CommandWords.all)
    }

    @Test(arguments: FirmwareProfile.all)
    func `each firmware answers each word it knows, and says which it does not`(
        profile: FirmwareProfile
    ) throws {
        for (word, fields, keys) in Self.words {
            var desk = Self.desk(profile)
            let answer = try desk.ask(word, fields)
            #expect((profile.echoesCommand ? answer.command : answer.answeredWord) == word, "\(word)")
            #expect((profile.echoesCommand ? answer.answeredWord : answer.command) == nil)
            #expect(answer["sn"] == "T1")
            if profile.words.contains(word) {
                #expect(answer["result"] == (word == "gettime" ? nil : true), "\(answer)")
                #expect(keys.isSubset(of: answer.fields.keys), "\(word): \(answer)")
                #expect(desk.brain.ledger.count(word) == 1)
            } else {
                #expect(answer["result"] == false && answer["msg"] == "can not find this command", "\(word)")
                #expect(desk.brain.ledger.wordsUnknown == 1)
            }
        }
    }

    @Test(arguments: FirmwareProfile.all)
    func `each firmware refuses what it cannot do with a reason, and changes nothing`(
        profile: FirmwareProfile
    ) throws {
        let refused: [(String, String, Int64)] = [
            ("getuserinfo", #""enrollid":99,"backupnum":0"#, 1),
            ("getuserinfo", "", 1),
            ("setuserinfo", #""enrollid":1234567890,"name":"","backupnum":11,"admin":0,"record":1"#, 1),
            ("setuserinfo", #""enrollid":5,"name":"","backupnum":99,"admin":0,"record":1"#, 1),
            ("setuserinfo", #""enrollid":5,"name":"","backupnum":11,"admin":0,"record":4294967296"#, 1),
            ("setuserinfo", #""enrollid":5,"name":"","backupnum":10,"admin":0,"record":123456789"#, 1),
            ("setuserinfo", #""enrollid":5,"name":"","backupnum":1,"admin":0,"record":"XYZ""#, 1),
            ("setuserinfo", #""enrollid":5,"name":"","backupnum":11,"admin":3,"record":1"#, 1),
            ("setuserinfo", #""enrollid":5,"name":"","backupnum":11,"admin":0"#, 1),
            ("deleteuser", #""enrollid":99,"backupnum":13"#, 1),
            ("deleteuser", #""enrollid":7,"backupnum":5"#, 1),
            ("setusername", #""count":0,"record":[]"#, 1),
            ("enableuser", #""enrollid":7"#, 1),
            ("settime", #""cloudtime":"2026-03-02T09:00:00Z","time":"tomorrow""#, 1),
            ("setdevinfo", #""volume":11"#, 1),
            ("setdevinfo", "", 1),
            ("opendoor", #""doornum":5"#, 1),
            ("setdevlock", #""threat":9"#, 1),
            ("setdevlock", #""dayzone":[{"day":[{"section":"8-17"}]}]"#, 1),
            ("setuserlock", #""count":1,"record":[{"enrollid":7,"group":10}]"#, 1),
            ("getuserlock", #""enrollid":99"#, 1),
        ]
        for (word, fields, reason) in refused {
            var desk = Self.desk(profile)
            desk.written = []
            let answer = try desk.ask(word, fields)
            #expect(answer["result"] == false && answer["reason"] == .integer(reason), "\(word) \(fields)")
            #expect((answer["msg"] != nil) == profile.explainsFailures)
            #expect(desk.written.isEmpty, "\(word) \(fields)")
        }
    }

    @Test func `a reboot has no answer, drops the link and comes back`() {
        var desk = Self.desk(.aiFace)
        desk.effects = []
        desk.hear(#"{"cmd":"disabledevice"}"#)
        desk.inbox = []
        desk.hear(#"{"cmd":"reboot"}"#)
        #expect(desk.inbox.isEmpty)
        #expect(desk.effects.suffix(2) == [.settle, .hangUp])
        #expect(!desk.brain.isConnected && desk.brain.recognises)
        desk.pass(.seconds(20))
        #expect(desk.effects.last == .dial)
        #expect(desk.brain.ledger.reboots == 1 && desk.brain.ledger.count("reboot") == 1)
    }

    @Test(
        arguments: [
            (SimulatedCredential.photo(seed: 1), nil),
            (SimulatedCredential.photo(seed: 1, bytes: 150_100), 1),
            (SimulatedCredential.photo(seed: 1, width: 900), 7),
            (SimulatedCredential.photo(seed: 1, width: 120), 9),
            (SimulatedCredential.photo(seed: 2), 12),
            ("bm90IGEganBlZw==", 13), ("not base64", 13),
        ] as [(String, Int64?)])
    func `a face terminal refuses a photo by the reason codes`(photo: String, reason: Int64?) throws {
        var desk = Self.desk(.aiFace)
        desk.act {
            $0.enrol(
                3, name: "",
                credentials: [StoredCredential(slot: 50, record: SimulatedCredential.photo(seed: 2))],
                at: $1)
        }
        let answer = try desk.ask(
            "setuserinfo", #""enrollid":5,"name":"","backupnum":50,"admin":0,"record":"\#(photo)""#)
        #expect(answer["reason"] == reason.map { .integer($0) })
        #expect((desk.brain.content.users[5]?[50] != nil) == (reason == nil))
    }

    @Test func `a fingerprint unit takes no photo, and matches templates of its own kind alone`() throws {
        var desk = Self.desk(.tfs)
        let photo = SimulatedCredential.photo(seed: 1)
        #expect(
            try desk.ask("setuserinfo", #""enrollid":5,"backupnum":50,"admin":0,"record":"\#(photo)""#)[
                "result"] == false)
        let other = SimulatedCredential.finger(seed: 1, algorithm: .thbio3)
        #expect(
            try desk.ask("setuserinfo", #""enrollid":5,"backupnum":0,"admin":0,"record":"\#(other)""#)[
                "result"]
                == true)
        #expect(desk.brain.ledger.foreignTemplates == 1)
        #expect(desk.act { $0.punch(5, at: $1) } == .unknown)
        let own = SimulatedCredential.finger(seed: 1, algorithm: .thbio1)
        _ = try desk.ask("setuserinfo", #""enrollid":5,"backupnum":1,"admin":0,"record":"\#(own)""#)
        #expect(desk.act { $0.punch(5, at: $1) }.record != nil)
    }

    @Test func `long user numbers need the setting for them`() throws {
        var habits = DeviceHabits()
        habits.takesLongIDs = true
        var desk = Desk.registered(habits: habits)
        #expect(
            try desk.ask("setuserinfo", #""enrollid":123456789012,"backupnum":11,"admin":0,"record":1"#)[
                "result"]
                == true)
    }
}
