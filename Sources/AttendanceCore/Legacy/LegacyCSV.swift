/// A punch as the older service wrote it into its monthly CSV file.
package struct LegacyPunch: Hashable, Sendable {
    /// The terminal's own clock.
    package var time: WallTime
    package var enrollID: EnrollID
    package var name: String?
    package var terminal: SerialNumber
    /// `Success`: the ERP took it. False for `ERP_Failed`.
    package var isDelivered: Bool
    /// Number of the line it begins on, from 1.
    package var line: Int

    package init(
        time: WallTime, enrollID: EnrollID, name: String?, terminal: SerialNumber, isDelivered: Bool,
        line: Int
    ) {
        self.time = time
        self.enrollID = enrollID
        self.name = name
        self.terminal = terminal
        self.isDelivered = isDelivered
        self.line = line
    }
}

/// A line, or a file as a whole, that cannot be taken over.
package struct LegacyDefect: Hashable, Sendable {
    /// From 1; nil for the file as a whole.
    package var line: Int?
    /// Without a full stop.
    package var problem: String
    package var remedy: String
    /// What stands in the status column where that is what is wrong: one line of at most 40 characters.
    package var status: String?

    package init(line: Int?, problem: String, remedy: String, status: String? = nil) {
        self.line = line
        self.problem = problem
        self.remedy = remedy
        self.status = status
    }
}

