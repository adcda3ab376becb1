import Foundation
import Hummingbird
import Logging

/// `POST /codes`: what `codes issue` and `codes revoke` ask of a running gateway.
package struct CodeRoutes: Sendable {
    package let carryOut: @Sendable (CodeOrder) async throws -> CodeAnswer

    /// - Parameter carryOut: throws `CodeRefusal` for an order that makes no sense.
    package init(_ carryOut: @escaping @Sendable (CodeOrder) async throws -> CodeAnswer) {
        self.carryOut = carryOut
    }

    package func add(to router: Router<BasicRequestContext>, logger: Logger) {
        router.post("codes") { request, _ in
            try await AdminOrder.answer(request, logger: logger) { (order: CodeOrder) in
                try await carryOut(order)
            }
        }
    }
}

/// Body of `POST /codes`.
package struct CodeOrder: Codable, Sendable, Hashable {
    package struct Issue: Codable, Sendable, Hashable {
        /// The person's number on the terminals.
        package var person: String
        /// Shown on the screen; may be empty.
        package var name: String
        /// Serial number; or `group`.
        package var terminal: String?
        package var group: String?
        /// Milliseconds since 1970 UTC; nil: now.
        package var from: Int64?
        package var until: Int64
        package var isPin: Bool
        /// Of a PIN.
        package var digits: Int
        package var uses: Int

        package init(
            person: String, name: String, terminal: String?, group: String?, from: Int64?, until: Int64,
            isPin: Bool, digits: Int, uses: Int
        ) {
            self.person = person
            self.name = name
            self.terminal = terminal
            self.group = group
            self.from = from
            self.until = until
            self.isPin = isPin
            self.digits = digits
            self.uses = uses
        }
    }
    package var issue: Issue?
    /// Numbers of codes that shall open nothing any more.
    package var revoke: [Int64]
    package var author: String

    package init(issue: Issue? = nil, revoke: [Int64] = [], author: String) {
        self.issue = issue
        self.revoke = revoke
        self.author = author
    }
}

/// Secret where a code was issued: it is shown once and kept nowhere.
package struct CodeAnswer: Codable, Sendable, Hashable {
    package var id: Int64?
    /// The PIN, or the text of the QR code.
    package var code: String?
    package var revoked: [Int64]

    package init(id: Int64? = nil, code: String? = nil, revoked: [Int64] = []) {
        self.id = id
        self.code = code
        self.revoked = revoked
    }
}

package struct CodeRefusal: RefusedOrder, Sendable {
    package let text: String
    package init(text: String) { self.text = text }
    package var errorDescription: String? { text }
}
