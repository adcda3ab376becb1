import AttendanceCore
import Foundation
import Hummingbird
import Logging

/// `POST /corrections`: what somebody decides on times that could not be believed.
package struct CorrectionRoutes: Sendable {
    package let carryOut: @Sendable (CorrectionOrder) async throws -> CorrectionResult

    /// - Parameter carryOut: throws `CorrectionRefusal` for an order that makes no sense.
    package init(_ carryOut: @escaping @Sendable (CorrectionOrder) async throws -> CorrectionResult) {
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
