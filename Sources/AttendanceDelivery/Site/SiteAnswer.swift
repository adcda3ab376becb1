import AttendanceCore

/// What became of a question to an ERPNext site. Every way it can end is here; nothing throws.
package enum SiteAnswer<Value: Sendable>: Sendable {
    case value(Value)
    /// No answer, or one that says "not now": ask again later. After a request that changes something, the change may
    /// have been made all the same.
    case unavailable(reason: String, retryAfter: Duration?)
    /// The site, or what stands in front of it, will not answer this until somebody mends something.
    case denied(reason: String, remedy: String, fault: SiteFault = .configuration)
    /// The site has no such method, document, doctype or field.
    case missing(reason: String)
    /// An answer that cannot be what was asked for.
    case unreadable(reason: String)

    package var value: Value? {
        if case .value(let value) = self { value } else { nil }
    }

    package func map<Other: Sendable>(_ transform: (Value) -> Other) -> SiteAnswer<Other> {
        flatMap { .value(transform($0)) }
    }

    package func flatMap<Other: Sendable>(_ transform: (Value) -> SiteAnswer<Other>) -> SiteAnswer<Other> {
        switch self {
        case .value(let value): transform(value)
        case .unavailable(let reason, let retryAfter): .unavailable(reason: reason, retryAfter: retryAfter)
        case .denied(let reason, let remedy, let fault):
            .denied(reason: reason, remedy: remedy, fault: fault)
        case .missing(let reason): .missing(reason: reason)
        case .unreadable(let reason): .unreadable(reason: reason)
        }
    }

    /// Why there is no value, with the remedy where one is known; nil where there is a value. One line.
    package var problem: SiteProblem? {
        switch self {
        case .value: nil
        case .unavailable(let reason, _): SiteProblem(reason: reason)
        case .denied(let reason, let remedy, let fault):
            SiteProblem(reason: reason, remedy: remedy, fault: fault)
        case .missing(let reason), .unreadable(let reason): SiteProblem(reason: reason)
        }
    }
}

extension SiteAnswer: Equatable where Value: Equatable {}

/// Why something could not be had of a site, for an operator.
package struct SiteProblem: Hashable, Sendable, CustomStringConvertible {
    package var reason: String
    package var remedy: String?
    /// Whose doing it is: our key's, or something else's.
    package var fault: SiteFault

    package init(reason: String, remedy: String? = nil, fault: SiteFault = .configuration) {
        self.reason = reason
        self.remedy = remedy
        self.fault = fault
    }

    package var description: String { remedy.map { "\(reason); \($0)" } ?? reason }
}
