import AsyncHTTPClient
import AttendanceCore
import AttendanceSimulation
import AttendanceWeb
import Foundation
import NIOCore
import Testing

@testable import AttendanceGateway

@Suite(.timeLimit(.minutes(10))) struct `Many who look at once` {
    private static let idle = 400

    @Test func `hold up neither a terminal nor each other, also when they read nothing`() async throws {
        try await withGateway { gateway in
            let client = try await gateway.client([.read])
            var configuration = HTTPClient.Configuration()
            configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = Self.idle + 8
            let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
            do {
                var request = HTTPClientRequest(url: "http://127.0.0.1:\(client.port)\(API.root)/events")
                for (name, value) in client.headers { request.headers.add(name: name, value: value) }
                let asked = request
                // Their answers are kept and not read.
                let all = try await withThrowingTaskGroup(of: HTTPClientResponse.self) { group in
                    for _ in 0..<Self.idle {
                        group.addTask { try await http.execute(asked, timeout: .seconds(120)) }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(all.allSatisfy { $0.status == .ok } && all.count == Self.idle)

                let reader = try await http.execute(asked, timeout: .seconds(120))
                let terminal = try await gateway.connect("ZX01")
                try await terminal.register()
                for number in 1...40 {
                    let reply = try await terminal.sendLog([.tfs(UInt64(number), at: wallNow(Int64(-number)))]
                    )
                    #expect(reply.isSuccess)
                }
                // The newest 50 come to whoever reads.
                var text = ""
                let clock = ContinuousClock()
                let end = clock.now + .seconds(60)
                for try await chunk in reader.body {
                    text += String(buffer: chunk)
                    if text.contains("\"person\":\"40\"") || clock.now > end { break }
                }
                #expect(text.contains("\"person\":\"40\""))
                try await http.shutdown()
            } catch {
                try await http.shutdown()
                throw error
            }
        }
    }
}
