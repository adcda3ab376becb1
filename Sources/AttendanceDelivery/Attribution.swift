import AttendanceCore

/// What is decided about a punch of a terminal: whose it is there, which direction, and whether it is an accidental
/// repeat. Made by the composition root from the settings; the answers may change while the gateway runs.
package struct Attribution: Sendable {
    /// Degrees, north and east positive.
    package struct Coordinates: Hashable, Sendable {
        package var latitude: Double
        package var longitude: Double

        package init(latitude: Double, longitude: Double) {
            self.latitude = latitude
            self.longitude = longitude
        }
    }

    /// The Employee column in which a terminal's ids are looked up; nil for the site's usual one.
    package var employeeField: @Sendable (SerialNumber) -> String?
    /// The id space of a terminal: one person has one enroll id within it.
    package var space: @Sendable (SerialNumber) -> String
    package var coordinates: @Sendable (SerialNumber) -> Coordinates?
    /// What the person's other punches say of this one. Asked for each punch that was never tried, with the person's
    /// usual shift where it is known. Throws what the journal throws.
    package var ruling: @Sendable (OwedPunch, ShiftType?) async throws -> AttributionRules.Ruling

    package init(
        employeeField: @escaping @Sendable (SerialNumber) -> String? = { _ in nil },
        space: @escaping @Sendable (SerialNumber) -> String = { _ in "" },
        coordinates: @escaping @Sendable (SerialNumber) -> Coordinates? = { _ in nil },
        ruling: @escaping @Sendable (OwedPunch, ShiftType?) async throws -> AttributionRules.Ruling = {
            _, _ in .forward(nil)
        }
    ) {
        self.employeeField = employeeField
        self.space = space
        self.coordinates = coordinates
        self.ruling = ruling
    }
}
