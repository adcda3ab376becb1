import AttendanceCore
import AttendanceDelivery

@testable import AttendanceGateway

extension DeliveryTiming {
    /// Time that runs so many times faster for the delivery services, so that a test can sit out pauses of minutes.
    /// Sockets and terminals keep the real one.
    static func hastened(by factor: Int) -> DeliveryTiming {
        let (start, begin) = (ContinuousClock.now, Gateway.Surroundings.systemTime())
        let moment: @Sendable () -> Duration = { (ContinuousClock.now - start) * factor }
        return DeliveryTiming(
            now: { begin + moment() }, moment: moment,
            sleep: { try await Task.sleep(for: $0 / factor) }, random: { Double.random(in: -1...1) })
    }
}
