import ArgumentParser
import AttendanceCore
import AttendanceStore
import AttendanceWeb
import Foundation
import Logging

/// `accounts list|add|password|change|disable|enable|remove|sign-out|remove-codes`: who may use the console.
struct AccountsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "accounts",
        abstract: "Show and change who may sign in to the console.",
        discussion: """
            A password is read from standard input, or with --password-file from a file; never from an argument, which \
            others on this machine could read. At a terminal it is asked for twice and not shown.
            """,
        subcommands: [
            List.self, Add.self, Password.self, Change.self, Disable.self, Enable.self, Remove.self,
            SignOut.self, RemoveCodes.self,
        ], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show accounts: role, reach, and when they signed in last (the default).")
        @OptionGroup var common: CommonOptions
        @Option(help: "text, csv or json (one object a line).") var format: OutputFormat = .text

        func run() async throws {
            let journal = try common.openJournal()
            let output = Output(format: format)
            output.header(AccountRow.columns)
            var place: Int64 = 0
            while true {
                let page = try await journal.accounts(after: place, limit: 500)
                guard let last = page.last else { break }
                for account in page { output.row(AccountRow(account)) }
                place = last.id
            }
            output.flush()
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an account.",
            discussion: """
                accounts add ada --role administrator
                accounts add desk --role operator --group "Dubai office" --sink erpnext < password.txt
                """)
        @OptionGroup var common: CommonOptions
        @Argument(help: "Its name: 3 to 64 of letters, digits and . _ - @") var name: String
        @Option(help: "viewer, operator or administrator.") var role = Role.viewer.rawValue
        @OptionGroup var reach: ReachOptions
        @Option(help: "Language of the console, such as ar. The browser's, unless given.") var language:
            String?
        @OptionGroup var source: PasswordOptions
        @OptionGroup var output: AnswerFormat

        func run() async throws {
            let answer = try await AccountsCommand.ask(
                AccountOrder(
                    .add, name: name, password: try source.read(), role: role, groups: reach.groups,
                    sinks: reach.sinks, language: language, author: Author.atCommandLine.name), common)
            try output.tell("\(answer.name) may sign in", answer)
        }
    }

    struct Password: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give an account another password; it is signed out everywhere.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "Its name.") var name: String
        @OptionGroup var source: PasswordOptions
        @OptionGroup var output: AnswerFormat

        func run() async throws {
            let answer = try await AccountsCommand.ask(
                AccountOrder(
                    .password, name: name, password: try source.read(), author: Author.atCommandLine.name),
                common)
            try output.tell("\(answer.name) has the new password", answer)
        }
    }

    struct Change: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Change an account's role, reach or language; what is not given stays.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "Its name.") var name: String
        @Option(help: "viewer, operator or administrator.") var role: String?
        @OptionGroup var reach: ReachOptions
        @Flag(help: "No longer limited to groups or sinks.") var reachesEverything = false
        @Option(help: "Language of the console; \"\" is the browser's.") var language: String?
        @OptionGroup var output: AnswerFormat

        func validate() throws {
            if reachesEverything, reach.groups != nil || reach.sinks != nil {
                throw ValidationError("give --reaches-everything, or --group and --sink")
            }
        }

        func run() async throws {
            let answer = try await AccountsCommand.ask(
                AccountOrder(
                    .change, name: name, role: role, groups: reach.groups, sinks: reach.sinks,
                    reachesEverything: reachesEverything, language: language,
                    author: Author.atCommandLine.name), common)
            try output.tell("\(answer.name) is changed", answer)
        }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sign an account out everywhere and let it in no more, until it is enabled.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "Its name.") var name: String
        @OptionGroup var output: AnswerFormat
        func run() async throws {
            try await AccountsCommand.simple(.disable, name, common, output) { "\($0.name) is disabled" }
        }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let a disabled account in again.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "Its name.") var name: String
        @OptionGroup var output: AnswerFormat
        func run() async throws {
            try await AccountsCommand.simple(.enable, name, common, output) { "\($0.name) may sign in" }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove an account. What it did stays in the audit trail.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "Its name.") var name: String
        @OptionGroup var output: AnswerFormat
        func run() async throws {
            try await AccountsCommand.simple(.remove, name, common, output) { "\($0.name) is removed" }
        }
    }

    struct SignOut: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End all sessions of an account.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "Its name.") var name: String
        @OptionGroup var output: AnswerFormat
        func run() async throws {
            try await AccountsCommand.simple(.signOut, name, common, output) {
                "\($0.sessions) sessions of \($0.name) ended"
            }
        }
    }

    struct RemoveCodes: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ask an account for no one-time codes any more: its device is lost.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "Its name.") var name: String
        @OptionGroup var output: AnswerFormat
        func run() async throws {
            try await AccountsCommand.simple(.removeCodes, name, common, output) {
                "\($0.name) signs in without a code"
            }
        }
    }

    private static func simple(
        _ verb: AccountOrder.Verb, _ name: String, _ common: CommonOptions, _ output: AnswerFormat,
        _ words: (AccountAnswer) -> String
    ) async throws {
        let answer = try await ask(
            AccountOrder(verb, name: name, author: Author.atCommandLine.name), common)
        try output.tell(words(answer), answer)
        if let note = answer.note { Screen.note(note) }
    }

    private static func ask(_ order: AccountOrder, _ common: CommonOptions) async throws -> AccountAnswer {
        let settings = common.settings()
        return try await change("/accounts", order, settings) { try await $0.carryOut(order) }
    }

    /// Through the running gateway, or without one by the same hands.
    fileprivate static func change<Answer: Decodable>(
        _ path: String, _ order: some Encodable, _ settings: Settings,
        directly: (Accounts) async throws -> Answer
    ) async throws -> Answer {
        do {
            return try await JournalChange(settings: settings).run(path: path, order: order) { store in
                var logger = Logger(label: "attendance-gateway")
                logger.logLevel = .critical
                // Nothing of the command line needs the vault: it neither gives codes nor checks them.
                let accounts = Accounts(
                    store: store, vault: Vault(path: settings.store.keyFile, isInUse: true),
                    surroundings: .init(now: Gateway.Surroundings.systemTime), logger: logger)
                return try await directly(accounts)
            }
        } catch let error as AccountRefusal {
            Screen.fail(error.localizedDescription, code: 1)
        }
    }
}

