import AttendanceCore

/// A Shift Type of the simulated site.
package struct SimulatedShiftType: Hashable, Sendable {
    /// `determine_check_in_and_check_out`.
    package enum Determination: String, Sendable, CaseIterable {
        case alternating = "Alternating entries as IN and OUT during the same shift"
        case byLogType = "Strictly based on Log Type in Employee Checkin"
    }
    package var name: String
    /// Seconds of the day.
    package var start: Int
    /// Seconds of the day; before `start` for a shift that ends on the next day.
    package var end: Int
    /// Minutes before `start` from which a check-in belongs to the shift.
    package var beginsBefore: Int
    /// Minutes after `end` until which a check-out belongs to the shift.
    package var allowsAfter: Int
    package var determination: Determination
    /// `enable_auto_attendance`.
    package var marksAttendance: Bool
    /// `process_attendance_after`, `YYYY-MM-DD`.
    package var processAfter: String?
    /// `last_sync_of_checkin`, `YYYY-MM-DD HH:MM:SS` in the site's zone.
    package var lastSync: String?
    /// `auto_update_last_sync`, where the site's version has it.
    package var movesLastSync: Bool
    package internal(set) var modified = ""
    package internal(set) var creation = ""

    /// - `start`: `HH:MM`, also with seconds; midnight for what is no time.
    /// - `end`: likewise; before `start` for a shift over midnight.
    package init(
        name: String, start: String, end: String, beginsBefore: Int = 60, allowsAfter: Int = 60,
        determination: Determination = .alternating, marksAttendance: Bool = true,
        processAfter: String? = nil, lastSync: String? = nil, movesLastSync: Bool = false
    ) {
        self.name = name
        self.start = Self.seconds(start)
        self.end = Self.seconds(end)
        self.beginsBefore = beginsBefore
        self.allowsAfter = allowsAfter
        self.determination = determination
        self.marksAttendance = marksAttendance
        self.processAfter = processAfter
        self.lastSync = lastSync
        self.movesLastSync = movesLastSync
    }

    static func seconds(_ text: String) -> Int {
        WallTime("2000-01-01 \(text)").map {
            Int($0.seconds.quotientAndRemainder(dividingBy: 86_400).remainder)
        } ?? 0
    }

    /// When one day's shift begins and ends, without and with the minutes around it.
    struct Window: Hashable, Sendable {
        var start: WallTime
        var end: WallTime
        var actualStart: WallTime
        var actualEnd: WallTime
    }

    /// The shift's window a moment falls in. Where the windows of two days touch, the earlier ends where the later may
    /// begin, which is never before the earlier's own end.
    func window(at time: WallTime) -> Window? {
        let midnight = time.seconds - (time.seconds % 86_400 + 86_400) % 86_400
        var windows = [-1, 0, 1].map { day -> Window in
            let first = midnight + Int64(day) * 86_400
            let start = first + Int64(start)
            let end = first + Int64(end) + (self.start > self.end ? 86_400 : 0)
            return Window(
                start: WallTime(seconds: start), end: WallTime(seconds: end),
                actualStart: WallTime(seconds: start - Int64(beginsBefore) * 60),
                actualEnd: WallTime(seconds: end + Int64(allowsAfter) * 60))
        }
        for later in windows.indices.dropFirst() {
            windows[later].actualStart = max(windows[later - 1].end, windows[later].actualStart)
            windows[later - 1].actualEnd = min(windows[later].actualStart, windows[later - 1].actualEnd)
        }
        return windows.first { $0.actualStart <= time && time <= $0.actualEnd }
    }
}

extension SimulatedShiftType: SiteDocument {
    static func table(movesLastSync: Bool) -> SiteTable {
        var columns: [String: SiteTable.Column] = [
            "start_time": .time, "end_time": .time, "enable_auto_attendance": .number,
            "process_attendance_after": .date, "last_sync_of_checkin": .datetime,
            "determine_check_in_and_check_out": .text, "allow_check_out_after_shift_end_time": .number,
            "begin_check_in_before_shift_start_time": .number, "holiday_list": .text,
            "working_hours_calculation_based_on": .text,
        ]
        if movesLastSync { columns["auto_update_last_sync"] = .number }
        return SiteTable("Shift Type", columns)
    }

    func value(of column: String) -> FrappeValue {
        switch column {
        case "name": .text(name)
        case "start_time": .text(Self.time(start))
        case "end_time": .text(Self.time(end))
        case "enable_auto_attendance": .int(marksAttendance ? 1 : 0)
        case "process_attendance_after": .text(processAfter)
        case "last_sync_of_checkin": .text(lastSync)
        case "auto_update_last_sync": .int(movesLastSync ? 1 : 0)
        case "determine_check_in_and_check_out": .text(determination.rawValue)
        case "allow_check_out_after_shift_end_time": .int(allowsAfter)
        case "begin_check_in_before_shift_start_time": .int(beginsBefore)
        case "working_hours_calculation_based_on": "First Check-in and Last Check-out"
        case "creation": .text(creation)
        case "modified": .text(modified)
        case "owner", "modified_by": "Administrator"
        case "docstatus", "idx": 0
        default: .null
        }
    }

    /// Python's time span, as Frappe writes it: `8:00:00`, the hour without a leading zero.
    private static func time(_ seconds: Int) -> String {
        "\(seconds / 3600):\((seconds / 60 % 60).padded(2)):\((seconds % 60).padded(2))"
    }
}
