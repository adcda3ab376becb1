import Foundation

extension SettingsTable {
    // MARK: [Commands]

    static let expireAfterHours = Setting<Duration>(
        .commands, "ExpireAfterHours", .hours(1...8760), default: "24", changes: .atReload,
        "A command that could not be sent for so long is given up, unless whoever ordered it said otherwise.")
    static let keepCommandDays = Setting<Int>(
        .commands, "KeepDays", .integer(1...3650), default: "90", changes: .atReload,
        "Days for which commands that have ended are kept, with what the terminals answered.")
    static let maxWaiting = Setting<Int>(
        .commands, "MaxWaiting", .integer(1...100_000), default: "5000", changes: .atReload,
        "Commands that may wait for one terminal; further ones are refused.")

    static let commandRows: [SettingRow] = [expireAfterHours.row, keepCommandDays.row, maxWaiting.row]
}

extension Settings {
    /// `[Commands]`
    package struct Commands: Hashable, Sendable {
        package var expireAfter: Duration
        package var keep: Duration
        /// For one terminal.
        package var mostWaiting: Int
    }
}

extension SettingsBuilder {
    mutating func commands() -> Settings.Commands {
        Settings.Commands(
            expireAfter: value(SettingsTable.expireAfterHours),
            keep: .seconds(86_400 * value(SettingsTable.keepCommandDays)),
            mostWaiting: value(SettingsTable.maxWaiting))
    }
}
