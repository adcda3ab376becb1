import AttendanceCore

/// The roster: people, what is sealed of them, what terminals hold of them, and receipts of what was erased.
package protocol PeopleKeeping: Sendable {
    /// Keeps what a terminal has shown: the person where the roster has none yet, the credential, and that the terminal
    /// holds it. Of somebody who shall be on no terminal only the last is kept. One commit; at most 1,000.
    ///
    /// A push replaces what the roster has, unless it is what the terminal was seen to hold before; what was read
    /// replaces nothing.
    @discardableResult
    func keep(_ enrolments: [SealedEnrolment]) async throws -> KeptEnrolments
    /// Adds or replaces people and credentials that are imported, or come from a site. With an author it goes into the
    /// audit trail. At most 1,000 people.
    func putPeople(
        _ people: [Person], credentials: [SealedCredential], by author: Author?, at now: UnixTime
    ) async throws
    /// What a terminal lists: rows of its list that are new are not read yet, and what is not in the list is not there.
    func noteList(_ list: [ListedCredential], of terminal: SerialNumber, at now: UnixTime) async throws
    /// One thing a terminal did or said about one person.
    func note(_ fact: EnrolledFact, of terminal: SerialNumber, at now: UnixTime) async throws
    /// Forgets everything that was refused before, so that it is tried again. Returns how many.
    @discardableResult
    func forgetRefusals(of terminal: SerialNumber?) async throws -> Int

    /// Deletes a person's credentials and photos, wipes the name, and owes it to these terminals to forget them. Goes
    /// into the audit trail. `employee` is whose number it was, so that another may get it. Returns the number of the
    /// receipt.
    func erase(
        _ person: PersonKey, from terminals: [SerialNumber], photosOf: [SerialNumber], reason: String,
        employee: String?, by author: Author, at now: UnixTime
    ) async throws -> Int64
    /// What a terminal said about somebody who is to be erased there; `isGone` when it does not know them any more.
    /// Returns the receipts that are complete by it, which goes into the audit trail.
    @discardableResult
    func noteErased(
        _ person: PersonKey, at terminal: SerialNumber, isGone: Bool, words: String, at now: UnixTime
    ) async throws -> [Int64]
    /// Retention: credentials that no terminal has shown since `credentialsBefore`, and photos from before
    /// `photosBefore`; nil: all stay. At most `limit` of each.
    func forgetOld(
        credentialsBefore: UnixTime?, photosBefore: UnixTime?, limit: Int, at now: UnixTime
    ) async throws -> Int

    /// Puts texts that were sealed anew in place of the older ones, as far as these still stand there. One commit.
    func reseal(_ rows: [ResealedRow]) async throws
    /// At the end of a rotation: what terminals hold and is known by another key's digest is to be read again.
    func forgetDigests(otherThan key: VaultKeyID) async throws
}

/// Looking at the roster. Nothing of it is readable without the vault.
package protocol PeopleReading: Sendable {
    /// By space and number, those after `after`, at most `limit`. `space` nil: all.
    func roster(space: String?, after: PersonKey?, limit: Int) async throws -> [RosterEntry]
    /// How many people of the roster are not gone.
    func activePeople() async throws -> Int
    func rosterEntry(_ key: PersonKey) async throws -> RosterEntry?
    func sealedCredentials(of key: PersonKey) async throws -> [SealedCredential]
    /// Everybody a terminal was last seen to hold.
    func held(by terminal: SerialNumber) async throws -> [EnrollID: HeldPerson]
    /// The terminals that were last seen to hold somebody of this number.
    func holders(of enrollID: EnrollID) async throws -> [SerialNumber]
    /// With a number greater than `after`, by number, at most `limit`.
    func erasures(after: Int64, limit: Int) async throws -> [ErasureReceipt]
    /// Who is still to be erased at a terminal.
    func owedErasures(at terminal: SerialNumber) async throws -> [PersonKey]
    /// Sealed photos of punches of a person at these terminals, newest first.
    func photos(of enrollID: EnrollID, at terminals: [SerialNumber], limit: Int) async throws
        -> [SealedPhotoRow]
    /// The keys that the oldest and newest sealed rows of each table need.
    func sealedKeys() async throws -> Set<VaultKeyID>
    /// Rows that are sealed with another key than this one, at most `limit`.
    func sealedOtherwise(than key: VaultKeyID, limit: Int) async throws -> [SealedRow]
}

