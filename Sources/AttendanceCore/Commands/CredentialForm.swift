import Foundation

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

/// Whether a credential is of the form terminals take. Problems never say what it is, only how it is.
package enum CredentialForm {
    /// Of the photo itself, not of its base64 (docs/protocol.md §8.1).
    package static let maximumPhoto = 150_000
    package static let photoWidth = 240...800
    package static let photoHeight = 320...1280
    /// Of a face or palm template, as text.
    package static let maximumTemplate = 96 * 1024

    /// Characters of a fingerprint template; both makers' algorithms stay under these.
    package static func maximumFingerprint(algorithm: String?) -> Int {
        algorithm?.lowercased() == "thbio1.0" ? 1023 : 1619
    }

    /// Why a credential cannot be sent; nil when it can.
    package struct Fault: Error, Hashable, Sendable {
        package var found: String
        package var allowed: String
    }

    /// As it is to be sent: numbers as numbers, photos without `data:`.
    package static func checked(_ value: JSONValue, in slot: CredentialSlot, for traits: TerminalTraits)
        throws(Fault) -> JSONValue
    {
        switch slot {
        case .pin:
            guard let pin = pin(value) else { throw other(value, "1 to 8 digits") }
            return pin
        case .card:
            guard let card = value.wholeNumber, CommandCheck.cards.contains(card) else {
                throw other(value, ParameterKind.card.allowed)
            }
            return .integer(card)
        case .fingerprint:
            guard let text = value.plainText else { throw other(value, "a template as text") }
            try fingerprint(text, algorithm: traits.templateAlgorithm)
            return .text(text)
        case .face, .faceFeatures:
            guard case .text(let text) = value, !text.isEmpty, text.utf8.count <= maximumTemplate,
                Data(base64Encoded: text) != nil
            else { throw other(value, "base64 of at most \(maximumTemplate) characters") }
            return value
        case .palm:
            guard case .text(let text) = value, !text.isEmpty, text.utf8.count <= maximumTemplate,
                text.utf8.allSatisfy({ (0x21..<0x7F).contains($0) })
            else { throw other(value, "a text of at most \(maximumTemplate) visible ASCII characters") }
            return value
        case .photo:
            guard case .text(let text) = value else { throw other(value, "a JPEG in base64") }
            return .text(try photo(text))
        case .allFingerprints, .wholeUser:
            throw other(value, "nothing: these slots are for deleteuser")
        }
    }

    /// Digits with their leading zeros: as text where there are any, else as a number.
    static func pin(_ value: JSONValue) -> JSONValue? {
        guard let text = value.plainText, (1...8).contains(text.utf8.count), text.utf8.allSatisfy(\.isDigit)
        else { return nil }
        return text.hasPrefix("0") && text.utf8.count > 1 ? .text(text) : Int64(text).map { .integer($0) }
    }

    private static func other(_ value: JSONValue, _ allowed: String) -> Fault {
        Fault(
            found: "\(value.plainText?.utf8.count ?? value.strictText.utf8.count) bytes of another form",
            allowed: allowed)
    }

    /// Hexadecimal digits, in which `(n)` stands for n zero bytes.
    package static func fingerprint(_ text: String, algorithm: String?) throws(Fault) {
        let limit = maximumFingerprint(algorithm: algorithm)
        guard (1...limit).contains(text.utf8.count) else {
            throw Fault(
                found: "a template of \(text.utf8.count) characters",
                allowed: "1 to \(limit) characters" + (algorithm.map { " for \($0)" } ?? ""))
        }
        var run: Int?
        var zeros = 0
        for (index, byte) in text.utf8.enumerated() {
            switch (byte, run) {
            case (UInt8(ascii: "0")...UInt8(ascii: "9"), nil), (UInt8(ascii: "a")...UInt8(ascii: "f"), nil):
                break
            case (UInt8(ascii: "("), nil): run = 0
            case (UInt8(ascii: "0")...UInt8(ascii: "9"), let count?):
                run = min(count * 10 + Int(byte - .zero), 100_000)
            case (UInt8(ascii: ")"), let count?) where count > 0:
                zeros += count
                run = nil
            default:
                throw Fault(
                    found: "no template: character \(index + 1) does not fit",
                    allowed: "digits, a to f, and (n) for n zero bytes")
            }
        }
        guard run == nil, zeros <= 4096 else {
            throw Fault(
                found: run == nil ? "a template of \(zeros) zero bytes" : "no template: it ends within (n)",
                allowed: "digits, a to f, and (n) for n zero bytes")
        }
    }

    /// Base64 of a JPEG of the size terminals take, without the prefix of a data URI.
    package static func photo(_ text: String) throws(Fault) -> String {
        var base64 = text[...]
        if base64.hasPrefix("data:"), let comma = base64.firstIndex(of: ",") {
            base64 = base64[base64.index(after: comma)...]
        }
        let words = "a JPEG of at most \(maximumPhoto) bytes, 240×320 to 800×1280 pixels, in base64"
        guard base64.utf8.count <= maximumPhoto / 3 * 4 + 1024 else {
            throw Fault(found: "a photo of about \(base64.utf8.count / 4 * 3) bytes", allowed: words)
        }
        let plain = base64.filter { !$0.isWhitespace }
        guard let data = Data(base64Encoded: plain) else {
            throw Fault(found: "\(text.utf8.count) bytes that are no base64", allowed: words)
        }
        try photo(bytes: [UInt8](data))
        return plain
    }

    /// The bytes of a photo.
    package static func photo(bytes: [UInt8]) throws(Fault) {
        let words = "a JPEG of at most \(maximumPhoto) bytes, 240×320 to 800×1280 pixels"
        guard bytes.starts(with: [0xFF, 0xD8, 0xFF]) else {
            throw Fault(found: "\(bytes.count) bytes that are no JPEG", allowed: words)
        }
        guard bytes.count <= maximumPhoto else {
            throw Fault(found: "a photo of \(bytes.count) bytes", allowed: words)
        }
        guard let size = JPEGSize(bytes) else {
            throw Fault(found: "a JPEG that ends before its picture begins", allowed: words)
        }
        guard photoWidth.contains(size.width), photoHeight.contains(size.height) else {
            throw Fault(found: "a photo of \(size.width)×\(size.height) pixels", allowed: words)
        }
    }
}

