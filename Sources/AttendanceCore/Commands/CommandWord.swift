/// What a command is about; the sections of the help.
package enum CommandGroup: String, CaseIterable, Hashable, Sendable {
    case users
    case logs
    case device
    case access
    /// Words of newer firmwares only. Most terminals say that they do not know them.
    case newer

    package var title: String {
        switch self {
        case .users: "Users and their credentials"
        case .logs: "Logs"
        case .device: "The device itself"
        case .access: "Access control and schedules"
        case .newer: "Newer words"
        }
    }
}

/// One server-initiated word of docs/protocol.md §8, and all that is to be known of it.
package struct CommandWord: Sendable {
    /// What the answer looks like.
    package enum AnswerKind: Hashable, Sendable {
        /// None: the link drops.
        case nothing
        /// Yes or no.
        case plain
        /// Several messages, one a page, each asked for by itself: users, credentials, or logs.
        case users, allUsers, logs
        case credential, name, profile, userIDs, exists
        case time
        case settings, lock, userLock, holidays, questionnaire
        /// Whatever it says.
        case other

        /// Comes in pages that the gateway asks for one by one.
        package var isPaged: Bool { self == .users || self == .allUsers || self == .logs }
    }

    /// May it be sent again when no answer came?
    package enum Repeating: Hashable, Sendable {
        /// It reads, or brings about a state that a second time changes nothing of.
        case safe
        case never
    }

    /// What is checked, or filled in, across fields.
    package enum Rule: Hashable, Sendable {
        case none
        /// `from` and `to`: in order.
        case range
        /// `count` is the number of entries of `record`.
        case counted
        /// At least one field.
        case anything
        /// `record` is what `backupnum` says it is.
        case credential
        /// The time of sending where none is given.
        case clock
        /// The number of items, and the schedules that name them.
        case questionnaire
        /// `starttime` before `endtime`.
        case window
    }

    package var name: String
    package var group: CommandGroup
    /// One sentence: what it does.
    package var summary: String
    package var parameters: [CommandParameter]
    package var answer: AnswerKind
    package var repeating: Repeating
    /// What it destroys or opens, as the end of the sentence "this …"; nil when it needs no confirmation.
    package var danger: String?
    package var note: String?
    /// How long an answer may take. Longer for photos, see `timeOut(of:)`.
    package var timeOut: Duration
    /// After a time-out so long nothing else is sent.
    package var quiet: Duration
    /// Other words under which the answer may come.
    package var alsoAnswered: [String]
    package var rule: Rule
    /// Fields beyond `parameters` are taken as they come: no document tells them.
    package var takesOthers: Bool
    /// The firmware families known to have it; empty: all that are known.
    package var dialects: Set<CommandDialect>
    /// Sent with every request of this word.
    package var constants: [String: JSONValue]
    /// Not one of §8: made up for a word that somebody sends in raw mode.
    package var isRaw: Bool

    init(
        _ name: String, _ group: CommandGroup, _ summary: String, _ parameters: [CommandParameter] = [],
        answer: AnswerKind = .plain, repeating: Repeating = .safe, danger: String? = nil, note: String? = nil,
        timeOut: Duration = Self.usualTimeOut, alsoAnswered: [String] = [], rule: Rule = .none,
        takesOthers: Bool = false, dialects: Set<CommandDialect> = [], constants: [String: JSONValue] = [:],
        isRaw: Bool = false
    ) {
        self.name = name
        self.group = group
        self.summary = summary
        self.parameters = parameters
        self.answer = answer
        self.repeating = repeating
        self.danger = danger
        self.note = note
        self.timeOut = timeOut
        self.quiet = .seconds(5)
        self.alsoAnswered = alsoAnswered
        self.rule = rule
        self.takesOthers = takesOthers
        // What is known of the newer words comes from programs that serve these firmwares.
        self.dialects = dialects.isEmpty && group == .newer && !isRaw ? [.aifaceBS] : dialects
        self.constants = constants
        self.isRaw = isRaw
    }

    package static let usualTimeOut = Duration.seconds(10)
    package static let longTimeOut = Duration.seconds(20)

    /// Wipes or opens: needs an explicit confirmation and a reason, and is audited.
    package var needsConfirmation: Bool { danger != nil }

    /// Whether terminals of this family are known to have it. They may have it all the same: the answer tells.
    package func isKnown(to dialect: CommandDialect) -> Bool {
        dialects.isEmpty || dialects.contains(dialect)
    }

    package func parameter(_ key: String) -> CommandParameter? {
        parameters.first { $0.key == key || $0.aliases.contains(key) }
    }
}

/// One field of a request.
package struct CommandParameter: Hashable, Sendable {
    package var key: String
    package var kind: ParameterKind
    package var isRequired: Bool
    /// Never in the journal, logs or help in clear.
    package var isSecret: Bool
    package var note: String?
    /// Other spellings that are taken for this field.
    package var aliases: [String]

    init(
        _ key: String, _ kind: ParameterKind, required: Bool = false, secret: Bool = false,
        _ note: String? = nil,
        aliases: [String] = []
    ) {
        self.key = key
        self.kind = kind
        isRequired = required
        isSecret = secret
        self.note = note
        self.aliases = aliases
    }
}

/// What may stand in a field. Texts that hold numbers are taken for numbers, as terminals do.
package enum ParameterKind: Hashable, Sendable {
    /// A user's number: decimal digits, as many as the terminal takes. 0 and the stranger's number are no users.
    case enrollID(allowsZero: Bool)
    case integer(ClosedRange<Int64>, unit: String?)
    case choice([Choice])
    /// `true` or `false`.
    case flag
    /// 1 or 0, for `true` or `false`.
    case bit
    /// UTF-8 without control characters.
    case text(maximumBytes: Int)
    /// A slot of docs/protocol.md §6.1.
    case slot(SlotUse)
    /// What `backupnum` says: template, photo, PIN or card.
    case credential
    /// 1 to 2^32 - 1.
    case card
    /// 1 to 8 digits.
    case pin
    /// `YYYY-MM-DD`, also with `HH:MM:SS`.
    case day
    /// `YYYY-MM-DD HH:MM:SS`
    case time
    /// `MM-DD`
    case monthDay
    case dayZones
    case weekZones
    case lockGroups
    case normallyOpen
    case names
    case userLocks
    case holidays
    case items
    case schedules
    /// Any JSON.
    case any

    package struct Choice: Hashable, Sendable {
        package var value: Int64
        package var meaning: String
    }

    /// What a slot is named for.
    package enum SlotUse: Hashable, Sendable {
        /// One that holds something.
        case reading
        /// 12 and 13 besides.
        case deleting
        /// 10 = automatic besides (the flag of `adduser` says how).
        case enrolling
    }

    static func codes(_ meanings: KeyValuePairs<Int64, String>) -> ParameterKind {
        .choice(meanings.map { Choice(value: $0.key, meaning: $0.value) })
    }
}
