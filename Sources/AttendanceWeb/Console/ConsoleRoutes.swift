import AttendanceCore
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

extension Console {
    /// Every page of the console, with the guards before them.
    package func router() -> Router<ConsoleContext> {
        let router = Router(context: ConsoleContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: RequestLog(logger: logger))
        router.add(middleware: SecurityHeaders(isSecure: isSecure))
        router.add(
            middleware: APIDoor(
                responder: API(operations: operations, accounts: accounts, live: live, logger: logger)
                    .responder()))
        addAssets(to: router)
        let pages = router.group().add(middleware: Visitor(console: self))
        SignInPage(console: self).add(to: pages)
        SetupPages(console: self).add(to: pages)
        let read = pages.group().add(middleware: Requires(console: self, scope: .read))
        addLive(to: read)
        OverviewPage(console: self).add(to: read)
        AccountPage(console: self).add(to: read)
        AccountsPage(console: self).add(to: read)
        SettingsPage(console: self).add(to: read)
        SystemPage(console: self).add(to: read)
        DeliveriesPage(console: self).add(to: read)
        DeliveriesAttemptsPage(console: self).add(to: read)
        DeliveriesShiftsPage(console: self).add(to: read)
        CorrectionsPage(console: self).add(to: read)
        ReconcilePage(console: self).add(to: read)
        AlertsPage(console: self).add(to: read)
        AuditPage(console: self).add(to: read)
        PunchesPage(console: self).add(to: read)
        ExplainPage(console: self).add(to: read)
        TerminalsPage(console: self).add(to: read)
        PeoplePage(console: self).add(to: read)
        // Whatever is no page: told in the visitor's language, with a way back.
        pages.get("**") { request, context in
            trouble(.notFound, request: request, context: context)
        }
        return router
    }

    private func addAssets(to router: Router<ConsoleContext>) {
        let assets: [(RouterPath, String, [UInt8])] = [
            ("assets/console.css", "text/css; charset=utf-8", ConsoleResources.style),
            ("assets/console.js", "text/javascript; charset=utf-8", ConsoleResources.script),
            ("assets/icon.svg", "image/svg+xml", ConsoleResources.icon),
        ]
        for (path, type, content) in assets {
            let body = ByteBuffer(bytes: content)
            router.get(path) { _, _ in
                var headers = HTTPFields()
                headers[.contentType] = type
                // Pages name the version behind a question mark: another version is another address.
                headers[.cacheControl] = "public, max-age=86400"
                return Response(status: .ok, headers: headers, body: .init(byteBuffer: body))
            }
        }
    }
}
