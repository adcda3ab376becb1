/// What a number under `backupnum` stands for (docs/protocol.md §6.1).
package enum CredentialSlot: Hashable, Sendable {
    case fingerprint(Int64)
    case pin
    case card
    /// `deleteuser` only: the fingerprints, or on some firmwares the whole user.
    case allFingerprints
    /// `deleteuser` only.
    case wholeUser
    case face(Int64)
    case palm(Int64)
    case photo
    case faceFeatures

    /// Nil for a number that stands for nothing.
    package init?(_ number: Int64) {
        switch number {
        case 0...9: self = .fingerprint(number)
        case 10: self = .pin
        case 11: self = .card
        case 12: self = .allFingerprints
        case 13: self = .wholeUser
        case 20...27: self = .face(number)
        case 30...37, 40, 41: self = .palm(number)
        case 50: self = .photo
        case 51: self = .faceFeatures
        default: return nil
        }
    }

    package var number: Int64 {
        switch self {
        case .fingerprint(let number), .face(let number), .palm(let number): number
        case .pin: 10
        case .card: 11
        case .allFingerprints: 12
        case .wholeUser: 13
        case .photo: 50
        case .faceFeatures: 51
        }
    }

    /// Whether a person's body can be told from it.
    package var isBiometric: Bool {
        switch self {
        case .fingerprint, .face, .palm, .photo, .faceFeatures: true
        case .pin, .card, .allFingerprints, .wholeUser: false
        }
    }

    /// Moves only between terminals of the same algorithm.
    package var isTemplate: Bool { isBiometric && self != .photo }

    func serves(_ use: ParameterKind.SlotUse) -> Bool {
        switch self {
        case .allFingerprints, .wholeUser: use == .deleting
        default: true
        }
    }

    static func allowed(_ use: ParameterKind.SlotUse) -> String {
        let slots =
            "0 to 9 (fingerprint), 10 (PIN), 11 (card), 20 to 27 (face template), 30 to 37, 40, 41 (palm), "
            + "50 (photo), 51 (face features)"
        return use == .deleting ? slots + ", 12 (fingerprints), 13 (whole user)" : slots
    }
}

/// A credential as a field of a command. What it must be is told by `CredentialRules`.
package enum CredentialForm {
    /// As it is to be sent: numbers as numbers, photos without `data:`.
    package static func checked(_ value: JSONValue, in slot: CredentialSlot, for traits: TerminalTraits)
        throws(CredentialDefect) -> JSONValue
    {
        guard let text = value.plainText else {
            throw CredentialDefect(
                found: "\(value.strictText.utf8.count) bytes of JSON", allowed: "a text or a number")
        }
        switch slot {
        case .pin:
            guard let pin = pin(value) else {
                throw CredentialDefect(found: "no PIN", allowed: "1 to 8 digits")
            }
            return pin
        case .card: return .integer(try CredentialRules.card(text))
        // A user without credentials, on readers that take them (docs/protocol.md §6.1).
        case .fingerprint(0) where text == "0" && traits.dialect != .tfs: return .text(text)
        case .fingerprint:
            return .text(try CredentialRules.fingerprint(text, algorithm: traits.templateAlgorithm))
        case .face, .faceFeatures, .palm: return .text(try CredentialRules.template(text))
        case .photo: return .text(try CredentialRules.photo(text))
        case .allFingerprints, .wholeUser:
            throw CredentialDefect(found: "a credential", allowed: "nothing: these slots are for deleteuser")
        }
    }

    /// Digits with their leading zeros: as text where there are any, else as a number.
    static func pin(_ value: JSONValue) -> JSONValue? {
        guard let text = value.plainText, (1...8).contains(text.utf8.count), text.utf8.allSatisfy(\.isDigit)
        else { return nil }
        return text.hasPrefix("0") && text.utf8.count > 1 ? .text(text) : Int64(text).map { .integer($0) }
    }
}

/// A template that one terminal made, with the algorithm that made it.
package struct TemplateOrigin: Hashable, Sendable {
    /// `fpalgo` of the terminal it comes from; nil when not known.
    package var algorithm: String?

    package init(algorithm: String?) { self.algorithm = algorithm }

    /// Why a terminal cannot take it; nil when it can. Two that are not known may not be taken for equal.
    package func fault(for traits: TerminalTraits) -> CommandProblem? {
        func shown(_ name: String?) -> String {
            name.map { CommandCatalogue.shown($0) } ?? "an algorithm that is not known"
        }
        if let algorithm, let wanted = traits.templateAlgorithm,
            algorithm.trimmingBlanks().lowercased() == wanted.trimmingBlanks().lowercased()
        {
            return nil
        }
        return CommandProblem(
            field: "record", found: "a template of \(shown(algorithm))",
            allowed: "one of \(shown(traits.templateAlgorithm))")
    }
}

extension CommandCheck {
    mutating func credential(_ value: JSONValue, slot number: Int64) -> JSONValue? {
        guard let slot = CredentialSlot(number) else { return nil }
        do throws(CredentialDefect) {
            return try CredentialForm.checked(value, in: slot, for: traits)
        } catch {
            refuse("record", error.found, error.allowed)
            return nil
        }
    }
}
