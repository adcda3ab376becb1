import AttendanceSimulation
import Testing

@Suite struct `Employees of the simulated site` {
    @Test(.timeLimit(.minutes(10))) func `are documents with the fields they were given`() async throws {
        try await withSite { _, site in
            let ada = try await site.send("GET", "api/resource/Employee/HR-EMP-00001").data
            #expect(ada["employee_name"].text == "Ada Example")
            #expect(ada["attendance_device_id"].text == "1006")
            #expect(ada["status"].text == "Active" && ada["company"].text == "Example Works")
            #expect(ada["branch"].text == "North" && ada["default_shift"].text == "Day")
            #expect(ada["custom_badge"].text == "B 1" && ada["doctype"].text == "Employee")
            #expect(try await site.send("GET", "api/resource/Employee/HR-EMP-00003").data["branch"].isMissing)
            let nobody = try await site.send("GET", "api/resource/Employee/HR-EMP-9")
            #expect(nobody.status == 404 && nobody.type == "DoesNotExistError")
        }
    }

    @Test(.timeLimit(.minutes(10))) func `bear a new stamp after every change, so that changes can be read`()
        async throws
    {
        try await withSite { erp, site in
            let all = try await site.list("Employee", fields: ["name", "modified"]).data
            let stamps = all.texts("modified")
            #expect(stamps.count == 4 && Set(stamps).count == 4)
            #expect(stamps.allSatisfy { $0.count == 26 && $0.hasPrefix("2026-11-22 13:30:05.") })
            let newest = try #require(stamps.max())

            erp.update("HR-EMP-00002") { $0.status = .suspended }
            erp.update(["HR-EMP-00003", "HR-EMP-00004"]) { $0.branch = "South" }
            erp.add(SimulatedEmployee(name: "HR-EMP-00005", deviceID: "5"))
            erp.removeEmployee("HR-EMP-00001")
            let changed = try await site.list(
                "Employee", fields: ["name", "status", "branch", "modified"],
                filters: "[[\"modified\",\">\",\"\(newest)\"]]", [("order_by", "modified asc, name asc")]
            ).data
            #expect(
                changed.texts("name") == ["HR-EMP-00002", "HR-EMP-00003", "HR-EMP-00004", "HR-EMP-00005"])
            #expect(changed[0]["status"].text == "Suspended")
            #expect(changed[3]["branch"] == .null)
            // An import writes one stamp for all.
            #expect(changed[1]["modified"] == changed[2]["modified"])
            #expect(try await site.list("Employee").data.list.count == 4)
            #expect(try await site.log("1006", "2026-11-22 08:00:00").status == 417)
        }
    }

    @Test(.timeLimit(.minutes(10)), arguments: SimulatedEmployee.Status.allCases)
    func `take check-ins unless they are inactive`(status: SimulatedEmployee.Status) async throws {
        try await withSite { erp, site in
            erp.update("HR-EMP-00001") { $0.status = status }
            let answer = try await site.log("1006", "2026-11-22 08:00:00")
            #expect(answer.status == (status == .inactive ? 417 : 200))
        }
    }

    @Test(.timeLimit(.minutes(10))) func `with the same key are found by the last change`() async throws {
        try await withSite { erp, site in
            erp.update("HR-EMP-00004") { $0.deviceID = "1006" }
            #expect(
                try await site.log("1006", "2026-11-22 08:00:00").message["employee"].text == "HR-EMP-00004")
            erp.update("HR-EMP-00001") { $0.deviceID = "1007" }
            #expect(
                try await site.log("1007", "2026-11-22 08:00:00").message["employee"].text == "HR-EMP-00001")
            erp.addEmployeeField("custom_locker")
            let empty = try await site.log(
                "1", "2026-11-22 08:00:00", ["employee_fieldname": "custom_locker"])
            #expect(empty.status == 417)
        }
    }
}
