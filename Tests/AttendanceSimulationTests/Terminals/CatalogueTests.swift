import AttendanceCore
import AttendanceSimulation
import Testing

/// Every command of the gateway's catalogue, given as the gateway gives it, to every firmware.
@Suite struct CatalogueTests {
    /// A gateway's side of one connection to a firmware on a desk.
    struct Conversation {
        var desk: Desk
        var exchange: CommandExchange
        var settlements: [CommandExchange.Settlement] = []
        var rows: [CommandResult] = []
        var logs = 0
        var strays = 0
        private var known: [String: Bool] = [:]

        init(_ desk: Desk) {
            self.desk = desk
            let profile = desk.brain.profile
            exchange = CommandExchange(
                terminal: SerialNumber("T1"),
                dialect: .guess(model: profile.model, firmware: profile.firmware))
        }

        func knows(_ word: String) -> Bool? { known[word] }

        /// Gives a command and talks until it is settled, however long that takes.
        mutating func give(_ request: CommandRequest, expected: Int64? = nil) throws
            -> CommandExchange.Settlement
        {
            settlements = []
            desk.inbox = []
            desk.effects = []
            while !exchange.isReady(at: desk.now.elapsed), let wakes = exchange.wakes {
                try wait(until: wakes)
            }
            try carryOut(
                exchange.start(
                    CommandExchange.Order(id: 1, request: request, expected: expected),
                    wallTime: Desk.morning, at: desk.now.elapsed))
            while settlements.isEmpty {
                if !desk.inbox.isEmpty {
                    try hear(desk.inbox.removeFirst())
                } else if !desk.brain.isConnected {
                    try carryOut(exchange.ended())
                } else if let wakes = exchange.wakes {
                    try wait(until: wakes)
                } else {
                    throw Desk.Odd.answers(["nothing is waited for"])
                }
            }
            return settlements[0]
        }

        private mutating func wait(until moment: Duration) throws {
            // The terminal first: what it says in this moment has come in time.
            let next = min(moment, desk.brain.nextDeadline ?? moment)
            desk.pass(max(.zero, next - desk.now.elapsed))
            while !desk.inbox.isEmpty { try hear(desk.inbox.removeFirst()) }
            if desk.now.elapsed >= moment { try carryOut(exchange.passed(at: moment)) }
        }

        mutating func hear(_ text: String) throws {
            let bytes = Array(text.utf8)
            let reception = bytes.withUnsafeBytes { raw -> CommandExchange.Reception? in
                // What cannot be read is the listener's to count; the exchange does not hear of it.
                guard let message = try? FrameDecoder().decode(raw) else { return nil }
                if case .log(let log) = message { logs += log.word.hasPrefix("get") ? log.records.count : 0 }
                return exchange.received(message, bytes: raw, at: desk.now.elapsed)
            }
            switch reception {
            case .taken(let outputs): try carryOut(outputs)
            case .store: try carryOut(exchange.pageStored(true, at: desk.now.elapsed))
            case .notMine, nil: break
            }
        }

        private mutating func carryOut(_ outputs: [CommandExchange.Output]) throws {
            for output in outputs {
                switch output {
                case .send(let bytes): desk.hear(String(decoding: bytes, as: UTF8.self))
                case .page(_, let result, _): if let result { rows.append(result) }
                case .settled(_, let settlement): settlements.append(settlement)
                case .learned(let word, let isKnown): known[word] = isKnown
                case .stray: strays += 1
                }
            }
        }
    }

