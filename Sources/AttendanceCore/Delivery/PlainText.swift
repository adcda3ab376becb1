/// Foreign words made fit for one line of a log, a CSV cell or a page.
package enum PlainText {
    /// The longest text kept of a sink's answer, in characters.
    package static let maximumLength = 500

    /// HTML tags become blanks, the common entities their characters, control characters and runs of white space one
    /// blank; cut at `limit` characters with an ellipsis. Never fails, whatever comes.
    package static func words(ofHTML html: String, limit: Int = maximumLength) -> String {
        // An answer may be 1 MiB; what can become the first 500 characters lies near its start.
        let scalars = html.unicodeScalars.prefix(16 * 1024)
        var text = String.UnicodeScalarView()
        var index = scalars.startIndex
        while index < scalars.endIndex {
            let scalar = scalars[index]
            let next = scalars.index(after: index)
            if scalar == "<", opensTag(scalars[next...]) {
                text.append(" ")
                index = scalars[next...].firstIndex(of: ">").map(scalars.index(after:)) ?? scalars.endIndex
            } else if scalar == "&", let (decoded, after) = entity(scalars[next...]) {
                text.append(decoded)
                index = after
            } else {
                text.append(scalar)
                index = next
            }
        }
        return line(String(text), limit: limit)
    }

    /// One line: control characters and runs of white space become one blank, both ends trimmed, cut at `limit`.
    package static func line(_ text: String, limit: Int = maximumLength) -> String {
        var result = ""
        var count = 0
        var blank = false
        for character in text {
            if character.unicodeScalars.contains(where: { $0.isControl || $0.properties.isWhitespace }) {
                blank = !result.isEmpty
                continue
            }
            guard count + (blank ? 2 : 1) <= limit else { return result + "…" }
            if blank { result.append(" ") }
            // A letter with thousands of accents is one character and a megabyte.
            result.unicodeScalars.append(contentsOf: character.unicodeScalars.prefix(8))
            count += blank ? 2 : 1
            blank = false
        }
        return result
    }

    private typealias Scalars = String.UnicodeScalarView.SubSequence

    /// `a < b` is no tag: a tag starts with a letter, `/`, `!` or `?`.
    private static func opensTag(_ rest: Scalars) -> Bool {
        guard let first = rest.first else { return false }
        return first == "/" || first == "!" || first == "?"
            || (first.isASCII && first.properties.isAlphabetic)
    }

    private static func entity(_ rest: Scalars) -> (Unicode.Scalar, Scalars.Index)? {
        guard let end = rest.prefix(10).firstIndex(of: ";") else { return nil }
        let name = String(rest[..<end])
        let after = rest.index(after: end)
        if let known = entities[name] { return (known, after) }
        guard name.hasPrefix("#") else { return nil }
        let digits = name.dropFirst()
        let value =
            digits.first == "x" || digits.first == "X"
            ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
        return value.flatMap(Unicode.Scalar.init).map { ($0, after) }
    }

    private static let entities: [String: Unicode.Scalar] = [
        "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "nbsp": " ",
    ]
}
