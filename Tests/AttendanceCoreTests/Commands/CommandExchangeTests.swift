import Testing

@testable import AttendanceCore

/// One connection's commands: one in flight, the right answer, and an end for each.
@Suite struct CommandExchangeTests {
    /// An exchange with what went out of it.
    struct Line {
        var exchange: CommandExchange
        var now = Duration.seconds(1000)
        var sent: [String] = []
        var settled: [(id: Int64, settlement: CommandExchange.Settlement)] = []
        var parts: [CommandResult?] = []
        var strays: [CommandExchange.StrayReason] = []
        var learned: [String: Bool] = [:]

        init(_ terminal: String? = "T1", dialect: CommandDialect = .tfs) {
            exchange = CommandExchange(terminal: terminal.flatMap { SerialNumber($0) }, dialect: dialect)
        }

        mutating func take(_ outputs: [CommandExchange.Output]) {
            for output in outputs {
                switch output {
                case .send(let bytes): sent.append(String(decoding: bytes, as: UTF8.self))
                case .page(_, let result, _): parts.append(result)
                case .settled(let id, let settlement): settled.append((id, settlement))
                case .learned(let word, let isKnown): learned[word] = isKnown
                case .stray(_, let reason): strays.append(reason)
                }
            }
        }

        mutating func start(
            _ request: CommandRequest, id: Int64 = 1, attempt: Int = 1, expected: Int64? = nil
        ) {
            take(
                exchange.start(
                    CommandExchange.Order(id: id, request: request, attempt: attempt, expected: expected),
                    wallTime: WallTime(valid: "2026-11-22 08:00:00"), at: now))
        }

        /// Pages of logs are stored at once.
        @discardableResult
        mutating func hear(_ text: String, isStored: Bool = true) throws -> CommandExchange.Reception {
            let bytes = Array(text.utf8)
            let reception = try bytes.withUnsafeBytes { raw in
                let message = try FrameDecoder().decode(raw)
                return exchange.received(message, bytes: raw, at: now)
            }
            switch reception {
            case .notMine: break
            case .taken(let outputs): take(outputs)
            case .store: take(exchange.pageStored(isStored, at: now))
            }
            return reception
        }

        mutating func wait(_ seconds: Int) {
            now += .seconds(seconds)
            take(exchange.passed(at: now))
        }

        var state: CommandState? { settled.last?.settlement.state }
        var words: String { settled.last?.settlement.words ?? "" }
    }

    private func request(_ word: String, _ texts: String...) throws -> CommandRequest {
        try CommandCatalogue.request(word, texts: texts)
    }

    // MARK: Answers