/// A credential as a terminal showed it.
package struct SealedEnrolment: Sendable {
    package var terminal: SerialNumber
    package var person: PersonKey
    /// Nil or empty: not told.
    package var name: String?
    package var role: PersonRole?
    /// Nil where only the person is told of.
    package var credential: SealedCredential?
    /// Whether it is kept in the roster, or only noted what the terminal holds.
    package var isCollected: Bool
    /// Whether the terminal sent it by itself.
    package var isPush: Bool
    package var at: UnixTime

    package init(
        terminal: SerialNumber, person: PersonKey, name: String?, role: PersonRole?,
        credential: SealedCredential?, isCollected: Bool, isPush: Bool, at: UnixTime
    ) {
        self.terminal = terminal
        self.person = person
        self.name = name
        self.role = role
        self.credential = credential
        self.isCollected = isCollected
        self.isPush = isPush
        self.at = at
    }
}

package struct SealedCredential: Hashable, Sendable {
    package var person: PersonKey
    package var facts: CredentialFacts
    /// For `VaultContext.credential`.
    package var sealed: [UInt8]

    package init(person: PersonKey, facts: CredentialFacts, sealed: [UInt8]) {
        self.person = person
        self.facts = facts
        self.sealed = sealed
    }
}

package struct KeptEnrolments: Hashable, Sendable {
    package var people = 0
    package var credentials = 0

    package init(people: Int = 0, credentials: Int = 0) {
        self.people = people
        self.credentials = credentials
    }
}

/// A row of `getuserlist`.
package struct ListedCredential: Hashable, Sendable {
    package var enrollID: EnrollID
    package var slot: Int
    package var role: PersonRole?

    package init(enrollID: EnrollID, slot: Int, role: PersonRole? = nil) {
        self.enrollID = enrollID
        self.slot = slot
        self.role = role
    }
}

package enum EnrolledFact: Sendable {
    /// It was given this content; it was not read back yet.
    case given(EnrollID, slot: Int, digest: [UInt8])
    case refused(EnrollID, slot: Int, digest: [UInt8])
    case named(EnrollID, String)
    /// It does not have this credential; without a slot: not the person at all.
    case gone(EnrollID, slot: Int?)
}

/// What was erased, where, and whether it is proven.
package struct ErasureReceipt: Hashable, Sendable {
    package struct Place: Hashable, Sendable {
        package var terminal: SerialNumber
        /// When the terminal said that it does not know the person; nil while it is owed.
        package var verified: UnixTime?
        /// What it said last.
        package var words: String?

        package init(terminal: SerialNumber, verified: UnixTime?, words: String?) {
            self.terminal = terminal
            self.verified = verified
            self.words = words
        }
    }
    package var id: Int64
    package var person: PersonKey
    package var author: Author
    package var reason: String
    package var ordered: UnixTime
    /// Credentials and photos of punches that were deleted here, at once.
    package var credentials: Int
    package var photos: Int
    /// When the last terminal had proven it; nil while one owes it.
    package var finished: UnixTime?
    package var places: [Place]

    package init(
        id: Int64, person: PersonKey, author: Author, reason: String, ordered: UnixTime, credentials: Int,
        photos: Int, finished: UnixTime?, places: [Place]
    ) {
        self.id = id
        self.person = person
        self.author = author
        self.reason = reason
        self.ordered = ordered
        self.credentials = credentials
        self.photos = photos
        self.finished = finished
        self.places = places
    }
}

/// A photo of a punch, with what it is bound to.
package struct SealedPhotoRow: Hashable, Sendable {
    package var punch: Int64
    package var context: String
    package var time: WallTime
    package var terminal: SerialNumber
    package var sealed: [UInt8]

    package init(punch: Int64, context: String, time: WallTime, terminal: SerialNumber, sealed: [UInt8]) {
        self.punch = punch
        self.context = context
        self.time = time
        self.terminal = terminal
        self.sealed = sealed
    }
}

/// A row that a rotation is to seal anew.
package struct SealedRow: Hashable, Sendable {
    package enum Table: Hashable, Sendable, CaseIterable { case credential, photo, command, account }
    package var table: Table
    package var id: Int64
    package var context: String
    package var sealed: [UInt8]
    /// Of a credential: which, so that its digests can be made anew; nil elsewhere.
    package var credential: (person: PersonKey, slot: Int)? {
        credentialKey.map { ($0, credentialSlot) }
    }
    private var credentialKey: PersonKey?
    private var credentialSlot = 0
    package var digest: [UInt8]?

    package init(
        table: Table, id: Int64, context: String, sealed: [UInt8], person: PersonKey? = nil, slot: Int = 0,
        digest: [UInt8]? = nil
    ) {
        self.table = table
        self.id = id
        self.context = context
        self.sealed = sealed
        credentialKey = person
        credentialSlot = slot
        self.digest = digest
    }
}

package struct ResealedRow: Sendable {
    package var row: SealedRow
    package var sealed: [UInt8]
    /// Of a credential, by the new key.
    package var digest: [UInt8]?
    package var card: [UInt8]?

    package init(row: SealedRow, sealed: [UInt8], digest: [UInt8]? = nil, card: [UInt8]? = nil) {
        self.row = row
        self.sealed = sealed
        self.digest = digest
        self.card = card
    }
}
