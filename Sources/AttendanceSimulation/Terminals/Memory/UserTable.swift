import AttendanceCore

/// The users and credentials in a terminal's memory, with room for so many and no more.
package struct UserTable: Sendable {
    package private(set) var users: [UInt64: StoredUser] = [:]
    private var used: [CredentialKind: Int] = [:]
    /// How many credentials still wait to be pushed to a server by `senduser`.
    package private(set) var unacknowledged = 0

    package init() {}

    package subscript(id: UInt64) -> StoredUser? { users[id] }
    package var count: Int { users.count }
    package func used(_ kind: CredentialKind) -> Int { used[kind] ?? 0 }
    package var credentialCount: Int { users.values.reduce(0) { $0 + $1.credentials.count } }

    /// Faces however they are kept: photo, template or feature. One person counts once.
    package var faces: Int {
        users.values.count { user in
            user.credentials.contains {
                $0.kind == .photo || $0.kind == .faceTemplate || $0.kind == .faceFeature
            }
        }
    }

    /// Every credential by person and slot, in the order of `getuserlist`.
    package var rows: [UserRow] {
        users.keys.sorted().flatMap { id in
            (users[id]?.credentials ?? []).map { UserRow(id: id, slot: $0.slot) }
        }
    }

    /// Adds or replaces a person with everything they have.
    package mutating func set(_ user: StoredUser, for id: UInt64) {
        remove(id)
        for credential in user.credentials { count(credential, by: 1) }
        users[id] = user
    }

    package mutating func remove(_ id: UInt64) {
        guard let old = users.removeValue(forKey: id) else { return }
        for credential in old.credentials { count(credential, by: -1) }
    }

    /// Changes a person in place; does nothing where there is none.
    package mutating func change(_ id: UInt64, _ body: (inout StoredUser) -> Void) {
        guard var user = users[id] else { return }
        body(&user)
        set(user, for: id)
    }

    package mutating func removeAll() { self = UserTable() }

    private mutating func count(_ credential: StoredCredential, by step: Int) {
        if let kind = credential.kind { used[kind, default: 0] += step }
        if !credential.isAcknowledged { unacknowledged += step }
    }

    /// The person who holds exactly this record in a slot of that kind.
    package func holder(of record: String, kind: CredentialKind) -> UInt64? {
        users.first { _, user in user.credentials.contains { $0.kind == kind && $0.record == record } }?.key
    }

    /// The first credential, by person and slot, that no server has acknowledged.
    package var nextUnacknowledged: UserRow? {
        guard unacknowledged > 0 else { return nil }
        var least: UserRow?
        for (id, user) in users where least.map({ id < $0.id }) ?? true {
            if let credential = user.credentials.first(where: { !$0.isAcknowledged }) {
                least = UserRow(id: id, slot: credential.slot)
            }
        }
        return least
    }
}

/// Names one credential.
package struct UserRow: Hashable, Sendable, Codable {
    package var id: UInt64
    package var slot: Int

    package init(id: UInt64, slot: Int) {
        self.id = id
        self.slot = slot
    }
}
