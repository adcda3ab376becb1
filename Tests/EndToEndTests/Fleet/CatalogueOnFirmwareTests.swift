import AttendanceCore
import AttendanceSimulation
import Testing

/// Every word of the catalogue, as the gateway sends it, to every firmware, and what the gateway makes of the answer.
@Suite struct `The catalogue on every firmware` {
    /// What the gateway must read out of a success.
    enum Meaning: Hashable {
        case plain, users(Int), logs(Int), credential, userIDs, name(String), profile, exists(Bool), time
        case settings, lock, userLock, holidays, questionnaire, other, silent
        case refused
    }

    /// By docs/protocol.md §8: since when a word is known.
    enum Since: Hashable { case v19, v28, newer, someFingerprintUnits }

    struct Row: Sendable {
        let word: String
        let texts: [String]
        let since: Since
        let meaning: Meaning
        init(_ word: String, _ texts: [String] = [], _ since: Since, _ meaning: Meaning = .plain) {
            self.word = word
            self.texts = texts
            self.since = since
            self.meaning = meaning
        }
    }

    /// Written from the tables of docs/protocol.md §8.1 to §8.4, not from the catalogue. User 7 is Ada, with a finger
    /// and a PIN; there is one log.
    static let rows: [Row] = [
        Row("getuserlist", [], .v19, .users(2)),
        Row("getuserinfo", ["enrollid=7", "backupnum=10"], .v19, .credential),
        Row("setuserinfo", ["enrollid=9", "name=Ann", "backupnum=11", "admin=0", "record=4711"], .v19),
        Row("deleteuser", ["enrollid=7", "backupnum=13"], .v19),
        Row("getusername", ["enrollid=7"], .v19, .name("Ada")),
        Row("setusername", [#"record=[{"enrollid":7,"name":"Ben"}]"#], .v19),
        Row("enableuser", ["enrollid=7", "enflag=0"], .v19),
        Row("cleanuser", [], .v19),
        Row("cleanadmin", [], .v19),
        Row("adduser", ["enrollid=8", "backupnum=0", "admin=0", "name=Cy"], .v28, .other),
        Row("setuserprofile", ["enrollid=7", "profile=late shift"], .v28),
        Row("getuserprofile", ["enrollid=7"], .v28, .profile),
        Row("getallusers", [], .someFingerprintUnits, .users(2)),
        Row("getuserids", [], .newer, .userIDs),
        Row("getunuserdid", [], .newer, .other),
        Row("checkuserid", ["enrollid=7"], .newer, .exists(true)),
        Row("checkregstatus", [], .newer, .other),
        // Nobody is being enrolled.
        Row("canceladduser", [], .newer, .refused),
        Row("cleaninactiveuser", ["days=30"], .newer),
        Row("getnewlog", [], .v19, .logs(1)),
        Row("getalllog", ["from=2026-01-01", "to=2026-12-31"], .v19, .logs(1)),
        Row("cleanlog", [], .v19),
        Row("cleanlogphoto", [], .newer),
        Row("settime", [], .v19),
        Row("gettime", [], .v28, .time),
        Row("getdevinfo", [], .v19, .settings),
        Row("setdevinfo", ["volume=3"], .v19),
        Row("reboot", [], .v19, .silent),
        Row("initsys", [], .v19),
        Row("disabledevice", [], .v19),
        Row("enabledevice", [], .v19),
        Row("getdevcap", [], .newer, .settings),
        Row("getreg", [], .newer, .settings),
        Row("checklive", [], .newer),
        Row("initmenu", [], .newer),
        Row("cleandatebase", [], .newer),
        Row("upgrade", [], .newer),
        Row("forceota", [], .newer),
        Row("setotaserver", ["url=http://127.0.0.1/x"], .newer),
        Row("getotaserver", [], .newer, .settings),
        Row("getdir", [], .newer, .other),
        // There is no such file.
        Row("getfile", ["name=none"], .newer, .refused),
        Row("writefile", ["name=a", "data=AA=="], .newer),
        Row("setscreensaver", ["seconds=9"], .newer),
        Row("setvoice", ["text=hello"], .newer),
        Row("setcompanyname", ["name=Works"], .newer),
        Row("setdepartment", ["name=Hall"], .newer),
        Row("opendoor", ["doornum=1"], .v19),
        Row("lockctrl", ["ctrl=1", "doornum=1"], .newer),
        Row("getdoorstatus", ["doornum=1"], .newer, .other),
        Row("setdevlock", ["opendelay=5", "doorsensor=1"], .v19),
        Row("getdevlock", [], .v19, .lock),
        Row("getuserlock", ["enrollid=7"], .v19, .userLock),
        Row("setuserlock", [#"record=[{"enrollid":7,"weekzone":2,"group":3}]"#], .v19),
        Row("deleteuserlock", ["enrollid=7"], .v19),
        Row("cleanuserlock", [], .v19),
        Row("getholiday", [], .v28, .holidays),
        Row(
            "setholiday",
            [#"holidays=[{"name":"May","startday":"05-01","endday":"05-01","shift":0,"dayzone":0}]"#], .v28),
        Row("getquestionnaire", [], .v28, .questionnaire),
        Row("setquestionnaire", ["title=Why?", "radio=true", #"items=["in","out"]"#], .v28),
        Row("getshift", [], .newer, .other),
        Row("setshift", ["shift=early"], .newer),
        Row("getbelltime", [], .newer, .other),
        Row("setbelltime", ["bell=08:00"], .newer),
    ]

    /// What each firmware is: the version of the protocol it follows, and whether it has the newer words.
    static let knows: [String: Set<Since>] = [
        "tfs": [.v19, .someFingerprintUnits], "th": [.v19, .v28], "aiface": [.v19, .v28],
        "aiface-bs": [.v19, .v28, .newer], "cmd-echo": [.v19, .v28], "exclusive-to": [.v19, .v28],
        "pages": [.v19, .v28],
    ]

    @Test func `the table has every word of the catalogue and every firmware`() {
        #expect(Set(Self.rows.map(\.word)) == Set(CommandCatalogue.words.map(\.name)))
        #expect(Self.rows.count == CommandCatalogue.words.count)
        #expect(Set(Self.knows.keys) == Set(FirmwareProfile.all.map(\.name)))
    }

    @Test(arguments: FirmwareProfile.all)
    func `each word is carried out and understood, or known as unknown, or refused in words`(
        profile: FirmwareProfile
    ) throws {
        let known = try #require(Self.knows[profile.name])
        for row in Self.rows {
            var table = try Bench(profile)
            try table.run(try CommandCatalogue.request(row.word, texts: row.texts))
            let settlement = try #require(table.settlement, "\(row.word) on \(profile.name) has no end")
            let place: Comment = "\(row.word) on \(profile.name): \(settlement.words ?? "")"
            guard known.contains(row.since) else {
                if row.meaning == .silent { continue }
                #expect(settlement.state == .refused && settlement.failure == .unsupported, place)
                #expect(
                    settlement.words?.contains("this firmware does not know the command \(row.word)") == true,
                    place)
                #expect(table.learned == [row.word: false], place)
                continue
            }
            #expect(table.brain.ledger.wordsUnknown == 0, place)
            if row.meaning == .refused {
                #expect(settlement.state == .refused && settlement.failure != .unsupported, place)
                #expect(settlement.words?.isEmpty == false, place)
                continue
            }
            #expect(settlement.state == .done, place)
            #expect(row.meaning == .silent || table.learned == [row.word: true], place)
            #expect(table.strays == 0, place)
            try Self.check(settlement.result, table, row, place)
        }
    }

    /// What the answer means is what it was.
    private static func check(
        _ result: CommandResult?, _ table: Bench, _ row: Row, _ place: Comment
    ) throws {
        switch (row.meaning, result) {
        case (.plain, .plain?), (.silent, nil), (.silent, .plain?), (.other, .other?),
            (.questionnaire, .questionnaire?):
            break
        case (.users(let count), .pages?):
            #expect(table.users == count, place)
        case (.logs(let count), .pages(let summary)?):
            #expect(table.logs == count && summary.entries == count, place)
        case (.credential, .credential(let credential)?):
            #expect(credential.enrollID == EnrollID(number: 7) && credential.backupNumber == 10, place)
            #expect(credential.record.plainText == "4242" && credential.name == "Ada", place)
        case (.userIDs, .userIDs(let ids)?): #expect(ids == [EnrollID(number: 7)], place)
        case (.name(let expected), .name(let name)?): #expect(name == expected, place)
        case (.profile, .profile(let text)?): #expect(text == "", place)
        case (.exists(let expected), .exists(let exists)?): #expect(exists == expected, place)
        case (.time, .time(let time)?): #expect(time.description.hasPrefix("2026-03-02 08:00"), place)
        case (.settings, .settings(let fields)?):
            if row.word == "getdevinfo" { #expect(fields["volume"] != nil, place) }
            if row.word == "getdevcap" { #expect(fields["usersize"] != nil, place) }
        case (.lock, .lock(let fields)?): #expect(fields["opendelay"] != nil, place)
        case (.userLock, .userLock(let lock)?):
            #expect(lock.enrollID == EnrollID(number: 7) && lock.weekZones == [1, 0, 0, 0], place)
        case (.holidays, .holidays(let days)?): #expect(days.isEmpty, place)
        default: Issue.record("\(place) is read as \(String(describing: result))")
        }
    }

    @Test(arguments: FirmwareProfile.all)
    func `what a terminal cannot do is told in words, with the codes of the documents`(
        profile: FirmwareProfile
    ) throws {
        let refusals: [(word: String, texts: [String], words: String)] = [
            (
                "getuserinfo", ["enrollid=99", "backupnum=0"],
                profile.explainsFailures ? "can not find" : "code 1"
            ),
            (
                "deleteuser", ["enrollid=99", "backupnum=13"],
                profile.explainsFailures ? "can not find" : "code 1"
            ),
            (
                "setuserinfo", ["enrollid=5", "name=X", "backupnum=20", "admin=0", "record=AAAAAAAAAAAA"],
                "code 1"
            ),
        ]
        for (word, texts, words) in refusals {
            if word == "setuserinfo", profile.kinds.contains(.faceTemplate) { continue }
            var table = try Bench(profile)
            try table.run(try CommandCatalogue.request(word, texts: texts))
            let settlement = try #require(table.settlement)
            #expect(settlement.state == .refused && settlement.failure != .unsupported)
            #expect(settlement.words?.contains(words) == true, "\(word): \(settlement.words ?? "")")
        }
    }
}

/// A firmware and an exchange on one table, without sockets.
private struct Bench {
    var brain: FirmwareBrain
    private var exchange: CommandExchange
    private var now: Moment
    private(set) var settlement: CommandExchange.Settlement?
    private(set) var learned: [String: Bool] = [:]
    private(set) var strays = 0
    /// Rows of users, and logs, that came.
    private(set) var users = 0
    private(set) var logs = 0
    private let serial: SerialNumber

    struct Odd: Error { let text: String }

    init(_ profile: FirmwareProfile) throws {
        guard let serial = SerialNumber("T1"),
            let morning = WallTime(year: 2026, month: 3, day: 2, hour: 8)
        else { throw Odd(text: "no serial number") }
        self.serial = serial
        now = Moment(elapsed: .zero, time: UnixTime(seconds: morning.seconds))
        brain = FirmwareBrain(
            serial: "T1", profile: profile, clock: DeviceClock(showing: morning, at: now.time))
        // As the gateway guesses it from what the terminal says of itself.
        exchange = CommandExchange(
            terminal: serial,
            dialect: CommandDialect.guess(model: profile.model, firmware: profile.firmware))
        brain.powerOn(at: now)
        now = now + brain.habits.boot
        brain.tick(at: now)
        brain.connected(at: now)
        brain.received(#"{"ret":"reg","result":true,"nosenduser":true}"#, at: now)
        brain.enrol(
            7, name: "Ada", admin: 1,
            credentials: [
                StoredCredential(
                    slot: 0, record: SimulatedCredential.finger(seed: 7, algorithm: profile.fingerAlgorithm)),
                StoredCredential(slot: 10, record: "4242"),
            ], at: now)
        // Otherwise the log is pushed, and there is no new one to pull.
        brain.stallPushes(true, at: now)
        _ = brain.punch(7, at: now)
        _ = brain.takeEffects()
    }

    /// Gives the command, and lets both sides talk until it has ended.
    mutating func run(_ request: CommandRequest) throws {
        let expected: Int64? = request.word == "getuserlist" ? 1 : request.word.hasSuffix("log") ? 1 : nil
        try take(
            exchange.start(
                CommandExchange.Order(id: 1, request: request, expected: expected),
                wallTime: brain.wallTime(at: now), at: now.elapsed))
        for _ in 0..<20 where settlement == nil {
            guard let wakes = exchange.wakes else { break }
            now = now + (max(wakes, now.elapsed) - now.elapsed)
            try take(exchange.passed(at: now.elapsed))
        }
    }

    private mutating func take(_ outputs: [CommandExchange.Output]) throws {
        for output in outputs {
            switch output {
            case .send(let bytes): try give(String(decoding: bytes, as: UTF8.self))
            case .page(_, let part, _):
                if case .users(let rows) = part { users += rows.count }
                if case .credential = part { users += 1 }
            case .settled(_, let end): settlement = end
            case .learned(let word, let isKnown): learned[word] = isKnown
            case .stray: strays += 1
            }
        }
    }

    private mutating func give(_ text: String) throws {
        brain.received(text, at: now)
        for effect in brain.takeEffects() {
            guard case .send(let answer) = effect else { continue }
            let bytes = Array(answer.utf8)
            var message: TerminalMessage?
            let reception = try bytes.withUnsafeBytes { raw in
                let decoded = try FrameDecoder().decode(raw)
                message = decoded
                return exchange.received(decoded, bytes: raw, at: now.elapsed)
            }
            switch reception {
            case .notMine: throw Odd(text: "not taken for an answer: \(answer)")
            case .taken(let outputs): try take(outputs)
            case .store:
                if case .log(let log) = message { logs += log.records.count }
                try take(exchange.pageStored(true, at: now.elapsed))
            }
        }
    }
}
