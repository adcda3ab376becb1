import AttendanceCore
import AttendanceSimulation
import Foundation
import Synchronization
import Testing

@Suite struct `Who may do what on the simulated site` {
    @Test(
        .timeLimit(.minutes(10)),
        arguments: [
            ("token key:secret", 200, nil), ("Token key:secret", 200, nil),
            ("Basic " + Data("key:secret".utf8).base64EncodedString(), 200, nil),
            ("token key:wrong", 401, "AuthenticationError"),
            ("token other:secret", 401, "AuthenticationError"),
            ("token keysecret", 401, "AuthenticationError"),
            ("Bearer key:secret", 401, "AuthenticationError"),
            ("Basic !", 400, "InvalidAuthorizationToken"), ("token  key:secret", 403, "PermissionError"),
            ("key:secret", 403, "PermissionError"), (nil, 403, "PermissionError"),
        ] as [(String?, Int, String?)])
    func `is told by the header`(header: String?, status: Int, type: String?) async throws {
        try await withSite(authorization: header) { erp, site in
            let answer = try await site.log("1006", "2026-11-22 08:00:00")
            #expect(answer.status == status && answer.type == type)
            if status == 401 { #expect(answer.json.keys == ["exc_type"]) }
            if status == 403 { #expect(answer.words?.contains("is not whitelisted") == true) }
            #expect(erp.checkins.count == (status == 200 ? 1 : 0))
            // What guests may ask is answered to guests, not to somebody with a wrong key.
            let ping = try await site.send("GET", "api/method/ping")
            #expect(ping.status == (status == 403 ? 200 : status))
            let list = try await site.list("Employee")
            #expect(list.status == status)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `goes without a header where none is asked for`() async throws {
        try await withSite(credential: nil, authorization: nil) { _, site in
            let answer = try await site.log("1006", "2026-11-22 08:00:00")
            #expect(answer.status == 200)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `is refused without the right, as recorded`() async throws {
        try await withSite { erp, site in
            erp.changeRights { $0.createCheckin = false }
            let create = try await site.log("1006", "2026-11-22 08:00:00")
            #expect(create.status == 403 && create.type == "PermissionError")
            #expect(
                create.json["_error_message"].text
                    == "Insufficient Permission for <strong>Employee Checkin</strong> (create)")
            // The method looks for the employee first.
            #expect(try await site.log("nobody", "2026-11-22 08:00:00").status == 417)
            erp.changeRights { $0.readEmployee = false }
            let list = try await site.list("Employee")
            #expect(list.status == 403)
            #expect(
                list.json["_error_message"].text == "Insufficient Permission for <strong>Employee</strong>")
            #expect(try await site.send("GET", "api/resource/Employee/HR-EMP-00001").status == 403)
            #expect(try await site.list("Shift Type").status == 200)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `is held to one employee by a User Permission`() async throws {
        try await withSite { erp, site in
            erp.changeRights { $0.onlyEmployee = "HR-EMP-00001" }
            #expect(try await site.log("1006", "2026-11-22 08:00:00").status == 200)
            let other = try await site.log("77", "2026-11-22 08:00:00")
            #expect(other.status == 403 && other.type == "PermissionError")
            #expect(
                other.words?.contains("because it is linked to Employee 'HR-EMP-00004' in field Employee")
                    == true)
            #expect(try await site.list("Employee").data.texts("name") == ["HR-EMP-00001"])
            #expect(try await site.send("GET", "api/resource/Employee/HR-EMP-00004").status == 403)
            erp.changeRights { $0.onlyEmployee = nil }
            _ = try await site.log("77", "2026-11-22 08:00:00")
            erp.changeRights { $0.onlyEmployee = "HR-EMP-00001" }
            #expect(try await site.list("Employee Checkin").data.list.count == 1)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `is troubled by cookies`() async throws {
        try await withSite { erp, site in
            let ping = try await site.send("GET", "api/method/ping")
            let cookies = ping.headers.filter { $0.0.lowercased() == "set-cookie" }.map(\.1)
            #expect(cookies.count == 5)
            let session = try #require(cookies.first?.split(separator: ";").first)
            #expect(session == "sid=Guest")
            let fields = [("employee_field_value", "1006"), ("timestamp", "2026-11-22 08:00:00")]
            let returned = try await site.send(
                "POST", "api/method/\(Caller.hrms)", form: fields,
                headers: [("Cookie", "user_id=Guest; \(session)")])
            #expect(returned.status == 400 && returned.type == "CSRFTokenError")
            #expect(returned.words == "Invalid Request")
            #expect(
                try await site.send("GET", "api/method/ping", headers: [("Cookie", "\(session)")]).status
                    == 200)
            // A session the site no longer knows: enough to end a request, unless a good token is there.
            let stale = try await site.send(
                "POST", "api/method/\(Caller.hrms)", form: fields, headers: [("Cookie", "sid=0a1b2c")])
            #expect(stale.status == 200 && stale.json["session_expired"].number == 1)
            #expect(erp.checkins.count == 1)
            let guest = try await site.send(
                "POST", "api/method/\(Caller.hrms)", form: fields,
                headers: [("Cookie", "sid=0a1b2c"), ("Authorization", "none")])
            #expect(guest.status == 403 && guest.json["session_expired"].number == 1)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `can be asked`() async throws {
        try await withSite { erp, site in
            #expect(
                try await site.send("GET", "api/method/frappe.auth.get_logged_user").message.text
                    == "hr-gateway@example.com")
            func may(_ doctype: String, _ action: String) async throws -> JSONValue {
                try await site.send(
                    "GET", "api/method/frappe.client.has_permission",
                    query: [("doctype", doctype), ("docname", "x"), ("perm_type", action)]
                ).message["has_permission"]
            }
            let yes = try await may("Employee Checkin", "create")
            #expect(yes == .number(1) || yes == .bool(true))
            erp.changeRights { $0.createCheckin = false }
            let no = try await may("Employee Checkin", "create")
            #expect(no == .number(0) || no == .bool(false))
        }
    }
}

@Suite struct `What the simulated site tells of itself` {
    @Test(.timeLimit(.minutes(10))) func `versions, zone, clock and pulse`() async throws {
        let seconds = Mutex(Int64(1_795_334_405))
        try await withSite(now: { UnixTime(seconds: seconds.withLock { $0 }) }) { erp, site in
            let ping = try await site.send("GET", "api/method/frappe.ping")
            #expect(ping.message.text == "pong")
            #expect(ping.header("Date") == "Sun, 22 Nov 2026 08:00:05 GMT")
            #expect(try await site.send("GET", "api/v2/method/ping").data.text == "pong")
            let versions = try await site.send("GET", "api/method/frappe.utils.change_log.get_versions")
                .message
            #expect(versions["hrms"]["version"].text == "15.33.0")
            #expect(versions["frappe"]["branch"].text == "version-15")
            erp.setVersion(.version13)
            let old = try await site.send("GET", "api/method/frappe.utils.change_log.get_versions").message
            #expect(old["hrms"].isMissing && old["erpnext"]["version"].text == "13.54.0")

            let path = "api/method/frappe.client.get_time_zone"
            #expect(try await site.send("GET", path).message["time_zone"].text == "Asia/Kolkata")
            erp.setZone("America/Sao_Paulo")
            #expect(try await site.send("GET", path).message["time_zone"].text == "America/Sao_Paulo")
            erp.setTellsTimeZone(false)
            let missing = try await site.send("GET", path)
            #expect(missing.status == 417)
            #expect(
                missing.words?.hasPrefix("Failed to get method for command frappe.client.get_time_zone")
                    == true)
            erp.setMethod("frappe.utils.change_log.get_versions", isMissing: true)
            #expect(
                try await site.send("GET", "api/method/frappe.utils.change_log.get_versions").status == 417)

            // The name bears the month of insertion, by the site's clock and zone: here still 30 November.
            erp.setVersion(.recorded)
            seconds.withLock { $0 = 1_796_090_400 }
            let answer = try await site.log("1006", "2026-11-22 08:00:00")
            #expect(answer.message["creation"].text?.hasPrefix("2026-11-30 23:00:00.") == true)
            #expect(answer.header("Date") == "Tue, 01 Dec 2026 02:00:00 GMT")
            seconds.withLock { $0 += 3600 }
            let december = try await site.log("1006", "2026-11-22 08:00:01")
            #expect(december.message["name"].text == "EMP-CKIN-12-2026-000001")
        }
    }

    @Test(.timeLimit(.minutes(10))) func `that there is no such site`() async throws {
        try await withSite { erp, site in
            erp.setHost("erp.example.com")
            let other = try await site.send("GET", "api/method/ping")
            #expect(other.status == 404 && other.text.contains("does not exist"))
            #expect(other.header("content-type")?.hasPrefix("text/html") == true)
            erp.setHost("127.0.0.1")
            #expect(try await site.send("GET", "api/method/ping").status == 200)
        }
    }
}
