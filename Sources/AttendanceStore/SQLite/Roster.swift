import AttendanceCore
import Foundation
import GRDB

// The roster: runs on the writer's thread, inside its transaction.

extension WriterConnection {
    /// The slot under which `enrolled` has the person as such.
    static let personSlot = -1

    // MARK: What terminals show

    /// See `PeopleKeeping.keep`.
    func keep(_ enrolments: [SealedEnrolment]) throws -> KeptEnrolments {
        var kept = KeptEnrolments()
        for enrolment in enrolments { try keep(enrolment, &kept) }
        return kept
    }

    private func keep(_ enrolment: SealedEnrolment, _ kept: inout KeptEnrolments) throws {
        let terminal = try terminalID(enrolment.terminal, at: enrolment.at)
        let id = enrolment.person.enrollID
        let slot = enrolment.credential?.facts.slot
        let before = try slot.flatMap { try enrolledRow(terminal, id, $0) }
        try notePerson(
            terminal, id, name: enrolment.name, role: enrolment.role, at: enrolment.at)
        if let facts = enrolment.credential?.facts {
            try noteCredential(terminal, id, facts, before: before, at: enrolment.at)
        }
        guard enrolment.isCollected else { return }
        let state = try Int.fetchOne(
            db.cachedStatement(sql: "SELECT state FROM person WHERE space = ? AND enroll = ?"),
            arguments: [enrolment.person.space, id.canonical])
        // Somebody who is gone stays gone, whatever a terminal still sends of them.
        guard state != PersonState.gone.rawValue else { return }
        if state == nil {
            try put(
                Person(
                    key: enrolment.person, name: enrolment.name ?? "", role: enrolment.role ?? .user,
                    source: .terminal, changed: enrolment.at))
            kept.people += 1
        } else if let name = enrolment.name, !name.isEmpty {
            try db.cachedStatement(
                sql: "UPDATE person SET name = ?, changed = ? WHERE space = ? AND enroll = ? AND name = ''"
            ).execute(arguments: [
                name, enrolment.at.milliseconds, enrolment.person.space, id.canonical,
            ])
        }
        guard let credential = enrolment.credential else { return }
        if try collect(credential, replaces: enrolment.isPush && isNews(credential.facts, before)) {
            kept.credentials += 1
        }
    }

    /// Whether a terminal has something else than it was seen to have, or was given.
    private func isNews(_ facts: CredentialFacts, _ before: Row?) -> Bool {
        guard let before else { return true }
        let digest: Data? = before["digest"]
        let given: Data? = before["given"]
        if digest == Data(facts.digest) || given == Data(facts.digest) { return false }
        // Some terminals make another JPEG of the one they were given.
        return !(facts.kind == .photo && given != nil)
    }

    /// True when it is kept: there was none, or it takes its place.
    private func collect(_ credential: SealedCredential, replaces: Bool) throws -> Bool {
        let facts = credential.facts
        let key = credential.person
        let there = try Row.fetchOne(
            db.cachedStatement(
                sql: "SELECT digest FROM credential WHERE space = ? AND enroll = ? AND slot = ?"),
            arguments: [key.space, key.enrollID.canonical, facts.slot])
        if let there, there["digest"] == Data(facts.digest) || !replaces {
            try db.cachedStatement(
                sql: "UPDATE credential SET seen = MAX(seen, ?) WHERE space = ? AND enroll = ? AND slot = ?"
            ).execute(arguments: [facts.at.milliseconds, key.space, key.enrollID.canonical, facts.slot])
            return false
        }
        try put(credential)
        return true
    }

    private func enrolledRow(_ terminal: Int64, _ id: EnrollID, _ slot: Int) throws -> Row? {
        try Row.fetchOne(
            db.cachedStatement(
                sql: "SELECT digest, given FROM enrolled WHERE terminal = ? AND enroll = ? AND slot = ?"),
            arguments: [terminal, id.canonical, slot])
    }

    private func notePerson(
        _ terminal: Int64, _ id: EnrollID, name: String?, role: PersonRole?, at now: UnixTime
    ) throws {
        try db.cachedStatement(
            sql: """
                INSERT INTO enrolled (terminal, enroll, slot, name, role, filled, at) VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6)
                ON CONFLICT DO UPDATE SET name = COALESCE(excluded.name, name), role = COALESCE(excluded.role, role),
                    filled = 1, at = excluded.at
                """
        ).execute(arguments: [
            terminal, id.canonical, Self.personSlot, name.flatMap { $0.isEmpty ? nil : $0 }, role?.rawValue,
            now.milliseconds,
        ])
    }

