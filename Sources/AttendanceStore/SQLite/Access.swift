import AttendanceCore
import Foundation
import GRDB

// Codes and clocks: runs on the writer's thread, inside its transaction.

extension WriterConnection {
    /// Codes that ended so long ago are forgotten.
    private static let codesKept = Duration.seconds(90 * 86_400)

    /// See `AccessKeeping.issueCode`.
    func issueCode(_ code: AccessCode, digest: [UInt8], by author: Author, at now: UnixTime) throws -> Int64?
    {
        let old = UnixTime(milliseconds: now.milliseconds - Self.codesKept.milliseconds)
        try db.execute(
            sql: """
                DELETE FROM access_code WHERE id IN
                    (SELECT id FROM access_code WHERE ends < ? ORDER BY ends LIMIT 100)
                """, arguments: [old.milliseconds])
        let isTaken = try Bool.fetchOne(
            db, sql: "SELECT EXISTS (SELECT 1 FROM access_code WHERE digest = ?)", arguments: [Data(digest)])
        guard isTaken != true else { return nil }
        var terminal: String?
        var group: String?
        var place = ""
        switch code.scope {
        case .terminal(let serial):
            terminal = serial.text
            place = "terminal \(serial)"
        case .group(let name):
            group = name
            place = "group \(name)"
        }
        try db.execute(
            sql: """
                INSERT INTO access_code
                    (kind, digest, space, enroll, name, terminal, grouping, starts, ends, uses, author, issued)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                code.kind.rawValue, Data(digest), code.person.space, code.person.enrollID.canonical,
                code.name, terminal, group, code.starts.milliseconds, code.ends.milliseconds, code.uses,
                author.name, now.milliseconds,
            ])
        let id = db.lastInsertedRowID
        try audit(
            AuditEntry(
                at: now, author: author, action: "codes.issue", subject: "code \(id)",
                detail:
                    "\(code.kind == .qr ? "QR" : "PIN") for person \(code.person), \(place), \(code.uses) uses, "
                    + "\(code.starts.iso8601) to \(code.ends.iso8601)"))
        return id
    }

    /// See `AccessKeeping.redeemCode`.
    func redeemCode(
        _ digests: [[UInt8]], at terminal: SerialNumber, of group: String?, now: UnixTime,
        isActive: (AccessCode) -> Bool
    ) throws -> CodeRedemption {
        for digest in digests {
            guard
                let row = try Row.fetchOne(
                    db, sql: "SELECT * FROM access_code WHERE digest = ?", arguments: [Data(digest)])
            else { continue }
            let record = try Queries.accessCode(row)
            if let refusal = record.code.refusal(
                at: terminal, of: group, used: record.used, isRevoked: record.revoked != nil, now: now)
            {
                return .refused(refusal, record.code)
            }
            guard isActive(record.code) else { return .refused(.inactive, record.code) }
            try db.execute(
                sql: "UPDATE access_code SET used = used + 1, last_used = ?, last_terminal = ? WHERE id = ?",
                arguments: [now.milliseconds, terminal.text, record.id])
            return .opened(record.code)
        }
        return .refused(.unknown, nil)
    }

    /// See `AccessKeeping.revokeCodes`.
    func revokeCodes(_ ids: [Int64], by author: Author, at now: UnixTime) throws -> [Int64] {
        var revoked: [Int64] = []
        for id in ids {
            try db.execute(
                sql: "UPDATE access_code SET revoked = ? WHERE id = ? AND revoked IS NULL AND ends > ?",
                arguments: [now.milliseconds, id, now.milliseconds])
            guard db.changesCount > 0 else { continue }
            revoked.append(id)
            try audit(
                AuditEntry(at: now, author: author, action: "codes.revoke", subject: "code \(id)"))
        }
        return revoked
    }

    /// See `AccessKeeping.noteClockStep`.
    func noteClockStep(_ step: ClockStep) throws -> Int64? {
        guard let terminal = try knownTerminal(step.terminal) else { return nil }
        try db.execute(
            sql: "INSERT INTO clock_step (terminal, at, before, after, unread) VALUES (?, ?, ?, ?, ?)",
            arguments: [terminal, step.at.milliseconds, step.before, step.after, step.unread])
        return db.lastInsertedRowID
    }

    func settleClockStep(_ id: Int64, after: Int) throws {
        try db.execute(
            sql: "UPDATE clock_step SET after = ? WHERE id = ? AND after IS NULL", arguments: [after, id])
    }
}

extension Queries {
    static func accessCode(_ row: Row) throws -> AccessCodeRecord {
        let scope: AccessCode.Scope
        if let serial = row["terminal"] as String? {
            scope = .terminal(try SerialNumber(stored: serial))
        } else {
            scope = .group(row["grouping"])
        }
        return AccessCodeRecord(
            id: row["id"],
            code: AccessCode(
                kind: try stored(AccessCode.Kind(rawValue: row["kind"]), "access_code.kind"),
                person: PersonKey(
                    space: row["space"],
                    enrollID: try stored(EnrollID(row["enroll"] as String), "access_code.enroll")),
                name: row["name"], scope: scope, starts: UnixTime(milliseconds: row["starts"]),
                ends: UnixTime(milliseconds: row["ends"]), uses: row["uses"]),
            used: row["used"], author: Author(row["author"]), issued: UnixTime(milliseconds: row["issued"]),
            revoked: UnixTime(stored: row["revoked"]), lastUsed: UnixTime(stored: row["last_used"]),
            lastTerminal: row["last_terminal"])
    }

    static func accessCodes(_ db: Database, after: Int64, limit: Int) throws -> [AccessCodeRecord] {
        try Row.fetchAll(
            db, sql: "SELECT * FROM access_code WHERE id > ? ORDER BY id LIMIT ?", arguments: [after, limit]
        ).map(accessCode)
    }

    static func clockSteps(_ db: Database, of terminal: SerialNumber, limit: Int) throws -> [ClockStep] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT * FROM clock_step WHERE terminal = (SELECT id FROM terminal WHERE folded = ?)
                ORDER BY at DESC, id DESC LIMIT ?
                """, arguments: [terminal.folded, limit]
        ).map {
            ClockStep(
                terminal: terminal, at: UnixTime(milliseconds: $0["at"]), before: $0["before"],
                after: $0["after"], unread: $0["unread"])
        }
    }
}

