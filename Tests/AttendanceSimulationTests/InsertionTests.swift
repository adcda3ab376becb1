import AttendanceSimulation
import Testing

@Suite struct `The other ways in on the simulated site` {
    private static func doc(_ employee: String, _ time: String, _ more: String = "") -> String {
        "{\"doctype\":\"Employee Checkin\",\"employee\":\"\(employee)\",\"time\":\"\(time)\"\(more)}"
    }

    private static func many(_ docs: [String]) -> String { "{\"docs\":[\(docs.joined(separator: ","))]}" }

    private static let path = "api/method/frappe.client.insert_many"

    @Test(.timeLimit(.minutes(10))) func `insert_many answers the names in order`() async throws {
        try await withSite { erp, site in
            let docs = (0..<200).map { second in
                Self.doc(
                    "HR-EMP-0000\(second % 2 + 1)", "2026-11-22 08:0\(second / 60):\(second % 60)",
                    ",\"log_type\":\"IN\",\"device_id\":\"T1\"")
            }
            let answer = try await site.send("POST", Self.path, json: Self.many(docs))
            #expect(answer.status == 200)
            let names = answer.message.list.compactMap(\.text)
            #expect(names.first == "EMP-CKIN-11-2026-000001" && names.last == "EMP-CKIN-11-2026-000200")
            #expect(erp.checkins.map(\.name) == names)
            #expect(erp.checkins[1].employeeName == "Bob Example" && erp.checkins[1].logType == "IN")
            #expect(erp.checkins[1].time == "2026-11-22 08:00:01")

            let one = try await site.send(
                "POST", Self.path, json: Self.many(docs + [Self.doc("HR-EMP-00001", "2026-11-23 08:00:00")]))
            #expect(one.status == 417 && one.words == "Only 200 inserts allowed in one request")
            #expect(erp.checkins.count == 200)
            let statistics = erp.statistics
            #expect(statistics.insertManyCalls == 2 && statistics.insertManyDocuments == 401)
            #expect(statistics.largestInsertMany == 201)
        }
    }

