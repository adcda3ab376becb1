/// The candidate a misspelt name most probably means.
enum Suggestion {
    /// Compared without letter case, blanks, `_` and `-`. Nil when nothing is near: more than a third of the letters
    /// would have to change.
    static func nearest(to name: String, among candidates: some Sequence<String>) -> String? {
        let wanted = folded(name)
        guard !wanted.isEmpty else { return nil }
        let best = candidates.map { ($0, distance(wanted, folded($0))) }.min { $0.1 < $1.1 }
        guard let (candidate, distance) = best, distance <= max(1, wanted.count / 3) else { return nil }
        return candidate
    }

    private static func folded(_ name: String) -> [Character] {
        name.lowercased().filter { $0 != "_" && $0 != "-" && !$0.isWhitespace }.map(\.self)
    }

    /// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
    static func distance(_ a: [Character], _ b: [Character]) -> Int {
        if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
        var rowBefore: [Int] = []
        var row = Array(0...b.count)
        for i in 1...a.count {
            var next = [i]
            for j in 1...b.count {
                let replaced = row[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)
                var least = min(row[j] + 1, next[j - 1] + 1, replaced)
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
                    least = min(least, rowBefore[j - 2] + 1)
                }
                next.append(least)
            }
            rowBefore = row
            row = next
        }
        return row[b.count]
    }
}
