import AttendanceCore

/// What is asked of the gateway about terminals and people beside the orders of the other desks: what the settings say,
/// what passes over a line, and who is who.
package struct FieldDesk: Sendable {
    /// What the settings file says of a terminal, which nobody can change elsewhere: the value of each field.
    package var settled: @Sendable (SerialNumber) -> SettledFields
    /// Names of the sections `[Group NAME]`, in the file's order.
    package var groups: @Sendable () -> [String]
    /// Whose numbering a terminal's ids belong to: the name of a group, or "" for the one that all others share.
    package var space: @Sendable (SerialNumber) -> String
    /// Names of all id spaces, "" first.
    package var spaces: @Sendable () -> [String]
    /// Whether credentials may be kept at all (`[People] Collect`).
    package var collects: @Sendable () -> Bool
    package var traffic: TrafficDesk
    /// Where terminals and employees of a site do not fit together, by the punches of so many days; nil for a sink that is
    /// no ERPNext site. Reads all punches of these days.
    package var check: @Sendable (SinkName, _ days: Int) async throws -> EmployeeCheck?
    /// An employee as the site was last read; nil for one that is not known there.
    package var employee: @Sendable (SinkName, _ name: String) -> Employee?
    /// Counters of what the health report does not tell: where one differs, pages that show it are told.
    package var activity: @Sendable () -> [LiveHub.Topic: Int]

    package init(
        settled: @escaping @Sendable (SerialNumber) -> SettledFields,
        groups: @escaping @Sendable () -> [String],
        space: @escaping @Sendable (SerialNumber) -> String, spaces: @escaping @Sendable () -> [String],
        collects: @escaping @Sendable () -> Bool, traffic: TrafficDesk,
        check: @escaping @Sendable (SinkName, _ days: Int) async throws -> EmployeeCheck?,
        employee: @escaping @Sendable (SinkName, _ name: String) -> Employee?,
        activity: @escaping @Sendable () -> [LiveHub.Topic: Int]
    ) {
        self.settled = settled
        self.groups = groups
        self.space = space
        self.spaces = spaces
        self.collects = collects
        self.traffic = traffic
        self.check = check
        self.employee = employee
        self.activity = activity
    }
}

/// Fields of a terminal that the settings file decides.
package struct SettledFields: Sendable, Hashable {
    /// Such as `[Terminal AYTI10087992]`.
    package var section: String
    /// By field: what it says; "" where it says that there is none.
    package var values: [TerminalField: String]
    /// The file says its token.
    package var hasToken: Bool

    package init(section: String, values: [TerminalField: String], hasToken: Bool) {
        self.section = section
        self.values = values
        self.hasToken = hasToken
    }
}

/// The messages of single terminals while somebody looks at them.
package struct TrafficDesk: Sendable {
    /// False where too many terminals are looked at already.
    package var watch: @Sendable (SerialNumber) -> Bool
    package var stop: @Sendable (SerialNumber) -> Void
    /// Nil for a terminal that is not looked at.
    package var report: @Sendable (SerialNumber) -> TrafficReport?

    package init(
        watch: @escaping @Sendable (SerialNumber) -> Bool, stop: @escaping @Sendable (SerialNumber) -> Void,
        report: @escaping @Sendable (SerialNumber) -> TrafficReport?
    ) {
        self.watch = watch
        self.stop = stop
        self.report = report
    }
}

/// What passed over a terminal's line since somebody began to look, without what nobody may read.
package struct TrafficReport: Sendable, Hashable {
    package struct Frame: Sendable, Hashable {
        package var number: Int
        package var at: UnixTime
        package var isFromTerminal: Bool
        /// Strict JSON, secrets left out; or what else it was, in words.
        package var text: String
        /// Of the message as it was sent.
        package var bytes: Int

        package init(number: Int, at: UnixTime, isFromTerminal: Bool, text: String, bytes: Int) {
            self.number = number
            self.at = at
            self.isFromTerminal = isFromTerminal
            self.text = text
            self.bytes = bytes
        }
    }
    /// Then it is over.
    package var until: UnixTime
    /// The oldest first.
    package var frames: [Frame]

    package init(until: UnixTime, frames: [Frame]) {
        self.until = until
        self.frames = frames
    }
}

/// What `employees check` and `employees mappings` tell of one site.
package struct EmployeeCheck: Sendable {
    /// As they were last read.
    package var employees: Int
    /// Different ids that terminals of this site have sent in that time.
    package var ids: Int
    package var preview: EmployeePreview
    /// In force; those of a mapping file cannot be removed here.
    package var mappings: [(mapping: EmployeeMapping, isFile: Bool)]
    /// There were more people than are looked at.
    package var isCut: Bool

    package init(
        employees: Int, ids: Int, preview: EmployeePreview,
        mappings: [(mapping: EmployeeMapping, isFile: Bool)], isCut: Bool
    ) {
        self.employees = employees
        self.ids = ids
        self.preview = preview
        self.mappings = mappings
        self.isCut = isCut
    }
}