    @Test func `a command ends with its answer`() throws {
        var line = Line()
        line.start(try request("opendoor", "doornum=2"))
        #expect(line.sent == [#"{"cmd":"opendoor","doornum":2}"#])
        #expect(!line.exchange.isReady(at: line.now) && line.exchange.current == 1)
        try line.hear(#"{"ret":" OpenDoor ","sn":"t1","result":true}"#)
        #expect(line.state == .done && line.exchange.isReady(at: line.now))
        #expect(line.learned == ["opendoor": true])
    }

    @Test func `every word of the catalogue ends with a plain yes, or is known to need more`() throws {
        for word in CommandCatalogue.words {
            var line = Line()
            line.start(
                CommandRequest(word: word.name, fields: ["enrollid": .integer(1), "backupnum": .integer(0)]))
            #expect(line.sent.count == 1)
            try line.hear(
                #"{"ret":"\#(word.name)","result":true,"enrollid":1,"backupnum":0,"record":"x","count":1,"index":0,"time":"2026-11-22 08:00:00"}"#
            )
            if line.settled.isEmpty { line.wait(30) }
            #expect(line.settled.count == 1 && line.state == .done, "\(word.name)")
        }
    }

    @Test func `a firmware that echoes cmd has answered`() throws {
        var line = Line()
        line.start(try request("getusername", "enrollid=7"))
        let reception = try line.hear(#"{"cmd":"getusername","result":true,"enrollid":7,"record":"Ann"}"#)
        #expect(reception != .notMine)
        #expect(line.settled.last?.settlement.result == .name("Ann"))
    }

    @Test func `a sign of life is no answer to the command of the same name`() throws {
        var line = Line()
        line.start(try request("checklive"))
        #expect(try line.hear(#"{"cmd":"checklive","sn":"T1"}"#) == .notMine)
        #expect(line.settled.isEmpty)
        try line.hear(#"{"cmd":"checklive","result":true}"#)
        #expect(line.state == .done)
    }

    @Test func `a clock without a result has answered`() throws {
        var line = Line()
        line.start(.getTime)
        try line.hear(#"{"ret":"gettime","sn":"T1","time":"2026-11-22 07:59:00"}"#)
        #expect(line.settled.last?.settlement.result == .time(WallTime(valid: "2026-11-22 07:59:00")))
    }

    @Test func `the lock's failure may come under the other word`() throws {
        var line = Line()
        line.start(try request("getdevlock"))
        try line.hear(#"{"ret":"setdevlock","result":false,"reason":1}"#)
        #expect(line.state == .refused && line.words.contains("code 1"))
    }

    @Test func `a late answer of one word is not taken for another's, even where that word is accepted`()
        throws
    {
        var line = Line()
        line.start(try request("setdevlock", "opendelay=5"), id: 1)
        line.wait(20)
        #expect(line.state == .waiting)
        line.wait(5)
        line.start(try request("getdevlock"), id: 2)
        try line.hear(#"{"ret":"setdevlock","result":false,"reason":1}"#)
        #expect(line.settled.count == 1)
        try line.hear(#"{"ret":"getdevlock","result":true,"opendelay":5}"#)
        #expect(line.settled.last?.id == 2 && line.state == .done)
    }

    @Test func `a terminal that does not know a word is remembered`() throws {
        var line = Line()
        line.start(try request("getdevcap"))
        try line.hear(#"{"ret":"getdevcap","result":false,"reason":1,"msg":"can not find this command"}"#)
        #expect(line.state == .refused && line.learned == ["getdevcap": false])
        #expect(line.settled.last?.settlement.failure == .unsupported)
    }

    @Test func `an answer about another user or in another name costs nothing but time`() throws {
        var line = Line()
        line.start(try request("getuserinfo", "enrollid=7", "backupnum=0"))
        try line.hear(#"{"ret":"getuserinfo","result":true,"enrollid":8,"backupnum":0,"record":"aa"}"#)
        try line.hear(#"{"ret":"getuserinfo","result":true,"enrollid":7,"backupnum":1,"record":"aa"}"#)
        try line.hear(
            #"{"ret":"getuserinfo","sn":"T2","result":true,"enrollid":7,"backupnum":0,"record":"aa"}"#)
        #expect(line.strays == [.otherUser, .otherUser, .otherTerminal])
        #expect(line.settled.isEmpty)
        line.wait(20)
        #expect(line.state == .waiting && line.words.contains("another terminal"))
    }

    @Test func `an answer without sense is tried again, then fails`() throws {
        var line = Line()
        for attempt in 1...3 {
            line.start(.getTime, attempt: attempt)
            try line.hear(#"{"ret":"gettime","time":"noon"}"#)
            #expect(line.state == (attempt < 3 ? .waiting : .failed))
            line.wait(5)
        }
        #expect(line.words == "the answer could not be understood, 3 times")
    }

    @Test func `late and second answers are nobody's`() throws {
        var line = Line()
        try line.hear(#"{"ret":"opendoor","result":true}"#)
        line.start(.getTime)
        try line.hear(#"{"ret":"gettime","time":"2026-11-22 07:59:00"}"#)
        try line.hear(#"{"ret":"gettime","time":"2026-11-22 07:59:00"}"#)
        #expect(line.strays == [.nobodyWaits, .nobodyWaits] && line.settled.count == 1)
    }

    // MARK: Time

    @Test func `a command that may be repeated waits again after its time-out, three times at most`() throws {
        var line = Line()
        for attempt in 1...3 {
            #expect(line.exchange.isReady(at: line.now))
            line.start(try request("getusername", "enrollid=7"), attempt: attempt)
            line.wait(9)
            #expect(line.settled.count == attempt - 1)
            line.wait(1)
            #expect(line.settled.count == attempt)
            #expect(line.state == (attempt < 3 ? .waiting : .failed))
            #expect(!line.exchange.isReady(at: line.now), "quiet")
            line.wait(5)
        }
        #expect(line.words == "no answer within 10 s, 3 times")
    }

    @Test func `a command that must not run twice is unknown without an answer`() throws {
        for word in ["opendoor", "cleanlog", "adduser"] {
            var line = Line()
            line.start(CommandRequest(word: word))
            line.wait(20)
            #expect(line.state == .unknown, "\(word)")
            line = Line()
            line.start(CommandRequest(word: word))
            line.take(line.exchange.ended())
            #expect(line.state == .unknown, "\(word)")
        }
    }

    @Test func `a terminal that pushes gets a little more time, but not for ever`() throws {
        var line = Line()
        line.start(try request("getusername", "enrollid=7"))
        for _ in 0..<100 where line.settled.isEmpty {
            #expect(
                try line.hear(
                    #"{"cmd":"sendlog","count":1,"record":[{"enrollid":1,"time":"2026-11-22 08:00:00"}]}"#)
                    == .notMine)
            line.wait(4)
        }
        #expect(line.state == .waiting)
        #expect(line.now == .seconds(1032))
    }

    @Test func `reboot is done when it is sent, unless the terminal refuses`() throws {
        var line = Line()
        line.start(.reboot)
        line.take(line.exchange.ended())
        #expect(line.state == .done)
        line = Line()
        line.start(.reboot)
        line.wait(5)
        #expect(line.state == .done)
        line = Line()
        line.start(.reboot)
        try line.hear(#"{"ret":"reboot","result":false,"msg":"can not find this command"}"#)
        #expect(line.state == .refused)
    }

    @Test func `a lost connection lets a repeatable command wait, up to a limit`() throws {
        var line = Line()
        line.start(.getTime, attempt: 19)
        line.take(line.exchange.ended())
        #expect(line.state == .waiting)
        line = Line()
        line.start(.getTime, attempt: 20)
        line.take(line.exchange.ended())
        #expect(line.state == .failed)
        line.take(line.exchange.ended())
        #expect(line.settled.count == 1)
    }

    @Test func `a user deleted twice is deleted`() throws {
        let gone = #"{"ret":"deleteuser","result":false,"msg":"can not find the user"}"#
        var line = Line()
        line.start(try CommandRequest.deleteUser(EnrollID(number: 7)), attempt: 2)
        try line.hear(gone)
        #expect(line.state == .done)
        line = Line()
        line.start(try CommandRequest.deleteUser(EnrollID(number: 7)))
        try line.hear(gone)
        #expect(line.state == .refused && line.settled.last?.settlement.failure == .notFound)
    }

    @Test func `a second command does not start before the first has ended`() throws {
        var line = Line()
        line.start(.getTime, id: 1)
        line.start(try request("opendoor"), id: 2)
        #expect(line.sent.count == 1)
        #expect(line.settled.last?.id == 2 && line.state == .waiting)
        try line.hear(#"{"ret":"gettime","time":"2026-11-22 07:59:00"}"#)
        #expect(line.settled.last?.id == 1 && line.state == .done)
    }

    // MARK: Pages

    private func users(_ range: Range<Int>, count: Int, from: Int) -> String {
        let rows = range.map { #"{"enrollid":\#($0 + 1),"admin":0,"backupnum":0}"# }.joined(separator: ",")
        return
            #"{"ret":"getuserlist","result":true,"count":\#(count),"from":\#(from),"to":\#(from + range.count),"record":[\#(rows)]}"#
    }

    @Test func `a list of users is read page by page`() throws {
        var line = Line()
        line.start(.getUserList)
        try line.hear(users(0..<40, count: 40, from: 0))
        try line.hear(users(40..<50, count: 10, from: 40))
        #expect(line.settled.isEmpty)
        try line.hear(#"{"ret":"getuserlist","result":true,"count":0,"record":[]}"#)
        #expect(
            line.sent == [
                #"{"cmd":"getuserlist","stn":true}"#, #"{"cmd":"getuserlist","stn":false}"#,
                #"{"cmd":"getuserlist","stn":false}"#,
            ])
        #expect(line.state == .done && line.words == "50 entries in 2 pages")
        let rows = line.parts.compactMap { if case .users(let rows)? = $0 { rows } else { nil } }
        #expect(rows.flatMap(\.self).map(\.enrollID) == (1...50).map { EnrollID(number: $0) })
    }

    @Test func `a page that comes twice loses nothing`() throws {
        var line = Line()
        line.start(.getUserList)
        try line.hear(users(0..<40, count: 100, from: 0))
        try line.hear(users(0..<40, count: 100, from: 0))
        line.wait(4)
        try line.hear(users(40..<80, count: 100, from: 40))
        try line.hear(users(40..<80, count: 100, from: 40))
        try line.hear(users(80..<100, count: 100, from: 80))
        #expect(line.state == .done && line.words == "100 entries in 3 pages")
    }

    @Test func `a terminal that repeats its last page is done after a moment`() throws {
        var line = Line()
        line.start(.getUserList)
        try line.hear(users(0..<3, count: 3, from: 0))
        try line.hear(users(0..<3, count: 3, from: 0))
        #expect(line.settled.isEmpty)
        line.wait(5)
        #expect(line.state == .done && line.words == "3 entries in 1 page")
    }

    @Test func `a page of logs is stored before the next is asked for`() throws {
        var line = Line()
        line.start(.getAllLog(from: WallTime(valid: "2026-11-01 00:00:00")))
        let page =
            #"{"ret":"getalllog","result":true,"count":2,"from":0,"to":1,"record":[{"enrollid":1,"time":"2026-11-22 08:00:00"}]}"#
        let bytes = Array(page.utf8)
        let reception = try bytes.withUnsafeBytes { raw in
            let message = try FrameDecoder().decode(raw)
            return line.exchange.received(message, bytes: raw, at: line.now)
        }
        #expect(reception == .store && line.sent.count == 1 && line.exchange.wakes == nil)
        line.wait(100)
        #expect(line.settled.isEmpty)
        line.take(line.exchange.pageStored(true, at: line.now))
        #expect(
            line.sent == [
                #"{"cmd":"getalllog","from":"2026-11-01","stn":true}"#, #"{"cmd":"getalllog","stn":false}"#,
            ])
        try line.hear(
            #"{"cmd":"getalllog","count":2,"from":1,"to":2,"record":[{"enrollid":1,"time":"2026-11-22 08:00:00"}]}"#
        )
        #expect(line.state == .done && line.words == "2 entries in 2 pages")
    }

    @Test func `logs that could not be stored are asked for again`() throws {
        var line = Line()
        line.start(.getNewLog)
        try line.hear(
            #"{"ret":"getnewlog","result":true,"count":1,"record":[{"enrollid":1,"time":"2026-11-22 08:00:00"}]}"#,
            isStored: false)
        #expect(line.state == .waiting && line.sent.count == 1)
    }

    @Test func `an empty list is a list, a refused one is refused`() throws {
        for text in [
            #"{"ret":"getnewlog","result":true,"count":0,"record":[]}"#,
            #"{"ret":"getnewlog","result":true,"count":0}"#,
            #"{"ret":"getnewlog","result":false,"msg":"have no data"}"#,
        ] {
            var line = Line()
            line.start(.getNewLog)
            try line.hear(text)
            #expect(line.state == .done && line.words == "0 entries in 0 pages")
        }
        var line = Line()
        line.start(.getNewLog)
        try line.hear(#"{"ret":"getnewlog","result":false,"reason":3}"#)
        #expect(line.state == .refused && line.words.contains("operation failed"))
    }

    @Test func `a terminal that wants pages gets them where its counters promise something`() throws {
        var line = Line(dialect: .aifaceBS)
        line.start(.getUserList, expected: 2)
        try line.hear(#"{"ret":"getuserlist","result":false,"reason":1}"#)
        #expect(line.sent.last == #"{"cmd":"getuserlist","page":1,"pagesize":40}"#)
        try line.hear(users(0..<2, count: 2, from: 0))
        try line.hear(#"{"ret":"getuserlist","result":false,"reason":1}"#)
        #expect(line.sent.last == #"{"cmd":"getuserlist","page":2,"pagesize":40}"#)
        #expect(line.state == .done && line.words == "2 entries in 1 page")
        line = Line()
        line.start(.getUserList, expected: 2)
        try line.hear(#"{"ret":"getuserlist","result":false,"reason":4}"#)
        try line.hear(#"{"ret":"getuserlist","result":false,"reason":1}"#)
        #expect(line.state == .refused && line.words.contains("wrong form"))
    }

    @Test func `all users come one an answer`() throws {
        var line = Line()
        line.start(.getAllUsers)
        for index in 0..<3 {
            try line.hear(
                #"{"ret":"getallusers","result":true,"count":3,"index":\#(index),"enrollid":\#(index + 1),"backupnum":10,"record":1}"#
            )
        }
        #expect(line.state == .done && line.parts.count == 3 && line.sent.count == 3)
    }

    @Test func `who pages by hand in raw mode gets one page`() throws {
        var line = Line()
        line.start(try CommandCatalogue.raw("getuserlist", texts: ["stn=true"]))
        try line.hear(users(0..<40, count: 100, from: 0))
        #expect(line.state == .done && line.sent == [#"{"cmd":"getuserlist","stn":true}"#])
    }

    // MARK: Anything at any time

    /// Commands of all kinds, a terminal that does whatever it likes, and a connection that comes and goes.
    @Test(arguments: 0..<60 as Range<UInt64>)
    func `one in flight, nothing twice that must not be, and an end for each`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        struct Job {
            var request: CommandRequest
            var attempts = 0
            var state = CommandState.waiting
        }
        let requests: [CommandRequest] = [
            .getTime, .getUserList, .getNewLog, .reboot, .setTime, .getAllUsers,
            CommandRequest(word: "opendoor"),
            try CommandRequest.addUser(EnrollID(number: 3), name: "A", slot: .card),
            try CommandRequest.deleteUser(EnrollID(number: 2)), try CommandCatalogue.raw("whatever"),
            try request("getuserinfo", "enrollid=5", "backupnum=0"), try request("getdevlock"),
        ]
        var jobs = (0..<30).map { _ in Job(request: requests.randomElement(using: &random) ?? .getTime) }
        var line = Line()
        var deliveries: [String] = []
        var inFlight: Int?
        var sends = [Int](repeating: 0, count: jobs.count)
        var steps = 0

        func absorb() throws {
            for (id, settlement) in line.settled {
                #expect(inFlight == Int(id))
                inFlight = nil
                jobs[Int(id)].state = settlement.state
            }
            line.settled = []
            for text in line.sent {
                let current = try #require(line.exchange.current ?? inFlight.map(Int64.init))
                #expect(inFlight == Int(current))
                sends[Int(current)] += 1
                let word = jobs[Int(current)].request.word
                #expect(text.hasPrefix("{\"cmd\":\"\(word)\""))
                let good =
                    #"{"ret":"\#(word)","result":true,"count":1,"from":0,"to":1,"time":"2026-11-22 08:00:00","enrollid":\#([1, 2, 3, 5].randomElement(using: &random) ?? 1),"record":[{"enrollid":\#(Int.random(in: 1...9, using: &random)),"time":"2026-11-22 08:00:00"}]}"#
                switch Int.random(in: 0..<12, using: &random) {
                case 0: break  // never
                case 1: deliveries += [good, good]
                case 2: deliveries.append(#"{"ret":"\#(word)","result":false,"reason":1}"#)
                case 3: deliveries.append(#"{"ret":"\#(word)","sn":"T2","result":true}"#)
                case 4:
                    deliveries.append(
                        #"{"ret":"\#(requests.randomElement(using: &random)?.word ?? "x")","result":true}"#)
                case 5: deliveries.append(#"{"cmd":"\#(word)","result":true,"record":[]}"#)
                case 6: deliveries.append(#"{"ret":"\#(word)","result":true,"count":0,"record":[]}"#)
                case 7: deliveries.append(#"{"ret":"\#(word)","record":7,"result":"maybe"}"#)
                default: deliveries.append(good)
                }
            }
            line.sent = []
        }

        while jobs.contains(where: { !$0.state.isFinal }) {
            steps += 1
            try #require(steps < 20_000, "does not end")
            switch Int.random(in: 0..<20, using: &random) {
            case 0:
                line.take(line.exchange.ended())
                try absorb()
                #expect(inFlight == nil)
                let now = line.now
                line = Line()
                line.now = now
                deliveries = []
            case 1: try line.hear(#"{"cmd":"senduser","enrollid":1,"backupnum":0,"record":"aa"}"#)
            case 2...4:
                line.wait(Int.random(in: 1...12, using: &random))
            case 5...12 where !deliveries.isEmpty:
                // Not always in order: late answers overtake nothing, but stay behind for long.
                let index =
                    Bool.random(using: &random) ? 0 : Int.random(in: 0..<deliveries.count, using: &random)
                try line.hear(
                    deliveries.remove(at: index), isStored: Int.random(in: 0..<20, using: &random) > 0)
            default:
                guard inFlight == nil, line.exchange.isReady(at: line.now),
                    let next = jobs.firstIndex(where: { !$0.state.isFinal })
                else { break }
                jobs[next].attempts += 1
                inFlight = next
                line.start(jobs[next].request, id: Int64(next), attempt: jobs[next].attempts)
            }
            try absorb()
        }
        for (index, job) in jobs.enumerated() {
            if !job.request.isRepeatable { #expect(sends[index] == 1, "\(job.request.word)") }
            #expect(job.attempts <= CommandExchange.maximumAttempts)
        }
    }
}
