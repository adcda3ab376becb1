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
        DeviceReader.integers(in: deviceInfo) { name, number in
            let value = number < 0 ? nil : Int(clamping: number)
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
