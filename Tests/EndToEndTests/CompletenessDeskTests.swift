import AttendanceCore
import AttendanceStore
import AttendanceWeb
import Foundation
import Logging
import Testing

@testable import AttendanceGateway

@Suite struct `What is told of terminals and shifts` {
    private static let now = UnixTime(seconds: 1_772_461_800)

    /// A desk over a real journal with these terminals, each last heard an hour ago.
    private func withDesk(
        _ file: String, terminals: [String], in folder: TemporaryFolder,
        figures: [TerminalFigures] = [], _ body: (CompletenessDesk, SQLiteStore) async throws -> Void
    ) async throws {
        let config = folder.path + "/config.ini"
        try """
        [Server]
        Host = 127.0.0.1
        Port = 0
        [Terminals]
        TimeZone = Asia/Kolkata
        \(file)
        """.write(toFile: config, atomically: true, encoding: .utf8)
        let settings = try SettingsLoader(
            path: config, arguments: [], environment: [:], workingFolder: folder.path,
            executableFolder: folder.path
        ).load().get()
        let store = try SQLiteStore(
            folder: folder.path + "/data", options: StoreOptions(now: { Self.now }),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await store.setSinks([.erpnext])
        let heard = UnixTime(seconds: Self.now.seconds - 3600)
        for serial in terminals {
            let number = try #require(SerialNumber(serial))
            try await store.note(TerminalSighting(serial: number, at: heard, address: "10.0.0.1"))
        }
        let stretches = stride(from: 0, to: terminals.count, by: 1000)
        for start in stretches {
            try await store.note(
                terminals[start..<min(start + 1000, terminals.count)].compactMap { SerialNumber($0) }.map {
                    TerminalProgress(serial: $0, lastHeard: heard, completeUntil: heard.seconds - 60)
                })
        }
        var desk = CompletenessDesk(settings: settings, journal: store, now: { Self.now })
        if !figures.isEmpty {
            let known = Dictionary(figures.map { ($0.serial, $0) }) { first, _ in first }
            desk.figures = { known }
        }
        try await body(desk, store)
        await store.close()
    }

    @Test(.timeLimit(.minutes(10)))
    func `pages hold every terminal once, in order, heard of or only named`() async throws {
        let serials = (0..<1200).map { "T\($0.padded(4))" }
        let named = "[Terminal T0000a]\n[Terminal t0499]\nName = Here\n[Terminal T0499b]\n[Terminal ZZZ]\n"
        try await withDesk(named, terminals: serials, in: TemporaryFolder()) { desk, _ in
            for limit in [500, 101, 1203, 2000] {
                var all: [TerminalReport] = []
                var after: String?
                repeat {
                    let page = try await desk.terminals(after: after, limit: limit)
                    #expect(page.terminals.count <= limit)
                    all += page.terminals
                    after = page.next
                } while after != nil
                #expect(all.map(\.serial) == (serials + ["T0000a", "T0499b", "ZZZ"]).sorted())
                #expect(all.filter { $0.state == .never }.map(\.serial) == ["T0000a", "T0499b", "ZZZ"])
                #expect(all.first { $0.serial == "T0499" }?.name == "Here")
            }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a terminal that nobody names is waited for as long as it is remembered, a named one for ever`()
        async throws
    {
        let old = UnixTime(seconds: Self.now.seconds - 40 * 86_400)
        let fresh = UnixTime(seconds: Self.now.seconds - 86_400)
        func figures(_ serial: String, _ heard: UnixTime) -> TerminalFigures {
            TerminalFigures(
                serial: SerialNumber(serial)!, lastHeard: heard, completeUntil: heard.seconds - 60)
        }
        let all = [figures("GONE", old), figures("AWAY", fresh), figures("NAMED", old), figures("NONE", old)]
        let file = """
            Shifts = Day
            [ERP]
            URL = https://erp.example.com
            Dialect = hrms
            APIKey = k3y-of-tests
            APISecret = \(erpSecret)
            [Terminal NONE]
            Shifts = none
            """
        let folder = try TemporaryFolder()
        try await withDesk(file, terminals: [], in: folder, figures: all) { desk, _ in
            let shifts = try await desk.shifts().shifts
            #expect(shifts.map(\.shift) == ["Day"])
            #expect(shifts[0].terminals == 1)
            #expect(shifts[0].heldBackBy.map { $0.prefix(5) } == ["AWAY "])
            #expect(shifts[0].state == "off")
            // In the zone of nobody knows which site, so in UTC.
            #expect(shifts[0].completeUntil == UnixTime(seconds: fresh.seconds - 60).iso8601)
        }
        let named = file + "\n[Terminal NAMED]\nName = Gate\n"
        try await withDesk(named, terminals: [], in: TemporaryFolder(), figures: all) { desk, _ in
            let shift = try #require(try await desk.shifts().shifts.first)
            #expect(shift.terminals == 2)
            #expect(shift.heldBackBy.first?.hasPrefix("Gate (NAMED) (not connected, last heard ") == true)
        }
    }
}