/// `tokens list|issue|revoke`: programs that use the API.
struct TokensCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokens",
        abstract: "Show, issue and revoke tokens by which programs use the API.",
        subcommands: [List.self, Issue.self, Revoke.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show tokens: what they may do, who issued them, when they were used (the default).")
        @OptionGroup var common: CommonOptions
        @Option(help: "text, csv or json (one object a line).") var format: OutputFormat = .text

        func run() async throws {
            let journal = try common.openJournal()
            let now = Gateway.Surroundings.systemTime()
            let output = Output(format: format)
            output.header(TokenRow.columns)
            var place: Int64 = 0
            while true {
                let page = try await journal.apiTokens(after: place, limit: 500)
                guard let last = page.last else { break }
                for token in page { output.row(TokenRow(token, now)) }
                place = last.id
            }
            output.flush()
        }
    }

    struct Issue: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a token and print it, once: it is kept nowhere.",
            discussion: """
                tokens issue "Grafana" --scope read --for 365d
                tokens issue "HR export" --scope read --scope people --group "Dubai office"
                """)
        @OptionGroup var common: CommonOptions
        @Argument(help: "What uses it, in up to 64 characters.") var name: String
        @Option(
            help:
                "What it may do: \(Scope.allCases.map(\.rawValue).joined(separator: ", ")). May be repeated.")
        var scope: [String] = []
        @OptionGroup var reach: ReachOptions
        @Option(name: .customLong("for"), help: "Holds for so long, such as 30d. For good, unless given.")
        var duration: String?
        @OptionGroup var output: AnswerFormat

        func validate() throws {
            if scope.isEmpty { throw ValidationError("give at least one --scope") }
            if let duration, DurationText.seconds(duration) == nil {
                throw ValidationError("--for must look like 30d or 8h")
            }
        }

        func run() async throws {
            let now = Gateway.Surroundings.systemTime()
            // A hundred years are for good.
            let expires = duration.flatMap { DurationText.seconds($0) }.map {
                now + .seconds(min($0, 36_525 * 86_400))
            }
            let answer = try await TokensCommand.ask(
                TokenOrder(
                    issue: .init(
                        name: name, scopes: scope, groups: reach.groups, sinks: reach.sinks,
                        expires: expires?.milliseconds), author: Author.atCommandLine.name), common)
            if output.format == .json { return try output.tell("", answer) }
            let screen = Output(format: .text)
            screen.line(answer.token ?? "")
            screen.flush()
            let end = expires.map { "until \($0.iso8601)" } ?? "without end"
            Screen.note("token \(answer.id ?? 0), \(end); it is not shown again")
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Have tokens do nothing any more.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "Numbers of tokens.") var ids: [Int64]
        @OptionGroup var output: AnswerFormat

        func run() async throws {
            let answer = try await TokensCommand.ask(
                TokenOrder(revoke: ids, author: Author.atCommandLine.name), common)
            try output.tell("\(answer.revoked.count) revoked", answer)
            if answer.revoked.count < Set(ids).count { throw ExitCode(1) }
        }
    }

    private static func ask(_ order: TokenOrder, _ common: CommonOptions) async throws -> TokenAnswer {
        try await AccountsCommand.change("/tokens", order, common.settings()) {
            try await $0.carryOut(order)
        }
    }
}

