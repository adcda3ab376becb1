import Crypto
import Foundation

/// Names a key without telling anything of it: 8 random bytes, so that no two key files share one.
package struct VaultKeyID: Hashable, Sendable, CustomStringConvertible {
    static let length = 8
    let bytes: [UInt8]

    /// Nil unless there are exactly 8.
    init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Self.length else { return nil }
        self.bytes = Array(bytes)
    }

    init() {
        var generator = SystemRandomNumberGenerator()
        bytes = (0..<Self.length).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    /// That of a sealed text or a digest; nil for one that is too short to be either.
    package init?(of stored: [UInt8]) {
        guard stored.first == Vault.version, stored.count > Self.length else { return nil }
        self.init(stored[1...Self.length])
    }

    /// 16 hexadecimal digits.
    package var description: String { Hexadecimal.text(bytes) }
}

/// The keys of a vault, the current one last, and the text of the file that holds them.
struct VaultKeys: Sendable {
    struct Key: Sendable {
        let id: VaultKeyID
        fileprivate let secret: SymmetricKey
        let sealing: SymmetricKey
        let digesting: SymmetricKey

        /// What seals and what digests are different keys, so that neither tells anything of the other.
        fileprivate init(id: VaultKeyID, secret: SymmetricKey) {
            self.id = id
            self.secret = secret
            func derive(_ use: String) -> SymmetricKey {
                HKDF<SHA256>.deriveKey(
                    inputKeyMaterial: secret, info: Data("attendance-gateway \(use)".utf8),
                    outputByteCount: 32)
            }
            sealing = derive("seal")
            digesting = derive("digest")
        }

        static func new() -> Key { Key(id: VaultKeyID(), secret: SymmetricKey(size: .bits256)) }
    }

    private(set) var all: [Key]
    var current: Key { all[all.endIndex - 1] }

    /// A single new key.
    init() { all = [.new()] }

    subscript(id: VaultKeyID) -> Key? { all.first { $0.id == id } }

    mutating func addCurrent() { all.append(.new()) }
    mutating func dropOld() { all = [current] }

    // MARK: The file

    static let maximumBytes = 64 << 10
    private static let header = "attendance-gateway vault 1"

    /// One line a key, and a last one that says that the file is whole.
    var text: String {
        var lines = [
            Self.header,
            "# Whoever has this file and the journal can read what is sealed there. Back it up apart from the journal.",
        ]
        lines += all.map { key in
            "key \(key.id) " + key.secret.withUnsafeBytes { Hexadecimal.text(Array($0)) }
        }
        let body = lines.joined(separator: "\n") + "\n"
        return body + "check \(Self.check(of: body))\n"
    }

    /// Throws what is wrong with the text, in words that repeat nothing of it.
    init(text: String) throws(VaultFileDefect) {
        guard let range = text.range(of: "check ", options: .backwards) else {
            throw VaultFileDefect("its last line is missing")
        }
        let body = String(text[..<range.lowerBound])
        guard
            text[range.upperBound...].trimmingCharacters(in: .whitespacesAndNewlines) == Self.check(of: body)
        else { throw VaultFileDefect("its check line does not fit the lines before it") }
        let lines = body.split(separator: "\n")
        guard lines.first.map(String.init) == Self.header else {
            throw VaultFileDefect("it does not begin with \"\(Self.header)\"")
        }
        all = []
        for line in lines.dropFirst() where !line.hasPrefix("#") {
            let words = line.split(separator: " ")
            guard words.count == 3, words[0] == "key",
                let id = Hexadecimal.bytes(words[1]).flatMap({ VaultKeyID($0) }),
                let secret = Hexadecimal.bytes(words[2]), secret.count == 32
            else { throw VaultFileDefect("a line is no key") }
            all.append(Key(id: id, secret: SymmetricKey(data: secret)))
        }
        guard !all.isEmpty else { throw VaultFileDefect("it holds no key") }
    }

    private static func check(of body: String) -> String {
        Hexadecimal.text(Array(SHA256.hash(data: Data(body.utf8)).prefix(8)))
    }
}

struct VaultFileDefect: Error {
    let words: String
    init(_ words: String) { self.words = words }
}

enum Hexadecimal {
    /// Lower case, two digits a byte.
    static func text(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in bytes { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }

    /// Nil for anything but pairs of digits.
    static func bytes(_ text: Substring) -> [UInt8]? {
        let digits = text.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
        guard digits.count == text.utf8.count, digits.count.isMultiple(of: 2) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
