/// What is kept of a message that could not be read: its bytes, cut at `maximum`, and without what is probably a
/// photo or a template.
///
/// Such a message cannot be taken apart. Where it looks like a person's credential (by the keys that only those have)
/// nothing of it is kept: a PIN or a card number is a few digits. Elsewhere biometric data can only be told by its look:
/// an unbroken run of more than `longestRun` characters of base64, of hexadecimal with zeros counted in brackets, or of
/// either with escapes and line ends. No name, time or number is that long.
package enum UnreadableText {
    package static let maximum = 256 << 10
    package static let longestRun = 512

    package static func keep(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        if holdsCredential(bytes) {
            return Array("[removed, \(bytes.count) bytes: it looks like somebody's credential]".utf8)
        }
        return withoutRuns(bytes)
    }

    private static let credentialKeys = [
        "backupnum", "senduser", "sendface", "sendfp", "sendpalm", "sendcard", "sendpwd", "sendpin",
        "sendqrcode", "userinfo", "\"pwd", "\"pin", "\"card", "password", "template",
    ].map { Array($0.utf8) }

    private static func holdsCredential(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let lower = bytes.prefix(maximum).map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        let firsts = Set(credentialKeys.compactMap(\.first))
        return lower.indices.contains { index in
            firsts.contains(lower[index]) && credentialKeys.contains { lower[index...].starts(with: $0) }
        }
    }

    static func withoutRuns(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var kept: [UInt8] = []
        var index = 0
        while index < bytes.count, kept.count < maximum {
            var end = index
            while end < bytes.count, isOfRun(bytes[end]) { end += 1 }
            if end - index > longestRun {
                kept.append(contentsOf: "[removed, \(end - index) bytes]".utf8)
            } else {
                kept.append(contentsOf: bytes[index..<end].prefix(maximum - kept.count))
            }
            index = end
            while index < bytes.count, !isOfRun(bytes[index]), kept.count < maximum {
                kept.append(bytes[index])
                index += 1
            }
        }
        if index < bytes.count {
            kept.append(contentsOf: " [cut here: the message has \(bytes.count) bytes]".utf8)
        }
        return kept
    }

    private static func isOfRun(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="),
            UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "\\"),
            0x0A, 0x0D:
            true
        default: false
        }
    }
}
