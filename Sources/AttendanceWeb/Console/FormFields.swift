import AttendanceCore
import Foundation
import Hummingbird

/// The fields of a form that was sent, or of a search in an address: bounded, and read once.
package struct FormFields: Sendable {
    /// Of one form, and characters of one field's name or value.
    package static let maximumFields = 500
    package static let maximumLength = 20_000

    private var values: [String: [String]] = [:]

    /// Of a body `application/x-www-form-urlencoded`.
    package init(body: String) throws(FormError) { try self.init(encoded: body) }

    /// Of the query of an address.
    package init(query: String?) throws(FormError) { try self.init(encoded: query ?? "") }

    private init(encoded: String) throws(FormError) {
        let pairs = encoded.split(
            separator: "&", maxSplits: Self.maximumFields, omittingEmptySubsequences: true)
        guard pairs.count <= Self.maximumFields else { throw .tooMany }
        for pair in pairs {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decoded(parts[0]), let value = parts.count > 1 ? Self.decoded(parts[1]) : ""
            else { throw .unreadable }
            guard name.utf8.count <= 200, value.utf8.count <= Self.maximumLength else { throw .tooLong(name) }
            values[name, default: []].append(value)
        }
    }

    private static func decoded(_ text: Substring) -> String? {
        text.replacing("+", with: " ").removingPercentEncoding
    }

    /// The first value of that name without blanks around it; nil where there is none or nothing in it.
    package subscript(name: String) -> String? {
        guard let value = values[name]?.first?.trimmingBlanks(), !value.isEmpty else { return nil }
        return value
    }

    /// As it was sent: for passwords.
    package func exactly(_ name: String) -> String? { values[name]?.first }

    /// Every value of that name, such as of boxes that were ticked.
    package func all(_ name: String) -> [String] { values[name] ?? [] }

    package func isTicked(_ name: String) -> Bool { values[name] != nil }

    package func number(_ name: String) -> Int? { self[name].flatMap { Int($0) } }
}

package enum FormError: Error, Hashable, Sendable {
    case unreadable, tooMany
    case tooLong(String)
}

extension Request {
    /// The form in the body. Throws `HTTPError` 413 for one over the context's limit, 400 for one that cannot be read.
    package func form(_ context: ConsoleContext) async throws -> FormFields {
        let body = try await body.collect(upTo: context.maxUploadSize)
        do {
            return try FormFields(body: String(buffer: body))
        } catch {
            throw HTTPError(.badRequest)
        }
    }

    /// What is searched for. Throws `HTTPError` 400.
    package func search() throws -> FormFields {
        do {
            return try FormFields(query: uri.query)
        } catch {
            throw HTTPError(.badRequest)
        }
    }
}
