/// The sections of `config.ini`, in the order of the sample.
enum SettingsSection: String, CaseIterable, Sendable {
    case server = "Server"
    case security = "Security"
    case listener = "Listener"
    case erp = "ERP"
    case site = "Site"
    case webhook = "Webhook"
    case terminals = "Terminals"
    case group = "Group"
    case terminal = "Terminal"
    case profile = "Profile"
    case people = "People"
    case alerts = "Alerts"
    case alert = "Alert"
    case commands = "Commands"
    case pull = "Pull"
    case console = "Console"
    case store = "Store"
    case backup = "Backup"
    case retention = "Retention"
    case csv = "CSV"
    case logging = "Logging"
    case admin = "Admin"

    /// What stands behind the section's word; nil where nothing may.
    var nameExample: String? {
        switch self {
        case .listener: "second"
        case .site: "branch"
        case .webhook: "payroll"
        case .group: "Dubai office"
        case .terminal: "AYTI10087992"
        case .profile: "function keys"
        case .alert: "operators"
        default: nil
        }
    }
    var namePlaceholder: String? {
        switch self {
        case .terminal: "SERIAL"
        default: nameExample == nil ? nil : "NAME"
        }
    }

    /// `[Listener NAME]`
    var heading: String { namePlaceholder.map { "[\(rawValue) \($0)]" } ?? "[\(rawValue)]" }

    /// Whether such a section as a whole comes or goes only at a restart, whatever its keys say.
    var needsRestart: Bool {
        switch self {
        case .listener, .site, .webhook, .alert: true
        default: false
        }
    }

    /// The section that was meant where this one stands without a name, or with one that it does not take.
    var sibling: Self? {
        switch self {
        case .erp: .site
        case .server, .security: .listener
        case .terminals: .terminal
        case .terminal: .terminals
        case .alerts: .alert
        case .alert: .alerts
        default: nil
        }
    }

    var help: String {
        switch self {
        case .server: "The first port on which terminals connect, and limits that hold for every port."
        case .security: "The token of the first port."
        case .listener:
            "Another port with rules of its own. Any number of such sections; the name is yours to choose."
        case .erp: "The ERPNext site that gets the punches. As a sink it is called erpnext."
        case .site:
            "Another ERPNext site, or the same one in shadow mode. Any number of such sections; the name, in lower "
                + "case, is the sink's."
        case .webhook:
            "An address that gets punches as JSON. Any number of such sections; the name, in lower case, is the "
                + "sink's."
        case .terminals:
            "What holds for all terminals. [Group NAME] and [Terminal SERIAL] override it key by key."
        case .group:
            "What a group of terminals shares: those whose [Terminal SERIAL] names it with Group. A blank key is "
                + "taken from [Terminals]."
        case .terminal:
            "What differs for one terminal, named by its serial number. Any number of such sections. A blank key is "
                + "taken from the terminal's group, else from [Terminals]."
        case .profile:
            "A table that reads a direction from a terminal's own codes (Direction = terminal). standard and "
                + "turnstile are built in."
        case .people: "Whom terminals shall know, and what is kept of their credentials."
        case .alerts: "When the gateway calls for help. 0 switches a rule off."
        case .alert: "A channel that gets the alerts. Any number of such sections."
        case .commands: "Commands to terminals, which wait until they are connected."
        case .pull: "Asking terminals for records that they do not push by themselves."
        case .console: "Pages for people and an API for programs."
        case .store: "The journal: the database that holds every punch."
        case .backup: "Copies of the journal, made while it is in use."
        case .retention:
            "When the journal forgets what is not needed any more, once an hour. Punches and the audit trail stay."
        case .csv: "The monthly audit files YYYY-MM-attendance.csv."
        case .logging: "The program's own log, attendance.log."
        case .admin: "How command-line verbs reach the running gateway."
        }
    }
}

extension SettingsSection {
    /// In any letter case.
    static func named(_ word: some StringProtocol) -> Self? {
        allCases.first { $0.rawValue.lowercased() == word.lowercased() }
    }
}
