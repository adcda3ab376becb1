import AttendanceSimulation
import Testing

@Suite struct `Errors of the simulated site` {
    @Test(
        .timeLimit(.minutes(10)),
        arguments: [
            (
                SimulatedSiteVersion.version13, SimulatedErrorBody.whole,
                "exception exc_type exc _server_messages"
            ),
            (.version14, .whole, "exception exc_type exc _server_messages"),
            (.recorded, .whole, "exception exc_type exc _exc_source _server_messages"),
            (.version16, .whole, "exception exc_type exc _exc_source _server_messages"),
            (.recorded, .withoutTraceback, "exc_type _server_messages"),
            (.recorded, .withoutMessages, "exception exc_type exc _exc_source"),
            (.recorded, .typeOnly, "exc_type"),
            (.recorded, .version2, "errors"),
        ])
    func `have the keys of their version`(
        version: SimulatedSiteVersion, body: SimulatedErrorBody, keys: String
    ) async throws {
        try await withSite(version: version) { erp, site in
            erp.setErrorBody(body)
            let answer = try await site.send(
                "POST", "api/method/\(version.checkinMethod)",
                form: [("employee_field_value", "9"), ("timestamp", "2026-11-22 08:00:00")])
            #expect(answer.status == 417)
            #expect(answer.json.keys == Set(keys.split(separator: " ").map(String.init)))
            if let exc = answer.json["exc"].text {
                let traceback = try #require(JSONValue(text: exc)[0].text)
                #expect(traceback.hasPrefix("Traceback (most recent call last):"))
                #expect(traceback.hasSuffix("\(answer.json["exception"].text ?? "?")\n"))
            }
        }
    }

    @Test(.timeLimit(.minutes(10))) func `under version 2's path have version 2's shape`() async throws {
        try await withSite { erp, site in
            let path = "api/v2/method/\(Caller.hrms)"
            let form = [("employee_field_value", "9"), ("timestamp", "2026-11-22 08:00:00")]
            let error = try await site.send("POST", path, form: form).json["errors"][0]
            #expect(error["type"].text == "ValidationError" && error["indicator"].text == "red")
            #expect(error["message"].text?.hasPrefix("No Employee found") == true)
            #expect(error["exception"].text?.hasPrefix("Traceback") == true)
            erp.setErrorBody(.withoutTraceback)
            let bare = try await site.send("POST", path, form: form).json["errors"][0]
            #expect(bare["exception"].isMissing && bare["message"].text != nil)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `are pages for who asks for pages`() async throws {
        try await withSite { _, site in
            let answer = try await site.send(
                "POST", "api/method/\(Caller.hrms)",
                form: [("employee_field_value", "9"), ("timestamp", "2026-11-22 08:00:00")],
                headers: [("Accept", "text/html")])
            #expect(answer.status == 417 && answer.text.hasPrefix("<!DOCTYPE html>"))
        }
    }

    @Test(.timeLimit(.minutes(10))) func `speak the language that is asked for, and never change their type`()
        async throws
    {
        try await withSite { erp, site in
            func words(_ person: String, language: String?) async throws -> String? {
                var site = site
                site.headers.removeAll { $0.0 == "Accept-Language" }
                if let language { site.headers.append(("Accept-Language", language)) }
                let answer = try await site.log(person, "2026-11-22 08:00:00")
                #expect(answer.status == 417)
                return answer.words
            }
            let german = "Für den angegebenen Wert des Mitarbeiterfeldes"
            #expect(try await words("9", language: "en")?.hasPrefix("No Employee found") == true)
            #expect(try await words("9", language: "de-AT,de;q=0.9,en;q=0.5")?.hasPrefix(german) == true)
            #expect(try await words("9", language: "pt-BR")?.hasPrefix("Nenhum funcionário") == true)
            #expect(try await words("9", language: "xx")?.hasPrefix("No Employee found") == true)
            #expect(try await words("9", language: nil)?.hasPrefix("No Employee found") == true)
            erp.setLanguage(.portuguese)
            #expect(try await words("9", language: nil)?.hasPrefix("Nenhum funcionário") == true)
            #expect(try await words("9", language: "en")?.hasPrefix("No Employee found") == true)
            erp.setForcedLanguage(.german)
            #expect(try await words("9", language: "en")?.hasPrefix(german) == true)

            _ = try await site.log("1006", "2026-11-22 08:00:00")
            let again = try await site.log("1006", "2026-11-22 08:00:00")
            #expect(again.type == "ValidationError")
            #expect(again.words?.contains("already has") == false)
            // The link is the same in every language.
            #expect(again.words?.contains("/app/Form/Employee Checkin/EMP-CKIN-11-2026-000001\"") == true)
            let inactive = try await site.log("Ab12", "2026-11-22 08:00:00")
            #expect(inactive.type == "InactiveEmployeeStatusError")
        }
    }

    @Test(.timeLimit(.minutes(10))) func `tell of a body that is too large with a page`() async throws {
        try await withSite { erp, site in
            let answer = try await site.send(
                "POST", "api/method/\(Caller.hrms)",
                form: [("employee_field_value", String(repeating: "9", count: 26 << 20))])
            #expect(answer.status == 413)
            #expect(answer.header("content-type")?.hasPrefix("text/html") == true)
            #expect(erp.checkins.isEmpty)
        }
    }
}
