/// What differs between the versions of Frappe and HRMS, as far as check-ins notice it.
package struct SimulatedSiteVersion: Hashable, Sendable {
    /// Frappe's major version: decides the bodies of errors and the order of lists.
    package var major: Int
    /// App and version, as `get_versions` tells them; no `hrms` before 14.
    package var apps: [String: String]
    /// `hrms` or, before 14, `erpnext`.
    package var checkinApp: String
    /// The given time is read and its microseconds are cut before all checks, so that the answer holds the time as it
    /// is stored, day-first dates are swapped silently and a zone makes the method fail (HRMS 15.3x and later).
    package var readsTimes: Bool
    /// `latitude` and `longitude` are taken (HRMS from March 2025); before that they are dropped.
    package var takesCoordinates: Bool
    /// Shift Type has `auto_update_last_sync` (HRMS from February 2025).
    package var movesLastSync: Bool
    /// `/api/v1` and `/api/v2` exist.
    package var hasVersionedPaths: Bool
    /// A check-in of the same moment is a repeat whatever its log type (before the middle of version 14).
    package var ignoresLogTypeOfRepeats = false
    /// A check-in of an employee that does not exist is refused; the recorded site took it.
    package var checksLinks = false

    package init(
        major: Int, apps: [String: String], checkinApp: String = "hrms", readsTimes: Bool = false,
        takesCoordinates: Bool = false, movesLastSync: Bool = false, hasVersionedPaths: Bool = true
    ) {
        self.major = major
        self.apps = apps
        self.checkinApp = checkinApp
        self.readsTimes = readsTimes
        self.takesCoordinates = takesCoordinates
        self.movesLastSync = movesLastSync
        self.hasVersionedPaths = hasVersionedPaths
    }

    /// The live site whose answers were recorded.
    package static let recorded = SimulatedSiteVersion(
        major: 15, apps: ["frappe": "15.44.2", "erpnext": "15.43.0", "hrms": "15.33.0"])

    package static let version13 = {
        var version = SimulatedSiteVersion(
            major: 13, apps: ["frappe": "13.58.0", "erpnext": "13.54.0"], checkinApp: "erpnext",
            hasVersionedPaths: false)
        version.ignoresLogTypeOfRepeats = true
        return version
    }()

    package static let version14 = SimulatedSiteVersion(
        major: 14, apps: ["frappe": "14.82.0", "erpnext": "14.78.0", "hrms": "14.29.0"],
        hasVersionedPaths: false)

    /// Version 15 of the middle of 2025, which has all fields.
    package static let version15 = SimulatedSiteVersion(
        major: 15, apps: ["frappe": "15.70.1", "erpnext": "15.66.1", "hrms": "15.47.2"], readsTimes: true,
        takesCoordinates: true, movesLastSync: true)

    package static let version16 = SimulatedSiteVersion(
        major: 16, apps: ["frappe": "16.2.0", "erpnext": "16.1.1", "hrms": "16.1.0"], readsTimes: true,
        takesCoordinates: true, movesLastSync: true)

    /// Dotted name of the method that adds a check-in.
    package var checkinMethod: String {
        "\(checkinApp).hr.doctype.employee_checkin.employee_checkin.add_log_based_on_employee_field"
    }
}
