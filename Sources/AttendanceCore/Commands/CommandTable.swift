/// The words of docs/protocol.md §8, in its order.
enum CommandTable {
    static let words: [CommandWord] = users + logs + device + access + newer

    private static let user = CommandParameter(
        "enrollid", .enrollID(allowsZero: false), required: true, "the user's number on the terminal")
    private static let admin = CommandParameter(
        "admin",
        .codes([0: "ordinary", 1: "administrator", 2: "super user: may enrol and download"]), "rights")
    /// No maker tells a limit; what is longer than the screen is cut there.
    private static let name = CommandParameter("name", .text(maximumBytes: CommandCatalogue.maximumName))
    private static let door = CommandParameter(
        "doornum", .integer(1...4, unit: nil), "only for controllers with four doors; without it all doors")
    private static let doorSensor = ParameterKind.codes([0: "off", 1: "normally closed", 2: "normally open"])

    // MARK: Users

    private static let users: [CommandWord] = [
        CommandWord(
            "getuserlist", .users, "Lists who is enrolled: one row for each credential.", answer: .users,
            note: "Pages are asked for until all are there.", timeOut: CommandWord.longTimeOut),
        CommandWord(
            "getuserinfo", .users, "Reads one credential of a user.",
            [
                user,
                CommandParameter("backupnum", .slot(.reading), "without it the terminal gives the first"),
            ],
            answer: .credential,
            note: "The credential itself is kept only where keeping biometric data is switched on.",
            timeOut: CommandWord.longTimeOut),
        CommandWord(
            "setuserinfo", .users, "Adds or replaces one credential of a user.",
            [
                user, name, CommandParameter("backupnum", .slot(.reading), required: true), admin,
                CommandParameter(
                    "record", .credential, required: true, secret: true,
                    "the credential itself, as backupnum says"),
                CommandParameter("verifymode", verifyModes, "AiFace, EVO"),
                CommandParameter("card", .card, secret: true, "AiFace, EVO"),
                CommandParameter("pwd", .pin, secret: true, "AiFace, EVO"),
                CommandParameter("enable", .bit, "AiFace, EVO"),
                CommandParameter("shiftid", .integer(0...255, unit: nil), "AiFace, EVO"),
                CommandParameter("zoneid", .integer(0...255, unit: nil), "AiFace, EVO"),
                CommandParameter("groupid", .integer(0...255, unit: nil), "AiFace, EVO"),
                CommandParameter("birthday", .monthDay, "AiFace, EVO"),
                CommandParameter("starttime", .time, "AiFace, EVO: not before"),
                CommandParameter("endtime", .time, "AiFace, EVO: not after"),
            ],
            note:
                "Success says that the terminal took the text, not that a face will match. Photos and templates of "
                + "faces and palms have 20 s.",
            rule: .credential),
        CommandWord(
            "deleteuser", .users, "Deletes one credential, or the whole user.",
            [user, CommandParameter("backupnum", .slot(.deleting), required: true, "13: the whole user")],
            note: "12 deletes the fingerprints on some firmwares and the whole user on others."),
        CommandWord("getusername", .users, "Reads a user's name.", [user], answer: .name),
        CommandWord(
            "setusername", .users, "Sets the names of up to 50 users.",
            [CommandParameter("record", .names, required: true), counted(50)],
            timeOut: CommandWord.longTimeOut, rule: .counted),
        CommandWord(
            "enableuser", .users, "Lets a user in, or not, without deleting anything.",
            [user, CommandParameter("enflag", .bit, required: true, "1: enabled", aliases: ["enable"])]),
        CommandWord(
            "cleanuser", .users, "Deletes all users.", repeating: .never,
            danger: "deletes every user and every credential on the terminal",
            timeOut: CommandWord.longTimeOut),
        CommandWord(
            "cleanadmin", .users, "Makes all administrators ordinary users.", repeating: .never,
            danger: "takes the rights of every administrator: anyone can then enter the terminal's menu"),
        CommandWord(
            "adduser", .users, "Asks a person at the terminal to be enrolled.",
            [
                user, CommandParameter("backupnum", .slot(.enrolling), required: true), admin, name,
                CommandParameter("flag", .integer(0...255, unit: nil), "10: the terminal chooses"),
            ], answer: .other, repeating: .never,
            note: "What was captured comes by `senduser`. canceladduser ends the waiting."),
        CommandWord(
            "setuserprofile", .users, "Sets the text a user sees at the terminal.",
            [
                CommandParameter(
                    "enrollid", .enrollID(allowsZero: true), required: true, "0: the text for everyone"),
                CommandParameter("profile", .text(maximumBytes: 200), required: true),
            ]),
        CommandWord(
            "getuserprofile", .users, "Reads the text a user sees at the terminal.",
            [CommandParameter("enrollid", .enrollID(allowsZero: true), required: true)], answer: .profile),
        CommandWord(
            "getallusers", .users, "Reads every credential of every user, one an answer.", answer: .allUsers,
            note: "Not on all firmwares.", timeOut: CommandWord.longTimeOut),
    ]