/// Reads one of the older service's monthly CSV files piece by piece, in bounded memory, whatever its bytes are.
///
/// Columns `Timestamp,Enroll ID,Name,Device ID,ERP Status`; CR LF or LF; cells in quotes after RFC 4180, also with line
/// breaks inside; UTF-8, else read as Latin-1. A name with bare commas is put together again, since nothing else of a
/// line can hold one. A bad line never costs more than itself.
package struct LegacyCSV: Sendable {
    package enum Row: Hashable, Sendable {
        case punch(LegacyPunch)
        case bad(LegacyDefect)
    }

    /// Bytes of a line, its continuations included; a real one has about 60.
    package static let maximumLine = 64 << 10
    /// Lines over which a cell in quotes may reach.
    package static let maximumContinuation = 16

    package static let columns = ["timestamp", "enroll id", "name", "device id", "erp status"]

    /// Set once the file turns out to be something else; nothing of the rest is read then.
    package private(set) var refusal: LegacyDefect?
    /// Lines that were not UTF-8.
    package private(set) var foreignLines = 0
    /// Whether the first line was a punch already.
    package private(set) var lacksHeader = false

    private struct Line {
        var number: Int
        var bytes: [UInt8]
    }
    private var carry: [UInt8] = []
    private var isTooLong = false
    private var number = 0
    private var isFirst = true
    /// Lines of a record whose quotes are still open.
    private var open: [Line] = []

    package init() {}

    /// Takes the next bytes of the file and gives away what is complete.
    package mutating func feed(_ bytes: some Sequence<UInt8>, _ give: (Row) -> Void) {
        for byte in bytes where refusal == nil {
            if byte == 0x0A {
                endLine(give)
            } else if carry.count < Self.maximumLine {
                carry.append(byte)
            } else {
                isTooLong = true
            }
        }
    }

    /// Gives away what is left at the file's end.
    package mutating func finish(_ give: (Row) -> Void) {
        if !carry.isEmpty || isTooLong { endLine(give) }
        while !open.isEmpty { giveUpOpen(give) }
    }

    private mutating func endLine(_ give: (Row) -> Void) {
        number += 1
        defer {
            carry.removeAll(keepingCapacity: true)
            isTooLong = false
        }
        guard !isTooLong else {
            let defect = LegacyDefect(
                line: number, problem: "the line is longer than \(Self.maximumLine) bytes",
                remedy: "Look at the line; a real one has about 60")
            if isFirst { refusal = defect } else { give(.bad(defect)) }
            return
        }
        if carry.last == 0x0D { carry.removeLast() }
        take(Line(number: number, bytes: carry), give)
    }

    private mutating func take(_ line: Line, _ give: (Row) -> Void) {
        if isFirst {
            takeFirst(line, give)
            return
        }
        if !open.isEmpty {
            open.append(line)
            let bytes = Array(open.map(\.bytes).joined(separator: [0x0A]))
            if let cells = Self.cells(bytes) {
                let first = open[0].number
                open = []
                give(row(cells, line: first))
            } else if open.count > Self.maximumContinuation || bytes.count > Self.maximumLine {
                giveUpOpen(give)
            }
            return
        }
        if line.bytes.allSatisfy({ $0 <= 0x20 }) { return }
        guard let cells = Self.cells(line.bytes) else {
            open = [line]
            return
        }
        if Self.isHeader(cells) { return }  // files put together by hand
        give(row(cells, line: line.number))
    }

    /// The first line of what is open is bad; the others may be lines of their own.
    private mutating func giveUpOpen(_ give: (Row) -> Void) {
        let lines = open
        open = []
        give(
            .bad(
                LegacyDefect(
                    line: lines.first?.number, problem: "a double quote is not closed",
                    remedy: "Close it, or double the quotes inside of the cell")))
        for line in lines.dropFirst() { take(line, give) }
    }

    private mutating func takeFirst(_ line: Line, _ give: (Row) -> Void) {
        var line = line
        func refuse(_ problem: String, _ remedy: String) {
            refusal = LegacyDefect(line: line.number, problem: problem, remedy: remedy)
        }
        if line.bytes.starts(with: [0xFF, 0xFE]) || line.bytes.starts(with: [0xFE, 0xFF]) {
            refuse("the file is in UTF-16", "Save it as UTF-8, with commas")
            return
        }
        if line.bytes.starts(with: [0xEF, 0xBB, 0xBF]) { line.bytes.removeFirst(3) }
        if line.bytes.allSatisfy({ $0 <= 0x20 }) { return }
        isFirst = false
        let cells = Self.cells(line.bytes)
        if let cells, Self.isHeader(cells) { return }
        if let cells, case .punch(let punch) = row(cells, line: line.number) {
            lacksHeader = true
            give(.punch(punch))
            return
        }
        let text = String(decoding: line.bytes.prefix(80), as: UTF8.self)
        if text.lowercased().hasPrefix("timestamp;") {
            refuse("semicolons stand between its columns", "Save it with commas")
        } else {
            refuse(
                "the first line is not the older service's header (\"\(PlainText.line(text, limit: 80))\")",
                "It must be Timestamp,Enroll ID,Name,Device ID,ERP Status; leave other files out")
        }
    }

    private static func isHeader(_ cells: [ArraySlice<UInt8>]) -> Bool {
        cells.count == columns.count
            && zip(cells, columns).allSatisfy {
                String(decoding: $0, as: UTF8.self).trimmingBlanks().lowercased() == $1
            }
    }

    /// Nil where a quote is left open. Quotes elsewhere than at a cell's ends mean themselves.
    private static func cells(_ bytes: [UInt8]) -> [ArraySlice<UInt8>]? {
        let (quote, comma) = (UInt8(ascii: "\""), UInt8(ascii: ","))
        guard bytes.contains(quote) else {
            return bytes.split(separator: comma, omittingEmptySubsequences: false)
        }
        var cells: [ArraySlice<UInt8>] = []
        var at = 0
        while true {
            var cell: [UInt8] = []
            if at < bytes.count, bytes[at] == quote {
                at += 1
                while true {
                    guard at < bytes.count else { return nil }
                    if bytes[at] == quote {
                        at += 1
                        guard at < bytes.count, bytes[at] == quote else { break }
                    }
                    cell.append(bytes[at])
                    at += 1
                }
            }
            while at < bytes.count, bytes[at] != comma {
                cell.append(bytes[at])
                at += 1
            }
            cells.append(cell[...])
            guard at < bytes.count else { return cells }
            at += 1
        }
    }

    private mutating func row(_ cells: [ArraySlice<UInt8>], line: Int) -> Row {
        func bad(_ problem: String, _ remedy: String, status: String? = nil) -> Row {
            .bad(LegacyDefect(line: line, problem: problem, remedy: remedy, status: status))
        }
        guard cells.count >= Self.columns.count else {
            return bad("it has \(cells.count) columns in place of 5", "Complete the line, or leave it out")
        }
        guard let time = cells[0].withUnsafeBytes({ WallTime(bytes: $0) }) else {
            return bad(
                "Timestamp \"\(Self.shown(cells[0]))\" is no date and time",
                "Write it as YYYY-MM-DD HH:MM:SS")
        }
        var isForeign = false
        func text(_ bytes: some Sequence<UInt8>) -> String {
            if let valid = String(validating: bytes, as: UTF8.self) { return Self.unguarded(valid) }
            isForeign = true
            return Self.unguarded(
                String(String.UnicodeScalarView(bytes.lazy.map { Unicode.Scalar($0) })))
        }
        guard let enrollID = EnrollID(text(cells[1])) else {
            return bad(
                "Enroll ID is empty, too long, or holds a control character",
                "Write the person's number on the terminal")
        }
        let name = text(cells[2..<(cells.count - 2)].joined(separator: [UInt8(ascii: ",")]))
            .trimmingBlanks().prefix(scalars: Intake.maximumName)
        guard let terminal = SerialNumber(text(cells[cells.count - 2])) else {
            return bad(
                "Device ID is empty, too long, or holds a control character",
                "Write the terminal's serial number")
        }
        let isDelivered: Bool
        switch String(decoding: cells[cells.count - 1], as: UTF8.self).trimmingBlanks().lowercased() {
        case "success": isDelivered = true
        case "erp_failed": isDelivered = false
        default:
            let status = Self.shown(cells[cells.count - 1])
            return bad(
                "ERP Status \"\(status)\" is unknown", "Only Success and ERP_Failed are taken over",
                status: status)
        }
        if isForeign { foreignLines += 1 }
        return .punch(
            LegacyPunch(
                time: time, enrollID: enrollID, name: name.isEmpty ? nil : name, terminal: terminal,
                isDelivered: isDelivered, line: line))
    }

    private static func shown(_ bytes: ArraySlice<UInt8>) -> String {
        PlainText.line(String(decoding: bytes.prefix(160), as: UTF8.self), limit: 40)
    }

    /// Without the apostrophe that this gateway's own CSV puts before what a spreadsheet would take for a formula.
    private static func unguarded(_ text: String) -> String {
        guard text.first == "'" else { return text }
        let rest = String(text.dropFirst())
        let guarded = CSVCells.cell(rest)
        return guarded.hasPrefix("'") || guarded.hasPrefix("\"'") ? (rest.first == "'" ? text : rest) : text
    }
}

extension LegacyPunch {
    /// As the journal keeps it, read as a terminal's own record of that time would be: what is its identity there
    /// (terminal, enroll id, time) is all in the older service's line.
    ///
    /// - `raw`: where the text to keep with it lies in its batch.
    package func punch(
        zone: ZoneRules, limits: Intake.Limits, received: UnixTime, raw: Range<Int>
    ) -> Punch {
        let instant = zone.instant(of: time)
        return Punch(
            enrollID: enrollID, name: name, time: time, zone: zone.identifier, instant: instant,
            kind: enrollID.isDoor ? .doorEvent : enrollID.isStranger ? .stranger : .person,
            doubt: limits.doubt(time, instant, received), raw: raw)
    }
}
