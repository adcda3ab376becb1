/// The alert rules: what of a snapshot needs a person. Pure; how long it must last and what was told already is the
/// `AlertBook`'s.
package enum AlertRules {
    package static func findings(
        in snapshot: AlertSnapshot, thresholds: AlertThresholds
    ) -> AlertFindings {
        var look = Look(snapshot: snapshot, limits: thresholds)
        look.journal()
        look.backup()
        for disk in snapshot.disks { look.disk(disk) }
        for sink in snapshot.sinks { look.sink(sink) }
        for certificate in snapshot.certificates { look.certificate(certificate) }
        for terminal in snapshot.terminals { look.terminal(terminal) }
        for shift in snapshot.shifts { look.shift(shift) }
        for flags in snapshot.flags { look.flags(flags) }
        for flags in snapshot.pulls { look.pulls(flags) }
        return look.findings
    }

    /// Shares are compared to limits that people write as whole percents; 0.1 + 0.02 is no exact number.
    static let rounding = 1e-9
}

private struct Look {
    let snapshot: AlertSnapshot
    let limits: AlertThresholds
    var findings = AlertFindings()

    init(snapshot: AlertSnapshot, limits: AlertThresholds) {
        self.snapshot = snapshot
        self.limits = limits
    }

    private var now: UnixTime { snapshot.at }

    private mutating func found(_ finding: AlertFinding) {
        guard !limits.silenced.contains(finding.id.kind) else { return }
        findings.firm.append(finding)
    }

    private mutating func lingers(_ kind: AlertKind, _ subject: String) {
        guard !limits.silenced.contains(kind) else { return }
        findings.lingering.insert(AlertID(kind, subject))
    }

    private func age(_ time: UnixTime) -> Duration { max(.zero, now - time) }

    // MARK: The gateway's own

    mutating func journal() {
        guard case .failing(let since, let reason) = snapshot.journal else { return }
        found(
            AlertFinding(
                AlertID(.journalFailing, "journal"), .critical, title: "Punches cannot be stored",
                detail: "The journal cannot be written: \(reason). Terminals keep their punches meanwhile.",
                remedy: "Make room on its disk, or look for disk errors (dmesg). It goes on by itself.",
                since: since))
    }

    mutating func backup() {
        if let rebuilt = snapshot.rebuilt {
            found(
                AlertFinding(
                    AlertID(.journalRebuilt, "journal"), .critical,
                    title: "The journal was damaged and has been rebuilt", detail: rebuilt.words,
                    remedy:
                        "Look at the disk (dmesg, smartctl). Keep the folder of the damaged files until nothing is "
                        + "missed. docs/backup.md tells what to look at.",
                    since: rebuilt.at))
        }
        guard let backup = snapshot.backup, backup.failingSince != nil || backup.isOverdue else { return }
        let last = backup.last.map { "The last one is of \($0.iso8601)." } ?? "There is none yet."
        found(
            AlertFinding(
                AlertID(.backupFailing, "backup"), .warning, title: "No backup of the journal could be made",
                detail: (backup.failingSince == nil ? "It is overdue" : backup.reason) + ". " + last,
                remedy: "See that the folder of [Backup] is there, can be written and has room; "
                    + "attendance-gateway backup tries at once.",
                since: backup.failingSince ?? backup.due))
    }

    mutating func disk(_ disk: AlertSnapshot.Disk) {
        let share = disk.freeShare
        let isLow = share < limits.diskShare - AlertRules.rounding || disk.free < limits.diskBytes
        guard isLow else {
            if share < limits.diskShare + limits.diskMargin - AlertRules.rounding
                || disk.free < limits.diskBytes / 4 * 5
            {
                lingers(.diskLow, disk.path)
            }
            return
        }
        let isCritical = share < limits.diskShare / 4 || disk.free < limits.diskBytes / 4
        found(
            AlertFinding(
                AlertID(.diskLow, disk.path), isCritical ? .critical : .warning,
                title: "The disk of \(disk.holds) is nearly full",
                detail: "\(disk.path): \(Words.bytes(disk.free)) of \(Words.bytes(disk.total)) are free "
                    + "(\(Words.percent(share))).",
                remedy:
                    "Make room there. When it is full, terminals keep their punches until there is room again."
            ))
    }

