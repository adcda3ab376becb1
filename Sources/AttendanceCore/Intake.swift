/// Turns the log records of one message into what the journal keeps: punches, or the reason why one cannot be.
///
/// Nothing is dropped and nothing fails: every record of the message is in the batch afterwards, as a punch or in
/// quarantine. A value, held by the connection whose terminal's zone it knows.
package struct Intake: Sendable {
    /// What is believed of a terminal's clock. Outside of it a punch is kept, flagged and not forwarded (quirk Q17).
    package struct Limits: Hashable, Sendable {
        /// Wall times before this one mean a clock that was lost.
        package var earliest: WallTime
        /// How far a terminal may be ahead of the gateway, which covers a wrong zone but not a wrong day.
        package var futureTolerance: Duration

        package init(
            earliest: WallTime = Limits.defaultEarliest, futureTolerance: Duration = .seconds(24 * 3600)
        ) {
            self.earliest = earliest
            self.futureTolerance = futureTolerance
        }

        func doubt(_ time: WallTime, _ instant: Int64, _ received: UnixTime) -> TimeDoubt {
            if time < earliest { return .tooOld }
            return instant > (received + futureTolerance).seconds ? .inFuture : .none
        }

        /// 2010-01-01 00:00:00: older than any terminal of this protocol.
        package static let defaultEarliest = WallTime(seconds: 1_262_304_000)
    }

    /// Bytes of one record that are kept, photos not counted. A real record has about 120.
    package static let maximumRaw = 256 * 1024
    /// Characters of a photo in base64 that are kept; a longer one is dropped.
    package static let maximumPhoto = 2 << 20
    /// Unicode scalars of a name that are kept.
    package static let maximumName = 256
    /// Unicode scalars of an alias that are kept.
    package static let maximumAlias = 64

    package var zone: ZoneRules
    package var limits: Limits
    /// Whether photos are handed over beside the raw text, to be sealed; in it they never stay.
    package var keepPhotos: Bool
    /// See `IntakeBatch.sinks`.
    package var sinks: Set<SinkName>?

    package init(
        zone: ZoneRules, limits: Limits = Limits(), keepPhotos: Bool = false, sinks: Set<SinkName>? = nil
    ) {
        self.sinks = sinks
        self.zone = zone
        self.limits = limits
        self.keepPhotos = keepPhotos
    }

    /// The batch for the records of `message`, whose ranges are offsets into `bytes`.
    package func take(
        _ message: LogMessage, bytes: UnsafeRawBufferPointer, from terminal: SerialNumber, connection: Int64,
        at received: UnixTime
    ) -> IntakeBatch {
        var batch = IntakeBatch(
            terminal: terminal, connection: connection, received: received, sinks: sinks)
        batch.punches.reserveCapacity(message.records.count)
        if let first = message.records.first, let last = message.records.last {
            let photos = message.records.lazy.flatMap(\.images).reduce(0) { $0 + $1.count }
            batch.raw.reserveCapacity(max(0, last.raw.upperBound - first.raw.lowerBound - photos) + 64)
        }
        for (index, record) in message.records.enumerated() {
            let raw = keep(record, of: bytes, in: &batch)
            switch punch(record, raw: raw, at: received) {
            case .success(let punch):
                if keepPhotos, let photo = record.photo, photo.count <= Self.maximumPhoto {
                    batch.photos.append(PunchPhoto(punch: batch.punches.count, text: Array(bytes[photo])))
                }
                batch.punches.append(punch)
            case .failure(let defect):
                let reason =
                    index < FrameDecoder.maximumRecords
                    ? defect.reason
                    : "the list in record is longer than \(FrameDecoder.maximumRecords) entries; the rest was not read"
                batch.quarantined.append(QuarantinedRecord(reason: reason, raw: raw))
            }
        }
        return batch
    }

    // MARK: One record

    private struct Defect: Error { let reason: String }

    private func punch(_ record: LogRecord, raw: Range<Int>, at received: UnixTime) -> Result<
        Punch, Defect
    > {
        guard record.isObject else {
            return .failure(Defect(reason: "an entry of record is no object"))
        }
        guard let sent = record.enrollID else {
            return .failure(Defect(reason: "enrollid is missing, or is no text and no whole number"))
        }
        guard let enrollID = EnrollID(sent) else {
            return .failure(
                Defect(
                    reason: "enrollid is empty, longer than \(EnrollID.maximumLength) characters, "
                        + "or holds a control character"))
        }
        let time: WallTime
        switch record.time {
        case .valid(let valid): time = valid
        case .missing: return .failure(Defect(reason: "time is missing"))
        case .invalid(let text):
            return .failure(Defect(reason: "time is no date and time: \"\(text.withoutControls)\""))
        }
        let instant = zone.instant(of: time)
        return .success(
            Punch(
                enrollID: enrollID, alias: usable(record.alias, atMost: Self.maximumAlias),
                name: usable(record.name, atMost: Self.maximumName), time: time, zone: zone.identifier,
                instant: instant,
                kind: enrollID.isDoor ? .doorEvent : enrollID.isStranger ? .stranger : .person,
                doubt: doubt(time, instant, received), mode: record.mode, inOut: record.inOut,
                event: record.event,
                verifyMode: record.verifyMode, temperature: record.temperature, raw: raw))
    }

    private func doubt(_ time: WallTime, _ instant: Int64, _ received: UnixTime) -> TimeDoubt {
        limits.doubt(time, instant, received)
    }

    /// Trimmed and cut; nil when nothing is left.
    private func usable(_ text: String?, atMost length: Int) -> String? {
        guard let text = text?.trimmingBlanks(), !text.isEmpty else { return nil }
        return text.prefix(scalars: length)
    }

    // MARK: Raw text

    /// Copies the record's own text, photos removed unless kept, and answers where it lies in the batch.
    private func keep(_ record: LogRecord, of bytes: UnsafeRawBufferPointer, in batch: inout IntakeBatch)
        -> Range<Int>
    {
        let start = batch.raw.count
        var budget = Self.maximumRaw
        var isCut = false
        func copy(_ range: Range<Int>) {
            let kept = range.prefix(budget)
            batch.raw.append(contentsOf: bytes[kept])
            budget -= kept.count
            isCut = isCut || kept.count < range.count
        }
        var at = record.raw.lowerBound
        for image in record.images where !isCut {
            copy(at..<image.lowerBound)
            if !isCut {
                let quotes = bytes[image.lowerBound] == .quote ? 2 : 0
                batch.raw.append(contentsOf: "\"removed, \(image.count - quotes) bytes\"".utf8)
            }
            at = image.upperBound
        }
        if !isCut { copy(at..<record.raw.upperBound) }
        // A real record has about 120 bytes. A long one may hold a template under a name that nobody told us.
        if batch.raw.count - start > UnreadableText.longestRun {
            batch.raw.replaceSubrange(
                start..., with: Array(batch.raw[start...]).withUnsafeBytes { UnreadableText.withoutRuns($0) })
        }
        if isCut {
            batch.raw.append(
                contentsOf: " [cut here: the record has \(record.raw.count) bytes, more than are kept]".utf8)
        }
        return start..<batch.raw.count
    }
}

extension String {
    /// With U+FFFD in place of control characters, for a sentence that is shown.
    var withoutControls: String {
        String(String.UnicodeScalarView(unicodeScalars.map { $0.isControl ? "\u{FFFD}" : $0 }))
    }
}
