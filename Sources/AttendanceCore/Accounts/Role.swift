/// What somebody may do. A role is a set of these; the token of a program holds any of them.
package enum Scope: String, Hashable, Sendable, CaseIterable, Codable, Comparable {
    /// Looking at everything within reach, personal data without templates and photos included.
    case read
    /// Retrying, discarding and correcting punches, mapping employees, reconciling.
    case deliveries
    /// Approving, naming and commanding terminals, as far as that neither wipes nor opens; pulling logs.
    case terminals
    /// The roster: enrolling, erasing, exporting a person's data.
    case people
    /// Accounts, tokens, settings, backups, codes, and commands that wipe or open. Whoever has this can give
    /// themselves all the others.
    case administer

    package static func < (a: Scope, b: Scope) -> Bool { a.place < b.place }

    private var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// What an account is for. Stored by its name.
package enum Role: String, Hashable, Sendable, CaseIterable, Codable, Comparable {
    case viewer, `operator`, administrator

    package var scopes: Set<Scope> {
        switch self {
        case .viewer: [.read]
        case .operator: [.read, .deliveries, .terminals, .people]
        case .administrator: Set(Scope.allCases)
        }
    }

    /// By how much they may do.
    package static func < (a: Role, b: Role) -> Bool { a.scopes.count < b.scopes.count }
}
