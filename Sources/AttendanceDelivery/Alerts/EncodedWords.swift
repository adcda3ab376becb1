import Foundation

/// Text in header lines, by RFC 2047: nothing but printable ASCII leaves, so no text can begin a header of its own.
enum EncodedWords {
    /// As it is where it is printable ASCII that nobody could take for an encoded word; else encoded words with a blank
    /// between, each at most 75 characters.
    static func header(_ text: String) -> String { words(text).joined(separator: " ") }

    /// The same, a word each, for whoever folds lines.
    static func words(_ text: String) -> [String] {
        if text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }), !text.contains("=?") { return [text] }
        var words: [String] = []
        var part: [UInt8] = []
        // 45 bytes are 60 of base64; with `=?UTF-8?B?` and `?=` 72. A character is never divided.
        for character in text {
            for scalar in character.unicodeScalars {
                let bytes = Array(String(scalar).utf8)
                if part.count + bytes.count > 45 {
                    words.append(word(part))
                    part = []
                }
                part += bytes
            }
        }
        if !part.isEmpty { words.append(word(part)) }
        return words
    }

    private static func word(_ bytes: [UInt8]) -> String {
        "=?UTF-8?B?\(Data(bytes).base64EncodedString())?="
    }
}
