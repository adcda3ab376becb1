import AttendanceCore

/// What one slot of a user holds: a template, a photo, a card number, a PIN, all as text.
///
/// Source: docs/protocol.md §6.1.
package struct StoredCredential: Hashable, Sendable, Codable {
    /// `backupnum`.
    package var slot: Int
    /// As it stands in the JSON, without quotes; a card number or a PIN in decimal.
    package var record: String
    /// A server has acknowledged it by answering `senduser`, or has written it itself.
    package var isAcknowledged: Bool

    package init(slot: Int, record: String, isAcknowledged: Bool = false) {
        self.slot = slot
        self.record = record
        self.isAcknowledged = isAcknowledged
    }

    package var kind: CredentialKind? { CredentialKind(slot: slot) }
}

/// What a slot is for; nil for numbers that no firmware keeps (12 and 13 only mean something to `deleteuser`).
package enum CredentialKind: Hashable, Sendable, CaseIterable {
    case finger, password, card, faceTemplate, palm, palmVein, photo, faceFeature

    package init?(slot: Int) {
        switch slot {
        case 0...9: self = .finger
        case 10: self = .password
        case 11: self = .card
        case 20...27: self = .faceTemplate
        case 30...37: self = .palm
        case 40, 41: self = .palmVein
        case 50: self = .photo
        case 51: self = .faceFeature
        default: return nil
        }
    }
}

/// A person as one terminal knows them.
package struct StoredUser: Hashable, Sendable, Codable {
    package var name = ""
    /// 0 normal, 1 administrator, 2 super user.
    package var admin = 0
    package var isEnabled = true
    /// By slot, ascending.
    package var credentials: [StoredCredential] = []
    /// What `setuserprofile` wrote; nil: nothing.
    package var profile: String?
    /// Further keys of `setuserinfo` (`starttime`, `shiftid` …), strict JSON with sorted keys; nil: none.
    package var extras: String?

    package init(name: String = "", admin: Int = 0) {
        self.name = name
        self.admin = admin
    }

    package subscript(slot: Int) -> StoredCredential? { credentials.first { $0.slot == slot } }

    mutating func set(_ credential: StoredCredential) {
        if let index = credentials.firstIndex(where: { $0.slot >= credential.slot }) {
            if credentials[index].slot == credential.slot {
                credentials[index] = credential
            } else {
                credentials.insert(credential, at: index)
            }
        } else {
            credentials.append(credential)
        }
    }
}
