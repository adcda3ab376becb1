import AttendanceCore

/// The contexts for which things are sealed: table and row, so that what is sealed in one place cannot be read in
/// another. They stand in nothing that is stored, and never change.
package enum VaultContext {
    /// Secret fields of a command. The row's number is not known before it is stored, so it is bound to its terminal
    /// and word.
    package static func command(to terminal: SerialNumber, word: String) -> String {
        "command\u{0}\(terminal.folded)\u{0}\(word)"
    }

    /// What somebody has typed into the setup so far.
    package static let setup = "setup"

    /// The secret of an account's one-time codes.
    package static func codes(of account: Int64) -> String { "account\u{0}\(account)" }

    package static func credential(of person: PersonKey, slot: Int) -> String {
        "credential\u{0}\(person.space)\u{0}\(person.enrollID.canonical)\u{0}\(slot)"
    }

    /// A punch's photo: by what identifies the punch.
    package static func photo(
        at terminal: SerialNumber, of enrollID: EnrollID, time: WallTime, event: Int64
    ) -> String {
        "photo\u{0}\(terminal.folded)\u{0}\(enrollID.canonical)\u{0}\(time.seconds)\u{0}\(event)"
    }
}
