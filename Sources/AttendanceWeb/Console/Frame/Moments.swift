import AttendanceCore
import Foundation

/// Moments as a person reads them.
enum Moments {
    /// `2026-03-01 08:15:00` in a zone; the zone is told beside it once.
    static func text(_ moment: UnixTime, in zone: ZoneRules?) -> String {
        let seconds = moment.seconds
        return (zone?.wallTime(at: seconds) ?? WallTime(seconds: seconds)).description
    }

    /// Of a moment as reports tell it, ISO 8601 in UTC; as it stands where it is none.
    static func text(iso8601 text: String?, in zone: ZoneRules?) -> String? {
        guard let text else { return nil }
        guard let moment = moment(iso8601: text) else { return text }
        return Self.text(moment, in: zone)
    }

    static func moment(iso8601 text: String) -> UnixTime? {
        let whole = try? Date(text, strategy: .iso8601)  // nil: with fractions, or no moment at all
        let date =
            whole ?? (try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
        return date.map { UnixTime(milliseconds: Int64(($0.timeIntervalSince1970 * 1000).rounded())) }
    }

    /// `3 d 4 h`, `12 min`, `45 s`: the two largest units, which read the same in every language of the console.
    static func span(seconds: Int) -> String {
        let seconds = max(0, seconds)
        switch seconds {
        case ..<60: return "\(seconds) s"
        case ..<3600: return "\(seconds / 60) min"
        case ..<86_400:
            return "\(seconds / 3600) h" + (seconds % 3600 >= 60 ? " \(seconds % 3600 / 60) min" : "")
        default:
            return "\(seconds / 86_400) d" + (seconds % 86_400 >= 3600 ? " \(seconds % 86_400 / 3600) h" : "")
        }
    }
}
