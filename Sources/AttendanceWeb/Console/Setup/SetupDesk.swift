import AttendanceCore

/// What the setup wizard needs of the gateway: what was typed so far, whether it is sound, and putting it to work.
package struct SetupDesk: Sendable {
    /// What was typed so far; at first what is in force, with what this machine suggests.
    package var draft: @Sendable () async throws -> SetupDraft
    /// Keeps it, sealed, over reloads and restarts; nil forgets it. `step` is what was just filled in.
    package var keep: @Sendable (SetupDraft?, _ step: SetupStep, Author) async throws -> Void
    /// What is wrong with the fields of a step; of all steps where it is `write`.
    package var problems: @Sendable (SetupDraft, SetupStep) async -> [SetupProblem]
    /// Looks at the site as the doctor does; changes nothing there. Ends within half a minute.
    package var tryConnection: @Sendable (SetupDraft, Author) async -> [SetupCheck]
    package var machine: @Sendable () -> SetupMachine
    /// The file that `write` would write.
    package var file: @Sendable (SetupDraft) async -> SetupFile
    /// Throws `SetupRefusal`.
    package var write: @Sendable (SetupDraft, Author) async throws -> SetupWritten
    /// Puts the settings that stand in the file now to work, by beginning anew. Throws `SetupRefusal` for a file with
    /// a mistake.
    package var restart: @Sendable (Author) async throws -> Void
    /// Another one after each start.
    package var run: String
    /// What terminals must be told, of the settings in force.
    package var target: @Sendable () async -> SetupTarget
    /// Lets a simulated terminal come and send one punch of a person. Throws `SetupRefusal`.
    package var simulate: @Sendable (_ person: UInt64, Author) async throws -> Void
    package var simulation: @Sendable () -> SetupSimulation

    package init(
        draft: @escaping @Sendable () async throws -> SetupDraft,
        keep: @escaping @Sendable (SetupDraft?, SetupStep, Author) async throws -> Void,
        problems: @escaping @Sendable (SetupDraft, SetupStep) async -> [SetupProblem],
        tryConnection: @escaping @Sendable (SetupDraft, Author) async -> [SetupCheck],
        machine: @escaping @Sendable () -> SetupMachine,
        file: @escaping @Sendable (SetupDraft) async -> SetupFile,
        write: @escaping @Sendable (SetupDraft, Author) async throws -> SetupWritten,
        restart: @escaping @Sendable (Author) async throws -> Void, run: String,
        target: @escaping @Sendable () async -> SetupTarget,
        simulate: @escaping @Sendable (UInt64, Author) async throws -> Void,
        simulation: @escaping @Sendable () -> SetupSimulation
    ) {
        self.draft = draft
        self.keep = keep
        self.problems = problems
        self.tryConnection = tryConnection
        self.machine = machine
        self.file = file
        self.write = write
        self.restart = restart
        self.run = run
        self.target = target
        self.simulate = simulate
        self.simulation = simulation
    }
}

/// In the order in which they are gone through.
package enum SetupStep: String, CaseIterable, Codable, Sendable {
    case account, zone, erpnext, admission, write, terminal, done

    package var path: String { self == .account ? "/setup" : "/setup/\(rawValue)" }
    var page: String { "setup-\(rawValue)" }
    var number: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    var next: Self { Self.allCases[min(number + 1, Self.allCases.count - 1)] }
    /// Nil where one cannot go back.
    var previous: Self? { number > 1 ? Self.allCases[number - 1] : nil }
}

/// What somebody has typed, be it right or not. No field is longer than `longest` characters.
package struct SetupDraft: Codable, Hashable, Sendable {
    package static let longest = 2000

    /// IANA
    package var zone: String
    /// Empty: no ERPNext yet.
    package var siteAddress = ""
    package var siteKey = ""
    package var siteSecret = ""
    package var unknown = UnknownTerminals.pending.rawValue
    package var host: String
    package var port: String
    package var networks = ""
    package var secretPath = ""
    package var token = ""
    /// Terminals may come from anywhere, with nothing but their serial number.
    package var isWithoutRule = false
    /// The last step that was filled in soundly.
    package var reached = SetupStep.account

    package init(zone: String, host: String, port: String) {
        self.zone = zone
        self.host = host
        self.port = port
    }
}

