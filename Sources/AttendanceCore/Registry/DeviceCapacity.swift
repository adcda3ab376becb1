/// How much of everything a terminal holds and has places for, as it says at `reg`. Source: docs/protocol.md §5.1.
package struct DeviceCapacity: Hashable, Sendable {
    package struct Store: Hashable, Sendable {
        package var used: Int?
        /// 0: not fitted.
        package var places: Int?

        package init(used: Int? = nil, places: Int? = nil) {
            self.used = used
            self.places = places
        }
    }
    package var users = Store()
    package var faces = Store()
    package var fingerprints = Store()
    package var palms = Store()
    package var cards = Store()
    package var passwords = Store()
    package var logs = Store()

    package init() {}

    /// From the `devinfo` object as the journal keeps it. What cannot be read is nil.
    package init(deviceInfo: String?) {
        self.init()
        let places = Self.places
        DeviceReader.integers(in: deviceInfo) { name, value in
            guard value >= 0, let place = places[name] else { return }
            self[keyPath: place] = Int(clamping: value)
        }
    }

    private static var places: [String: WritableKeyPath<DeviceCapacity, Int?>] {
        [
            "useduser": \.users.used, "usersize": \.users.places, "usedface": \.faces.used,
            "facesize": \.faces.places, "usedfp": \.fingerprints.used, "fpsize": \.fingerprints.places,
            "usedpalm": \.palms.used, "palmsize": \.palms.places, "usedcard": \.cards.used,
            "cardsize": \.cards.places, "usedpwd": \.passwords.used, "pwdsize": \.passwords.places,
            "usedlog": \.logs.used, "logsize": \.logs.places,
        ]
    }
}

extension DeviceReader {
    /// Calls `body` for each whole number of the object. What is not as `DeviceReader` writes it tells nothing.
    static func integers(in deviceInfo: String?, _ body: (String, Int64) -> Void) {
        guard var text = deviceInfo else { return }
        text.withUTF8 { bytes in
            func read() throws(FrameError) {
                let raw = UnsafeRawBufferPointer(bytes)
                var json = JSONReader(raw, range: 0..<raw.count, maximumDepth: FrameDecoder().maximumDepth)
                guard json.peek() == .openBrace else { return }
                try json.open()
                var isFirst = true
                while try json.next(before: .closeBrace, isFirst: &isFirst) {
                    let name = json.string(try json.key())
                    if let value = json.integer(try json.value()) { body(name, value) }
                }
            }
            // It was written by `DeviceReader`; what is not as it writes it tells nothing.
            try? read()
        }
    }
}
