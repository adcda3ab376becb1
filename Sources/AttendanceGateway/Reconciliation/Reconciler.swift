import AttendanceCore
import AttendanceDelivery
import AttendanceStore

/// Compares the journal with one site for a stretch of the site's time, a day at once: memory holds the punches of
/// about three days and what is found.
struct Reconciler: Sendable {
    let journal: any JournalReading
    let visit: SiteVisit
    let expected: ExpectedCheckins

    private static let window: Int64 = 86_400

    /// Throws `StoreError`, `SiteVisit.Unreachable`, `CancellationError`.
    ///
    /// - Parameters:
    ///   - range: the site's own time.
    ///   - each: gets findings as they are made.
    func run(
        _ range: Range<WallTime>, each: ([ReconciliationFinding]) -> Void
    ) async throws -> ReconciliationFigures {
        let sink = visit.site.name
        let misfiled = try await Misfiled.all(of: sink, in: journal)
        var reconciliation = Reconciliation(
            devices: try await terminals(),
            misfiled: Dictionary(misfiled.map { ($0.reference, $0.punch) }, uniquingKeysWith: { $1 }))
        var punches = try await JournalWindows(
            journal: journal, sink: sink, range: range, make: expected.make)
        var start = range.lowerBound
        while start < range.upperBound {
            try Task.checkCancellation()
            let end = min(WallTime(seconds: start.seconds + Self.window), range.upperBound)
            var window = try await punches.next(before: end)
            let found = try await checkins(start..<end)
            window += try await punches.newcomers(in: start..<end)
            let comparison = Reconciliation.Window(expected: window, found: found)
            let lookedUp = try await checkins(named: comparison.unseen)
            each(reconciliation.compare(comparison, lookedUp: lookedUp))
            start = end
        }
        if reconciliation.holdsExtras {
            // What was moved into the time from just outside of it.
            for outside in [
                WallTime(seconds: range.lowerBound.seconds - Self.window)..<range.lowerBound,
                range.upperBound..<WallTime(seconds: range.upperBound.seconds + Self.window),
            ] {
                var punches = try await JournalWindows(
                    journal: journal, sink: sink, range: outside, make: expected.make)
                each(reconciliation.claim(try await punches.next(before: outside.upperBound)))
            }
        }
        each(reconciliation.finish())
        return reconciliation.figures
    }

    private func terminals() async throws -> Set<SerialNumber> {
        var all: Set<SerialNumber> = []
        var last: SerialNumber?
        while true {
            let page = try await journal.terminals(after: last, limit: 1000)
            guard let end = page.last else { return all }
            all.formUnion(page.map(\.serial))
            last = end.serial
        }
    }

    private func checkins(_ range: Range<WallTime>) async throws -> [FoundCheckin] {
        var found: [FoundCheckin] = []
        var place: CheckinPlace?
        repeat {
            let page = try await SiteVisit.insist {
                await visit.reader.checkins(
                    from: range.lowerBound, until: range.upperBound,
                    employees: expected.employee.map { [$0] } ?? [], after: place)
            }
            found += page.checkins.map(FoundCheckin.init)
            place = page.next
        } while place != nil
        return found
    }

    private func checkins(named names: [String]) async throws -> [FoundCheckin] {
        var found: [FoundCheckin] = []
        var rest = names[...]
        while !rest.isEmpty {
            let some = Array(rest.prefix(100))
            rest = rest.dropFirst(100)
            found += try await SiteVisit.insist { await visit.reader.checkins(named: some) }
                .map(FoundCheckin.init)
        }
        return found
    }
}

extension FoundCheckin {
    init(_ checkin: SiteCheckin) {
        self.init(
            name: checkin.name, employee: checkin.employee, time: checkin.time,
            logType: checkin.direction?.rawValue ?? "", deviceID: checkin.deviceID ?? "")
    }
}

/// Check-ins that a site has made wrongly, such as with another time than the one sent.
enum Misfiled {
    static func all(of sink: SinkName, in journal: any JournalReading) async throws -> [MisfiledCheckin] {
        var all: [MisfiledCheckin] = []
        var after: Int64 = 0
        var limit = 500
        while true {
            var page = try await journal.misfiled(at: sink, after: after, limit: limit)
            guard let last = page.last else { return all }
            if page.count == limit {
                // The last punch may have more of them than the page shows: it is read again.
                page.removeAll { $0.punch == last.punch }
                if page.isEmpty {
                    limit *= 2
                    continue
                }
            }
            all += page
            after = page.last?.punch ?? after
        }
    }
}
