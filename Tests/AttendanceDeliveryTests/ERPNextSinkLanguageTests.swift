import AttendanceCore
import AttendanceDelivery
import AttendanceSimulation
import Testing

/// A site that answers in its own language, whatever was asked for: what is not translated decides, and a link to a
/// check-in is followed before it is believed.
@Suite struct ERPNextSinkLanguageTests {
    private func punch(_ id: Int64, _ time: StaticString, person: String = "77") -> OwedPunch {
        let wall = WallTime(time.description)!
        return OwedPunch(
            id: id, terminal: SerialNumber("gate-1")!, enrollID: EnrollID(person)!, time: wall,
            zone: "Asia/Kolkata", instant: wall.seconds - 19_800, received: UnixTime(seconds: 0))
    }

    private func withSite(_ body: (SimulatedERPNext, ERPNextSink) async throws -> Void) async throws {
        let erp = try SimulatedERPNext(employees: [SimulatedEmployee(name: "HR-EMP-00007", deviceID: "77")])
        try await erp.start()
        let client = SiteClient.makeHTTPClient(concurrency: 2)
        let result: Result<Void, any Error>
        do {
            let sink = ERPNextSink(settings: .init(url: erp.url), client: client)
            result = .success(try await body(erp, sink))
        } catch {
            result = .failure(error)
        }
        try await client.shutdown()
        try await erp.stop()
        try result.get()
    }

    @Test(
        .timeLimit(.minutes(10)), arguments: SimulatedSiteLanguage.allCases,
        [SimulatedErrorBody.whole, .withoutTraceback, .withoutMessages, .version2])
    func `a repeat is there, and an unknown person is unknown`(
        language: SimulatedSiteLanguage, errorBody: SimulatedErrorBody
    ) async throws {
        try await withSite { erp, sink in
            erp.setForcedLanguage(language)
            erp.setErrorBody(errorBody)
            let punch = punch(1, "2026-11-22 08:01:09")
            let frozen = try await sink.freeze(punch)
            let first = await sink.deliver(punch, frozen: frozen)
            let second = await sink.deliver(punch, frozen: frozen)
            #expect(first.answer == .delivered)
            #expect(second.outcome == .alreadyThere(reference: first.reference))
            #expect(second.answer == .alreadyThere)
            #expect(erp.checkins.count == 1)

            let stranger = self.punch(2, "2026-11-22 08:01:09", person: "78")
            let refused = await sink.deliver(stranger, frozen: try await sink.freeze(stranger))
            guard case .rejected(.unknownEmployee, _) = refused.outcome else {
                Issue.record("\(refused.outcome)")
                return
            }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a rule of the customer's that links to another check-in is a refusal`()
        async throws
    {
        try await withSite { erp, sink in
            let earlier = punch(1, "2026-11-22 08:01:09")
            let stored = await sink.deliver(earlier, frozen: try await sink.freeze(earlier))
            let name = try #require(stored.reference)
            let rule = "Zu bald nach <a href=\"/app/employee-checkin/\(name)\">\(name)</a>"
            let punch = punch(2, "2026-11-22 08:03:00")
            let frozen = try await sink.freeze(punch)

            erp.inject(.refused(exceptionType: "ValidationError", message: rule), times: 1)
            let refused = await sink.deliver(punch, frozen: frozen)
            #expect(refused.outcome == .rejected(cause: .refusedByRule, reason: "Zu bald nach \(name)"))
            #expect(refused.answer == .rejected)
            #expect(refused.reference == nil)
            #expect(erp.checkins.count == 1)

            // The same words of the check-in that was meant.
            erp.inject(.refused(exceptionType: "ValidationError", message: rule), times: 1)
            let repeated = await sink.deliver(earlier, frozen: try await sink.freeze(earlier))
            #expect(repeated.outcome == .alreadyThere(reference: name))
        }
    }
}
