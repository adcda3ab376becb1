/// Why a field cannot be sent: what stood there and what is allowed. What is secret is told by its length only.
package struct CommandProblem: Hashable, Sendable, CustomStringConvertible {
    /// The field, with its place in a list: `dayzone[2].day[1].section`.
    package var field: String
    package var found: String
    package var allowed: String

    package init(field: String, found: String, allowed: String) {
        self.field = field
        self.found = found
        self.allowed = allowed
    }

    package var description: String { "\(field): \(found); allowed: \(allowed)" }
}

/// Everything that is wrong with a command, not only the first.
package struct CommandRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    package var word: String
    package var problems: [CommandProblem]

    package init(word: String, problems: [CommandProblem]) {
        self.word = word
        self.problems = problems
    }

    /// More are not told.
    package static let maximumProblems = 50

    package var description: String {
        "\(word) was not sent. " + problems.map(\.description).joined(separator: ". ") + "."
    }
}
