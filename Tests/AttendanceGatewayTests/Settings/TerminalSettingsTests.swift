import AttendanceCore
import Foundation
import Testing

@testable import AttendanceGateway

@Suite struct TerminalSettingsTests {
    private func serial(_ text: String) throws -> SerialNumber { try #require(SerialNumber(text)) }
    private func sinks(_ names: String...) throws -> Set<SinkName> {
        Set(try names.map { try #require(SinkName($0)) })
    }

    @Test func `a terminal that nobody names gets what [Terminals] says`() throws {
        let plain = try loadSettings(soundSettings).get().terminals
        let unknown = try serial("nobody")
        #expect(plain.sinks(of: unknown) == [.erpnext])
        #expect(plain.direction(of: unknown) == .unspecified && plain.directionHours(of: unknown) == nil)
        #expect(plain.dayStart(of: unknown) == .auto && plain.profile(of: unknown) == .standard)
        #expect(plain.shifts(of: unknown).isEmpty && plain.coordinates(of: unknown) == nil)
        #expect(plain.employeeField(of: unknown) == nil && plain.idSpace(of: unknown) == "")
        #expect(plain.group(of: unknown) == nil && plain.timeZone(of: unknown) == "Asia/Kolkata")

        let settings = try loadSettings(
            soundSettings + """
                [Webhook w]
                URL = https://x
                [Terminals]
                TimeZone = Asia/Dubai
                Sinks = W
                Direction = hours
                DirectionHours = 04:00-12:00 in,
                   12:00-24:00 OUT
                Profile = Turnstile
                DayStart = 4:30
                Shifts = Day, Night
                Latitude = 25.2048
                Longitude = -55.5
                """
        ).get().terminals
        #expect(try settings.sinks(of: unknown) == sinks("w"))
        #expect(settings.direction(of: unknown) == .hours)
        #expect(settings.directionHours(of: unknown) == "04:00-12:00 in, 12:00-24:00 OUT")
        #expect(settings.profile(of: unknown) == .turnstile)
        #expect(settings.dayStart(of: unknown) == TimeOfDay("04:30").map { .at($0) })
        #expect(settings.shifts(of: unknown) == ["Day", "Night"])
        #expect(settings.allShifts == ["Day", "Night"])
        #expect(settings.coordinates(of: unknown) == .init(latitude: 25.2048, longitude: -55.5))
        #expect(settings.timeZone(of: unknown) == "Asia/Dubai")
    }

    @Test func `a terminal's own key comes before its group's, and that before the one of [Terminals]`()
        throws
    {
        let settings = try loadSettings(
            soundSettings + """
                [Webhook pay]
                URL = https://x
                [Terminals]
                TimeZone = Asia/Kolkata
                Direction = in
                DirectionHours = 00:00-12:00 in
                Shifts = Day
                [Group Dubai office]
                TimeZone = Asia/Dubai
                Sinks = pay
                EmployeeField = custom_dubai_id
                Direction = alternate
                DayStart = 03:00
                Profile = function keys
                Latitude = 25
                Longitude = 55
                [Terminal A1]
                Group = dubai OFFICE
                [Terminal A2]
                Group = Dubai office
                Name = Back door
                TimeZone = Asia/Muscat
                Sinks = all
                EmployeeField = custom_other
                Direction = hours
                DayStart = auto
                Profile = standard
                Shifts = none
                Latitude = -1.5
                Longitude = 2
                [Terminal A3]
                Group = none
                Sinks = none
                [Profile function keys]
                In = event 1,
                    event 3
                Out = inout 1, event 2
                """
        ).get()
        let terminals = settings.terminals
        #expect(settings.groups.map(\.name) == ["Dubai office"])
        let (a1, a2, a3) = (try serial("a1"), try serial("A2"), try serial("A3"))
        #expect(terminals.group(of: a1)?.name == "Dubai office" && terminals.group(of: a3) == nil)
        #expect(terminals.timeZone(of: a1) == "Asia/Dubai" && terminals.timeZone(of: a2) == "Asia/Muscat")
        #expect(terminals.name(of: a2) == "Back door")
        #expect(try terminals.sinks(of: a1) == sinks("pay"))
        #expect(try terminals.sinks(of: a2) == sinks("erpnext", "pay"))
        #expect(terminals.sinks(of: a3).isEmpty)
        #expect(terminals.employeeField(of: a1) == "custom_dubai_id")
        #expect(terminals.employeeField(of: a2) == "custom_other")
        #expect(terminals.idSpace(of: a1) == "Dubai office" && terminals.idSpace(of: a3) == "")
        #expect(terminals.direction(of: a1) == .alternate && terminals.direction(of: a2) == .hours)
        #expect(terminals.directionHours(of: a2) == "00:00-12:00 in")
        #expect(terminals.direction(of: a3) == .incoming)
        #expect(terminals.dayStart(of: a1) == TimeOfDay("03:00").map { .at($0) })
        #expect(terminals.dayStart(of: a2) == .auto)
        #expect(
            terminals.profile(of: a1)
                == .table(name: "function keys", incoming: "event 1, event 3", outgoing: "inout 1, event 2"))
        #expect(terminals.profile(of: a2) == .standard)
        #expect(terminals.shifts(of: a1) == ["Day"] && terminals.shifts(of: a2).isEmpty)
        #expect(terminals.coordinates(of: a2) == .init(latitude: -1.5, longitude: 2))
        #expect(terminals.coordinates(of: a1)?.latitude == 25 && terminals.coordinates(of: a3) == nil)
        // The zone of a group reaches the terminals' own clocks.
        #expect(try settings.terminals.policy().zone(of: a1).identifier == "Asia/Dubai")
    }

    @Test(arguments: [
        Mistake("[Terminals]\nDirection = both", 2, "\"both\" is not known", "none, in, out, terminal"),
        Mistake("[Terminals]\nDirection = hours", 2, "there are no DirectionHours", "04:00-12:00 in"),
        Mistake("[Terminals]\nDirectionHours = 04:00-12:00", 2, "no span with a direction", "04:00-12:00 in"),
        Mistake("[Terminals]\nDirectionHours = 04:00-25:00 in", 2, "no span with", "04:00-12:00 in"),
        Mistake("[Terminals]\nDirectionHours = 04:00-04:00 in", 2, "no span with", "04:00-12:00 in"),
        Mistake("[Terminals]\nDirectionHours = 4-12 in, 12-4 out", 2, "\"4-12 in\" is no span", "04:00"),
        Mistake(
            "[Terminals]\nDirectionHours = 22:00-06:00 in, 05:00-09:00 out", 2, "overlaps with another",
            "begin where"),
        Mistake("[Terminals]\nDirectionHours = ,", 2, "nothing but commas", "remove the line"),
        Mistake("[Terminals]\nDayStart = 24:00", 2, "\"24:00\" is no time of day", "auto, or HH:MM"),
        Mistake("[Terminals]\nDayStart = 4", 2, "\"4\" is no time of day", "auto, or HH:MM"),
        Mistake("[Terminals]\nProfile = standrad", 2, "no profile \"standrad\"", "Perhaps standard"),
        Mistake("[Terminals]\nProfile = mine", 2, "no profile \"mine\"", "[Profile mine]"),
        Mistake("[Terminals]\nSinks = erp next", 2, "no name of a sink", "commas between"),
        Mistake("[Terminals]\nSinks = erpnex", 2, "no sink called erpnex", "Perhaps erpnext is meant"),
        Mistake("[Terminals]\nSinks = payroll", 2, "no sink called payroll", "The sinks are erpnext"),
        Mistake("[Terminals]\nSinks = erpnext, csv", 2, "csv is no sink", "Remove it"),
        Mistake("[Terminals]\nSinks = all, erpnext", 2, "all stands together", "all, none, or the names"),
        Mistake("[Terminals]\nLatitude = 25", 2, "Longitude is not", "both or neither"),
        Mistake("[Terminals]\nLongitude = 25", 2, "Latitude is not", "both or neither"),
        Mistake("[Terminals]\nLatitude = 91\nLongitude = 1", 2, "91 is out of range", "-90 to 90"),
        Mistake("[Terminals]\nLatitude = 1\nLongitude = -181", 3, "-181 is out of range", "-180 to 180"),
        Mistake("[Terminals]\nLatitude = 25,2\nLongitude = 1", 2, "no number of degrees", "with a point"),
        Mistake("[Terminals]\nLatitude = nan\nLongitude = 1", 2, "no number of degrees", "with a point"),
        Mistake("[Terminals]\nEmployeeField = x", 2, "no key \"EmployeeField\"", "belongs into [ERP]"),
        Mistake("[Terminals A]", 1, "takes no name", "or [Terminal SERIAL]"),
        Mistake("[Group]", 1, "needs a name", "[Group Dubai office]"),
        Mistake("[Group none]\n[Terminal A]\nGroup = none", 1, "means no group", "another name"),
        Mistake(
            "[Group g]\nTimeZone = Dubai\n[Terminal A]\nGroup = g", 2, "is no time zone", "Asia/Dubai"),
        Mistake("[Group g]\nDirection = hours\n[Terminal A]\nGroup = g", 2, "no DirectionHours", "04:00"),
        Mistake(
            "[Group g]\nEmployeeField = my field\n[Terminal A]\nGroup = g", 2, "is no field name",
            "attendance_device_id"),
        Mistake("[Group g]\nSinks = nowhere\n[Terminal A]\nGroup = g", 2, "no sink called", "The sinks are"),
        Mistake("[Terminal A]\nGroup = Dubai", 2, "no section [Group Dubai]", "Write such a section"),
        Mistake(
            "[Group Dubai]\n[Terminal A]\nGroup = Dubia\n[Terminal B]\nGroup = Dubai", 3,
            "no section [Group Dubia]", "Perhaps Dubai is meant"),
        Mistake("[Terminal A]\nDirection = hours", 2, "no DirectionHours", "04:00-12:00 in"),
        Mistake(
            "[Terminal A]\nShifts = \(String(repeating: "x", count: 141))", 2, "longer than 140", "names"),
        Mistake("[Profile Turnstile]\nIn = inout 6", 1, "turnstile is built in", "another name"),
        Mistake("[Profile p]", 1, "has no codes", "inout 0"),
        Mistake("[Profile p]\nIn = key 1", 2, "\"key 1\" is no code", "inout 0, event 1"),
        Mistake("[Profile p]\nIn = inout -1", 2, "is no code", "inout 0, event 1"),
        Mistake("[Profile p]\nIn = inout 1, INOUT 01", 2, "\"INOUT 01\" stands twice", "Keep one"),
        Mistake("[Profile p]\nIn = event 1\nOut = Event 1", 3, "event 1 stands in In", "one of the two"),
        Mistake(
            "[Profile \(String(repeating: "p", count: 65))]\nIn = event 1", 1, "longer than 64", "shorter"),
    ])
    func `a mistake about terminals names its line and the remedy`(mistake: Mistake) throws {
        try mistake.check()
    }

    @Test func `groups without terminals and terminals without a group draw warnings`() throws {
        let loaded = try loadSettings(
            soundSettings
                + "[Group g]\n[Group h]\n[Terminal A]\nGroup = g\n[Terminal B]\nName = Gate\n[Terminal C]\nGroup = none\n"
        )
        #expect(loaded.settings != nil)
        #expect(
            loaded.warnings.map { "\($0.line ?? 0) \($0.key ?? "") \($0.problem)" } == [
                "6 [Group h] no terminal is in this group", "9 [Terminal B] the terminal is in no group",
            ])
        #expect(try loadSettings(soundSettings + "[Terminal B]\nName = Gate\n").warnings.isEmpty)
    }
}
