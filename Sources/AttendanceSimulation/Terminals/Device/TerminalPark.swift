/// Terminals that live as long as something else does: a test, a demonstration.
package enum TerminalPark {
    /// Plugs the terminals in, runs `body`, and ends them with it. Throws what `body` throws, or the first terminal whose
    /// flash failed.
    package static func with<Result: Sendable>(
        _ terminals: [FaithfulTerminal], _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            for terminal in terminals {
                group.addTask {
                    try await terminal.run()
                    return nil
                }
            }
            group.addTask { try await body() }
            defer { group.cancelAll() }
            while let result = try await group.next() { if let result { return result } }
            throw CancellationError()
        }
    }
}
