import AttendanceCore

extension SettingsTable {
    // MARK: [Retention]

    static let retentionRaw = Setting<Int>(
        .retention, "RawDays", .integer(0...36_500), default: "0", changes: .atReload,
        "The record of a punch as the terminal sent it is not kept longer than so many days; the punch itself stays. "
            + "0: for ever.")
    static let retentionAttempts = Setting<Int>(
        .retention, "AttemptDays", .integer(0...36_500), default: "0", changes: .atReload,
        "Attempts at delivery that failed are not kept longer than so many days, once the punch was delivered, "
            + "suppressed or given up; the last attempt stays. 0: for ever.")
    static let retentionQuarantine = Setting<Int>(
        .retention, "QuarantineDays", .integer(0...36_500), default: "0", changes: .atReload,
        "The text of a record in quarantine is not kept longer than so many days after somebody has decided about it. "
            + "0: for ever.")

    static let retentionRows: [SettingRow] = [
        retentionRaw.row, retentionAttempts.row, retentionQuarantine.row,
    ]
}

extension Settings {
    /// `[Retention]`: days; 0 is for ever.
    package struct Retention: Hashable, Sendable {
        package var raw: Int
        package var attempts: Int
        package var quarantine: Int
    }
}

extension SettingsBuilder {
    mutating func retention() -> Settings.Retention {
        Settings.Retention(
            raw: value(SettingsTable.retentionRaw), attempts: value(SettingsTable.retentionAttempts),
            quarantine: value(SettingsTable.retentionQuarantine))
    }
}
