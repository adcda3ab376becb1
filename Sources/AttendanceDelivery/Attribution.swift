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

    /// What the person's other punches say of this one.
    package struct Ruling: Hashable, Sendable {
        /// Nil leaves the direction to the site.
        package var direction: Direction?
        /// Number of the punch that this one repeats.
        package var repeats: Int64?

        package init(direction: Direction? = nil, repeats: Int64? = nil) {
            self.direction = direction
            self.repeats = repeats
        }
    }

    /// The Employee column in which a terminal's ids are looked up; nil for the site's usual one.
    package var employeeField: @Sendable (SerialNumber) -> String?
    /// The id space of a terminal: one person has one enroll id within it.
    package var space: @Sendable (SerialNumber) -> String
    package var coordinates: @Sendable (SerialNumber) -> Coordinates?
    /// Asked for each punch that was never tried. Throws what the journal throws.
    package var ruling: @Sendable (OwedPunch, Employee?) async throws -> Ruling

    package init(
        employeeField: @escaping @Sendable (SerialNumber) -> String? = { _ in nil },
        space: @escaping @Sendable (SerialNumber) -> String = { _ in "" },
        coordinates: @escaping @Sendable (SerialNumber) -> Coordinates? = { _ in nil },
        ruling: @escaping @Sendable (OwedPunch, Employee?) async throws -> Ruling = { _, _ in Ruling() }
    ) {
        self.employeeField = employeeField
        self.space = space
        self.coordinates = coordinates
        self.ruling = ruling
    }
}
