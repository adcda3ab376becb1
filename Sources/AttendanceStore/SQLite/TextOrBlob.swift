extension UnsafeRawBufferPointer {
    /// Whether the bytes can be kept as SQLite's TEXT and come back the same: UTF-8 without NUL. Others are a BLOB.
    var isPlainText: Bool {
        if isPlainASCII { return true }
        return !contains(0) && (try? UTF8Span(validating: bindMemory(to: UInt8.self).span)) != nil
    }

    /// Whether all bytes are ASCII without NUL.
    var isPlainASCII: Bool {
        // Eight at a time: a byte is above 0x7F where `word` has its top bit, and 0 where the subtraction borrows.
        let high: UInt64 = 0x8080_8080_8080_8080
        var found: UInt64 = 0
        var index = 0
        while index + 8 <= count {
            let word = loadUnaligned(fromByteOffset: index, as: UInt64.self)
            found |= (word | (word &- 0x0101_0101_0101_0101)) & high
            index += 8
        }
        while index < count {
            let byte = self[index]
            found |= byte == 0 || byte > 0x7F ? high : 0
            index += 1
        }
        return found == 0
    }
}

extension [UInt8] {
    var isPlainASCII: Bool { withUnsafeBytes { $0.isPlainASCII } }
}
