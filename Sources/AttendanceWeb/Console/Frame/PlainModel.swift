/// A page's model as dictionaries and lists, made once before it is filled in.
///
/// The library looks a struct's field up by reflection, all of them each time; with a row's words around it a table of
/// fifty rows cost more than its answer from a journal of a million punches (`bench --only pages`).
enum PlainModel {
    /// Nil for an optional that is nil: such a field is left out, as the library does.
    static func of(_ value: Any) -> Any? {
        if let text = value as? String { return text }
        if let flag = value as? Bool { return flag }
        if let number = value as? Int { return number }
        let mirror = Mirror(reflecting: value)
        switch mirror.displayStyle {
        case .optional: return mirror.children.first.flatMap { of($0.value) }
        case .collection, .set: return mirror.children.compactMap { of($0.value) }
        case .dictionary:
            guard let pairs = value as? [String: Any] else { return value }
            return pairs.compactMapValues { of($0) }
        case .struct:
            var fields: [String: Any] = [:]
            for child in mirror.children {
                if let label = child.label { fields[label] = of(child.value) }
            }
            // Without fields it is a value by itself, such as a number of another width.
            return fields.isEmpty ? value : fields
        default: return value
        }
    }
}
