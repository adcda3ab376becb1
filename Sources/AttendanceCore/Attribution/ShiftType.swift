/// A Shift Type of one ERPNext site, as far as attendance needs it. Source: docs/erpnext.md §5.
package struct ShiftType: Hashable, Sendable {
    package var name: String
    /// Seconds of the day, 0..<86400.
    package var start: Int
    /// Seconds of the day; less than or equal to `start` for a shift that ends on the next day.
    package var end: Int
    /// Seconds after `end` in which a check-out still counts.
    package var allowsCheckOutAfter: Int
    /// Whether the site marks attendance from check-ins by itself (`enable_auto_attendance`).
    package var marksAttendance: Bool
    /// `last_sync_of_checkin`, the site's own time: up to here it believes to have all check-ins.
    package var lastSync: WallTime?
    /// `auto_update_last_sync`: the site moves `lastSync` itself. False where the site does not know the field.
    package var movesLastSyncItself: Bool
    /// `process_attendance_after`, midnight of that date: earlier check-ins are not counted. Without it nothing is.
    package var countsFrom: WallTime?

    package init(
        name: String, start: Int, end: Int, allowsCheckOutAfter: Int = 0, marksAttendance: Bool = false,
        lastSync: WallTime? = nil, movesLastSyncItself: Bool = false, countsFrom: WallTime? = nil
    ) {
        self.name = name
        self.start = start
        self.end = end
        self.allowsCheckOutAfter = allowsCheckOutAfter
        self.marksAttendance = marksAttendance
        self.lastSync = lastSync
        self.movesLastSyncItself = movesLastSyncItself
        self.countsFrom = countsFrom
    }
}
