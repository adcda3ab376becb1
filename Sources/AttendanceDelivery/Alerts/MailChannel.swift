import AttendanceCore
import Foundation

/// Sends alerts as mail through the machine's sendmail-compatible program: `PROGRAM -t -i`.
package struct MailChannel: AlertChannel {
    package let name: String
    package var kind: String { "mail" }
    private let to: [String]
    private let from: String?
    private let program: String
    private let limit: Duration
    private let mayGainRights: Bool
    private let environment: [String: String]

    /// - `to`: at least one address.
    /// - `from`: nil leaves it to the program.
    /// - `program`: absolute path.
    /// - `limit`: how long the program may take; then it is killed.
    /// - `mayGainRights`: whether a program may run with more rights than we have; not so under the systemd unit.
    /// - `environment`: ours, of which the program gets what a mail program needs: the rest may be secret.
    package init(
        name: String, to: [String], from: String?, program: String, limit: Duration = .seconds(30),
        mayGainRights: Bool = Self.processMayGainRights,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) {
        self.name = name
        self.to = to
        self.from = from
        self.program = program
        self.limit = limit
        self.mayGainRights = mayGainRights
        self.environment = environment.filter { Self.passed.contains($0.key) }
    }

    package func send(_ message: AlertMessage) async -> AlertSending {
        let mail = MailMessage(
            to: to, from: from, subject: "[\(message.gateway)] \(message.title)",
            lines: [message.title, ""] + message.lines + ["", "Gateway: \(message.gateway)"],
            date: message.notice.at, id: UUID().uuidString.lowercased(), host: message.gateway)
        let ending = await ChildProcess.run(
            program, ["-t", "-i"], input: mail.bytes, environment: environment, limit: limit)
        switch ending {
        case .exited(0, _): return .taken
        case .exited(let status, let said): return failed("it ended with status \(status)", said)
        case .killed(let signal, let said): return failed("it was ended by signal \(signal)", said)
        case .tooLate(let said):
            return failed("it did not end within \(limit.inSeconds) s", said, mayWantRights: true)
        case .notStarted(let reason): return failed("it cannot be run: \(reason)", "")
        }
    }

    /// - Parameter mayWantRights: whether it failed in a way that missing rights explain, whatever it said.
    private func failed(_ what: String, _ said: String, mayWantRights: Bool = false) -> AlertSending {
        let said = PlainText.line(said, limit: 200)
        let hint = mayWantRights || Self.tellsOfRights(said) || hasSpecialRights ? remedy : ""
        // A full queue, a server that is away, a program that is being installed: most of it passes.
        return .failed(
            reason: "\(program): \(what)" + (said.isEmpty ? "" : " (\(said))") + hint, mayHelp: true)
    }

    // MARK: Rights

    /// Postfix hands mail to a program that is setgid, Exim is setuid itself. Without the right to gain rights the one
    /// tries for ever and the other cannot write its queue, and neither says why.
    private var remedy: String {
        // It needs no more than we have, so it must be something else.
        guard !mayGainRights, !resolved.lastPathComponent.contains("msmtp") else { return "" }
        return
            "; this service may gain no rights (NoNewPrivileges), which the sendmail of Postfix and Exim needs: "
            + "install msmtp-mta, see docs/alerts.md"
    }

    private var resolved: URL { URL(fileURLWithPath: program).resolvingSymlinksInPath() }

    private var hasSpecialRights: Bool {
        var status = stat()
        return stat(program, &status) == 0 && status.st_mode & (S_ISUID | S_ISGID) != 0
    }

    private static func tellsOfRights(_ said: String) -> Bool {
        let said = said.lowercased()
        return [
            "permission denied", "not permitted", "read-only file system", "setuid", "setgid", "postdrop",
        ]
        .contains { said.contains($0) }
    }

    /// False under `NoNewPrivileges=yes`.
    package static let processMayGainRights: Bool = {
        // Where it cannot be read, nothing is known to be forbidden.
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        return !status.split(separator: "\n").contains {
            $0.hasPrefix("NoNewPrivs:") && $0.last == "1"
        }
    }()

    private static let passed: Set<String> = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR"]
}
