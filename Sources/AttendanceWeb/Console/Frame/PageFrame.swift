import AttendanceCore

/// What stands around every page: who is signed in, where one can go, in which language.
///
/// Templates read the fields by their names. Mustache looks for a name that is nil in the surrounding values too, so
/// names must differ from those of the pages' own models: everything here lies under `frame`.
struct PageFrame {
    struct Place {
        var href: String
        var label: String
        var isHere: Bool
        /// Something waits there; nil for nothing.
        var badge: String?
    }
    struct Notice {
        /// `good`, `bad` or `info`.
        var tone: String
        var text: String
    }

    var language: String
    var direction: String
    var title: String
    var version: String
    var places: [Place]
    var languages: [PageChoice]
    /// Nil for somebody who has not signed in.
    var person: String?
    var role: String?
    /// Goes back with every form.
    var formToken: String
    /// The page's own address, to come back to.
    var here: String
    var notice: Notice?
    /// A page without navigation, such as the one to sign in.
    var isBare: Bool
}

/// Where one can go in the console, in the order of the navigation.
package enum ConsolePlace: String, CaseIterable, Sendable {
    case overview, punches, terminals, people, deliveries, alerts, audit, settings, system

    package var path: String { self == .overview ? "/" : "/\(rawValue)" }
    /// Of its name in the frame's words.
    var word: String { "place_\(rawValue)" }

    /// What one must be allowed to see it.
    package var scope: Scope {
        switch self {
        case .overview, .punches, .terminals, .people, .deliveries, .alerts: .read
        case .audit, .settings, .system: .administer
        }
    }
}

/// A choice of a `select`.
struct PageChoice {
    var value: String
    var label: String
    var isChosen: Bool
}
