import Foundation

/// A request as the simulated site sees it.
struct SiteRequest: Sendable {
    var method: String
    var path: String
    var query: [String: String]
    var authorization: String?
    var contentType: String
    var body: [UInt8]

    init(method: String, uri: String, authorization: String?, contentType: String, body: [UInt8]) {
        self.method = method
        self.authorization = authorization
        self.contentType = contentType
        self.body = body
        let parts = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = Self.decoded(parts[0].drop { $0 == "/" })
        query = parts.count > 1 ? Self.form(parts[1]) : [:]
    }

    /// The arguments of a method call: JSON or form body, and the query.
    var arguments: [String: String] {
        var arguments = query
        if contentType.hasPrefix("application/json") {
            // What is no JSON object has no arguments; the method then misses them.
            let object = (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] ?? [:]
            for (key, value) in object { arguments[key] = value as? String ?? "\(value)" }
        } else {
            arguments.merge(Self.form(Substring(String(decoding: body, as: UTF8.self)))) { _, new in new }
        }
        return arguments
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
        let spaced = text.replacingOccurrences(of: "+", with: " ")
        return spaced.removingPercentEncoding ?? spaced
    }
}
