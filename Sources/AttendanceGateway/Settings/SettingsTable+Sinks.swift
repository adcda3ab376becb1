import AttendanceCore
import Foundation

extension SettingsTable {
    /// The keys of an ERPNext site; `[ERP]` shares all but the mode with `[Site NAME]`.
    struct SiteKeys: Sendable {
        var section: SettingsSection
        var url: Setting<URL?>
        /// Only of `[Site NAME]`.
        var mode: Setting<Settings.ERP.Mode>?
        var dialect: Setting<Settings.ERP.Dialect>
        var apiEndpoint: Setting<String>
        var apiKey: SecretSetting
        var apiSecret: SecretSetting
        var authorization: SecretSetting
        var maxRetries: Setting<Int>
        var retryDelaySec: Setting<Duration>
        var employeeField: Setting<String>
        var personID: Setting<Settings.ERP.PersonID>
        var employeeSyncMinutes: Setting<Duration?>
        var leadingZeros: Setting<EmployeeDirectory.LeadingZeros>
        var mappingFile: Setting<String?>
        var repeatSeconds: Setting<Duration?>
        var siteTimeZone: Setting<String?>
        var lastSync: Setting<Bool>
        var lastSyncMinutes: Setting<Duration>
        var concurrency: Setting<Int>
        var bulk: Setting<Bool>
        var bulkAbove: Setting<Int>
        var timeoutSec: Setting<Duration>
        var ambiguousWaitSec: Setting<Duration>
        var startFrom: Setting<Settings.StartFrom>

        init(section: SettingsSection, dialect standardDialect: String, startFrom standardStart: String) {
            self.section = section
            url = Setting(
                section, "URL", .optional(.site), example: "https://erp.example.com",
                section == .erp
                    ? "Address of the site. Blank: punches are kept, and owed until there is an address."
                    : "Address of the site.")
            mode =
                section == .site
                ? Setting(
                    section, "Mode", .choice(["deliver": .deliver, "shadow": .shadow]), default: "deliver",
                    "shadow makes every request and sends none: to see what the site would be told.") : nil
            dialect = Setting(
                section, "Dialect", .choice(["custom": .custom, "hrms": .hrms]), default: standardDialect,
                "custom posts to APIEndpoint as the older service did; hrms uses the standard method of Frappe HR "
                    + "(add_log_based_on_employee_field) and needs APIKey and APISecret.")
            apiEndpoint = Setting(
                section, "APIEndpoint", .endpoint,
                default: "api/method/clean_plus.services.biometric_server_erp2.add_checkin",
                "Method behind URL that the custom dialect calls. In the hrms dialect it is used only where it ends "
                    + "in add_log_based_on_employee_field, as on ERPNext 12 and 13 (api/method/erpnext.hr.doctype."
                    + "employee_checkin.employee_checkin.add_log_based_on_employee_field).")
            apiKey = SecretSetting(
                section, "APIKey", .token,
                "API key of the ERPNext user that writes the check-ins (User > Settings > API Access).")
            apiSecret = SecretSetting(section, "APISecret", .token, "API secret of the same user.")
            authorization = SecretSetting(
                section, "Authorization", .header,
                "Whole value of the Authorization header, where a custom method wants another than that of APIKey."
            )
            maxRetries = Setting(
                section, "MaxRetries", .integer(1...1000), default: "3",
                "After so many attempts a punch is reported as failed so far (CSV, log, health). It is tried again "
                    + "for ever all the same.")
            retryDelaySec = Setting(
                section, "RetryDelaySec", .seconds(1...900), default: "5",
                "First wait after a failed attempt; it doubles with each further one.")
            employeeField = Setting(
                section, "EmployeeField", .identifier, default: "attendance_device_id",
                "Field of Employee in which the person's id is looked up. A group of terminals may have another one."
            )
            personID = Setting(
                section, "PersonID", .choice(["enrollid": .enrollID, "alias": .alias]), default: "enrollid",
                "What identifies a person: the number on the terminal, or the code (alias) that some firmwares send "
                    + "beside it; where a record has no code, the number is used.")
            employeeSyncMinutes = Setting(
                section, "EmployeeSyncMinutes", .unlessZero(.minutes(0...1440)), default: "10",
                "Employees are read from the site so often, where the gateway has the rights of a user. 0 reads "
                    + "none: every id is then left to the site to look up.")
            leadingZeros = Setting(
                section, "LeadingZeros", .choice(["ignore": .ignored, "exact": .exact]), default: "ignore",
                changes: .atReload,
                "Whether the id 0042 of a terminal may be the employee whose id is 42. An exact match always comes "
                    + "first, and two that fit are none.")
            mappingFile = Setting(
                section, "MappingFile", .optional(.folder), changes: .atReload,
                example: "/etc/attendance-gateway/mapping.csv",
                "CSV file of overrides, one on each line: group of terminals, id on the terminal, employee "
                    + "(,0042,HR-EMP-00007). A blank group is all terminals; one that is named must have an "
                    + "EmployeeField of its own. Read again at each reload.")
            repeatSeconds = Setting(
                section, "RepeatSeconds", .unlessZero(.seconds(0...3600)), default: "0", changes: .atReload,
                "A second punch of one person within this time is kept and not sent. 0 sends every one.")
            siteTimeZone = Setting(
                section, "SiteTimeZone", .optional(.zone),
                inWords:
                    "the site's own in the hrms dialect, where it can be read; else times are sent as the "
                    + "terminals show them",
                example: "Asia/Kolkata",
                "Time zone of the site (System Settings > Time Zone), where terminals stand in other zones.")
            lastSync = Setting(
                section, "LastSync", .flag, default: "no",
                "Move last_sync_of_checkin of each Shift Type on as far as all its terminals (Shifts) are complete, "
                    + "so that attendance is marked.")
            lastSyncMinutes = Setting(
                section, "LastSyncMinutes", .minutes(1...1440), default: "10",
                "At most one write for each Shift Type in so long.")
            concurrency = Setting(
                section, "Concurrency", .integer(1...32), default: "2",
                "Most requests at one time; never two for one person. With slower answers there are fewer. A site "
                    + "takes check-ins one after the other, so more than 4 gain nothing.")
            bulk = Setting(
                section, "Bulk", .flag, default: "yes",
                "Drain a long backlog with insert_many, many punches in one request. In the hrms dialect only."
            )
            bulkAbove = Setting(
                section, "BulkAbove", .integer(100...100_000), default: "500",
                "From so many owed punches on the backlog is drained so.")
            timeoutSec = Setting(
                section, "TimeoutSec", .seconds(1...600), default: "30",
                "Longest wait for an answer; four times as long for one request with many check-ins.")
            ambiguousWaitSec = Setting(
                section, "AmbiguousWaitSec", .seconds(0...3600), default: "120",
                "A punch that was sent and not answered waits so long before it is sent again, because the site may "
                    + "still be storing it.")
            startFrom = Setting(
                section, "StartFrom", .startFrom, default: standardStart, SettingsTable.startFromHelp)
        }

