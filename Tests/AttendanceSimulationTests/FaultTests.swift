import AttendanceCore
import AttendanceSimulation
import Synchronization
import Testing

@Suite struct `Faults of the simulated site` {
    @Test(.timeLimit(.minutes(10))) func `of the catalogue are all there, in an order that comes again`() {
        let all = ERPNextFault.catalogue
        #expect(Set(all.map(\.name)).count == all.count && Set(all.map(\.fault)).count == all.count)
        let shuffled = ERPNextFault.catalogue(seed: 7).map(\.name)
        #expect(shuffled == ERPNextFault.catalogue(seed: 7).map(\.name))
        #expect(shuffled != ERPNextFault.catalogue(seed: 8).map(\.name))
        #expect(Set(shuffled) == Set(all.map(\.name)))
        // One word of each kind: whoever adds a fault is to add it there.
        func kind(_ fault: ERPNextFault) -> String {
            String("\(fault)".prefix { $0 != "(" })
        }
        let kinds = Set(all.map { kind($0.fault) })
        #expect(kinds.count == 36, "\(kinds.sorted())")
    }

    @Test(.timeLimit(.minutes(10)), arguments: ERPNextFault.catalogue)
    func `hit one delivery, store what they say they store, and pass`(_ entry: CataloguedFault) async throws {
        try await withSite { erp, site in
            erp.inject(entry.fault, times: 1)
            let time = "2026-11-22 08:00:00"
            let first = Task { try? await site.log("1006", time) }
            switch entry.fault {
            case .hang:
                await erp.checkinRequestCount(reaches: 1)
                first.cancel()
            case .frozen:
                await erp.deliveriesAtWork(reach: 1)
                #expect(erp.checkins.isEmpty)
                erp.clearFaults()
            default: break
            }
            // Nil where no whole answer came.
            let answer = await first.value
            #expect(erp.checkins.count == (entry.fault.stores ? 1 : 0))
            #expect((erp.checkins.first?.time == time) == (entry.fault.stores && entry.fault != .wrongTime))
            if case .closed = entry.fault { #expect(answer == nil) }
            if case .cutOff = entry.fault { #expect(answer == nil) }
            if case .brokenJSON = entry.fault { #expect(answer?.status == 200 && answer?.json == .missing) }
            if case .invalidUTF8 = entry.fault { #expect(answer?.status == 200 && answer?.json == .missing) }
            #expect(erp.statistics.faults == [entry.fault: 1])
            let second = try await site.log("1006", time)
            let isThere = entry.fault.stores && entry.fault != .wrongTime
            #expect(second.status == (isThere ? 417 : 200))
            #expect(erp.checkins.count { $0.time == time } == 1)
        }
    }

    @Test(
        .timeLimit(.minutes(10)),
        arguments: [
            (ERPNextFault.badGateway(stored: true), 502, "502 Bad Gateway", "nginx/1.24.0"),
            (.gatewayTimeout(stored: true), 504, "504 Gateway Time-out", "nginx/1.24.0"),
            (.proxyPage(status: 524, stored: true), 524, "A timeout occurred", "cloudflare"),
            (.databaseGone, 500, "Internal Server Error", "gunicorn"),
            (.unknownSite, 404, "does not exist", "gunicorn"), (.page, 200, "Please log in", "gunicorn"),
        ])
    func `before the application answer with their own pages`(
        fault: ERPNextFault, status: Int, words: String, server: String
    ) async throws {
        try await withSite { erp, site in
            erp.inject(fault)
            let answer = try await site.log("1006", "2026-11-22 08:00:00")
            #expect(answer.status == status && answer.text.contains(words))
            #expect(answer.header("content-type")?.hasPrefix("text/html") == true)
            #expect(answer.header("server") == server && answer.header("date") != nil)
            // Reads meet them as well.
            #expect(try await site.list("Employee").status == status)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `of limits carry the headers that were recorded`() async throws {
        try await withSite { erp, site in
            erp.inject(.rateLimited(retryAfter: 30), times: 1)
            let whole = try await site.log("1006", "2026-11-22 08:00:00")
            #expect(whole.status == 429 && whole.type == "TooManyRequestsError")
            #expect(whole.header("Retry-After") == "30" && whole.header("X-RateLimit-Reset") == "30")
            #expect(whole.header("X-RateLimit-Remaining") == "0" && whole.json["_server_messages"].isMissing)
            erp.inject(.rateLimited(retryAfter: nil), times: 1)
            let method = try await site.log("1006", "2026-11-22 08:00:00")
            #expect(method.status == 429 && method.type == "RateLimitExceededError")
            #expect(method.header("Retry-After") == nil && method.words?.contains("rate limit") == true)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `of redirects name where to`() async throws {
        try await withSite { erp, site in
            erp.inject(.redirectToHTTPS, times: 1)
            let secure = try await site.log("1006", "2026-11-22 08:00:00")
            #expect(secure.status == 301)
            let host = erp.url.replacing("http://", with: "")
            #expect(secure.header("Location") == "https://\(host)/api/method/\(Caller.hrms)")
            erp.inject(.redirected(status: 308, to: "https://erp.example.com/"), times: 1)
            let moved = try await site.log("1006", "2026-11-22 08:00:00")
            #expect(moved.status == 308 && moved.header("Location") == "https://erp.example.com/")
            #expect(erp.checkins.isEmpty)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `are bound to a person, a path or a number of requests`()
        async throws
    {
        try await withSite { erp, site in
            erp.inject(.serverError(exceptionType: "KeyError", message: "'shift'"), person: "77")
            let other = try await site.log("1006", "2026-11-22 08:00:00")
            #expect(other.status == 200)
            #expect(try await site.log("77", "2026-11-22 08:00:00").status == 500)
            // By whichever key the person comes.
            #expect(
                try await site.log("HR-EMP-00004", "2026-11-22 08:00:00", ["employee_fieldname": "name"])
                    .status
                    == 500)
            let many =
                #"{"docs":[{"doctype":"Employee Checkin","employee":"HR-EMP-00004","time":"2026-11-22 08:00:00"}]}"#
            #expect(
                try await site.send("POST", "api/method/frappe.client.insert_many", json: many).status == 500)
            erp.clearFaults()
            erp.inject(.badGateway(stored: false), times: 2, path: "api/resource/Employee")
            #expect(try await site.log("77", "2026-11-22 08:00:00").status == 200)
            #expect(try await site.list("Employee").status == 502)
            #expect(try await site.list("Employee").status == 502)
            #expect(try await site.list("Employee").status == 200)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `of a frozen site end with what was sent, also for who has left`()
        async throws
    {
        try await withSite { erp, site in
            erp.inject(.frozen)
            let gone = Task { try? await site.log("1006", "2026-11-22 08:00:00") }
            await erp.deliveriesAtWork(reach: 1)
            gone.cancel()
            #expect(await gone.value == nil)
            let read = Task { try await site.list("Employee").data.list.count }
            await erp.requestCount(of: "GET api/resource/Employee", reaches: 1)
            erp.clearFaults()
            let employees = try await read.value
            #expect(employees == 4)
            #expect(erp.checkins.count == 1)
            await erp.statistics { $0.parallel == 0 && $0.deliveriesAtWork == 0 }
        }
    }

    @Test(.timeLimit(.minutes(10))) func `that make an answer late store it for who has not waited`()
        async throws
    {
        try await withSite { erp, site in
            erp.inject(.slow(.milliseconds(200)), times: 1)
            let gone = Task { try await site.log("1006", "2026-11-22 08:00:00") }
            await erp.deliveriesAtWork(reach: 1)
            gone.cancel()
            let answer = await gone.result
            #expect(throws: (any Error).self) { try answer.get() }
            await erp.checkinCount(reaches: 1)
            let again = try await site.log("1006", "2026-11-22 08:00:00")
            #expect(again.status == 417)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `of a limit by server time come and go with the clock`() async throws
    {
        let seconds = Mutex(Int64(1_795_334_400))
        try await withSite(now: { UnixTime(seconds: seconds.withLock { $0 }) }) { erp, site in
            // Three requests are over the budget of one window.
            erp.setRateLimit(100_000, window: 600, cost: 40_000)
            let first = try await site.log("1006", "2026-11-22 08:00:00")
            #expect(first.header("X-RateLimit-Used") == "40000")
            #expect(first.header("X-RateLimit-Limit") == "100000")
            _ = try await site.log("1006", "2026-11-22 08:00:01")
            _ = try await site.log("1006", "2026-11-22 08:00:02")
            let refused = try await site.log("1006", "2026-11-22 08:00:03")
            #expect(refused.status == 429)
            let wait = try #require(refused.header("Retry-After").flatMap { Int64($0) })
            #expect(wait > 0 && wait <= 600)
            seconds.withLock { $0 += wait }
            #expect(try await site.log("1006", "2026-11-22 08:00:03").status == 200)
            erp.setRateLimit(nil)
            #expect(erp.checkins.count == 4)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `aside, inserts wait for each other where that is asked for`()
        async throws
    {
        try await withSite { erp, site in
            erp.setInsertTime(.milliseconds(40))
            let begun = ContinuousClock.now
            try await withThrowingTaskGroup(of: Int.self) { group in
                for second in 0..<5 {
                    group.addTask { try await site.log("1006", "2026-11-22 08:00:0\(second)").status }
                }
                for try await status in group { #expect(status == 200) }
            }
            #expect(ContinuousClock.now - begun >= .milliseconds(200))
            #expect(erp.statistics.answers == [200: 5])
        }
    }
}