extension ReaderBacked {
    package func accessCodes(after: Int64, limit: Int) async throws -> [AccessCodeRecord] {
        try await readers.read { try Queries.accessCodes($0, after: after, limit: limit) }
    }

    package func clockSteps(of terminal: SerialNumber, limit: Int) async throws -> [ClockStep] {
        try await readers.read { try Queries.clockSteps($0, of: terminal, limit: limit) }
    }
}

extension SQLiteStore {
    package func issueCode(_ code: AccessCode, digest: [UInt8], by author: Author, at now: UnixTime)
        async throws -> Int64?
    {
        try await onWriter { try $0.issueCode(code, digest: digest, by: author, at: now) }
    }

    package func redeemCode(
        _ digests: [[UInt8]], at terminal: SerialNumber, of group: String?, now: UnixTime,
        isActive: @escaping @Sendable (AccessCode) -> Bool
    ) async throws -> CodeRedemption {
        try await onWriter {
            try $0.redeemCode(digests, at: terminal, of: group, now: now, isActive: isActive)
        }
    }

    package func revokeCodes(_ ids: [Int64], by author: Author, at now: UnixTime) async throws -> [Int64] {
        try await onWriter { try $0.revokeCodes(ids, by: author, at: now) }
    }

    package func noteClockStep(_ step: ClockStep) async throws -> Int64? {
        try await onWriter { try $0.noteClockStep(step) }
    }

    package func settleClockStep(_ id: Int64, after: Int) async throws {
        try await onWriter { try $0.settleClockStep(id, after: after) }
    }
}
