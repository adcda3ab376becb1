import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import Foundation
import Testing

@testable import AttendanceGateway

@Suite(.timeLimit(.minutes(10))) struct `The console's alerts` {
    private func withReceiver(
        _ body: @escaping @Sendable (SimulatedReceiver) async throws -> Void
    ) async throws {
        let receiver = SimulatedReceiver()
        try await receiver.start()
        do {
            try await body(receiver)
            try await receiver.stop()
        } catch {
            try await receiver.stop()
            throw error
        }
    }

    private func file(_ receiver: SimulatedReceiver) -> String {
        """
        [Alerts]
        OwedMinutes = 0
        DiskFreePercent = 0
        [Alert local]
        Kind = json
        URL = \(receiver.url)/hook-s3cret
        Token = t0ken-of-tests
        [Group Plant]
        Sinks = erpnext
        """
    }

    @Test func `are told with their remedy, and channels can be tested`() async throws {
        try await withReceiver { receiver in
            try await withERPNext { erp in
                erp.setCredential("somebody:else")
                let file = self.file(receiver)
                try await withGateway(file: file, erp: erp, delivery: .hastened(by: 100)) { gateway in
                    let terminal = try await gateway.connect("ZX01")
                    try await terminal.register()
                    try await terminal.sendLog([.tfs(1, at: wallNow(-60))])
                    try await eventually { gateway.gateway.alerts.service.current.first?.told != nil }
                    let visitor = try await gateway.visitor()
                    let page = try await visitor.get("/alerts")
                    #expect(page.status == 200)
                    #expect(page.text.contains("Critical</span>") && page.text.contains("What to do:"))
                    #expect(page.text.contains("/deliveries?sink=erpnext"))
                    #expect(page.text.contains("<td data-label=\"Channel\">local</td>"))
                    #expect(!page.text.contains("s3cret") && !page.text.contains("t0ken"))
                    #expect(!page.text.contains("severity_") && !page.text.contains("channel_"))
                    let before = receiver.requests.count
                    let tested = try await visitor.post("/alerts/test", [:])
                    #expect(tested.status == 200 && tested.text.contains("Taken</span>"))
                    #expect(receiver.requests.count > before)

                    // An operator sees what is wrong, and sends nobody messages.
                    let other = try await gateway.visitor(.operator, named: "operator.two")
                    let seen = try await other.get("/alerts")
                    #expect(seen.text.contains("Critical</span>") && !seen.text.contains("/alerts/test"))
                    #expect(try await other.post("/alerts/test", [:]).status == 403)
                    // Who may see another sink only sees nothing of this one, and no channels.
                    let branch = try await gateway.visitor(
                        .operator, named: "branch.one", reach: try Reach(groups: nil, sinks: ["branch"]))
                    let nothing = try await branch.get("/alerts")
                    #expect(nothing.status == 200 && !nothing.text.contains("erpnext"))
                    #expect(!nothing.text.contains(">local<"))
                }
            }
        }
    }

    @Test func `none, and nobody to be told, are said so`() async throws {
        try await withGateway(file: "[Alerts]\nDiskFreePercent = 0\n") { gateway in
            let visitor = try await gateway.visitor()
            visitor.language = "es"
            let page = try await visitor.get("/alerts")
            #expect(page.status == 200 && page.text.contains("<h1>Alertas</h1>"))
            #expect(page.text.contains("los ajustes no tienen sección [Alert NAME]"))
        }
    }
}