    // MARK: Sites

    mutating func sink(_ sink: AlertSnapshot.Sink) {
        let name = sink.name.text
        switch sink.condition {
        case .running:
            // After a start nothing is known of the site until its first answer.
            if sink.lastSuccess == nil, sink.owed > 0 {
                lingers(.sitePaused, name)
                lingers(.siteUnavailable, name)
            }
        case .paused(let fault, let since, let reason, let remedy):
            found(
                AlertFinding(
                    AlertID(.sitePaused, name), .critical, title: "Delivery to \(name) is paused",
                    detail:
                        "\(fault.rawValue): \(reason). \(Words.count(sink.owed, "punch", "punches")) wait; "
                        + "none is lost.",
                    remedy: remedy, since: since))
        case .unavailable(let since, let reason, _):
            found(
                AlertFinding(
                    AlertID(.siteUnavailable, name), .warning, title: "Sink \(name) takes no punches",
                    detail: "\(reason). \(Words.count(sink.owed, "punch", "punches")) wait; none is lost.",
                    remedy: sink.name == .csv
                        ? "Look at its folder: it must be there, writable and not full. It completes itself."
                        : "See whether the site runs and can be reached from this machine. "
                            + "Delivery goes on by itself within 10 s of its answering.",
                    since: since))
            // A site that is down is asked no more whether its key is right.
            lingers(.sitePaused, name)
        }
        owed(sink)
        if sink.deadLetters >= max(1, limits.deadLetters) {
            found(
                AlertFinding(
                    AlertID(.deadLetters, name), .warning,
                    title: "Punches were refused for good by \(name)",
                    detail:
                        "\(Words.count(sink.deadLetters, "dead letter waits", "dead letters wait")) for a "
                        + "decision; the punches are kept in the journal.",
                    remedy:
                        "attendance-gateway dead-letters --sink \(name) shows what they died of and what to do."
                ))
        } else if sink.deadLetters > 0 {
            lingers(.deadLetters, name)
        }
        if sink.wrongCheckins > 0 {
            found(
                AlertFinding(
                    AlertID(.wrongCheckins, name), .critical,
                    title: "Check-ins were stored with a wrong time by \(name)",
                    detail:
                        "\(Words.count(sink.wrongCheckins, "check-in stands", "check-ins stand")) there with "
                        + "another time than the one that was sent.",
                    remedy:
                        "Give the API user write at permission level 1 (HR User); attendance-gateway repairs list "
                        + "shows these check-ins, repairs fix puts them right."))
        } else if sink.mayHoldWrongCheckins {
            lingers(.wrongCheckins, name)
        }
    }

    private mutating func owed(_ sink: AlertSnapshot.Sink) {
        guard let oldest = sink.oldestOwed else { return }
        let waits = age(oldest)
        let name = sink.name.text
        if waits >= limits.owed {
            found(
                AlertFinding(
                    AlertID(.oldestOwed, name), waits >= limits.owed * 24 ? .critical : .warning,
                    title: "Punches for \(name) wait too long",
                    detail:
                        "\(Words.count(sink.owed, "punch is", "punches are")) owed to it; the oldest came in "
                        + "\(Words.duration(waits)) ago.",
                    remedy: "attendance-gateway punches and /health tell why. Nothing is lost.", since: oldest
                ))
        } else if waits >= limits.owed / 2 {
            lingers(.oldestOwed, name)
        }
    }

    mutating func certificate(_ certificate: AlertSnapshot.Certificate) {
        let server = certificate.server
        guard let state = certificate.state else {
            lingers(.certificateRefused, server)
            lingers(.certificateExpiry, server)
            return
        }
        switch state {
        case .trusted(let until):
            let left = until - now
            guard left < limits.certificate else {
                if left < limits.certificate + .seconds(86_400) { lingers(.certificateExpiry, server) }
                return
            }
            found(
                AlertFinding(
                    AlertID(.certificateExpiry, server),
                    left < limits.certificate / 10 ? .critical : .warning,
                    title: "The TLS certificate of \(server) ends soon",
                    detail: "It is valid for another \(Words.duration(left)), until \(until.iso8601). "
                        + "After that nothing is delivered there.",
                    remedy:
                        "Renew it on the server, or look why its renewal (certbot, the hoster) does not work."
                ))
        case .refused(let fault, let until, let reason):
            found(
                AlertFinding(
                    AlertID(.certificateRefused, server), .critical,
                    title: "The TLS certificate of \(server) is refused: \(fault.words)",
                    detail: (until.map { "It is valid until \($0.iso8601). " } ?? "")
                        + "Nothing is delivered there meanwhile; punches wait."
                        + (reason.isEmpty ? "" : " (\(reason))"),
                    remedy: fault.remedy))
            lingers(.certificateExpiry, server)
        }
    }

