import AttendanceCore

/// One entry of a terminal's log as its memory keeps it, in little room. How it goes over the wire is the firmware's.
package struct StoredLog: Hashable, Sendable, Codable {
    /// 0: the door or the device itself; 99999999: a face nobody knows.
    package var person: UInt64
    package var time: WallTime
    package var mode: Int
    package var inOut: Int
    package var event: Int
    /// 13: let in by a QR code.
    package var verifyMode: Int?
    /// Base64 photo.
    package var image: String?
    /// Stands in the message instead of `time`, as after a battery died: `0000-00-00 00:00:00`.
    package var oddTime: String?

    package init(
        person: UInt64, time: WallTime, mode: Int = 1, inOut: Int = 0, event: Int = 0,
        verifyMode: Int? = nil, image: String? = nil, oddTime: String? = nil
    ) {
        self.person = person
        self.time = time
        self.mode = mode
        self.inOut = inOut
        self.event = event
        self.verifyMode = verifyMode
        self.image = image
        self.oddTime = oddTime
    }

    package static let stranger: UInt64 = 99_999_999

    /// What the text of `time` will be.
    package var timeText: String { oddTime ?? time.description }

    private enum CodingKeys: String, CodingKey {
        case person = "p", time = "t", mode = "m", inOut = "i", event = "e", verifyMode = "v", image = "g"
        case oddTime = "o"
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        person = try fields.decode(UInt64.self, forKey: .person)
        time = WallTime(seconds: try fields.decode(Int64.self, forKey: .time))
        mode = try fields.decode(Int.self, forKey: .mode)
        inOut = try fields.decode(Int.self, forKey: .inOut)
        event = try fields.decode(Int.self, forKey: .event)
        verifyMode = try fields.decodeIfPresent(Int.self, forKey: .verifyMode)
        image = try fields.decodeIfPresent(String.self, forKey: .image)
        oddTime = try fields.decodeIfPresent(String.self, forKey: .oddTime)
    }

    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(person, forKey: .person)
        try fields.encode(time.seconds, forKey: .time)
        try fields.encode(mode, forKey: .mode)
        try fields.encode(inOut, forKey: .inOut)
        try fields.encode(event, forKey: .event)
        try fields.encodeIfPresent(verifyMode, forKey: .verifyMode)
        try fields.encodeIfPresent(image, forKey: .image)
        try fields.encodeIfPresent(oddTime, forKey: .oddTime)
    }
}
