import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import Foundation
import Testing

@testable import AttendanceGateway

@Suite(.timeLimit(.minutes(10))) struct `Dead letters for want of a rule` {
    /// Shift hours around the punches of these tests, whatever the hour they run at.
    private func strictSite(_ erp: SimulatedERPNext) {
        erp.add(
            SimulatedShiftType(
                name: "Always", start: "00:00", end: "23:59", beginsBefore: 0, allowsAfter: 0,
                determination: .byLogType))
        for person in 1...4 { erp.update("HR-EMP-\(person)") { $0.defaultShift = "Always" } }
    }

    private func dead(_ gateway: RunningGateway, _ count: Int) async throws {
        try await eventually { try await gateway.gateway.store.status().queues[.erpnext]?.dead == count }
    }

    private func send(_ gateway: RunningGateway, _ person: UInt64, _ serial: String) async throws {
        let terminal = try await gateway.connect(serial)
        try await terminal.register()
        try await terminal.sendLog([.tfs(person, at: wallNow(-90))])
    }

    private func causes(_ gateway: RunningGateway) async throws -> [RejectionCause] {
        try await gateway.gateway.store.deadLetters(.init(), after: 0, limit: 9).map(\.cause)
    }

    /// All that was done by itself is in the trail, as the gateway's own doing.
    private func retries(_ gateway: RunningGateway) async throws -> Int {
        let trail = try await gateway.gateway.store.auditTrail(after: 0, limit: 100)
        #expect(trail.allSatisfy { $0.author == .gateway && $0.action == "dead-letters.retry" })
        return trail.count
    }

    @Test func `a direction rule sends again what the site refused without one, at a reload`() async throws {
        try await withERPNext(people: 1...9) { erp in
            strictSite(erp)
            try await withGateway(erp: erp) { gateway in
                for (person, serial) in [(1, "T1"), (2, "T2"), (3, "T3")] as [(UInt64, String)] {
                    try await send(gateway, person, serial)
                }
                try await dead(gateway, 3)
                #expect(Set(try await causes(gateway)) == [.directionRequired])
                #expect(erp.checkins.isEmpty)

                // Only those whose terminal has a rule now.
                try gateway.reload(
                    "[Terminal T1]\nDirection = out\n[Group Gate]\nDirection = in\n"
                        + "[Terminal T2]\nGroup = Gate\n")
                await erp.checkinCount(reaches: 2)
                try await dead(gateway, 1)
                try await gateway.outboxIsEmpty()
                let directions = Dictionary(erp.checkins.map { ($0.person, $0.logType) }) {
                    "\($0) and \($1)"
                }
                #expect(directions == ["1": "OUT", "2": "IN"])

                // A rule that changes nothing for the third sends nothing.
                let before = erp.checkinRequests
                try gateway.reload("[Terminal T1]\nDirection = in\n")
                try await send(gateway, 4, "T1")
                await erp.checkinCount(reaches: 3)
                #expect(erp.checkinRequests == before + 1)
                try await dead(gateway, 1)
                #expect(try await retries(gateway) > 0)
            }
        }
    }

    @Test func `coordinates send again what the site refused without them, at the next start`() async throws {
        let folder = try TemporaryFolder()
        try await withERPNext(people: 1...9) { erp in
            erp.setVersion(.version15)
            erp.setWantsCoordinates(true)
            try await withGateway(erp: erp, folder: folder) { gateway in
                try await send(gateway, 1, "T1")
                try await send(gateway, 2, "T2")
                try await dead(gateway, 2)
                #expect(Set(try await causes(gateway)) == [.coordinatesRequired])
                let letters = try await gateway.command(["dead-letters", "list"])
                #expect(letters.output.contains("Latitude"))
            }
            let file = "[Terminal T1]\nLatitude = 12.9716\nLongitude = 77.5946\n"
            try await withGateway(file: file, erp: erp, folder: folder) { gateway in
                await erp.checkinCount(reaches: 1)
                try await dead(gateway, 1)
                try await gateway.outboxIsEmpty()
                let checkin = try #require(erp.checkins.first)
                #expect(checkin.person == "1" && checkin.latitude == 12.9716 && checkin.longitude == 77.5946)
                #expect(erp.checkins.count == 1)

                // And those of all terminals, once there are some for all.
                try gateway.reload("[Terminals]\nLatitude = 25.2048\nLongitude = 55.2708\n")
                await erp.checkinCount(reaches: 2)
                try await dead(gateway, 0)
                #expect(erp.checkins.last?.latitude == 25.2048)
                #expect(try await retries(gateway) == 2)
            }
        }
    }

    @Test func `a rule that the site does not take either leaves a dead letter, tried once more`()
        async throws
    {
        try await withERPNext(people: 1...9) { erp in
            strictSite(erp)
            erp.setVersion(.version15)
            erp.setWantsCoordinates(true)
            try await withGateway(erp: erp) { gateway in
                try await send(gateway, 1, "T1")
                try await dead(gateway, 1)
                #expect(try await causes(gateway) == [.directionRequired])
                try gateway.reload("[Terminals]\nDirection = alternate\n")
                try await eventually { try await causes(gateway) == [.coordinatesRequired] }
                let requests = erp.checkinRequests
                try gateway.reload("[Terminals]\nDirection = in\n")
                try gateway.reload("[Terminals]\nDirection = in\nLatitude = 1.5\nLongitude = 103.8\n")
                await erp.checkinCount(reaches: 1)
                #expect(erp.checkins.map(\.logType) == ["IN"])
                #expect(erp.checkinRequests == requests + 1)
            }
        }
    }
}
