import AttendanceCore

extension FrameCase {
    static let all = commands + answers + noMessages + quirks

    private static let serial = SerialNumber("ZXTA26110001")
    private static let time = LogRecord.Time.valid(WallTime(valid: "2026-11-22 08:01:09"))
    /// The record that most fixtures hold.
    private static let usual = LogRecord(enrollID: "1042", time: time, mode: 8, inOut: 0, event: 0)

    /// `sendlog` with a count and an index of its own.
    private static func log(
        _ records: [LogRecord], key: LogMessage.Key = .cmd, word: String = "sendlog",
        serial: SerialNumber? = serial, count: Int64?? = nil, index: Int64? = 0,
        list: LogMessage.List = .records,
        from: Int64? = nil, to: Int64? = nil, result: Bool? = nil
    ) -> TerminalMessage {
        .log(
            LogMessage(
                key: key, word: word, serial: serial, count: count ?? Int64(records.count), logIndex: index,
                list: list, records: records, from: from, to: to, result: result))
    }

    private static func request(_ word: String, enrollID: Int64? = nil, slot: Int64? = nil) -> TerminalMessage
    {
        .request(Request(word: word, serial: serial, enrollID: enrollID, backupNumber: slot))
    }

    private static func at(_ seconds: Int) -> LogRecord.Time {
        .valid(WallTime(seconds: WallTime(valid: "2026-11-22 08:01:00").seconds + Int64(seconds)))
    }

    // MARK: docs/protocol.md §5