    /// What is given with a word that needs something.
    private static let fields: [String: [String: AttendanceCore.JSONValue]] = [
        "getuserinfo": ["enrollid": .integer(7), "backupnum": .integer(10)],
        "setuserinfo": [
            "enrollid": .integer(60), "name": .text("Ann"), "backupnum": .integer(11),
            "record": .integer(4711),
        ],
        "deleteuser": ["enrollid": .integer(7), "backupnum": .integer(13)],
        "getusername": ["enrollid": .integer(7)],
        "setusername": ["record": .list([.object(["enrollid": .integer(7), "name": .text("Ben")])])],
        "enableuser": ["enrollid": .integer(7), "enflag": .integer(0)],
        "adduser": ["enrollid": .integer(61), "backupnum": .integer(0), "name": .text("Cy")],
        "setuserprofile": ["enrollid": .integer(7), "profile": .text("late shift")],
        "getuserprofile": ["enrollid": .integer(7)],
        "checkuserid": ["enrollid": .integer(7)],
        "cleaninactiveuser": ["days": .integer(30)],
        "setdevinfo": ["volume": .integer(3)],
        "setdevlock": ["opendelay": .integer(5)],
        "getuserlock": ["enrollid": .integer(7)],
        "setuserlock": [
            "record": .list([.object(["enrollid": .integer(7), "weekzone": .integer(2)])])
        ],
        "deleteuserlock": ["enrollid": .integer(7)],
        "setholiday": [
            "holidays": .list([
                .object(["name": .text("May"), "startday": .text("05-01"), "endday": .text("05-01")])
            ])
        ],
        "setquestionnaire": ["title": .text("Why?")],
        "lockctrl": ["ctrl": .integer(1)],
        "setotaserver": ["url": .text("http://127.0.0.1/x")],
        "writefile": ["name": .text("a")],
        "setscreensaver": ["seconds": .integer(9)],
        "setvoice": ["text": .text("hello")],
        "setcompanyname": ["name": .text("Works")],
        "setdepartment": ["name": .text("Hall")],
        "setshift": ["shift": .list([])],
        "setbelltime": ["bell": .list([])],
    ]

    /// 45 people with a PIN and a card each, and 120 logs of five days that nobody has pulled.
    static func desk(_ profile: FirmwareProfile) -> Desk {
        var desk = Desk.registered(profile)
        desk.act { brain, now in
            brain.stallPushes(true, at: now)
            for person in 1...45 as ClosedRange<UInt64> {
                brain.enrol(
                    person, name: "P\(person)",
                    credentials: [
                        StoredCredential(slot: 10, record: "1\(person)"),
                        StoredCredential(slot: 11, record: "2\(person)"),
                    ], at: now)
            }
            for number in 0..<120 as Range<Int64> {
                let time = WallTime(seconds: Desk.morning.seconds + number * 3600)
                _ = brain.punch(UInt64(number % 45 + 1), time: time, at: now)
            }
        }
        return desk
    }

    @Test(arguments: FirmwareProfile.all)
    func `a command is done by a firmware that knows it, and told as unknown by one that does not`(
        profile: FirmwareProfile
    ) throws {
        for word in CommandCatalogue.words {
            var talk = Conversation(Self.desk(profile))
            let request = try CommandCatalogue.request(word.name, fields: Self.fields[word.name] ?? [:])
            let end = try talk.give(request, expected: word.answer == .users ? 45 : 120)
            switch word.name {
            case _ where !profile.words.contains(word.name):
                #expect(end.state == .refused && end.failure == .unsupported, "\(word.name): \(end)")
                #expect(talk.knows(word.name) == false)
            case "getfile", "canceladduser":
                // No such file, and nobody to be enrolled.
                #expect(end.state == .refused && end.failure != .unsupported, "\(word.name): \(end)")
            default:
                #expect(end.state == .done, "\(word.name): \(end)")
                #expect(talk.desk.brain.ledger.count(word.name) > 0)
            }
            #expect(talk.strays == 0)
        }
    }

    @Test(arguments: FirmwareProfile.all)
    func `every row of every list comes once, however the firmware counts its pages`(
        profile: FirmwareProfile
    ) throws {
        var talk = Conversation(Self.desk(profile))
        #expect(try talk.give(.getUserList, expected: 45).state == .done)
        let rows = talk.rows.flatMap { result -> [CommandResult.UserRow] in
            if case .users(let rows) = result { rows } else { [] }
        }
        #expect(rows.count == 90 && Set(rows).count == 90)
        let all = try talk.give(CommandCatalogue.request("getalllog"), expected: 120)
        #expect(all.state == .done && talk.logs == 120)
        talk.logs = 0
        let day = try CommandCatalogue.request("getalllog", texts: ["from=2026-03-03", "to=2026-03-04"])
        #expect(try talk.give(day, expected: 120).state == .done)
        #expect(talk.logs == 48)
        talk.logs = 0
        #expect(try talk.give(CommandCatalogue.request("getnewlog"), expected: 120).state == .done)
        #expect(talk.logs == 120 && talk.desk.brain.content.logs.newCount == 0)
        talk.logs = 0
        #expect(try talk.give(CommandCatalogue.request("getnewlog"), expected: 0).state == .done)
        #expect(talk.logs == 0)
    }

