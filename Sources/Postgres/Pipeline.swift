/// Statements that are sent together, without waiting for an answer in between.
///
/// Up to a synchronisation point they stand and fall together: they share one transaction, unless
/// they open their own, and after the first error the server skips the rest. There is always one
/// at the end.
public struct Pipeline: Sendable {
    enum Step: Sendable {
        case statement(sql: String, parameters: [Parameter])
        case synchronisation
    }

    private(set) var steps: [Step] = []
    /// How many statements it has.
    public private(set) var count = 0

    /// An empty pipeline.
    public init() {}

    /// Adds one statement; COPY and several statements in one text are refused by the server.
    public mutating func add(_ sql: String, _ parameters: [Parameter] = []) {
        steps.append(.statement(sql: sql, parameters: parameters))
        count += 1
    }

    /// Ends a transaction here: what follows is tried even when what came before failed.
    public mutating func synchronise() {
        steps.append(.synchronisation)
    }
}

/// What became of one statement of a pipeline.
public enum PipelineOutcome {
    /// It was run. That its transaction was committed shows only when none before the next
    /// synchronisation point failed.
    case result(QueryResult)
    /// It failed; the connection is usable. A COMMIT that failed, for example by a deferred
    /// constraint, is told of the last statement before the synchronisation point.
    case failed(ServerError)
    /// An earlier statement before the same synchronisation point failed.
    case skipped
}
