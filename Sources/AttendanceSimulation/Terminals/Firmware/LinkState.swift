import AttendanceCore

/// What a terminal keeps in mind about one connection.
struct LinkState: Sendable {
    /// Counted from 1 over the life of the terminal.
    let number: Int
    var lastSent: Duration
    var isRegistered = false
    /// `reg` goes out (again) then; nil: it has been answered.
    var registrationDue: Duration?
    /// Batches on their way: one of the memory, and one for a person who waits at the door.
    var batches: [Batch] = []
    var nextLogIndex = 0
    /// After a refusal, nothing is pushed before.
    var logsHeldUntil: Duration?
    /// The user that waits for the answer to `senduser`.
    var user: UserPush?
    var usersHeldUntil: Duration?
    /// What the server said at `reg`.
    var wantsUsers = false
    var wantsLogs = true
    /// Pushed although the server wants no users: what it asked for by `adduser`, or Q23.
    var demandedUsers: [UserRow] = []
    var pushesEveryUser = false
    /// `checklive` without an answer, in a row.
    var missedLives = 0

    init(number: Int, lastSent: Duration) {
        self.number = number
        self.lastSent = lastSent
    }

    struct Batch: Sendable {
        var logIndex: Int
        var numbers: [Int]
        var due: Duration
        /// Someone stands at the door and waits for `access`.
        var question: Question?
    }
    struct Question: Sendable {
        var person: UInt64
        var until: Duration
    }
    struct UserPush: Sendable {
        var row: UserRow
        var due: Duration
    }

    var deadlines: [Duration] {
        var deadlines = batches.map(\.due) + batches.compactMap { $0.question?.until }
        if let registrationDue { deadlines.append(registrationDue) }
        if let user { deadlines.append(user.due) }
        if let usersHeldUntil { deadlines.append(usersHeldUntil) }
        return deadlines
    }
}

/// A list that is handed out page by page. Lives in working memory: a new connection finds it, a restart does not.
struct PageCursor: Sendable {
    enum Rows: Sendable {
        case users([UserRow])
        case logs([Int])

        var count: Int {
            switch self {
            case .users(let rows): rows.count
            case .logs(let numbers): numbers.count
            }
        }
    }
    var rows: Rows
    var next = 0
}

/// Someone is being enrolled at the terminal because the server asked for it.
struct Enrolment: Sendable {
    var row: UserRow
    var name: String
    var admin: Int
    var due: Duration?
}

/// A QR code or a PIN waits for the server's word.
struct CodeQuestion: Sendable {
    var word: String
    var due: Duration
}
