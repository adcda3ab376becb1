import ArgumentParser
import AttendanceCore
import AttendanceDelivery
import Foundation

enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text, csv, json
}

enum OutputValue {
    case text(String)
    case number(Int64)
    case none

    static func optional(_ number: Int64?) -> OutputValue { number.map(OutputValue.number) ?? .none }
}

protocol OutputRow {
    var values: [OutputValue] { get }
}

/// Rows on standard output: columns for eyes, CSV for spreadsheets, a JSON object a line for programs.
///
/// Whatever a terminal or an ERP put into a name is input: no control character reaches the screen, no formula a
/// spreadsheet.
final class Output {
    private let format: OutputFormat
    private let handle: FileHandle
    /// What `handle` is called in an error.
    private let name: String
    private var columns: [String] = []
    private var widths: [Int] = []
    private var pending: [[String]] = []
    private var buffer = Data()

    init(format: OutputFormat, handle: FileHandle = .standardOutput, name: String = "standard output") {
        self.format = format
        self.handle = handle
        self.name = name
    }

    /// A JSON string.
    static func quoted(_ text: String) -> String {
        var bytes: [UInt8] = []
        bytes.append(jsonString: text)
        return String(decoding: bytes, as: UTF8.self)
    }

    func header(_ columns: [String]) {
        self.columns = columns
        widths = columns.map(\.count)
        if format == .csv { write(columns.joined(separator: ",")) }
    }

    func row(_ row: some OutputRow) {
        switch format {
        case .csv:
            write(row.values.map(\.csv).joined(separator: ","))
        case .json:
            write(
                "{"
                    + zip(columns, row.values).map { "\(Self.quoted($0)):\($1.json)" }.joined(
                        separator: ",") + "}")
        case .text:
            let cells = row.values.map(\.plain).map { PlainText.line($0) }
            for (index, cell) in cells.enumerated() { widths[index] = max(widths[index], cell.count) }
            pending.append(cells)
            if pending.count >= 500 { flushColumns() }
        }
    }

    /// A line as it is, after all rows so far.
    func line(_ text: String) {
        if format == .text { flushColumns() }
        write(text)
    }

    func flush() {
        if format == .text { flushColumns() }
        send()
    }

    /// A sentence below the table, for eyes only: no column of it.
    func remark(_ text: String) {
        if format == .text { write(PlainText.line(text)) }
    }

    private var headerIsOut = false

    private func flushColumns() {
        if !headerIsOut, !pending.isEmpty {
            headerIsOut = true
            writeColumns(columns)
        }
        pending.forEach(writeColumns)
        pending.removeAll(keepingCapacity: true)
    }

    private func writeColumns(_ cells: [String]) {
        var line = ""
        for (cell, width) in zip(cells, widths) {
            line += cell + String(repeating: " ", count: max(0, width - cell.count) + 2)
        }
        while line.last == " " { line.removeLast() }
        write(line)
    }

    private func write(_ line: String) {
        buffer.append(contentsOf: line.utf8)
        buffer.append(0x0A)
        if buffer.count > 64 << 10 { send() }
    }

    private func send() {
        do {
            try handle.write(contentsOf: buffer)
        } catch {
            // The reader (`head`) has gone, or the disk is full: no use going on.
            Screen.fail("\(name) cannot be written: \(error.localizedDescription)", code: 74)
        }
        buffer.removeAll(keepingCapacity: true)
    }
}

extension OutputValue {
    var plain: String {
        switch self {
        case .text(let text): text
        case .number(let number): String(number)
        case .none: ""
        }
    }

    /// A number is ours and no formula, be it negative.
    var csv: String {
        if case .number(let number) = self { String(number) } else { CSVLine.cell(plain) }
    }

    var json: String {
        switch self {
        case .text(let text): Output.quoted(text)
        case .number(let number): String(number)
        case .none: "null"
        }
    }
}

/// What goes to a person's screen beside the output proper.
enum Screen {
    /// To standard error, so that it never mixes with data.
    static func note(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

    static func fail(_ text: String, code: Int32) -> Never {
        note("attendance-gateway: \(text)")
        exit(code)
    }
}
