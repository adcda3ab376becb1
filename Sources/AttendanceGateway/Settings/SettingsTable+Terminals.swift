import AttendanceCore
import Foundation

extension SettingsTable {
    /// The keys that `[Terminals]`, `[Group NAME]` and `[Terminal SERIAL]` share: of each, the nearest that is not
    /// blank holds.
    struct TraitKeys: Sendable {
        var sinks: Setting<Settings.SinkList?>
        /// Not of `[Terminals]`, for which the site's own field stands.
        var employeeField: Setting<String?>?
        var direction: Setting<Settings.DirectionSetting?>
        var directionHours: Setting<String?>
        var profile: Setting<String?>
        var dayStart: Setting<Settings.DayStart?>
        var shifts: Setting<[String]?>
        var latitude: Setting<Double?>
        var longitude: Setting<Double?>
        var approval: Setting<Bool?>
        var whenUnsure: Setting<Bool?>
        var accessFor: Setting<[String]?>
        var accessHours: Setting<WorkingHours?>
        var accessMessage: Setting<String?>
        var refusalMessage: Setting<String?>

        init(section: SettingsSection) {
            let isAll = section == .terminals
            let inherited: String? =
                switch section {
                case .terminals: nil
                case .group: "that of [Terminals]"
                default: "that of the group, else of [Terminals]"
                }
            sinks = Setting(
                section, "Sinks", .optional(.sinks), inWords: inherited ?? "all", changes: .atReload,
                example: "erpnext, payroll",
                "Where punches go: names of sinks with commas between (erpnext is [ERP]; [Site NAME] and "
                    + "[Webhook NAME] are called by their names), all, or none. It holds for punches that come in "
                    + "from then on.")
            employeeField =
                isAll
                ? nil
                : Setting(
                    section, "EmployeeField", .optional(.identifier),
                    inWords: section == .group ? "that of the site" : "that of the group, else of the site",
                    changes: .atReload, example: "attendance_device_id",
                    section == .group
                        ? "Field of Employee that holds these terminals' ids, where several numberings exist. A group "
                            + "with a field of its own is an id space of its own: its 42 is another person than "
                            + "that of other terminals."
                        : "Field of Employee that holds this terminal's ids.")
            direction = Setting(
                section, "Direction",
                .optional(
                    .choice([
                        "none": .unspecified, "in": .incoming, "out": .outgoing, "terminal": .terminal,
                        "alternate": .alternate, "hours": .hours,
                    ])), default: isAll ? "none" : "", inWords: inherited, changes: .atReload,
                example: "alternate",
                "How a punch becomes IN or OUT: none leaves it to ERPNext; in and out are fixed; terminal reads the "
                    + "terminal's own codes by Profile; alternate takes turns for each person and day; hours goes "
                    + "by DirectionHours.")
            directionHours = Setting(
                section, "DirectionHours", .optional(.directionHours), inWords: inherited,
                changes: .atReload, example: "04:00-12:00 in, 12:00-04:00 out",
                "The times of day of Direction = hours. A span may go over midnight; outside of all spans a punch "
                    + "has no direction.")
            profile = Setting(
                section, "Profile", .optional(.text), default: isAll ? "standard" : "", inWords: inherited,
                changes: .atReload, example: "turnstile",
                "Table of codes for Direction = terminal: standard, turnstile, or a [Profile NAME].")
            dayStart = Setting(
                section, "DayStart", .optional(.dayStart), default: isAll ? "auto" : "", inWords: inherited,
                changes: .atReload, example: "04:00",
                "When a working day begins, by the terminal's clock (HH:MM): punches from then on belong to the new "
                    + "day. auto is the middle of the time off between two shifts of the employee where ERPNext "
                    + "tells it, else 04:00.")
            shifts = Setting(
                section, "Shifts", .optional(.shifts), inWords: inherited, changes: .atReload,
                example: "Day, Night",
                "Shift Types whose people punch here, with commas or lines between: LastSync waits for this "
                    + "terminal. none overrides what would be inherited.")
            latitude = Setting(
                section, "Latitude", .optional(.degrees(90)), inWords: inherited, changes: .atReload,
                example: "25.2048",
                "Where the terminal hangs, in degrees; sent with punches. Sites with geolocation tracking ask for "
                    + "it.")
            longitude = Setting(
                section, "Longitude", .optional(.degrees(180)), inWords: inherited, changes: .atReload,
                example: "55.2708", "Set together with Latitude.")
            approval = Setting(
                section, "Approval", .optional(.choice(["off": false, "on": true])),
                default: isAll ? "off" : "", inWords: inherited, changes: .atReload, example: "on",
                "on: the gateway answers each live punch with access, for a terminal that is set to let the server "
                    + "decide (server_verify). It opens to people who are known and active, and to nobody else. off: "
                    + "access is left out.")
            whenUnsure = Setting(
                section, "WhenUnsure", .optional(.choice(["refuse": false, "allow": true])),
                default: isAll ? "refuse" : "", inWords: inherited, changes: .atReload, example: "refuse",
                "With Approval: what becomes of a person whom nobody can tell, such as before the employees were read "
                    + "first, or where several have one number.")
            accessFor = Setting(
                section, "AccessFor", .optional(.places), default: isAll ? "all" : "", inWords: inherited,
                changes: .atReload, example: "Dubai, Sharjah",
                "With Approval: branches or companies of ERPNext whose people may pass, with commas between; all: "
                    + "everybody's.")
            accessHours = Setting(
                section, "AccessHours", .optional(.workingHours), default: isAll ? "always" : "",
                inWords: inherited, changes: .atReload, example: "Mon-Fri 06:00-22:00",
                "With Approval: when people may pass, by the terminal's time zone.")
            accessMessage = Setting(
                section, "AccessMessage", .optional(.screenText), inWords: inherited ?? "nothing",
                changes: .atReload, example: "Welcome",
                "With Approval: shown on the terminal to whoever may pass, at most 64 characters.")
            refusalMessage = Setting(
                section, "RefusalMessage", .optional(.screenText),
                inWords: inherited ?? "the reason in a few words", changes: .atReload,
                example: "Ask at the desk",
                "With Approval: shown on the terminal to whoever may not pass, at most 64 characters.")
        }

