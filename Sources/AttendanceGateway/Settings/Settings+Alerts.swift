import AttendanceCore
import Foundation

extension Settings {
    /// When the gateway calls for help, and through what. A limit that is nil switches its rule off.
    package struct Alerts: Hashable, Sendable {
        /// By the terminal's clock; nil: always.
        package var workingHours: WorkingHours?
        /// A terminal is not connected for so long.
        package var offline: Duration?
        /// The oldest owed punch of a sink waits for so long.
        package var owed: Duration?
        /// A sink is paused for so long.
        package var paused: Duration?
        /// A sink takes no punches for so long.
        package var unavailable: Duration?
        /// A shift waits for terminals so long after its end.
        package var shift: Duration?
        /// So many dead letters.
        package var deadLetters: Int?
        /// Less than so many hundredths of a disk are free.
        package var diskFreePercent: Int?
        /// A terminal's clock is wrong by so much, in either direction.
        package var clockDrift: Duration?
        /// A terminal's memory is full to so many hundredths.
        package var memoryPercent: Int?
        /// The same punches came so often.
        package var resendTimes: Int?
        package var networkMoves: Int?
        /// A site's certificate ends within so many days.
        package var certificateDays: Int?
        /// How often the rules are looked at.
        package var interval: Duration
        /// In the file's order.
        package var channels: [Channel]

        package enum Kind: String, Hashable, Sendable { case json, slack, telegram, ntfy, mail }

        /// One `[Alert NAME]`.
        package struct Channel: Hashable, Sendable {
            package var name: String
            package var target: Target
        }

        /// Where a channel leads, with all that its kind needs.
        package enum Target: Hashable, Sendable {
            case json(SecretURL, token: Secret?)
            case slack(SecretURL)
            /// The server is nil for Telegram's own.
            case telegram(server: SecretURL?, token: Secret, chat: String)
            case ntfy(SecretURL, token: Secret?)
            /// At least one address in `to`. The program is an absolute path.
            case mail(to: [String], from: String?, program: String)

            package var kind: Kind {
                switch self {
                case .json: .json
                case .slack: .slack
                case .telegram: .telegram
                case .ntfy: .ntfy
                case .mail: .mail
                }
            }
        }
    }
}
