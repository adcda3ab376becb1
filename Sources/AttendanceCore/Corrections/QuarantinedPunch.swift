/// A record in quarantine as far as it can be read after all: what is left to decide is its time.
package struct QuarantinedPunch: Sendable {
    private let record: LogRecord
    private let bytes: [UInt8]

    /// Nil when the text is no record of a person: then nobody can tell whose it is.
    package init?(raw: [UInt8]) {
        // As it came: an entry of a terminal's log. Frames are what the decoder reads.
        let bytes = Array(#"{"cmd":"sendlog","sn":"X","record":["#.utf8) + raw + Array("]}".utf8)
        let message = bytes.withUnsafeBytes { try? FrameDecoder().decode($0) }
        guard case .log(let log)? = message, log.records.count == 1, let record = log.records.first,
            record.isObject, let id = record.enrollID.flatMap(EnrollID.init), !id.isDoor, !id.isStranger
        else { return nil }
        self.record = record
        self.bytes = bytes
        enrollID = id
    }

    package let enrollID: EnrollID
    package var name: String? { record.name }

    /// The batch that stores it as a punch at `time`; nil when that is not believed either.
    package func batch(
        at time: WallTime, of terminal: SerialNumber, zone: ZoneRules, received: UnixTime
    ) -> IntakeBatch? {
        var record = record
        record.time = .valid(time)
        var message = LogMessage()
        message.records = [record]
        let intake = Intake(zone: zone)
        let batch = bytes.withUnsafeBytes {
            intake.take(message, bytes: $0, from: terminal, connection: 0, at: received)
        }
        guard batch.punches.count == 1, batch.punches[0].isForwarded else { return nil }
        return batch
    }
}
