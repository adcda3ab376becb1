import AttendanceCore

/// One change of a terminal's memory, as it is written down.
package enum FlashEntry: Hashable, Sendable, Codable {
    case user(UInt64, StoredUser)
    case removedUser(UInt64)
    case clearedUsers
    case log(Int, StoredLog, heldBack: Bool)
    /// Numbers of records that a server has acknowledged.
    case delivered([Int])
    /// Numbers go on at this one.
    case clearedLogs(next: Int)
    /// One of the tables that hold what commands set: device, lock, holidays, rights of a user. Nil: forgotten.
    case table(String, JSONValue?)
    case clearedTables
}

/// Everything of a terminal that survives when its power goes.
package struct DeviceContent: Sendable {
    package var users = UserTable()
    package var logs: LogRing
    /// What commands set, by the name of the table.
    package var tables: [String: JSONValue] = [:]

    package init(logCapacity: Int) { logs = LogRing(capacity: logCapacity) }

    package mutating func apply(_ entry: FlashEntry) {
        switch entry {
        case .user(let id, let user): users.set(user, for: id)
        case .removedUser(let id): users.remove(id)
        case .clearedUsers: users.removeAll()
        case .log(let number, let log, let heldBack):
            logs.begin(at: number)
            // A record that is there already was written twice, as when a file is rewritten.
            if number == logs.nextNumber { logs.append(log, heldBack: heldBack) }
        case .delivered(let numbers): logs.markDelivered(numbers)
        case .clearedLogs(let next):
            logs.removeAll()
            logs.begin(at: next)
        case .table(let name, let value): tables[name] = value
        case .clearedTables: tables = [:]
        }
    }

    /// The shortest list of entries that gives this content again.
    package var entries: [FlashEntry] {
        var entries: [FlashEntry] = [.clearedLogs(next: logs.all.first?.number ?? logs.nextNumber)]
        for id in users.users.keys.sorted() { if let user = users[id] { entries.append(.user(id, user)) } }
        var delivered: [Int] = []
        for (number, log) in logs.all {
            entries.append(.log(number, log, heldBack: logs.isHeldBack(number)))
            if logs.isDelivered(number) { delivered.append(number) }
        }
        if !delivered.isEmpty { entries.append(.delivered(delivered)) }
        for name in tables.keys.sorted() { entries.append(.table(name, tables[name])) }
        return entries
    }
}
