import AttendanceCore
import Foundation

extension SettingsTable {
    // MARK: [Backup]

    static let backupDirectory = Setting<String?>(
        .backup, "Directory", .optional(.folder), inWords: "no backups by themselves",
        example: "/var/backups/attendance-gateway",
        "Folder for copies of the journal, best on another disk, and of this gateway alone. The key file of the vault "
            + "is in none of them: keep a copy of it elsewhere.")
    static let backupEvery = Setting<Duration>(
        .backup, "EveryHours", .hours(1...720), default: "24", changes: .atReload,
        "A copy is made so long after the last one.")
    static let backupAt = Setting<TimeOfDay?>(
        .backup, "At", .optional(.timeOfDay), changes: .atReload, example: "02:30",
        "Once a day at this time instead, in the zone of [Terminals].")
    static let backupKeep = Setting<Int>(
        .backup, "Keep", .integer(1...1000), default: "14", changes: .atReload,
        "The newest copies that are kept. Older ones are removed once a new one was found good.")

    static let backupRows: [SettingRow] = [
        backupDirectory.row, backupEvery.row, backupAt.row, backupKeep.row,
    ]
}

extension Settings {
    /// `[Backup]`
    package struct Backup: Hashable, Sendable {
        /// Nil: none are made by themselves.
        package var directory: String?
        package var every: Duration
        package var at: TimeOfDay?
        package var keep: Int
    }
}

extension SettingsBuilder {
    mutating func backup() -> Settings.Backup {
        Settings.Backup(
            directory: folder(SettingsTable.backupDirectory), every: value(SettingsTable.backupEvery),
            at: value(SettingsTable.backupAt), keep: value(SettingsTable.backupKeep))
    }
}
