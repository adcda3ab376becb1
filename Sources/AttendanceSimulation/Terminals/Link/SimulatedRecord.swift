import AttendanceCore

/// One entry of a terminal's log, as the terminal would write it into `record`.
///
/// Every field can hold nonsense, because terminals do. Source: docs/protocol.md §5.2, §6.3, §6.4, §7.
package struct SimulatedRecord: Hashable, Sendable {
    /// How the person's number stands in the JSON: firmwares differ (quirk Q7).
    package enum Identifier: Hashable, Sendable {
        case number(UInt64)
        case text(String)

        /// The digits or the text, without quotes.
        package var bare: String {
            switch self {
            case .number(let number): String(number)
            case .text(let text): text
            }
        }
    }

    package var enrollID: Identifier
    /// `YYYY-MM-DD HH:MM:SS` unless the clock is odd.
    package var time: String
    /// Nil: the key is left out, as TFS and TH firmwares do (quirk Q6).
    package var name: String?
    package var mode: Int
    package var inOut: Int
    package var event: Int
    /// As it stands in the JSON: `36.5`, `"36.5"`, `365`, `3650` (quirk Q15).
    package var temperature: String?
    /// Base64, bare or as a data URI (quirk Q14).
    package var image: String?
    /// Further members, each as JSON text.
    package var extras: [String]

    package init(
        enrollID: Identifier, time: String, name: String? = nil, mode: Int = 8, inOut: Int = 0,
        event: Int = 0,
        temperature: String? = nil, image: String? = nil, extras: [String] = []
    ) {
        self.enrollID = enrollID
        self.time = time
        self.name = name
        self.mode = mode
        self.inOut = inOut
        self.event = event
        self.temperature = temperature
        self.image = image
        self.extras = extras
    }

    /// A fingerprint unit's punch: numeric id, no name.
    package static func tfs(_ person: UInt64, at time: WallTime, inOut: Int = 0) -> SimulatedRecord {
        SimulatedRecord(enrollID: .number(person), time: time.description, mode: 1, inOut: inOut)
    }

    /// A face terminal's punch: an empty name, body temperature, and a photo of `photoBytes` where that is not 0.
    package static func aiFace(
        _ person: UInt64, at time: WallTime, name: String = "", photoBytes: Int = 0
    ) -> SimulatedRecord {
        SimulatedRecord(
            enrollID: .number(person), time: time.description, name: name, temperature: "36.5",
            image: photoBytes > 0 ? photo(bytes: photoBytes) : nil)
    }

    /// A punch whose id is text: `"0012"`, `"A-17"`.
    package static func coded(_ code: String, at time: WallTime) -> SimulatedRecord {
        SimulatedRecord(enrollID: .text(code), time: time.description)
    }

    /// The door or the device itself: id 0, `event` by docs/protocol.md §6.4.
    package static func door(event: Int, at time: WallTime) -> SimulatedRecord {
        SimulatedRecord(enrollID: .number(0), time: time.description, mode: 0, inOut: 1, event: event)
    }

    /// A face the terminal does not know.
    package static func stranger(at time: WallTime, photoBytes: Int = 0) -> SimulatedRecord {
        SimulatedRecord(
            enrollID: .number(99_999_999), time: time.description, name: "",
            image: photoBytes > 0 ? photo(bytes: photoBytes) : nil)
    }

    /// The record as one JSON object.
    package var json: String {
        var members = [String]()
        switch enrollID {
        case .number(let number): members.append("\"enrollid\":\(number)")
        case .text(let text): members.append("\"enrollid\":\(quoted(text))")
        }
        if let name { members.append("\"name\":\(quoted(name))") }
        members.append("\"time\":\(quoted(time)),\"mode\":\(mode),\"inout\":\(inOut),\"event\":\(event)")
        if let temperature { members.append("\"temp\":\(temperature)") }
        if let image { members.append("\"image\":\(quoted(image))") }
        members += extras
        return "{" + members.joined(separator: ",") + "}"
    }

    /// Base64 text that begins like a JPEG, about 4/3 of `bytes` long.
    private static func photo(bytes: Int) -> String {
        "/9j/4AAQSkZJRgAB" + String(repeating: "Qk1P", count: max(0, bytes - 12) / 3) + "/9k="
    }
}

/// A JSON string with its quotes.
func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": out += "\\\""
        case "\\": out += "\\\\"
        case "\u{0}"..<" ":
            let digits = String(scalar.value, radix: 16)
            out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: out.unicodeScalars.append(scalar)
        }
    }
    return out + "\""
}
