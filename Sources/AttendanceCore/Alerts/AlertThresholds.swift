/// The limits of all alert rules, and how long each must be broken or well before that is told.
package struct AlertThresholds: Hashable, Sendable {
    /// Rules that are switched off.
    package var silenced: Set<AlertKind> = []

    /// When somebody is expected at the terminals; on the wall of each terminal.
    package var workingHours: WorkingHours = .always
    /// A terminal may be away so long, counted within working hours.
    package var offline: Duration = .seconds(15 * 60)
    /// A terminal that has not been heard of for so long has been taken down: no alert begins about it.
    package var forgotten: Duration = .seconds(30 * 86_400)

    package var paused: Duration = .seconds(60)
    package var unavailable: Duration = .seconds(10 * 60)
    /// A punch may be owed so long.
    package var owed: Duration = .seconds(30 * 60)
    /// So many dead letters of one sink are told.
    package var deadLetters = 1

    /// A disk is low with less of it free than this share, 0...1; well again with `diskMargin` more.
    package var diskShare = 0.10
    package var diskMargin = 0.02
    /// A disk is low below so many bytes too, whatever its size; well again with a quarter more.
    package var diskBytes: Int64 = 512 << 20

    /// A terminal's clock may be so far off; well again at half of it.
    package var skew: Duration = .seconds(120)
    /// Share of one of a terminal's memories that may be in use, 0...1; well again 5 % below.
    package var memory = 0.90
    /// A terminal may send the same batch so often in a row.
    package var resends = 20
    /// A certificate must be valid for so long; a tenth of it is critical.
    package var certificate: Duration = .seconds(14 * 86_400)
    /// A shift may wait so long after its end.
    package var shift: Duration = .seconds(30 * 60)
    /// A serial number may come from other networks so often a day.
    package var moves = 2

    package init() {}

    /// For how long a rule must be broken before that is told. Rules whose limit is a time count it themselves.
    package func after(_ kind: AlertKind) -> Duration {
        switch kind {
        case .journalFailing: .seconds(15)
        case .sitePaused: paused
        case .siteUnavailable: unavailable
        case .diskLow: .seconds(60)
        case .certificateRefused, .certificateExpiry, .wrongCheckins, .deadLetters, .oldestOwed,
            .terminalOffline, .terminalFull, .clockDrift, .resendLoop, .shiftWaits, .terminalPending,
            .serialMoved, .serialContested, .pushesStalled,
            .backupFailing, .journalRebuilt:
            .zero
        // Nearly all are closed by then.
        case .gap: .seconds(1800)
        }
    }

    /// For how long all must be well before the end is told: what breaks again within it was never over.
    package func clearAfter(_ kind: AlertKind) -> Duration {
        switch kind {
        case .certificateRefused, .certificateExpiry, .wrongCheckins, .shiftWaits,
            .terminalPending, .gap, .backupFailing, .journalRebuilt:
            .zero
        case .journalFailing, .sitePaused, .oldestOwed, .clockDrift: .seconds(60)
        case .siteUnavailable: .seconds(120)
        case .terminalOffline: .seconds(180)
        case .diskLow, .deadLetters, .terminalFull, .serialMoved, .pushesStalled: .seconds(300)
        case .resendLoop, .serialContested: .seconds(900)
        }
    }
}
