import AttendanceCore
import AttendanceDelivery
import AttendanceStore
import AttendanceTerminals
import AttendanceWeb
import Foundation
import Logging
import ServiceLifecycle
import Synchronization

/// Says who may pass at terminals that let the server decide: by what is in memory, so that nobody waits at a door.
///
/// Employees are those of the sites that the terminal's punches go to, as last read; beside them stands the roster,
/// which is read from the journal again and again while any terminal is in approval mode.
final class AccessDesk: Service {
    /// So old may the roster be that is decided by.
    static let interval = Duration.seconds(5)
    /// People who are held in memory; with more the roster counts as not known.
    static let mostPeople = 500_000
    /// So long after a code was taken the punch that follows it counts as let in by it.
    private static let afterCode = Duration.seconds(60)
    private static let mostPassages = 10_000

    private struct Member: Sendable {
        var person: Person
    }
    private struct Passage: Hashable {
        var terminal: SerialNumber
        var person: EnrollID
    }
    private struct State {
        var roster: [PersonKey: Member]?
        var sites: [Settings.ERP]
        var passages: [Passage: UnixTime] = [:]
        var throttle = GuessThrottle()
    }

    private let store: any Store
    private let vault: Vault
    private let terminals: TerminalsInForce
    private let directories: [SinkName: SiteDirectory]
    private let now: @Sendable () -> UnixTime
    private let sleep: @Sendable (Duration) async throws -> Void
    private let logger: Logger
    private let state: Mutex<State>

    init(
        settings: Settings, store: any Store, vault: Vault, terminals: TerminalsInForce,
        directories: [SinkName: SiteDirectory], timing: RosterSync.Timing, logger: Logger
    ) {
        self.store = store
        self.vault = vault
        self.terminals = terminals
        self.directories = directories
        now = timing.now
        sleep = timing.sleep
        self.logger = logger
        state = Mutex(State(sites: settings.sites))
    }

    func apply(_ new: Settings) { state.withLock { $0.sites = new.sites } }

    // MARK: The roster

    func run() async throws {
        await cancelWhenGracefulShutdown {
            repeat {
                do {
                    try await self.readRoster()
                } catch is CancellationError {
                    return
                } catch {
                    // What is known stays; the journal tells of its own trouble.
                    self.logger.debug(
                        "the roster could not be read for approval mode",
                        metadata: ["error": "\(error.localizedDescription)"])
                }
                // Ends by cancellation.
            } while (try? await self.sleep(Self.interval)) != nil
        }
    }

    private func readRoster() async throws {
        guard terminals.file.asksForApproval else {
            state.withLock { $0.roster = nil }
            return
        }
        var roster: [PersonKey: Member] = [:]
        var last: PersonKey?
        repeat {
            let page = try await store.roster(space: nil, after: last, limit: 1_000)
            for entry in page { roster[entry.person.key] = Member(person: entry.person) }
            last = page.count == 1_000 ? page.last?.person.key : nil
        } while last != nil && roster.count < Self.mostPeople
        let isWhole = last == nil
        let read = roster
        state.withLock { $0.roster = isWhole ? read : nil }
    }

    // MARK: Punches

    /// Never waits. Nil for a terminal that is not in approval mode.
    func approval(of terminal: SerialNumber, _ occasion: AccessPolicy.Occasion) -> Reply.Approval? {
        guard terminals.file.asksForApproval else { return nil }
        let settings = terminals.now
        guard let policy = settings.accessPolicy(of: terminal),
            let zone = ZoneRules(identifier: settings.timeZone(of: terminal))
                ?? ZoneRules(identifier: settings.timeZone)
        else { return nil }
        let verdict = policy.verdict(on: occasion, in: zone) { punch in
            person(punch.enrollID, alias: punch.alias, at: terminal, settings, zone, occasion.received)
        }
        // Whoever was let in by a code a moment ago is told so, and not that nobody knows them.
        if case .refuse(let why) = verdict, [.unknown, .unsure, .hours, .place].contains(why),
            let id = occasion.punch?.enrollID, passed(terminal, id, at: occasion.received)
        {
            return policy.answer(.open)
        }
        if case .refuse(let why) = verdict {
            logger.debug(
                "not let in", metadata: ["serial": "\(terminal)", "reason": "\(why.rawValue)"])
        }
        return policy.answer(verdict)
    }

