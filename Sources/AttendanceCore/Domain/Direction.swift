/// Whether a person came or went; ERPNext's `log_type`.
package enum Direction: String, Hashable, Sendable, CaseIterable {
    case `in` = "IN"
    case out = "OUT"
}
