import Foundation

/// Why a credential cannot be taken. Tells lengths and never contents.
package struct CredentialDefect: LocalizedError, Hashable, Sendable, CustomStringConvertible {
    package var found: String
    package var allowed: String

    package init(found: String, allowed: String) {
        self.found = found
        self.allowed = allowed
    }

    package var description: String { "\(found); allowed: \(allowed)" }
    package var errorDescription: String? { description }
}

/// What a credential must be before it is kept, or sent to a terminal. Source: docs/protocol.md §6.1, §8.1.
package enum CredentialRules {
    /// Bytes of a photo; terminals refuse larger ones.
    package static let maximumPhoto = 150_000
    package static let photoWidth = 240...800
    package static let photoHeight = 320...1280
    /// Characters of a template of an algorithm whose length no document tells.
    package static let maximumTemplate = 128 << 10
    package static let maximumPIN = 8
    package static let cardRange: ClosedRange<Int64> = 1...4_294_967_295

    /// The record in the form in which it is kept. Throws what is wrong with it.
    package static func checked(
        _ record: String, slot: Int, kind: CredentialKind, algorithm: String?
    ) throws(CredentialDefect) -> String {
        switch kind {
        case .pin: return try pin(record)
        case .card: return String(try card(record))
        case .photo: return try photo(record)
        case .fingerprint: return try fingerprint(record, algorithm: algorithm)
        case .face, .palm: return try template(record)
        }
    }

    /// 1 to 8 digits; terminals send and take it as a number, so leading zeros are lost.
    package static func pin(_ text: String) throws(CredentialDefect) -> String {
        let digits = text.trimmingBlanks()
        guard (1...maximumPIN).contains(digits.utf8.count), digits.utf8.allSatisfy(isDigit) else {
            throw CredentialDefect(
                found: "a PIN of \(digits.unicodeScalars.count) characters", allowed: "1 to 8 digits")
        }
        let number = digits.drop { $0 == "0" }
        return number.isEmpty ? "0" : String(number)
    }

    package static func card(_ text: String) throws(CredentialDefect) -> Int64 {
        let digits = text.trimmingBlanks()
        guard !digits.isEmpty, digits.utf8.allSatisfy(isDigit) else {
            throw CredentialDefect(
                found: "a card number that is not all digits", allowed: "1 to 4294967295")
        }
        guard let number = Int64(digits), cardRange.contains(number) else {
            throw CredentialDefect(
                found: "a card number of \(digits.utf8.count) digits, out of range",
                allowed: "1 to 4294967295")
        }
        return number
    }

    /// Base64 of a JPEG, without prefix and blanks.
    package static func photo(_ text: String) throws(CredentialDefect) -> String {
        var base64 = Substring(text)
        if base64.prefix(5).lowercased() == "data:", let comma = base64.firstIndex(of: ",") {
            base64 = base64[base64.index(after: comma)...]
        }
        // Before decoding, so that a huge text costs nothing; blanks and line ends may be among it.
        guard base64.utf8.count <= maximumPhoto * 2 else { throw tooLarge(base64.utf8.count / 4 * 3) }
        let clean = base64.utf8.filter { $0 > 0x20 }
        guard let bytes = Data(base64Encoded: Data(clean)), !bytes.isEmpty else {
            throw CredentialDefect(found: "a photo that is no base64", allowed: "a JPEG in base64")
        }
        guard bytes.count <= maximumPhoto else { throw tooLarge(bytes.count) }
        guard let size = JPEGSize(Array(bytes)) else {
            throw CredentialDefect(found: "a photo that is no JPEG", allowed: "a whole JPEG in base64")
        }
        guard photoWidth.contains(size.width), photoHeight.contains(size.height) else {
            throw CredentialDefect(
                found: "a photo of \(size.width) × \(size.height) pixels",
                allowed: "240 × 320 to 800 × 1280, best 480 × 640")
        }
        return String(decoding: clean, as: UTF8.self)
    }

    private static func tooLarge(_ bytes: Int) -> CredentialDefect {
        CredentialDefect(
            found: "a photo of \(bytes) bytes", allowed: "a JPEG of at most \(maximumPhoto) bytes")
    }

    /// Hexadecimal digits in which `(n)` stands for n zero bytes, where the algorithm is known to write so.
    package static func fingerprint(_ text: String, algorithm: String?) throws(CredentialDefect) -> String {
        let limit: Int
        switch algorithm?.lowercased() {
        case "thbio1.0": limit = 1024
        case "thbio3.0": limit = 1620
        default: return try template(text)
        }
        let template = text.trimmingBlanks()
        guard template.utf8.count < limit, !template.isEmpty else {
            throw CredentialDefect(
                found: "a fingerprint of \(template.utf8.count) characters",
                allowed: "1 to \(limit - 1) for \(algorithm ?? "")")
        }
        guard isHexadecimalWithZeros(template.utf8) else {
            throw CredentialDefect(
                found: "a fingerprint that is not all hexadecimal digits",
                allowed: "hexadecimal digits, and (n) for n zero bytes, as \(algorithm ?? "") writes them")
        }
        return template
    }

    /// Text of visible ASCII: no form is documented.
    package static func template(_ text: String) throws(CredentialDefect) -> String {
        let template = text.trimmingBlanks()
        guard (8...maximumTemplate).contains(template.utf8.count) else {
            throw CredentialDefect(
                found: "a template of \(template.utf8.count) characters",
                allowed: "8 to \(maximumTemplate)")
        }
        guard template.utf8.allSatisfy({ (0x21..<0x7F).contains($0) }) else {
            throw CredentialDefect(
                found: "a template with other than visible ASCII characters",
                allowed: "the text that a terminal sent")
        }
        return template
    }

    /// Runs of at most 4,096 zero bytes in all, none of them empty.
    private static func isHexadecimalWithZeros(_ text: String.UTF8View) -> Bool {
        var run: Int?
        var zeros = 0
        for byte in text {
            switch (byte, run) {
            case (UInt8(ascii: "("), nil): run = 0
            case (UInt8(ascii: ")"), let count?) where count > 0:
                zeros += count
                run = nil
            case (_, let count?) where isDigit(byte): run = min(count * 10 + Int(byte - 0x30), 100_000)
            case (_, nil) where isDigit(byte) || (0x61...0x66).contains(byte | 0x20): break
            default: return false
            }
        }
        return run == nil && zeros <= 4096
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
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
