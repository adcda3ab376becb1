/// One operation on its way to the writer, and how to tell whoever waits for it.
struct Job: Sendable {
    /// Tells the waiter, and does so once.
    typealias Completion = @Sendable () -> Void

    /// What it weighs against the bounds: punches (at least 1) and bytes of raw text.
    let punches: Int
    let bytes: Int
    /// Runs the operation inside the open transaction. What it returns is called after the commit.
    let perform: @Sendable (WriterConnection) throws -> Completion
    /// Called in place of the completion when the operation or the commit failed.
    let fail: @Sendable (StoreError) -> Void
}
