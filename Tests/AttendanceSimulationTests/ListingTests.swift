import AttendanceSimulation
import Testing

@Suite struct `Lists of the simulated site` {
    @Test(.timeLimit(.minutes(10))) func `stop at 20 unless told otherwise`() async throws {
        try await withSite { erp, site in
            for number in 5...30 { erp.add(SimulatedEmployee(name: "E\(number)", deviceID: "d\(number)")) }
            func names(_ more: [(String, String)]) async throws -> [String] {
                try await site.list(
                    "Employee", filters: #"[["name","like","E%"]]"#, [("order_by", "name asc")] + more
                )
                .data.texts("name")
            }
            let all = try await names([("limit_page_length", "0")])
            #expect(all.count == 26 && all == all.sorted())
            #expect(try await names([]).count == 20)
            #expect(try await names([("limit", "5")]) == Array(all.prefix(5)))
            #expect(
                try await names([("limit_start", "10"), ("limit_page_length", "5")]) == Array(all[10..<15]))
            #expect(try await names([("limit_start", "25"), ("limit_page_length", "5")]).count == 1)
            #expect(try await names([("limit_start", "26"), ("limit_page_length", "5")]).isEmpty)
            // Without fields there is only the name.
            #expect(try await site.list("Employee").data[0].keys == ["name"])
        }
    }

    @Test(
        .timeLimit(.minutes(10)),
        arguments: [
            (#"[["status","=","active"]]"#, ["1", "2"]), (#"[["status","!=","Active"]]"#, ["3", "4"]),
            (#"[["Employee","status","=","Left"]]"#, ["4"]), (#"{"status":"Left"}"#, ["4"]),
            (#"{"status":["in",["Left","Inactive"]],"name":["!=","HR-EMP-00003"]}"#, ["4"]),
            (#"[["status","in","Left, Inactive"]]"#, ["3", "4"]),
            (#"[["status","not in",["Left","Inactive"]]]"#, ["1", "2"]),
            (#"[["branch","is","set"]]"#, ["1"]), (#"[["branch","is","not set"]]"#, ["2", "3", "4"]),
            (#"[["branch","=",""]]"#, ["2", "3", "4"]), (#"[["branch","!=","North"]]"#, ["2", "3", "4"]),
            (#"[["branch","in",["North","South"]]]"#, ["1"]),
            (#"[["attendance_device_id","like","%5%"]]"#, ["2"]),
            (#"[["attendance_device_id","like","a_12"]]"#, ["3"]),
            (#"[["attendance_device_id","not like","%7%"]]"#, ["1", "2", "3"]),
            (#"[["name",">","HR-EMP-00002"]]"#, ["3", "4"]),
            (#"[["name",">=","HR-EMP-00002"]]"#, ["2", "3", "4"]),
            (#"[["name","<","HR-EMP-00002"]]"#, ["1"]), (#"[["name","<=","HR-EMP-00002"]]"#, ["1", "2"]),
            (#"[["name","between",["HR-EMP-00002","HR-EMP-00003"]]]"#, ["2", "3"]),
            (#"[["custom_badge","=","B 1"]]"#, ["1"]), ("[]", ["1", "2", "3", "4"]),
        ])
    func `filter as Frappe does`(filters: String, expected: [String]) async throws {
        try await withSite { _, site in
            let answer = try await site.list("Employee", filters: filters, [("order_by", "name")])
            #expect(answer.status == 200)
            #expect(answer.data.texts("name") == expected.map { "HR-EMP-0000\($0)" })
        }
    }

    @Test(.timeLimit(.minutes(10))) func `of check-ins filter by moments`() async throws {
        try await withSite { erp, site in
            for (person, time) in [
                ("1006", "2026-11-21 23:59:59"), ("1006", "2026-11-22 00:00:00"),
                ("5555x", "2026-11-22 08:00:00"),
                ("77", "2026-11-23 00:00:00"),
            ] {
                _ = try await site.log(person, time, ["device_id": "T\(person)"])
            }
            func times(_ filters: String) async throws -> [String] {
                try await site.list("Employee Checkin", fields: ["time"], filters: filters).data.texts("time")
            }
            #expect(try await times("[]").count == 4)
            // The order of the doctype itself: the first changed first.
            #expect(try await times("[]").first == "2026-11-21 23:59:59")
            #expect(try await times(#"[["time","=","2026-11-22 08:00:00"]]"#).count == 1)
            #expect(try await times(#"[["time","=","2026-11-22T08:00:00"]]"#).count == 1)
            #expect(try await times(#"[["time","between",["2026-11-22","2026-11-22"]]]"#).count == 2)
            #expect(
                try await times(#"[["time","between",["2026-11-22 00:00:00","2026-11-22 08:00:00"]]]"#).count
                    == 2)
            #expect(try await times(#"[["time",">","2026-11-22"]]"#).count == 2)
            #expect(
                try await times(
                    #"[["employee","in",["HR-EMP-00001","hr-emp-00002"]],["time",">=","2026-11-22"],["device_id","=","t5555X"]]"#
                ) == ["2026-11-22 08:00:00"])
            let broken = try await site.list(
                "Employee Checkin", fields: ["name"], filters: #"[["time","=","soon"]]"#)
            #expect(broken.status == 500 && broken.type == "ParserError")
            // Before version 14 a range of moments was a day too long.
            erp.setVersion(.version13)
            #expect(
                try await times(#"[["time","between",["2026-11-22 00:00:00","2026-11-22 08:00:00"]]]"#).count
                    == 3)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `refuse fields that are not there`() async throws {
        try await withSite { erp, site in
            let fields = ["name", "start_time", "auto_update_last_sync"]
            let refused = try await site.list("Shift Type", fields: fields)
            #expect(refused.status == 417 && refused.type == "DataError")
            #expect(refused.words == "Field not permitted in query: auto_update_last_sync")
            erp.setVersion(.version15)
            let shifts = try await site.list("Shift Type", fields: fields, [("order_by", "name asc")]).data
            #expect(shifts.texts("name") == ["Day", "Night"])
            // A time span, not a time of day: the hour has no leading zero.
            #expect(shifts.texts("start_time") == ["9:00:00", "22:00:00"])
            #expect(shifts[0]["auto_update_last_sync"].number == 0)
            #expect(
                try await site.list("Employee", filters: #"[["badge","=","1"]]"#).words
                    == "Field not permitted in query: badge")
            #expect(try await site.list("Employee", [("order_by", "badge desc")]).type == "OperationalError")
            #expect(try await site.list("Employee", [("fields", "name")]).type == "JSONDecodeError")
            #expect(try await site.list("Employee", filters: "status").status == 500)
            #expect(try await site.list("Employee", filters: #"[["status"]]"#).status == 417)
            #expect(try await site.list("Employee", filters: #"[["status","~","a"]]"#).status == 417)
            #expect(try await site.list("Salary Slip").status == 404)
            #expect(try await site.send("PATCH", "api/resource/Employee").status == 405)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `tell all of a shift that is asked for`() async throws {
        try await withSite { _, site in
            let answer = try await site.list(
                "Shift Type",
                fields: [
                    "name", "start_time", "end_time", "enable_auto_attendance", "process_attendance_after",
                    "last_sync_of_checkin", "determine_check_in_and_check_out",
                    "allow_check_out_after_shift_end_time",
                ], filters: #"[["name","=","Day"]]"#, [("limit_page_length", "0")])
            let day = answer.data[0]
            #expect(day["end_time"].text == "18:00:00" && day["enable_auto_attendance"].number == 1)
            #expect(day["process_attendance_after"].text == "2026-01-01")
            #expect(day["last_sync_of_checkin"].text == "2026-11-21 20:00:00")
            #expect(day["allow_check_out_after_shift_end_time"].number == 60)
            #expect(day["determine_check_in_and_check_out"].text?.hasPrefix("Alternating") == true)
            let all = try await site.list("Shift Type", fields: ["*"]).data[0]
            #expect(all["begin_check_in_before_shift_start_time"].number == 60 && all["modified"].text != nil)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `count and list as methods do the same`() async throws {
        try await withSite { _, site in
            let filters = #"{"status":"Active"}"#
            let count = try await site.send(
                "GET", "api/method/frappe.client.get_count",
                query: [("doctype", "Employee"), ("filters", filters)])
            #expect(count.message.number == 2)
            let list = try await site.send(
                "GET", "api/method/frappe.client.get_list",
                query: [("doctype", "Employee"), ("filters", filters), ("fields", #"["name"]"#)])
            #expect(list.message.list.count == 2)
        }
    }
}
