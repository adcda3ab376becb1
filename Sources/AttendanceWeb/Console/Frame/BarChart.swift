import AttendanceCore

/// A chart of counts over time, drawn by the server: no script, no picture to load, readable by a screen reader.
package struct BarChart: Sendable {
    package struct Bar: Sendable {
        /// Such as `14:05`.
        package var label: String
        package var count: Int

        package init(label: String, count: Int) {
            self.label = label
            self.count = count
        }
    }
    package var title: String
    /// The oldest first.
    package var bars: [Bar]

    package init(title: String, bars: [Bar]) {
        self.title = title
        self.bars = bars
    }

    /// For `{{{chart}}}`: every text in it is escaped here.
    package var svg: String {
        let width = 600.0
        let height = 120.0
        let foot = 18.0
        let top = max(1, bars.map(\.count).max() ?? 0)
        let step = width / Double(max(1, bars.count))
        var shapes = ""
        for (index, bar) in bars.enumerated() where bar.count > 0 {
            let tall = max(1.5, (height - foot - 14) * Double(bar.count) / Double(top))
            shapes +=
                "<rect x=\"\(Self.short(Double(index) * step + step * 0.1))\" y=\"\(Self.short(height - foot - tall))\" "
                + "width=\"\(Self.short(step * 0.8))\" height=\"\(Self.short(tall))\">"
                + "<title>\(Self.escaped(bar.label)): \(bar.count)</title></rect>"
        }
        var labels = ""
        // As many as can be read.
        let every = max(1, (bars.count + 5) / 6)
        for (index, bar) in bars.enumerated() where index % every == 0 {
            labels +=
                "<text x=\"\(Self.short(Double(index) * step))\" y=\"\(Self.short(height - 4))\">\(Self.escaped(bar.label))</text>"
        }
        let total = bars.reduce(0) { $0 + $1.count }
        return
            "<svg class=\"chart\" viewBox=\"0 0 600 120\" role=\"img\" aria-label=\"\(Self.escaped(title)): \(total)\">"
            + "<line class=\"axis\" x1=\"0\" x2=\"600\" y1=\"102\" y2=\"102\"/><g class=\"bars\">\(shapes)</g>"
            + "<text x=\"0\" y=\"10\">\(top)</text>\(labels)</svg>"
    }

    private static func short(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }
}
