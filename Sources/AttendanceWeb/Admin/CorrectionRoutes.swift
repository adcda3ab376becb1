import AttendanceCore
import AttendanceStore
import Foundation
import Hummingbird
import Logging

/// Times that could not be believed: what there is to decide on, and over the admin socket `POST /corrections` what
/// somebody decides.
package struct CorrectionRoutes: Sendable {
    /// The newest first, with what is proposed now.
    package let cases: @Sendable (CorrectionSearch) async throws -> Page<CorrectionCase, Int64>
    package let carryOut: @Sendable (CorrectionOrder) async throws -> CorrectionResult

    /// - `carryOut`: throws `CorrectionRefusal` for an order that makes no sense.
    package init(
        cases: @escaping @Sendable (CorrectionSearch) async throws -> Page<CorrectionCase, Int64>,
        carryOut: @escaping @Sendable (CorrectionOrder) async throws -> CorrectionResult
    ) {
        self.cases = cases
        self.carryOut = carryOut
    }

    package func add(to router: Router<BasicRequestContext>, logger: Logger) {
        router.post("corrections") { request, _ in
            try await AdminOrder.answer(request, logger: logger) { (order: CorrectionOrder) in
                try await carryOut(order)
            }
        }
    }
}

/// Body of `POST /corrections`.
package struct CorrectionOrder: Codable, Sendable, Hashable {
    package enum Ruling: String, Codable, Sendable {
        /// What was proposed.
        case accept
        /// `time`, for one case.
        case time
        /// Never forwarded.
        case reject
    }
    /// `P12` for punch 12, `R3` for record 3 of the quarantine.
    package var ids: [String]
    package var ruling: Ruling
    /// With `accept`: every open case that has a proposal.
    package var everyProposal: Bool
    /// `YYYY-MM-DD HH:MM:SS` by the terminal's clock.
    package var time: String?
    package var reason: String?
    package var author: String

    package init(
        ids: [String], ruling: Ruling, everyProposal: Bool = false, time: String? = nil,
        reason: String? = nil, author: String
    ) {
        self.ids = ids
        self.ruling = ruling
        self.everyProposal = everyProposal
        self.time = time
        self.reason = reason
        self.author = author
    }
}

package struct CorrectionResult: Codable, Sendable, Hashable {
    package var changed = 0
    /// A sentence for each case that could not be decided.
    package var refused: [String] = []

    package init() {}
}

/// An order that makes no sense, with what would.
package struct CorrectionRefusal: LocalizedError, Sendable {
    package let text: String
    package init(text: String) { self.text = text }
    package var errorDescription: String? { text }
}

/// A case's name as a person types it: P12 for punch 12, R3 for record 3 of the quarantine.
package enum CaseID: Hashable, Sendable, CustomStringConvertible {
    case punch(Int64)
    case record(Int64)

    package init?(_ text: String) {
        guard let number = Int64(text.dropFirst()), number > 0 else { return nil }
        switch text.first {
        case "P", "p": self = .punch(number)
        case "R", "r": self = .record(number)
        default: return nil
        }
    }

    package var description: String {
        switch self {
        case .punch(let number): "P\(number)"
        case .record(let number): "R\(number)"
        }
    }
}

/// Something to decide on: a punch with a doubtful time, or a record in quarantine.
package struct CorrectionCase: Sendable {
    package var id: CaseID
    package var terminal: SerialNumber
    /// Nil where not even that can be read.
    package var enrollID: EnrollID?
    package var name: String?
    /// What the terminal said, or why it cannot be read.
    package var sent: String
    package var received: UnixTime
    /// IANA name of the zone of `sent` and of the proposal.
    package var zone: String
    /// Nil for a record that can never become a punch.
    package var proposal: CorrectionProposal?
    /// Nil while nobody has decided.
    package var decision: String?

    package init(
        id: CaseID, terminal: SerialNumber, enrollID: EnrollID?, name: String?, sent: String,
        received: UnixTime, zone: String, proposal: CorrectionProposal?, decision: String?
    ) {
        self.id = id
        self.terminal = terminal
        self.enrollID = enrollID
        self.name = name
        self.sent = sent
        self.received = received
        self.zone = zone
        self.proposal = proposal
        self.decision = decision
    }
}

/// Which cases.
package struct CorrectionSearch: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        /// Punches with a doubtful time.
        case punches
        /// Records in quarantine.
        case records
    }
    package var kind: Kind
    /// Also those decided on.
    package var all: Bool
    /// Only of these terminals; nil: of any.
    package var terminals: Set<SerialNumber>?
    /// Only numbers below this.
    package var before: Int64?
    /// 1 to 500.
    package var limit: Int

    package init(
        _ kind: Kind, all: Bool = false, terminals: Set<SerialNumber>? = nil, before: Int64? = nil,
        limit: Int = 50
    ) {
        self.kind = kind
        self.all = all
        self.terminals = terminals
        self.before = before
        self.limit = limit
    }
}
