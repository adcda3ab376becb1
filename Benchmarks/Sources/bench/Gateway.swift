import Foundation

/// The gateway under measurement: the release program with a configuration of its own in a folder of its own.
final class Gateway {
    let port: Int
    let console: Int
    let folder: URL
    private(set) var child: Child
    /// From starting the process to its first `200` on /health, in seconds.
    private(set) var startTime: Double

    var journal: URL { folder.appending(path: "data/journal.sqlite") }

    /// Starts the program on `folder`, which may hold the journal of an earlier one.
    ///
    /// - Parameters:
    ///   - erp: further lines for `[ERP]`.
    ///   - terminals: further lines for `[Terminals]`.
    init(
        program: URL, folder: URL, erpPort: Int, concurrency: Int = 8, erp: String = "",
        terminals: String = ""
    ) throws {
        self.folder = folder
        port = try Loopback.freePort()
        console = try Loopback.freePort()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let settings = """
            [Server]
            Host = 127.0.0.1
            Port = \(port)
            [Console]
            Port = \(console)
            RequestsPerMinute = 1000000
            [ERP]
            URL = http://127.0.0.1:\(erpPort)
            Dialect = custom
            APIEndpoint = api/method/add_checkin
            Concurrency = \(concurrency)
            \(erp)
            [Terminals]
            TimeZone = \(Self.zone)
            \(terminals)
            Unknown = accept
            [Store]
            Directory = data
            [Logging]
            LogDirectory = logs
            LogLevel = WARNING

            """
        let file = folder.appending(path: "config.ini")
        try settings.write(to: file, atomically: true, encoding: .utf8)
        let start = monotonic()
        let errors = folder.appending(path: "errors")
        child = try Child(program, ["serve", "--config", file.path], errors: errors)
        let end = start + 30
        while Loopback.get(port: port, path: "/health")?.status != 200 {
            guard child.process.isRunning, monotonic() < end else {
                // No file, no words.
                let words = (try? String(contentsOf: errors, encoding: .utf8)) ?? ""
                throw BenchError("the gateway did not become healthy:\n\(words.suffix(2000))")
            }
            usleep(1000)
        }
        startTime = monotonic() - start
    }

    /// `load` writes the machine's own time into its punches.
    private static var zone: String {
        let name = TimeZone.current.identifier
        return name.contains("/") ? name : "UTC"
    }

    @discardableResult
    func stop() throws -> Double { try child.terminate() }
}
