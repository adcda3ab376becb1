import Foundation

/// How full one of a terminal's memories is.
package struct MemoryFill: Hashable, Sendable {
    package enum Content: String, Sendable, CaseIterable {
        /// Logs that no server has acknowledged: what a full terminal would lose.
        case logs
        case people, faces, fingers, cards
    }
    package var content: Content
    package var used: Int
    /// Greater than 0.
    package var capacity: Int

    /// Nil when there is no such memory (capacity 0) or the figures are none.
    package init?(_ content: Content, used: Int, capacity: Int) {
        guard capacity > 0, used >= 0 else { return nil }
        self.content = content
        self.used = used
        self.capacity = capacity
    }

    var share: Double { Double(used) / Double(capacity) }

    /// Reads `devinfo` of a `reg` (docs/protocol.md §5.1), as the journal keeps it. Empty when it tells none of this.
    package static func read(deviceInfo: String) -> [MemoryFill] {
        // Kept as it came, so it may be anything; what is no object tells nothing.
        guard let object = try? JSONSerialization.jsonObject(with: Data(deviceInfo.utf8)) as? [String: Any]
        else {
            return []
        }
        func figure(_ key: String) -> Int? {
            switch object[key] {
            case let number as NSNumber: Int(exactly: number.doubleValue.rounded())
            case let text as String: Int(text)
            default: nil
            }
        }
        let keys: [(Content, used: String, capacity: String)] = [
            (.logs, "usednewlog", "logsize"), (.people, "useduser", "usersize"),
            (.faces, "usedface", "facesize"),
            (.fingers, "usedfp", "fpsize"), (.cards, "usedcard", "cardsize"),
        ]
        return keys.compactMap { content, used, capacity in
            guard let used = figure(used), let capacity = figure(capacity) else { return nil }
            return MemoryFill(content, used: used, capacity: capacity)
        }
    }
}