    private func person(
        _ id: EnrollID, alias: String?, at terminal: SerialNumber, _ settings: Settings.Terminals,
        _ zone: ZoneRules, _ moment: UnixTime
    ) -> AccessPerson {
        let wall = zone.wallTime(at: moment.seconds)
        let today = String(wall.description.prefix(10))
        let (sites, roster) = state.withLock { ($0.sites, $0.roster) }
        let routed = settings.sinks(of: terminal)
        var found: [AccessPerson] = []
        for site in sites where routed.contains(site.name) && site.employeeSync != nil {
            guard let directory = directories[site.name]?.now else { continue }
            guard directory.knowsEmployees else {
                found.append(.unsure)
                continue
            }
            let space = settings.idSpace(of: terminal, at: site)
            found.append(
                AccessPerson(
                    directory.employees.resolve(
                        key: site.personKey.key(id, alias: alias), enrollID: id, field: space.field,
                        space: space.name), today: today))
        }
        if let roster {
            let member = roster[PersonKey(space: settings.idSpace(of: terminal), enrollID: id)]
            found.append(
                member.map { $0.person.isDue(at: wall) ? .active(places: []) : .inactive } ?? .unknown)
        } else {
            found.append(.unsure)
        }
        return AccessPerson.combined(found)
    }

    private func passed(_ terminal: SerialNumber, _ id: EnrollID, at now: UnixTime) -> Bool {
        state.withLock { state in
            guard let at = state.passages[Passage(terminal: terminal, person: id)] else { return false }
            return now >= at && now - at < Self.afterCode
        }
    }

    // MARK: Codes

    /// Waits for the commit that uses the code up, and for nothing else.
    func decide(_ presented: PresentedCode, at terminal: SerialNumber) async -> Reply {
        let moment = now()
        guard state.withLock({ $0.throttle.allows(terminal, at: moment) }) else {
            return answer(.refused(.throttled, nil), presented, terminal)
        }
        let redemption: CodeRedemption
        do {
            let digests = try CodeSeal(vault: vault).digests(of: presented)
            redemption =
                digests.isEmpty
                ? .refused(.unknown, nil)
                : try await store.redeemCode(
                    digests, at: terminal, of: terminals.now.group(of: terminal)?.name, now: moment,
                    isActive: { self.isActive($0, at: terminal, moment) })
        } catch {
            logger.error(
                "a code could not be looked up, and opens nothing",
                metadata: ["serial": "\(terminal)", "error": "\(error.localizedDescription)"])
            return answer(.refused(.unsure, nil), presented, terminal)
        }
        switch redemption {
        case .opened(let code):
            state.withLock { state in
                if state.passages.count >= Self.mostPassages {
                    state.passages = state.passages.filter { moment - $0.value < Self.afterCode }
                }
                if state.passages.count < Self.mostPassages {
                    state.passages[Passage(terminal: terminal, person: code.person.enrollID)] = moment
                }
            }
            logger.info(
                "let in by a code", metadata: ["serial": "\(terminal)", "person": "\(code.person)"])
        case .refused(let why, _):
            let isShut = state.withLock {
                // A code that was issued once is none that somebody has guessed.
                why == .unknown && $0.throttle.failed(terminal, at: moment)
            }
            logger.log(
                level: isShut ? .warning : .info,
                isShut ? "too many wrong codes; codes are not looked at for a while" : "code refused",
                metadata: ["serial": "\(terminal)", "reason": "\(why.rawValue)"])
        }
        return answer(redemption, presented, terminal)
    }

