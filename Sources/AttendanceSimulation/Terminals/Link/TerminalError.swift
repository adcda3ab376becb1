import Foundation

/// Why a simulated terminal could not go on.
package enum TerminalError: LocalizedError, Hashable, Sendable {
    /// Nobody listens there, or the way is blocked.
    case unreachable(String)
    /// The server answered the upgrade with something else than 101. `body` is at most 64 KiB.
    case refused(status: Int, body: String)
    /// The connection is gone. Code 1005: closed without a code, 1006: without a close frame (RFC 6455 §7.4.1).
    case closed(code: Int)
    /// What came is no strict JSON object, which a server must send (docs/protocol.md §4).
    case notJSON(String)
    /// Two tasks wait for a message of one terminal.
    case twoReceivers
    /// No answer within the time a terminal waits.
    case unanswered(String)

    package var errorDescription: String? {
        switch self {
        case .unreachable(let reason): "the server cannot be reached: \(reason)"
        case .refused(let status, _): "the server refused the upgrade to WebSocket with HTTP status \(status)"
        case .closed(let code): "the connection was closed with code \(code)"
        case .notJSON(let text): "the server sent no JSON object: \(text.prefix(80))"
        case .twoReceivers: "two tasks wait for a message of the same terminal"
        case .unanswered(let word): "the server did not answer \(word) in time"
        }
    }
}
