import AttendanceCore
import AttendanceWeb
import Foundation
import Testing

/// The table, and what is made of it.
@Suite struct `The document of the API` {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    @Test func `every sample fits its schema, and every body's example its own`() throws {
        for endpoint in API.endpoints {
            if let example = endpoint.example {
                let faults = endpoint.schema.faults(in: example)
                #expect(faults.isEmpty, "\(endpoint.operation): \(faults) \(example.json)")
            }
            if let body = endpoint.body {
                let faults = body.schema.faults(in: body.example)
                #expect(faults.isEmpty, "\(endpoint.operation): \(faults) \(body.example.json)")
            }
        }
        func check<Value: Documented>(_ type: Value.Type) throws {
            for sample in Value.samples {
                let text = String(decoding: try JSONAnswer.encode(sample), as: UTF8.self)
                let value = try #require(JSONValue(parsing: text))
                #expect(Value.schema.faults(in: value).isEmpty, "\(Value.self): \(text)")
            }
        }
        try check(ProblemAnswer.self)
        try check(PunchAnswer.self)
        try check(TerminalAnswerReport.self)
        try check(PageAnswer<PunchAnswer>.self)
        try check(ClockStepAnswer.self)
        try check(LateDeliveryAnswer.self)
    }

    @Test func `each call has one name, one path, and parameters that its path names`() {
        #expect(Set(API.endpoints.map(\.operation)).count == API.endpoints.count)
        #expect(Set(API.endpoints.map { "\($0.method) \($0.path)" }).count == API.endpoints.count)
        for endpoint in API.endpoints {
            let named = endpoint.path.split(separator: "/").filter { $0.hasPrefix("{") }
                .map { String($0.dropFirst().dropLast()) }
            let told = endpoint.parameters.filter { $0.place == .path }.map(\.name)
            #expect(named == told, "\(endpoint.operation)")
            #expect(endpoint.method != .get || endpoint.body == nil)
            #expect(endpoint.scope != nil || endpoint.operation == "getDocument")
            #expect(!endpoint.summary.hasSuffix("."), "\(endpoint.operation)")
            // Looking is for everybody who may look; what changes something needs more.
            if endpoint.method != .get { #expect(endpoint.scope != .read, "\(endpoint.operation)") }
        }
    }

    @Test func `every pattern can be read`() throws {
        func patterns(_ schema: Schema) -> [String] {
            switch schema {
            case .text(let form): form.pattern.map { [$0] } ?? []
            case .list(let item, _), .map(let item), .nullable(let item), .named(_, let item): patterns(item)
            case .object(let properties): properties.flatMap { patterns($0.schema) }
            default: []
            }
        }
        for endpoint in API.endpoints {
            let all =
                endpoint.parameters.map(\.schema) + [endpoint.schema, endpoint.body?.schema ?? .nothing]
            for pattern in Set(all.flatMap(patterns)) {
                #expect(throws: Never.self) { _ = try Regex(pattern) }
            }
        }
    }

    @Test func `is OpenAPI 3.1 whose references all lead somewhere`() throws {
        let document = OpenAPIDocument.json
        #expect(document["openapi"]?.string == "3.1.0")
        var references: Set<String> = []
        func walk(_ value: JSONValue) {
            switch value {
            case .object(let fields):
                if let reference = fields["$ref"]?.string { references.insert(reference) }
                for field in fields.values { walk(field) }
            case .list(let values): for value in values { walk(value) }
            default: break
            }
        }
        walk(document)
        #expect(references.count > 50)
        for reference in references {
            var place: JSONValue? = document
            for part in reference.dropFirst(2).split(separator: "/") { place = place?[String(part)] }
            #expect(place != nil && place != .null, "\(reference)")
        }
        #expect(document["paths"]?["/api/v1/punches/{id}"]?["get"]?["operationId"]?.string == "getPunch")
    }

    @Test func `the page for people is the table's`() throws {
        let page = try String(contentsOf: Self.root.appending(path: "docs/api.md"), encoding: .utf8)
        let begin = try #require(page.range(of: APIReference.begin))
        let end = try #require(page.range(of: APIReference.end))
        #expect(
            page[begin.upperBound..<end.lowerBound].trimmingCharacters(in: .whitespacesAndNewlines)
                == APIReference.text.trimmingCharacters(in: .whitespacesAndNewlines),
            "write it anew: make settings")
    }

    @Test(arguments: [
        ("2026-11-22T08:00:00Z", 1_795_334_400_000 as Int64?),
        ("2026-11-22T13:30:00.25+05:30", 1_795_334_400_250),
        ("2026-11-22", 1_795_305_600_000), ("2026-11-22T08:00:00", nil), ("2026-13-22T08:00:00Z", nil),
        ("2026-11-22T08:00:00+25:00", nil), ("now", nil), ("", nil),
    ])
    func `moments are read as ISO 8601 writes them`(text: String, milliseconds: Int64?) {
        #expect(UnixTime(iso8601: text)?.milliseconds == milliseconds)
    }

    @Test func `a value that does not fit is told by the place it stands at`() throws {
        let schema = Schema.object([
            .init("name", .line(1...5)), .optional("ids", .list(.id, 0...2)),
            .optional("mode", .nullable(.words(["a", "b"]))), .optional("more", .map(.flag)),
        ])
        func faults(_ text: String) throws -> [String] {
            schema.faults(in: try #require(JSONValue(parsing: text))).map(\.pointer)
        }
        #expect(try faults(#"{"name":"x","ids":[1,2],"mode":null,"more":{"a":true}}"#) == [])
        #expect(
            try faults(#"{"name":"","ids":[1,0],"mode":"c","more":{"a/b":1}}"#) == [
                "/name", "/ids/1", "/mode", "/more/a~1b",
            ])
        #expect(try faults(#"{"ids":[1,2,3],"nam":"x"}"#) == ["/name", "/ids", "/nam"])
        #expect(try faults(#"{"name":"a\nb"}"#) == ["/name"])
        #expect(try faults("[]") == [""])
        #expect(try faults(#"{"name":"x","ids":[1.5,"2"]}"#) == ["/ids/0", "/ids/1"])
    }
}
