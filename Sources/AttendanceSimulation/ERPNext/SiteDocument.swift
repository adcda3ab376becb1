/// A row of one of the site's tables.
protocol SiteDocument: Sendable {
    /// The value of a column of its `SiteTable`; null for what is not set.
    func value(of column: String) -> FrappeValue
}

/// A doctype, as far as lists must know it.
struct SiteTable: Sendable {
    enum Column: Sendable { case text, datetime, date, time, number }

    let doctype: String
    /// Columns of its own and of every doctype.
    let columns: [String: Column]
    let isAscending: Bool

    init(_ doctype: String, isAscending: Bool = false, _ columns: [String: Column]) {
        self.doctype = doctype
        self.isAscending = isAscending
        self.columns = columns.merging(Self.common) { own, _ in own }
    }

    private static let common: [String: Column] = [
        "name": .text, "owner": .text, "creation": .datetime, "modified": .datetime, "modified_by": .text,
        "docstatus": .number, "idx": .number,
    ]
}

extension SiteDocument {
    /// The whole document, as a single read answers it: what is null is left out.
    func document(_ table: SiteTable) -> [String: FrappeValue] {
        var document: [String: FrappeValue] = ["doctype": .text(table.doctype)]
        for column in table.columns.keys {
            let value = value(of: column)
            if value != .null { document[column] = value }
        }
        return document
    }
}

/// MariaDB's usual collation: takes no notice of letter case and of blanks at the end; nothing else is trimmed.
func collated(_ text: String) -> String {
    var text = text[...]
    while text.utf8.last == 0x20 { text = text.dropLast() }
    return text.lowercased()
}

/// The number MariaDB sees in a text when it compares it with a number: `5555x` is 5555, `abc` is 0.
func leadingNumber(_ text: String) -> Double {
    let trimmed = text.drop { $0 == " " }
    var end = trimmed.startIndex
    var seenPoint = false
    while end < trimmed.endIndex {
        let character = trimmed[end]
        let isSign = (character == "-" || character == "+") && end == trimmed.startIndex
        guard character.isASCII, character.isWholeNumber || isSign || (character == "." && !seenPoint) else {
            break
        }
        if character == "." { seenPoint = true }
        end = trimmed.index(after: end)
    }
    return Double(trimmed[..<end]) ?? 0
}
