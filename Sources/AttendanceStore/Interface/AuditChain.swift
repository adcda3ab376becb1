import AttendanceCore
import Crypto
import Foundation

/// A row of the audit trail exactly as it stands in the journal, with its hash.
package struct AuditRow: Hashable, Sendable {
    package var id: Int64
    package var at: UnixTime
    package var author: String
    package var action: String
    package var subject: String
    package var detail: String
    /// 32 bytes, unless somebody has changed them.
    package var hash: [UInt8]

    package init(
        id: Int64, at: UnixTime, author: String, action: String, subject: String, detail: String,
        hash: [UInt8]
    ) {
        self.id = id
        self.at = at
        self.author = author
        self.action = action
        self.subject = subject
        self.detail = detail
        self.hash = hash
    }

    /// `YYYY-MM` in UTC.
    package var month: String { String(at.iso8601.prefix(7)) }
}

/// Each row of the trail holds a hash of itself and of the row before it, so that a row that was changed, taken out, put
/// in or moved later shows.
///
/// The hash is SHA-256 over the hash of the row before (32 zero bytes for the first row) and then, for each of the
/// moment (milliseconds since 1970 UTC, decimal), the author, the action, the subject and the detail: its length in
/// bytes as 8 bytes, least significant first, and its UTF-8. So it stands in docs/operating.md, for whoever checks an
/// export without this program.
package enum AuditChain {
    static let start = Data(count: 32)

    static func link(_ entry: AuditEntry, to previous: Data) -> Data {
        Data(
            link(
                entry.at, [entry.author.name, entry.action, entry.subject, entry.detail],
                to: Array(previous)))
    }

    /// What the hash of a row must be behind `previous`.
    package static func link(_ row: AuditRow, to previous: [UInt8]) -> [UInt8] {
        link(row.at, [row.author, row.action, row.subject, row.detail], to: previous)
    }

    private static func link(_ at: UnixTime, _ texts: [String], to previous: [UInt8]) -> [UInt8] {
        var hash = SHA256()
        hash.update(data: previous)
        for field in [String(at.milliseconds)] + texts {
            // Lengths, so that no text can slip from one field into the next.
            withUnsafeBytes(of: UInt64(field.utf8.count).littleEndian) { hash.update(bufferPointer: $0) }
            hash.update(data: Array(field.utf8))
        }
        return Array(hash.finalize())
    }

    /// 64 hexadecimal digits for a whole hash.
    package static func text(_ hash: [UInt8]) -> String { Hexadecimal.text(hash) }
}

/// Walks over the trail from its first row and finds what does not belong there.
package struct AuditCheck: Sendable {
    package struct Month: Hashable, Sendable {
        /// `YYYY-MM` in UTC.
        package var name: String
        package var rows: Int
        package var first: Int64
        package var last: Int64
        /// Hash of its last row: whoever keeps it elsewhere can prove later that nothing before it was changed.
        package var head: [UInt8]
    }

    package struct Finding: Hashable, Sendable {
        package enum Kind: String, Hashable, Sendable {
            /// A row's content is not what was hashed, and the next row follows it.
            case changed
            /// Numbers are missing before this row.
            case missing
            /// It follows another row than the one before it.
            case moved
            /// Rows stand between it and the row it follows.
            case inserted
        }
        package var kind: Kind
        package var row: Int64
        package var month: String
        /// One sentence.
        package var words: String
    }

    /// Further ones are counted and not told.
    package static let mostFindings = 100
    /// So far around a row that does not fit is looked for the one it follows.
    private static let reach = 256

    package private(set) var rows = 0
    /// In the order in which they were met.
    package private(set) var months: [Month] = []
    package private(set) var findings: [Finding] = []
    package private(set) var untold = 0
    /// Hashes that somebody has kept, and that were met.
    package private(set) var met: Set<[UInt8]> = []
    private let expected: Set<[UInt8]>
    private var recent: [(id: Int64, hash: [UInt8])] = []
    private var previous = [UInt8](repeating: 0, count: 32)
    private var lastID: Int64 = 0
    /// Rows that did not fit, and wait for the one they may follow.
    private var misfits: [(row: AuditRow, seen: Int, gap: Bool)] = []

    /// - Parameter expected: hashes of rows that were noted before; those never met are not in `met`.
    package init(expecting expected: Set<[UInt8]> = []) { self.expected = expected }

    /// The next row, by number.
    package mutating func take(_ row: AuditRow) {
        rows += 1
        count(row)
        if expected.contains(row.hash) { met.insert(row.hash) }
        let hasGap = row.id != lastID + 1
        if hasGap {
            let first = lastID + 1
            let words =
                first == row.id - 1
                ? "row \(first) is missing" : "rows \(first) to \(row.id - 1) are missing"
            tell(.missing, row, words)
        }
        // A row that another one follows in truth tells what kind of misfit that other one is.
        resolve(with: (row.id, row.hash))
        if AuditChain.link(row, to: previous) != row.hash {
            misfits.append((row, rows, hasGap))
        }
        recent.append((row.id, row.hash))
        if recent.count > Self.reach { settle(olderThan: rows - Self.reach) }
        if recent.count > 2 * Self.reach { recent.removeFirst(Self.reach) }
        previous = row.hash
        lastID = row.id
    }

    /// After the last row.
    package mutating func finish() {
        settle(olderThan: Int.max)
        findings.sort { ($0.row, $0.kind.rawValue) < ($1.row, $1.kind.rawValue) }
    }

    private mutating func count(_ row: AuditRow) {
        let name = row.month
        if let index = months.lastIndex(where: { $0.name == name }) {
            months[index].rows += 1
            months[index].last = row.id
            months[index].head = row.hash
        } else {
            months.append(Month(name: name, rows: 1, first: row.id, last: row.id, head: row.hash))
        }
    }

    private mutating func resolve(with later: (id: Int64, hash: [UInt8])) {
        for misfit in misfits where AuditChain.link(misfit.row, to: later.hash) == misfit.row.hash {
            tell(.moved, misfit.row, "row \(misfit.row.id) was written after row \(later.id)")
        }
        misfits.removeAll { AuditChain.link($0.row, to: later.hash) == $0.row.hash }
    }

    private mutating func settle(olderThan place: Int) {
        let due = misfits.filter { $0.seen <= place }
        misfits.removeAll { $0.seen <= place }
        for (row, _, hasGap) in due {
            let zero = [UInt8](repeating: 0, count: 32)
            let earlier =
                ([(0, zero)] + recent).last {
                    $0.id < row.id && AuditChain.link(row, to: $0.hash) == row.hash
                }
            if let earlier {
                let between =
                    earlier.id + 2 == row.id
                    ? "row \(row.id - 1) does not belong"
                    : "rows \(earlier.id + 1) to \(row.id - 1) do not belong"
                tell(
                    .inserted, row,
                    "row \(row.id) was written directly after "
                        + (earlier.id == 0 ? "the beginning" : "row \(earlier.id)")
                        + ": \(between) between them")
            } else if !hasGap {
                // Behind a gap it follows a row that is not there any more: that was told.
                tell(
                    .changed, row,
                    "row \(row.id) is not what was written, or a row before it was taken out and the numbers changed"
                )
            }
        }
    }

    private mutating func tell(_ kind: Finding.Kind, _ row: AuditRow, _ words: String) {
        guard findings.count < Self.mostFindings else {
            untold += 1
            return
        }
        findings.append(Finding(kind: kind, row: row.id, month: row.month, words: words))
    }
}
