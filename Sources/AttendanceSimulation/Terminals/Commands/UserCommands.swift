import AttendanceCore
import Foundation

/// Users and credentials: docs/protocol.md §8.1.
enum UserCommands {
    static let table: [String: CommandHandler] = [
        "getuserlist": list, "getallusers": allUsers, "getuserinfo": info, "setuserinfo": set,
        "deleteuser": delete, "getusername": name, "setusername": setNames, "enableuser": enable,
        "cleanuser": clean, "cleanadmin": cleanAdmins,
    ]

    private static let list: CommandHandler = { brain, order, _ in
        brain.page(
            order, size: brain.profile.userPage, countsTotal: nil,
            rows: { .users($0.content.users.rows) },
            write: { brain, rows, range in
                guard case .users(let rows) = rows else { return "[]" }
                let list = rows[range].map { row in
                    "{\"enrollid\":\(row.id),\"admin\":\(brain.content.users[row.id]?.admin ?? 0),"
                        + "\"backupnum\":\(row.slot)}"
                }
                return "[" + list.joined(separator: ",") + "]"
            })
    }

    /// One credential an answer.
    private static let allUsers: CommandHandler = { brain, order, _ in
        if order.flag("stn") ?? true {
            brain.pages[order.word] = PageCursor(rows: .users(brain.content.users.rows))
        }
        guard let cursor = brain.pages[order.word], case .users(let rows) = cursor.rows,
            cursor.next < rows.count
        else { return .success { $0.set("count", 0) } }
        brain.pages[order.word]?.next += 1
        let row = rows[cursor.next]
        guard let user = brain.content.users[row.id], let credential = user[row.slot] else { return .noUser }
        return .success {
            $0.set("count", rows.count)
            $0.set("index", cursor.next)
            $0.append(brain.userFields(row.id, user, credential))
        }
    }

    private static let info: CommandHandler = { brain, order, _ in
        switch brain.knownUser(order) {
        case .failure(let refusal): return refusal.reply
        case .success(let (id, user)):
            var slot = order.int("backupnum")
            if slot == nil, brain.profile.answersFirstCredential { slot = user.credentials.first?.slot }
            guard let slot else { return order.has("backupnum") ? .missing : nameOnly(brain, id, user) }
            guard let credential = user[slot] else {
                // A user without a credential has nothing but a name to show.
                return user.credentials.isEmpty && brain.profile.takesBareUsers
                    ? nameOnly(brain, id, user) : .noUser
            }
            return .success { $0.append(brain.userFields(id, user, credential)) }
        }
    }

    private static func nameOnly(_ brain: FirmwareBrain, _ id: UInt64, _ user: StoredUser) -> CommandReply {
        guard brain.profile.takesBareUsers || brain.profile.answersFirstCredential else { return .missing }
        return .success {
            $0.set("enrollid", id)
            $0.set("name", user.name)
            $0.set("backupnum", 0)
            $0.set("admin", user.admin)
            $0.set("record", "0")
        }
    }

    // MARK: setuserinfo

    private static let set: CommandHandler = { brain, order, _ in
        let id: UInt64
        switch brain.userNumber(order) {
        case .failure(let refusal): return refusal.reply
        case .success(let number): id = number
        }
        guard let slot = order.int("backupnum"), order.has("record") else { return .missing }
        guard let record = order.text("record") else { return .missing }
        var user = brain.content.users[id] ?? StoredUser()
        if brain.content.users[id] == nil, brain.content.users.count >= brain.profile.capacities.users {
            return .refused("the memory is full", reason: 1)
        }
        if let name = order.text("name") { user.name = name }
        if let admin = order.int("admin") {
            guard (0...2).contains(admin) else { return .refused("bad admin") }
            user.admin = admin
        }
        let isBare = brain.profile.takesBareUsers && (slot == 13 || (slot == 0 && record == "0"))
        if !isBare {
            if let refusal = check(record, slot: slot, of: id, brain) { return refusal }
            user.set(StoredCredential(slot: slot, record: normal(record, slot), isAcknowledged: true))
        }
        if brain.profile.takesBareUsers, let refusal = extras(order, of: id, into: &user, brain) {
            return refusal
        }
        if let kind = CredentialKind(slot: slot), kind == .finger, !isBare,
            let algorithm = SimulatedCredential.algorithm(of: record),
            algorithm != brain.profile.fingerAlgorithm
        {
            brain.ledger.foreignTemplates += 1
        }
        brain.store(.user(id, user))
        return brain.profile.echoesUser
            ? .success {
                $0.set("enrollid", id)
                $0.set("backupnum", slot)
            } : .success
    }

    /// The card and the PIN that face terminals take beside a photo, and the rest.
    private static func extras(
        _ order: CommandOrder, of id: UInt64, into user: inout StoredUser, _ brain: FirmwareBrain
    ) -> CommandReply? {
        for (key, slot) in [("pwd", 10), ("card", 11)] {
            guard let text = order.text(key), !text.isEmpty, text != "0" else { continue }
            if let refusal = check(text, slot: slot, of: id, brain) { return refusal }
            user.set(StoredCredential(slot: slot, record: normal(text, slot), isAcknowledged: true))
        }
        if let isEnabled = order.flag("enable") { user.isEnabled = isEnabled }
        let keys = ["verifymode", "shiftid", "zoneid", "groupid", "birthday", "starttime", "endtime"]
        var more: [String: JSONValue] = [:]
        for key in keys { if let value = order.fields[key] { more[key] = value.json } }
        if !more.isEmpty { user.extras = JSONValue.object(more).json }
        return nil
    }

