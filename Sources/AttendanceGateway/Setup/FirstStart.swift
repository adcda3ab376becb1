import AttendanceStore

/// `serve` without a settings file: a new installation, which is set up in a browser.
///
/// Terminals are then served on this machine only, and those that nobody has approved wait: nothing is open to a network
/// before somebody has chosen how. Decision: docs/decisions/0039-first-start.md.
enum FirstStart {
    /// The loader to start with. It differs from the given one only where no file is found and no punch was ever
    /// taken: a settings file that got lost must not turn into a gateway that starts and that no terminal reaches.
    static func loader(_ loader: SettingsLoader) async -> SettingsLoader {
        guard loader.path == nil, loader.load().file == nil else { return loader }
        var first = loader
        // Nobody knows the port yet, so it may be any: the usual one may belong to another program.
        first.standIns = [["server", "host"]: "127.0.0.1", ["server", "port"]: "0"]
        guard let settings = first.load().settings, await !hasPunches(settings.store.directory) else {
            return loader
        }
        return first
    }

    private static func hasPunches(_ folder: String) async -> Bool {
        // No journal, or none that can be read: opening it then says why.
        guard let journal = try? SQLiteReader(folder: folder) else { return false }
        defer { journal.close() }
        do {
            return try await journal.status().punches > 0
        } catch {
            // Nothing is known of it: the careful answer.
            return true
        }
    }
}
