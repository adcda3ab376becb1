import Testing

@testable import AttendanceGateway

@Suite struct SimulateTests {
    @Test(arguments: [
        ([], "aiface"), (["--terminals", "100"], "aiface"), (["--terminals", "101"], nil),
        (["--terminals", "1000", "--firmware", "tfs"], "tfs"), (["--firmware", "none"], nil),
    ])
    func `small fleets are whole terminals, large ones only punch, unless somebody says otherwise`(
        arguments: [String], firmware: String?
    ) throws {
        #expect(try Simulate.parse(arguments).options.firmware?.name == firmware)
    }

    @Test func `a firmware that nobody knows is refused with all that there are`() {
        let error = #expect(throws: (any Error).self) { try Simulate.parse(["--firmware", "zk"]) }
        #expect(error.map { Simulate.message(for: $0) }?.contains("aiface-bs") == true)
    }
}
