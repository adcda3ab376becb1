import Foundation
import Hummingbird
import Logging

/// `GET /terminals` and `GET /shifts`: what a running gateway knows of its terminals at this moment, and up to when
/// shifts are counted.
package struct TerminalRoutes: Sendable {
    /// Terminals of one answer.
    package static let pageSize = 500

    package let terminals: @Sendable (_ after: String?, _ limit: Int) async throws -> TerminalPage
    package let shifts: @Sendable () async throws -> ShiftList

    package init(
        terminals: @escaping @Sendable (_ after: String?, _ limit: Int) async throws -> TerminalPage,
        shifts: @escaping @Sendable () async throws -> ShiftList
    ) {
        self.terminals = terminals
        self.shifts = shifts
    }

    package func add(to router: Router<BasicRequestContext>, logger: Logger) {
        router.get("terminals") { request, _ in
            try await answer(logger) {
                let after = request.uri.queryParameters["after"].map(String.init)
                return try await terminals(after, Self.pageSize)
            }
        }
        router.get("shifts") { _, _ in try await answer(logger) { try await shifts() } }
    }

    private func answer(_ logger: Logger, _ body: () async throws -> some Encodable) async throws -> Response
    {
        do {
            return try JSONAnswer.response(try await body())
        } catch {
            logger.error(
                "administrative request failed", metadata: ["error": "\(error.localizedDescription)"])
            return try JSONAnswer.problem(.internalServerError, error.localizedDescription)
        }
    }
}

package struct TerminalPage: Codable, Sendable, Hashable {
    package var terminals: [TerminalReport]
    /// What to ask for `after` to get the next page; nil at the end.
    package var next: String?

    package init(terminals: [TerminalReport], next: String?) {
        self.terminals = terminals
        self.next = next
    }
}

/// A terminal as it is told to a person or a program. Moments are ISO 8601 in UTC.
package struct TerminalReport: Codable, Sendable, Hashable {
    package enum State: String, Codable, Sendable, Hashable {
        case online, offline
        /// The settings name it, and it was never heard of.
        case never
    }
    package var serial: String
    package var name: String?
    package var group: String?
    package var model: String?
    package var firmware: String?
    package var address: String?
    package var state: State
    package var lastHeard: String?
    /// Records it has not yet brought.
    package var backlog: Int?
    /// Its clock minus ours in seconds.
    package var skewSeconds: Int?
    /// Every punch up to then is in the journal, by the terminal's own zone: `YYYY-MM-DD HH:MM:SS`.
    package var completeUntil: String?
    /// The terminal's IANA zone.
    package var zone: String
    package var users: Int?
    package var userPlaces: Int?
    package var logs: Int?
    package var logPlaces: Int?
    /// How often in a row the same batch has come.
    package var resends: Int
    package var shifts: [String]
    /// `pending`, `approved` or `blocked`.
    package var standing = "approved"
    package var location: String?
    /// Which spelling of the commands its firmware understands, and whether that is only a guess.
    package var dialect: String?
    package var isDialectGuessed = true
    package var firstSeen: String?
    /// Where it came from before, and since when it has been where it is.
    package var previousAddress: String?
    package var moved: String?
    /// Changes of address within the last day, and those from one network to another; nil when no gateway tells.
    package var movesInDay: Int?
    package var networkMovesInDay: Int?
    /// Whether two terminals seem to use this serial number.
    package var isContested: Bool?
    /// Punches that wait for its approval.
    package var held = 0
    package var hasToken = false
    package var memory: Memory?
    /// When its clock was set by command, the newest first; told of one terminal, not in lists.
    package var clockSteps: [ClockStep]?

    package struct ClockStep: Codable, Sendable, Hashable {
        package var at: String
        /// Its clock minus ours before and after, in seconds; `afterSeconds` nil: not read back.
        package var beforeSeconds: Int
        package var afterSeconds: Int?
        /// Punches that it held then; nil: it did not say.
        package var unread: Int?
        /// It was set back while it held punches, or may have: times before and after overlap.
        package var overlaps: Bool

        package init(
            at: String, beforeSeconds: Int, afterSeconds: Int?, unread: Int?, overlaps: Bool
        ) {
            self.at = at
            self.beforeSeconds = beforeSeconds
            self.afterSeconds = afterSeconds
            self.unread = unread
            self.overlaps = overlaps
        }
    }

    /// Nil where the terminal does not say.
    package struct Fill: Codable, Sendable, Hashable {
        package var used: Int?
        /// 0: not fitted.
        package var places: Int?

        package init(used: Int?, places: Int?) {
            self.used = used
            self.places = places
        }
    }
    package struct Memory: Codable, Sendable, Hashable {
        package var users: Fill?
        package var faces: Fill?
        package var fingerprints: Fill?
        package var palms: Fill?
        package var cards: Fill?
        package var passwords: Fill?
        package var logs: Fill?

        package init(
            users: Fill? = nil, faces: Fill? = nil, fingerprints: Fill? = nil, palms: Fill? = nil,
            cards: Fill? = nil, passwords: Fill? = nil, logs: Fill? = nil
        ) {
            self.users = users
            self.faces = faces
            self.fingerprints = fingerprints
            self.palms = palms
            self.cards = cards
            self.passwords = passwords
            self.logs = logs
        }
    }

    package init(
        serial: String, name: String? = nil, group: String? = nil, model: String? = nil,
        firmware: String? = nil, address: String? = nil, state: State, lastHeard: String? = nil,
        backlog: Int? = nil, skewSeconds: Int? = nil, completeUntil: String? = nil, zone: String,
        users: Int? = nil, userPlaces: Int? = nil, logs: Int? = nil, logPlaces: Int? = nil, resends: Int = 0,
        shifts: [String] = []
    ) {
        self.serial = serial
        self.name = name
        self.group = group
        self.model = model
        self.firmware = firmware
        self.address = address
        self.state = state
        self.lastHeard = lastHeard
        self.backlog = backlog
        self.skewSeconds = skewSeconds
        self.completeUntil = completeUntil
        self.zone = zone
        self.users = users
        self.userPlaces = userPlaces
        self.logs = logs
        self.logPlaces = logPlaces
        self.resends = resends
        self.shifts = shifts
    }
}

package struct ShiftList: Codable, Sendable, Hashable {
    package var shifts: [ShiftReport]

    package init(shifts: [ShiftReport]) { self.shifts = shifts }
}

/// A shift of one site as it is told to a person or a program. Times are the site's own where its zone is known, else
/// ISO 8601 in UTC.
package struct ShiftReport: Codable, Sendable, Hashable {
    package var sink: String
    package var shift: String
    package var state: String
    /// What the state means, with the remedy; nil where all is well.
    package var remark: String?
    package var terminals: Int
    package var completeUntil: String?
    /// `last_sync_of_checkin`.
    package var siteHas: String?
    /// An end of the shift that is past and not complete.
    package var openEnd: String?
    /// Terminals that hold it back, each with its reason.
    package var heldBackBy: [String]

    package init(
        sink: String, shift: String, state: String, remark: String?, terminals: Int, completeUntil: String?,
        siteHas: String?, openEnd: String?, heldBackBy: [String]
    ) {
        self.sink = sink
        self.shift = shift
        self.state = state
        self.remark = remark
        self.terminals = terminals
        self.completeUntil = completeUntil
        self.siteHas = siteHas
        self.openEnd = openEnd
        self.heldBackBy = heldBackBy
    }
}