        var rows: [SettingRow] {
            [
                sinks.row, employeeField?.row, direction.row, directionHours.row, profile.row, dayStart.row,
                shifts.row, latitude.row, longitude.row, approval.row, whenUnsure.row, accessFor.row,
                accessHours.row, accessMessage.row, refusalMessage.row,
            ].compactMap(\.self)
        }
    }

    static let terminalsTraits = TraitKeys(section: .terminals)
    static let groupTraits = TraitKeys(section: .group)
    static let terminalTraits = TraitKeys(section: .terminal)

    // MARK: [Terminals]

    static let timeZone = Setting<String?>(
        .terminals, "TimeZone", .optional(.zone), inWords: "the machine's time zone", changes: .atReload,
        example: "Asia/Kolkata", "Time zone in which the terminals' clocks run.")
    static let sendClock = Setting<Bool>(
        .terminals, "SendClock", .flag, default: "yes", changes: .atReload,
        "Tell terminals the time (cloudtime), by which they set their clocks.")
    static let sendUsers = Setting<Bool>(
        .terminals, "SendUsers", .flag, default: "no", changes: .atReload,
        "Let terminals push their users (nosenduser is the opposite of this). Implied by Collect in [People]; without "
            + "that their contents are dropped.")
    static let keepPhotos = Setting<Bool>(
        .terminals, "KeepPhotos", .flag, default: "no", changes: .atReload,
        "Keep the photo that a terminal sends with a punch, sealed and for PhotoDays of [People]. No: it is dropped "
            + "before anything is stored.")
    static let earliestYear = Setting<Int>(
        .terminals, "EarliestYear", .integer(1970...9999), default: "2010", changes: .atReload,
        "A punch from before this year is kept and not forwarded: the terminal's clock was lost.")
    static let futureToleranceHours = Setting<Duration>(
        .terminals, "FutureToleranceHours", .hours(0...8760), default: "24", changes: .atReload,
        "A punch further ahead of the gateway's clock is kept and not forwarded.")

    static let clockLimitSeconds = Setting<Duration?>(
        .terminals, "ClockLimitSeconds", .unlessZero(.seconds(0...86_400)), default: "60", changes: .atReload,
        "A terminal whose clock is wrong by more is set by command (settime), where telling it the time in answers is "
            + "switched off or was not enough. Never backward while it holds punches that it has not sent, for an hour; "
            + "at most once an hour. 0: never.")

