/// What a credential is. The raw values stand in the journal.
package enum CredentialKind: String, CaseIterable, Hashable, Sendable {
    case fingerprint, pin, card
    /// A face template: moves between equal algorithms only.
    case face
    case palm
    /// A JPEG from which any face terminal makes its own template.
    case photo

    /// By the slot (`backupnum`) it stands in; nil for slots that hold none. Source: docs/protocol.md §6.1.
    package init?(slot: Int) {
        switch slot {
        case 0...9: self = .fingerprint
        case 10: self = .pin
        case 11: self = .card
        case 20...27, 51: self = .face
        case 30...37, 40, 41: self = .palm
        case 50: self = .photo
        default: return nil
        }
    }

    /// Whether it means something only to terminals with the same algorithm (`fpalgo`).
    package var isTemplate: Bool { self == .fingerprint || self == .face || self == .palm }
}

/// What the roster knows of a credential without opening it.
package struct CredentialFacts: Hashable, Sendable {
    package var slot: Int
    package var kind: CredentialKind
    /// `fpalgo` of the terminal it was taken at; nil where it is not known, and for what is no template.
    package var algorithm: String?
    /// By which equal ones are known, keyed; see `Vault.digest`.
    package var digest: [UInt8]
    /// Digest of a card by its number alone, so that one card of two people is noticed; nil for all others.
    package var cardDigest: [UInt8]?
    /// Bytes of its text.
    package var size: Int
    /// The terminal it came from; nil where it was imported.
    package var source: SerialNumber?
    package var at: UnixTime

    package init(
        slot: Int, kind: CredentialKind, algorithm: String?, digest: [UInt8], cardDigest: [UInt8]? = nil,
        size: Int, source: SerialNumber?, at: UnixTime
    ) {
        self.slot = slot
        self.kind = kind
        self.algorithm = algorithm
        self.digest = digest
        self.cardDigest = cardDigest
        self.size = size
        self.source = source
        self.at = at
    }
}

/// The content of a credential in the one form in which it is kept, compared and sent. Secret: it has no description
/// that tells anything.
package struct CredentialContent: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    package let slot: Int
    package let kind: CredentialKind
    /// A template as it came, a photo as base64 without prefix, the digits of a card or PIN.
    package let text: String

    /// Throws what is wrong with it, in words that do not repeat it.
    ///
    /// - `algorithm`: `fpalgo` of the terminal it comes from or goes to; nil when not known.
    package init(slot: Int, record: String, algorithm: String? = nil) throws(CredentialDefect) {
        guard let kind = CredentialKind(slot: slot) else {
            throw CredentialDefect(
                found: "slot \(slot)", allowed: "0 to 9, 10, 11, 20 to 27, 30 to 37, 40, 41, 50 and 51")
        }
        self.slot = slot
        self.kind = kind
        text = try CredentialRules.checked(record, slot: slot, kind: kind, algorithm: algorithm)
    }

    package var bytes: [UInt8] { Array(text.utf8) }

    /// What makes it the same credential: terminals keep PINs as numbers, so leading zeros are none of it.
    package var comparable: [UInt8] { kind == .pin ? Array(text.drop { $0 == "0" }.utf8) : bytes }

    package var description: String { "\(kind.rawValue) in slot \(slot), \(text.utf8.count) bytes" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: ["slot": slot]) }
}
