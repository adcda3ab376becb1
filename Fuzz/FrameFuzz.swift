// Feeds arbitrary bytes to the frame decoder and what it reads to intake. Built by run.sh together with the sources of
// AttendanceCore, outside the package. A finding is a trap, a sanitizer report, or a broken promise below.

/// A fuzzer cannot throw: a broken promise ends the process, which libFuzzer reports with the input.
private func promise(_ kept: Bool, _ what: StaticString) {
    if !kept { fatalError("broken promise: \(what)") }
}

private let decoder = FrameDecoder()
private let intake = Intake(zone: ZoneRules(identifier: "Europe/Berlin")!)

/// Called by libFuzzer with each input; the result is always 0.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzFrame(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = UnsafeRawBufferPointer(start: data, count: count)
    guard let frame = try? decoder.read(bytes) else { return 0 }
    if let rest = frame.rest {
        promise(
            rest.lowerBound >= 0 && rest.upperBound <= count && !rest.isEmpty, "the rest lies in the frame")
    }
    switch frame.message {
    case .log(let log):
        let batch = intake.take(
            log, bytes: bytes, from: .unknown, connection: 1, at: UnixTime(seconds: 1_795_000_000))
        promise(
            batch.punches.count + batch.quarantined.count == log.records.count, "each record is kept, once")
        for raw in batch.punches.map(\.raw) + batch.quarantined.map(\.raw) {
            promise(raw.lowerBound < raw.upperBound && raw.upperBound <= batch.raw.count, "each has its text")
        }
        promise(Reply.stored(log, cloudTime: nil).encoded.count > 2, "there is an answer")
    case .request(let request):
        let answer = Reply.answer(to: request, cloudTime: WallTime(seconds: 0))?.encoded ?? []
        promise(answer.allSatisfy { $0 >= 0x20 }, "an answer is one line")
    case .registration(let registration):
        guard let info = registration.deviceInfo else { break }
        // What we wrote as strict JSON must be readable again, and come out the same.
        let again = Array(#"{"cmd":"reg","devinfo":\#(info)}"#.utf8)
        let second = again.withUnsafeBytes { try? decoder.decode($0) }
        guard case .registration(let same)? = second else {
            fatalError("broken promise: strict JSON is readable")
        }
        promise(same.deviceInfo == info, "strict JSON stays as it is")
    case .answer, .wordless, .junk:
        break
    }
    return 0
}