    /// Leading zeros of a card are lost.
    private static func normal(_ record: String, _ slot: Int) -> String {
        slot == 11 ? UInt64(record).map(String.init) ?? record : record
    }

    /// Nil: it may be stored.
    private static func check(
        _ record: String, slot: Int, of id: UInt64, _ brain: FirmwareBrain
    ) -> CommandReply? {
        let profile = brain.profile
        guard let kind = CredentialKind(slot: slot), profile.kinds.contains(kind) else {
            return .refused("bad backupnum")
        }
        if brain.content.users[id]?[slot] == nil, isFull(kind, brain) {
            return .refused("the memory is full")
        }
        switch kind {
        case .password:
            guard (1...8).contains(record.utf8.count), record.utf8.allSatisfy(isDigit) else {
                return .refused("bad password")
            }
        case .card:
            guard let number = UInt64(record), number > 0, number <= UInt64(UInt32.max) else {
                return .refused("bad card number")
            }
        case .finger:
            guard !record.isEmpty, record.utf8.count < profile.fingerAlgorithm.templateLimit,
                record.utf8.allSatisfy({
                    isDigit($0) || (0x61...0x66).contains($0) || $0 == 0x28 || $0 == 0x29
                })
            else { return .refused("bad template") }
        case .photo: return checkPhoto(record, of: id, brain)
        case .faceTemplate, .faceFeature, .palm, .palmVein:
            guard !record.isEmpty, record.utf8.count <= 1 << 20 else { return .refused("bad template") }
        }
        return nil
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    private static func isFull(_ kind: CredentialKind, _ brain: FirmwareBrain) -> Bool {
        let room = brain.profile.capacities
        let users = brain.content.users
        return switch kind {
        case .finger: users.used(kind) >= room.fingers
        case .card: users.used(kind) >= room.cards
        case .password: users.used(kind) >= room.passwords
        case .photo, .faceTemplate, .faceFeature: users.faces >= room.faces
        case .palm, .palmVein: false
        }
    }

    /// The refusals of docs/protocol.md §6.8.
    private static func checkPhoto(
        _ record: String, of id: UInt64, _ brain: FirmwareBrain
    ) -> CommandReply? {
        guard record.utf8.count <= 150_000 * 4 / 3 + 4 else {
            return .refused("the image is too large", reason: 1)
        }
        guard let data = Data(base64Encoded: record), data.starts(with: [0xFF, 0xD8, 0xFF]) else {
            return .refused("can not decode the image", reason: 13)
        }
        if let (width, height) = SimulatedCredential.size(ofJPEG: data) {
            if width > 800 || height > 1280 {
                return .refused("width or height is too large", reason: 7)
            }
            if width < 240 || height < 320 { return .refused("the face is too small", reason: 9) }
        }
        if let holder = brain.content.users.holder(of: record, kind: .photo), holder != id {
            return .refused("the face is enrolled already", reason: 12)
        }
        return nil
    }

    // MARK: The others

    private static let delete: CommandHandler = { brain, order, _ in
        switch brain.knownUser(order) {
        case .failure(let refusal): return refusal.reply
        case .success(var (id, user)):
            guard let slot = order.int("backupnum") else { return .missing }
            if slot == 13 || (slot == 12 && brain.profile.twelveDeletesUser) {
                brain.store(.removedUser(id))
                return .success
            }
            let before = user.credentials.count
            user.credentials.removeAll { slot == 12 ? $0.kind == .finger : $0.slot == slot }
            guard user.credentials.count < before || slot == 12 else { return .noUser }
            // Nothing is left to recognise the person by.
            brain.store(user.credentials.isEmpty ? .removedUser(id) : .user(id, user))
            return .success
        }
    }

    private static let name: CommandHandler = { brain, order, _ in
        switch brain.knownUser(order) {
        case .failure(let refusal): refusal.reply
        case .success(let (_, user)): .success { $0.set("record", user.name) }
        }
    }

    private static let setNames: CommandHandler = { brain, order, _ in
        guard let list = order.list("record"), !list.isEmpty, list.count <= 50 else { return .missing }
        for item in list {
            guard let fields = item.members else { return .missing }
            let one = CommandOrder(word: order.word, fields: fields)
            guard let name = one.text("name") else { return .missing }
            switch brain.userNumber(one) {
            case .failure(let refusal): return refusal.reply
            case .success(let id):
                var user = brain.content.users[id] ?? StoredUser()
                if brain.content.users[id] == nil,
                    brain.content.users.count >= brain.profile.capacities.users
                {
                    return .refused("the memory is full")
                }
                user.name = name
                brain.store(.user(id, user))
            }
        }
        return .success
    }

    private static let enable: CommandHandler = { brain, order, _ in
        switch brain.knownUser(order) {
        case .failure(let refusal): return refusal.reply
        case .success(var (id, user)):
            guard let flag = order.flag(brain.profile.enableKey) else { return .missing }
            user.isEnabled = flag
            brain.store(.user(id, user))
            return .success
        }
    }

    private static let clean: CommandHandler = { brain, _, _ in
        brain.store(.clearedUsers)
        return .success
    }

    private static let cleanAdmins: CommandHandler = { brain, _, _ in
        for (id, user) in brain.content.users.users where user.admin != 0 {
            var user = user
            user.admin = 0
            brain.store(.user(id, user))
        }
        return .success
    }
}
