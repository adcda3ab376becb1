import AttendanceCore
import Foundation

/// The frames in `Fixtures/frames`, byte for byte as a terminal sends them.
enum FrameFixtures {
    static let folder = Bundle.module.bundleURL.appending(path: "Fixtures/frames")

    static let names: [String] = {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return files.filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()
    }()

    static func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: folder.appending(path: name + ".json")))
    }
}

extension FrameDecoder {
    func decode(_ bytes: [UInt8]) throws(FrameError) -> TerminalMessage { try read(bytes).message }

    func read(_ bytes: [UInt8]) throws(FrameError) -> Frame {
        // Array's own `withUnsafeBytes` forgets the error's type.
        try bytes.withUnsafeBytes { buffer in Result { () throws(FrameError) in try read(buffer) } }.get()
    }

    func decode(_ text: String) throws(FrameError) -> TerminalMessage { try decode(Array(text.utf8)) }
}

extension TerminalMessage {
    /// Without the places in the message, which tables of expectations do not spell out.
    var withoutPlaces: TerminalMessage {
        guard case .log(var log) = self else { return self }
        for index in log.records.indices {
            log.records[index].raw = 0..<0
            log.records[index].images = []
            log.records[index].photo = nil
        }
        return .log(log)
    }

    var log: LogMessage? { if case .log(let log) = self { log } else { nil } }
}

extension WallTime {
    /// For tables: a text that is no time is a mistake in the test.
    init(valid text: StaticString) { self = WallTime(text.description)! }
}

/// SplitMix64: the same numbers from the same seed everywhere.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
