/// Compares what the journal has delivered with what stands on the site, a window of time at once.
///
/// The rule by which a punch and a check-in are taken for the same, each step only with what the ones before left:
/// 1. by the name the site answered with, wherever in time that check-in now stands;
/// 2. same employee, time and direction; a check-in may answer for two punches (two terminals in one second: the site
///    keeps one);
/// 3. same employee and time;
/// 4. same terminal and time, where it was not us who chose the employee;
/// 5. same terminal and time and another employee.
/// What is left of the punches is missing. What is left of the check-ins is doubled where its employee and second
/// are those of one that was matched, extra where its device is one of our terminals, else entered elsewhere.
///
/// At the windows' edges: a punch belongs to the window of the time that was sent, a check-in to that of the time it
/// has. One that was moved into another window is found by its name (`Window.unseen`), and not told as extra there.
/// Extras are therefore told at the end. A check-in without a kept name that was moved is one missing and one extra.
package struct Reconciliation: Sendable {
    /// Extras kept back to the end; those beyond are told at once.
    package static let maximumHeld = 100_000

    private let devices: Set<SerialNumber>
    private let misfiled: [String: Int64]
    /// Names of check-ins that punches of other windows have found.
    private var claimed: Set<String> = []
    private var held: [String: FoundCheckin] = [:]
    package private(set) var figures = ReconciliationFigures()

    /// - Parameters:
    ///   - devices: our terminals.
    ///   - misfiled: check-ins known to have been made wrongly, with the number of their punch.
    package init(devices: Set<SerialNumber>, misfiled: [String: Int64] = [:]) {
        self.devices = devices
        self.misfiled = misfiled
    }

    /// Punches and check-ins of one window, those with equal names already together.
    package struct Window: Sendable {
        fileprivate var pairs: [(expected: ExpectedCheckin, found: FoundCheckin)] = []
        fileprivate var expected: [ExpectedCheckin] = []
        /// Each once; nil when a punch has it.
        fileprivate var found: [FoundCheckin?]

        package init(expected: [ExpectedCheckin], found: [FoundCheckin]) {
            let byName = Dictionary(found.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
            var taken: Set<String> = []
            for punch in expected {
                // Two punches may have one name: the second was told "already there".
                if let reference = punch.reference, let checkin = byName[reference] {
                    pairs.append((punch, checkin))
                    taken.insert(reference)
                } else {
                    self.expected.append(punch)
                }
            }
            var seen: Set<String> = []
            self.found = found.compactMap { checkin in
                guard seen.insert(checkin.name).inserted else { return nil }
                return taken.contains(checkin.name) ? .some(nil) : checkin
            }
        }

        /// Names of delivered check-ins that are not in this window: to be asked of the site one by one.
        package var unseen: [String] {
            var seen: Set<String> = []
            return expected.compactMap { punch in
                guard punch.standing == .delivered, let reference = punch.reference,
                    seen.insert(reference).inserted
                else { return nil }
                return reference
            }
        }
    }

    /// - `lookedUp`: those of `window.unseen` that the site has, wherever in time.
    package mutating func compare(_ window: Window, lookedUp: [FoundCheckin] = []) -> [ReconciliationFinding]
    {
        var window = window
        var findings: [ReconciliationFinding] = []
        figures.found += window.found.count

        // A check-in that an earlier window has claimed is accounted for.
        for index in window.found.indices {
            if let checkin = window.found[index], claimed.contains(checkin.name) { window.found[index] = nil }
        }
        let elsewhere = Dictionary(lookedUp.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        window.expected = window.expected.filter { punch in
            guard let reference = punch.reference, let checkin = elsewhere[reference] else { return true }
            window.pairs.append((punch, checkin))
            claimed.insert(reference)
            held[reference] = nil
            return false
        }
        var matcher = Matcher(window)
        matcher.match()
        for punch in matcher.all { count(punch) }
        for pair in matcher.pairs { findings += judge(pair.expected, pair.found) }
        for punch in matcher.expected where punch.standing == .delivered {
            findings.append(ReconciliationFinding(.missing, expected: punch))
        }
        for checkin in matcher.left {
            if let punch = matcher.twin(of: checkin) {
                findings.append(ReconciliationFinding(.doubled, expected: punch, found: checkin))
            } else if let device = SerialNumber(checkin.deviceID), devices.contains(device) {
                if held.count < Self.maximumHeld {
                    held[checkin.name] = checkin
                } else {
                    findings.append(extra(checkin))
                }
            } else {
                figures.elsewhere += 1
            }
        }
        note(findings)
        return findings
    }

    /// Whether there are extras that punches of other times may explain.
    package var holdsExtras: Bool { !held.isEmpty }

    /// Takes punches from outside of what is compared: an extra that bears the name of one of them was moved here.
    package mutating func claim(_ outside: [ExpectedCheckin]) -> [ReconciliationFinding] {
        var findings: [ReconciliationFinding] = []
        for punch in outside {
            guard let reference = punch.reference, let checkin = held.removeValue(forKey: reference) else {
                continue
            }
            findings += differences(punch, checkin)
        }
        note(findings)
        return findings
    }

    /// The extras, by time.
    package mutating func finish() -> [ReconciliationFinding] {
        let findings = held.values.sorted { ($0.time, $0.name) < ($1.time, $1.name) }.map(extra)
        held = [:]
        note(findings)
        return findings
    }

    private func extra(_ checkin: FoundCheckin) -> ReconciliationFinding {
        ReconciliationFinding(.extra, found: checkin, misfiledFor: misfiled[checkin.name])
    }

    private mutating func note(_ findings: [ReconciliationFinding]) {
        for finding in findings { figures.findings[finding.kind, default: 0] += 1 }
    }

    private mutating func count(_ punch: ExpectedCheckin) {
        switch punch.standing {
        case .delivered: figures.delivered += 1
        case .pending: figures.pending += 1
        case .refused: figures.refused += 1
        case .suppressed: figures.suppressed += 1
        case .notMeant: break
        }
    }

    private mutating func judge(_ punch: ExpectedCheckin, _ checkin: FoundCheckin) -> [ReconciliationFinding]
    {
        // What is owed or was refused and is there all the same is what was wanted.
        guard punch.standing == .delivered || punch.reference != nil else { return [] }
        let findings = differences(punch, checkin)
        if punch.standing == .delivered, findings.isEmpty { figures.agreeing += 1 }
        return findings
    }

    private func differences(_ punch: ExpectedCheckin, _ checkin: FoundCheckin) -> [ReconciliationFinding] {
        var kinds: [ReconciliationFinding.Kind] = []
        if punch.employeeIsDecided, let employee = punch.employee,
            employee.lowercased() != checkin.employee.lowercased()
        {
            kinds.append(.employee)
        }
        if punch.time != checkin.time { kinds.append(.time) }
        if let direction = punch.direction, direction.rawValue != checkin.logType.uppercased() {
            kinds.append(.direction)
        }
        return kinds.map { ReconciliationFinding($0, expected: punch, found: checkin) }
    }
}

/// Steps 2 to 5 of the rule, within one window.
private struct Matcher {
    private struct PersonTime: Hashable {
        var person: String
        var time: WallTime
    }
    private struct DeviceTime: Hashable {
        var device: SerialNumber
        var time: WallTime
    }

    var pairs: [(expected: ExpectedCheckin, found: FoundCheckin)]
    /// Not matched yet.
    var expected: [ExpectedCheckin]
    private var found: [FoundCheckin?]
    private var byPerson: [PersonTime: [Int]] = [:]
    private var byDevice: [DeviceTime: [Int]] = [:]
    private var taken: [PersonTime: [FoundCheckin]] = [:]
    /// By what was sent and by what stands there.
    private var punches: [PersonTime: ExpectedCheckin] = [:]

    init(_ window: Reconciliation.Window) {
        pairs = []
        expected = window.expected
        found = window.found
        for (index, checkin) in found.enumerated() {
            guard let checkin else { continue }
            byPerson[Self.key(checkin), default: []].append(index)
            if let device = SerialNumber(checkin.deviceID) {
                byDevice[DeviceTime(device: device, time: checkin.time), default: []].append(index)
            }
        }
        for pair in window.pairs { take(pair.expected, pair.found) }
    }

    var all: [ExpectedCheckin] { pairs.map(\.expected) + expected }
    var left: [FoundCheckin] { found.compactMap(\.self) }

    /// The punch that was matched to a check-in of the same person and second.
    func twin(of checkin: FoundCheckin) -> ExpectedCheckin? { punches[Self.key(checkin)] }

    mutating func match() {
        // Those that must be there come first: one that only may be there takes none from them.
        for needed in [true, false] {
            step(needed) { $0.personAndDirection($1) }
            step(needed) { $0.person($1) }
            step(needed) { $0.device($1) }
        }
        step(true) { $0.otherPerson($1) }
    }

    private mutating func step(
        _ needed: Bool, _ find: (inout Matcher, ExpectedCheckin) -> FoundCheckin?
    ) {
        var rest: [ExpectedCheckin] = []
        rest.reserveCapacity(expected.count)
        for punch in expected {
            if (punch.standing == .delivered) == needed, let checkin = find(&self, punch) {
                take(punch, checkin)
            } else {
                rest.append(punch)
            }
        }
        expected = rest
    }

    private mutating func personAndDirection(_ punch: ExpectedCheckin) -> FoundCheckin? {
        guard let key = Self.key(punch) else { return nil }
        let wanted = punch.direction?.rawValue ?? ""
        if let checkin = remove(byPerson[key], where: { $0.logType.uppercased() == wanted }) {
            return checkin
        }
        return taken[key]?.first { $0.logType.uppercased() == wanted }
    }

    private mutating func person(_ punch: ExpectedCheckin) -> FoundCheckin? {
        guard let key = Self.key(punch) else { return nil }
        return remove(byPerson[key]) { _ in true }
    }

    private mutating func device(_ punch: ExpectedCheckin) -> FoundCheckin? {
        guard !punch.employeeIsDecided else { return nil }
        return remove(byDevice[DeviceTime(device: punch.terminal, time: punch.time)]) { _ in true }
    }

    private mutating func otherPerson(_ punch: ExpectedCheckin) -> FoundCheckin? {
        remove(byDevice[DeviceTime(device: punch.terminal, time: punch.time)]) { _ in true }
    }

    private mutating func remove(_ places: [Int]?, where fits: (FoundCheckin) -> Bool) -> FoundCheckin? {
        for place in places ?? [] {
            if let checkin = found[place], fits(checkin) {
                found[place] = nil
                return checkin
            }
        }
        return nil
    }

    private mutating func take(_ punch: ExpectedCheckin, _ checkin: FoundCheckin) {
        pairs.append((punch, checkin))
        taken[Self.key(checkin), default: []].append(checkin)
        punches[Self.key(checkin)] = punch
        if let key = Self.key(punch), punches[key] == nil { punches[key] = punch }
    }

    private static func key(_ checkin: FoundCheckin) -> PersonTime {
        // The site's own comparison takes no notice of letter case.
        PersonTime(person: checkin.employee.lowercased(), time: checkin.time)
    }

    private static func key(_ punch: ExpectedCheckin) -> PersonTime? {
        punch.employee.map { PersonTime(person: $0.lowercased(), time: punch.time) }
    }
}
