import AttendanceCore
import AttendanceSimulation
import Testing

/// `add_log_based_on_employee_field`, by the table recorded on a live site.
@Suite struct `HRMS's own method on the simulated site` {
    @Test(.timeLimit(.minutes(10)))
    func `answers with the document, the time as it was sent`() async throws {
        try await withSite { erp, site in
            let answer = try await site.log("1006", "2026-11-22 20:01:09", ["device_id": "gate-1"])
            #expect(answer.status == 200)
            #expect(answer.message["name"].text == "EMP-CKIN-11-2026-000001")
            #expect(answer.message["employee"].text == "HR-EMP-00001")
            #expect(answer.message["employee_name"].text == "Ada Example")
            #expect(answer.message["time"].text == "2026-11-22 20:01:09")
            #expect(answer.message["log_type"].text == "")
            #expect(answer.message["device_id"].text == "gate-1")
            #expect(answer.message["doctype"].text == "Employee Checkin")
            #expect(answer.message["creation"].text?.hasPrefix("2026-11-22 13:30:05.") == true)
            // No shift at that hour; nulls are left out.
            #expect(answer.message["offshift"].number == 1)
            #expect(answer.message["shift"].isMissing && answer.message["shift_start"].isMissing)
            #expect(erp.checkins.map(\.person) == ["1006"])
            let second = try await site.log("1006", "2026-12-05 08:00:00")
            #expect(second.message["name"].text == "EMP-CKIN-11-2026-000002")
            #expect(second.message["device_id"].isMissing)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `takes JSON and forms, PUT as well as POST, and drops unknown fields`()
        async throws
    {
        try await withSite { erp, site in
            let path = "/api//method/\(Caller.hrms)"
            let json = #"{"employee_field_value":"1006","timestamp":"2026-11-22 08:00:00","extra":{"a":[1]}}"#
            let posted = try await site.send("POST", path, json: json)
            #expect(posted.status == 200)
            #expect(
                try await site.log(
                    ["employee_field_value": "1006", "timestamp": "2026-11-22 08:00:01"], method: "PUT"
                ).status == 200)
            #expect(erp.checkins.count == 2)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `answers a GET with a document and stores nothing`() async throws {
        try await withSite { erp, site in
            let answer = try await site.send(
                "GET", "api/method/\(Caller.hrms)",
                query: [("employee_field_value", "1006"), ("timestamp", "2026-11-22 08:00:00")])
            #expect(answer.status == 200)
            #expect(answer.message["name"].text == "EMP-CKIN-11-2026-000001")
            #expect(answer.message["time"].text == "2026-11-22 08:00:00")
            #expect(erp.checkins.isEmpty)
            let stored = try await site.log("1006", "2026-11-22 08:00:00")
            #expect(stored.message["name"].text == "EMP-CKIN-11-2026-000001")
        }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        var fields: [String: String]
        var status: Int
        var type: String
        var words: String

        init(_ status: Int, _ type: String, _ words: String, _ fields: [String: String]) {
            self.fields = ["employee_field_value": "1006", "timestamp": "2026-11-22 08:00:00"]
                .merging(fields) { _, new in new }
            self.status = status
            self.type = type
            self.words = words
        }

        var testDescription: String { "\(status) \(type) \(words)" }

        static let all: [Refusal] = [
            .init(
                417, "ValidationError",
                "No Employee found for the given employee field value. 'attendance_device_id': 77777",
                ["employee_field_value": "77777"]),
            .init(417, "ValidationError", "'attendance_device_id': 01006", ["employee_field_value": "01006"]),
            .init(417, "ValidationError", "'attendance_device_id':  1006", ["employee_field_value": " 1006"]),
            .init(417, "ValidationError", "'user_id': 1006", ["employee_fieldname": "user_id"]),
            .init(
                417, "ValidationError", "'employee_field_value' and 'timestamp' are required.",
                ["timestamp": ""]),
            .init(
                417, "InactiveEmployeeStatusError", "Transactions cannot be created for an Inactive Employee",
                ["employee_field_value": "Ab12"]),
            .init(417, "ValidationError", "Log Type cannot be \"in\"", ["log_type": "in"]),
            .init(
                417, "CharacterLengthExceededError", "max characters allowed is 140",
                ["device_id": String(repeating: "x", count: 141)]),
            .init(
                500, "OperationalError", "(1054, \"Unknown column 'badge'", ["employee_fieldname": "badge"]),
            .init(500, "ParserError", "2026-02-30", ["timestamp": "2026-02-30 08:00:00"]),
            .init(500, "ParserError", "25:00:00", ["timestamp": "2026-11-22 25:00:00"]),
            .init(500, "ParserError", "1795334405", ["timestamp": "1795334405"]),
            .init(500, "ParserError", "soon", ["timestamp": "soon"]),
            .init(500, "OperationalError", "(1292,", ["timestamp": "22-11-2026 08:00:00"]),
            .init(500, "OperationalError", "(1292,", ["timestamp": "05-06-2026 08:00:00"]),
            .init(500, "OperationalError", "(1292,", ["timestamp": "2026-11-22T08:00:00Z"]),
            .init(500, "OperationalError", "(1292,", ["timestamp": "2026-11-22T08:00:00+05:30"]),
        ]
    }

    @Test(.timeLimit(.minutes(10)), arguments: Refusal.all)
    func `refuses as recorded, and stores nothing`(_ refusal: Refusal) async throws {
        try await withSite { erp, site in
            let answer = try await site.log(refusal.fields)
            #expect(answer.status == refusal.status)
            #expect(answer.type == refusal.type)
            let exception = try #require(answer.json["exception"].text)
            #expect(exception.contains(refusal.words) && exception.contains(refusal.type))
            // What Frappe throws is meant for a user; what Python or MariaDB throws is not.
            #expect((answer.words?.contains(refusal.words) ?? false) == (refusal.status == 417))
            #expect(erp.checkins.isEmpty)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `misses arguments as Python does`() async throws {
        try await withSite { _, site in
            let one = try await site.log(["employee_field_value": "1006"])
            #expect(one.status == 500 && one.type == "TypeError")
            #expect(
                one.json["exception"].text
                    == "TypeError: add_log_based_on_employee_field() missing 1 required positional argument: 'timestamp'"
            )
            let both = try await site.log([:])
            #expect(
                both.json["exception"].text?.hasSuffix(
                    "2 required positional arguments: 'employee_field_value' and 'timestamp'") == true)
            // A body of a type that it does not read leaves the arguments out, too.
            let plain = try await site.send(
                "POST", "api/method/\(Caller.hrms)", headers: [("Content-Type", "text/plain")])
            #expect(plain.status == 500)
            let cut = try await site.send(
                "POST", "api/method/\(Caller.hrms)", json: #"{"employee_field_value":"10"#)
            #expect(cut.status == 500 && cut.type == "JSONDecodeError")
        }
    }

    @Test(
        .timeLimit(.minutes(10)),
        arguments: [
            ("2026-11-22T08:00:00", "2026-11-22 08:00:00"), ("2026-11-22", "2026-11-22 00:00:00"),
            ("2026-11-22 08:00:00.25", "2026-11-22 08:00:00.250000"),
            ("2026-11-22 08:00", "2026-11-22 08:00:00"), ("0000-00-00 00:00:00", "0000-00-00 00:00:00"),
            ("2099-01-01 00:00:00", "2099-01-01 00:00:00"),
        ])
    func `stores these shapes of a time and echoes what was sent`(sent: String, stored: String) async throws {
        try await withSite { erp, site in
            let answer = try await site.log("1006", sent)
            #expect(answer.status == 200)
            #expect(answer.message["time"].text == sent)
            #expect(erp.checkins.map(\.time) == [stored])
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `of a newer version echoes what it stores, and swaps day and month without a word`() async throws {
        try await withSite(version: .version15) { erp, site in
            let sent = ["2026-11-22T08:00:00", "2026-11-22 08:00:01.75", "05-06-2026 08:00:00"]
            let stored = ["2026-11-22 08:00:00", "2026-11-22 08:00:01", "2026-05-06 08:00:00"]
            for (sent, stored) in zip(sent, stored) {
                #expect(try await site.log("1006", sent).message["time"].text == stored)
            }
            #expect(erp.checkins.map(\.time) == stored)
            let zoned = try await site.log("1006", "2026-11-22T08:00:00Z")
            #expect(zoned.status == 500 && zoned.type == "TypeError")
            #expect(zoned.json["exception"].text?.contains("can't compare offset-naive") == true)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `finds employees as MariaDB compares`() async throws {
        try await withSite { erp, site in
            for (person, field) in [
                ("1006  ", "attendance_device_id"), ("e-7", "employee_number"), ("b 1", "custom_badge"),
                ("hr-emp-00001", "name"), ("5555X", "attendance_device_id"),
            ] {
                let answer = try await site.log(
                    person, "2026-11-22 10:00:0\(erp.checkins.count)", ["employee_fieldname": field])
                #expect(answer.status == 200, "\(person)")
            }
            #expect(
                erp.checkins.map(\.employee) == Array(repeating: "HR-EMP-00001", count: 4) + ["HR-EMP-00002"])
            // As text only the whole of it is found; as a number whatever begins with it.
            #expect(try await site.log("5555", "2026-11-22 08:00:00").status == 417)
            let number = try await site.send(
                "POST", "api/method/\(Caller.hrms)",
                json: #"{"employee_field_value":5555,"timestamp":"2026-11-22 08:00:00"}"#)
            #expect(number.message["employee"].text == "HR-EMP-00002")
        }
    }

    @Test(.timeLimit(.minutes(10))) func `knows a repeat by employee, time and log type`() async throws {
        try await withSite { erp, site in
            let first = try await site.log("1006", "2026-11-22 08:00:00", ["log_type": "IN"])
            #expect(try await site.log("1006", "2026-11-22 08:00:00", ["log_type": "OUT"]).status == 200)
            let again = try await site.log(
                "1006", "2026-11-22T08:00:00", ["log_type": "IN", "device_id": "other"])
            #expect(again.status == 417 && again.type == "ValidationError")
            let words = try #require(again.words)
            #expect(words.hasPrefix("This employee already has a log with the same timestamp.<Br><a href="))
            #expect(words.contains("/app/Form/Employee Checkin/\(first.message["name"].text ?? "?")\""))
            // The text of the link is the title, which is the employee's name.
            #expect(words.contains(">Employee Checkin Ada Example</a>"))
            #expect(erp.checkins.count == 2)

            erp.setVersion(.version13)
            let old = try await site.send(
                "POST",
                "api/method/erpnext.hr.doctype.employee_checkin.employee_checkin.add_log_based_on_employee_field",
                form: [("employee_field_value", "1006"), ("timestamp", "2026-11-22 08:00:00")])
            #expect(old.status == 417)
            #expect(old.words?.contains(">Employee Checkin EMP-CKIN-11-2026-000001</a>") == true)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `stores equal requests twice when both are there at once`()
        async throws
    {
        try await withSite { erp, site in
            erp.inject(.frozen)
            async let first = site.log("1006", "2026-11-22 08:00:00")
            async let second = site.log("1006", "2026-11-22 08:00:00")
            await erp.deliveriesAtWork(reach: 2)
            erp.clearFaults()
            let both = try await [first.status, second.status]
            #expect(both == [200, 200])
            #expect(erp.checkins.count == 2)
            #expect(erp.overlaps == 1)
            #expect(erp.statistics.overlapsByEmployee == ["hr-emp-00001": 1])
            #expect(erp.statistics.maximumDeliveriesAtWork == 2)
            #expect(try await site.log("1006", "2026-11-22 08:00:00").status == 417)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `without write at level 1 stores the present time, says so and says 200`() async throws {
        try await withSite { erp, site in
            erp.changeRights { $0.writeLevelOne = false }
            let answer = try await site.log("1006", "2026-11-20 08:00:00")
            #expect(answer.status == 200)
            let time = try #require(answer.message["time"].text)
            // The default "Now", in the site's zone, with its microseconds.
            #expect(time.hasPrefix("2026-11-22 13:30:05"))
            #expect(erp.checkins.map(\.time) == [time])
            #expect(try await site.log("1006", "2026-11-20 08:00:00").status == 200)
            erp.changeRights { $0.writeLevelOne = true }
            #expect(
                try await site.log("1006", "2026-11-20 08:00:00").message["time"].text
                    == "2026-11-20 08:00:00")
        }
    }

    @Test(.timeLimit(.minutes(10))) func `puts a check-in into the shift its time falls in`() async throws {
        try await withSite { erp, site in
            let day = try await site.log("1006", "2026-11-22 08:00:00")
            #expect(day.message["shift"].text == "Day")
            #expect(day.message["shift_start"].text == "2026-11-22 09:00:00")
            #expect(day.message["shift_end"].text == "2026-11-22 18:00:00")
            #expect(day.message["shift_actual_start"].text == "2026-11-22 08:00:00")
            #expect(day.message["shift_actual_end"].text == "2026-11-22 19:00:00")
            #expect(day.message["offshift"].number == 0)
            #expect(try await site.log("1006", "2026-11-22 19:00:01").message["shift"].isMissing)
            // A night belongs to the day on which it begins, on both sides of midnight.
            for time in ["2026-11-22 21:00:00", "2026-11-22 23:59:59", "2026-11-23 06:59:59"] {
                let night = try await site.log("5555x", time)
                #expect(night.message["shift"].text == "Night", "\(time)")
                #expect(night.message["shift_start"].text == "2026-11-22 22:00:00")
                #expect(night.message["shift_end"].text == "2026-11-23 06:00:00")
            }
            #expect(try await site.log("5555x", "2026-11-22 12:00:00").message["shift"].isMissing)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `wants a log type where the shift goes by it`() async throws {
        try await withSite { erp, site in
            var strict = SimulatedShiftType.day
            strict.determination = .byLogType
            erp.add(strict)
            let answer = try await site.log("1006", "2026-11-22 09:00:00")
            #expect(answer.status == 417)
            #expect(answer.words == "Log Type is required for check-ins falling in the shift: Day.")
            #expect(try await site.log("1006", "2026-11-22 09:00:00", ["log_type": "IN"]).status == 200)
            #expect(
                try await site.log("1006", "2026-11-22 09:00:01", ["skip_auto_attendance": "1"]).message[
                    "skip_auto_attendance"
                ].number == 1)
            #expect(try await site.log("1006", "2026-11-22 23:00:00").status == 200)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `wants coordinates where it is told to`() async throws {
        try await withSite(version: .version15) { erp, site in
            erp.setWantsCoordinates(true)
            let answer = try await site.log("1006", "2026-11-22 09:00:00")
            #expect(answer.status == 417)
            #expect(answer.words == "Latitude and longitude values are required for checking in.")
            let there = try await site.log(
                "1006", "2026-11-22 09:00:00", ["latitude": "28.6139", "longitude": "77.209"])
            #expect(there.message["latitude"].number == 28.6139)
            #expect(erp.checkins.map(\.longitude) == [77.209])
            // The recorded version drops them, and so refuses for ever.
            erp.setVersion(.recorded)
            #expect(
                try await site.log("1006", "2026-11-22 09:00:01", ["latitude": "28.6", "longitude": "77.2"])
                    .status == 417)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `is found under its own path only`() async throws {
        try await withSite { erp, site in
            let old = try await site.send("POST", "api/method/erpnext.hr.x", form: [])
            #expect(old.status == 417)
            #expect(
                old.words == "Failed to get method for command erpnext.hr.x with No module named 'erpnext'")
            #expect(
                try await site.send(
                    "POST", "api/v1/method/\(Caller.hrms)",
                    form: [("employee_field_value", "1006"), ("timestamp", "2026-11-22 08:00:00")]
                ).status == 200)
            let second = try await site.send(
                "POST", "api/v2/method/\(Caller.hrms)",
                form: [("employee_field_value", "1006"), ("timestamp", "2026-11-22 08:00:01")])
            #expect(second.data["name"].text == "EMP-CKIN-11-2026-000002")
            let nothing = try await site.send("GET", "app/home")
            #expect(nothing.status == 404 && nothing.header("content-type")?.hasPrefix("text/html") == true)
            erp.setVersion(.version14)
            #expect(try await site.send("GET", "api/v1/method/ping").status == 404)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `of the older service reads the day first and asks for no login`()
        async throws
    {
        try await withSite(authorization: nil) { erp, site in
            let path = SimulatedERPNext.customMethod
            func send(_ person: String, _ time: String) async throws -> Caller.Answer {
                try await site.send(
                    "POST", path,
                    form: [
                        ("punchingcode", person), ("time", time), ("device_id", "T1"),
                        ("employee_name", "Ada"),
                    ])
            }
            #expect(try await send("1006", "22-11-2026 08:00:00").status == 200)
            #expect(erp.checkins.map(\.time) == ["2026-11-22 08:00:00"])
            let unknown = try await send("9", "22-11-2026 08:00:00")
            #expect(unknown.status == 404 && unknown.type == "DoesNotExistError")
            #expect(unknown.json["exc"].isMissing && unknown.words == "Employee 9 not found")
            #expect(try await send("1006", "22-11-2026 08:00:00").status == 417)
            #expect(try await send("1006", "2026-11-22 08:00:00").status == 500)
            #expect(erp.checkinRequests == 4)
        }
    }
}