/// Width and height of a JPEG, from its frame header (SOF).
package struct JPEGSize: Hashable, Sendable {
    package let width: Int
    package let height: Int

    /// Nil when no picture begins in `bytes`, or none of a known size.
    package init?(_ bytes: [UInt8]) {
        guard bytes.starts(with: [0xFF, 0xD8]) else { return nil }
        var index = 2
        var size: (width: Int, height: Int)?
        while index + 3 < bytes.count {
            guard bytes[index] == 0xFF else { return nil }
            let marker = bytes[index + 1]
            if marker == 0xFF {  // fill bytes
                index += 1
                continue
            }
            if marker == 0x01 || (0xD0...0xD7).contains(marker) {  // these have no length
                index += 2
                continue
            }
            if marker == 0xDA {  // the picture itself begins
                guard let size, size.width > 0, size.height > 0 else { return nil }
                (width, height) = size
                return
            }
            let length = Int(bytes[index + 2]) << 8 | Int(bytes[index + 3])
            guard length >= 2 else { return nil }
            let isFrame = (0xC0...0xCF).contains(marker) && ![0xC4, 0xC8, 0xCC].contains(marker)
            if isFrame, length >= 8, index + 8 < bytes.count {
                size = (
                    width: Int(bytes[index + 7]) << 8 | Int(bytes[index + 8]),
                    height: Int(bytes[index + 5]) << 8 | Int(bytes[index + 6])
                )
            }
            index += 2 + length
        }
        return nil
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
        do throws(CredentialForm.Fault) {
            return try CredentialForm.checked(value, in: slot, for: traits)
        } catch {
            refuse("record", error.found, error.allowed)
            return nil
        }
    }
}
