/// A person by the number that the terminals of one id space know them by.
///
/// Terminals of several id spaces (staff, members) may give one number to different people (quirk Q28).
package struct PersonKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The employee field that the numbers of these terminals are (`[Group] EmployeeField`), or what else names
    /// the space. "" where there is only one.
    package var space: String
    package var enrollID: EnrollID

    package init(space: String = "", enrollID: EnrollID) {
        self.space = space
        self.enrollID = enrollID
    }

    package static func < (a: PersonKey, b: PersonKey) -> Bool {
        (a.space, a.enrollID.canonical) < (b.space, b.enrollID.canonical)
    }

    package var description: String { space.isEmpty ? enrollID.sent : "\(enrollID.sent) of \(space)" }
}
