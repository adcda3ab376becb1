import AttendanceWeb
import Foundation

extension RunningGateway {
    /// What `/health` tells of one sink; nil when it knows none of that name.
    func sink(_ name: String) async throws -> HealthReport.Sink? {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let report = try decoder.decode(HealthReport.self, from: Data(try await http("/health").body.utf8))
        return report.sinks.first { $0.name == name }
    }
}
