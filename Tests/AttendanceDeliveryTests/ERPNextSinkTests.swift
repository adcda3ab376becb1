import AttendanceCore
import AttendanceDelivery
import AttendanceSimulation
import Foundation
import Testing

@Suite struct ERPNextSinkTests {
    private func punch(_ person: String = "0012", alias: String? = nil) -> OwedPunch {
        OwedPunch(
            id: 1, terminal: SerialNumber("gate-1")!, enrollID: EnrollID(person)!, alias: alias,
            name: "Zoë & Co",
            time: WallTime("2026-11-05 08:01:09")!, zone: "Asia/Kolkata", instant: 1_793_845_869,
            received: UnixTime(seconds: 0))
    }

    private func withSink<Value>(
        _ settings: ERPNextSink.Settings, _ body: (ERPNextSink) async throws -> Value
    ) async throws -> Value {
        let client = SiteClient.makeHTTPClient(concurrency: 2)
        let result: Result<Value, any Error>
        do { result = .success(try await body(ERPNextSink(settings: settings, client: client))) } catch {
            result = .failure(error)
        }
        try await client.shutdown()
        return try result.get()
    }

    private func frozen(_ settings: ERPNextSink.Settings, _ punch: OwedPunch) async throws -> [String: String]
    {
        try await withSink(settings) { sink in
            try JSONDecoder().decode([String: String].self, from: Data(try await sink.freeze(punch).utf8))
        }
    }