    @Test(arguments: FirmwareProfile.all)
    func `what was set reads back the same`(profile: FirmwareProfile) throws {
        var talk = Conversation(Self.desk(profile))
        for (word, texts) in [
            ("setuserinfo", ["enrollid=60", "name=Zoë", "backupnum=11", "record=4711", "admin=1"]),
            ("setdevinfo", ["volume=3"]), ("setdevlock", ["opendelay=9"]),
            ("setuserlock", [#"record=[{"enrollid":7,"weekzone":2,"group":3}]"#]),
            ("settime", ["cloudtime=2026-03-02 12:00:00"]),
        ] {
            #expect(try talk.give(CommandCatalogue.request(word, texts: texts)).state == .done, "\(word)")
        }
        func read(_ word: String, _ texts: [String] = []) throws -> CommandResult? {
            try talk.give(CommandCatalogue.request(word, texts: texts)).result
        }
        #expect(
            try read("getuserinfo", ["enrollid=60", "backupnum=11"])
                == .credential(
                    CommandResult.UserCredential(
                        enrollID: EnrollID(number: 60), name: "Zoë", admin: 1, backupNumber: 11,
                        record: .integer(4711))))
        guard case .settings(let settings) = try read("getdevinfo"),
            case .lock(let lock) = try read("getdevlock"),
            case .userLock(let rights) = try read("getuserlock", ["enrollid=7"])
        else {
            Issue.record("an answer of another kind")
            return
        }
        #expect(settings["volume"] == .integer(3) && lock["opendelay"] == .integer(9))
        #expect(rights.weekZones[0] == 2 && rights.group == 3)
        #expect(talk.desk.act { $0.wallTime(at: $1) }.description == "2026-03-02 12:00:00")
    }

    // MARK: Faults

    @Test(arguments: [
        (TerminalFault.silence, CommandState.waiting, CommandState.unknown),
        (.twice, .done, .done), (.late(.seconds(8)), .done, .done),
        (.late(.seconds(12)), .waiting, .unknown), (.garbage("<html>"), .waiting, .unknown),
        (.garbage(#"{"ret":"#), .waiting, .unknown), (.foreignSerial("T9"), .waiting, .unknown),
        (.oddJSON, .done, .done), (.pushBetween, .done, .done),
        (.strayAnswer(word: "getuserlock"), .done, .done),
        (.refusal(reason: 3, message: nil), .refused, .refused),
        (.dropAfter(executing: true), .waiting, .unknown),
        (.dropAfter(executing: false), .waiting, .unknown),
    ])
    func `an odd answer costs its own command, and what must not run twice never does`(
        fault: TerminalFault, reading: CommandState, opening: CommandState
    ) throws {
        for profile in FirmwareProfile.all {
            for (word, texts, state) in [
                ("getusername", ["enrollid=7"], reading), ("opendoor", [], opening),
            ] {
                var talk = Conversation(Self.desk(profile))
                talk.desk.brain.faults.add(fault, to: word)
                let request = try CommandCatalogue.request(word, texts: texts)
                #expect(try talk.give(request).state == state, "\(profile.name) \(word)")
                #expect(talk.desk.brain.ledger.doorOpenings.count { $0.cause == .command(door: nil) } <= 1)
                if !talk.desk.brain.isConnected {
                    talk.desk.effects = []
                    talk.desk.connect()
                }
                let next = try CommandCatalogue.request("getdevinfo")
                #expect(try talk.give(next).state == .done, "\(profile.name) \(word), the next")
                guard state == .waiting else { continue }
                #expect(try talk.give(request).state == .done, "\(profile.name) \(word), again")
            }
        }
    }
}