    static let unknownTerminals = Setting<UnknownTerminals>(
        .terminals, "Unknown",
        .choice(["pending": .pending, "withhold": .withhold, "accept": .accept]), default: "pending",
        changes: .atReload,
        "What becomes of a terminal that nobody has approved (attendance-gateway terminals approve) and that no "
            + "section names. pending: its punches are kept and acknowledged, and forwarded once it is approved. "
            + "withhold: nothing is taken of it, it keeps its punches. accept: it is approved by coming. One that "
            + "the journal knew before there was an approval is approved.")
    static let withoutRegistration = Setting<Bool>(
        .terminals, "WithoutRegistration", .choice(["trust": true, "refuse": false]), default: "trust",
        changes: .atReload,
        "Punches from a connection that has not registered (reg), as clients of the older service send them. trust: "
            + "they count as punches of the serial number they name, and those that name none as of a terminal "
            + "called unknown, which is approved as any other. refuse: they are not acknowledged.")
    static let maxPending = Setting<Int>(
        .terminals, "MaxPending", .integer(0...100_000), default: "1000", changes: .atReload,
        "Terminals that may wait for approval at one time. Of further ones nothing is taken; they come again."
    )
    static let maxPendingPerHour = Setting<Int>(
        .terminals, "MaxPendingPerHour", .integer(1...100_000), default: "250", changes: .atReload,
        "New ones of them from one address within an hour: nobody shall fill the list with invented serial numbers."
    )
    static let maxPendingPunches = Setting<Int>(
        .terminals, "MaxPendingPunches", .integer(0...10_000_000), default: "100000", changes: .atReload,
        "Punches of one of them that are kept before it is approved; further ones stay in the terminal.")

    // MARK: [Group NAME] and [Terminal SERIAL]

    static let groupTimeZone = Setting<String?>(
        .group, "TimeZone", .optional(.zone), inWords: "that of [Terminals]", changes: .atReload,
        example: "Asia/Dubai", "Time zone of these terminals' clocks.")
    static let terminalName = Setting<String?>(
        .terminal, "Name", .optional(.text), changes: .atReload, example: "Main gate",
        "What the terminal is called in the log when it registers.")
    static let terminalGroup = Setting<String?>(
        .terminal, "Group", .optional(.text), inWords: "none", changes: .atReload, example: "Dubai office",
        "The [Group NAME] to which the terminal belongs; none for a terminal that stands alone.")
    static let terminalTimeZone = Setting<String?>(
        .terminal, "TimeZone", .optional(.zone), inWords: "that of the group, else of [Terminals]",
        changes: .atReload, example: "Asia/Dubai", "Time zone of this terminal's clock.")

    static let terminalToken = SecretSetting(
        .terminal, "Token", .terminalToken, changes: .atReload,
        "Secret that this terminal must bring in its address, as the last part of the path or as ?token=…: one that "
            + "comes without it is refused. 16 to 128 letters, digits or - . _ ~.")

    // MARK: [Profile NAME]

    static let profileIn = Setting<String?>(
        .profile, "In", .optional(.codes), changes: .atReload, example: "event 1, event 3",
        "Codes that mean IN: inout or event as the terminal sends them, and the number, with commas between. A "
            + "punch with none of a profile's codes has no direction.")
    static let profileOut = Setting<String?>(
        .profile, "Out", .optional(.codes), changes: .atReload, example: "event 2, event 4",
        "Codes that mean OUT.")

    static let terminalRows: [SettingRow] = [
        [
            timeZone.row, sendClock.row, sendUsers.row, keepPhotos.row, earliestYear.row,
            futureToleranceHours.row, clockLimitSeconds.row, unknownTerminals.row, withoutRegistration.row,
            maxPending.row,
            maxPendingPerHour.row, maxPendingPunches.row,
        ],
        terminalsTraits.rows,
        [groupTimeZone.row], groupTraits.rows, [groupShareCredentials.row],
        [terminalName.row, terminalGroup.row, terminalTimeZone.row], terminalToken.rows,
        terminalTraits.rows,
        [profileIn.row, profileOut.row],
    ].flatMap(\.self)
}
