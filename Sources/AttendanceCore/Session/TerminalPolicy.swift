/// What the operator has set for terminals: zones, clock, what is asked of them. A value; a session takes it when a
/// terminal registers, so a change reaches every terminal at its next `reg`.
package struct TerminalPolicy: Sendable {
    /// Whether answers carry `cloudtime`, to which terminals set their clocks.
    package var sendsClock: Bool
    /// Whether terminals shall push people (`senduser`); off, because it is biometric data.
    package var wantsUsers: Bool
    package var limits: Intake.Limits
    package var keepsPhotos: Bool
    /// Whose people and credentials are taken in, sealed; of all others they are dropped.
    package var collects: @Sendable (SerialNumber) -> Bool = { _ in false }
    /// How a terminal that asks before it opens is answered; nil where it does not ask. In memory, without waiting.
    package var approves: @Sendable (SerialNumber, AccessPolicy.Occasion) -> Reply.Approval? = { _, _ in nil }
    private let defaultZone: ZoneRules
    private let zones: [SerialNumber: ZoneRules]
    private let names: [SerialNumber: String]
    private let sinks: @Sendable (SerialNumber) -> Set<SinkName>?

    /// - `sinks`: where a terminal's punches go; nil: to every sink there is.
    package init(
        defaultZone: ZoneRules, zones: [SerialNumber: ZoneRules] = [:], names: [SerialNumber: String] = [:],
        sendsClock: Bool = true,
        wantsUsers: Bool = false, limits: Intake.Limits = .init(), keepsPhotos: Bool = false,
        sinks: @escaping @Sendable (SerialNumber) -> Set<SinkName>? = { _ in nil }
    ) {
        self.sinks = sinks
        self.defaultZone = defaultZone
        self.zones = zones
        self.names = names
        self.sendsClock = sendsClock
        self.wantsUsers = wantsUsers
        self.limits = limits
        self.keepsPhotos = keepsPhotos
    }

    package func zone(of serial: SerialNumber?) -> ZoneRules {
        if zones.isEmpty { return defaultZone }
        return serial.flatMap { zones[$0] } ?? defaultZone
    }

    /// How records of a terminal are taken in; nil for one that has not said who it is.
    func intake(of serial: SerialNumber?) -> Intake {
        Intake(
            zone: zone(of: serial), limits: limits, keepPhotos: keepsPhotos, sinks: serial.flatMap(sinks))
    }

    /// What the operator calls the terminal; nil where nothing is set.
    package func name(of serial: SerialNumber) -> String? { names[serial] }
}
