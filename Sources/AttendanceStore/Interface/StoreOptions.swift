import AttendanceCore

/// Bounds and intervals of a `SQLiteStore`. The defaults are meant for use; tests change them.
package struct StoreOptions: Sendable {
    /// Punches that may wait for the writer. Beyond it `record` throws `StoreError.overloaded`.
    package var maximumWaitingPunches = 100_000
    /// Bytes of raw text that may wait for the writer, beside the punches. One batch larger than this is still taken
    /// when nothing else waits.
    package var maximumWaitingBytes = 64 << 20
    /// Punches in one commit: bounds how long the first waits for the last. A larger batch is a commit of its own.
    package var groupPunches = 2_000
    /// Bytes of raw text in one commit.
    package var groupBytes = 4 << 20
    /// How often a failing store tries to write again by itself.
    package var retryInterval: Duration = .seconds(1)
    /// Pages (4 KiB) in the write-ahead log after which they are copied into the database file.
    package var checkpointPages: Int32 = 1_000
    /// How long the file is looked through at the opening when it was not closed in order; nil: not at all.
    package var checkAfterCrash: Duration?
    /// The wall clock. Only for saying since when the store has been failing, and how many punches came when.
    package var now: @Sendable () -> UnixTime

    package init(now: @escaping @Sendable () -> UnixTime) { self.now = now }
}