    private func noteCredential(
        _ terminal: Int64, _ id: EnrollID, _ facts: CredentialFacts, before: Row?, at now: UnixTime
    ) throws {
        // What it was given goes on to stand for what it made of it, until it has something else again.
        let known: Data? = before?["digest"]
        let staysGiven = known == nil || known == Data(facts.digest)
        try db.cachedStatement(
            sql: """
                INSERT INTO enrolled (terminal, enroll, slot, filled, digest, card, at) VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6)
                ON CONFLICT DO UPDATE SET filled = 1, digest = excluded.digest, card = excluded.card, at = excluded.at,
                    given = CASE WHEN ?7 THEN given END
                """
        ).execute(arguments: [
            terminal, id.canonical, facts.slot, Data(facts.digest), facts.cardDigest.map { Data($0) },
            now.milliseconds, staysGiven,
        ])
    }

    /// See `PeopleKeeping.noteList`.
    func noteList(_ list: [ListedCredential], of serial: SerialNumber, at now: UnixTime) throws {
        let terminal = try terminalID(serial, at: now)
        try db.cachedStatement(sql: "UPDATE enrolled SET filled = 0 WHERE terminal = ?").execute(
            arguments: [terminal])
        let add = try db.cachedStatement(
            sql: """
                INSERT INTO enrolled (terminal, enroll, slot, filled, at) VALUES (?1, ?2, ?3, 1, ?4)
                ON CONFLICT DO UPDATE SET filled = 1
                """)
        for row in list {
            try notePerson(terminal, row.enrollID, name: nil, role: row.role, at: now)
            guard CredentialKind(slot: row.slot) != nil else { continue }
            try add.execute(arguments: [terminal, row.enrollID.canonical, row.slot, now.milliseconds])
        }
        // What it lists and was seen to be the same is in use there.
        try db.cachedStatement(
            sql: """
                UPDATE credential SET seen = MAX(seen, ?2) WHERE digest IN (
                    SELECT digest FROM enrolled WHERE terminal = ?1 AND filled AND digest IS NOT NULL
                    UNION SELECT given FROM enrolled WHERE terminal = ?1 AND filled AND given IS NOT NULL)
                """
        ).execute(arguments: [terminal, now.milliseconds])
        // What a terminal refused it does not list, and is not asked again for that.
        try db.cachedStatement(
            sql: "DELETE FROM enrolled WHERE terminal = ? AND filled = 0 AND refused IS NULL"
        ).execute(arguments: [terminal])
        try db.cachedStatement(
            sql: """
                UPDATE enrolled SET digest = NULL, card = NULL, given = NULL, name = NULL
                WHERE terminal = ? AND filled = 0
                """
        ).execute(arguments: [terminal])
    }

    /// See `PeopleKeeping.note`.
    func note(_ fact: EnrolledFact, of serial: SerialNumber, at now: UnixTime) throws {
        let terminal = try terminalID(serial, at: now)
        switch fact {
        case .given(let id, let slot, let digest):
            try notePerson(terminal, id, name: nil, role: nil, at: now)
            try db.cachedStatement(
                sql: """
                    INSERT INTO enrolled (terminal, enroll, slot, filled, given, at) VALUES (?1, ?2, ?3, 1, ?4, ?5)
                    ON CONFLICT DO UPDATE SET filled = 1, digest = NULL, card = NULL, given = excluded.given,
                        refused = NULL, at = excluded.at
                    """
            ).execute(arguments: [terminal, id.canonical, slot, Data(digest), now.milliseconds])
        case .refused(let id, let slot, let digest):
            try db.cachedStatement(
                sql: """
                    INSERT INTO enrolled (terminal, enroll, slot, filled, refused, at) VALUES (?1, ?2, ?3, 0, ?4, ?5)
                    ON CONFLICT DO UPDATE SET refused = excluded.refused, at = excluded.at
                    """
            ).execute(arguments: [terminal, id.canonical, slot, Data(digest), now.milliseconds])
        case .named(let id, let name):
            try notePerson(terminal, id, name: name, role: nil, at: now)
        case .gone(let id, let slot):
            try db.cachedStatement(
                sql: "DELETE FROM enrolled WHERE terminal = ? AND enroll = ? AND (?3 IS NULL OR slot = ?3)"
            ).execute(arguments: [terminal, id.canonical, slot])
        }
    }

    /// See `PeopleKeeping.forgetRefusals`.
    func forgetRefusals(of serial: SerialNumber?) throws -> Int {
        try db.cachedStatement(
            sql: """
                UPDATE enrolled SET refused = NULL WHERE refused IS NOT NULL
                    AND (?1 IS NULL OR terminal = (SELECT id FROM terminal WHERE folded = ?1))
                """
        ).execute(arguments: [serial?.folded])
        let count = changes
        try db.execute(sql: "DELETE FROM enrolled WHERE filled = 0 AND refused IS NULL")
        return count
    }

