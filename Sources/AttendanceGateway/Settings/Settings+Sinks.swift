import AttendanceCore
import Foundation

extension Settings {
    /// Every ERPNext site: that of `[ERP]` first.
    package var sites: [ERP] { [erp] + furtherSites }

    /// Every sink that punches can be routed to, `[ERP]` first, then sites and webhooks in the file's order. Without
    /// the CSV, which follows what becomes of punches elsewhere.
    package var sinks: [SinkName] { sites.map(\.name) + webhooks.map(\.name) }

    /// What a sink is owed when the journal first hears of it.
    package func startFrom(of sink: SinkName) -> StartFrom {
        sites.first { $0.name == sink }?.startFrom ?? webhooks.first { $0.name == sink }?.startFrom ?? .all
    }

    /// What a sink is owed when the journal first hears of it. Means nothing for one that it knows.
    package enum StartFrom: Hashable, Sendable, CustomStringConvertible {
        /// Only punches that come in from then on.
        case now
        /// The whole journal.
        case all
        /// Punches at or after this midnight, by the terminals' own clocks.
        case day(WallTime)

        package var description: String {
            switch self {
            case .now: "now"
            case .all: "all"
            case .day(let day): String(day.description.prefix(10))
            }
        }
    }

    /// One ERPNext site, of `[ERP]` or `[Site NAME]`.
    package struct ERP: Hashable, Sendable {
        package enum Dialect: String, Hashable, Sendable { case custom, hrms }
        package enum PersonID: String, Hashable, Sendable { case enrollID = "enrollid", alias }
        package enum Mode: String, Hashable, Sendable {
            case deliver
            /// Makes every request and sends none.
            case shadow
        }
        /// `erpnext` for `[ERP]`.
        package var name: SinkName
        package var mode: Mode
        /// Ends in a slash. Nil (of `[ERP]` only): punches are kept and owed until there is one.
        package var url: URL?
        package var dialect: Dialect
        /// Path of the custom method, without a leading slash.
        package var endpoint: String
        /// After so many attempts a punch is reported as failed so far; it is tried again for ever.
        package var maximumRetries: Int
        package var retryDelay: Duration
        /// The whole value of an `Authorization` header; excludes a key and secret.
        package var authorization: Secret?
        /// Both or neither.
        package var apiKey: Secret?
        package var apiSecret: Secret?
        /// The id space of terminals that have none of their own.
        package var employeeField: String
        package var personID: PersonID
        /// How often employees are read; nil: not at all (0 was written, or there are no rights to read them with).
        package var employeeSync: Duration?
        package var leadingZeros: EmployeeDirectory.LeadingZeros
        /// Absolute path of the file that `mappings` came from.
        package var mappingFile: String?
        /// No id twice in one id space (`Terminals.idSpace(of:)`).
        package var mappings: [EmployeeMapping]
        /// A further punch of one person within so long is not sent; nil sends every one.
        package var repeatWindow: Duration?
        /// IANA zone of the site's own clock; nil: as read from the site, else each terminal's wall time as it is.
        package var siteTimeZone: String?
        /// Whether `last_sync_of_checkin` of Shift Types is moved.
        package var movesLastSync: Bool
        /// At most one such write for each Shift Type in so long.
        package var lastSyncInterval: Duration
        /// Most requests at one time.
        package var concurrency: Int
        /// So many owed punches are drained with `insert_many`; nil never does. Set in the hrms dialect only.
        package var bulkAbove: Int?
        package var timeout: Duration
        /// How long a punch whose answer is missing waits before it is sent again.
        package var ambiguousWait: Duration
        package var startFrom: StartFrom

        /// What stands behind `Authorization:` in a request; nil sends none.
        package var authorizationHeader: Secret? {
            if let authorization { return authorization }
            guard let apiKey, let apiSecret else { return nil }
            return Secret("token \(apiKey.reveal()):\(apiSecret.reveal())")
        }
    }

    /// One address that gets punches as JSON, of `[Webhook NAME]`.
    package struct Webhook: Hashable, Sendable {
        package struct Header: Hashable, Sendable {
            /// A token of RFC 9110, as written; none of those that the gateway sets itself.
            package var name: String
            /// Visible ASCII and blanks.
            package var value: Secret
        }
        /// What the JSON of an answer must say for the punches to be taken.
        package struct SuccessField: Hashable, Sendable, CustomStringConvertible {
            /// Keys from the outermost object inwards; 1 to 8.
            package var path: [String]
            /// The text of the value there (`true`, `0`, `ok`); nil: anything but null and false.
            package var value: String?

            package var description: String { path.joined(separator: ".") + (value.map { " = \($0)" } ?? "") }
        }
        package var name: SinkName
        package var url: SecretURL
        /// Key of the signature; nil: requests are not signed.
        package var secret: Secret?
        /// No name twice; at most 32.
        package var headers: [Header]
        /// Most punches in one request.
        package var batchSize: Int
        /// Most requests at one time.
        package var concurrency: Int
        package var timeout: Duration
        package var retryDelay: Duration
        /// Never empty.
        package var successStatuses: [ClosedRange<Int>]
        package var successField: SuccessField?
        package var startFrom: StartFrom
    }
}