    private static func counted(_ maximum: Int64) -> CommandParameter {
        CommandParameter("count", .integer(1...maximum, unit: nil), "filled in by the gateway")
    }

    static let verifyModes = ParameterKind.codes([
        0: "any of card, fingerprint, password", 1: "card and fingerprint", 2: "password and fingerprint",
        3: "all three", 4: "card and password",
    ])

    // MARK: Logs

    private static let logs: [CommandWord] = [
        CommandWord(
            "getnewlog", .logs, "Pulls the logs that no server has acknowledged.", answer: .logs,
            note: "A page counts as delivered once it is sent: it is stored before the next is asked for.",
            timeOut: CommandWord.longTimeOut),
        CommandWord(
            "getalllog", .logs, "Pulls the logs of a range of days, or all.",
            [
                CommandParameter("from", .day, "first day; without it from the beginning"),
                CommandParameter("to", .day, "last day; without it to the end"),
            ], answer: .logs, timeOut: CommandWord.longTimeOut, rule: .range),
        CommandWord(
            "cleanlog", .logs, "Deletes all logs.", repeating: .never,
            danger: "deletes every log on the terminal, also those that were never delivered",
            timeOut: CommandWord.longTimeOut),
    ]

    // MARK: Device

    private static let device: [CommandWord] = [
        CommandWord(
            "settime", .device, "Sets the clock.",
            [
                CommandParameter(
                    "cloudtime", .time,
                    "the terminal's own wall time; without it that of the moment of sending",
                    aliases: ["time"])
            ], rule: .clock),
        CommandWord("gettime", .device, "Reads the clock.", answer: .time),
        CommandWord("getdevinfo", .device, "Reads the settings of setdevinfo.", answer: .settings),
        CommandWord(
            "setdevinfo", .device, "Changes settings; those that are not named stay.",
            [
                CommandParameter("deviceid", .integer(0...4_294_967_295, unit: nil)),
                CommandParameter("language", languages),
                CommandParameter("volume", .integer(0...10, unit: nil)),
                CommandParameter("screensaver", .integer(0...255, unit: "s")),
                CommandParameter("verifymode", verifyModes),
                CommandParameter("sleep", .bit),
                CommandParameter("userfpnum", .integer(1...10, unit: nil), "fingerprints a user may have"),
                CommandParameter(
                    "loghint", .integer(0...1_000_000, unit: nil), "warns when fewer logs are free"),
                CommandParameter(
                    "reverifytime", .integer(0...255, unit: "min"), "a second punch within it is not taken"),
                CommandParameter("server_verify", .bit, "AiFace: the server decides who may pass"),
                CommandParameter("use_logphoto", .bit, "AiFace: a photo of every punch"),
                CommandParameter("stranger_photo", .bit, "AiFace: a photo of unknown faces"),
            ],
            note: "Switch photos on only where the law lets you.", rule: .anything),
        CommandWord(
            "reboot", .device, "Starts the terminal anew.", answer: .nothing, repeating: .never,
            note: "There is no answer: the connection drops and comes again."),
        CommandWord(
            "initsys", .device, "Deletes all users and logs; settings stay.", repeating: .never,
            danger: "deletes every user and every log on the terminal", timeOut: CommandWord.longTimeOut),
        CommandWord(
            "disabledevice", .device, "Stops recognition, for bulk work.",
            note: "Enable it again, whatever happens in between."),
        CommandWord("enabledevice", .device, "Goes on with recognition."),
    ]

