import AttendanceCore

/// What the first exchange with a site tells.
package struct SitePing: Hashable, Sendable {
    /// This machine's clock minus the site's, by the `Date` header, exact to about a second; nil without one.
    package var clockSkew: Duration?
    package var roundTrip: Duration
}

/// Some of a site's employees.
package struct EmployeePage: Hashable, Sendable {
    package var employees: [Employee]
    /// Where the next page begins; nil at the end.
    package var next: String?
    /// Rows that could not be read (no name, or one that is no line of text), left out.
    package var unreadable: Int
    /// Asked-for key fields that some row had, be it empty. One that stays out of all pages cannot be read by this
    /// user, or does not exist.
    package var shownFields: Set<String>
}

/// An Employee Checkin as the site shows it.
package struct SiteCheckin: Hashable, Sendable {
    /// Document name, such as `EMP-CKIN-11-2026-000001`.
    package var name: String
    /// Document name of the Employee.
    package var employee: String
    /// The site's own clock; a fraction of a second is dropped.
    package var time: WallTime
    /// Nil where the site has none.
    package var direction: Direction?
    package var deviceID: String?
    /// The Attendance it was counted in; then it is closed to changes.
    package var attendance: String?
    package var shift: String?
    /// Left out by automatic attendance: it came too late, or somebody said so.
    package var skipsAttendance: Bool

    package init(
        name: String, employee: String, time: WallTime, direction: Direction? = nil, deviceID: String? = nil,
        attendance: String? = nil, shift: String? = nil, skipsAttendance: Bool = false
    ) {
        self.name = name
        self.employee = employee
        self.time = time
        self.direction = direction
        self.deviceID = deviceID
        self.attendance = attendance
        self.shift = shift
        self.skipsAttendance = skipsAttendance
    }
}

/// A stretch of a site's check-ins, by (time, name).
package struct CheckinPage: Hashable, Sendable {
    package var checkins: [SiteCheckin]
    /// Where the next page begins; nil at the end.
    package var next: CheckinPlace?
}

/// A place in the order (time, name) of a site's check-ins. Made by `SiteReader.checkins` only.
package enum CheckinPlace: Hashable, Sendable {
    /// At this time or later; the text is the site's own, with its fraction of a second.
    case from(time: String)
    /// Within one moment that fills a page by itself: names greater than this one.
    case within(time: String, name: String)
    /// Later than this time.
    case after(time: String)
}
