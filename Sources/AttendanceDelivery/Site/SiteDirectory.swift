import AttendanceCore
import Synchronization

/// What is known of one ERPNext site at this moment: its people, its zone, its shifts. Written by the service that
/// reads the site, read by the sink that delivers to it and by whoever looks; never waits.
package final class SiteDirectory: Sendable {
    package struct Contents: Sendable {
        package var employees: EmployeeDirectory
        /// Whether all employees were read at least once, now or in an earlier run.
        package var knowsEmployees: Bool
        /// The site's own zone; nil as long as it is not known.
        package var zone: ZoneRules?
        /// Whether the zone is as well known as it will be for now: the site (or the journal, from an earlier run)
        /// has told it, or has answered that it cannot. Before that, waiting for it makes sense.
        package var zoneAsked: Bool
        /// Why the zone could not be asked for, such as a key that the site does not take; nil where nothing is wrong.
        package var zoneProblem: SiteProblem?
        /// By name.
        package var shifts: [String: ShiftType]
        /// Per app (`frappe`, `erpnext`, `hrms`), such as `15.33.0`.
        package var versions: [String: String]

        package init(
            employees: EmployeeDirectory = EmployeeDirectory(employees: []), knowsEmployees: Bool = false,
            zone: ZoneRules? = nil, zoneAsked: Bool = false, shifts: [String: ShiftType] = [:],
            versions: [String: String] = [:]
        ) {
            self.employees = employees
            self.knowsEmployees = knowsEmployees
            self.zone = zone
            self.zoneAsked = zoneAsked
            self.shifts = shifts
            self.versions = versions
        }
    }

    private let contents: Mutex<Contents>

    package init(_ contents: Contents = Contents()) { self.contents = Mutex(contents) }

    package var now: Contents { contents.withLock { $0 } }

    package func update(_ change: (inout Contents) -> Void) { contents.withLock { change(&$0) } }
}
