import Foundation

/// One figure: what was measured in each run, beside its floor in the same run.
struct Figure {
    let name: String
    /// One phrase that says what the value is.
    let what: String
    let unit: String
    /// What is to be reached, in words and as a test; nil: told for information.
    var aim: (words: String, isMet: (_ value: Double, _ ratio: Double?) -> Bool)?
    private(set) var values: [Double] = []
    private(set) var floors: [Double] = []

    init(
        _ name: String, _ what: String, unit: String,
        aim: (words: String, isMet: (_ value: Double, _ ratio: Double?) -> Bool)? = nil
    ) {
        self.name = name
        self.what = what
        self.unit = unit
        self.aim = aim
    }

    mutating func add(_ value: Double, floor: Double? = nil) {
        values.append(value)
        if let floor { floors.append(floor) }
    }

    /// The middle one of the runs. A ratio is taken within each run first, because the machine's speed drifts.
    private func median(_ numbers: [Double]) -> Double? {
        numbers.isEmpty ? nil : numbers.sorted()[numbers.count / 2]
    }

    /// One JSON object on one line.
    var line: String {
        let ratio = median(zip(values, floors).map { $0 / $1 })
        let value = median(values)
        var members = ["\"name\":\"\(name)\""]
        members.append("\"what\":\"\(what)\"")
        members.append("\"value\":\(value.map(short) ?? "null")")
        members.append("\"unit\":\"\(unit)\"")
        if let floor = median(floors) { members.append("\"floor\":\(short(floor))") }
        if let ratio { members.append("\"ratio\":\(short(ratio))") }
        if let aim, let value {
            members.append("\"aim\":\"\(aim.words)\"")
            members.append("\"met\":\(aim.isMet(value, ratio))")
        }
        members.append("\"runs\":[\(values.map(short).joined(separator: ","))]")
        if !floors.isEmpty { members.append("\"floors\":[\(floors.map(short).joined(separator: ","))]") }
        return "{" + members.joined(separator: ",") + "}\n"
    }

    private func short(_ number: Double) -> String {
        abs(number) >= 1000 ? String(format: "%.0f", number) : String(format: "%.4g", number)
    }
}

/// What `load`, `sqlite-floor` and `http-floor client` print at their end.
struct Measured: Decodable {
    var seconds: Double?
    var acks: Double?
    var acksPerSecond: Double?
    var punchesPerSecond: Double?
    var requestsPerSecond: Double?
    var p99: Double?
    var failed: Int?
    var stored: Int?
    var punches: Int?

    init(_ text: String) throws {
        guard let line = text.split(separator: "\n").last(where: { $0.hasPrefix("{") }) else {
            throw BenchError("no figures in: \(text)")
        }
        self = try JSONDecoder().decode(Measured.self, from: Data(line.utf8))
        if let failed, failed > 0 { throw BenchError("\(failed) connections or messages failed: \(line)") }
        if let stored, stored != punches { throw BenchError("rows were lost: \(line)") }
    }
}
