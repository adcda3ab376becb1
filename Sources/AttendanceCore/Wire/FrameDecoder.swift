/// Reads what a terminal sent in one WebSocket message.
///
/// One pass over the bytes, no tree, time linear in their number. Tolerates what docs/protocol.md §4 and §7 list (see
/// `JSONReader`) and besides: a byte order mark, NUL and blanks at the end, blanks around keys and words, duplicate
/// keys (the last wins), numbers as strings and strings as numbers, one object where a list of records is due, and a
/// second object behind the first. A field of an unexpected kind counts as missing.
package struct FrameDecoder: Sendable {
    /// A message, and what stood behind it in the same frame.
    package struct Frame: Hashable, Sendable {
        package var message: TerminalMessage
        /// A further object in the same frame, unread (quirk Q33): kept for diagnosis.
        package var rest: Range<Int>?

        package init(message: TerminalMessage, rest: Range<Int>? = nil) {
            self.message = message
            self.rest = rest
        }
    }

    /// Entries of one list that are read. 8 MiB hold fewer real records than this (an id and a time need 43 bytes), so
    /// it stops only messages made to fill memory; all entries beyond it count as one that is no object.
    package static let maximumRecords = 200_000

    /// Objects and lists within each other, the message itself counted.
    package var maximumDepth: Int

    package init(maximumDepth: Int = 64) { self.maximumDepth = maximumDepth }

    /// The message in `bytes`; ranges in it are offsets into `bytes`.
    package func decode(_ bytes: UnsafeRawBufferPointer) throws(FrameError) -> TerminalMessage {
        try read(bytes).message
    }

    /// The message in `bytes`, and whether more stood behind it.
    package func read(_ bytes: UnsafeRawBufferPointer) throws(FrameError) -> Frame {
        let range = Self.withoutPadding(bytes)
        if range.isEmpty || (bytes.count <= 4 && bytes.last == 0) { return Frame(message: .junk) }
        do throws(FrameError) {
            var reader = MessageReader(bytes, range: range, maximumDepth: maximumDepth)
            return try reader.read()
        } catch {
            if case .notUTF8 = error { throw error }
            // Broken bytes are only forgiven in a message that can be read.
            if let offset = bytes.firstMalformedUTF8 { throw .notUTF8(offset: offset) }
            throw error
        }
    }

    /// Without a byte order mark before, and blanks and NUL before and behind.
    private static func withoutPadding(_ bytes: UnsafeRawBufferPointer) -> Range<Int> {
        var start = 0
        var end = bytes.count
        if end >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { start = 3 }
        while end > start, bytes[end - 1].isBlank || bytes[end - 1] == 0 { end -= 1 }
        while start < end, bytes[start].isBlank { start += 1 }
        return start..<end
    }
}

extension UnsafeRawBufferPointer {
    /// The first byte that begins no well-formed UTF-8 sequence; nil when all of it is UTF-8. Not for the hot path.
    var firstMalformedUTF8: Int? {
        if String(validating: self, as: UTF8.self) != nil { return nil }
        var decoder = UTF8.ForwardParser()
        var rest = makeIterator()
        var offset = 0
        while true {
            switch decoder.parseScalar(from: &rest) {
            case .valid(let sequence): offset += sequence.count
            case .error: return offset
            case .emptyInput: return nil
            }
        }
    }
}
