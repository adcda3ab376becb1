import AttendanceCore

/// Logs: docs/protocol.md §8.2.
enum LogCommands {
    static let table: [String: CommandHandler] = [
        "getnewlog": new, "getalllog": all, "cleanlog": clean, "cleanlogphoto": cleanPhotos,
    ]

    /// A page counts as delivered once it is handed out.
    private static let new: CommandHandler = { brain, order, _ in
        brain.page(
            order, size: brain.profile.logPage, countsTotal: true,
            rows: { .logs($0.content.logs.undelivered()) },
            write: { brain, rows, range in
                guard case .logs(let numbers) = rows else { return "[]" }
                let list = list(numbers[range], brain)
                brain.storeLazily(.delivered(Array(numbers[range])))
                return list
            })
    }

    private static let all: CommandHandler = { brain, order, _ in
        let keys = brain.profile.paging == .pages ? ("starttime", "endtime") : ("from", "to")
        guard let start = bound(order, keys.0, isEnd: false), let end = bound(order, keys.1, isEnd: true)
        else { return .refused("bad date", reason: brain.profile.refusesEmptyLists ? 4 : 1) }
        return brain.page(
            order, size: brain.profile.logPage, countsTotal: true,
            rows: { .logs($0.content.logs.numbers(from: start.time, through: end.time)) },
            write: { brain, rows, range in
                guard case .logs(let numbers) = rows else { return "[]" }
                return list(numbers[range], brain)
            })
    }

    /// What has been overwritten since the list was begun is left out.
    private static func list(_ numbers: ArraySlice<Int>, _ brain: FirmwareBrain) -> String {
        let records = numbers.compactMap { number in
            brain.content.logs[number].map { brain.record($0, withImage: false) }
        }
        return "[" + records.joined(separator: ",") + "]"
    }

    private struct Bound { var time: WallTime? }

    /// `YYYY-M-D`, alone or with a time; a day alone as an end is all of it. Nil: nothing of the kind.
    private static func bound(_ order: CommandOrder, _ key: String, isEnd: Bool) -> Bound? {
        guard order.has(key) else { return Bound(time: nil) }
        guard let text = order.text(key) else { return nil }
        if text.isEmpty { return Bound(time: nil) }
        if let time = WallTime(text) { return Bound(time: time) }
        guard let day = WallTime(text + " 00:00:00") else { return nil }
        return Bound(time: isEnd ? WallTime(seconds: day.seconds + 86_399) : day)
    }

    private static let clean: CommandHandler = { brain, _, _ in
        brain.clearLogs()
        if brain.profile.pushesUsersAfterCleanLog {
            for (id, user) in brain.content.users.users {
                var user = user
                for index in user.credentials.indices { user.credentials[index].isAcknowledged = false }
                brain.storeLazily(.user(id, user))
            }
            brain.session?.pushesEveryUser = true
        }
        return .success
    }

    private static let cleanPhotos: CommandHandler = { brain, _, _ in
        let next = brain.content.logs.all.first?.number ?? brain.content.logs.nextNumber
        let records = brain.content.logs.all
        let delivered = records.filter { brain.content.logs.isDelivered($0.number) }.map(\.number)
        let held = Set(records.map(\.number).filter { brain.content.logs.isHeldBack($0) })
        brain.store(.clearedLogs(next: next))
        for (number, log) in records {
            var log = log
            log.image = nil
            brain.store(.log(number, log, heldBack: held.contains(number)))
        }
        brain.store(.delivered(delivered))
        return .success
    }
}

extension FirmwareBrain {
    /// Every record is gone; batches on their way have nothing left to be about.
    mutating func clearLogs() {
        store(.clearedLogs(next: content.logs.nextNumber))
        pages["getnewlog"] = nil
        pages["getalllog"] = nil
    }
}