        var rows: [SettingRow] {
            [
                [url.row], [mode?.row].compactMap(\.self), [dialect.row, apiEndpoint.row], apiKey.rows,
                apiSecret.rows, authorization.rows,
                [
                    maxRetries.row, retryDelaySec.row, employeeField.row, personID.row,
                    employeeSyncMinutes.row, leadingZeros.row, mappingFile.row, repeatSeconds.row,
                    siteTimeZone.row, lastSync.row, lastSyncMinutes.row, concurrency.row, bulk.row,
                    bulkAbove.row, timeoutSec.row, ambiguousWaitSec.row, startFrom.row,
                ],
            ].flatMap(\.self)
        }
    }

    private static let startFromHelp =
        "What is owed to this sink when the journal first hears of it: punches that come in from now on, all that "
        + "are in the journal, or those from a day on (YYYY-MM-DD, by the terminals' clocks). Means nothing later."

    static let erp = SiteKeys(section: .erp, dialect: "custom", startFrom: "all")
    static let site = SiteKeys(section: .site, dialect: "hrms", startFrom: "now")

    // MARK: [Webhook NAME]

    static let webhookURL = Setting<SecretURL?>(
        .webhook, "URL", .optional(.address), example: "https://payroll.example.com/punches",
        "Address that gets the punches. Path and query are not shown anywhere.")
    static let webhookSecret = SecretSetting(
        .webhook, "Secret", .header,
        "Key of the signature (HMAC-SHA256 over time and body) that lets the receiver know the gateway. Blank: "
            + "requests are not signed.")
    static let webhookHeaders = Setting<[Settings.Webhook.Header]>(
        .webhook, "Headers", .headers, example: "Authorization: Bearer TOKEN",
        "Headers that every request carries, as Name: value, each further one on an indented line of its own."
    )
    static let webhookBatchSize = Setting<Int>(
        .webhook, "BatchSize", .integer(1...1000), default: "50", "Most punches in one request.")
    static let webhookConcurrency = Setting<Int>(
        .webhook, "Concurrency", .integer(1...8), default: "1",
        "Most requests at one time. 1 keeps the order of a terminal's punches.")
    static let webhookTimeoutSec = Setting<Duration>(
        .webhook, "TimeoutSec", .seconds(1...600), default: "30", "Longest wait for an answer.")
    static let webhookRetryDelaySec = Setting<Duration>(
        .webhook, "RetryDelaySec", .seconds(1...900), default: "5",
        "First wait after a failed attempt; it doubles with each further one.")
    static let webhookSuccessStatus = Setting<[ClosedRange<Int>]>(
        .webhook, "SuccessStatus", .statuses, default: "200-299",
        "Status codes that say the punches were taken, such as 200-299, 409.")
    static let webhookSuccessField = Setting<Settings.Webhook.SuccessField?>(
        .webhook, "SuccessField", .optional(.successField), example: "status.ok = true",
        "What the JSON of the answer must say besides: a field, with dots between the levels, and its value. "
            + "Without = and a value the field must be there and be neither null nor false. Blank: the status "
            + "code alone decides.")
    static let webhookStartFrom = Setting<Settings.StartFrom>(
        .webhook, "StartFrom", .startFrom, default: "now", startFromHelp)

    static let webhookRows: [SettingRow] = [
        [webhookURL.row], webhookSecret.rows,
        [
            webhookHeaders.row, webhookBatchSize.row, webhookConcurrency.row, webhookTimeoutSec.row,
            webhookRetryDelaySec.row, webhookSuccessStatus.row, webhookSuccessField.row, webhookStartFrom.row,
        ],
    ].flatMap(\.self)
}
