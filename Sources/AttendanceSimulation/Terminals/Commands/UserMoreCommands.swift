import AttendanceCore

/// Users: enrolment, profiles, and the words of newer firmware (docs/protocol.md §8.1).
enum UserMoreCommands {
    static let table: [String: CommandHandler] = [
        "adduser": add, "setuserprofile": setProfile, "getuserprofile": profile, "getuserids": ids,
        "getunuserdid": unused, "checkuserid": check, "checkregstatus": status, "canceladduser": cancel,
        "cleaninactiveuser": cleanInactive,
    ]

    private static let add: CommandHandler = { brain, order, now in
        switch brain.userNumber(order) {
        case .failure(let refusal): return refusal.reply
        case .success(let id):
            guard let slot = order.int("backupnum"), let kind = CredentialKind(slot: slot) else {
                return .missing
            }
            guard brain.profile.kinds.contains(kind) else { return .refused("bad backupnum") }
            guard brain.enrolment == nil else { return .refused("busy", reason: 3) }
            brain.enrolment = Enrolment(
                row: UserRow(id: id, slot: slot), name: order.text("name") ?? "",
                admin: order.int("admin") ?? 0, due: brain.habits.enrolsAfter.map { now.elapsed + $0 })
            return .success
        }
    }

    private static let cancel: CommandHandler = { brain, _, _ in
        guard brain.enrolment != nil else { return .refused("not enrolling", reason: 5) }
        brain.enrolment = nil
        return .success
    }

    private static let status: CommandHandler = { brain, _, _ in
        .success { $0.set("status", brain.enrolment == nil ? 0 : 1) }
    }

    private static let setProfile: CommandHandler = { brain, order, _ in
        guard let number = order.integer("enrollid"), number >= 0, let text = order.text("profile") else {
            return .missing
        }
        guard text.utf8.count <= 200 else { return .refused("profile is too long") }
        if number == 0 {
            brain.store(.table("profile", .text(text)))
        } else {
            switch brain.knownUser(order) {
            case .failure(let refusal): return refusal.reply
            case .success(var (id, user)):
                user.profile = text
                brain.store(.user(id, user))
            }
        }
        return .success { $0.set("enrollid", UInt64(number)) }
    }

    private static let profile: CommandHandler = { brain, order, _ in
        guard let number = order.integer("enrollid"), number >= 0 else { return .missing }
        var text = ""
        if number == 0 {
            if case .text(let shared) = brain.content.tables["profile"] { text = shared }
        } else {
            switch brain.knownUser(order) {
            case .failure(let refusal): return refusal.reply
            case .success(let (_, user)): text = user.profile ?? ""
            }
        }
        return .success {
            $0.set("enrollid", UInt64(number))
            $0.set("record", text)
        }
    }

    private static let ids: CommandHandler = { brain, _, _ in
        let ids = brain.content.users.users.keys.sorted()
        return .success {
            $0.set("count", ids.count)
            $0.set("record", json: "[" + ids.map(String.init).joined(separator: ",") + "]")
        }
    }

    private static let unused: CommandHandler = { brain, _, _ in
        var id: UInt64 = 1
        while brain.content.users[id] != nil { id += 1 }
        return .success { $0.set("enrollid", id) }
    }

    private static let check: CommandHandler = { brain, order, _ in
        switch brain.userNumber(order) {
        case .failure(let refusal): refusal.reply
        case .success(let id): .success { $0.set("exists", brain.content.users[id] != nil) }
        }
    }

    private static let cleanInactive: CommandHandler = { brain, order, now in
        guard let days = order.int("days"), days > 0, days < 100_000 else { return .missing }
        let limit = WallTime(seconds: brain.wallTime(at: now).seconds - Int64(days) * 86_400)
        let active = Set(
            brain.content.logs.numbers(from: limit, through: nil).compactMap {
                brain.content.logs[$0]?.person
            })
        for id in brain.content.users.users.keys where !active.contains(id) {
            brain.store(.removedUser(id))
        }
        return .success
    }
}
