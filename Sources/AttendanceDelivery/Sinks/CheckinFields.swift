import AttendanceCore
import Foundation

/// The fields of one check-in request, as they are frozen: all of it text. As a number 5555 finds the employee "5555x"
/// (docs/erpnext.md §0, fact 7).
struct CheckinFields: Hashable, Sendable {
    var values: [String: String]

    init(_ values: [String: String]) { self.values = values }

    /// Nil for text that is no such fields, or not all of them.
    init?(frozen: String, holding names: [String]) {
        guard let values = try? JSONDecoder().decode([String: String].self, from: Data(frozen.utf8)),
            names.allSatisfy({ values[$0] != nil })
        else { return nil }  // whoever asks has a way to go on without
        self.values = values
    }

    static let hrms = ["employee_field_value", "employee_fieldname", "timestamp", "device_id"]
    static let customMethod = ["punchingcode", "employee_name", "time", "device_id"]

    subscript(_ name: String) -> String { values[name] ?? "" }

    /// Document name of the Employee, where that is what is sent.
    var employee: String? { self["employee_fieldname"] == "name" ? values["employee_field_value"] : nil }

    /// By what the site looks the person up.
    var lookup: ERPNextAnswer.Lookup? {
        guard let field = values["employee_fieldname"], let value = values["employee_field_value"] else {
            return nil
        }
        return ERPNextAnswer.Lookup(field: field, value: value)
    }

    /// JSON with its keys in order, so that the same fields are the same text.
    func frozen() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(values), as: UTF8.self)
    }

    // MARK: Bodies

    /// What HRMS's method takes.
    var json: [UInt8] { Self.json(values.mapValues { .text($0) }, numbers: values) }

    /// In the order in which the older service sent them.
    var form: [UInt8] {
        let text = Self.customMethod.map { "\($0)=\(SiteClient.encoded(self[$0]))" }.joined(separator: "&")
        return Array(text.utf8)
    }

    /// What `insert_many` takes for one document; nil where it is not known whose it is.
    var document: [String: JSONValue]? {
        guard let employee else { return nil }
        var document: [String: JSONValue] = [
            "doctype": .text("Employee Checkin"), "employee": .text(employee),
            "time": .text(self["timestamp"]),
            "device_id": .text(self["device_id"]),
        ]
        if let direction = values["log_type"] { document["log_type"] = .text(direction) }
        for (name, number) in Self.numbers(values) { document[name] = number }
        return document
    }

    private static func json(_ fields: [String: JSONValue], numbers: [String: String]) -> [UInt8] {
        JSONValue.object(fields.merging(Self.numbers(numbers)) { _, number in number }).bytes
    }

    private static func numbers(_ values: [String: String]) -> [String: JSONValue] {
        var numbers: [String: JSONValue] = [:]
        for name in ["latitude", "longitude"] {
            if let number = values[name].flatMap(Double.init) { numbers[name] = .number(number) }
        }
        return numbers
    }
}
