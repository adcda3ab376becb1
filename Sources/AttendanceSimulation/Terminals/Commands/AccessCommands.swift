import AttendanceCore

/// Doors, locks and schedules: docs/protocol.md §8.4.
enum AccessCommands {
    static let table: [String: CommandHandler] = [
        "opendoor": openDoor, "lockctrl": lockControl, "getdoorstatus": doorStatus, "setdevlock": setLock,
        "getdevlock": lock, "getuserlock": userLock, "setuserlock": setUserLocks,
        "deleteuserlock": deleteUserLock, "cleanuserlock": cleanUserLocks, "getholiday": holidays,
        "setholiday": setHolidays, "getquestionnaire": DeviceCommands.give("questionnaire"),
        "setquestionnaire": setQuestionnaire, "getshift": DeviceCommands.give("shift"),
        "setshift": DeviceCommands.keep("shift"), "getbelltime": DeviceCommands.give("belltime"),
        "setbelltime": DeviceCommands.keep("belltime"),
    ]

    // MARK: Doors

    /// The door of an order; the outer nil: there is no such door here.
    private static func door(_ order: CommandOrder, _ brain: FirmwareBrain) -> Int?? {
        guard order.has("doornum") else { return .some(nil) }
        guard let number = order.int("doornum"), (1...brain.profile.doors).contains(number) else {
            return nil
        }
        return .some(number)
    }

    private static let openDoor: CommandHandler = { brain, order, now in
        guard let door = door(order, brain) else { return .refused("bad doornum") }
        brain.open(.command(door: door), at: now)
        if brain.habits.reportsDoorEvents { brain.doorEvent(3, at: now) }
        return .success
    }

    private static let lockControl: CommandHandler = { brain, order, now in
        guard let control = order.int("ctrl"), (0...2).contains(control) else { return .missing }
        guard let door = door(order, brain) else { return .refused("bad doornum") }
        brain.store(.table("lockctrl", .integer(Int64(control))))
        if control == 1 { brain.open(.command(door: door), at: now) }
        return .success
    }

    private static let doorStatus: CommandHandler = { brain, order, _ in
        guard door(order, brain) != nil else { return .refused("bad doornum") }
        var status = 0
        if case .integer(let control) = brain.content.tables["lockctrl"] { status = Int(control) }
        return .success { $0.set("status", status == 1 ? 1 : 0) }
    }

    // MARK: The lock

    private static let lockRanges: [String: ClosedRange<Int>] = [
        "opendelay": 0...255, "doorsensor": 0...2, "alarmdelay": 0...255, "threat": 0...3,
        "InputAlarm": 0...2, "antpass": 0...2, "interlock": 0...1, "mutiopen": 0...4, "tryalarm": 0...10,
        "tamper": 0...1, "wgformat": 0...1, "wgoutput": 0...2, "cardoutput": 0...1,
    ]
    private static let lockLists: [String: Int] = [
        "dayzone": 8, "weekzone": 8, "lockgroup": 5, "nopentime": 8,
    ]

    private static let setLock: CommandHandler = { brain, order, _ in
        var lock = brain.table("devlock")
        var isChanged = false
        for (key, range) in lockRanges where order.has(key) {
            guard let value = order.int(key), range.contains(value) else { return .refused("bad \(key)") }
            lock[key] = .integer(Int64(value))
            isChanged = true
        }
        for (key, limit) in lockLists where order.has(key) {
            guard let list = order.list(key), list.count <= limit, list.allSatisfy({ isZone($0, key) }) else {
                return .refused("bad \(key)")
            }
            lock[key] = .list(list.map(\.json))
            isChanged = true
        }
        guard isChanged else { return .missing }
        brain.store(.table("devlock", .object(lock)))
        return .success
    }

    private static func isZone(_ value: ServerMessage.Value, _ key: String) -> Bool {
        guard let members = value.members else { return false }
        switch key {
        case "dayzone":
            guard case .array(let sections) = members["day"], sections.count <= 5 else { return false }
            return sections.allSatisfy { isSection($0.members?["section"]?.text ?? "") }
        case "weekzone":
            guard case .array(let days) = members["week"], days.count == 7 else { return false }
            return days.allSatisfy { $0.members?["day"]?.wholeNumber.map { (0...8).contains($0) } ?? false }
        case "lockgroup": return members["group"]?.wholeNumber.map { $0 >= 0 } ?? false
        default: return members["day"]?.wholeNumber != nil
        }
    }

