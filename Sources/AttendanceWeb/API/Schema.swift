import AttendanceCore
import Foundation

/// The shape of a JSON value, as far as JSON Schema 2020-12 is needed here: written into the API's document, and held
/// against what comes in (and, in tests, against what goes out).
package indirect enum Schema: Hashable, Sendable {
    case flag
    /// Of 64 bits.
    case integer(ClosedRange<Int64>)
    case number
    case text(TextForm)
    case list(Schema, ClosedRange<Int>)
    case object([Property])
    /// Any keys with values of one shape.
    case map(Schema)
    /// The same, or null.
    case nullable(Schema)
    case anything
    /// Stands under its name in the document.
    case named(String, Schema)
    /// No body at all.
    case nothing

    package struct TextForm: Hashable, Sendable {
        /// In Unicode scalars.
        package var length: ClosedRange<Int>
        package var pattern: String?
        package var format: String?
        /// Nothing but these; empty: any.
        package var allowed: [String]

        package init(
            _ length: ClosedRange<Int> = 0...100_000, pattern: String? = nil, format: String? = nil,
            allowed: [String] = []
        ) {
            self.length = length
            self.pattern = pattern
            self.format = format
            self.allowed = allowed
        }
    }

    package struct Property: Hashable, Sendable {
        package var name: String
        package var schema: Schema
        package var isRequired: Bool
        package var help: String

        package init(_ name: String, _ schema: Schema, _ help: String = "", isRequired: Bool = true) {
            self.name = name
            self.schema = schema
            self.help = help
            self.isRequired = isRequired
        }

        package static func optional(_ name: String, _ schema: Schema, _ help: String = "") -> Property {
            Property(name, schema, help, isRequired: false)
        }
    }

    /// Something that does not fit, and where: a JSON Pointer.
    package struct Fault: Hashable, Sendable {
        package var pointer: String
        package var detail: String
    }
}

// MARK: - Common shapes

