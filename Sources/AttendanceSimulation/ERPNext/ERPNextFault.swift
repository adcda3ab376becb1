import AttendanceCore

/// A way in which the simulated site fails. Answers have the shapes recorded on a live site (docs/erpnext.md).
package enum ERPNextFault: Hashable, Sendable {
    /// 417 with the given exception type and words: a rule of the site, a wrong method, …
    case refused(exceptionType: String, message: String)
    /// 401, as for a wrong secret.
    case unauthorized
    /// 403, as for a user without a right on Employee Checkin.
    case forbidden
    /// 429; without `retryAfter` as the limit of one method answers.
    case rateLimited(retryAfter: Int?)
    /// 503 SessionStopped.
    case maintenance
    /// 500, gunicorn's own HTML page: the database is gone.
    case databaseGone
    /// 500 JSON with the given exception type.
    case serverError(exceptionType: String, message: String)
    /// 502 of a proxy.
    case badGateway(stored: Bool)
    /// 504 of a proxy.
    case gatewayTimeout(stored: Bool)
    /// No answer and nothing stored, until the client leaves.
    case hang
    /// No answer until the faults are cleared; then all held requests are finished and committed, whether their
    /// clients are still there or not (a frozen database that wakes).
    case frozen
    /// The connection is closed without an answer.
    case closed(stored: Bool)
    case redirect(to: String)
    /// The check-in is stored with another time (`Now`), as for a user without write at permission level 1.
    case wrongTime
    /// 200 with an HTML page.
    case page
    /// 200 with a page of so many bytes.
    case longPage(bytes: Int)
    /// Answered as usual, so much later.
    case slow(Duration)

    /// Whether the fault hits every request when it is not bound to one person or to a number of answers.
    var isSiteWide: Bool {
        switch self {
        case .rateLimited, .maintenance, .databaseGone, .badGateway, .gatewayTimeout, .hang, .frozen, .closed,
            .redirect, .page, .longPage:
            true
        case .refused, .unauthorized, .forbidden, .serverError, .wrongTime, .slow: false
        }
    }
}

/// An employee of the simulated site.
package struct SimulatedEmployee: Hashable, Sendable {
    package enum Status: String, Sendable, CaseIterable {
        case active = "Active"
        case inactive = "Inactive"
        case left = "Left"
    }
    /// Document name, such as `HR-EMP-00007`.
    package var name: String
    /// `attendance_device_id`.
    package var deviceID: String
    package var status: Status

    package init(name: String, deviceID: String, status: Status = .active) {
        self.name = name
        self.deviceID = deviceID
        self.status = status
    }
}

/// An Employee Checkin the simulated site has stored.
package struct SimulatedCheckin: Hashable, Sendable {
    /// Document name, such as `EMP-CKIN-11-2026-000001`.
    package var name: String
    package var employee: String
    /// The person key as it was sent.
    package var person: String
    /// `YYYY-MM-DD HH:MM:SS`.
    package var time: String
    package var deviceID: String
    package var logType: String
}
