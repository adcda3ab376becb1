import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import Foundation
import Testing

@testable import AttendanceGateway

/// People and credentials between terminals, the roster and ERPNext, over real sockets.
@Suite(.timeLimit(.minutes(10))) struct `People on terminals` {
    private static let office = """
        [People]
        Collect = yes

        [Group office]
        ShareCredentials = yes

        [Terminal A1]
        Group = office
        [Terminal A2]
        Group = office
        [Terminal B1]
        Group = office
        [Terminal X1]
        Name = stands alone
        """

    private static func terminal(
        _ serial: String, _ gateway: RunningGateway, _ profile: FirmwareProfile = .aiFace
    ) throws -> FaithfulTerminal {
        var options = FaithfulTerminal.Options(serial: serial)
        options.profile = profile
        options.zone = "Asia/Kolkata"
        return try FaithfulTerminal(options, address: .init(port: gateway.port))
    }

    /// Gives `body` terminals that live as long as it runs.
    private static func alive(
        _ terminals: [FaithfulTerminal], _ body: () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for terminal in terminals { tasks.addTask { try await terminal.run() } }
            for terminal in terminals { try await terminal.wait { $0.isRegistered } }
            try await body()
            tasks.cancelAll()
        }
    }

    private static func records(_ person: UInt64, at terminal: FaithfulTerminal) -> [Int: String] {
        Dictionary(
            (terminal.content.users[person]?.credentials ?? []).map { ($0.slot, $0.record) },
            uniquingKeysWith: { $1 })
    }

    @Test func `whoever is enrolled at one terminal of a group can use all of them`() async throws {
        try await withGateway(file: Self.office) { gateway in
            let first = try Self.terminal("A1", gateway)
            let second = try Self.terminal("A2", gateway)
            let older = try Self.terminal("B1", gateway, .tfs)
            let alone = try Self.terminal("X1", gateway)
            try await Self.alive([first, second, older, alone]) {
                let finger = SimulatedCredential.finger(seed: 1)
                let photo = SimulatedCredential.photo(seed: 2)
                first.act {
                    $0.enrol(
                        7, name: "Ada",
                        credentials: [
                            StoredCredential(slot: 0, record: finger),
                            StoredCredential(slot: 10, record: "4711"),
                            StoredCredential(slot: 50, record: photo),
                        ], at: $1)
                }
                try await second.wait { $0.content.users[7]?.credentials.count == 3 }
                #expect(Self.records(7, at: second) == [0: finger, 10: "4711", 50: photo])
                #expect(second.content.users[7]?.name == "Ada")
                // An older sensor understands no such template, and has no camera; a PIN it has.
                try await older.wait { $0.content.users[7]?.credentials.count == 1 }
                #expect(Self.records(7, at: older) == [10: "4711"])
                try await eventually {
                    gateway.gateway.roster.sync.conflicts.contains {
                        $0.terminal.text == "B1" && $0.slot == 0
                    }
                }
                // Read back, and then there is nothing more to do.
                let serial = try #require(SerialNumber("A2"))
                try await eventually {
                    let held = try await gateway.gateway.store.held(by: serial)
                    return held[EnrollID(number: 7)]?.credentials.values.filter { $0.digest != nil }.count
                        == 3
                }
                #expect(alone.content.users[7] == nil)
                #expect(second.brain.recognises && older.brain.recognises)
            }
        }
    }

    @Test func `somebody is erased everywhere with a receipt, also where a terminal was away`() async throws {
        try await withGateway(file: Self.office) { gateway in
            let first = try Self.terminal("A1", gateway)
            let second = try Self.terminal("A2", gateway)
            try await Self.alive([first, second]) {
                first.act {
                    $0.enrol(
                        7, name: "Ada", credentials: [StoredCredential(slot: 10, record: "4711")], at: $1)
                }
                try await second.wait { $0.content.users[7]?[10]?.record == "4711" }
                second.powerCut()
                let refused = try await gateway.command(["people", "erase", "7", "--reason", "asked for it"])
                #expect(refused.status != 0 && refused.output.contains("--yes"))
                let erased = try await gateway.command([
                    "people", "erase", "7", "--reason", "asked for it", "--yes",
                ])
                #expect(erased.status == 0 && erased.output.contains("receipt 1"))
                try await first.wait { $0.content.users[7] == nil }
                let key = PersonKey(enrollID: EnrollID(number: 7))
                #expect(try await gateway.gateway.store.sealedCredentials(of: key).isEmpty)
                try await eventually {
                    try await gateway.rows(["people", "receipts", "--open"]).compactMap {
                        $0["terminal"] as? String
                    } == ["A2"]
                }
                #expect(second.content.users[7] != nil)
                second.powerOn()
                try await second.wait { $0.content.users[7] == nil }
                try await eventually {
                    try await gateway.gateway.store.erasures(after: 0, limit: 9).first?.finished != nil
                }
                let trail = try await gateway.gateway.store.auditTrail(after: 0, limit: 500).map(\.action)
                #expect(trail.contains("people.erase") && trail.contains("people.erased"))
                #expect(try await gateway.rows(["people", "list"]).isEmpty)
            }
        }
    }

    @Test func `employees appear by name, and whoever has left is removed with proof`() async throws {
        try await withERPNext(people: 1...3) { erp in
            let file = """
                [People]
                Names = yes
                Leavers = remove

                [Terminal T1]
                Name = gate
                """
            try await withGateway(file: file, erp: erp) { gateway in
                let terminal = try Self.terminal("T1", gateway)
                try await Self.alive([terminal]) {
                    try await terminal.wait { $0.content.users[3]?.name == "HR-EMP-3" }
                    #expect(terminal.content.users.users.count == 3)
                    erp.update("HR-EMP-2") { $0.status = .left }
                    erp.update("HR-EMP-3") { $0.fields["relieving_date"] = "2020-01-31" }
                    try await eventually {
                        _ = try await gateway.command(["employees", "sync"])
                        return terminal.content.users.users.count == 1
                    }
                    try await eventually {
                        let receipts = try await gateway.gateway.store.erasures(after: 0, limit: 9)
                        return receipts.count == 2 && receipts.allSatisfy { $0.finished != nil }
                    }
                    let reasons = try await gateway.gateway.store.erasures(after: 0, limit: 9).map(\.reason)
                    #expect(reasons.contains("left by ERPNext: HR-EMP-2"))
                }
            }
        }
    }

    @Test func `a firmware that takes no names is asked once, and its successor gets them`() async throws {
        try await withERPNext(people: 1...3) { erp in
            let file = "[People]\nNames = yes\n\n[Terminal T1]\nName = gate\n"
            try await withGateway(file: file, erp: erp) { gateway in
                var old = FirmwareProfile.aiFace
                old.words.remove("setusername")
                let terminal = try Self.terminal("T1", gateway, old)
                try await Self.alive([terminal]) {
                    try await terminal.wait { $0.ledger.count("setusername") >= 1 }
                    _ = try await gateway.command(["people", "sync"])
                    try await terminal.wait { $0.ledger.count("getuserlist") >= 2 }
                    // For one person, or for more who were in the queue before the first answer came.
                    let asked = terminal.ledger.count("setusername")
                    #expect((1...3).contains(asked))
                    _ = try await gateway.command(["people", "sync"])
                    try await terminal.wait { $0.ledger.count("getuserlist") >= 3 }
                    #expect(terminal.ledger.count("setusername") == asked)
                }
                var new = FirmwareProfile.aiFace
                new.firmware += "_2"
                let successor = try Self.terminal("T1", gateway, new)
                try await Self.alive([successor]) {
                    _ = try await gateway.command(["people", "sync"])
                    try await successor.wait { $0.content.users[3]?.name == "HR-EMP-3" }
                }
            }
        }
    }

    @Test func `a file of people is imported, shown and written as it came`() async throws {
        try await withGateway(file: Self.office) { gateway in
            let file = gateway.folder + "/people.csv"
            try """
            id-space,enroll-id,name,role,employee,card,pin,valid-from,valid-until
            ,12,"Ada, the first",user,HR-EMP-1,4294967295,0815,,
            ,13,'=1+1,administrator,,,,2026-01-01,2027-01-01
            """.write(toFile: file, atomically: true, encoding: .utf8)
            let dry = try await gateway.command(["people", "import", file, "--dry-run"])
            #expect(dry.status == 0 && dry.output.contains("2 people with 2 cards and PINs would be"))
            #expect(try await gateway.rows(["people", "list"]).isEmpty)
            #expect(try await gateway.command(["people", "import", file]).status == 0)
            let rows = try await gateway.rows(["people", "list"])
            #expect(rows.map { $0["name"] as? String } == ["Ada, the first", "=1+1"])
            #expect(rows.first?["credentials"] as? String == "card, pin")
            let written = try await gateway.command(["people", "export"]).output
            #expect(written.contains(#","'=1+1","#) || written.contains(",'=1+1,"))
            #expect(!written.contains("4294967295") && !written.contains("815"))
            try written.write(toFile: file, atomically: true, encoding: .utf8)
            #expect(try await gateway.command(["people", "import", file]).status == 0)
            let again = try await gateway.rows(["people", "list"])
            #expect(again.map { $0["name"] as? String } == ["Ada, the first", "=1+1"])
            #expect(again.first?["credentials"] as? String == "card, pin")
            let plain = try await gateway.command(["people", "show", "12"]).output
            #expect(plain.contains("HR-EMP-1") && !plain.contains("4294967295"))
            let whole = try await gateway.command(["people", "show", "12", "--export", "--with-biometrics"])
            #expect(whole.output.contains("4294967295"))
            let trail = try await gateway.gateway.store.auditTrail(after: 0, limit: 99).map(\.action)
            #expect(trail.contains("people.show") && trail.contains("people.export"))
            try ",0,X\n,14,Y,boss\n,15,Z,user,,99999999999\n".write(
                toFile: file, atomically: true, encoding: .utf8)
            let wrong = try await gateway.command(["people", "import", file])
            #expect(wrong.status == 65)
            for line in ["line 1", "line 2", "line 3"] { #expect(wrong.output.contains(line)) }
            #expect(!wrong.output.contains("99999999999"))
        }
    }

    @Test func `a rotation seals everything anew and terminals notice nothing`() async throws {
        try await withGateway(file: Self.office) { gateway in
            let first = try Self.terminal("A1", gateway)
            let second = try Self.terminal("A2", gateway)
            try await Self.alive([first, second]) {
                let records = (1...5).map { (UInt64($0), SimulatedCredential.finger(seed: UInt64($0))) }
                for (id, record) in records {
                    first.act {
                        $0.enrol(
                            id, name: "P\(id)", credentials: [StoredCredential(slot: 0, record: record)],
                            at: $1)
                    }
                }
                try await second.wait { $0.content.users.users.count == 5 }
                let before = try await gateway.gateway.store.sealedKeys()
                let rotated = try await gateway.command(["vault", "rotate"])
                #expect(rotated.status == 0 && rotated.output.contains("1 older keys are dropped"))
                let after = try await gateway.gateway.store.sealedKeys()
                #expect(after.count == 1 && after.isDisjoint(with: before))
                let entries = try await gateway.gateway.store.roster(space: nil, after: nil, limit: 9)
                for entry in entries {
                    for sealed in try await gateway.gateway.store.sealedCredentials(of: entry.person.key) {
                        let content = try CredentialSeal(vault: gateway.gateway.roster.vault).open(sealed)
                        #expect(records.contains { $0.1 == content.text })
                    }
                }
                #expect(entries.count == 5)
                #expect(try await gateway.command(["vault", "check"]).status == 0)
            }
        }
    }

    @Test func `424 pushes in a row right after reg are kept and acknowledged`() async throws {
        try await withGateway(file: Self.office) { gateway in
            let terminal = try await gateway.connect("A1")
            let registered = try await terminal.register()
            #expect(registered["nosenduser"] == .bool(false))
            let clock = ContinuousClock.now
            for id in 1...424 {
                let record = SimulatedCredential.finger(seed: UInt64(id))
                try await terminal.send(
                    #"{"cmd":"senduser","enrollid":\#(id),"name":"P\#(id)","backupnum":0,"admin":0,"record":"\#(record)"}"#
                )
            }
            for id in 1...424 {
                let answer = try await terminal.answer(to: "senduser")
                #expect(answer["result"] == .bool(true), "\(id)")
            }
            let spent = ContinuousClock.now - clock
            #expect(spent < .seconds(60), "\(spent)")
            let people = try await gateway.gateway.store.roster(space: nil, after: nil, limit: 1000)
            #expect(people.count == 424 && people.allSatisfy { $0.credentials.count == 1 })
            try await terminal.close()
        }
    }
}
