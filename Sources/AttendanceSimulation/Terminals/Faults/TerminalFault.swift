/// A way to answer a command that no terminal should have, and some do.
package enum TerminalFault: Hashable, Sendable {
    /// Carries it out and says nothing.
    case silence
    case twice
    /// Carries it out at once and answers after this long.
    case late(Duration)
    /// Answers this text instead.
    case garbage(String)
    /// Answers with another terminal's serial.
    case foreignSerial(String)
    /// Trailing commas, and blanks around the word: `" getuserinfo "` (Q12, Q13).
    case oddJSON
    /// The link breaks before the answer is out.
    case dropAfter(executing: Bool)
    /// Pushes a door event between the command and its answer.
    case pushBetween
    /// Does not do it and says so.
    case refusal(reason: Int, message: String?)
    /// Answers something else first, as if another command had been given.
    case strayAnswer(word: String)
}

/// Which commands are answered oddly, how, and how often.
package struct FaultPlan: Sendable {
    private struct Rule {
        /// Nil: any.
        var word: String?
        var fault: TerminalFault
        /// How often it still happens; nil: for ever.
        var left: Int?
        /// Chance of it, 0 to 1.
        var share: Double
    }
    private var rules: [Rule] = []
    private var generator: SeededGenerator

    package init(seed: UInt64 = 1) { generator = SeededGenerator(seed: seed) }

    /// From now on, `times` commands of that word (nil: any word; no bound: for ever) are answered so, each with the
    /// chance `share`. What was added first happens first.
    package mutating func add(
        _ fault: TerminalFault, to word: String? = nil, times: Int? = 1, share: Double = 1
    ) {
        rules.append(Rule(word: word, fault: fault, left: times, share: share))
    }

    package mutating func clear() { rules = [] }

    mutating func next(for word: String) -> TerminalFault? {
        for index in rules.indices where rules[index].word.map({ $0 == word }) ?? true {
            guard generator.happens(rules[index].share) else { continue }
            let fault = rules[index].fault
            if let left = rules[index].left {
                if left <= 1 { rules.remove(at: index) } else { rules[index].left = left - 1 }
            }
            return fault
        }
        return nil
    }
}
