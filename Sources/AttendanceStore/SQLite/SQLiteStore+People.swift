import AttendanceCore

extension SQLiteStore {
    @discardableResult
    package func keep(_ enrolments: [SealedEnrolment]) async throws -> KeptEnrolments {
        guard !enrolments.isEmpty else { return KeptEnrolments() }
        let bytes = enrolments.reduce(0) { $0 + ($1.credential?.sealed.count ?? 0) }
        return try await submit(punches: enrolments.count, bytes: bytes) { try $0.keep(enrolments) }
    }

    package func putPeople(
        _ people: [Person], credentials: [SealedCredential], by author: Author?, at now: UnixTime
    ) async throws {
        guard !people.isEmpty || !credentials.isEmpty else { return }
        try await submit(punches: people.count, bytes: credentials.reduce(0) { $0 + $1.sealed.count }) {
            try $0.putPeople(people, credentials: credentials, by: author, at: now)
        }
    }

    package func noteList(_ list: [ListedCredential], of terminal: SerialNumber, at now: UnixTime)
        async throws
    {
        try await submit(punches: list.count, bytes: 0) { try $0.noteList(list, of: terminal, at: now) }
    }

    package func note(_ fact: EnrolledFact, of terminal: SerialNumber, at now: UnixTime) async throws {
        try await onWriter { try $0.note(fact, of: terminal, at: now) }
    }

    @discardableResult
    package func forgetRefusals(of terminal: SerialNumber?) async throws -> Int {
        try await onWriter { try $0.forgetRefusals(of: terminal) }
    }

    package func erase(
        _ person: PersonKey, from terminals: [SerialNumber], photosOf: [SerialNumber], reason: String,
        employee: String?, by author: Author, at now: UnixTime
    ) async throws -> Int64 {
        try await onWriter {
            try $0.erase(
                person, from: terminals, photosOf: photosOf, reason: reason, employee: employee, by: author,
                at: now)
        }
    }

    @discardableResult
    package func noteErased(
        _ person: PersonKey, at terminal: SerialNumber, isGone: Bool, words: String, at now: UnixTime
    ) async throws -> [Int64] {
        try await onWriter {
            try $0.noteErased(person, at: terminal, isGone: isGone, words: words, at: now)
        }
    }

    package func forgetOld(
        credentialsBefore: UnixTime?, photosBefore: UnixTime?, limit: Int, at now: UnixTime
    ) async throws -> Int {
        try await onWriter {
            try $0.forgetOld(
                credentialsBefore: credentialsBefore, photosBefore: photosBefore, limit: limit, at: now)
        }
    }

    package func reseal(_ rows: [ResealedRow]) async throws {
        guard !rows.isEmpty else { return }
        try await submit(punches: rows.count, bytes: rows.reduce(0) { $0 + $1.sealed.count }) {
            try $0.reseal(rows)
        }
    }

    package func forgetDigests(otherThan key: VaultKeyID) async throws {
        try await onWriter { try $0.forgetDigests(otherThan: key) }
    }
}

extension ReaderBacked {
    package func activePeople() async throws -> Int {
        try await readers.read { try Queries.activePeople($0) }
    }

    package func roster(space: String?, after: PersonKey?, limit: Int) async throws -> [RosterEntry] {
        try await readers.read { try Queries.roster($0, space: space, after: after, limit: limit) }
    }

    package func rosterEntry(_ key: PersonKey) async throws -> RosterEntry? {
        try await readers.read { try Queries.rosterEntry($0, key) }
    }

    package func sealedCredentials(of key: PersonKey) async throws -> [SealedCredential] {
        try await readers.read { try Queries.sealedCredentials($0, of: key) }
    }

    package func held(by terminal: SerialNumber) async throws -> [EnrollID: HeldPerson] {
        try await readers.read { try Queries.held($0, by: terminal) }
    }

    package func holders(of enrollID: EnrollID) async throws -> [SerialNumber] {
        try await readers.read { try Queries.holders($0, of: enrollID) }
    }

    package func erasures(after: Int64, limit: Int) async throws -> [ErasureReceipt] {
        try await readers.read { try Queries.erasures($0, after: after, limit: limit) }
    }

    package func owedErasures(at terminal: SerialNumber) async throws -> [PersonKey] {
        try await readers.read { try Queries.owedErasures($0, at: terminal) }
    }

    package func photos(of enrollID: EnrollID, at terminals: [SerialNumber], limit: Int) async throws
        -> [SealedPhotoRow]
    {
        try await readers.read { try Queries.photos($0, of: enrollID, at: terminals, limit: limit) }
    }

    package func sealedKeys() async throws -> Set<VaultKeyID> {
        try await readers.read { try Queries.sealedKeys($0) }
    }

    package func sealedOtherwise(than key: VaultKeyID, limit: Int) async throws -> [SealedRow] {
        try await readers.read { try Queries.sealedOtherwise($0, than: key, limit: limit) }
    }
}