    // MARK: Terminals

    mutating func terminal(_ terminal: AlertSnapshot.Terminal) {
        offline(terminal)
        skew(terminal)
        memory(terminal)
        let serial = terminal.serial.text
        let resends = terminal.figures.resends
        if resends >= max(1, limits.resends) {
            found(
                AlertFinding(
                    AlertID(.resendLoop, serial), .warning,
                    title: "Terminal \(terminal.title) sends the same batch again and again",
                    detail:
                        "\(resends) times in a row. Its punches are stored and not doubled, but what it "
                        + "has behind that batch does not come.",
                    remedy:
                        "Acknowledgements do not reach it: restart the terminal, look for a proxy in between, and "
                        + "for its firmware in the protocol page (Q1, Q2)."))
        }
    }

    private mutating func offline(_ terminal: AlertSnapshot.Terminal) {
        guard !terminal.figures.isConnected, let heard = terminal.figures.lastHeard else { return }
        let serial = terminal.serial.text
        // Before the gateway itself ran, nobody could be heard.
        let since = max(heard, snapshot.started)
        guard limits.workingHours.contains(now, in: terminal.zone), age(heard) < limits.forgotten,
            limits.workingHours.time(from: since, to: now, in: terminal.zone, atMost: limits.offline)
                >= limits.offline
        else {
            // Away, though not long enough to begin an alert: one that was told is not over either.
            lingers(.terminalOffline, serial)
            return
        }
        found(
            AlertFinding(
                AlertID(.terminalOffline, serial), .warning, title: "Terminal \(terminal.title) is offline",
                detail: "Last heard of \(Words.duration(age(heard))) ago, at "
                    + "\(terminal.zone.wallTime(at: heard.seconds)) there.",
                remedy: "See whether it has power and network, and this gateway's address in its menu. "
                    + "It keeps its punches and sends them later.",
                since: heard))
    }

    private mutating func skew(_ terminal: AlertSnapshot.Terminal) {
        let serial = terminal.serial.text
        guard let skew = terminal.figures.skew else { return }
        let off = Duration.seconds(Int64(clamping: skew.magnitude))
        if off > limits.skew {
            found(
                AlertFinding(
                    AlertID(.clockDrift, serial), .warning,
                    title: "The clock of terminal \(terminal.title) is wrong",
                    detail:
                        "It is \(Words.duration(off)) \(skew > 0 ? "ahead" : "behind"), by what it said when it "
                        + "last registered.",
                    remedy: "Whole hours: look at TimeZone in [Terminal \(serial)]. Otherwise set its clock; "
                        + "with SendClock = yes the gateway does."))
        } else if off > limits.skew / 2 {
            lingers(.clockDrift, serial)
        }
    }

    private mutating func memory(_ terminal: AlertSnapshot.Terminal) {
        let serial = terminal.serial.text
        let memory = terminal.figures.memory
        // What no server has acknowledged lies in the log too, however the terminal counts it.
        let backlog = terminal.figures.backlog ?? 0
        let waiting = share(backlog, of: memory.logPlaces)
        let records = max(memory.logs ?? 0, backlog)
        let parts: [(share: Double, figures: String)] = [
            (share(records, of: memory.logPlaces), "\(records) of \(memory.logPlaces ?? 0) records"),
            (
                share(memory.users ?? 0, of: memory.userPlaces),
                "\(memory.users ?? 0) of \(memory.userPlaces ?? 0) people"
            ),
        ]
        let full = parts.filter { $0.share >= limits.memory - AlertRules.rounding }
        guard !full.isEmpty else {
            if parts.contains(where: { $0.share >= limits.memory - 0.05 - AlertRules.rounding }) {
                lingers(.terminalFull, serial)
            }
            return
        }
        let isPressing = waiting >= limits.memory - AlertRules.rounding
        let figures = full.map { "\($0.figures) (\(Words.percent($0.share)))" }
        found(
            AlertFinding(
                AlertID(.terminalFull, serial), isPressing ? .critical : .warning,
                title: "The memory of terminal \(terminal.title) is nearly full",
                detail: figures.joined(separator: ", ")
                    + (backlog > 0 ? ", \(backlog) records not sent yet." : ".")
                    + (isPressing ? " A full terminal loses punches, or takes none." : ""),
                remedy: backlog > 0
                    ? "Let it send: see that it stays connected. Delete nothing on it before it has sent everything."
                    : "Everything in it was sent: delete its old records in its menu, and people who left."))
    }

