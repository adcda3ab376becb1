import AttendanceCore
import Foundation

extension SettingsTable {
    // MARK: [Pull]

    static let pullOnRegister = Setting<Bool>(
        .pull, "OnRegister", .flag, default: "yes", changes: .atReload,
        "Ask a terminal that registers with unsent records for them, where it does not push them by itself.")
    static let pullMinutes = Setting<Duration?>(
        .pull, "EveryMinutes", .unlessZero(.minutes(0...1440)), default: "15", changes: .atReload,
        "Ask each terminal so often for records that it has not pushed; less and less often, down to every four "
            + "hours, while nothing comes of it. 0: never.")
    static let pullStallMinutes = Setting<Duration?>(
        .pull, "StallMinutes", .unlessZero(.minutes(0...10_080)), default: "30", changes: .atReload,
        "A connected terminal that brings nothing for so long in WorkingHours of [Alerts], while others of its group "
            + "do, is asked at once, and alerted where it has stopped pushing. 0: never.")
    static let pullGaps = Setting<Bool>(
        .pull, "Gaps", .flag, default: "yes", changes: .atReload,
        "Compare what terminals count as delivered with what came, and ask for the days in which something is "
            + "missing.")
    static let pullGapsPerDay = Setting<Int>(
        .pull, "GapsPerDay", .integer(1...100), default: "4", changes: .atReload,
        "Pulls of some days or of everything that the gateway orders by itself within 24 hours, for one terminal."
    )
    static let pullAtOnce = Setting<Int>(
        .pull, "AtOnce", .integer(1...200), default: "16", changes: .atReload,
        "Terminals that the gateway pulls from by itself at one moment.")

    static let pullRows: [SettingRow] = [
        pullOnRegister.row, pullMinutes.row, pullStallMinutes.row, pullGaps.row, pullGapsPerDay.row,
        pullAtOnce.row,
    ]
}

extension Settings {
    /// `[Pull]`
    package struct Pull: Hashable, Sendable {
        package var rules: GapRules
        /// Terminals at one moment.
        package var atOnce: Int
    }
}

extension SettingsBuilder {
    mutating func pull() -> Settings.Pull {
        Settings.Pull(
            rules: GapRules(
                onRegister: value(SettingsTable.pullOnRegister), every: value(SettingsTable.pullMinutes),
                stall: value(SettingsTable.pullStallMinutes), closesGaps: value(SettingsTable.pullGaps),
                gapPullsPerDay: value(SettingsTable.pullGapsPerDay)),
            atOnce: value(SettingsTable.pullAtOnce))
    }
}