    private static let commands = [
        FrameCase(
            "reg",
            .registration(
                Registration(
                    serial: serial, model: "tfs30", firmware: "TH600W v6.1", backlog: 12,
                    clock: WallTime(valid: "2026-11-22 08:01:09"),
                    deviceInfo: #"{"modelname":"tfs30","manufacturer":"","usersize":3000,"fpsize":3000,"#
                        + #""cardsize":3000,"pwdsize":3000,"logsize":100000,"useduser":100,"usedfp":200,"#
                        + #""usedcard":0,"usedpwd":0,"usedlog":9876,"usednewlog":12,"fpalgo":"thbio3.0","#
                        + #""firmware":"TH600W v6.1","time":"2026-11-22 08:01:09","mac":"00-01-A9-01-00-01"}"#
                ))),
        FrameCase(
            "reg-flat",
            .registration(
                Registration(
                    serial: serial, model: "AiFace", firmware: "ai806_f06v_v1.33", backlog: 3,
                    clock: WallTime(valid: "2026-11-22 08:01:09"),
                    deviceInfo: #"{"modelname":"AiFace","usednewlog":"3","firmware":"ai806_f06v_v1.33","#
                        + #""time":"2026-11-22 08:01:09","pushver":"2.8"}"#))),
        FrameCase("reg-bare", .registration(Registration(serial: serial))),
        FrameCase(
            "reg-no-serial",
            .registration(Registration(model: "AiFace", deviceInfo: #"{"modelname":"AiFace"}"#))),
        FrameCase(
            "sendlog",
            log([
                usual,
                LogRecord(
                    enrollID: "1043", name: "", time: at(12), mode: 1, inOut: 1, event: 2, verifyMode: 13,
                    temperature: 3650),
            ])),
        FrameCase("sendrtlog", log([usual], word: "sendrtlog", index: nil)),
        FrameCase("rtlog-flat", log([usual], word: "rtlog", count: .some(nil), index: nil)),
        FrameCase("pushlog", log([usual], word: "pushlog", count: .some(nil), index: 7)),
        FrameCase("senduser-finger", .request(Request(word: "senduser", enrollID: 1042, backupNumber: 0))),
        FrameCase("senduser-card", request("senduser", enrollID: 1042, slot: 11)),
        FrameCase("senduser-photo", request("senduser", enrollID: 1042)),
        FrameCase("sendqrcode", request("sendqrcode")),
        FrameCase("checklive", request("checklive")),
        FrameCase("heartbeat", request("heartbeat")),
        FrameCase("sendpin", request("sendpin")),
        FrameCase("sendgps", request("sendgps")),
        FrameCase("otacheck", request("otacheck")),
        FrameCase("otaget", request("otaget")),
        FrameCase("talkcall", request("talkcall")),
        FrameCase("vicheckonline", request("vicheckonline")),
        FrameCase("sendface", request("sendface", enrollID: 1042)),
        FrameCase("sendfp", request("sendfp", enrollID: 1042)),
        FrameCase("sendpalm", request("sendpalm", enrollID: 1042)),
        FrameCase("sendcard", request("sendcard", enrollID: 1042)),
        FrameCase("sendpwd", request("sendpwd", enrollID: 1042)),
        FrameCase("unknown", request("sendhumidity")),
        FrameCase(
            "getalllog-client",
            log(
                [LogRecord(enrollID: "1042", name: "Person", time: time)], word: "getalllog", serial: nil,
                count: .some(nil), index: nil)),
        FrameCase("word-is-number", .wordless),
        FrameCase("no-word", .wordless),
        FrameCase("cmd-and-ret", .request(Request(word: "checklive"))),
    ]

    // MARK: §8

    private static let answers = [
        FrameCase(
            "getnewlog",
            log(
                [
                    LogRecord(
                        enrollID: "1042", time: .valid(WallTime(valid: "2026-11-21 17:30:00")), mode: 1,
                        inOut: 1,
                        event: 0),
                    LogRecord(
                        enrollID: "1043", time: .valid(WallTime(valid: "2026-11-21 17:31:00")), mode: 1,
                        inOut: 1,
                        event: 0),
                ], key: .ret, word: "getnewlog", index: nil, from: 0, to: 1, result: true)),
        FrameCase(
            "getnewlog-failed",
            log(
                [], key: .ret, word: "getnewlog", count: .some(nil), index: nil, list: .missing, result: false
            )),
        FrameCase(
            "getalllog-empty",
            log([], key: .ret, word: "getalllog", index: nil, list: .empty, from: 0, to: 0, result: true)),
        FrameCase("answer-settime", .answer(Answer(word: "settime", serial: serial, result: true))),
        FrameCase("answer-gettime", .answer(Answer(word: "gettime", serial: serial))),
        FrameCase(
            "answer-reason-text",
            .answer(Answer(word: "setdevlock", result: false, reason: "can not find this command"))),
    ]

    // MARK: §3.3, §9.11, §9.21

    private static let noMessages = [
        FrameCase("junk-w", .junk),
        FrameCase("junk-v", .junk),
        FrameCase("junk-blank", .junk),
        FrameCase("array", fails: .notAnObject),
        FrameCase("not-json", fails: .notJSON(offset: 0, expected: "a value")),
        FrameCase("truncated", fails: .notJSON(offset: 77, expected: "a closing quote")),
    ]

    // MARK: §4 and §7

    private static let quirks = [
        FrameCase("bom-and-nul", log([usual])),
        FrameCase("duplicate-keys", log([usual])),
        FrameCase(
            "numbers-as-text",
            log([LogRecord(enrollID: "1042", time: time, mode: 8, inOut: 1, event: 3, verifyMode: 13)])),
        FrameCase(
            "wrong-kinds", log([LogRecord(enrollID: "1042", time: time)], count: .some(nil), index: nil)),
        FrameCase("python-numbers", log([LogRecord(enrollID: "1042", time: time)])),
        FrameCase("q01-count-and-index", log([usual], index: 41)),
        FrameCase("q02-same-batch-again", log([usual])),
        FrameCase(
            "q03-index-restarts",
            log([usual, LogRecord(enrollID: "1042", time: at(10), mode: 8, inOut: 0, event: 0)])),
        FrameCase(
            "q04-repeat-differs",
            log([LogRecord(enrollID: "1042", name: "Person", time: time, mode: 1, inOut: 0, event: 0)])),
        FrameCase("q05-same-second-twice", log([usual, usual], index: 3)),
        FrameCase(
            "q06-name-missing-or-empty",
            log([
                LogRecord(enrollID: "1", time: at(9)), LogRecord(enrollID: "2", name: "", time: at(10)),
                LogRecord(enrollID: "3", name: "  ", time: at(11)), LogRecord(enrollID: "4", time: at(12)),
            ])),
        FrameCase(
            "q07-enroll-ids",
            log(
                [
                    "7", "7", "001", "001", "123456789012", "123456789012345678", "99999999999999999999",
                    "E-0042",
                    "7", "100", nil, nil, nil, nil, "",
                ].enumerated().map { LogRecord(enrollID: $1, alias: "A\($0)", time: at($0)) })),
        FrameCase(
            "q08-door-events",
            log(
                ["0", "0", "000", "0", "0"].enumerated().map {
                    LogRecord(enrollID: $1, time: time, mode: 0, inOut: 1, event: Int64($0))
                })),
        FrameCase(
            "q09-stranger", log([LogRecord(enrollID: "99999999", time: time, mode: 8, inOut: 0, event: 0)])),
        FrameCase("q10-record-is-object", log([usual])),
        FrameCase("q10-record-missing", log([], count: 1, list: .missing)),
        FrameCase("q10-record-is-text", log([], count: 1, list: .missing)),
        FrameCase(
            "q10-entry-is-no-object",
            log([LogRecord(isObject: false), usual] + Array(repeating: LogRecord(isObject: false), count: 3))),
        FrameCase("q11-count-wrong", log([usual], count: 9)),
        FrameCase("q11-count-is-text", log([usual], index: 12)),
        FrameCase("q11-count-missing", log([usual], count: .some(nil))),
        FrameCase("q12-trailing-commas", log([usual])),
        FrameCase("q12-many-commas", log([usual])),
        FrameCase(
            "q13-blanks", log([LogRecord(enrollID: "1042 ", time: time, mode: 8, inOut: 0, event: 0)])),
        FrameCase("q13-blank-in-answer", .answer(Answer(word: "getuserinfo", result: true))),
        FrameCase("q14-photo-bare", log([LogRecord(enrollID: "1042", time: time)])),
        FrameCase("q14-photo-data-uri", log([LogRecord(enrollID: "1042", time: time)])),
        FrameCase(
            "q15-temperatures",
            log(
                [3650, 3650, 3650, 3650, nil, nil, nil, 3600, nil, nil, nil].enumerated().map {
                    LogRecord(enrollID: "\($0 + 1)", time: time, temperature: $1)
                })),
        FrameCase(
            "q16-clock-at-reg",
            .registration(
                Registration(
                    serial: serial, model: "AiFace", clock: WallTime(valid: "2026-11-22 13:31:09"),
                    deviceInfo: #"{"modelname":"AiFace","time":"2026-11-22 13:31:09","timezone":"GMT+8"}"#))),
        FrameCase(
            "q17-impossible-times",
            log(
                [
                    .valid(WallTime(valid: "2000-01-01 00:00:00")),
                    .valid(WallTime(valid: "2099-12-31 23:59:59")),
                    .invalid("0000-00-00 00:00:00"), .invalid(""), .missing, .invalid("2026-02-30 08:00:00"),
                    .invalid("1763798469"), .invalid("2026-11-22T08:01:09Z"), .invalid("2026-11-22 24:00:00"),
                    at(0), .missing,
                ].enumerated().map { LogRecord(enrollID: "\($0 + 1)", time: $1) })),
        FrameCase(
            "q18-not-in-order",
            log([
                LogRecord(
                    enrollID: "1042", time: .valid(WallTime(valid: "2026-11-22 09:00:00")), mode: 8, inOut: 0,
                    event: 0),
                usual,
            ])),
        FrameCase("q19-user-list-empty", .answer(Answer(word: "getuserlist", serial: serial, result: true))),
        FrameCase(
            "q20-kept-for-pull",
            log([usual], key: .ret, word: "getnewlog", index: nil, from: 0, to: 0, result: true)),
        FrameCase(
            "q21-backlog-at-reg",
            .registration(
                Registration(
                    serial: serial, model: "AiFace", backlog: 5321,
                    deviceInfo: #"{"modelname":"AiFace","usedlog":5321,"usednewlog":5321,"usedrtlog":17}"#))),
        FrameCase(
            "q22-answer-under-cmd",
            log([usual], word: "getnewlog", index: nil, from: 0, to: 0, result: true)),
        FrameCase("q23-user-after-cleanlog", request("senduser", enrollID: 77, slot: 50)),
        FrameCase("q24-photo-taken", .answer(Answer(word: "setuserinfo", serial: serial, result: true))),
        FrameCase(
            "q25-id-too-long",
            .answer(
                Answer(
                    word: "setuserinfo", serial: serial, result: false, reason: "3", message: "enrollid error"
                ))),
        FrameCase("q28-other-id-space", log([usual], serial: SerialNumber("AYTB26110009"))),
        FrameCase(
            "q29-names",
            log([
                LogRecord(enrollID: "1", name: "Jürgen Gr\u{FFFD}", time: at(9)),
                LogRecord(enrollID: "2", name: "张\u{FFFD}", time: at(10)),
                LogRecord(enrollID: "3", name: "张😀\u{FFFD}!", time: at(11)),
            ])),
        FrameCase("q29-latin1-outside-name", fails: .notUTF8(offset: 25)),
        FrameCase("q29-broken-and-unreadable", fails: .notUTF8(offset: 93)),
        FrameCase("q29-not-text", fails: .notUTF8(offset: 0)),
        FrameCase(
            "q30-backlog-page",
            log(
                (0..<50).map {
                    LogRecord(
                        enrollID: "\(1000 + $0 % 7)",
                        time: .valid(WallTime(year: 2026, month: 11, day: 1 + $0 / 25, hour: 8, minute: $0)!),
                        mode: 8, inOut: 0, event: 0)
                }, index: 1200)),
        FrameCase("q31-serial-in-other-case", request("checklive")),
        FrameCase("q32-never-seen-serial", log([usual], serial: SerialNumber("LF00000001"))),
        FrameCase("q33-two-objects", log([usual])),
    ]
}
