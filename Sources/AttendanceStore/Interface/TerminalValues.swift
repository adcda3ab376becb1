import AttendanceCore

/// What a terminal said of itself at `reg`.
package struct TerminalSighting: Sendable {
    package var serial: SerialNumber
    package var at: UnixTime
    /// Peer address without port.
    package var address: String
    package var model: String?
    package var firmware: String?
    /// Logs in the terminal that no server has acknowledged (`usednewlog`).
    package var backlog: Int?
    /// The terminal's clock minus ours, whole seconds; nil when it sent no time.
    package var skew: Int?
    /// The `devinfo` object as sent, strict JSON.
    package var deviceInfo: String?
    /// The standing it begins with, where it was never heard of.
    package var standing: TerminalStanding

    package init(
        serial: SerialNumber, at: UnixTime, address: String, model: String? = nil, firmware: String? = nil,
        backlog: Int? = nil, skew: Int? = nil, deviceInfo: String? = nil,
        standing: TerminalStanding = .approved
    ) {
        self.standing = standing
        self.serial = serial
        self.at = at
        self.address = address
        self.model = model
        self.firmware = firmware
        self.backlog = backlog
        self.skew = skew
        self.deviceInfo = deviceInfo
    }
}
