import AttendanceCore
import Testing

/// One frame and what it must be read as.
struct FrameCase: Sendable, CustomTestStringConvertible {
    let fixture: String
    let expected: Result<TerminalMessage, FrameError>
    var testDescription: String { fixture }

    init(_ fixture: String, _ message: TerminalMessage) {
        self.fixture = fixture
        expected = .success(message)
    }

    init(_ fixture: String, fails error: FrameError) {
        self.fixture = fixture
        expected = .failure(error)
    }
}

@Suite struct `Frames of terminals` {
    @Test(arguments: FrameCase.all)
    func `is read as what it says`(_ frame: FrameCase) throws {
        let bytes = try FrameFixtures.bytes(frame.fixture)
        let found = Result { () throws(FrameError) in try FrameDecoder().decode(bytes).withoutPlaces }
        #expect(found == frame.expected)
    }

    @Test func `every fixture is expected to be something, once`() {
        #expect(FrameCase.all.map(\.fixture).sorted() == FrameFixtures.names)
    }

    /// Quirks of networks and servers show in no frame; the others have a fixture that carries their number.
    @Test func `every quirk that shows in a frame has a fixture`() {
        let withoutFrame: Set = [
            26,  // the address preset in the terminal's menu
            27,  // another program holds the port
        ]
        let covered = Set(
            FrameFixtures.names.filter { $0.hasPrefix("q") }.compactMap { Int($0.dropFirst().prefix(2)) })
        #expect(covered == Set(1...33).subtracting(withoutFrame))
    }

    @Test func `a record's place is its own text`() throws {
        let bytes = try FrameFixtures.bytes("sendlog")
        let log = try #require(try FrameDecoder().decode(bytes).log)
        let texts = log.records.map { String(decoding: bytes[$0.raw], as: UTF8.self) }
        #expect(
            texts == [
                #"{"enrollid":1042,"time":"2026-11-22 08:01:09","mode":8,"inout":0,"event":0}"#,
                #"{"enrollid":1043,"name":"","time":"2026-11-22 08:01:12","mode":1,"inout":1,"event":2,"temp":36.5,"#
                    + #""verifymode":13,"note":{"msg":"4g on"}}"#,
            ])
    }

    @Test(arguments: [
        ("q14-photo-bare", #""/9j/4AAQSkZJRg==""#),
        ("q14-photo-data-uri", #""data:image\/jpeg;base64,\/9j\/4AAQSkZJRg==""#),
    ])
    func `a photo's place is its value with the quotes`(_ fixture: String, _ photo: String) throws {
        let bytes = try FrameFixtures.bytes(fixture)
        let log = try #require(try FrameDecoder().decode(bytes).log)
        #expect(log.records.map { $0.images.map { String(decoding: bytes[$0], as: UTF8.self) } } == [[photo]])
    }

    @Test func `a second object is left where it stands`() throws {
        let bytes = try FrameFixtures.bytes("q33-two-objects")
        let rest = try #require(try FrameDecoder().read(bytes).rest)
        #expect(String(decoding: bytes[rest], as: UTF8.self) == #"{"cmd":"checklive","sn":"ZXTA26110001"}"#)
    }

    @Test func `a message that is alone has nothing behind it`() throws {
        #expect(try FrameDecoder().read(try FrameFixtures.bytes("bom-and-nul")).rest == nil)
    }
}
