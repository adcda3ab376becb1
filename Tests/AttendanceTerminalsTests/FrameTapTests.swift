import AttendanceCore
import Foundation
import Testing

@testable import AttendanceTerminals

@Suite struct `Looking at a terminal's messages` {
    private let now = UnixTime(seconds: 1_780_000_000)

    private func serial(_ text: String) throws -> SerialNumber { try #require(SerialNumber(text)) }

    @discardableResult
    private func see(_ tap: FrameTap, _ serial: SerialNumber?, _ text: String, at now: UnixTime)
        -> SerialNumber?
    {
        Array(text.utf8).withUnsafeBytes { tap.saw(serial, isFromTerminal: true, $0, at: now) }
    }

    @Test func `costs nothing before anybody looks, and keeps nothing of others`() throws {
        let tap = FrameTap()
        #expect(!tap.isOn)
        let mine = try serial("A1")
        #expect(tap.watch(mine, at: now) && tap.isOn)
        see(tap, try serial("B1"), #"{"cmd":"reg","sn":"B1"}"#, at: now)
        see(tap, mine, #"{"cmd":"reg","sn":"A1"}"#, at: now)
        #expect(tap.frames(of: mine, at: now)?.frames.map(\.text) == [#"{"cmd":"reg","sn":"A1"}"#])
        #expect(tap.frames(of: try serial("B1"), at: now) == nil)
        tap.stop(mine)
        #expect(!tap.isOn)
    }

    @Test func `knows whose a message is by what stands in it, before a connection has said so`() throws {
        let tap = FrameTap()
        let mine = try serial("A1")
        #expect(tap.watch(mine, at: now))
        #expect(see(tap, nil, #"{"cmd":"reg","sn":" a1 "}"#, at: now) == mine)
        #expect(see(tap, nil, "[1,2", at: now) == nil)
        #expect(tap.frames(of: mine, at: now)?.frames.count == 1)
    }

    @Test func `is over after ten minutes, also when nobody looks any more`() throws {
        let tap = FrameTap()
        let mine = try serial("A1")
        #expect(tap.watch(mine, at: now))
        let late = now + .seconds(600)
        see(tap, try serial("B1"), "{}", at: late)
        #expect(!tap.isOn && tap.frames(of: mine, at: late) == nil)
        #expect(tap.watch(mine, at: late))
        #expect(tap.frames(of: mine, at: late + .seconds(599)) != nil)
    }

    @Test func `keeps a bounded number of messages and bytes, of a bounded number of terminals`() throws {
        let tap = FrameTap()
        let mine = try serial("A1")
        #expect(tap.watch(mine, at: now))
        for number in 1...300 { see(tap, mine, "{\"n\":\(number)}", at: now) }
        let frames = try #require(tap.frames(of: mine, at: now)?.frames)
        #expect(frames.count == FrameTap.mostFrames && frames.last?.text == #"{"n":300}"#)
        // Words with blanks are no secret, so they are kept as they are, as far as there is room.
        let long = "{\"text\":\"" + String(repeating: "word ", count: 3_000) + "\"}"
        for _ in 1...40 { see(tap, mine, long, at: now) }
        let texts = try #require(tap.frames(of: mine, at: now)?.frames.map(\.text))
        #expect(texts.reduce(0) { $0 + $1.utf8.count } <= FrameTap.mostBytes)
        see(tap, mine, "{\"text\":\"" + String(repeating: "word ", count: 10_000) + "\"}", at: now)
        let last = try #require(tap.frames(of: mine, at: now)?.frames.last)
        #expect(last.text.hasSuffix("cut") && last.text.utf8.count < FrameTap.longest + 20)
        #expect(last.bytes == 50_011)
        for number in 2...FrameTap.mostTerminals { #expect(tap.watch(try serial("A\(number)"), at: now)) }
        #expect(!tap.watch(try serial("Z1"), at: now) && tap.watch(mine, at: now))
    }

    @Test(arguments: [
        #"{"cmd":"senduser","record":"SECRETSECRET","backupnum":0}"#,
        #"{"ret":"getuserinfo","record":83649217}"#,
        #"{"cmd":"sendlog","record":[{"enrollid":1,"image":"SECRETSECRET"}]}"#,
        #"{"cmd":"setuserinfo","card":"83649217","pwd":83649217}"#,
        #"{"cmd":"sendpin","pin":"83649217"}"#,
        #"{"cmd":"sendqrcode","record":"SECRETSECRET"}"#,
        #"SECRETSECRET 83649217"#,
        #"{"cmd":"senduser","record":"SECRETSECRET""#,
    ])
    func `never keeps what nobody may read`(message: String) throws {
        let tap = FrameTap()
        let mine = try serial("A1")
        #expect(tap.watch(mine, at: now))
        see(tap, mine, message, at: now)
        let text = try #require(tap.frames(of: mine, at: now)?.frames.first?.text)
        #expect(!text.contains("SECRET") && !text.contains("83649217"))
    }
}
