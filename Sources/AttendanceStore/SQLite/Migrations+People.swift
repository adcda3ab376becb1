extension Migrations {
    /// People and their credentials.
    static let people = ""
}