    private func share(_ used: Int, of places: Int?) -> Double {
        guard let places, places > 0 else { return 0 }
        return Double(used) / Double(places)
    }

    // MARK: The registry

    mutating func flags(_ flags: TerminalFlags) {
        let serial = flags.serial.text
        let word = flags.serial.shellWord
        if let waiting = flags.waiting {
            let kept =
                waiting.isWithheld
                ? "Nothing is taken of it; it keeps its punches."
                : "\(Words.count(waiting.held, "punch of it is", "punches of it are")) kept and not forwarded."
            found(
                AlertFinding(
                    AlertID(.terminalPending, serial), .warning,
                    title: "Terminal \(flags.title) waits for approval",
                    detail: "It has come\(flags.address.map { " from \($0)" } ?? ""). \(kept)",
                    remedy: "If it is one of yours: \(flags.serial.approval). "
                        + "If not: attendance-gateway terminals block \(word)",
                    since: waiting.since))
        }
        if flags.contest >= SerialWatch.contested {
            found(
                AlertFinding(
                    AlertID(.serialContested, serial), .warning,
                    title: "Two terminals use the serial number \(flags.title)",
                    detail: "Each closes the other's connection, again and again"
                        + places(flags) + ". Punches of both are stored as this terminal's.",
                    remedy:
                        "Find the one that is not \(serial) and take it off the network or change its serial "
                        + "number. A token keeps strangers out: attendance-gateway terminals token \(word) --new"
                ))
        } else if flags.contest > 0 {
            lingers(.serialContested, serial)
        }
        if flags.jumps >= max(1, limits.moves) {
            found(
                AlertFinding(
                    AlertID(.serialMoved, serial), .warning,
                    title: "The serial number \(flags.title) jumps between networks",
                    detail: "\(flags.jumps) times within a day\(places(flags)).",
                    remedy:
                        "If the terminal was carried or its line changes by itself, nothing. If not, somebody "
                        + "may use its serial number: attendance-gateway terminals token \(word) --new",
                    since: flags.moved))
        } else if flags.jumps > 0 {
            lingers(.serialMoved, serial)
        }
    }

    private func places(_ flags: TerminalFlags) -> String {
        guard let address = flags.address else { return "" }
        return flags.previousAddress.map { ", last from \($0) to \(address)" } ?? ", at \(address)"
    }

    // MARK: Logs

    mutating func pulls(_ flags: PullFlags) {
        let serial = flags.serial.text
        let word = flags.serial.shellWord
        if let stall = flags.stall {
            if flags.isConnected {
                found(
                    AlertFinding(
                        AlertID(.pushesStalled, serial), .warning,
                        title: "Terminal \(flags.title) has stopped pushing punches",
                        detail: stall.isDeaf
                            ? "It is connected and silent while others bring punches, and does not answer either."
                            : "It is connected; \(Words.count(stall.pulled, "punch", "punches")) came only because "
                                + "the gateway asked for them. Nothing is lost, but they come late.",
                        remedy:
                            "Restart the terminal: attendance-gateway commands send \(word) reboot, or at the "
                            + "wall. Where it comes again, look at its Wi-Fi, or use a cable.",
                        since: UnixTime(seconds: stall.since)))
            } else {
                lingers(.pushesStalled, serial)
            }
        }
        guard let gap = flags.gap else { return }
        let doesNotKnow = flags.cannotList ? " Its firmware cannot list its log." : ""
        found(
            AlertFinding(
                AlertID(.gap, serial), .warning, title: "Punches of terminal \(flags.title) may be missing",
                detail: "It counts \(gap.made) records as delivered since "
                    + "\(UnixTime(seconds: gap.from).iso8601); \(gap.missing) of them never came here.\(doesNotKnow)",
                remedy: gap.isStuck
                    ? "attendance-gateway logs pull \(word) --all asks for everything it holds; what is new there "
                        + "is forwarded. Or export its log at the terminal and compare."
                    : "The gateway asks the terminal for them by itself; attendance-gateway logs status tells how "
                        + "far it is. See that the terminal stays connected.",
                since: UnixTime(seconds: gap.since)))
    }

