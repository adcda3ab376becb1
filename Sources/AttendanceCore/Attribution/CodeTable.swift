/// Which of a terminal's own codes mean that a person came or went. Source: docs/protocol.md §6.3 and §6.4.
///
/// Many terminals send `inout` 0 for every punch, whoever comes or goes: a table is right only where people press a key
/// or where a terminal is fitted to one side of a door.
package struct CodeTable: Hashable, Sendable {
    package enum Field: String, Hashable, Sendable, CaseIterable {
        case inOut = "inout"
        /// Function keys, on records of a person.
        case event
        case mode
    }

    package struct Code: Hashable, Sendable {
        package var field: Field
        package var value: Int64

        package init(_ field: Field, _ value: Int64) {
            self.field = field
            self.value = value
        }
    }

    package var incoming: Set<Code>
    package var outgoing: Set<Code>

    package init(incoming: Set<Code>, outgoing: Set<Code>) {
        self.incoming = incoming
        self.outgoing = outgoing
    }

    /// 0 in, 1 out; 2 break out, 3 break in; 4 overtime in, 5 overtime out.
    package static let standard = CodeTable(
        incoming: [Code(.inOut, 0), Code(.inOut, 3), Code(.inOut, 4)],
        outgoing: [Code(.inOut, 1), Code(.inOut, 2), Code(.inOut, 5)])

    /// Turnstiles: 5 turned in direction B, 6 in direction A; 7 (did not turn) is in neither list: the person was
    /// recognised, and which way they went nobody knows. Which of A and B leads inside depends on how it was fitted;
    /// this is the usual way.
    package static let turnstile = CodeTable(
        incoming: [Code(.inOut, 0), Code(.inOut, 6)], outgoing: [Code(.inOut, 1), Code(.inOut, 5)])

    /// Function keys first, because a pressed key is somebody's word; then `inout`, then `mode`.
    package func direction(inOut: Int64?, event: Int64?, mode: Int64?) -> Direction? {
        let codes = [
            event.map { Code(.event, $0) }, inOut.map { Code(.inOut, $0) }, mode.map { Code(.mode, $0) },
        ]
        for code in codes.compactMap(\.self) {
            if incoming.contains(code) { return .in }
            if outgoing.contains(code) { return .out }
        }
        return nil
    }
}

extension CodeTable {
    /// Reads lists such as `inout 0, event 1`, separated by commas or lines. Throws `RuleTextError` that names the part.
    package init(incoming: String, outgoing: String) throws(RuleTextError) {
        let (first, second) = (try Self.codes(incoming), try Self.codes(outgoing))
        if let both = first.intersection(second).first {
            throw RuleTextError(
                part: "\(both.field.rawValue) \(both.value)", problem: "stands for both directions",
                remedy: "keep it in one of the two lists")
        }
        self.init(incoming: first, outgoing: second)
    }

    private static func codes(_ text: String) throws(RuleTextError) -> Set<Code> {
        var codes: Set<Code> = []
        for part in RuleTextError.parts(of: text) {
            let words = part.split(whereSeparator: \.isWhitespace)
            guard words.count == 2, let field = Field(rawValue: words[0].lowercased()),
                let value = Int64(words[1]), (0...65_535).contains(value)
            else {
                throw RuleTextError(
                    part: part, problem: "is no code",
                    remedy:
                        "write inout, event or mode and a number from 0 to 65535, such as inout 0, event 1")
            }
            guard codes.insert(Code(field, value)).inserted else {
                throw RuleTextError(part: part, problem: "stands twice", remedy: "keep one of the two")
            }
        }
        return codes
    }
}

/// A rule written as text that cannot be read: which part, why, and what to write.
package struct RuleTextError: Error, Hashable, Sendable {
    package var part: String
    package var problem: String
    package var remedy: String

    package init(part: String, problem: String, remedy: String) {
        self.part = part
        self.problem = problem
        self.remedy = remedy
    }

    /// What stands between commas and line ends, trimmed, empty ones left out.
    static func parts(of text: String) -> [String] {
        text.split { $0 == "," || $0.isNewline }.map { String($0).trimmingBlanks() }.filter { !$0.isEmpty }
    }
}
