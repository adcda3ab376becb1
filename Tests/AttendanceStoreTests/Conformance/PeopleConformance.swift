import AttendanceCore
import Testing

@testable import AttendanceStore

@Suite("Conformance: people", .timeLimit(.minutes(10))) struct PeopleConformance {
    static let t1 = SerialNumber("T1")!
    static let t2 = SerialNumber("T2")!
    static let key = PersonKey(enrollID: EnrollID("12")!)

    static func credential(_ digest: UInt8, slot: Int = 0, at seconds: Int64 = 0) -> SealedCredential {
        SealedCredential(
            person: key,
            facts: CredentialFacts(
                slot: slot, kind: CredentialKind(slot: slot)!, algorithm: slot < 10 ? "thbio3.0" : nil,
                digest: [digest], cardDigest: slot == 11 ? [digest, 1] : nil, size: 7, source: t1,
                at: Sample.now + .seconds(seconds)), sealed: [1, 2, digest])
    }

    static func shown(
        _ digest: UInt8?, slot: Int = 0, name: String? = "Ada", at terminal: SerialNumber = t1,
        isPush: Bool = true, isCollected: Bool = true, seconds: Int64 = 0
    ) -> SealedEnrolment {
        SealedEnrolment(
            terminal: terminal, person: key, name: name, role: .user,
            credential: digest.map { credential($0, slot: slot, at: seconds) }, isCollected: isCollected,
            isPush: isPush, at: Sample.now + .seconds(seconds))
    }

    @Test(arguments: Engine.allCases)
    func `what terminals push is kept once, and a new one takes its place`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let first = try await journal.store.keep([Self.shown(1), Self.shown(7, slot: 11)])
            #expect(first == KeptEnrolments(people: 1, credentials: 2))
            #expect(try await journal.store.keep([Self.shown(1)]) == KeptEnrolments())
            #expect(try await journal.store.keep([Self.shown(2)]) == KeptEnrolments(credentials: 1))
            try await journal.reopen()
            let entry = try #require(try await journal.store.rosterEntry(Self.key))
            #expect(entry.person.name == "Ada" && entry.person.source == .terminal)
            #expect(entry.credentials == [Self.credential(2).facts, Self.credential(7, slot: 11).facts])
            #expect(try await journal.store.roster(space: nil, after: nil, limit: 9) == [entry])
            #expect(try await journal.store.roster(space: "", after: Self.key, limit: 9).isEmpty)
            #expect(try await journal.store.roster(space: "x", after: nil, limit: 9).isEmpty)
            let sealed = try await journal.store.sealedCredentials(of: Self.key)
            #expect(sealed.map(\.sealed) == [[1, 2, 2], [1, 2, 7]])
            let held = try await journal.store.held(by: Self.t1)[Self.key.enrollID]
            #expect(held?.credentials[0]?.digest == [2] && held?.name == "Ada" && held?.filled == [0, 11])
            #expect(try await journal.store.holders(of: Self.key.enrollID) == [Self.t1])
        }
    }

    @Test(arguments: Engine.allCases)
    func `what is read back replaces nothing, nor does what a terminal made of what it was given`(
        engine: Engine
    ) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            _ = try await store.keep([Self.shown(1), Self.shown(5, slot: 50)])
            _ = try await store.keep([Self.shown(9, at: Self.t2, isPush: false)])
            try await store.note(
                .given(Self.key.enrollID, slot: 50, digest: [5]), of: Self.t2, at: Sample.now)
            _ = try await store.keep([Self.shown(6, slot: 50, at: Self.t2, isPush: false)])
            _ = try await store.keep([Self.shown(6, slot: 50, at: Self.t2)])
            let digests = try await store.rosterEntry(Self.key)?.credentials.map(\.digest)
            #expect(digests == [[1], [5]])
            let held = try await store.held(by: Self.t2)[Self.key.enrollID]
            #expect(held?.credentials[50] == .init(digest: [6], given: [5]))
            #expect(held?.credentials[50]?.holds([5]) == true)
            // Another photo was taken there.
            _ = try await store.keep([Self.shown(8, slot: 50, at: Self.t2, isPush: false)])
            #expect(try await store.held(by: Self.t2)[Self.key.enrollID]?.credentials[50]?.given == nil)
        }
    }

    @Test(arguments: Engine.allCases)
    func `a list says what is there and what is not`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            _ = try await store.keep([Self.shown(1), Self.shown(5, slot: 50)])
            try await store.note(
                .refused(Self.key.enrollID, slot: 51, digest: [4]), of: Self.t1, at: Sample.now)
            let other = EnrollID("13")!
            try await store.noteList(
                [
                    ListedCredential(enrollID: Self.key.enrollID, slot: 0, role: .administrator),
                    ListedCredential(enrollID: other, slot: 11),
                ], of: Self.t1, at: Sample.now)
            let held = try await store.held(by: Self.t1)
            #expect(held[Self.key.enrollID]?.filled == [0] && held[Self.key.enrollID]?.role == .administrator)
            #expect(held[Self.key.enrollID]?.credentials[0]?.digest == [1])
            #expect(held[Self.key.enrollID]?.credentials[51]?.refused == [4])
            #expect(held[other]?.isThere == true && held[other]?.credentials[11] == .init())
            #expect(try await store.forgetRefusals(of: Self.t1) == 1)
            #expect(try await store.held(by: Self.t1)[Self.key.enrollID]?.credentials.keys.sorted() == [0])
            try await store.noteList([], of: Self.t1, at: Sample.now)
            #expect(try await store.held(by: Self.t1).isEmpty)
        }
    }

    @Test(arguments: Engine.allCases)
    func `an erasure is owed until each terminal has proven it, and nobody comes back`(engine: Engine)
        async throws
    {
        try await engine.withJournal { journal in
            let store = journal.store
            try await store.setSinks([.erpnext])
            var batch = Sample.batch([Sample.punch("12"), Sample.punch("13")])
            batch.sealedPhotos = [
                SealedPunchPhoto(punch: 0, size: 5, sealed: [1, 2, 3]),
                SealedPunchPhoto(punch: 1, size: 5, sealed: [4]),
            ]
            _ = try await store.record(batch)
            _ = try await store.record(batch)  // a repeat brings no second photo
            _ = try await store.keep([Self.shown(1), Self.shown(1, at: Self.t2)])
            #expect(
                try await store.photos(of: Self.key.enrollID, at: [Self.t1], limit: 9).map(\.sealed)
                    == [[1, 2, 3]])
            let receipt = try await store.erase(
                Self.key, from: [Self.t1, Self.t2], photosOf: [Self.t1], reason: "asked", employee: nil,
                by: Author("ada"), at: Sample.now)
            #expect(try await store.sealedCredentials(of: Self.key).isEmpty)
            #expect(try await store.photos(of: Self.key.enrollID, at: [Self.t1], limit: 9).isEmpty)
            #expect(
                try await store.photos(of: EnrollID("13")!, at: [Self.t1], limit: 9).map(\.sealed) == [[4]])
            let person = try await store.rosterEntry(Self.key)?.person
            #expect(person?.state == .gone && person?.name == "")
            // A terminal that still has them pushes them again.
            #expect(try await store.keep([Self.shown(3)]) == KeptEnrolments())
            #expect(try await store.owedErasures(at: Self.t1) == [Self.key])
            let still = try await store.noteErased(
                Self.key, at: Self.t1, isGone: false, words: "still there", at: Sample.now)
            let one = try await store.noteErased(
                Self.key, at: Self.t1, isGone: true, words: "gone", at: Sample.now)
            #expect(still.isEmpty && one.isEmpty)
            #expect(try await store.erasures(after: 0, limit: 9).first?.finished == nil)
            let done = try await store.noteErased(
                Self.key, at: Self.t2, isGone: true, words: "gone", at: Sample.now)
            #expect(done == [receipt])
            let found = try #require(try await store.erasures(after: 0, limit: 9).first)
            #expect(found.finished == Sample.now && found.credentials == 1 && found.photos == 1)
            #expect(found.places.map(\.words) == ["gone", "gone"])
            #expect(try await store.held(by: Self.t2)[Self.key.enrollID] == nil)
            #expect(
                try await store.auditTrail(after: 0, limit: 9).map(\.action) == [
                    "people.erase", "people.erased",
                ])
        }
    }

    @Test(arguments: Engine.allCases)
    func `retention deletes what is too old and says so`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            _ = try await store.keep([Self.shown(1), Self.shown(2, slot: 1), Self.shown(3, slot: 2)])
            // Seen again later: these are still in use.
            _ = try await store.keep([Self.shown(1, isPush: false, seconds: 100)])
            try await store.noteList(
                [ListedCredential(enrollID: Self.key.enrollID, slot: 2)], of: Self.t1,
                at: Sample.now + .seconds(100))
            let none = try await store.forgetOld(
                credentialsBefore: nil, photosBefore: Sample.now, limit: 9, at: Sample.now)
            let one = try await store.forgetOld(
                credentialsBefore: Sample.now + .seconds(50), photosBefore: nil, limit: 9, at: Sample.now)
            #expect(none == 0 && one == 1)
            #expect(try await store.rosterEntry(Self.key)?.credentials.map(\.slot) == [0, 2])
            #expect(try await store.auditTrail(after: 0, limit: 9).map(\.action) == ["people.retention"])
        }
    }

    @Test(arguments: Engine.allCases)
    func `a rotation finds every sealed row, and only those that are left`(engine: Engine) async throws {
        try await withTemporaryFolder { folder in
            try await engine.withJournal { journal in
                let store = journal.store
                let vault = Vault(path: folder + "/vault.key")
                let seal = CredentialSeal(vault: vault)
                var credentials: [SealedCredential] = []
                for slot in [10, 11] {
                    let content = try CredentialContent(slot: slot, record: "471\(slot)")
                    credentials.append(
                        try seal.seal(content, of: Self.key, algorithm: nil, from: nil, at: Sample.now))
                }
                let person = Person(key: Self.key, name: "Ada", source: .file, changed: Sample.now)
                try await store.putPeople(
                    [person], credentials: credentials, by: Author("ada"), at: Sample.now)
                try await store.note(
                    .given(Self.key.enrollID, slot: 11, digest: credentials[1].facts.digest), of: Self.t1,
                    at: Sample.now)
                let old = try vault.currentKey()
                #expect(try await store.sealedKeys() == [old])
                #expect(try await store.sealedOtherwise(than: old, limit: 9).isEmpty)
                let new = try vault.beginRotation().key
                var rows = try await store.sealedOtherwise(than: new, limit: 1)
                #expect(rows.count == 1)
                while !rows.isEmpty {
                    try await store.reseal(try rows.map { try seal.resealed($0) })
                    rows = try await store.sealedOtherwise(than: new, limit: 1)
                }
                try vault.finishRotation()
                #expect(try await store.sealedKeys() == [new])
                let after = try await store.sealedCredentials(of: Self.key)
                #expect(try after.map { try seal.open($0).text } == ["47110", "47111"])
                // What the terminal was given is known by the new key's digest too.
                let held = try await store.held(by: Self.t1)[Self.key.enrollID]?.credentials[11]
                #expect(held?.holds(after[1].facts.digest) == true)
            }
        }
    }
}
