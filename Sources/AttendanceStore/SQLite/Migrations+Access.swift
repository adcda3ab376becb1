extension Migrations {
    /// Clocks that were set, codes that were issued, and the audit trail that cannot be edited.
    static let access = ""
}
