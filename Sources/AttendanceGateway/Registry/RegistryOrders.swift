import AttendanceCore
import AttendanceStore
import AttendanceTerminals
import AttendanceWeb

/// Carries out what a person orders of the registry: checked against what the settings file says, which wins, and then
/// written into the journal. In a running gateway or, with none running, on the journal directly.
struct RegistryOrders {
    /// What the file alone says.
    let file: Settings.Terminals

    /// Terminals of one order.
    static let maximum = 1000

    /// Throws `TerminalRefusal`, or `StoreError`.
    func carryOut(
        _ order: TerminalOrder, on store: any Store, at now: UnixTime
    ) async throws -> TerminalAnswer {
        let author = Author(order.author)
        let reason = order.reason.map { PlainText.line($0) }.flatMap { $0.isEmpty ? nil : $0 }
        let serials = try await serials(of: order, in: store)
        switch order.verb {
        case .approve, .block:
            var released = 0
            if order.verb == .approve {
                for serial in serials { released += try await store.terminal(serial)?.held ?? 0 }
            }
            let changed = try await store.setStanding(
                order.verb == .approve ? .approved : .blocked, of: serials, reason: reason, by: author,
                at: now)
            return TerminalAnswer(changed: changed.map(\.text), released: released)
        case .forget:
            for serial in serials where file.isNamed(serial) {
                throw TerminalRefusal(
                    "the settings file names \(serial): take its section [Terminal \(serial)] out first")
            }
            var forgotten: [String] = []
            for serial in serials {
                do {
                    try await forget(serial, reason, author, on: store, at: now)
                } catch let refusal as TerminalRefusal where !forgotten.isEmpty {
                    throw TerminalRefusal(
                        "\(refusal.text) (done: \(forgotten.joined(separator: ", ")))")
                }
                forgotten.append(serial.text)
            }
            return TerminalAnswer(changed: forgotten)
        case .set:
            guard serials.count == 1, let serial = serials.first, let field = order.field else {
                throw TerminalRefusal("name one terminal, and what of it")
            }
            let value = order.removes ? nil : try checked(order.value ?? "", for: field)
            try refuseWhatTheFileSays(of: serial, field)
            guard try await store.setField(field, to: value, of: serial, by: author, at: now) else {
                throw Self.unknown(serial)
            }
            return TerminalAnswer(changed: [serial.text])
        case .token:
            guard serials.count == 1, let serial = serials.first else {
                throw TerminalRefusal("name one terminal")
            }
            guard file.overrides[serial]?.token == nil else {
                throw TerminalRefusal(
                    "the settings file says it: change Token in its section [Terminal \(serial)]")
            }
            let token = order.removes ? nil : TerminalToken.make()
            let digest = token.map { TerminalToken.digest(of: $0) }
            guard try await store.setToken(digest, of: serial, by: author, at: now) else {
                throw Self.unknown(serial)
            }
            return TerminalAnswer(changed: [serial.text], token: token)
        }
    }

    private func forget(
        _ serial: SerialNumber, _ reason: String?, _ author: Author, on store: any Store, at now: UnixTime
    ) async throws {
        switch try await store.forgetTerminal(serial, reason: reason, by: author, at: now) {
        case .done: break
        case .neverHeardOf: throw TerminalRefusal("no terminal \(serial) was ever heard of")
        case .hasCommands(let count):
            throw TerminalRefusal(
                "\(count) commands for \(serial) have not ended: commands cancel --terminal \(serial.shellWord)"
            )
        case .hasHeld(let count):
            throw TerminalRefusal(
                "\(count) punches of \(serial) wait: \(serial.approval) forwards them, then it can be forgotten"
            )
        }
    }

    private static func unknown(_ serial: SerialNumber) -> TerminalRefusal {
        TerminalRefusal(
            "no terminal \(serial) was ever heard of; \(serial.approval) makes it known before it comes")
    }

    private func serials(of order: TerminalOrder, in store: any Store) async throws -> [SerialNumber] {
        guard order.isForAllPending else {
            guard !order.serials.isEmpty, order.serials.count <= Self.maximum else {
                throw TerminalRefusal("name 1 to \(Self.maximum) terminals")
            }
            return try order.serials.map { text in
                guard let serial = SerialNumber(text) else {
                    throw TerminalRefusal("“\(PlainText.line(text, limit: 80))” is no serial number")
                }
                return serial
            }
        }
        guard order.verb == .approve || order.verb == .block else {
            throw TerminalRefusal("name one terminal")
        }
        var pending: [SerialNumber] = []
        var last: SerialNumber?
        repeat {
            let page = try await store.terminals(after: last, limit: 1000)
            pending += page.filter { $0.standing == .pending }.map(\.serial)
            last = page.count == 1000 ? page.last?.serial : nil
        } while last != nil && pending.count < Self.maximum
        guard !pending.isEmpty else { throw TerminalRefusal("no terminal waits for approval") }
        return Array(pending.prefix(Self.maximum))
    }

    private func checked(_ text: String, for field: TerminalField) throws -> String {
        guard let value = TerminalField.value(text) else {
            throw TerminalRefusal(
                "\(field.rawValue): write one line of at most \(TerminalField.maximumLength) characters")
        }
        switch field {
        case .name, .location: return value
        case .group:
            if let group = file.group(named: value) { return group.name }
            let names = file.groups.map(\.name)
            throw TerminalRefusal(
                "there is no section [Group \(value)] in the settings file"
                    + (Suggestion.nearest(to: value, among: names).map { "; perhaps \($0) is meant" }
                        ?? (names.isEmpty
                            ? "; write one first" : "; there are \(names.joined(separator: ", "))"))
            )
        case .zone:
            do {
                return try SettingKind<String>.zone.parse(value)
            } catch {
                throw TerminalRefusal("\(error.problem). \(error.remedy)")
            }
        case .dialect:
            let known = CommandDialect.allCases.filter { $0 != .unknown }.map(\.rawValue)
            guard known.contains(value.lowercased()) else {
                throw TerminalRefusal("a dialect is one of \(known.joined(separator: ", "))")
            }
            return value.lowercased()
        }
    }

    private func refuseWhatTheFileSays(of serial: SerialNumber, _ field: TerminalField) throws {
        guard let own = file.overrides[serial] else { return }
        let key: String? =
            switch field {
            case .name: own.name == nil ? nil : "Name"
            case .group: own.group == nil && !own.standsAlone ? nil : "Group"
            case .zone: own.timeZone == nil ? nil : "TimeZone"
            case .location, .dialect: nil
            }
        guard let key else { return }
        throw TerminalRefusal(
            "the settings file says it: change \(key) in its section [Terminal \(serial)]")
    }
}
