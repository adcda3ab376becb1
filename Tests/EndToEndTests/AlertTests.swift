import AttendanceCore
import AttendanceDelivery
import AttendanceSimulation
import AttendanceWeb
import Foundation
import Testing

@testable import AttendanceGateway

/// What people are told, by the whole gateway, through a webhook on a real socket.
@Suite struct `Alerts` {
    /// Pauses of the gateway are 100 times shorter: a look every 0.3 s, a paused site told after 0.6 s.
    private static let factor = 100
    /// What a look for check-ins asks.
    private static let checkins = "GET api/resource/Employee Checkin"

    private struct Message: Decodable, Equatable {
        struct Alert: Decodable, Equatable { var subject, severity, remedy: String }
        var event, kind, title: String
        var alerts: [Alert]
    }

    private func messages(_ receiver: SimulatedReceiver) throws -> [Message] {
        try receiver.requests.map { try JSONDecoder().decode(Message.self, from: Data($0.body.utf8)) }
    }

    private func withReceiver(_ body: (SimulatedReceiver) async throws -> Void) async throws {
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

    /// Settings with one channel of the kind json. By the hastened clock all that waits has soon waited for long.
    private func file(_ receiver: SimulatedReceiver) -> String {
        """
        [Alerts]
        OwedMinutes = 0
        DiskFreePercent = 0
        [Alert local]
        Kind = json
        URL = \(receiver.url)/hook-s3cret
        Token = t0ken-of-tests

        """
    }

    @Test(.timeLimit(.minutes(10)))
    func `a wrong key is told once, whatever is restarted, and its end is told once`() async throws {
        let folder = try TemporaryFolder()
        try await withReceiver { receiver in
            try await withERPNext { erp in
                erp.setCredential("somebody:else")
                try await withGateway(
                    file: file(receiver), erp: erp, folder: folder, delivery: .hastened(by: Self.factor)
                ) { gateway in
                    let terminal = try await gateway.connect("ZX01")
                    try await terminal.register()
                    try await terminal.sendLog([.tfs(1, at: wallNow(-60))])
                    await receiver.requestCount(reaches: 1)
                    try await eventually { gateway.gateway.alerts.service.current.first?.told != nil }
                    let health = try await gateway.http("/health").body
                    #expect(
                        health.contains(#""alerts":[{"count":1,"kind":"site-paused","severity":"critical""#))
                    #expect(!health.contains("s3cret"))
                    let metrics = try await gateway.http("/metrics").body
                    #expect(metrics.contains(#"gateway_alerts{kind="site-paused"} 1"#))
                    #expect(metrics.contains(#"gateway_alert_channel_up{channel="local"} 1"#))
                }
                // Started again, with the site still refusing: nothing is told twice.
                try await withGateway(
                    file: file(receiver), erp: erp, folder: folder, delivery: .hastened(by: Self.factor)
                ) { gateway in
                    try await eventually { try await gateway.sink("erpnext")?.state == "paused" }
                    try await eventually { !gateway.gateway.alerts.service.current.isEmpty }
                    #expect(receiver.requests.count == 1)
                    erp.setCredential("k3y-of-tests:\(erpSecret)")
                    await receiver.requestCount(reaches: 2)
                    try await eventually { try await gateway.gateway.store.alerts().isEmpty }
                    #expect(erp.checkins.count == 1)
                }
            }
            let told = try messages(receiver)
            #expect(told.map(\.event) == ["raised", "recovered"])
            #expect(told.allSatisfy { $0.kind == "site-paused" && $0.alerts.map(\.subject) == ["erpnext"] })
            #expect(told[0].title == "Delivery to erpnext is paused")
            #expect(told[0].alerts[0].remedy.contains("APIKey"))
            #expect(receiver.requests.allSatisfy { $0.headers["authorization"] == "Bearer t0ken-of-tests" })
        }
        let log = try String(contentsOfFile: folder.path + "/logs/attendance.log", encoding: .utf8)
        #expect(log.contains("ERROR - alert ") && log.contains("alert is over"))
        for secret in ["s3cret", "t0ken-of-tests"] { #expect(!log.contains(secret)) }
    }

    @Test(.timeLimit(.minutes(10)))
    func `wrong check-ins are told until none stands there, however often the gateway starts`() async throws {
        let folder = try TemporaryFolder()
        try await withReceiver { receiver in
            let settings = file(receiver)
            @Sendable func isTold(_ gateway: RunningGateway) -> Bool {
                gateway.gateway.alerts.service.current.contains { $0.kind == "wrong-checkins" }
            }
            try await withERPNext { erp in
                erp.changeRights { $0.writeLevelOne = false }
                try await withGateway(
                    file: settings, erp: erp, folder: folder, delivery: .hastened(by: 1000)
                ) { gateway in
                    let terminal = try await gateway.connect("ZX01")
                    try await terminal.register()
                    try await terminal.sendLog([.tfs(1, at: wallNow(-60))])
                    try await eventually { isTold(gateway) }
                    // The role is mended and the punch stands there rightly: the wrong one is left over.
                    erp.changeRights { $0.writeLevelOne = true }
                    try await gateway.outboxIsEmpty()
                    let asked = erp.requests[Self.checkins, default: 0]
                    await erp.requestCount(of: Self.checkins, reaches: asked + 2)
                    #expect(isTold(gateway))
                }
                let asked = erp.requests[Self.checkins, default: 0]
                try await withGateway(
                    file: settings, erp: erp, folder: folder, delivery: .hastened(by: 1000)
                ) { gateway in
                    await erp.requestCount(of: Self.checkins, reaches: asked + 2)
                    try await eventually { isTold(gateway) }
                    let wrong = try await gateway.gateway.store.misfiled(at: .erpnext, after: 0, limit: 9)
                    #expect(!wrong.isEmpty)
                    for misfiled in wrong { erp.removeCheckin(misfiled.reference) }
                    try await eventually { !isTold(gateway) }
                    try await eventually {
                        try await !gateway.gateway.store.alerts().contains { $0.kind == "wrong-checkins" }
                    }
                }
                // Of what is settled nobody speaks again.
                let before = erp.requests[Self.checkins, default: 0]
                try await withGateway(
                    file: settings, erp: erp, folder: folder, delivery: .hastened(by: 1000)
                ) { gateway in
                    await erp.requestCount(of: Self.checkins, reaches: before + 1)
                    try await gateway.outboxIsEmpty()
                    #expect(!isTold(gateway))
                }
            }
            let told = try messages(receiver).filter { $0.kind == "wrong-checkins" }
            #expect(told.map(\.event) == ["raised", "recovered"])
            #expect(told.first?.alerts.first?.remedy.contains("repairs list") == true)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a terminal that goes away is told by its name, and when it is back`()
        async throws
    {
        try await withReceiver { receiver in
            let settings = file(receiver) + "[Terminal ZX01]\nName = Gate 1\n"
            try await withGateway(file: settings, delivery: .hastened(by: 1000)) { gateway in
                let first = try await gateway.connect("ZX01")
                try await first.register()
                let other = try await gateway.connect("ZX02")
                try await other.register()
                try await first.close()
                // 15 minutes by the hastened clock, and then a look.
                await receiver.requestCount(reaches: 1)
                let back = try await gateway.connect("ZX01")
                try await back.register()
                await receiver.requestCount(reaches: 2)
            }
            let told = try messages(receiver).filter { $0.alerts.map(\.subject) == ["ZX01"] }
            // It goes away again when all ends, and that may be told as well.
            #expect(
                told.prefix(2).map(\.title) == [
                    "Terminal Gate 1 (ZX01) is offline", "Over: Terminal Gate 1 (ZX01) is offline",
                ])
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `alerts list and test ask the running gateway, and do without one`() async throws {
        let folder = try TemporaryFolder()
        let port = try await LoopbackPort.free()
        try await withReceiver { receiver in
            let sendmail = folder.path + "/sendmail"
            try "#!/bin/sh\necho 'no route to relay' >&2\nexit 75\n".write(
                toFile: sendmail, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: sendmail)
            let path = folder.path + "/config.ini"
            try """
            [Server]
            Host = 127.0.0.1
            Port = \(port)
            [Terminals]
            TimeZone = Asia/Kolkata
            Unknown = accept
            \(file(receiver))
            [Alert office]
            Kind = mail
            To = ada@example.com
            Sendmail = \(sendmail)
            """.write(toFile: path, atomically: true, encoding: .utf8)
            let gateway = try GatewayProcess(["serve", "--config", path], port: port)
            try await gateway.isReady()
            for isRunning in [true, false] {
                if !isRunning {
                    gateway.signal(SIGTERM)
                    #expect(await gateway.waitUntilEnded() == 0)
                }
                let before = receiver.requests.count
                let test = try await GatewayProcess.run(["alerts", "test", "--config", path], in: folder)
                #expect(test.status == 1)
                #expect(test.output.contains("local    json  sent"))
                #expect(test.output.contains("office   mail  failed"))
                #expect(test.output.contains("it ended with status 75 (no route to relay)"))
                #expect(test.output.contains("sent from here") == !isRunning)
                #expect(receiver.requests.count == before + 1)
                let list = try await GatewayProcess.run(["alerts", "list", "--config", path], in: folder)
                #expect(list.status == 0)
                #expect(list.output.contains("no alerts"))
                #expect(list.output.contains("channel office (mail) does not work") == isRunning)
                for output in [test.output, list.output] { #expect(!output.contains("s3cret")) }
            }
            #expect(try messages(receiver).allSatisfy { $0.event == "test" })
        }
    }
}
