import AttendanceCore
import Foundation
import GRDB

// The roster, and what is sealed.

extension Queries {
    static func roster(_ db: Database, space: String?, after: PersonKey?, limit: Int) throws -> [RosterEntry]
    {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT * FROM person WHERE (?1 IS NULL OR space = ?1) AND (space, enroll) > (?2, ?3)
                ORDER BY space, enroll LIMIT ?4
                """,
            arguments: [space, after?.space ?? "", after?.enrollID.canonical ?? "", limit])
        guard let first = rows.first, let last = rows.last else { return [] }
        let credentials = try Row.fetchAll(
            db,
            sql: """
                SELECT space, enroll, slot, algorithm, digest, card, size, source, at FROM credential
                WHERE (space, enroll) BETWEEN (?1, ?2) AND (?3, ?4) ORDER BY space, enroll, slot
                """,
            arguments: [
                first["space"] as String, first["enroll"] as String, last["space"] as String,
                last["enroll"] as String,
            ])
        var found: [PersonKey: [CredentialFacts]] = [:]
        for row in credentials { found[try key(row), default: []].append(try facts(row)) }
        return try rows.map { row in
            let person = try person(row)
            return RosterEntry(person: person, credentials: found[person.key] ?? [])
        }
    }

    static func activePeople(_ db: Database) throws -> Int {
        try Int.fetchOne(
            db, sql: "SELECT COUNT(*) FROM person WHERE state = ?", arguments: [PersonState.active.rawValue])
            ?? 0
    }

    static func rosterEntry(_ db: Database, _ key: PersonKey) throws -> RosterEntry? {
        let arguments: StatementArguments = [key.space, key.enrollID.canonical]
        guard
            let row = try Row.fetchOne(
                db, sql: "SELECT * FROM person WHERE space = ? AND enroll = ?", arguments: arguments)
        else { return nil }
        return RosterEntry(
            person: try person(row), credentials: try sealedCredentials(db, of: key).map(\.facts))
    }

    static func sealedCredentials(_ db: Database, of key: PersonKey) throws -> [SealedCredential] {
        try Row.fetchAll(
            db, sql: "SELECT * FROM credential WHERE space = ? AND enroll = ? ORDER BY slot",
            arguments: [key.space, key.enrollID.canonical]
        ).map { SealedCredential(person: key, facts: try facts($0), sealed: Array($0["sealed"] as Data)) }
    }

    private static func key(_ row: Row) throws -> PersonKey {
        PersonKey(
            space: row["space"], enrollID: try stored(EnrollID(row["enroll"] as String), "credential.enroll"))
    }

    private static func person(_ row: Row) throws -> Person {
        Person(
            key: PersonKey(space: row["space"], enrollID: try EnrollID(row)), name: row["name"],
            role: try stored(PersonRole(rawValue: row["role"]), "person.role"),
            state: try stored(PersonState(rawValue: row["state"]), "person.state"),
            employee: row["employee"],
            source: try stored(PersonSource(rawValue: row["source"]), "person.source"),
            validFrom: (row["valid_from"] as Int64?).map { WallTime(seconds: $0) },
            validUntil: (row["valid_until"] as Int64?).map { WallTime(seconds: $0) },
            changed: UnixTime(milliseconds: row["changed"]))
    }

    private static func facts(_ row: Row) throws -> CredentialFacts {
        let slot: Int = row["slot"]
        return CredentialFacts(
            slot: slot, kind: try stored(CredentialKind(slot: slot), "credential.slot"),
            algorithm: row["algorithm"], digest: Array(row["digest"] as Data),
            cardDigest: (row["card"] as Data?).map { Array($0) }, size: row["size"],
            source: try (row["source"] as String?).map { try SerialNumber(stored: $0) },
            at: UnixTime(milliseconds: row["at"]))
    }

    // MARK: Terminals

    static func held(_ db: Database, by terminal: SerialNumber) throws -> [EnrollID: HeldPerson] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT * FROM enrolled WHERE terminal = (SELECT id FROM terminal WHERE folded = ?)
                ORDER BY enroll, slot
                """, arguments: [terminal.folded])
        var held: [EnrollID: HeldPerson] = [:]
        func bytes(_ row: Row, _ column: String) -> [UInt8]? { (row[column] as Data?).map { Array($0) } }
        for row in rows {
            let id = try stored(EnrollID(row["enroll"] as String), "enrolled.enroll")
            let slot: Int = row["slot"]
            if slot == WriterConnection.personSlot {
                held[id, default: HeldPerson()].isThere = row["filled"]
                held[id, default: HeldPerson()].name = row["name"]
                held[id, default: HeldPerson()].role = (row["role"] as Int?).flatMap {
                    PersonRole(rawValue: $0)
                }
                continue
            }
            held[id, default: HeldPerson(isThere: false)].credentials[slot] = HeldPerson.Credential(
                digest: bytes(row, "digest"), cardDigest: bytes(row, "card"), given: bytes(row, "given"),
                refused: bytes(row, "refused"))
            if row["filled"] { held[id, default: HeldPerson()].filled.insert(slot) }
        }
        return held
    }

    static func holders(_ db: Database, of enrollID: EnrollID) throws -> [SerialNumber] {
        try String.fetchAll(
            db,
            sql: """
                SELECT serial FROM terminal WHERE id IN (SELECT terminal FROM enrolled WHERE enroll = ? AND filled)
                ORDER BY folded
                """, arguments: [enrollID.canonical]
        ).map { try SerialNumber(stored: $0) }
    }

    // MARK: Receipts

    static func erasures(_ db: Database, after: Int64, limit: Int) throws -> [ErasureReceipt] {
        try Row.fetchAll(
            db, sql: "SELECT * FROM erasure WHERE id > ? ORDER BY id LIMIT ?", arguments: [after, limit]
        ).map { row in
            let places = try Row.fetchAll(
                db,
                sql: """
                    SELECT t.serial, p.verified, p.words FROM erasure_place p CROSS JOIN terminal t ON t.id = p.terminal
                    WHERE p.erasure = ? ORDER BY t.folded
                    """, arguments: [row["id"] as Int64])
            return ErasureReceipt(
                id: row["id"], person: try key(row), author: Author(row["author"]), reason: row["reason"],
                ordered: UnixTime(milliseconds: row["ordered"]), credentials: row["credentials"],
                photos: row["photos"], finished: UnixTime(stored: row["finished"]),
                places: try places.map {
                    ErasureReceipt.Place(
                        terminal: try SerialNumber(stored: $0["serial"]),
                        verified: UnixTime(stored: $0["verified"]), words: $0["words"])
                })
        }
    }

    static func owedErasures(_ db: Database, at terminal: SerialNumber) throws -> [PersonKey] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT DISTINCT e.space, e.enroll FROM erasure_place p CROSS JOIN erasure e ON e.id = p.erasure
                WHERE p.terminal = (SELECT id FROM terminal WHERE folded = ?) AND p.verified IS NULL
                ORDER BY e.space, e.enroll
                """, arguments: [terminal.folded]
        ).map { try key($0) }
    }

    // MARK: Photos

    static func photos(_ db: Database, of enrollID: EnrollID, at terminals: [SerialNumber], limit: Int) throws
        -> [SealedPhotoRow]
    {
        let list = "[" + terminals.map { JSONText.quoted($0.folded) }.joined(separator: ",") + "]"
        return try Row.fetchAll(
            db,
            sql: photoRows + """
                WHERE p.enroll = ? AND t.folded IN (SELECT value FROM json_each(?))
                ORDER BY f.punch DESC LIMIT ?
                """, arguments: [enrollID.canonical, list, limit]
        ).map { try photo($0) }
    }

    private static let photoRows = """
        SELECT f.punch, f.sealed, p.enroll, p.wall, p.door_event, t.serial
        FROM photo f CROSS JOIN punch p ON p.id = f.punch CROSS JOIN terminal t ON t.id = p.terminal

        """

    private static func photo(_ row: Row) throws -> SealedPhotoRow {
        let terminal = try SerialNumber(stored: row["serial"])
        let time = WallTime(seconds: row["wall"])
        return SealedPhotoRow(
            punch: row["punch"],
            context: VaultContext.photo(
                at: terminal, of: try stored(EnrollID(row["enroll"] as String), "punch.enroll"), time: time,
                event: row["door_event"]),
            time: time, terminal: terminal, sealed: Array(row["sealed"] as Data))
    }

    // MARK: Keys

    private static let sealedColumns = [
        ("credential", "id", "sealed"), ("photo", "punch", "sealed"), ("command", "id", "secrets"),
        ("account", "id", "code_secret"),
    ]

    static func sealedKeys(_ db: Database) throws -> Set<VaultKeyID> {
        var keys: Set<VaultKeyID> = []
        for (table, id, column) in sealedColumns {
            for order in ["ASC", "DESC"] {
                let head = try Data.fetchOne(
                    db,
                    sql: """
                        SELECT substr(\(column), 1, \(VaultKeyID.length + 1)) FROM \(table)
                        WHERE \(column) IS NOT NULL ORDER BY \(id) \(order) LIMIT 1
                        """)
                if let key = head.flatMap({ VaultKeyID(of: Array($0)) }) { keys.insert(key) }
            }
        }
        return keys
    }

    static func sealedOtherwise(_ db: Database, than key: VaultKeyID, limit: Int) throws -> [SealedRow] {
        let head = Data([Vault.version] + key.bytes)
        var found: [SealedRow] = []
        for table in SealedRow.Table.allCases where found.count < limit {
            found += try sealed(
                db, in: table, where: { "substr(\($0.content), 1, \(head.count)) <> ?1 LIMIT ?2" },
                [head, limit - found.count])
        }
        return found
    }

    /// Sealed rows of one table with a number greater than `after`, by number, at most `limit`.
    static func sealed(_ db: Database, in table: SealedRow.Table, after: Int64, limit: Int) throws
        -> [SealedRow]
    {
        try sealed(
            db, in: table, where: { "\($0.id) > ?1 ORDER BY \($0.id) LIMIT ?2" }, [after, limit])
    }

    private static func sealed(
        _ db: Database, in table: SealedRow.Table, where condition: ((id: String, content: String)) -> String,
        _ arguments: StatementArguments
    ) throws -> [SealedRow] {
        switch table {
        case .credential:
            let sql = "SELECT id, space, enroll, slot, digest, sealed FROM credential WHERE "
            return try Row.fetchAll(db, sql: sql + condition(("id", "sealed")), arguments: arguments).map {
                row in
                let person = try Self.key(row)
                return SealedRow(
                    table: .credential, id: row["id"],
                    context: VaultContext.credential(of: person, slot: row["slot"]),
                    sealed: Array(row["sealed"] as Data), person: person, slot: row["slot"],
                    digest: Array(row["digest"] as Data))
            }
        case .photo:
            let sql = photoRows + "WHERE " + condition(("f.punch", "f.sealed"))
            return try Row.fetchAll(db, sql: sql, arguments: arguments).map { row in
                let photo = try photo(row)
                return SealedRow(
                    table: .photo, id: photo.punch, context: photo.context, sealed: photo.sealed)
            }
        case .command:
            let sql = """
                SELECT c.id, c.word, c.secrets, t.serial FROM command c CROSS JOIN terminal t ON t.id = c.terminal
                WHERE c.secrets IS NOT NULL AND 
                """
            return try Row.fetchAll(db, sql: sql + condition(("c.id", "c.secrets")), arguments: arguments).map
            {
                SealedRow(
                    table: .command, id: $0["id"],
                    context: VaultContext.command(
                        to: try SerialNumber(stored: $0["serial"]), word: $0["word"]),
                    sealed: Array($0["secrets"] as Data))
            }
        case .account:
            let sql = "SELECT id, code_secret FROM account WHERE code_secret IS NOT NULL AND "
            return try Row.fetchAll(db, sql: sql + condition(("id", "code_secret")), arguments: arguments).map
            {
                SealedRow(
                    table: .account, id: $0["id"], context: VaultContext.codes(of: $0["id"]),
                    sealed: Array($0["code_secret"] as Data))
            }
        }
    }
}
