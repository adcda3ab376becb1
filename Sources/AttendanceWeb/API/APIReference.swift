import AttendanceCore
import Foundation

/// docs/api.md: the table of calls for people to read, made of the same table as the routes.
package enum APIReference {
    /// Between these docs/api.md holds `text`.
    package static let begin = "<!-- The calls: attendance-gateway check-config --print-api -->"
    package static let end = "<!-- End of the calls -->"

    package static var text: String {
        var text = ""
        for tag in Endpoint.Tag.allCases {
            text += "\n### \(tag.rawValue)\n\n\(tag.help)\n"
            for endpoint in API.endpoints where endpoint.tag == tag { text += section(endpoint) }
        }
        return text
    }

    private static func section(_ endpoint: Endpoint) -> String {
        var text =
            "\n#### `\(endpoint.method.rawValue) \(endpoint.fullPath)`\n\n\(sentence(endpoint.summary))"
        if !endpoint.help.isEmpty { text += " \(endpoint.help)" }
        text += "\n\n" + rights(endpoint) + "\n"
        let parameters = endpoint.parameters.filter { $0.place != .header }
        if !parameters.isEmpty {
            text += "\n| Parameter | Value | What it does |\n|---|---|---|\n"
            for parameter in parameters {
                let name = "`\(parameter.name)`" + (parameter.isRequired ? " (required)" : "")
                text += row([name, words(parameter.schema), parameter.help])
            }
        }
        if let body = endpoint.body {
            text += "\n| Field of the body | Value | What it is |\n|---|---|---|\n" + rows(body.schema)
            text += "\n```json\n\(body.example.json)\n```\n"
        }
        return text
    }

    private static func rights(_ endpoint: Endpoint) -> String {
        let status = "Answers \(endpoint.status.code)\(endpoint.schema.name.map { " with `\($0)`" } ?? "")."
        guard let scope = endpoint.scope else { return "For everybody. \(status)" }
        let whole = endpoint.traits.contains(.whole) ? ", without limits of reach" : ""
        return "Right: `\(scope.rawValue)`\(whole). \(status)"
    }

    private static func sentence(_ text: String) -> String { text.hasSuffix(".") ? text : text + "." }

    private static func rows(_ schema: Schema, under prefix: String = "") -> String {
        switch schema.plain {
        case .object(let properties):
            properties.map { property in
                let name = prefix + property.name
                let mark = "`\(name)`" + (property.isRequired ? " (required)" : "")
                return row([mark, words(property.schema), property.help])
                    + inner(property.schema, under: name)
            }.joined()
        default: ""
        }
    }

    private static func inner(_ schema: Schema, under name: String) -> String {
        switch schema.plain {
        case .list(let item, _): rows(item, under: name + "[].")
        case .object: rows(schema, under: name + ".")
        case .nullable(let schema): inner(schema, under: name)
        default: ""
        }
    }

    private static func row(_ cells: [String]) -> String {
        "| \(cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ")) |\n"
    }

    private static func words(_ schema: Schema) -> String {
        switch schema.plain {
        case .flag: "true or false"
        case .number: "number"
        case .integer(let range):
            switch (range.lowerBound == .min, range.upperBound == .max) {
            case (true, true): "whole number"
            case (false, true): "whole number from \(range.lowerBound)"
            default: "whole number \(range.lowerBound) to \(range.upperBound)"
            }
        case .text(let form):
            if !form.allowed.isEmpty {
                form.allowed.map { "`\($0)`" }.joined(separator: ", ")
            } else if schema == .wall {
                "`YYYY-MM-DD HH:MM:SS`"
            } else if schema == .wallOrDay {
                "`YYYY-MM-DD` or `YYYY-MM-DD HH:MM:SS`"
            } else if schema == .day {
                "`YYYY-MM-DD`"
            } else if schema == .momentOrDay {
                "moment (ISO 8601) or `YYYY-MM-DD`"
            } else {
                "text of \(form.length.lowerBound) to \(form.length.upperBound)"
            }
        case .list(let item, let count): "up to \(count.upperBound) of: \(words(item))"
        case .object: "object"
        case .map: "object"
        case .nullable(let schema): "\(words(schema)), or null"
        case .anything, .nothing, .named: "any JSON"
        }
    }
}
