/// How one attempt to deliver one punch ended. `deliver` does not throw: every way it can end is here.
///
/// The classes are those of docs/erpnext.md §8.
package enum DeliveryOutcome: Hashable, Sendable {
    /// The sink has it now. `reference` is the sink's own name for it.
    case delivered(reference: String?)
    /// The sink had it already: an earlier attempt got through and its answer was lost.
    case alreadyThere(reference: String?)
    /// Trying this punch again cannot help until a person does something. `cause` groups dead letters.
    case rejected(cause: RejectionCause, reason: String)
    /// It may succeed later, and others may succeed now. `counted` is false where the fault is certain to pass (a
    /// deadlock): such a punch is tried for ever. A counted one becomes a dead letter after some attempts.
    case retry(reason: String, counted: Bool)
    /// The whole site cannot take punches now: unreachable, overloaded, in maintenance, rate-limited.
    /// `ambiguous` means that this punch may have been stored although no answer came.
    case siteUnavailable(reason: String, retryAfter: Duration?, ambiguous: Bool)
    /// Every punch would fail the same way until the settings or the site's permissions are mended.
    case siteMisconfigured(fault: SiteFault, reason: String, remedy: String)
}

/// Why a punch became a dead letter: what the list of dead letters is grouped by.
package enum RejectionCause: String, Sendable, CaseIterable {
    case unknownEmployee = "unknown-employee"
    case inactiveEmployee = "inactive-employee"
    /// Several employees bear the person's id.
    case severalEmployees = "several-employees"
    /// The shift is strict about directions, and the terminal has no rule for them.
    case directionRequired = "direction-required"
    /// The site wants coordinates, and the terminal has none.
    case coordinatesRequired = "coordinates-required"
    case invalidData = "invalid-data"
    case refusedByRule = "refused-by-rule"
    case notPermitted = "not-permitted"
    case serverError = "server-error"

    /// Whether it is about who the person is: mended by a change of the employee or of a mapping.
    package var isAboutPerson: Bool {
        switch self {
        case .unknownEmployee, .inactiveEmployee, .severalEmployees: true
        default: false
        }
    }
}

package enum SiteFault: String, Sendable, CaseIterable {
    case authentication
    case configuration
    /// The site took the punch and wrote another time (docs/erpnext.md §0, fact 1). Each further try leaves one more
    /// wrong check-in, so this is tried again far less often than the others.
    case wrongTime = "wrong-time"
}

/// What a class of answer is called in metrics, in the attempt records and in the log.
package enum AnswerClass: String, Sendable, CaseIterable {
    case delivered
    case alreadyThere = "already_there"
    case rejected
    case transient
    case rateLimited = "rate_limited"
    case authentication
    case configuration
    /// Nothing was sent: an accidental repeat, or a sink that only renders.
    case suppressed
}
