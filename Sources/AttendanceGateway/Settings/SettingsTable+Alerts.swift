import AttendanceCore
import Foundation

extension SettingsTable {
    // MARK: [Alerts]

    static let workingHours = Setting<WorkingHours?>(
        .alerts, "WorkingHours", .optional(.workingHours), inWords: "always", changes: .atReload,
        example: "Mon-Fri 08:00-18:00, Sat 09:00-13:00",
        "When an offline terminal is told of, by the terminal's clock. A span may go over midnight.")
    static let offlineMinutes = Setting<Duration?>(
        .alerts, "OfflineMinutes", .unlessZero(.minutes(0...10_080)), default: "15", changes: .atReload,
        "A terminal is not connected for so long.")
    static let owedMinutes = Setting<Duration?>(
        .alerts, "OwedMinutes", .unlessZero(.minutes(0...10_080)), default: "30", changes: .atReload,
        "The oldest owed punch of a sink waits for so long.")
    static let pausedMinutes = Setting<Duration?>(
        .alerts, "PausedMinutes", .unlessZero(.minutes(0...10_080)), default: "1", changes: .atReload,
        "A site is paused for so long: it refuses the gateway, or answers what cannot be right.")
    static let unavailableMinutes = Setting<Duration?>(
        .alerts, "UnavailableMinutes", .unlessZero(.minutes(0...10_080)), default: "10", changes: .atReload,
        "A site, a webhook or the CSV's folder does not take punches for so long.")
    static let shiftMinutes = Setting<Duration?>(
        .alerts, "ShiftMinutes", .unlessZero(.minutes(0...10_080)), default: "30", changes: .atReload,
        "A shift's end is past for so long, and punches of its terminals may be missing.")
    static let deadLetters = Setting<Int?>(
        .alerts, "DeadLetters", .unlessZero(.integer(0...1_000_000)), default: "1", changes: .atReload,
        "So many dead letters wait for somebody.")
    static let diskFreePercent = Setting<Int?>(
        .alerts, "DiskFreePercent", .unlessZero(.integer(0...50)), default: "10", changes: .atReload,
        "Less than this part of a disk with the journal, the log or the CSV is free.")
    static let clockDriftSeconds = Setting<Duration?>(
        .alerts, "ClockDriftSeconds", .unlessZero(.seconds(0...86_400)), default: "120", changes: .atReload,
        "A terminal's clock is wrong by so much.")
    static let memoryPercent = Setting<Int?>(
        .alerts, "MemoryPercent", .unlessZero(.integer(0...100)), default: "90", changes: .atReload,
        "A terminal's memory for punches or for people is full to this part.")
    static let resendTimes = Setting<Int?>(
        .alerts, "ResendTimes", .unlessZero(.integer(0...100_000)), default: "20", changes: .atReload,
        "A terminal has sent the same punches so often.")
    static let networkMoves = Setting<Int?>(
        .alerts, "NetworkMoves", .unlessZero(.integer(0...1000)), default: "2", changes: .atReload,
        "A serial number has come from another network so often within a day.")
    static let certificateDays = Setting<Int?>(
        .alerts, "CertificateDays", .unlessZero(.integer(0...365)), default: "14", changes: .atReload,
        "The certificate of a site ends within so many days.")
    static let intervalSeconds = Setting<Duration>(
        .alerts, "IntervalSeconds", .seconds(5...3600), default: "30", changes: .atReload,
        "The rules are looked at so often.")

    // MARK: [Alert NAME]

    static let alertKind = Setting<Settings.Alerts.Kind?>(
        .alert, "Kind",
        .optional(
            .choice(["json": .json, "slack": .slack, "telegram": .telegram, "ntfy": .ntfy, "mail": .mail])),
        example: "mail",
        "What kind of channel it is: json posts the alert to URL as JSON, slack in the form of Slack and of what "
            + "takes the same (Mattermost, Rocket.Chat); ntfy posts to a topic; telegram needs Token and Chat; mail "
            + "needs To.")
    static let alertURL = Setting<SecretURL?>(
        .alert, "URL", .optional(.address), inWords: "blank; https://api.telegram.org for telegram",
        example: "https://ntfy.sh/your-topic",
        "Address of the channel. Path and query are not shown anywhere.")
    static let alertToken = SecretSetting(
        .alert, "Token", .token,
        "The bot's token for telegram; for json and ntfy a token that is sent as Authorization: Bearer.")
    static let alertChat = Setting<String?>(
        .alert, "Chat", .optional(.chat), example: "-1001234567890",
        "For telegram: number of the chat, or @name of the channel.")
    static let alertTo = Setting<[String]>(
        .alert, "To", .mailAddresses, example: "operators@example.com", "For mail: who gets it.")
    static let alertFrom = Setting<String?>(
        .alert, "From", .optional(.mailAddress), inWords: "left to the mail program",
        example: "gateway@example.com", "For mail: who sends it.")
    static let alertSendmail = Setting<String>(
        .alert, "Sendmail", .program, default: "/usr/sbin/sendmail",
        "For mail: the program that takes it, called as sendmail is.")

    static let alertRows: [SettingRow] = [
        [
            workingHours.row, offlineMinutes.row, owedMinutes.row, pausedMinutes.row, unavailableMinutes.row,
            shiftMinutes.row, deadLetters.row, diskFreePercent.row, clockDriftSeconds.row, memoryPercent.row,
            resendTimes.row, networkMoves.row, certificateDays.row, intervalSeconds.row,
        ],
        [alertKind.row, alertURL.row], alertToken.rows,
        [alertChat.row, alertTo.row, alertFrom.row, alertSendmail.row],
    ].flatMap(\.self)
}
