import AsyncHTTPClient
import AttendanceCore
import AttendanceDelivery
import AttendanceTerminals
import Foundation

/// What each part is told, made from the settings. The parts know nothing of settings.
extension Settings {
    /// What the registry is told; the serials that a port lets in by name are as ours as those with a section.
    var registryRules: TerminalRegistry.Rules {
        TerminalRegistry.Rules(
            unknown: terminals.unknown, trustsUnregistered: terminals.trustsUnregistered,
            maximumPending: terminals.maximumPending, pendingPerHour: terminals.maximumPendingPerHour,
            maximumHeld: terminals.maximumPendingPunches,
            named: Set(terminals.overrides.keys).union(listeners.flatMap(\.admission.serials)),
            tokens: terminals.overrides.compactMapValues {
                $0.token.map { TerminalToken.digest(of: $0.reveal()) }
            })
    }

    static func zone(_ name: String) throws -> ZoneRules {
        guard let zone = ZoneRules(identifier: name) else {
            throw SettingsError(problems: [
                SettingsProblem(
                    severity: .mistake, place: .standard, key: nil, problem: "\"\(name)\" is no time zone",
                    remedy: "Write an IANA name such as Asia/Kolkata")
            ])
        }
        return zone
    }

    /// Descriptors that are not for connections: the journal, logs, the ERP's connections, the listeners themselves.
    private static let reservedFiles = 128

    func connectionBounds(openFiles: Int) -> ConnectionLimits.Bounds {
        let total = max(1, min(connections.maximum, openFiles - Self.reservedFiles))
        return ConnectionLimits.Bounds(total: total, perAddress: min(total, connections.maximumPerAddress))
    }

    var listenerBounds: TerminalListener.Bounds {
        TerminalListener.Bounds(
            messageBytes: connections.maximumMessageBytes, handshake: connections.handshake,
            liveness: Liveness.Limits(
                pingInterval: connections.pingInterval, silenceLimit: connections.silence,
                firstMessage: connections.firstMessage),
            acceptsUnmasked: connections.acceptsUnmaskedFrames)
    }
}

extension Settings.ERP {
    /// Nil without an address: punches stay owed. Throws `SettingsError`.
    func sinkSettings() throws -> ERPNextSink.Settings? {
        guard let url else { return nil }
        let dialect: ERPNextSink.Dialect
        let endpoint: String
        switch self.dialect {
        case .custom:
            dialect = .customMethod
            endpoint = self.endpoint
        case .hrms:
            dialect = .hrms(employeeField: employeeField, siteZone: try siteTimeZone.map(Settings.zone))
            // So that choosing a dialect is one setting: the older service's method, left in the file, is none of HRMS's.
            let isHRMS = self.endpoint.hasSuffix("add_log_based_on_employee_field")
            endpoint = isHRMS ? self.endpoint : ERPNextSink.Settings.hrmsEndpoint
        }
        return ERPNextSink.Settings(
            url: url.absoluteString, endpoint: endpoint, dialect: dialect,
            personKey: personID == .alias ? .aliasFirst : .enrollID,
            credential: authorizationHeader.map { APICredential(authorization: $0.reveal()) },
            timeout: timeout, userAgent: "attendance-gateway/\(Version.current)",
            mode: mode == .shadow ? .shadow : .deliver, bulkAbove: bulkAbove)
    }

    var deliverySettings: DeliveryWorker.Settings {
        DeliveryWorker.Settings(
            rules: SettlementRules(
                retry: RetryPolicy(first: retryDelay), maxRetries: maximumRetries, quiet: ambiguousWait),
            concurrency: concurrency)
    }
}

extension Settings.Terminals {
    /// Throws `SettingsError`.
    func policy() throws -> TerminalPolicy {
        let all = Set(overrides.keys).union(registered.keys)
        var zones: [SerialNumber: ZoneRules] = [:]
        var names: [SerialNumber: String] = [:]
        for serial in all {
            names[serial] = name(of: serial)
            let zone = timeZone(of: serial)
            // A zone of the registry that this machine does not know (its journal may come from another) is left out.
            if zone != timeZone { zones[serial] = ZoneRules(identifier: zone) }
        }
        let earliest = WallTime(year: earliestYear, month: 1, day: 1) ?? Intake.Limits.defaultEarliest
        return TerminalPolicy(
            defaultZone: try Settings.zone(timeZone), zones: zones, names: names, sendsClock: sendsClock,
            wantsUsers: asksForUsers || collectsPeople,
            limits: Intake.Limits(earliest: earliest, futureTolerance: futureTolerance),
            keepsPhotos: keepsPhotos, sinks: { sinks(of: $0) })
    }

    var clockRule: ClockRule { ClockRule(limit: clockLimit, sendsClock: sendsClock) }

    func directionRule(of serial: SerialNumber) -> DirectionRule {
        switch direction(of: serial) {
        case .unspecified: .none
        case .incoming: .fixed(.in)
        case .outgoing: .fixed(.out)
        case .terminal: .terminal(profile(of: serial).table)
        case .alternate: .alternate
        case .hours:
            // Checked by the same reader when the settings were loaded.
            directionHours(of: serial).flatMap { try? DirectionHours($0) }.map { .hours($0) } ?? .none
        }
    }

    /// Nil: by the person's shift.
    func dayStartSeconds(of serial: SerialNumber) -> Int? {
        switch dayStart(of: serial) {
        case .auto: nil
        case .at(let time): time.seconds
        }
    }
}

extension Settings.Profile {
    var table: CodeTable {
        switch self {
        case .standard: .standard
        case .turnstile: .turnstile
        case .table(_, let incoming, let outgoing):
            // Checked by the same reader when the settings were loaded.
            (try? CodeTable(incoming: incoming, outgoing: outgoing)) ?? CodeTable(incoming: [], outgoing: [])
        }
    }
}

extension Settings {
    /// The rules that a listener which is running gets at a reload; nil where it keeps its own until a restart.
    ///
    /// It is known by its name, not by its place. New rules belong to the address they were checked for: a listener
    /// that shall move to 127.0.0.1 may need none there, and must not lose them where it still is.
    func rules(for running: Listener) -> AdmissionRules? {
        guard let wanted = listeners.first(where: { $0.name == running.name }), wanted.host == running.host,
            wanted.port == running.port
        else { return nil }
        return wanted.admission.rules
    }
}

extension Settings.Listener {
    /// What the listener is called in the log and in metrics.
    var title: String { name ?? "Server" }
}

extension Settings.Admission {
    var rules: AdmissionRules {
        AdmissionRules(
            token: token?.reveal(), networks: networks, serials: serials, secretPath: secretPath?.reveal())
    }
}
