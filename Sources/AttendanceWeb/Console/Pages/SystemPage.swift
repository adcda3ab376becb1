import AttendanceCore
import Hummingbird

/// `/system`: version, health, the store, the log's end, and a backup now.
struct SystemPage: Sendable {
    let console: Console

    func add(to router: RouterGroup<ConsoleContext>) {
        let group = router.group("system").add(middleware: Requires(console: console, scope: .administer))
        group.get { request, context in
            let search = try request.search()
            return await show(done: search["done"], nil, request: request, context: context)
        }
        group.post("backup") { request, context in
            _ = try await console.form(request, context)
            guard let author = context.principal?.author, let backUp = console.operations.backUp else {
                throw HTTPError(.notFound)
            }
            do {
                _ = try await backUp(author)
                return console.redirect(to: "/system?done=backup")
            } catch {
                return await show(done: nil, error.localizedDescription, request: request, context: context)
            }
        }
    }

    struct Model {
        var version: String
        var build: String
        var uptime: String
        var status: String
        var tone: String
        var storeStatus: String
        var punches: Int
        var quarantined: Int
        var size: String
        var connections: Int
        var viewers: Int
        var canBackUp: Bool
        var lastBackup: String?
        var log: String
    }

    private func show(
        done: String?, _ trouble: String?, request: Request, context: ConsoleContext
    ) async -> Response {
        let report = await console.operations.health()
        let model = Model(
            version: report.version, build: console.operations.build,
            uptime: Moments.span(seconds: report.uptimeSeconds),
            status: console.text("system", "status_\(report.status.rawValue)", context),
            tone: report.status == .ok ? "good" : report.status == .degraded ? "warning" : "bad",
            storeStatus: report.store.reason ?? report.store.status, punches: report.store.punches,
            quarantined: report.store.quarantined, size: Self.size(report.store.databaseBytes),
            connections: report.connections, viewers: console.live.viewers,
            canBackUp: console.operations.backUp != nil,
            lastBackup: report.backup.map {
                ($0.lastSuccess ?? "—") + ($0.state == "made" ? "" : " (\($0.state))")
            },
            log: console.operations.logTail(200).joined(separator: "\n"))
        let notice: PageNotice? =
            if let trouble {
                PageNotice(.bad, trouble)
            } else if done == "backup" {
                PageNotice(.good, console.text("system", "backup_done", context))
            } else {
                nil
            }
        return console.render(
            "system", model, at: .system, notice: notice,
            status: trouble == nil ? .ok : .unprocessableContent,
            request: request, context: context)
    }

    static func size(_ bytes: Int64) -> String {
        switch bytes {
        case ..<(1 << 20): "\(bytes >> 10) KiB"
        case ..<(10 << 30): "\(bytes >> 20) MiB"
        default: "\(bytes >> 30) GiB"
        }
    }
}
