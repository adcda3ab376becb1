import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import AttendanceWeb
import Foundation
import Testing

@testable import AttendanceGateway

@Suite(.timeLimit(.minutes(10))) struct `Employees between terminals and ERPNext` {
    private static let often = ["ERP.EmployeeSyncMinutes=1"]

    private func deadLetters(_ gateway: RunningGateway, reach count: Int) async throws {
        try await eventually { try await gateway.gateway.store.status().queues[.erpnext]?.dead == count }
    }

    @Test func `a punch of somebody unknown is delivered by itself once the employee is in ERPNext`()
        async throws
    {
        try await withERPNext(people: 1...5) { erp in
            try await withGateway(Self.often, erp: erp, delivery: .hastened(by: 60)) { gateway in
                let terminal = try await gateway.connect("T1")
                try await terminal.register()
                let time = wallNow(-60)
                _ = try await terminal.sendLog([.tfs(77, at: time), .coded("0078", at: time)])
                try await deadLetters(gateway, reach: 2)
                erp.add(.init(name: "HR-EMP-77", deviceID: "77"))
                erp.add(.init(name: "HR-EMP-78", deviceID: "78", status: .inactive))
                await erp.checkinCount(reaches: 1)
                erp.update("HR-EMP-78") { $0.status = .active }
                await erp.checkinCount(reaches: 2)
                #expect(Set(erp.checkins.map(\.employee)) == ["HR-EMP-77", "HR-EMP-78"])
                #expect(erp.checkins.allSatisfy { $0.time == time.description })
                try await gateway.outboxIsEmpty()
                let trail = try await gateway.gateway.store.auditTrail(after: 0, limit: 10)
                #expect(trail.allSatisfy { $0.author == .gateway && $0.action == "dead-letters.retry" })
            }
        }
    }

    @Test func `ids fit without their leading zeros, and names come from ERPNext`() async throws {
        let employees = [
            SimulatedEmployee(name: "HR-EMP-A", deviceID: "0042", employeeName: "Asha"),
            SimulatedEmployee(name: "HR-EMP-B", deviceID: "7", employeeName: "Bela"),
            SimulatedEmployee(name: "HR-EMP-C", deviceID: "008", employeeName: "Chen"),
            SimulatedEmployee(name: "HR-EMP-D", deviceID: "08", employeeName: "Dina"),
        ]
        try await withERPNext(people: 900...901) { erp in
            for employee in employees { erp.add(employee) }
            try await withGateway(erp: erp) { gateway in
                try await eventually { try await gateway.sink("erpnext")?.site?.employees == 6 }
                let terminal = try await gateway.connect("T1")
                try await terminal.register()
                let time = wallNow(-60)
                _ = try await terminal.sendLog([
                    .tfs(42, at: time), .coded("0007", at: time), .coded("08", at: time),
                    .tfs(8, at: wallNow(-30)),
                ])
                await erp.checkinCount(reaches: 3)
                try await deadLetters(gateway, reach: 1)
                #expect(Set(erp.checkins.map(\.employee)) == ["HR-EMP-A", "HR-EMP-B", "HR-EMP-D"])
                let letter = try await gateway.gateway.store.deadLetters(.init(), after: 0, limit: 5)
                #expect(letter.map(\.cause) == [.severalEmployees])
                #expect(letter.first?.reason.contains("HR-EMP-C, HR-EMP-D") == true)
                let entries = try await gateway.journal()
                let known = entries.first { $0.punch.enrollID.sent == "42" }
                #expect(known?.employeeName == "Asha")
                #expect(known?.decision?.employee == "HR-EMP-A")
                #expect(known.map { PunchRow($0).values[5].plain } == "Asha")

                // One of the two gets another id: the other is meant then.
                erp.update("HR-EMP-C") { $0.deviceID = "3" }
                let report = await gateway.gateway.sinks.people.sync(of: .erpnext)?.readNow()
                #expect(report?.requeued == 1)
                await erp.checkinCount(reaches: 4)
                #expect(erp.checkins.count { $0.employee == "HR-EMP-D" } == 2)
            }
        }
    }

    @Test func `a restart knows everybody although employees cannot be read, and a removal ends that`()
        async throws
    {
        let folder = try TemporaryFolder()
        try await withERPNext(people: 1...30) { erp in
            try await withGateway(erp: erp, folder: folder) { gateway in
                try await eventually { try await gateway.sink("erpnext")?.site?.lastRead != nil }
            }
            erp.inject(.databaseGone, path: "api/resource/Employee")
            erp.inject(.databaseGone, path: "api/method/frappe.client.get_time_zone")
            try await withGateway(Self.often, erp: erp, folder: folder, delivery: .hastened(by: 60)) {
                gateway in
                let site = try #require(try await gateway.sink("erpnext")?.site)
                #expect(site.employees == 30)
                #expect(
                    gateway.gateway.sinks.people.directories[.erpnext]?.now.zone?.identifier == "Asia/Kolkata"
                )
                let terminal = try await gateway.connect("T1")
                try await terminal.register()
                _ = try await terminal.sendLog([.coded("0007", at: wallNow(-60))])
                await erp.checkinCount(reaches: 1)
                #expect(erp.checkins.map(\.employee) == ["HR-EMP-7"])
                try await eventually { try await gateway.sink("erpnext")?.site?.problem != nil }

                erp.clearFaults()
                erp.removeEmployee("HR-EMP-7")
                _ = try await terminal.sendLog([.coded("0007", at: wallNow(-30))])
                try await deadLetters(gateway, reach: 1)
                try await eventually { try await gateway.sink("erpnext")?.site?.employees == 29 }
                #expect(erp.checkins.count == 1)
            }
        }
    }

    @Test
    func `a group of terminals has its own ids, and a user who may not read employees delivers all the same`()
        async throws
    {
        let file = """
            [Group Plant]
            EmployeeField = plant_id
            [Terminal P1]
            Group = Plant
            """
        try await withERPNext(people: 1...5) { erp in
            erp.addEmployeeField("plant_id")
            erp.update("HR-EMP-3") { $0.fields["plant_id"] = "00001" }
            try await withGateway(file: file, erp: erp) { gateway in
                try await eventually { try await gateway.sink("erpnext")?.site?.lastRead != nil }
                for serial in ["P1", "Q1"] {
                    let terminal = try await gateway.connect(serial)
                    try await terminal.register()
                    _ = try await terminal.sendLog([.tfs(1, at: wallNow(-60))])
                }
                await erp.checkinCount(reaches: 2)
                #expect(Set(erp.checkins.map(\.employee)) == ["HR-EMP-1", "HR-EMP-3"])
            }
            erp.changeRights { $0.readEmployee = false }
            try await withGateway(erp: erp) { gateway in
                try await eventually { try await gateway.sink("erpnext")?.site?.problem != nil }
                let site = try #require(try await gateway.sink("erpnext")?.site)
                #expect(site.remedy?.contains("HR User") == true)
                #expect(site.lastRead == nil)
                let terminal = try await gateway.connect("Q1")
                try await terminal.register()
                _ = try await terminal.sendLog([.tfs(5, at: wallNow(-30))])
                await erp.checkinCount(reaches: 3)
                #expect(try await gateway.sink("erpnext")?.state == "running")
            }
        }
    }

    // MARK: The command

    private func run(_ arguments: [String], _ path: String, _ folder: TemporaryFolder) async throws -> (
        status: Int32, output: String
    ) {
        try await GatewayProcess.run(["employees"] + arguments + ["--config", path], in: folder)
    }

    @Test(.timeLimit(.minutes(10)))
    func `the command previews, maps and reads, beside a running gateway and without one`() async throws {
        let folder = try TemporaryFolder()
        let port = try await LoopbackPort.free()
        try await withERPNext(people: 1...3) { erp in
            erp.add(.init(name: "HR-EMP-10", deviceID: "", employeeName: "Ana Lima"))
            let path = folder.path + "/config.ini"
            try """
            [Server]
            Host = 127.0.0.1
            Port = \(port)
            [ERP]
            URL = \(erp.url)
            Dialect = hrms
            APIKey = k3y-of-tests
            APISecret = \(erpSecret)
            [Terminals]
            TimeZone = Asia/Kolkata
            Unknown = accept
            """.write(toFile: path, atomically: true, encoding: .utf8)
            let gateway = try GatewayProcess(["serve", "--config", path], port: port)
            try await gateway.isReady()
            await erp.requestCount(of: "GET api/resource/Employee", reaches: 1)
            let terminal = try await SimulatedTerminal.connect(port: port, serial: "ZX01")
            try await terminal.register()
            let time = wallNow(-60)
            _ = try await terminal.sendLog([
                .tfs(2, at: time), .aiFace(4711, at: time, name: "Ana Lima"), .tfs(4712, at: time),
            ])
            try await eventually {
                (try await gateway.health()["queue"] as? [String: Any])?["dead_letters"] as? Int == 2
            }

            let check = try await run(["check"], path, folder)
            #expect(check.status == 1)
            #expect(check.output.contains("HR-EMP-10 has this name"))
            #expect(check.output.contains("2 × unknown-id"))
            #expect(
                check.output.contains("4 employees, 3 ids on terminals in 60 days: something is to be done"))

            let wrong = try await run(["map", "4711", "HR-EMP-99"], path, folder)
            #expect(wrong.status == 1)
            #expect(wrong.output.contains("erpnext has no employee HR-EMP-99"))
            #expect(try await run(["map", "4711"], path, folder).status == 64)
            #expect(try await run(["map", "0", "HR-EMP-10"], path, folder).status == 64)
            #expect(try await run(["map", "1", "HR-EMP-10", "--group", "none"], path, folder).status == 64)
            let mapped = try await run(["map", "4711", "HR-EMP-10"], path, folder)
            #expect(mapped.status == 0)
            #expect(mapped.output.contains("1 ids mapped; 1 dead letters are sent again"))
            await erp.checkinCount(reaches: 2)
            #expect(erp.checkins.last?.employee == "HR-EMP-10")

            let list = try await run(["list", "--format", "csv"], path, folder)
            #expect(list.output.contains("HR-EMP-10,Ana Lima,Active,,4711,Example Works"))
            erp.add(.init(name: "HR-EMP-11", deviceID: "4712"))
            let sync = try await run(["sync"], path, folder)
            #expect(sync.status == 0)
            #expect(
                sync.output.contains(
                    "5 employees known: 1 new or changed, 0 removed; 1 dead letters are sent again"))
            await erp.checkinCount(reaches: 3)
            let well = try await run(["check", "--format", "json"], path, folder)
            #expect(well.status == 0)
            #expect(well.output.isEmpty)

            gateway.signal(SIGTERM)
            #expect(await gateway.waitUntilEnded() == 0)
            let punches = try await GatewayProcess.run(
                ["punches", "--format", "csv", "--config", path], in: folder)
            #expect(punches.output.contains(",4712,HR-EMP-11,person,1,0,0,HR-EMP-11,,delivered,"))

            // Without a gateway the journal is opened for the moment.
            let mapping = folder.path + "/mapping.csv"
            try ",0001,HR-EMP-2\n,0002,HR-EMP-1\n".write(toFile: mapping, atomically: true, encoding: .utf8)
            #expect(try await run(["map", "--file", mapping], path, folder).output.contains("2 ids mapped"))
            let mappings = try await run(["mappings", "--format", "json"], path, folder)
            #expect(
                mappings.output.contains(
                    #""id":"4711","employee":"HR-EMP-10","name":"Ana Lima","status":"Active","by":"command""#)
            )
            #expect(mappings.output.split(separator: "\n").count == 3)
            try ",0001,HR-EMP-2\n,1,HR-EMP-1\nx\n".write(toFile: mapping, atomically: true, encoding: .utf8)
            let faulty = try await run(["map", "--file", mapping], path, folder)
            #expect(faulty.status == 65)
            #expect(faulty.output.contains("mapping.csv: line 2: "))
            #expect(faulty.output.contains("mapping.csv: line 3: "))
            #expect(try await run(["unmap", "4711"], path, folder).status == 0)
            #expect(try await run(["unmap", "4711"], path, folder).status == 1)
            erp.removeEmployee("HR-EMP-11")
            let direct = try await run(["sync"], path, folder)
            #expect(direct.output.contains("4 employees known: 0 new or changed, 1 removed"))
            try await erp.stop()
            let down = try await run(["sync"], path, folder)
            #expect(down.status == 1)
            #expect(down.output.contains("but: "))
            try await erp.start()

            let trail = try await GatewayProcess.run(
                ["audit", "--format", "csv", "--config", path], in: folder)
            #expect(trail.output.contains("employees.map"))
            #expect(trail.output.contains("employees.unmap"))
        }
    }
}
