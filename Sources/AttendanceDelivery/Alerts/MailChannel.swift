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

    /// - Parameters:
    ///   - to: at least one address.
    ///   - from: nil leaves it to the program.
    ///   - program: absolute path.
    ///   - limit: how long the program may take; then it is killed.
    package init(name: String, to: [String], from: String?, program: String, limit: Duration = .seconds(30)) {
        self.name = name
        self.to = to
        self.from = from
        self.program = program
        self.limit = limit
    }

    package func send(_ message: AlertMessage) async -> AlertSending {
        let mail = MailMessage(
            to: to, from: from, subject: "[\(message.gateway)] \(message.title)",
            lines: [message.title, ""] + message.lines + ["", "Gateway: \(message.gateway)"],
            date: message.notice.at, id: UUID().uuidString.lowercased(), host: message.gateway)
        let ending = await ChildProcess.run(
            program, ["-t", "-i"], input: mail.bytes, environment: Self.environment, limit: limit)
        switch ending {
        case .exited(0, _): return .taken
        case .exited(let status, let said): return failed("it ended with status \(status)", said)
        case .killed(let signal, let said): return failed("it was ended by signal \(signal)", said)
        case .tooLate: return failed("it did not end within \(limit.inSeconds) s", "")
        case .notStarted(let reason): return failed("it cannot be run: \(reason)", "")
        }
    }

    private func failed(_ what: String, _ said: String) -> AlertSending {
        let said = PlainText.line(said, limit: 200)
        // A full queue, a server that is away, a program that is being installed: most of it passes.
        return .failed(reason: "\(program): \(what)" + (said.isEmpty ? "" : " (\(said))"), mayHelp: true)
    }

    /// Ours may hold secrets.
    private static let environment: [String: String] = {
        let passed: Set<String> = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR"]
        return ProcessInfo.processInfo.environment.filter { passed.contains($0.key) }
    }()
}