    // MARK: Shifts

    mutating func shift(_ shift: ShiftStanding) {
        let id = AlertID(.shiftWaits, "\(shift.sink)/\(shift.shift)")
        if case .denied(let reason, let remedy) = shift.condition {
            return found(
                AlertFinding(
                    id, .warning,
                    title: "Attendance of shift \(shift.shift) is not moved on at \(shift.sink)",
                    detail: reason, remedy: remedy))
        }
        guard [.followed, .leftToSite].contains(shift.condition), let end = shift.openEnd else { return }
        // What only waits for the site is told by the site's own alerts.
        let terminals = shift.waitingFor(end).filter { if case .owed = $0.reason { false } else { true } }
            .map(\.title)
        guard age(end.at) >= limits.shift, !terminals.isEmpty else { return }
        let more = terminals.count > 5 ? " and \(terminals.count - 5) more" : ""
        let isMarked = shift.condition == .leftToSite
        found(
            AlertFinding(
                id, .warning,
                title: isMarked
                    ? "Attendance of shift \(shift.shift) is marked without all punches"
                    : "Attendance of shift \(shift.shift) waits",
                detail: "Its end of \(end.wall) is past, and punches of these terminals may be missing: "
                    + "\(terminals.prefix(5).joined(separator: ", "))\(more).",
                remedy: isMarked
                    ? "Bring them online, and mark that day again (the site moves its watermark by itself)."
                    : "Bring them online. Attendance is marked once their punches are here.",
                since: end.at))
    }
}

extension CertificateFault {
    var words: String {
        switch self {
        case .expired: "it has expired"
        case .notYetValid: "it is not valid yet"
        case .wrongName: "it is for another name"
        case .unknownAuthority: "nobody this machine trusts has signed it"
        }
    }

    /// What to do about it.
    package var remedy: String {
        switch self {
        case .expired: "Renew it on the server; delivery goes on by itself."
        case .notYetValid: "See whether this machine's clock is right (timedatectl)."
        case .wrongName:
            "Use the name in URL that the certificate is for, or have one made for the name in use."
        case .unknownAuthority:
            "Install the issuer's certificate on this machine (update-ca-certificates), or let the server send the "
                + "whole chain (fullchain.pem, not cert.pem)."
        }
    }
}

/// Figures as people say them.
enum Words {
    /// The two largest units: `3 d 4 h`, `2 h 10 min`, `15 min`, `40 s`.
    static func duration(_ duration: Duration) -> String {
        let seconds = max(0, duration.components.seconds)
        let units: [(name: String, size: Int64)] = [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)]
        guard let first = units.firstIndex(where: { seconds >= $0.size }) else { return "0 s" }
        var text = "\(seconds / units[first].size) \(units[first].name)"
        if first + 1 < units.count {
            let rest = seconds % units[first].size / units[first + 1].size
            if rest > 0 { text += " \(rest) \(units[first + 1].name)" }
        }
        return text
    }

    static func bytes(_ bytes: Int64) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
        var value = Double(max(0, bytes))
        var unit = 0
        while value >= 1024, unit + 1 < units.count {
            value /= 1024
            unit += 1
        }
        let tenths = (value * 10).rounded() / 10
        return unit == 0 || tenths >= 100 ? "\(Int(value)) \(units[unit])" : "\(tenths) \(units[unit])"
    }

    static func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }

    static func count(_ count: Int, _ one: String, _ many: String) -> String {
        "\(count) \(count == 1 ? one : many)"
    }
}
