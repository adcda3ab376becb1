import AttendanceCore
import AttendanceDelivery
import Foundation
import Testing

@Suite(.timeLimit(.minutes(10))) struct SiteReaderTests {
    /// A reader of a site that answers as told.
    private func withReader<Value: Sendable>(
        timeout: Duration = .seconds(10), now: @escaping @Sendable () -> UnixTime = DeliveryTiming.live.now,
        _ answer: @escaping @Sendable (ScriptedSite.Request) -> ScriptedSite.Reply?,
        _ body: @Sendable (SiteReader, ScriptedSite) async throws -> Value
    ) async throws -> Value {
        let site = try await ScriptedSite(answer)
        let client = SiteClient.makeHTTPClient(concurrency: 2)
        let reader = SiteReader(
            settings: .init(
                url: site.url + "/", credential: APICredential(key: "key", secret: "s3cret"), timeout: timeout
            ),
            client: client, now: now)
        let result: Result<Value, any Error>
        do { result = .success(try await body(reader, site)) } catch { result = .failure(error) }
        try await client.shutdown()
        return try result.get()
    }

    private func words<Value>(_ answer: SiteAnswer<Value>) -> String {
        switch answer {
        case .value: "value"
        case .unavailable(let reason, let after):
            "unavailable \(after.map { "\($0.components.seconds) " } ?? "")\(reason)"
        case .denied(let reason, let remedy, _): "denied \(reason) | \(remedy)"
        case .missing(let reason): "missing \(reason)"
        case .unreadable(let reason): "unreadable \(reason)"
        }
    }

    // MARK: Refusals

    struct Refusal: Sendable, CustomTestStringConvertible {
        var status: Int
        var body: String
        var headers: [(String, String)] = []
        /// What `words` begins with.
        var wanted: String
        var testDescription: String { "\(status) \(wanted)" }
    }

    static let page = "<html><script>alert(1)</script><h1>Sign in</h1></html>"

    @Test(arguments: [
        Refusal(
            status: 301, body: "", headers: [("Location", "https://new.example/")],
            wanted: "denied the site redirects to"),
        Refusal(status: 302, body: "", wanted: "denied the site redirects to an address it does not name"),
        Refusal(status: 400, body: "<html>", wanted: "denied a proxy refuses the request"),
        Refusal(
            status: 401, body: #"{"exc_type":"AuthenticationError"}"#,
            wanted: "denied the site does not accept the API key"),
        Refusal(
            status: 403,
            body:
                #"{"exc_type":"PermissionError","_error_message":"Insufficient Permission for <b>Employee</b>"}"#,
            wanted:
                "denied the API user may not see or change Employee: Insufficient Permission for Employee (403)"
        ),
        Refusal(status: 403, body: page, wanted: "denied a proxy or firewall"),
        Refusal(
            status: 404, body: #"{"exc_type":"DoesNotExistError"}"#,
            wanted: "missing the site has no Employee"),
        Refusal(status: 404, body: page, wanted: "missing there is no ERPNext site at this address"),
        Refusal(
            status: 417,
            body:
                #"{"exc_type":"DataError","_server_messages":"[\"{\\\"message\\\": \\\"Field not permitted in query: x\\\"}\"]"}"#,
            wanted: "missing Field not permitted in query: x"),
        Refusal(
            status: 417,
            body: #"{"exc_type":"ValidationError","exception":"Failed to get method for command x"}"#,
            wanted: "missing Failed to get method"),
        Refusal(
            status: 417, body: #"{"exc_type":"ValidationError","exception":"a rule"}"#,
            wanted: "denied a rule (417)"),
        Refusal(
            status: 417, body: #"{"exc_type":"RateLimitExceededError"}"#,
            wanted: "unavailable the site asks to wait"),
        Refusal(
            status: 429, body: "{}", headers: [("Retry-After", "30")],
            wanted: "unavailable 30 the site asks to wait"),
        Refusal(
            status: 429, body: "{}", headers: [("Retry-After", "99999999")],
            wanted: "unavailable 3600 the site"),
        Refusal(
            status: 500,
            body: #"{"exc_type":"OperationalError","exception":"(1054, \"Unknown column 'x'\")"}"#,
            wanted: "missing (1054"),
        Refusal(
            status: 500, body: #"{"exc_type":"OperationalError","exception":"(2006, gone)"}"#,
            wanted: "unavailable (2006, gone) (500)"),
        Refusal(status: 500, body: page, wanted: "unavailable ERPNext failed"),
        Refusal(status: 502, body: page, wanted: "unavailable ERPNext is not available (502)"),
        Refusal(
            status: 503, body: #"{"exc_type":"SessionStopped"}"#,
            wanted: "unavailable ERPNext is in maintenance mode"),
        Refusal(
            status: 503, body: "", headers: [("Retry-After", "5")],
            wanted: "unavailable 5 the site asks to wait"),
        Refusal(status: 418, body: "{}", wanted: "denied the site refuses Employee (418)"),
        Refusal(
            status: 200, body: page,
            wanted: "unreadable the site answers 200 with something that is not ERPNext's"),
        Refusal(status: 200, body: "", wanted: "unreadable"),
        Refusal(status: 200, body: "[]", wanted: "unreadable"),
        Refusal(
            status: 200, body: #"{"data":"none"}"#,
            wanted: "unreadable the site answers a search for Employee without a list"),
        Refusal(status: 200, body: "{\"data\":" + String(repeating: "[", count: 5000), wanted: "unreadable"),
        Refusal(status: 200, body: "{\"data\":[\"\u{1}", wanted: "unreadable"),
    ])
    func `whatever a site answers has one meaning, in one line`(_ row: Refusal) async throws {
        try await withReader({ _ in .json(row.body, status: row.status, headers: row.headers) }) {
            reader, _ in
            let text = words(await reader.employees(keyFields: ["attendance_device_id"]))
            #expect(text.hasPrefix(row.wanted))
            #expect(text == PlainText.line(text, limit: 1000))
            #expect(!text.contains("<"))
            #expect(!text.contains("s3cret"))
        }
    }

    @Test func `a connection refused, cut or silent is unavailable`() async throws {
        try await withReader({ _ in nil }) { reader, _ in
            #expect(words(await reader.loggedUser()).hasPrefix("unavailable"))
            let changed = words(await reader.setLastSync(of: "Day", to: WallTime(seconds: 0)))
            #expect(changed.contains("may have been done all the same"))
        }
        let client = SiteClient.makeHTTPClient(concurrency: 1)
        let nobody = SiteReader(settings: .init(url: "http://127.0.0.1:1"), client: client)
        #expect(words(await nobody.ping()).hasPrefix("unavailable"))
        let wrong = SiteReader(settings: .init(url: "nonsense"), client: client)
        #expect(words(await wrong.ping()).hasPrefix("denied the site's address cannot be used"))
        try await client.shutdown()
    }

    // MARK: The site itself

    @Test func `the ping tells the skew of the clocks`() async throws {
        let now = UnixTime(seconds: 1_795_314_669)
        try await withReader(
            now: { now },
            { _ in .json(#"{"message":"pong"}"#, headers: [("Date", "Sun, 22 Nov 2026 02:30:09 GMT")]) }
        ) { reader, _ in
            let ping = try #require(await reader.ping().value)
            let skew = try #require(ping.clockSkew)
            let wall = try #require(WallTime(year: 2026, month: 11, day: 22, hour: 2, minute: 30, second: 9))
            let wanted = now - UnixTime(seconds: wall.seconds)
            #expect(abs((skew - wanted).components.seconds) <= 2)
        }
        try await withReader({ _ in .json(#"{"message":"pong"}"#, headers: [("Date", "yesterday")]) }) {
            reader, _ in
            let ping = try #require(await reader.ping().value)
            #expect(ping.clockSkew == nil)
        }
        try await withReader({ _ in .json(#"{"data":"pong"}"#) }) { reader, _ in
            #expect(words(await reader.ping()).hasPrefix("unreadable"))
        }
    }

    @Test func `zone, versions, user and rights are read; a guest is no user`() async throws {
        try await withReader({ request in
            switch request.uri.split(separator: "?")[0] {
            case "/api/method/frappe.client.get_time_zone":
                .json(#"{"message":{"time_zone":"Asia/Kolkata"}}"#)
            case "/api/method/frappe.utils.change_log.get_versions":
                .json(
                    #"{"message":{"hrms":{"version":"15.33.0","title":"<b>"},"frappe":{"version":15},"odd":7}}"#
                )
            case "/api/method/frappe.client.has_permission":
                .json(#"{"message":{"has_permission":\#(request.parameter("perm_type") == "create")}}"#)
            default: .json(#"{"message":"Guest"}"#)
            }
        }) { reader, site in
            #expect(await reader.timeZone() == .value("Asia/Kolkata"))
            #expect(await reader.versions() == .value(["hrms": "15.33.0", "frappe": "15"]))
            #expect(
                await reader.hasPermission("create", on: "Employee Checkin", named: "E 1") == .value(true))
            #expect(
                await reader.hasPermission("delete", on: "Employee Checkin", named: "E 1") == .value(false))
            #expect(
                words(await reader.loggedUser()).hasPrefix("denied the site takes the gateway for a guest"))
            #expect(site.requests.allSatisfy { $0.headers["authorization"] == "token key:s3cret" })
            #expect(site.requests.allSatisfy { $0.headers["cookie"] == nil })
        }
    }

    // MARK: Lists

    @Test func `employees are read leniently, page by page, and asked for by name`() async throws {
        let rows = #"""
            [{"name":"HR-1","employee_name":"A\u0007da\n<b>","status":"Active","modified":"2026-11-22 08:00:00.5",
              "company":null,"branch":"","default_shift":"Day","attendance_device_id":"0012","plant_id":7,"x":{"y":[1]}},
             {"name":"HR\n2","employee_name":"bad name"},
             {"employee_name":"no name"}, 5,
             {"name":"HR-3","attendance_device_id":"a\u0000b"}]
            """#
        try await withReader({ _ in .json("{\"data\":\(rows),\"more\":1}") }) { reader, site in
            let page = try #require(
                await reader.employees(
                    keyFields: ["attendance_device_id", "plant_id", "none"],
                    modifiedSince: "2026-11-22 06:00:00",
                    after: "HR-0"
                ).value)
            #expect(
                page.employees == [
                    Employee(
                        name: "HR-1", fullName: "A da <b>", status: "Active", defaultShift: "Day",
                        modified: "2026-11-22 08:00:00.5",
                        keys: ["attendance_device_id": "0012", "plant_id": "7"]),
                    Employee(name: "HR-3", fullName: ""),
                ])
            #expect(page.unreadable == 2)
            #expect(page.next == nil)
            #expect(page.shownFields == ["attendance_device_id", "plant_id"])
            let request = try #require(site.requests.first)
            #expect(
                request.parameter("filters")
                    == #"[["modified",">=","2026-11-22 06:00:00"],["name",">","HR-0"]]"#)
            #expect(request.parameter("order_by") == "name asc")
            #expect(request.parameter("limit_page_length") == "500")
        }
    }

    @Test func `an answer that does not fit is asked for in smaller pages`() async throws {
        let long = String(repeating: "x", count: 3000)
        try await withReader({ request in
            let limit = Int(request.parameter("limit_page_length") ?? "") ?? 0
            let rows = (0..<limit).map { #"{"name":"HR-\#(1000 + $0)","branch":"\#(long)"}"# }
            return .json("{\"data\":[\(rows.joined(separator: ","))]}")
        }) { reader, site in
            let page = try #require(await reader.employees(keyFields: []).value)
            #expect(page.employees.count == 125)
            #expect(page.next == "HR-1124")
            #expect(site.requests.count == 2)
        }
        try await withReader({ _ in .json(String(repeating: " ", count: 2 << 20)) }) { reader, _ in
            #expect(words(await reader.employees(keyFields: [])).contains("longer than 1 MiB"))
        }
    }

    @Test func `shift types are read with the fields that the site has`() async throws {
        try await withReader({ request in
            if request.parameter("fields")?.contains("auto_update") == true {
                return .json(
                    #"{"exc_type":"DataError","exception":"Field not permitted in query"}"#, status: 417)
            }
            return .json(
                #"""
                {"data":[{"name":"Night","start_time":"22:00:00","end_time":"6:00:00.000000","enable_auto_attendance":1,
                "process_attendance_after":"2026-01-01","last_sync_of_checkin":"2026-11-22 07:00:00.123",
                "allow_check_out_after_shift_end_time":90},{"name":"Odd","start_time":"25:00","end_time":"x"}]}
                """#)
        }) { reader, _ in
            let shifts = try #require(await reader.shiftTypes().value)
            #expect(
                shifts == [
                    ShiftType(
                        name: "Night", start: 79_200, end: 21_600, allowsCheckOutAfter: 5400,
                        marksAttendance: true,
                        lastSync: WallTime("2026-11-22 07:00:00"), movesLastSyncItself: false,
                        countsFrom: WallTime("2026-01-01 00:00:00"))
                ])
        }
    }

    /// What a site answers for filters on time and name.
    private static func listing(_ rows: [(name: String, time: String)], _ request: ScriptedSite.Request)
        -> ScriptedSite.Reply
    {
        let filters = (request.parameter("filters") ?? "[]")
        let parsed = (try? JSONDecoder().decode([[String]].self, from: Data(filters.utf8))) ?? []
        let limit = Int(request.parameter("limit_page_length") ?? "") ?? 20
        let found = rows.filter { row in
            parsed.allSatisfy { filter in
                let value = filter[0] == "time" ? row.time : row.name
                switch filter[1] {
                case ">=": return value >= filter[2]
                case ">": return value > filter[2]
                case "<": return value < filter[2]
                default: return value == filter[2]
                }
            }
        }.sorted { ($0.time, $0.name) < ($1.time, $1.name) }.prefix(limit)
        let texts = found.map {
            #"{"name":"\#($0.name)","employee":"HR-1","time":"\#($0.time)","log_type":"IN"}"#
        }
        return .json("{\"data\":[\(texts.joined(separator: ","))]}")
    }

    @Test(arguments: [1, 2, 3, 4, 7, 100])
    func `check-ins are paged without loss or repeat, however many share a moment`(_ limit: Int) async throws
    {
        let moments = [0, 1, 1, 1, 2, 3, 3, 3, 3, 3, 4, 5, 5, 9]
        let rows = moments.enumerated().map { index, second in
            (name: "C-\((index * 7) % 100 + 100)", time: "2026-11-22 08:00:0\(second)")
        }
        try await withReader({ Self.listing(rows, $0) }) { reader, _ in
            var found: [SiteCheckin] = []
            var place: CheckinPlace?
            repeat {
                let page = try #require(
                    await reader.checkins(
                        from: WallTime(year: 2026, month: 11, day: 22)!,
                        until: WallTime("2026-11-22 08:00:09")!, after: place, limit: limit
                    ).value)
                found += page.checkins
                place = page.next
            } while place != nil
            let wanted = rows.filter { !$0.time.hasSuffix("9") }.sorted {
                ($0.time, $0.name) < ($1.time, $1.name)
            }
            #expect(found.map(\.name) == wanted.map(\.name))
            #expect(found.allSatisfy { $0.direction == .in && $0.employee == "HR-1" })
        }
    }

    @Test func `a check-in without a time makes the page unreadable rather than shorter`() async throws {
        try await withReader({ _ in .json(#"{"data":[{"name":"C-1","employee":"E"}]}"#) }) { reader, _ in
            let answer = await reader.checkins(from: WallTime(seconds: 0), until: WallTime(seconds: 9))
            #expect(words(answer).contains("without name, employee or time (C-1)"))
        }
    }

    // MARK: Changes

    @Test func `a trial check-in, its removal and the last sync are one request each`() async throws {
        try await withReader({ request in
            switch request.method {
            case "POST":
                .json(
                    #"{"message":{"name":"C-1","employee":"HR-1","time":"2026-11-22 09:00:00","skip_auto_attendance":1}}"#
                )
            case "DELETE": .json(#"{"data":"ok"}"#, status: 202)
            case "PUT": .json(#"{"data":{"name":"Day","last_sync_of_checkin":"2026-11-22 08:00:00"}}"#)
            default:
                .json(
                    #"{"data":{"name":"C-1","employee":"HR-1","time":"2026-11-22 08:00:00","attendance":"A-1"}}"#
                )
            }
        }) { reader, site in
            let time = try #require(WallTime("2026-11-22 08:00:00"))
            let made = try #require(
                await reader.insertTrialCheckin(employee: "HR-1", time: time, deviceID: "doctor").value)
            #expect(made.time != time)
            #expect(made.skipsAttendance)
            #expect(await reader.setLastSync(of: "Day/1 ä", to: time) == .value(time))
            #expect(await reader.checkin(named: "C-1").value?.attendance == "A-1")
            let gone = await reader.deleteCheckin(named: "C/1")
            #expect(gone.problem == nil)
            let sent = site.requests
            #expect(sent.map(\.method) == ["POST", "PUT", "GET", "DELETE"])
            #expect(sent[0].body.contains(#""skip_auto_attendance":"1""#))
            #expect(sent[0].body.contains(#""employee_fieldname":"name""#))
            #expect(sent[1].uri == "/api/resource/Shift%20Type/Day%2F1%20%C3%A4")
            #expect(sent[1].body == #"{"last_sync_of_checkin":"2026-11-22 08:00:00"}"#)
            #expect(sent[3].uri == "/api/resource/Employee%20Checkin/C%2F1")
        }
    }
}
