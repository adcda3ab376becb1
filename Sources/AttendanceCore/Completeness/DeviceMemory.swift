/// How full a terminal is, as it says at `reg`. Nil where it does not say. Source: docs/protocol.md §5.1.
package struct DeviceMemory: Hashable, Sendable {
    /// People enrolled (`useduser`) and places for them (`usersize`).
    package var users: Int?
    package var userPlaces: Int?
    /// Records in its log, sent or not (`usedlog`), and places for them (`logsize`).
    package var logs: Int?
    package var logPlaces: Int?

    package init(users: Int? = nil, userPlaces: Int? = nil, logs: Int? = nil, logPlaces: Int? = nil) {
        self.users = users
        self.userPlaces = userPlaces
        self.logs = logs
        self.logPlaces = logPlaces
    }

    /// From the `devinfo` object as the journal keeps it. What cannot be read is nil.
    package init(deviceInfo: String?) {
        self.init()
        guard var text = deviceInfo else { return }
        text.withUTF8 { bytes in
            // It was written by `DeviceReader`; what is not as it writes it tells nothing.
            try? read(UnsafeRawBufferPointer(bytes))
        }
    }

    private mutating func read(_ bytes: UnsafeRawBufferPointer) throws(FrameError) {
        var json = JSONReader(bytes, range: 0..<bytes.count, maximumDepth: FrameDecoder().maximumDepth)
        guard json.peek() == .openBrace else { return }
        try json.open()
        var isFirst = true
        while try json.next(before: .closeBrace, isFirst: &isFirst) {
            let name = json.string(try json.key())
            let value = json.integer(try json.value()).flatMap { $0 < 0 ? nil : Int(clamping: $0) }
            switch name {
            case "useduser": users = value
            case "usersize": userPlaces = value
            case "usedlog": logs = value
            case "logsize": logPlaces = value
            default: break
            }
        }
    }
}