    private static let languages = ParameterKind.codes([
        0: "English", 1: "simplified Chinese", 2: "traditional Chinese", 3: "Japanese", 4: "North Korean",
        5: "South Korean", 6: "Thai", 7: "Indonesian", 8: "Vietnamese", 9: "Spanish", 10: "French",
        11: "Portuguese", 12: "German", 13: "Russian", 14: "Turkish", 15: "Italian", 16: "Czech",
        17: "Arabic",
        18: "Farsi",
    ])

    // MARK: Access

    private static let access: [CommandWord] = [
        CommandWord(
            "opendoor", .access, "Opens a door once.", [door], repeating: .never,
            danger: "opens the door for whoever stands before it"),
        CommandWord(
            "setdevlock", .access, "Changes the rules of the lock; those that are not named stay.",
            [
                CommandParameter("opendelay", .integer(0...255, unit: "s"), "how long the door stays open"),
                CommandParameter("doorsensor", doorSensor),
                CommandParameter("alarmdelay", .integer(0...255, unit: "min")),
                CommandParameter(
                    "threat", .codes([0: "off", 1: "open and alarm", 2: "alarm", 3: "open"]),
                    "at the duress finger or code"),
                CommandParameter(
                    "InputAlarm", .integer(0...2, unit: nil), "spelled with capitals", aliases: ["inputalarm"]
                ),
                CommandParameter("antpass", .codes([0: "off", 1: "inside", 2: "outside"]), "anti-passback"),
                CommandParameter("interlock", .bit),
                CommandParameter("mutiopen", .integer(0...4, unit: nil), "persons needed to open"),
                CommandParameter("tryalarm", .integer(0...10, unit: nil), "failed attempts before the alarm"),
                CommandParameter("tamper", .bit),
                CommandParameter("wgformat", .codes([0: "26 bits", 1: "34 bits"]), "Wiegand"),
                CommandParameter("wgoutput", .integer(0...2, unit: nil), "Wiegand"),
                CommandParameter("cardoutput", .bit),
                CommandParameter("dayzone", .dayZones),
                CommandParameter("weekzone", .weekZones),
                CommandParameter("lockgroup", .lockGroups),
                CommandParameter("nopentime", .normallyOpen, "day zones in which the door stands open"),
            ], timeOut: CommandWord.longTimeOut, rule: .anything),
        CommandWord(
            "getdevlock", .access, "Reads the rules of the lock.", answer: .lock, alsoAnswered: ["setdevlock"]
        ),
        CommandWord("getuserlock", .access, "Reads when a user may pass.", [user], answer: .userLock),
        CommandWord(
            "setuserlock", .access, "Sets when up to 40 users may pass.",
            [CommandParameter("record", .userLocks, required: true), counted(40)],
            timeOut: CommandWord.longTimeOut, rule: .counted),
        CommandWord("deleteuserlock", .access, "Forgets when a user may pass.", [user]),
        CommandWord(
            "cleanuserlock", .access, "Forgets when users may pass.", repeating: .never,
            danger: "deletes the access rights of every user on the terminal"),
        CommandWord(
            "getholiday", .access, "Reads the holidays.", answer: .holidays, constants: ["stn": .flag(true)]),
        CommandWord(
            "setholiday", .access, "Sets the holidays: all of them, at most 30.",
            [CommandParameter("holidays", .holidays, required: true)]),
        CommandWord(
            "getquestionnaire", .access, "Reads what is asked at a punch.", answer: .questionnaire,
            constants: ["stn": .flag(true)]),
        CommandWord(
            "setquestionnaire", .access, "Sets what is asked at a punch.",
            [
                CommandParameter("title", .text(maximumBytes: 200)),
                CommandParameter("voice", .text(maximumBytes: 200)),
                CommandParameter("errmsg", .text(maximumBytes: 200)),
                CommandParameter("radio", .flag, "true: one choice; false: several"),
                CommandParameter("optionflag", .integer(0...255, unit: nil)),
                CommandParameter("usequestion", .flag),
                CommandParameter("useschedule", .flag),
                CommandParameter("card", .integer(0...255, unit: nil)),
                CommandParameter("items", .items, "at most 16 for one choice, 8 for several"),
                CommandParameter("schedules", .schedules),
            ], rule: .questionnaire),
    ]

    // MARK: Newer