extension Schema {
    package static let anyInteger = Schema.integer(Int64.min...Int64.max)
    package static let count = Schema.integer(0...Int64.max)
    package static let id = Schema.integer(1...Int64.max)
    package static let anyText = Schema.text(TextForm())
    /// ISO 8601 in UTC.
    package static let moment = Schema.text(TextForm(0...40, format: "date-time"))
    /// What a terminal's clock shows.
    package static let wall = Schema.text(
        TextForm(0...19, pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$"))
    /// A day, or a moment of it.
    package static let wallOrDay = Schema.text(
        TextForm(10...19, pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}:[0-9]{2})?$"))
    package static let day = Schema.text(
        TextForm(10...10, pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", format: "date"))
    package static let serial = line(1...SerialNumber.maximumLength)
    package static let enrollID = line(1...EnrollID.maximumLength)
    package static let sink = Schema.text(TextForm(1...32, pattern: "^[a-z0-9_-]+$"))

    /// One line without control characters.
    package static func line(_ length: ClosedRange<Int>) -> Schema {
        .text(TextForm(length, pattern: "^[^\\u0000-\\u001f\\u007f]*$"))
    }
    package static func words(_ allowed: [String]) -> Schema { .text(TextForm(allowed: allowed)) }
    package static func list(_ item: Schema) -> Schema { .list(item, 0...1_000_000) }

    /// Its name in the document, of one that has one.
    var name: String? { if case .named(let name, _) = self { name } else { nil } }

    /// Without its name.
    var plain: Schema { if case .named(_, let schema) = self { schema.plain } else { self } }
}

// MARK: - In the document

extension Schema {
    /// As JSON Schema; what has a name goes into `named` and is referred to.
    ///
    /// - Parameter isClosed: whether objects say that they have no further fields, as those that come in do.
    func json(_ named: inout [String: JSONValue], isClosed: Bool = false) -> JSONValue {
        switch self {
        case .named(let name, let schema):
            if named[name] == nil {
                named[name] = .null  // of a shape that refers to itself: never followed twice
                named[name] = schema.json(&named, isClosed: isClosed)
            }
            return ["$ref": .text("#/components/schemas/\(name)")]
        case .flag: return ["type": "boolean"]
        case .number: return ["type": "number"]
        case .integer(let range):
            var fields: [String: JSONValue] = ["type": "integer", "format": "int64"]
            if range.lowerBound != .min { fields["minimum"] = .integer(range.lowerBound) }
            fields["maximum"] = .integer(range.upperBound)
            return .object(fields)
        case .text(let form): return form.json
        case .list(let item, let count):
            var fields: [String: JSONValue] = [
                "type": "array", "items": item.json(&named, isClosed: isClosed),
                "maxItems": .integer(Int64(count.upperBound)),
            ]
            if count.lowerBound > 0 { fields["minItems"] = .integer(Int64(count.lowerBound)) }
            return .object(fields)
        case .object(let properties):
            var fields: [String: JSONValue] = [:]
            for property in properties {
                var value = property.schema.json(&named, isClosed: isClosed)
                if !property.help.isEmpty, case .object(var inner) = value {
                    inner["description"] = .text(property.help)
                    value = .object(inner)
                }
                fields[property.name] = value
            }
            var object: [String: JSONValue] = ["type": "object", "properties": .object(fields)]
            let required = properties.filter(\.isRequired).map { JSONValue.text($0.name) }
            if !required.isEmpty { object["required"] = .list(required) }
            if isClosed { object["additionalProperties"] = false }
            return .object(object)
        case .map(let value):
            return ["type": "object", "additionalProperties": value.json(&named, isClosed: isClosed)]
        case .nullable(let schema):
            return ["anyOf": .list([schema.json(&named, isClosed: isClosed), ["type": "null"]])]
        case .anything, .nothing: return .object([:])
        }
    }
}

extension Schema.TextForm {
    fileprivate var json: JSONValue {
        var fields: [String: JSONValue] = ["type": "string"]
        if !allowed.isEmpty {
            fields["enum"] = .list(allowed.map { .text($0) })
            return .object(fields)
        }
        if length.lowerBound > 0 { fields["minLength"] = .integer(Int64(length.lowerBound)) }
        fields["maxLength"] = .integer(Int64(length.upperBound))
        if let pattern { fields["pattern"] = .text(pattern) }
        if let format { fields["format"] = .text(format) }
        return .object(fields)
    }

    /// Why a text does not fit, nil when it does.
    func fault(in text: String) -> String? {
        if !allowed.isEmpty {
            return allowed.contains(text) ? nil : "must be one of \(allowed.joined(separator: ", "))"
        }
        let count = text.unicodeScalars.count
        if count > length.upperBound { return "must have at most \(length.upperBound) characters" }
        if count < length.lowerBound {
            return length.lowerBound == 1
                ? "must not be empty" : "must have at least \(length.lowerBound) characters"
        }
        guard let pattern else { return nil }
        // Every pattern stands in our code and in a test, which would find one that cannot be read.
        guard let regex = try? Regex(pattern).matchingSemantics(.unicodeScalar),
            (try? regex.wholeMatch(in: text)) != nil
        else {
            return pattern.hasPrefix("^[^")
                ? "must be one line without control characters"
                : "must look like \(pattern)"
        }
        return nil
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByDictionaryLiteral,
    ExpressibleByArrayLiteral, ExpressibleByIntegerLiteral
{
    package init(stringLiteral value: String) { self = .text(value) }
    package init(booleanLiteral value: Bool) { self = .flag(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(arrayLiteral elements: JSONValue...) { self = .list(elements) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(Dictionary(elements, uniquingKeysWith: { first, _ in first }))
    }
}

// MARK: - Holding a value against it

extension Schema {
    /// Faults told of one value; what else is wrong with it is seen after they are mended.
    static let mostFaults = 20

    /// What does not fit, the first `mostFaults` of it. A field that the schema does not have is one of them: it is
    /// mistyped, or meant for another version.
    package func faults(in value: JSONValue, at pointer: String = "") -> [Fault] {
        var faults: [Fault] = []
        check(value, pointer, &faults)
        return faults
    }

    private func check(_ value: JSONValue, _ pointer: String, _ faults: inout [Fault]) {
        guard faults.count < Self.mostFaults else { return }
        func tell(_ detail: String) { faults.append(Fault(pointer: pointer, detail: detail)) }
        switch (self, value) {
        case (.anything, _): break
        case (.named(_, let schema), _): schema.check(value, pointer, &faults)
        case (.nullable, .null): break
        case (.nullable(let schema), _): schema.check(value, pointer, &faults)
        case (.flag, .flag), (.number, .integer), (.number, .number): break
        case (.flag, _): tell("must be true or false")
        case (.number, _): tell("must be a number")
        case (.integer(let range), _):
            guard let number = value.exactInteger else { return tell("must be a whole number") }
            if !range.contains(number) {
                tell("must lie between \(range.lowerBound) and \(range.upperBound)")
            }
        case (.text(let form), .text(let text)):
            if let fault = form.fault(in: text) { tell(fault) }
        case (.text, _): tell("must be a text")
        case (.list(let item, let count), .list(let values)):
            if values.count > count.upperBound { return tell("must have at most \(count.upperBound) items") }
            if values.count < count.lowerBound { tell("must have at least \(count.lowerBound) items") }
            for (index, value) in values.enumerated() { item.check(value, "\(pointer)/\(index)", &faults) }
        case (.list, _): tell("must be a list")
        case (.object(let properties), .object(let fields)):
            for property in properties {
                let place = pointer + "/" + Self.escaped(property.name)
                if let field = fields[property.name] {
                    property.schema.check(field, place, &faults)
                } else if property.isRequired {
                    faults.append(Fault(pointer: place, detail: "is missing"))
                }
            }
            let known = Set(properties.map(\.name))
            for name in fields.keys.sorted() where !known.contains(name) {
                guard faults.count < Self.mostFaults else { return }
                faults.append(
                    Fault(
                        pointer: pointer + "/" + Self.escaped(PlainText.line(name, limit: 100)),
                        detail: "is not known; there are \(known.sorted().joined(separator: ", "))"))
            }
        case (.map(let schema), .object(let fields)):
            for (name, field) in fields.sorted(by: { $0.key < $1.key }) {
                schema.check(field, pointer + "/" + Self.escaped(name), &faults)
            }
        case (.object, _), (.map, _): tell("must be an object")
        case (.nothing, _): tell("must not be there")
        }
    }

    /// RFC 6901.
    private static func escaped(_ name: String) -> String {
        name.replacing("~", with: "~0").replacing("/", with: "~1")
    }
}

extension JSONValue {
    /// Of a number that is whole; a text is none.
    fileprivate var exactInteger: Int64? {
        switch self {
        case .integer(let number): number
        case .number(let number): Int64(exactly: number)
        default: nil
        }
    }
}
