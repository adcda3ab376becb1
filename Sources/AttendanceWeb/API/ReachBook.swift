import AttendanceCore
import AttendanceStore
import Synchronization

/// Which terminals lie within somebody's reach. The list of serial numbers is a few seconds old at most; which group
/// each is in is asked afresh every time.
final class ReachBook: Sendable {
    private static let keep = Duration.seconds(3)
    /// More terminals than any installation has.
    private static let most = 200_000

    private let store: any Store
    private let place: @Sendable (SerialNumber) -> TerminalPlace
    private let uptime: @Sendable () -> Duration
    private let known = Mutex<(serials: [SerialNumber], at: Duration)?>(nil)

    init(
        store: any Store, place: @escaping @Sendable (SerialNumber) -> TerminalPlace,
        uptime: @escaping @Sendable () -> Duration
    ) {
        self.store = store
        self.place = place
        self.uptime = uptime
    }

    func contains(_ serial: SerialNumber, for principal: Principal?) -> Bool {
        guard let principal else { return false }
        return principal.reach?.groups == nil || principal.reaches(group: place(serial).group)
    }

    /// What a search is limited to; nil: nothing.
    ///
    /// - Parameters:
    ///   - terminal, group: what is asked for besides.
    func terminals(
        for principal: Principal, terminal: SerialNumber? = nil, group: String? = nil
    ) async throws -> Set<SerialNumber>? {
        let isLimited = principal.reach?.groups != nil
        func isMeant(_ serial: SerialNumber) -> Bool {
            let own = place(serial).group
            return (!isLimited || principal.reaches(group: own))
                && (group == nil || own.map { Reach.folded($0) } == group.map { Reach.folded($0) })
        }
        if let terminal { return isMeant(terminal) ? [terminal] : [] }
        guard isLimited || group != nil else { return nil }
        return Set(try await serials().filter(isMeant))
    }

    private func serials() async throws -> [SerialNumber] {
        let now = uptime()
        if let known = known.withLock({ $0 }), now - known.at < Self.keep { return known.serials }
        var all: [SerialNumber] = []
        while all.count < Self.most {
            let page = try await store.terminals(after: all.last, limit: 1000)
            all += page.map(\.serial)
            if page.count < 1000 { break }
        }
        known.withLock { $0 = (all, now) }
        return all
    }
}
