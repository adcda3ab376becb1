/// Who changed something: a person at a command line, a user of the console, or a rule of the gateway.
package struct Author: Hashable, Sendable, CustomStringConvertible {
    /// One line of at most 100 characters.
    package let name: String

    /// What came from outside is cut and made one line; nothing left is `unknown`.
    package init(_ name: String) {
        let line = PlainText.line(name, limit: 100)
        self.name = line.isEmpty ? "unknown" : line
    }

    /// The gateway itself, by one of its rules.
    package static let gateway = Author("gateway")
    package var description: String { name }
}

/// One change somebody made, for the audit trail: who did what to what, and with which words.
package struct AuditEntry: Hashable, Sendable {
    /// 0 until the journal has numbered it.
    package var id: Int64
    package var at: UnixTime
    package var author: Author
    /// Such as `dead-letters.retry`.
    package var action: String
    /// What was changed, such as a punch's number or an employee's name.
    package var subject: String
    /// In words: a reason given, a value before and after.
    package var detail: String

    package init(
        id: Int64 = 0, at: UnixTime, author: Author, action: String, subject: String, detail: String = ""
    ) {
        self.id = id
        self.at = at
        self.author = author
        self.action = action
        self.subject = subject
        self.detail = detail
    }
}