    @Test func `freezes what HRMS's method takes, all of it text`() async throws {
        let fields = try await frozen(.init(url: "http://x"), punch(alias: "E-77"))
        #expect(
            fields == [
                "employee_field_value": "E-77", "timestamp": "2026-11-05 08:01:09", "device_id": "gate-1",
                "employee_fieldname": "attendance_device_id",
            ])
    }

    @Test func `shows the instant in the site's zone when one is set`() async throws {
        let dialect = ERPNextSink.Dialect.hrms(employeeField: "name", siteZone: ZoneRules(identifier: "UTC"))
        let fields = try await frozen(.init(url: "http://x", dialect: dialect, personKey: .enrollID), punch())
        #expect(fields["timestamp"] == "2026-11-05 02:31:09")
        #expect(fields["employee_field_value"] == "0012")
        #expect(fields["employee_fieldname"] == "name")
    }

    @Test func `freezes what the older service sent, day first`() async throws {
        let fields = try await frozen(.init(url: "http://x", dialect: .customMethod), punch(alias: "E-77"))
        #expect(
            fields == [
                "punchingcode": "0012", "employee_name": "Zoë & Co", "time": "05-11-2026 08:01:09",
                "device_id": "gate-1",
            ])
    }

    @Test func `one employee is one lane, whichever way the key came`() async throws {
        try await withSink(.init(url: "http://x")) { sink in
            #expect(sink.lane(of: punch("5", alias: "E77")) == sink.lane(of: punch("9", alias: "e77")))
            #expect(sink.lane(of: punch("0012")) == sink.lane(of: punch("12")))
        }
    }

    @Test(.timeLimit(.minutes(10)), arguments: ["", "/", "///"])
    func `joins address and endpoint whatever the slashes`(slashes: String) async throws {
        let erp = try SimulatedERPNext(registersUnknown: true)
        try await erp.start()
        let endpoint = slashes + SimulatedERPNext.customMethod
        try await withSink(.init(url: erp.url + slashes, endpoint: endpoint, dialect: .customMethod)) {
            sink in
            let delivery = await sink.deliver(punch(), frozen: try await sink.freeze(punch()))
            #expect(delivery.status == 200)
            #expect(erp.checkins.map(\.time) == ["2026-11-05 08:01:09"])
        }
        try await erp.stop()
    }

    @Test(.timeLimit(.minutes(10)))
    func `tells what was certainly not sent from what may have arrived`() async throws {
        let erp = try SimulatedERPNext(registersUnknown: true)
        try await erp.start()
        try await withSink(.init(url: erp.url, timeout: .seconds(4))) { sink in
            let frozen = try await sink.freeze(punch())
            erp.inject(.hang, times: 1)
            #expect(isAmbiguous(await sink.deliver(punch(), frozen: frozen)) == true)
            erp.inject(.closed(stored: false), times: 1)
            #expect(isAmbiguous(await sink.deliver(punch(), frozen: frozen)) == true)
            erp.inject(.hang)
            #expect(await sink.probe() == false)
            erp.clearFaults()
            #expect(await sink.probe())
        }
        try await erp.stop()
        // Another client: the one before may still hold a connection that the site has just closed.
        try await withSink(.init(url: erp.url)) { sink in
            let frozen = try await sink.freeze(punch())
            #expect(isAmbiguous(await sink.deliver(punch(), frozen: frozen)) == false)
            #expect(await sink.probe() == false)
            #expect(erp.checkins.isEmpty)
        }
        try await withSink(.init(url: "http://no-such-host.invalid", timeout: .seconds(5))) { sink in
            let unresolved = await sink.deliver(punch(), frozen: try await sink.freeze(punch()))
            #expect(isAmbiguous(unresolved) == false)
        }
        try await withSink(.init(url: "erp.example.com")) { sink in
            let delivery = await sink.deliver(punch(), frozen: try await sink.freeze(punch()))
            #expect(delivery.answer == .configuration)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `an answer without end is cut off and the client goes on`() async throws {
        let erp = try SimulatedERPNext(registersUnknown: true)
        try await erp.start()
        try await withSink(.init(url: erp.url)) { sink in
            let frozen = try await sink.freeze(punch())
            erp.inject(.longPage(bytes: 32 << 20), times: 1)
            #expect(isAmbiguous(await sink.deliver(punch(), frozen: frozen)) == false)
            #expect(await sink.deliver(punch(), frozen: frozen).answer == .delivered)
        }
        try await erp.stop()
    }

    private func isAmbiguous(_ delivery: Delivery) -> Bool? {
        if case .siteUnavailable(_, _, let ambiguous) = delivery.outcome { ambiguous } else { nil }
    }

    @Test(.timeLimit(.minutes(10)))
    func `looks for exactly its own check-in`() async throws {
        let erp = try SimulatedERPNext(registersUnknown: true, credential: "k:s")
        try await erp.start()
        let credential = APICredential(key: "k", secret: "s")
        try await withSink(.init(url: erp.url, credential: credential)) { sink in
            let frozen = try await sink.freeze(punch())
            #expect(await sink.look(for: punch(), frozen: frozen) == .absent)
            let delivery = await sink.deliver(punch(), frozen: frozen)
            let name = erp.checkins.first?.name
            #expect(name != nil && delivery.outcome == .delivered(reference: name))
            #expect(await sink.look(for: punch(), frozen: frozen) == .present(reference: name))
            var later = punch()
            later.time = WallTime(seconds: later.time.seconds + 1)
            let sighting = await sink.look(for: later, frozen: try await sink.freeze(later))
            #expect(sighting == .absent)
            erp.inject(.maintenance)
            guard case .unavailable = await sink.look(for: punch(), frozen: frozen) else {
                Issue.record("a site in maintenance cannot tell")
                return
            }
        }
        try await erp.stop()
    }

    @Test(.timeLimit(.minutes(10)))
    func `the stand-in doubles equal requests at once, as the real site does`() async throws {
        let erp = try SimulatedERPNext(registersUnknown: true)
        // Both have looked for a repeat before either is stored: the database wakes only when both are there.
        erp.inject(.frozen)
        try await erp.start()
        try await withSink(.init(url: erp.url)) { sink in
            let punch = punch()
            let frozen = try await sink.freeze(punch)
            async let first = sink.deliver(punch, frozen: frozen)
            async let second = sink.deliver(punch, frozen: frozen)
            await erp.checkinRequestCount(reaches: 2)
            erp.clearFaults()
            _ = await (first, second)
            #expect(erp.checkins.count == 2)
            #expect(erp.overlaps == 1)
            let third = await sink.deliver(punch, frozen: frozen)
            #expect(third.answer == .alreadyThere)
        }
        try await erp.stop()
    }

    @Test func `a credential does not print itself`() {
        let credential = APICredential(key: "public", secret: "hush")
        var dumped = ""
        dump(credential, to: &dumped)
        for text in ["\(credential)", String(reflecting: credential), dumped] {
            #expect(!text.contains("hush"))
        }
    }
}
