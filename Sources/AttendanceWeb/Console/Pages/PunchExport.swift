import AttendanceCore
import AttendanceStore
import Foundation
import HTTPTypes
import Hummingbird
import Synchronization

/// How many files are being written: few, so that the journal has time for all else.
final class PunchExports: Sendable {
    private static let most = 4
    private let running = Mutex(0)

    /// Nil where enough are being written.
    func take() -> Slot? {
        let isFree = running.withLock { running in
            guard running < Self.most else { return false }
            running += 1
            return true
        }
        return isFree ? Slot(self) : nil
    }

    /// Given back when nobody holds it any more, however the answer ended, be it before it began.
    final class Slot: Sendable {
        private let exports: PunchExports
        fileprivate init(_ exports: PunchExports) { self.exports = exports }
        deinit { exports.running.withLock { $0 -= 1 } }
    }
}

/// The punches of a search as a file for a spreadsheet, a page of the journal at a time.
struct PunchExport: Sendable {
    /// More are not written; the last line of a file that was cut says so.
    static let mostRows = 100_000
    private static let pageSize = 500
    /// Pages in which nothing may be found: a search for something rare looks far back.
    private static let mostPages = 2_000

    static let columns = [
        "number", "time", "zone", "terminal", "terminal_name", "group", "enroll_id", "name", "employee",
        "kind",
        "direction", "sink", "state", "detail", "doubt", "corrected_time", "received_utc",
    ]

    let console: Console
    let query: PunchQuery
    let author: Author
    let slot: PunchExports.Slot

    /// Nothing leaves before the audit trail says who has asked for it.
    func response() async throws -> Response {
        try await note("begun")
        var headers = HTTPFields()
        headers[.contentType] = "text/csv; charset=utf-8"
        headers[.cacheControl] = "no-store"
        headers[.contentDisposition] = "attachment; filename=\"\(fileName)\""
        return Response(status: .ok, headers: headers, body: ResponseBody { try await write(to: &$0) })
    }

    /// `punches-2026-03-01-to-2026-03-31.csv`; without days that of today.
    private var fileName: String {
        let today = Moments.text(
            console.operations.now(), in: ZoneRules(identifier: console.operations.zone())
        ).prefix(10)
        let from = query.search.from.map { String($0.description.prefix(10)) }
        let to = query.search.until.map { WallTime(seconds: $0.seconds - 1).description.prefix(10) }
        switch (from, to) {
        case (nil, nil): return "punches-\(today).csv"
        case (let from?, nil): return "punches-\(from)-to-\(today).csv"
        case (nil, let to?): return "punches-to-\(to).csv"
        case (let from?, let to?): return from == to ? "punches-\(from).csv" : "punches-\(from)-to-\(to).csv"
        }
    }

    private func write(to writer: inout any ResponseBodyWriter) async throws {
        var rows = 0
        do {
            // The mark tells spreadsheets that this is UTF-8.
            try await writer.write(ByteBuffer(string: "\u{FEFF}" + Self.line(Self.columns)))
            var cursor: PunchCursor? = query.before
            var isWhole = false
            for _ in 0..<Self.mostPages where rows < Self.mostRows {
                let page = try await console.operations.store.latestPunches(
                    query.search, before: cursor, limit: min(Self.pageSize, Self.mostRows - rows))
                rows += page.items.count
                try await writer.write(ByteBuffer(string: page.items.map { Self.line(cells($0)) }.joined()))
                cursor = page.next
                isWhole = cursor == nil
                if isWhole { break }
            }
            if !isWhole {
                try await writer.write(
                    ByteBuffer(string: Self.line(["cut after \(rows) rows: search for less at a time"])))
            }
            try await note(isWhole ? "\(rows) rows" : "cut after \(rows) rows")
            try await writer.finish(nil)
        } catch {
            // Whoever asked has gone, or the journal fails: how much has left is written down where that is possible.
            do { try await note("broken off, at most \(rows) rows") } catch let trouble {
                console.logger.warning(
                    "an export could not be written into the audit trail", metadata: ["error": "\(trouble)"])
            }
            throw error
        }
    }

    private func note(_ what: String) async throws {
        try await console.operations.store.audit(
            AuditEntry(
                at: console.operations.now(), author: author, action: "punches.export",
                subject: PlainText.line(query.words, limit: 200), detail: what))
    }

    private func cells(_ entry: JournalEntry) -> [String] {
        let punch = entry.punch
        let place = console.operations.place(entry.terminal)
        let isShown = query.sink != nil
        let state = isShown ? Self.state(entry.state) : ("", "")
        let doubt =
            switch punch.doubt {
            case .none: ""
            case .tooOld: "too old"
            case .inFuture: "in the future"
            }
        let corrected =
            switch entry.correction?.ruling {
            case .time(let time, _): time.description
            case .rejected: "rejected"
            case nil: ""
            }
        return [
            "\(entry.id)", punch.time.description, punch.zone, entry.terminal.text, place.name ?? "",
            place.group ?? "", punch.enrollID.sent, (isShown ? entry.employeeName : nil) ?? punch.name ?? "",
            isShown ? entry.decision?.employee ?? "" : "", punch.kind.word,
            isShown ? entry.decision?.direction?.rawValue ?? "" : "", query.sink?.text ?? "", state.0,
            state.1,
            doubt, corrected, entry.received.iso8601,
        ]
    }

    private static func state(_ state: DeliveryState) -> (String, String) {
        let word = state.kind.rawValue
        return switch state {
        case .owed(let attempts): (word, attempts == 0 ? "" : "\(attempts) attempts")
        case .delivered(_, let reference): (word, reference ?? "")
        case .dead(let cause, let reason): (word, "\(cause.rawValue): \(reason)")
        case .discarded(let reason), .suppressed(let reason): (word, reason)
        case .held, .notOwed: (word, "")
        }
    }

    private static func line(_ cells: [String]) -> String {
        cells.map(CSVCells.cell).joined(separator: ",") + "\r\n"
    }
}