    /// Whom the sites or the roster know as gone a code opens nothing; whom nobody knows is a guest.
    private func isActive(_ code: AccessCode, at terminal: SerialNumber, _ moment: UnixTime) -> Bool {
        let settings = terminals.now
        guard settings.idSpace(of: terminal).lowercased() == code.person.space.lowercased(),
            let zone = ZoneRules(identifier: settings.timeZone(of: terminal))
                ?? ZoneRules(identifier: settings.timeZone)
        else { return false }
        return person(code.person.enrollID, alias: nil, at: terminal, settings, zone, moment) != .inactive
    }

    private func answer(
        _ redemption: CodeRedemption, _ presented: PresentedCode, _ terminal: SerialNumber
    ) -> Reply {
        let policy = terminals.now.accessPolicy(of: terminal)
        switch redemption {
        case .opened(let code):
            return .code(
                word: presented.word, serial: terminal,
                approval: .init(opens: true, message: policy?.welcome), enrollID: code.person.enrollID,
                name: code.name)
        case .refused(let why, _):
            return .code(
                word: presented.word, serial: terminal,
                approval: .init(opens: false, message: policy?.refusal ?? why.rawValue), enrollID: nil,
                name: nil)
        }
    }
}

/// What codes open by: signed by the vault, and known in the journal by a keyed digest alone.
struct CodeSeal {
    let vault: Vault

    private static let mark = "AG1."
    private static let qrContext = "access code"
    private static let pinContext = "access PIN"
    static let pinLengths = 6...8

    /// A QR text, with the digest by which it is known.
    func makeQR(_ code: AccessCode) throws -> (text: String, digest: [UInt8]) {
        var generator = SystemRandomNumberGenerator()
        let nonce = String(UInt64.random(in: 0...UInt64.max, using: &generator), radix: 16)
        let signed = code.signed(nonce: nonce)
        let digest = try vault.digest(signed, for: Self.qrContext)
        return (Self.mark + Self.text(signed) + "." + Self.text(digest), digest)
    }

    /// Digits without a leading zero: some firmwares send a number.
    func makePIN(digits: Int) throws -> (text: String, digest: [UInt8]) {
        var generator = SystemRandomNumberGenerator()
        let text = (0..<digits).map { String(Int.random(in: $0 == 0 ? 1...9 : 0...9, using: &generator)) }
            .joined()
        return (text, try vault.digest(Array(text.utf8), for: Self.pinContext))
    }

    /// By which a code would be known; none for a text that was not signed here.
    func digests(of presented: PresentedCode) throws -> [[UInt8]] {
        switch presented.kind {
        case .pin:
            let digits = Array(presented.text.utf8)
            guard Self.pinLengths.contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) })
            else { return [] }
            return try vault.digests(digits, for: Self.pinContext)
        case .qr:
            guard presented.text.hasPrefix(Self.mark) else { return [] }
            let parts = presented.text.dropFirst(Self.mark.count).split(separator: ".")
            guard parts.count == 2, let signed = Self.bytes(parts[0]), let digest = Self.bytes(parts[1])
            else { return [] }
            return try isOurs(digest, signed) ? [digest] : []
        }
    }

    private func isOurs(_ digest: [UInt8], _ signed: [UInt8]) throws(VaultError) -> Bool {
        do throws(VaultError) {
            return try vault.isDigest(digest, of: signed, for: Self.qrContext)
        } catch {
            // Anybody can name a key that is not there.
            guard case .lacksKey = error else { throw error }
            return false
        }
    }

    private static func text(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
            .replacing("=", with: "")
    }

    private static func bytes(_ text: Substring) -> [UInt8]? {
        let plain = text.replacing("-", with: "+").replacing("_", with: "/")
        let padding = String(repeating: "=", count: (4 - plain.utf8.count % 4) % 4)
        return Data(base64Encoded: plain + padding).map { Array($0) }
    }
}
