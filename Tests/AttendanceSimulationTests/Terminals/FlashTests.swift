import AttendanceCore
import AttendanceSimulation
import Foundation
import Testing

/// What a terminal has kept when its power went.
@Suite struct FlashTests {
    private static func withFile(_ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "flash-\(UUID().uuidString)"
        // What cannot be removed is a left-over in the temporary folder.
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    private static func log(_ person: UInt64) -> StoredLog { StoredLog(person: person, time: Desk.morning) }

    @Test func `gives back users, logs and settings, and delivered marks but for the last few`() throws {
        try Self.withFile { path in
            var user = StoredUser(name: "Zoë", admin: 1)
            user.credentials = [StoredCredential(slot: 11, record: "42", isAcknowledged: true)]
            let flash = try Flash(path: path, logCapacity: 100)
            #expect(try flash.write(.user(7, user)))
            for number in 1...20 {
                #expect(try flash.write(.log(number, Self.log(7), heldBack: number == 20)))
            }
            for number in 1...10 { try flash.writeLazily(.delivered([number])) }
            #expect(try flash.write(.table("devinfo", .object(["volume": .integer(3)]))))
            flash.powerCut()
            let content = try Flash(path: path, logCapacity: 100).load()
            #expect(content.users[7] == user)
            #expect(content.logs.count == 20 && content.logs.newCount == 12 && content.logs.pushable == 11)
            #expect(content.tables["devinfo"] == .object(["volume": .integer(3)]))
        }
    }

    @Test(arguments: [nil, "file"])
    func `a record that was cut in the writing is not there, and all before it is`(medium: String?) throws {
        try Self.withFile { path in
            let flash = try Flash(path: medium == nil ? nil : path, logCapacity: 100)
            #expect(try flash.write(.log(1, Self.log(1), heldBack: false)))
            flash.tearNextWrite(after: 9)
            #expect(try !flash.write(.log(2, Self.log(2), heldBack: false)))
            #expect(try flash.load().logs.count == 1)
            #expect(try flash.write(.log(2, Self.log(3), heldBack: false)))
            #expect(try flash.load().logs.all.map(\.log.person) == [1, 3])
        }
    }

    @Test func `a cleaned log stays clean, and its numbers go on`() throws {
        let flash = try Flash(path: nil, logCapacity: 100)
        for number in 1...5 { #expect(try flash.write(.log(number, Self.log(7), heldBack: false))) }
        try flash.writeLazily(.delivered([1]))
        #expect(try flash.write(.clearedLogs(next: 6)))
        #expect(try flash.write(.log(6, Self.log(8), heldBack: false)))
        try flash.settle()
        let logs = try flash.load().logs
        #expect(logs.all.map(\.number) == [6] && logs.newCount == 1)
    }

    @Test func `a file with many changes is rewritten short, and says the same`() throws {
        try Self.withFile { path in
            let flash = try Flash(path: path, logCapacity: 100)
            for number in 1...1500 { #expect(try flash.write(.log(number, Self.log(7), heldBack: false))) }
            try flash.writeLazily(.delivered(Array(1...1450)))
            try flash.settle()
            let before = try flash.load().logs
            let size = try Data(contentsOf: URL(fileURLWithPath: path)).count
            #expect(try flash.write(.log(1501, Self.log(9), heldBack: false)))
            let after = try Flash(path: path, logCapacity: 100).load().logs
            #expect(size < 20_000)
            #expect(before.newCount == 50 && after.count == 100 && after.newCount == 51)
            #expect(after.all.map(\.number) == Array(1402...1501))
        }
    }
}
