/// What was decided about a punch at its first attempt at one sink: the person, the site's time, the direction.
///
/// Frozen with the attempt and kept, so that a later change of a rule neither makes a second check-in nor hides what
/// was sent. Forgotten when the punch becomes a dead letter: then it is certainly not there.
package struct Decision: Hashable, Sendable {
    /// The lane: the employee's document name where it is known, else the key as sent, in lower case.
    package var person: String
    /// Document name of the Employee, such as `HR-EMP-00007`; nil where the site itself looks the person up.
    package var employee: String?
    /// The clock of the site.
    package var time: WallTime
    /// Nil leaves the direction to the site.
    package var direction: Direction?

    package init(person: String, employee: String? = nil, time: WallTime, direction: Direction? = nil) {
        self.person = person
        self.employee = employee
        self.time = time
        self.direction = direction
    }
}
