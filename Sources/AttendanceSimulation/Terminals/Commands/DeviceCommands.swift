import AttendanceCore

/// The device itself: docs/protocol.md §8.3.
enum DeviceCommands {
    static let table: [String: CommandHandler] = [
        "settime": setTime, "gettime": time, "getdevinfo": info, "setdevinfo": setInfo, "reboot": reboot,
        "initsys": initialise, "cleandatebase": cleanDatabase, "initmenu": initialiseMenu,
        "disabledevice": disable, "enabledevice": enable, "getdevcap": capacities, "getreg": registration,
        "checklive": yes, "upgrade": yes, "forceota": yes, "setotaserver": keep("otaserver"),
        "getotaserver": give("otaserver"), "getdir": directory, "getfile": file, "writefile": writeFile,
        "setscreensaver": keep("screensaver"), "setvoice": keep("voice"),
        "setcompanyname": keep("companyname"), "setdepartment": keep("department"),
    ]

    private static let yes: CommandHandler = { _, _, _ in .success }

    private static let setTime: CommandHandler = { brain, order, now in
        guard let text = order.text(brain.profile.timeKey), WallTime(text) != nil else { return .missing }
        brain.setClock(text, at: now)
        return .success
    }

    private static let time: CommandHandler = { brain, _, now in
        var fields = AnswerFields()
        fields.set("time", brain.wallTime(at: now).description)
        return .plain(fields)
    }

    // MARK: Settings

    /// Bounds of `setdevinfo`, and what a new terminal has.
    private static let settings: [(key: String, range: ClosedRange<Int>, fresh: Int)] = [
        ("deviceid", 0...65_535, 1), ("language", 0...18, 0), ("volume", 0...10, 6),
        ("screensaver", 0...255, 30), ("verifymode", 0...4, 0), ("sleep", 0...1, 0), ("userfpnum", 1...10, 3),
        ("loghint", 0...500_000, 1000), ("reverifytime", 0...255, 0),
    ]
    /// Further keys of face terminals.
    private static let faceSettings: [(key: String, range: ClosedRange<Int>, fresh: Int)] = [
        ("server_verify", 0...1, 0), ("use_logphoto", 0...1, 0), ("stranger_photo", 0...1, 0),
    ]

    private static func settings(of brain: FirmwareBrain) -> [(
        key: String, range: ClosedRange<Int>, fresh: Int
    )] {
        brain.profile.kinds.contains(.photo) ? settings + faceSettings : settings
    }

    private static let info: CommandHandler = { brain, _, _ in
        let known = brain.table("devinfo")
        return .success { fields in
            for (key, _, fresh) in settings(of: brain) {
                if case .integer(let value) = known[key] {
                    fields.set(key, Int(value))
                } else {
                    fields.set(key, fresh)
                }
            }
        }
    }

    private static let setInfo: CommandHandler = { brain, order, _ in
        var known = brain.table("devinfo")
        let settings = settings(of: brain)
        guard settings.contains(where: { order.has($0.key) }) else { return .missing }
        for (key, range, _) in settings where order.has(key) {
            guard let value = order.int(key), range.contains(value) else {
                return .refused("bad \(key)")
            }
            known[key] = .integer(Int64(value))
            if key == "server_verify" { brain.habits.asksApproval = value == 1 }
        }
        brain.store(.table("devinfo", .object(known)))
        return .success
    }

    /// Stores the fields of a command as they are.
    static func keep(_ name: String) -> CommandHandler {
        { brain, order, _ in
            var fields = order.fields.mapValues(\.json)
            fields["cmd"] = nil
            fields["sn"] = nil
            guard !fields.isEmpty else { return .missing }
            brain.store(.table(name, .object(fields)))
            return .success
        }
    }

    /// Gives back what `keep` has stored, or what a new terminal has.
    static func give(_ name: String, fresh: [String: JSONValue] = [:]) -> CommandHandler {
        { brain, _, _ in
            let known = fresh.merging(brain.table(name)) { $1 }
            return .success { fields in
                for key in known.keys.sorted() { fields.set(key, json: known[key]?.json ?? "null") }
            }
        }
    }

    // MARK: Large steps

    private static let reboot: CommandHandler = { brain, _, now in
        brain.restart(at: now)
        return .none
    }

    private static let initialise: CommandHandler = { brain, _, _ in
        brain.store(.clearedUsers)
        brain.clearLogs()
        return .success
    }

    private static let cleanDatabase: CommandHandler = { brain, _, _ in
        brain.store(.clearedUsers)
        brain.clearLogs()
        brain.store(.clearedTables)
        return .success
    }

    private static let initialiseMenu: CommandHandler = { brain, _, _ in
        brain.store(.table("devinfo", nil))
        return .success
    }

    private static let disable: CommandHandler = { brain, _, _ in
        brain.recognises = false
        return .success
    }

    private static let enable: CommandHandler = { brain, _, _ in
        brain.recognises = true
        return .success
    }

    // MARK: Newer words

    private static let capacities: CommandHandler = { brain, _, _ in
        let room = brain.profile.capacities
        return .success {
            $0.set("usersize", room.users)
            $0.set("facesize", room.faces)
            $0.set("fpsize", room.fingers)
            $0.set("palmsize", room.palms)
            $0.set("cardsize", room.cards)
            $0.set("pwdsize", room.passwords)
            $0.set("logsize", room.logs)
        }
    }

    private static let registration: CommandHandler = { brain, _, now in
        .success { $0.set("devinfo", json: brain.deviceInfo(at: now).json) }
    }

    private static let directory: CommandHandler = { _, _, _ in
        .success { $0.set("record", json: "[\"config\",\"log\",\"photo\"]") }
    }

    private static let file: CommandHandler = { _, _, _ in .refused("can not find the file", reason: 5) }

    private static let writeFile: CommandHandler = { _, order, _ in
        order.fields.keys.contains { $0 != "cmd" && $0 != "sn" } ? .success : .missing
    }
}

extension FirmwareBrain {
    /// One of the tables that commands set, empty where nothing was.
    func table(_ name: String) -> [String: JSONValue] {
        if case .object(let fields) = content.tables[name] { fields } else { [:] }
    }
}