/// A field that is not sound, and why.
package struct SetupProblem: Hashable, Sendable {
    package enum Field: String, Sendable {
        case zone, siteAddress, siteKey, siteSecret, unknown, host, port, networks, secretPath, token, rule
        /// Of the file as a whole.
        case file
    }
    package var field: Field
    /// Of the wizard's words; nil where only `detail` tells.
    package var word: String?
    /// In English.
    package var detail: String?
    package var step: SetupStep

    package init(_ field: Field, _ word: String?, detail: String? = nil, at step: SetupStep) {
        self.field = field
        self.word = word
        self.detail = detail
        self.step = step
    }
}

/// A line of the connection test. `seen` and `remedy` are English.
package struct SetupCheck: Hashable, Sendable {
    package enum Outcome: String, Sendable { case good, warning, bad, skipped }
    package var outcome: Outcome
    package var title: String
    package var seen: String
    package var remedy: String?

    package init(outcome: Outcome, title: String, seen: String, remedy: String?) {
        self.outcome = outcome
        self.title = title
        self.seen = seen
        self.remedy = remedy
    }
}

package struct SetupMachine: Hashable, Sendable {
    /// IANA names, in order.
    package var zones: [String]
    /// Addresses under which others may reach this machine, in order.
    package var addresses: [String]

    package init(zones: [String], addresses: [String]) {
        self.zones = zones
        self.addresses = addresses
    }
}

package struct SetupFile: Hashable, Sendable {
    package var path: String
    /// It stands there already, and is changed line by line.
    package var exists: Bool
    /// Nil where it can be written; else why not, in English.
    package var obstacle: String?
    /// `[Section] Key = value`, secrets not shown: what becomes different.
    package var changes: [String]
    /// All of it, with the secrets.
    package var text: String

    package init(path: String, exists: Bool, obstacle: String?, changes: [String], text: String) {
        self.path = path
        self.exists = exists
        self.obstacle = obstacle
        self.changes = changes
        self.text = text
    }
}

package struct SetupWritten: Hashable, Sendable {
    package var path: String
    /// Where the file is that was there before.
    package var kept: String?
    /// Whether only a new start puts it to work; otherwise it is being done.
    package var needsRestart: Bool

    package init(path: String, kept: String?, needsRestart: Bool) {
        self.path = path
        self.kept = kept
        self.needsRestart = needsRestart
    }
}

package struct SetupTarget: Hashable, Sendable {
    /// Of this machine, as terminals may reach it; the likeliest first. Empty: only from this machine itself.
    package var addresses: [String]
    package var port: Int
    /// Nil: any, so the firmware's own `/pub/chat`.
    package var path: String?
    package var wantsToken: Bool
    package var networks: [String]
    package var unknown: UnknownTerminals
    package var hasSite: Bool

    package init(
        addresses: [String], port: Int, path: String?, wantsToken: Bool, networks: [String],
        unknown: UnknownTerminals, hasSite: Bool
    ) {
        self.addresses = addresses
        self.port = port
        self.path = path
        self.wantsToken = wantsToken
        self.networks = networks
        self.unknown = unknown
        self.hasSite = hasSite
    }
}

package struct SetupSimulation: Hashable, Sendable {
    package enum State: String, Sendable {
        case none, running, waiting, sent, failed
    }
    package var state: State
    package var serial: String
    /// Why it failed, in English.
    package var detail: String?

    package init(state: State, serial: String, detail: String? = nil) {
        self.state = state
        self.serial = serial
        self.detail = detail
    }
}

/// Why something of the wizard was not done, in English.
package struct SetupRefusal: RefusedOrder, Hashable {
    package var text: String
    package init(_ text: String) { self.text = text }
    package var errorDescription: String? { text }
}
