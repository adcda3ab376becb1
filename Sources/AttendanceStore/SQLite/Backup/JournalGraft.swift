import AttendanceCore
import Foundation
import GRDBSQLite

/// A copy of a damaged journal that finds its tables where another one has them.
///
/// The first page of a database, and the pages under it, tell which tables there are and where each begins; without
/// them not one row can be told from noise. Two journals of the same versions have their tables in the same places, so
/// those pages can be lent. Facts from SQLite's "Database File Format", 1.3 and 1.6.
struct JournalGraft {
    let damaged: String
    /// Where the copy is made; whatever is there goes.
    let scratch: String

    private static let pageSize = 4096
    /// SQLite never uses the page with the byte at 1 GiB.
    private static let lockPage = UInt32(0x4000_0000 / pageSize + 1)
    /// Pages of one list of tables. Today's takes up a handful.
    private static let mostPages = 256
    /// Pages of which a file may be short, by what it says itself. No room is taken up for them.
    private static let mostMissing: UInt32 = 1 << 22

    /// Throws `StoreError` where the model is no journal, and what the disk says.
    func graft(tablesOf model: String) throws {
        for suffix in ["", "-wal", "-shm"] { unlink(scratch + suffix) }
        try DurableFile.copy(damaged, to: scratch)
        // Behind all that the file once had: where its end is missing, its tables still lead to pages there.
        let size = pages
        let told = (try? Self.page(1, of: damaged)).map(Self.pages(toldBy:)) ?? 0
        var last = max(size, min(told, size + Self.mostMissing))
        let first = try Self.page(1, of: model)
        if (DurableFile.size(damaged + "-wal") ?? 0) > 0 {
            try DurableFile.copy(damaged + "-wal", to: scratch + "-wal")
            try takeInLog(under: first)
        }
        last = max(last, pages)
        var lent = 0
        var page = try lend(first, header: 100, from: model, behind: &last, &lent)
        Self.put(last, at: 28, in: &page)
        // No page is free: none of them will be needed.
        Self.put(0, at: 32, in: &page)
        Self.put(0, at: 36, in: &page)
        // What says that the count of pages holds (1.3.9).
        page.replaceSubrange(92..<96, with: page[24..<28])
        page[18] = 1
        page[19] = 1
        try write(page, as: 1)
    }

    /// Brings what stands in the log into the copy. Not by way of a query: none would get past the broken tables.
    private func takeInLog(under first: [UInt8]) throws {
        var page = first
        Self.put(pages, at: 28, in: &page)
        page.replaceSubrange(92..<96, with: page[24..<28])
        page[18] = 2
        page[19] = 2
        try write(page, as: 1)
        var database: OpaquePointer?
        defer { sqlite3_close(database) }
        guard sqlite3_open_v2(scratch, &database, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK else {
            throw StoreError.io(detail: "\(scratch) cannot be opened")
        }
        let result = sqlite3_wal_checkpoint_v2(database, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil)
        guard result == SQLITE_OK else {
            throw StoreError.io(detail: "the log of \(scratch) cannot be taken in: \(result)")
        }
    }

    /// `page` with what lies under it copied behind the last page, and its pointers led there.
    private func lend(
        _ page: [UInt8], header: Int, from model: String, behind last: inout UInt32, _ lent: inout Int
    ) throws -> [UInt8] {
        let (interior, leaf) = (UInt8(0x05), UInt8(0x0D))
        guard page[header] == interior else {
            guard page[header] == leaf else { throw StoreError.io(detail: "\(model) lists no tables") }
            return page
        }
        var page = page
        let cells = Int(page[header + 3]) << 8 | Int(page[header + 4])
        guard header + 12 + cells * 2 <= Self.pageSize else {
            throw StoreError.io(detail: "\(model) lists no tables")
        }
        let places =
            [header + 8]
            + (0..<cells).map { Int(page[header + 12 + $0 * 2]) << 8 | Int(page[header + 13 + $0 * 2]) }
        for place in places {
            lent += 1
            guard place + 4 <= Self.pageSize, lent <= Self.mostPages else {
                throw StoreError.io(detail: "\(model) lists no tables")
            }
            let below = try lend(
                try Self.page(Self.number(at: place, in: page), of: model), header: 0, from: model,
                behind: &last, &lent)
            last += last + 1 == Self.lockPage ? 2 : 1
            try write(below, as: last)
            Self.put(last, at: place, in: &page)
        }
        return page
    }

    // MARK: Pages

    /// Of the copy, as it is.
    private var pages: UInt32 {
        UInt32(clamping: (DurableFile.size(scratch) ?? 0) / Int64(Self.pageSize))
    }

    /// What a first page says of the count; 0 where it is noise.
    private static func pages(toldBy first: [UInt8]) -> UInt32 {
        first.starts(with: Array("SQLite format 3\u{0}".utf8)) ? number(at: 28, in: first) : 0
    }

    private static func page(_ number: UInt32, of path: String) throws -> [UInt8] {
        guard number > 0, let file = FileHandle(forReadingAtPath: path) else {
            throw StoreError.io(detail: "\(path) cannot be opened")
        }
        defer { try? file.close() }  // it was only read
        try file.seek(toOffset: UInt64(number - 1) * UInt64(pageSize))
        let bytes = [UInt8](try file.read(upToCount: pageSize) ?? Data())
        guard bytes.count == pageSize else { throw StoreError.io(detail: "\(path) has no page \(number)") }
        return bytes
    }

    private func write(_ page: [UInt8], as number: UInt32) throws {
        guard let file = FileHandle(forUpdatingAtPath: scratch) else {
            throw StoreError.io(detail: "\(scratch) cannot be opened")
        }
        try file.seek(toOffset: UInt64(number - 1) * UInt64(Self.pageSize))
        try file.write(contentsOf: Data(page))
        try file.close()
    }

    private static func number(at place: Int, in page: [UInt8]) -> UInt32 {
        page[place..<place + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static func put(_ value: UInt32, at place: Int, in page: inout [UInt8]) {
        for byte in 0..<4 {
            page[place + byte] = UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32(byte)))
        }
    }
}
