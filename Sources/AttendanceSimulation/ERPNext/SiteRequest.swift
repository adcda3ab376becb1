import Foundation

/// A request as the simulated site sees it.
struct SiteRequest: Sendable {
    var method: String
    /// Percent-decoded, without slashes at its ends, double slashes taken as one.
    var path: String
    var query: [String: String]
    /// By name in lower case.
    var headers: [String: String]
    var body: [UInt8]
    /// The body was longer than the site takes; `body` is its beginning.
    var isTooLong = false

    /// Frappe's own limit of a body.
    static let maximumBody = 25 << 20

    init(method: String, uri: String, headers: [String: String], body: [UInt8]) {
        self.method = method
        self.headers = headers
        self.body = body
        let parts = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        // What is no proper encoding stays as it is.
        path = parts[0].split(separator: "/").map { String($0).removingPercentEncoding ?? String($0) }
            .joined(separator: "/")
        query = parts.count > 1 ? Self.form(parts[1]) : [:]
    }

    var host: String { headers["host"] ?? "" }
    /// Frappe commits for these only; after any other method it rolls back.
    var commits: Bool { ["POST", "PUT", "PATCH", "DELETE"].contains(method) }

    /// The arguments of a method call: the JSON body, or else the query and the fields of a form.
    func arguments() throws(SiteError) -> [String: FrappeValue] {
        if isJSON, !body.isEmpty {
            guard let value = FrappeValue(json: body) else {
                throw SiteError.raised(
                    500, "JSONDecodeError", module: "json.decoder",
                    "Unterminated string starting at: line 1 column \(body.count) (char \(body.count - 1))")
            }
            switch value {
            case .object(let object): return object
            case .list: return ["data": value]
            default: throw SiteError.shown(.untranslated("Invalid request arguments"))
            }
        }
        var arguments = query.mapValues { FrappeValue.text($0) }
        if contentType.hasPrefix("application/x-www-form-urlencoded") {
            let fields = Self.form(Substring(String(decoding: body, as: UTF8.self)))
            arguments.merge(fields.mapValues { .text($0) }) { _, new in new }
        }
        return arguments
    }

    /// The fields of a document in a body: JSON, a form, or JSON in the form's field `data`.
    func document() throws(SiteError) -> [String: FrappeValue] {
        let arguments = try arguments()
        guard case .text(let data)? = arguments["data"], let value = FrappeValue(json: data.utf8),
            let object = value.object
        else { return arguments }
        return object
    }

    private var contentType: String { headers["content-type"]?.lowercased() ?? "" }
    private var isJSON: Bool {
        let type = contentType.split(separator: ";").first ?? ""
        return type == "application/json" || type.hasSuffix("+json")
    }

    private static func form(_ text: Substring) -> [String: String] {
        var fields: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            fields[decoded(sides[0])] = sides.count > 1 ? decoded(sides[1]) : ""
        }
        return fields
    }

    private static func decoded(_ text: Substring) -> String {
        let spaced = text.replacing("+", with: " ")
        return spaced.removingPercentEncoding ?? String(spaced)
    }
}

/// What a path names.
enum SiteRoute: Hashable, Sendable {
    case method(String)
    case list(doctype: String)
    case document(doctype: String, name: String)
    case nothing

    /// `isVersion2`: the path begins with `api/v2`. Older versions of Frappe know no numbered paths.
    static func of(_ path: String, hasVersions: Bool) -> (route: SiteRoute, isVersion2: Bool) {
        var parts = path.split(separator: "/").map(String.init)
        guard parts.first == "api" else { return (.nothing, false) }
        parts.removeFirst()
        var isVersion2 = false
        if hasVersions, let version = parts.first, version == "v1" || version == "v2" {
            isVersion2 = version == "v2"
            parts.removeFirst()
        }
        guard parts.count >= 2 else { return (.nothing, isVersion2) }
        let name = parts.dropFirst(2).joined(separator: "/")
        switch (parts[0], isVersion2) {
        case ("method", _): return (.method(parts[1]), isVersion2)
        case ("resource", false), ("document", true):
            let doctype = parts[1]
            return (
                parts.count == 2 ? .list(doctype: doctype) : .document(doctype: doctype, name: name),
                isVersion2
            )
        default: return (.nothing, isVersion2)
        }
    }
}
