import AttendanceCore
import Testing

/// Whatever comes, the decoder answers with a message or an error, and intake keeps every record of a message.
@Suite struct `Damaged frames` {
    private static let intake = Intake(zone: ZoneRules(identifier: "Europe/Berlin")!)

    private func check(_ frame: [UInt8]) {
        guard let read = try? FrameDecoder().read(frame) else { return }
        let whole = 0..<frame.count
        if let rest = read.rest {
            #expect(whole.contains(rest.lowerBound) && rest.upperBound <= frame.count)
        }
        guard let log = read.message.log else { return }
        let batch = frame.withUnsafeBytes {
            Self.intake.take(
                log, bytes: $0, from: .unknown, connection: 1, at: UnixTime(seconds: 1_795_000_000))
        }
        #expect(batch.punches.count + batch.quarantined.count == log.records.count)
        for raw in batch.punches.map(\.raw) + batch.quarantined.map(\.raw) {
            #expect(raw.lowerBound < raw.upperBound && raw.upperBound <= batch.raw.count)
        }
    }

    @Test(arguments: FrameFixtures.names)
    func `cut anywhere`(_ fixture: String) throws {
        let frame = try FrameFixtures.bytes(fixture)
        for length in stride(from: 0, to: frame.count, by: max(1, frame.count / 400)) {
            check(Array(frame.prefix(length)))
        }
    }

    @Test(arguments: FrameFixtures.names)
    func `changed in one or a few bytes`(_ fixture: String) throws {
        let frame = try FrameFixtures.bytes(fixture)
        guard !frame.isEmpty else { return }
        // Always the same seed: a trap ends the process before it could tell one. New ground is for Fuzz/run.sh.
        var random = SeededGenerator(seed: 2026)
        // The bytes that mean something are the ones that find mistakes.
        let telling = Array("\"\\{}[],:0123456789-+.eEu tfnNI\0".utf8) + [0x80, 0xC3, 0xEF, 0xFF]
        for _ in 0..<150 {
            var changed = frame
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let at = Int.random(in: changed.indices, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: changed[at] = UInt8.random(in: .min ... .max, using: &random)
                case 1: changed[at] = telling.randomElement(using: &random)!
                case 2: changed.insert(telling.randomElement(using: &random)!, at: at)
                default: if changed.count > 1 { changed.remove(at: at) }
                }
            }
            check(changed)
        }
    }
}