    // MARK: The roster

    /// See `PeopleKeeping.putPeople`.
    func putPeople(
        _ people: [Person], credentials: [SealedCredential], by author: Author?, at now: UnixTime
    ) throws {
        for person in people {
            try put(person)
            guard let author else { continue }
            let slots = credentials.filter { $0.person == person.key }.map { $0.facts.kind.rawValue }
            try audit(
                AuditEntry(
                    at: now, author: author, action: "people.put", subject: "person \(person.key)",
                    detail: ([person.state == .gone ? "gone" : "active"] + slots).joined(separator: ", ")))
        }
        for credential in credentials { try put(credential) }
    }

    private func put(_ person: Person) throws {
        let id = person.key.enrollID
        try db.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO person
                    (space, enroll, sent, name, role, state, employee, source, valid_from, valid_until, changed)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            person.key.space, id.canonical, id.sent == id.canonical ? nil : id.sent, person.name,
            person.role.rawValue, person.state.rawValue, person.employee, person.source.rawValue,
            person.validFrom?.seconds, person.validUntil?.seconds, person.changed.milliseconds,
        ])
    }

    private func put(_ credential: SealedCredential) throws {
        let facts = credential.facts
        let key = credential.person
        try db.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO credential
                    (space, enroll, slot, algorithm, digest, card, size, source, at, seen, sealed)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10)
                """
        ).execute(arguments: [
            key.space, key.enrollID.canonical, facts.slot, facts.algorithm, Data(facts.digest),
            facts.cardDigest.map { Data($0) }, facts.size, facts.source?.text, facts.at.milliseconds,
            Data(credential.sealed),
        ])
    }

    // MARK: Erasing

    /// See `PeopleKeeping.erase`.
    func erase(
        _ person: PersonKey, from terminals: [SerialNumber], photosOf: [SerialNumber], reason: String,
        employee: String?, by author: Author, at now: UnixTime
    ) throws -> Int64 {
        let id = person.enrollID.canonical
        try db.cachedStatement(sql: "DELETE FROM credential WHERE space = ? AND enroll = ?").execute(
            arguments: [person.space, id])
        let credentials = changes
        let list = "[" + photosOf.map { JSONText.quoted($0.folded) }.joined(separator: ",") + "]"
        try db.cachedStatement(
            sql: """
                DELETE FROM photo WHERE punch IN (SELECT p.id FROM photo f CROSS JOIN punch p ON p.id = f.punch
                    CROSS JOIN terminal t ON t.id = p.terminal
                    WHERE p.enroll = ?1 AND t.folded IN (SELECT value FROM json_each(?2)))
                """
        ).execute(arguments: [id, list])
        let photos = changes
        // The number stays, so that nobody is taken in again from a terminal that still has them.
        try put(
            Person(
                key: person, name: "", state: .gone, employee: employee, source: .command, changed: now))
        try db.cachedStatement(
            sql: """
                INSERT INTO erasure (space, enroll, author, reason, ordered, credentials, photos, finished)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            person.space, id, author.name, reason, now.milliseconds, credentials, photos,
            terminals.isEmpty ? now.milliseconds : nil,
        ])
        let receipt = lastRow
        for serial in terminals {
            try db.cachedStatement(
                sql: "INSERT OR IGNORE INTO erasure_place (erasure, terminal) VALUES (?, ?)"
            )
            .execute(arguments: [receipt, try terminalID(serial, at: now)])
        }
        try audit(
            AuditEntry(
                at: now, author: author, action: "people.erase", subject: "person \(person)",
                detail: "receipt \(receipt): \(credentials) credentials and \(photos) photos deleted, "
                    + "owed to \(terminals.count) terminals; \(reason)"))
        return receipt
    }

    /// See `PeopleKeeping.noteErased`.
    func noteErased(
        _ person: PersonKey, at serial: SerialNumber, isGone: Bool, words: String, at now: UnixTime
    ) throws -> [Int64] {
        let terminal = try terminalID(serial, at: now)
        let id = person.enrollID.canonical
        try db.cachedStatement(
            sql: """
                UPDATE erasure_place SET verified = CASE WHEN ?1 THEN ?2 END, words = ?3
                WHERE terminal = ?4 AND verified IS NULL
                    AND erasure IN (SELECT id FROM erasure WHERE finished IS NULL AND space = ?5 AND enroll = ?6)
                """
        ).execute(arguments: [isGone, now.milliseconds, words, terminal, person.space, id])
        guard isGone else { return [] }
        try note(.gone(person.enrollID, slot: nil), of: serial, at: now)
        let done = try Int64.fetchAll(
            db,
            sql: """
                SELECT id FROM erasure e WHERE finished IS NULL AND space = ? AND enroll = ?
                    AND NOT EXISTS (SELECT 1 FROM erasure_place p WHERE p.erasure = e.id AND p.verified IS NULL)
                """, arguments: [person.space, id])
        for receipt in done {
            try db.cachedStatement(sql: "UPDATE erasure SET finished = ? WHERE id = ?").execute(
                arguments: [now.milliseconds, receipt])
            try audit(
                AuditEntry(
                    at: now, author: .gateway, action: "people.erased", subject: "person \(person)",
                    detail: "receipt \(receipt) is complete: no terminal knows them any more"))
        }
        return done
    }

    /// See `PeopleKeeping.forgetOld`.
    func forgetOld(credentialsBefore: UnixTime?, photosBefore: UnixTime?, limit: Int, at now: UnixTime) throws
        -> Int
    {
        var credentials = 0
        var photos = 0
        if let credentialsBefore {
            try db.cachedStatement(
                sql: "DELETE FROM credential WHERE id IN (SELECT id FROM credential WHERE seen < ? LIMIT ?)"
            ).execute(arguments: [credentialsBefore.milliseconds, limit])
            credentials = changes
        }
        if let photosBefore {
            try db.cachedStatement(
                sql:
                    "DELETE FROM photo WHERE punch IN (SELECT punch FROM photo WHERE at < ? ORDER BY at LIMIT ?)"
            ).execute(arguments: [photosBefore.milliseconds, limit])
            photos = changes
        }
        if credentials + photos > 0 {
            try audit(
                AuditEntry(
                    at: now, author: .gateway, action: "people.retention", subject: "roster",
                    detail: "\(credentials) credentials and \(photos) photos were older than is allowed"))
        }
        return credentials + photos
    }

    // MARK: Photos

    /// Of a punch that is new.
    func keep(_ photo: SealedPunchPhoto, of punch: Int64, at now: UnixTime) throws {
        try db.cachedStatement(sql: "INSERT INTO photo (punch, at, size, sealed) VALUES (?, ?, ?, ?)")
            .execute(
                arguments: [punch, now.milliseconds, photo.size, Data(photo.sealed)])
    }

    // MARK: Sealing anew

    /// See `PeopleKeeping.reseal`.
    func reseal(_ rows: [ResealedRow]) throws {
        for new in rows {
            let (row, sealed, old) = (new.row, Data(new.sealed), Data(new.row.sealed))
            switch row.table {
            case .photo:
                try db.cachedStatement(sql: "UPDATE photo SET sealed = ? WHERE punch = ? AND sealed = ?")
                    .execute(arguments: [sealed, row.id, old])
            case .command:
                try db.cachedStatement(sql: "UPDATE command SET secrets = ? WHERE id = ? AND secrets = ?")
                    .execute(arguments: [sealed, row.id, old])
            case .account:
                try db.cachedStatement(
                    sql: "UPDATE account SET code_secret = ? WHERE id = ? AND code_secret = ?"
                ).execute(arguments: [sealed, row.id, old])
            case .credential:
                try db.cachedStatement(
                    sql: "UPDATE credential SET sealed = ?, digest = ?, card = ? WHERE id = ? AND sealed = ?"
                ).execute(arguments: [
                    sealed, new.digest.map { Data($0) }, new.card.map { Data($0) }, row.id, old,
                ])
                guard changes > 0, let before = row.digest.map({ Data($0) }), let key = row.credential,
                    let after = new.digest.map({ Data($0) })
                else { continue }
                // Terminals that hold the very same are known by its digest; others are read again.
                for column in ["digest", "given", "refused"] {
                    try db.cachedStatement(
                        sql:
                            "UPDATE enrolled SET \(column) = ? WHERE enroll = ? AND slot = ? AND \(column) = ?"
                    ).execute(arguments: [
                        after, key.person.enrollID.canonical, key.slot, before,
                    ])
                }
            }
        }
    }

    /// See `PeopleKeeping.forgetDigests`.
    func forgetDigests(otherThan key: VaultKeyID) throws {
        let head = Data([Vault.version] + key.bytes)
        for column in ["digest", "card", "given", "refused"] {
            try db.cachedStatement(
                sql: "UPDATE enrolled SET \(column) = NULL WHERE substr(\(column), 1, \(head.count)) <> ?"
            ).execute(arguments: [head])
        }
    }
}