    /// `HH:MM~HH:MM`.
    private static func isSection(_ text: String) -> Bool {
        text.wholeMatch(of: /([01]\d|2[0-4]):[0-5]\d~([01]\d|2[0-4]):[0-5]\d/) != nil
    }

    private static let lock: CommandHandler = { brain, order, now in
        DeviceCommands.give(
            "devlock",
            fresh: ["opendelay": .integer(5), "doorsensor": .integer(0), "tamper": .integer(0)])(
                &brain, order, now)
    }

    // MARK: Rights of users

    private static let rightKeys = [
        "weekzone", "weekzone2", "weekzone3", "weekzone4", "group", "starttime", "endtime",
    ]

    private static let userLock: CommandHandler = { brain, order, _ in
        switch brain.knownUser(order) {
        case .failure(let refusal): return refusal.reply
        case .success(let (id, _)):
            var rights: [String: JSONValue] = [
                "weekzone": .integer(1), "weekzone2": .integer(0), "weekzone3": .integer(0),
                "weekzone4": .integer(0), "group": .integer(0), "starttime": .text(""), "endtime": .text(""),
            ]
            if case .object(let set) = brain.table("userlock")[String(id)] { rights.merge(set) { $1 } }
            return .success { fields in
                fields.set("enrollid", id)
                for key in rightKeys { fields.set(key, json: rights[key]?.json ?? "0") }
            }
        }
    }

    private static let setUserLocks: CommandHandler = { brain, order, _ in
        guard let list = order.list("record"), !list.isEmpty, list.count <= 40 else { return .missing }
        var table = brain.table("userlock")
        for item in list {
            guard let fields = item.members else { return .missing }
            switch brain.knownUser(CommandOrder(word: order.word, fields: fields)) {
            case .failure(let refusal): return refusal.reply
            case .success(let (id, _)):
                for key in ["weekzone", "weekzone2", "weekzone3", "weekzone4"] {
                    guard fields[key].map({ (0...8).contains($0.wholeNumber ?? -1) }) ?? true else {
                        return .refused("bad \(key)")
                    }
                }
                guard fields["group"].map({ (0...9).contains($0.wholeNumber ?? -1) }) ?? true else {
                    return .refused("bad group")
                }
                table[String(id)] = .object(
                    fields.filter { rightKeys.contains($0.key) }.mapValues(\.json))
            }
        }
        brain.store(.table("userlock", .object(table)))
        return .success
    }

    private static let deleteUserLock: CommandHandler = { brain, order, _ in
        switch brain.knownUser(order) {
        case .failure(let refusal): return refusal.reply
        case .success(let (id, _)):
            var table = brain.table("userlock")
            table[String(id)] = nil
            brain.store(.table("userlock", .object(table)))
            return .success
        }
    }

    private static let cleanUserLocks: CommandHandler = { brain, _, _ in
        brain.store(.table("userlock", nil))
        return .success
    }

    // MARK: Calendars

    private static let holidays: CommandHandler = { brain, order, now in
        DeviceCommands.give("holiday", fresh: ["holidays": .list([])])(&brain, order, now)
    }

    private static let setHolidays: CommandHandler = { brain, order, _ in
        guard let list = order.list("holidays"), list.count <= 30 else { return .missing }
        for item in list {
            guard let day = item.members, isDay(day["startday"]?.text), isDay(day["endday"]?.text) else {
                return .refused("bad holiday")
            }
        }
        brain.store(.table("holiday", .object(["holidays": .list(list.map(\.json))])))
        return .success
    }

    /// `MM-DD`.
    private static func isDay(_ text: String?) -> Bool {
        guard let match = text?.wholeMatch(of: /(\d\d)-(\d\d)/), let month = Int(match.1),
            let day = Int(match.2)
        else { return false }
        return WallTime(year: 2024, month: month, day: day) != nil
    }

    private static let setQuestionnaire: CommandHandler = { brain, order, now in
        let limit = order.flag("radio") ?? true ? 16 : 8
        if let items = order.list("items"), items.count > limit { return .refused("too many items") }
        if let schedules = order.list("schedules"), schedules.count > 8 {
            return .refused("too many schedules")
        }
        return DeviceCommands.keep("questionnaire")(&brain, order, now)
    }
}