    private static let newer: [CommandWord] = [
        CommandWord(
            "getuserids", .newer, "Lists the numbers of the users.", answer: .userIDs,
            timeOut: CommandWord.longTimeOut, takesOthers: true),
        CommandWord(
            "getunuserdid", .newer, "Tells a number that no user has.", answer: .other, takesOthers: true),
        CommandWord(
            "checkuserid", .newer, "Tells whether there is a user of a number.", [user], answer: .exists),
        CommandWord(
            "checkregstatus", .newer, "Tells how far an enrolment at the terminal is.", answer: .other,
            takesOthers: true),
        CommandWord("canceladduser", .newer, "Ends an enrolment at the terminal.", takesOthers: true),
        CommandWord(
            "cleaninactiveuser", .newer, "Deletes users who have not punched for some days.",
            [CommandParameter("days", .integer(1...3650, unit: "days"), required: true)], repeating: .never,
            danger: "deletes every user who has not punched for that many days",
            timeOut: CommandWord.longTimeOut),
        CommandWord(
            "cleanlogphoto", .newer, "Deletes the photos of punches.", repeating: .never,
            danger: "deletes every photo of a punch on the terminal", timeOut: CommandWord.longTimeOut),
        CommandWord("getdevcap", .newer, "Tells what the terminal is able to do.", answer: .settings),
        CommandWord("getreg", .newer, "Reads what the terminal says at `reg`.", answer: .settings),
        CommandWord("checklive", .newer, "Asks for a sign of life."),
        CommandWord(
            "initmenu", .newer, "Resets the terminal's menu.", repeating: .never,
            danger: "resets the terminal's settings, perhaps also the address of this gateway",
            takesOthers: true),
        CommandWord(
            "cleandatebase", .newer, "Deletes the terminal's database.", repeating: .never,
            danger: "deletes every user and every log on the terminal",
            note: "Spelled so.", timeOut: CommandWord.longTimeOut),
        CommandWord(
            "upgrade", .newer, "Installs another firmware.", repeating: .never,
            danger: "replaces the terminal's firmware; it may not come back",
            timeOut: CommandWord.longTimeOut,
            takesOthers: true),
        CommandWord(
            "forceota", .newer, "Installs the firmware of the update server, also an older one.",
            repeating: .never, danger: "replaces the terminal's firmware; it may not come back",
            timeOut: CommandWord.longTimeOut, takesOthers: true),
        CommandWord(
            "setotaserver", .newer, "Sets where firmware comes from.",
            danger: "decides whose firmware the terminal installs", takesOthers: true),
        CommandWord("getotaserver", .newer, "Reads where firmware comes from.", answer: .settings),
        CommandWord("getdir", .newer, "Lists a folder of the terminal.", answer: .other, takesOthers: true),
        CommandWord(
            "getfile", .newer, "Reads a file of the terminal.", answer: .other,
            timeOut: CommandWord.longTimeOut, takesOthers: true),
        CommandWord(
            "writefile", .newer, "Writes a file into the terminal.", repeating: .never,
            danger: "overwrites a file of the terminal", timeOut: CommandWord.longTimeOut, takesOthers: true),
        CommandWord("setscreensaver", .newer, "Sets the screen saver.", takesOthers: true),
        CommandWord("setvoice", .newer, "Sets what is spoken.", takesOthers: true),
        CommandWord("setcompanyname", .newer, "Sets the company's name.", takesOthers: true),
        CommandWord("setdepartment", .newer, "Sets the departments.", takesOthers: true),
        CommandWord(
            "lockctrl", .newer, "Holds a door open or shut, or lets it be.",
            [
                CommandParameter(
                    "ctrl", .codes([0: "normal", 1: "always open", 2: "always closed"]), required: true),
                door,
            ], repeating: .never, danger: "holds the door open, or locks people in or out"),
        CommandWord("getdoorstatus", .newer, "Tells how a door is.", [door], answer: .other),
        CommandWord("getshift", .newer, "Reads the shifts.", answer: .other, takesOthers: true),
        CommandWord("setshift", .newer, "Sets the shifts.", takesOthers: true),
        CommandWord("getbelltime", .newer, "Reads when the bell rings.", answer: .other, takesOthers: true),
        CommandWord("setbelltime", .newer, "Sets when the bell rings.", takesOthers: true),
    ]
}
