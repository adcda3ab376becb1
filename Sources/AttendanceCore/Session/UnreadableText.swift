/// What is kept of a message that could not be read: its bytes, cut at `maximum`, and without what is probably a
/// photo or a template.
///
/// Such a message cannot be taken apart, so biometric data in it can only be told by its look: an unbroken run of
/// more than `longestRun` characters of the base64 alphabet. No name, time or number is that long.
package enum UnreadableText {
    package static let maximum = 256 << 10
    package static let longestRun = 512

    package static func keep(_ bytes: UnsafeRawBufferPointer, keepsPhotos: Bool) -> [UInt8] {
        var kept: [UInt8] = []
        var index = 0
        while index < bytes.count, kept.count < maximum {
            var end = index
            while end < bytes.count, isBase64(bytes[end]) { end += 1 }
            if end - index > longestRun, !keepsPhotos {
                kept.append(contentsOf: "[removed, \(end - index) bytes]".utf8)
            } else {
                kept.append(contentsOf: bytes[index..<end].prefix(maximum - kept.count))
            }
            index = end
            while index < bytes.count, !isBase64(bytes[index]), kept.count < maximum {
                kept.append(bytes[index])
                index += 1
            }
        }
        if index < bytes.count {
            kept.append(contentsOf: " [cut here: the message has \(bytes.count) bytes]".utf8)
        }
        return kept
    }

    private static func isBase64(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="):
            true
        default: false
        }
    }
}
