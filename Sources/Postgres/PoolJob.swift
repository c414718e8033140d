/// One call of `run`, from its wait to its answer.
///
///     new ──enqueue──▶ waiting ──taken──▶ running ──▶ answered
///      └── withdrawn ◀────┴── withdrawn, expired, shut down: answered with an error
final class PoolJob: @unchecked Sendable {
    // Unchecked: all that changes is read and written under the pool's monitor; `perform` and
    // `fail` are set before the job is enqueued.
    let deadline: Deadline
    var isWithdrawn = false
    /// Runs the body; what it returns hands the answer to the caller.
    private(set) var perform: (Connection) -> () -> Void = { _ in {} }
    /// Answers with an error instead.
    private(set) var fail: (any Error) -> Void = { _ in }

    init(deadline: Deadline) {
        self.deadline = deadline
    }

    func arm<T: Sendable>(
        _ continuation: CheckedContinuation<T, any Error>,
        _ body: @escaping @Sendable (Connection) throws -> T
    ) {
        perform = { connection in
            let outcome = Result { try body(connection) }
            return { continuation.resume(with: outcome) }
        }
        fail = { continuation.resume(throwing: $0) }
    }
}
