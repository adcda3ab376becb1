import AttendanceCore
import Foundation
import HTTPTypes

/// The API's description as OpenAPI 3.1, made of the same table as its routes.
package enum OpenAPIDocument {
    package static let json = make()

    private static func make() -> JSONValue {
        var named: [String: JSONValue] = [:]
        var paths: [String: [String: JSONValue]] = [:]
        for endpoint in API.endpoints {
            paths[endpoint.fullPath, default: [:]][endpoint.method.rawValue.lowercased()] = operation(
                endpoint, &named)
        }
        let problem = ProblemAnswer.schema.json(&named)
        var responses: [String: JSONValue] = [:]
        for status in Set(APIProblem.Kind.allCases.map(\.status.code)) {
            responses["Problem\(status)"] = response(status, problem)
        }
        return [
            "openapi": "3.1.0",
            "info": [
                "title": "Attendance Gateway", "version": "1", "description": .text(about),
                "license": ["name": "See the file LICENSE"],
            ],
            "servers": [["url": "/", "description": "The console's own address."]],
            "tags": .list(
                Endpoint.Tag.allCases.map { ["name": .text($0.rawValue), "description": .text($0.help)] }),
            "paths": .object(paths.mapValues { .object($0) }),
            "components": [
                "schemas": .object(named), "responses": .object(responses),
                "securitySchemes": [
                    "token": [
                        "type": "http", "scheme": "bearer", "bearerFormat": "agw_…",
                        "description":
                            "A token of the API: made in the console, by `attendance-gateway tokens issue`, or by `POST /tokens`.",
                    ],
                    "session": [
                        "type": "apiKey", "in": "cookie", "name": .text(Cookies.session),
                        "description":
                            "A session of the console. What changes something needs `X-Form-Token` besides.",
                    ],
                ],
            ],
        ]
    }

    static let about = """
        Everything that the console and the command line do, for programs. JSON in UTF-8 with snake_case keys; a field \
        that has no value is absent. Moments are ISO 8601 in UTC; times of terminals are `YYYY-MM-DD HH:MM:SS` by their \
        own clock, with the zone beside them. Answers may get further fields; what is sent may not have unknown ones. \
        Problems are `application/problem+json` (RFC 9457).
        """

    private static func operation(_ endpoint: Endpoint, _ named: inout [String: JSONValue]) -> JSONValue {
        var fields: [String: JSONValue] = [
            "operationId": .text(endpoint.operation), "summary": .text(endpoint.summary),
            "tags": .list([.text(endpoint.tag.rawValue)]),
        ]
        var help = endpoint.help
        if let scope = endpoint.scope {
            help += (help.isEmpty ? "" : "\n\n") + "Needs the right `\(scope.rawValue)`."
            if endpoint.traits.contains(.whole) { help += " Not for whoever is limited to a part." }
            fields["security"] = [["token": []], ["session": []]]
        } else {
            fields["security"] = []
        }
        if !help.isEmpty { fields["description"] = .text(help) }
        if !endpoint.parameters.isEmpty {
            fields["parameters"] = .list(
                endpoint.parameters.map { parameter in
                    [
                        "name": .text(parameter.name), "in": .text(parameter.place.rawValue),
                        "required": .flag(parameter.isRequired), "description": .text(parameter.help),
                        "schema": parameter.schema.json(&named, isClosed: true),
                    ]
                })
        }
        if let body = endpoint.body {
            fields["requestBody"] = [
                "required": .flag(body.isRequired),
                "description": .text("At most \(body.limit >> 10) KiB."),
                "content": [
                    "application/json": [
                        "schema": body.schema.json(&named, isClosed: true), "example": body.example,
                    ]
                ],
            ]
        }
        fields["responses"] = .object(responses(endpoint, &named))
        return .object(fields)
    }

    private static func responses(_ endpoint: Endpoint, _ named: inout [String: JSONValue]) -> [String:
        JSONValue]
    {
        var answer: [String: JSONValue] = ["description": .text(words(endpoint.status))]
        if endpoint.traits.contains(.stream) {
            answer["content"] = ["text/event-stream": ["schema": ["type": "string"]]]
        } else if endpoint.schema != .nothing {
            var content: [String: JSONValue] = ["schema": endpoint.schema.json(&named)]
            if let example = endpoint.example { content["example"] = example }
            answer["content"] = ["application/json": .object(content)]
        }
        var headers: [String: JSONValue] = [:]
        func header(_ name: String, _ help: String) {
            headers[name] = ["description": .text(help), "schema": ["type": "string"]]
        }
        if endpoint.traits.contains(.tagged) { header("ETag", "Of this answer.") }
        if endpoint.parameters.contains(where: { $0.name == "cursor" }) {
            header("Link", "`rel=\"next\"`: the next page, where there is one (RFC 8288).")
        }
        if endpoint.isUnsafe {
            header(API.replayedHeader, "`true`: the answer of an earlier request with this key.")
        }
        if !headers.isEmpty { answer["headers"] = .object(headers) }
        var responses = ["\(endpoint.status.code)": JSONValue.object(answer)]
        if endpoint.traits.contains(.tagged), endpoint.method == .get {
            responses["304"] = [
                "description": "It is still what you have.",
                "headers": ["ETag": ["description": "Of what you have.", "schema": ["type": "string"]]],
            ]
        }
        for status in Set(endpoint.problems.map(\.status.code)) {
            responses["\(status)"] = ["$ref": .text("#/components/responses/Problem\(status)")]
        }
        return responses
    }

    private static func response(_ status: Int, _ problem: JSONValue) -> JSONValue {
        let kinds = APIProblem.Kind.allCases.filter { $0.status.code == status }
        var fields: [String: JSONValue] = [
            "description": .text(kinds.map { "\($0.title) (`\($0.uri)`)" }.joined(separator: "; ") + "."),
            "content": ["application/problem+json": ["schema": problem]],
        ]
        let retry: JSONValue = ["description": "Seconds to wait.", "schema": ["type": "integer"]]
        switch status {
        case 401:
            fields["headers"] = [
                "WWW-Authenticate": ["description": "`Bearer`.", "schema": ["type": "string"]]
            ]
        case 405:
            fields["headers"] = [
                "Allow": ["description": "Methods of this path.", "schema": ["type": "string"]]
            ]
        case 409, 429, 503: fields["headers"] = ["Retry-After": retry]
        default: break
        }
        return .object(fields)
    }

    private static func words(_ status: HTTPResponse.Status) -> String {
        switch status {
        case .created: "It is made."
        case .accepted: "It is kept, and carried out as soon as that can be."
        case .noContent: "Done."
        default: "So it is."
        }
    }
}