    @Test(
        .timeLimit(.minutes(10)),
        arguments: [
            (doc("HR-EMP-00003", "2026-11-22 08:00:01"), 417, "InactiveEmployeeStatusError"),
            (doc("HR-EMP-00001", "2026-11-22 07:00:00"), 417, "ValidationError"),
            (doc("HR-EMP-00001", "2026-11-22 08:00:00"), 417, "ValidationError"),
            (doc("HR-EMP-00001", "2026-13-01 08:00:00"), 500, "ParserError"),
            (doc("HR-EMP-00001", "2026-11-22 09:00:00", ",\"log_type\":\"x\""), 417, "ValidationError"),
            (#"{"doctype":"Employee Checkin","time":"2026-11-22 09:00:00"}"#, 417, "MandatoryError"),
            (#"{"doctype":"Nothing","employee":"x"}"#, 404, "DoesNotExistError"),
        ])
    func `insert_many is all or nothing`(bad: String, status: Int, type: String) async throws {
        try await withSite { erp, site in
            _ = try await site.log("1006", "2026-11-22 07:00:00")
            let answer = try await site.send(
                "POST", Self.path, json: Self.many([Self.doc("HR-EMP-00001", "2026-11-22 08:00:00"), bad]))
            #expect(answer.status == status && answer.type == type)
            #expect(erp.checkins.count == 1)
            // The number is free again as well.
            let next = try await site.log("1006", "2026-11-22 09:30:00")
            #expect(next.message["name"].text == "EMP-CKIN-11-2026-000002")
        }
    }

    @Test(.timeLimit(.minutes(10))) func `none of them looks up the employee, unless the version does`()
        async throws
    {
        try await withSite { erp, site in
            let ghost = Self.doc("HR-EMP-GHOST", "2026-11-22 08:00:00")
            #expect(try await site.send("POST", Self.path, json: Self.many([ghost])).status == 200)
            let posted = try await site.send(
                "POST", "api/resource/Employee Checkin",
                json: Self.doc("HR-EMP-GHOST", "2026-11-22 08:00:01"))
            #expect(posted.data["employee"].text == "HR-EMP-GHOST")
            #expect(erp.checkins.count == 2)
            var version = SimulatedSiteVersion.recorded
            version.checksLinks = true
            erp.setVersion(version)
            let refused = try await site.send(
                "POST", "api/resource/Employee Checkin",
                json: Self.doc("HR-EMP-GHOST", "2026-11-22 08:00:02"))
            #expect(refused.status == 417 && refused.type == "LinkValidationError")
            #expect(refused.words == "Could not find Employee: HR-EMP-GHOST")
        }
    }

    @Test(.timeLimit(.minutes(10))) func `one document goes in by insert, by POST, and as JSON in a form`()
        async throws
    {
        try await withSite { erp, site in
            let doc = Self.doc("HR-EMP-00001", "2026-11-22 08:00:00")
            let inserted = try await site.send(
                "POST", "api/method/frappe.client.insert", json: "{\"doc\":\(doc)}")
            #expect(inserted.message["name"].text == "EMP-CKIN-11-2026-000001")
            let form = try await site.send(
                "POST", "api/method/frappe.client.insert",
                form: [("doc", Self.doc("HR-EMP-00001", "2026-11-22 08:00:01"))])
            #expect(form.message["shift"].text == "Day")
            let posted = try await site.send(
                "POST", "api/resource/Employee Checkin",
                form: [("data", Self.doc("HR-EMP-00001", "2026-11-22 08:00:02"))])
            #expect(posted.data["time"].text == "2026-11-22 08:00:02")
            #expect(
                try await site.send("POST", "api/v2/document/Employee Checkin", json: doc).status == 417)
            let got = try await site.send(
                "GET", "api/method/frappe.client.insert", query: [("doc", doc)])
            #expect(got.status == 403 && got.words == "Not permitted")
            #expect(erp.checkins.count == 3)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `a time is repaired, and the shift with it`() async throws {
        try await withSite { erp, site in
            let name = try #require(
                try await site.log("1006", "2026-11-22 03:00:00").message["name"].text)
            _ = try await site.log("1006", "2026-11-22 10:00:00")
            let path = "api/resource/Employee Checkin/\(name)"
            let moved = try await site.send("PUT", path, json: #"{"time":"2026-11-22 09:00:00"}"#)
            #expect(moved.status == 200 && moved.data["shift"].text == "Day")
            #expect(erp.checkins.map(\.time) == ["2026-11-22 09:00:00", "2026-11-22 10:00:00"])
            #expect(try await site.send("PUT", path, json: #"{"time":"2026-11-22 10:00:00"}"#).status == 417)
            let stale = try await site.send(
                "PUT", path, json: #"{"time":"2026-11-22 09:30:00","modified":"2026-01-01 00:00:00.000000"}"#)
            #expect(stale.type == "TimestampMismatchError")
            // Level 1 again: nothing changes, and nothing is said.
            erp.changeRights { $0.writeLevelOne = false }
            let kept = try await site.send("PUT", path, json: #"{"time":"2026-11-22 11:00:00"}"#)
            #expect(kept.status == 200 && kept.data["time"].text == "2026-11-22 09:00:00")
            erp.changeRights { $0.writeLevelOne = true }
            erp.updateCheckin(name) { $0.attendance = "HR-ATT-2026-00001" }
            let linked = try await site.send("PUT", path, json: #"{"time":"2026-11-22 11:00:00"}"#)
            #expect(linked.status == 417)
            #expect(linked.words?.contains("cancel the attendance") == true)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `a check-in is deleted once`() async throws {
        try await withSite { erp, site in
            let name = try #require(
                try await site.log("1006", "2026-11-22 08:00:00").message["name"].text)
            let path = "api/resource/Employee Checkin/\(name)"
            #expect(try await site.send("GET", path).data["time"].text == "2026-11-22 08:00:00")
            erp.changeRights { $0.deleteCheckin = false }
            #expect(try await site.send("DELETE", path).status == 403)
            erp.changeRights { $0.deleteCheckin = true }
            let gone = try await site.send("DELETE", path)
            #expect(gone.status == 202 && gone.data.text == "ok")
            #expect(erp.checkins.isEmpty)
            let again = try await site.send("DELETE", path)
            #expect(again.status == 404 && again.type == "DoesNotExistError")
            #expect(again.words == "Employee Checkin \(name) not found")
            // The moment is free again, and its number is not.
            let new = try await site.log("1006", "2026-11-22 08:00:00")
            #expect(new.message["name"].text == "EMP-CKIN-11-2026-000002")
            erp.setVersion(.version14)
            let old = try await site.send(
                "DELETE", "api/resource/Employee Checkin/EMP-CKIN-11-2026-000002")
            #expect(old.status == 202 && old.message.text == "ok")
        }
    }

    @Test(.timeLimit(.minutes(10))) func `a series that was reset gives names that are taken`() async throws {
        try await withSite { erp, site in
            for second in 0..<3 { _ = try await site.log("1006", "2026-11-22 08:00:0\(second)") }
            erp.setSeries(next: 3)
            for _ in 1...2 {
                let answer = try await site.log("1006", "2026-11-22 09:00:00")
                #expect(answer.status == 409 && answer.type == "DuplicateEntryError")
                #expect(answer.words?.contains("EMP-CKIN-11-2026-000003</strong> already exists") == true)
            }
            #expect(erp.checkins.count == 3)
            erp.setSeries(next: 4)
            #expect(try await site.log("1006", "2026-11-22 09:00:00").status == 200)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `the sync time of a shift is moved`() async throws {
        try await withSite { erp, site in
            let path = "api/resource/Shift Type/Day"
            let body = #"{"last_sync_of_checkin":"2026-11-22 12:00:00"}"#
            let moved = try await site.send("PUT", path, json: body)
            #expect(moved.status == 200 && moved.data["last_sync_of_checkin"].text == "2026-11-22 12:00:00")
            #expect(erp.shiftTypes.map(\.lastSync) == ["2026-11-22 12:00:00", nil])
            #expect(
                try await site.send("PUT", path, json: #"{"last_sync_of_checkin":"soon"}"#).type
                    == "ParserError")
            erp.changeRights { $0.writeShiftType = false }
            let refused = try await site.send("PUT", path, json: body)
            #expect(refused.status == 403 && refused.type == "PermissionError")
            #expect(
                refused.json["_error_message"].text
                    == "Insufficient Permission for <strong>Shift Type</strong> (write)")
            #expect(try await site.send("PUT", "api/resource/Shift Type/Late", json: body).status == 404)
        }
    }
}
