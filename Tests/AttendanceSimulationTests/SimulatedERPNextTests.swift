import AttendanceSimulation
import Testing

struct SimulatedERPNextTests {
    @Test func `takes a free port and keeps it`() async throws {
        let erp = try SimulatedERPNext()
        try await erp.start()
        let port = erp.port
        try await erp.stop()
        try await erp.start()
        #expect(erp.port == port && port != 0)
        try await erp.stop()
    }
}