/// What an account or a token is limited to.
struct ReachOptions: ParsableArguments {
    @Option(help: "Only terminals of this group. May be repeated.") var group: [String] = []
    @Option(help: "Only this sink. May be repeated.") var sink: [String] = []

    /// Nil: all.
    var groups: [String]? { group.isEmpty ? nil : group }
    var sinks: [String]? { sink.isEmpty ? nil : sink }
}

struct AnswerFormat: ParsableArguments {
    enum Format: String, ExpressibleByArgument, CaseIterable { case text, json }
    @Option(help: "text or json.") var format: Format = .text

    func tell(_ words: String, _ answer: some Encodable) throws {
        guard format == .json else { return Screen.note(words) }
        let output = Output(format: .text)
        output.line(String(decoding: try JSONAnswer.encode(answer), as: UTF8.self))
        output.flush()
    }
}

/// Where a password comes from.
struct PasswordOptions: ParsableArguments {
    @Option(help: "Read the password from the first line of this file.") var passwordFile: String?

    /// Ends the process when there is none.
    func read() throws -> String {
        if let passwordFile {
            guard let handle = FileHandle(forReadingAtPath: passwordFile) else {
                Screen.fail("\(passwordFile) cannot be read", code: CommonOptions.noInput)
            }
            return firstLine(of: handle, passwordFile)
        }
        guard isatty(STDIN_FILENO) == 1 else { return firstLine(of: .standardInput, "standard input") }
        let first = ask("Password: ")
        guard ask("The same again: ") == first else { Screen.fail("these are two passwords", code: 1) }
        return first
    }

    /// Longer than any password: the rules then say that it is.
    private static let limit = 4096

    private func firstLine(of handle: FileHandle, _ name: String) -> String {
        var bytes: [UInt8] = []
        do {
            while bytes.count < Self.limit, !bytes.contains(0x0A),
                let more = try handle.read(upToCount: Self.limit), !more.isEmpty
            {
                bytes += more
            }
        } catch {
            Screen.fail("\(name) cannot be read: \(error.localizedDescription)", code: CommonOptions.noInput)
        }
        var line = bytes.prefix { $0 != 0x0A }
        if line.last == 0x0D { line.removeLast() }
        guard !line.isEmpty, let text = String(validating: line, as: UTF8.self) else {
            Screen.fail("\(name) holds no password", code: CommonOptions.noInput)
        }
        return text
    }

    private func ask(_ prompt: String) -> String {
        FileHandle.standardError.write(Data(prompt.utf8))
        var shown = termios()
        let canHide = tcgetattr(STDIN_FILENO, &shown) == 0
        var hidden = shown
        hidden.c_lflag &= ~tcflag_t(ECHO)
        if canHide { tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) }
        let line = readLine()
        if canHide { tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown) }
        FileHandle.standardError.write(Data("\n".utf8))
        guard let line, !line.isEmpty else {
            Screen.fail("no password was given", code: CommonOptions.noInput)
        }
        return line
    }
}

private struct AccountRow: OutputRow {
    static let columns = [
        "id", "name", "role", "reach", "codes", "state", "language", "created", "last_sign_in",
    ]
    let values: [OutputValue]

    init(_ account: AccountRecord) {
        values = [
            .number(account.id), .text(account.name.text), .text(account.role.rawValue),
            .text(account.reach.words), .text(account.usesCodes ? "yes" : "no"),
            .text(account.isDisabled ? "disabled" : "active"), account.language.map { .text($0) } ?? .none,
            .text(account.created.iso8601), account.lastSignIn.map { .text($0.iso8601) } ?? .none,
        ]
    }
}

private struct TokenRow: OutputRow {
    static let columns = [
        "id", "name", "scopes", "reach", "state", "created", "author", "expires", "last_used",
    ]
    let values: [OutputValue]

    init(_ token: APITokenRecord, _ now: UnixTime) {
        let isOver = token.expires.map { $0 <= now } ?? false
        values = [
            .number(token.id), .text(token.name),
            .text(token.scopes.sorted().map(\.rawValue).joined(separator: " ")), .text(token.reach.words),
            .text(isOver ? "expired" : "valid"), .text(token.created.iso8601), .text(token.author.name),
            token.expires.map { .text($0.iso8601) } ?? .none,
            token.lastUsed.map { .text($0.iso8601) } ?? .none,
        ]
    }
}
