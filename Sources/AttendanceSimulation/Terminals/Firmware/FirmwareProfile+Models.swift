extension FirmwareProfile {
    /// TFS30: fingerprints of the first kind, cards and PINs; protocol 1.9; no names, no photos, `reason` without words.
    package static let tfs = FirmwareProfile(
        name: "tfs", model: "tfs30", firmware: "TFS30_V1.19", fingerAlgorithm: .thbio1,
        capacities: .init(logs: 100_000), words: CommandWords.first.union(["getallusers"]),
        kinds: [.finger, .password, .card])

    /// TH600/TH900: fingerprints of the third kind; protocol 2.7; four doors.
    package static let th = make {
        $0 = FirmwareProfile(
            name: "th", model: "tfs30", firmware: "TH900_V2.07", fingerAlgorithm: .thbio3,
            capacities: .init(users: 5000, fingers: 10_000, logs: 100_000), words: CommandWords.vendor,
            kinds: [.finger, .password, .card])
        $0.answersFirstCredential = true
        $0.doors = 4
        $0.signsUsers = true
    }

    /// AiFace boards: photos, failures in words.
    package static let aiFace = make {
        $0 = FirmwareProfile(
            name: "aiface", model: "AiFace", firmware: "ai518_f48v_v1.20", fingerAlgorithm: .thbio3,
            capacities: .init(
                users: 5000, faces: 5000, fingers: 5000, palms: 0, cards: 5000, passwords: 5000, logs: 500_000
            ),
            words: CommandWords.vendor, kinds: [.finger, .password, .card, .faceTemplate, .palm, .photo])
        $0.explainsFailures = true
        $0.namesInLogs = true
        $0.measuresTemperature = true
        $0.takesBareUsers = true
        $0.echoesUser = true
        $0.twelveDeletesUser = true
        $0.pushesUsersAfterCleanLog = true
        $0.tellsRealTimeLogs = true
    }

    /// "AiFace BS": about 80 words, pages by number, other keys, `mark` in the acknowledgement.
    package static let aiFaceBS = make {
        $0 = aiFace
        $0.name = "aiface-bs"
        $0.firmware = "AiF43V_BS_3.04"
        $0.words = CommandWords.vendor.union(CommandWords.newer)
        $0.kinds.formUnion([.palmVein, .faceFeature])
        $0.paging = .pages
        $0.refusesEmptyLists = true
        $0.enableKey = "enable"
        $0.timeKey = "time"
        $0.needsMark = true
        $0.checksLive = true
        $0.pushesUsersAfterCleanLog = false
        $0.modes = VerifyCodes(finger: 1, card: 2, password: 0, face: 3)
    }

    /// A face terminal that answers with `cmd` where `ret` is due (Q22).
    package static let cmdEcho = make {
        $0 = aiFace
        $0.name = "cmd-echo"
        $0.firmware = "ai806_f11_v2.31"
        $0.echoesCommand = true
    }

    /// A face terminal whose `to` is the number behind the last row, and whose `count` is the total of every list.
    package static let exclusiveTo = make {
        $0 = aiFace
        $0.name = "exclusive-to"
        $0.firmware = "ai806_f43v_v1.62"
        $0.paging = .stn(countsTotal: true, isExclusive: true)
    }

    /// A face terminal of the older words that knows pages by number alone (Q19).
    package static let pages = make {
        $0 = aiFace
        $0.name = "pages"
        $0.firmware = "ai518_t4_v3.10"
        $0.paging = .pages
    }

    package static let all: [FirmwareProfile] = [tfs, th, aiFace, aiFaceBS, cmdEcho, exclusiveTo, pages]

    package static func named(_ name: String) -> FirmwareProfile? {
        all.first { $0.name == name.lowercased() }
    }

    private static func make(_ change: (inout FirmwareProfile) -> Void) -> FirmwareProfile {
        var profile = tfs
        change(&profile)
        return profile
    }
}

/// The words of docs/protocol.md §8 by when they came.
package enum CommandWords {
    /// Up to version 1.9.
    package static let first: Set<String> = [
        "getuserlist", "getuserinfo", "setuserinfo", "deleteuser", "getusername", "setusername", "enableuser",
        "cleanuser", "cleanadmin", "getnewlog", "getalllog", "cleanlog", "settime", "getdevinfo",
        "setdevinfo", "reboot", "initsys", "disabledevice", "enabledevice", "opendoor", "setdevlock",
        "getdevlock", "getuserlock", "setuserlock", "deleteuserlock", "cleanuserlock",
    ]
    /// The vendor's document of version 2.8.
    package static let vendor = first.union([
        "adduser", "setuserprofile", "getuserprofile", "gettime", "getholiday", "setholiday",
        "getquestionnaire", "setquestionnaire",
    ])
    /// Known to newer firmware alone.
    package static let newer: Set<String> = [
        "getuserids", "getunuserdid", "checkuserid", "checkregstatus", "canceladduser", "cleaninactiveuser",
        "cleanlogphoto", "getdevcap", "getreg", "checklive", "initmenu", "cleandatebase", "upgrade",
        "forceota", "setotaserver", "getotaserver", "getdir", "getfile", "writefile", "setscreensaver",
        "setvoice", "setcompanyname", "setdepartment", "lockctrl", "getdoorstatus", "getshift", "setshift",
        "getbelltime", "setbelltime",
    ]
    /// Every word of docs/protocol.md §8.
    package static let all = vendor.union(newer).union(["getallusers"])
}
