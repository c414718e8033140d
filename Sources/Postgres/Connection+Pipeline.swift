import CLibPQ

extension Connection {
    /// Sends the statements that `build` adds in one go and returns a result for each of them.
    ///
    /// Throws the first server error after everything was read, so that the connection stays
    /// usable; a transaction that the statements themselves opened is then still to be rolled
    /// back.
    @discardableResult
    public func pipeline(
        deadline: Deadline, _ build: (inout Pipeline) -> Void
    ) throws(PostgresError) -> [QueryResult] {
        var pipeline = Pipeline()
        build(&pipeline)
        return try run(pipeline, deadline: deadline)
    }

    /// As `pipeline(deadline:_:)`, for statements put together before.
    @discardableResult
    public func run(
        _ pipeline: Pipeline, deadline: Deadline
    ) throws(PostgresError) -> [QueryResult] {
        var results: [QueryResult] = []
        for outcome in try outcomes(of: pipeline, deadline: deadline) {
            switch outcome {
            case .result(let result): results.append(result)
            case .failed(let error): throw .server(error)
            case .skipped: throw .protocolViolation("a statement was skipped without an error")
            }
        }
        return results
    }

    /// Sends everything and says of each statement what became of it; for pipelines with several
    /// synchronisation points. Throws only when the connection is lost.
    public func outcomes(
        of pipeline: Pipeline, deadline: Deadline
    ) throws(PostgresError) -> [PipelineOutcome] {
        guard pipeline.count > 0 else { return [] }
        let handle = try open()
        guard PQenterPipelineMode(handle) == 1 else { throw failedCall(handle) }
        let answers = try send(pipeline, handle)
        var outcomes: [PipelineOutcome] = []
        outcomes.reserveCapacity(pipeline.count)
        var preparationError: ServerError?
        for answer in answers {
            switch answer {
            case .preparation(let sql):
                let outcome = try awaitOutcome(handle, deadline)
                if case .result = outcome { continue }
                prepared.forget(sql)
                if case .failed(let error) = outcome { preparationError = error }
            case .statement(let sql):
                let outcome = try awaitOutcome(handle, deadline)
                if let error = preparationError, case .skipped = outcome {
                    outcomes.append(.failed(error))
                } else {
                    outcomes.append(outcome)
                }
                preparationError = nil
                forgetIfStale(sql, outcome)
            case .synchronisation:
                if let error = try awaitSynchronisation(handle, deadline) {
                    outcomes[outcomes.count - 1] = .failed(error)
                }
            }
        }
        guard PQexitPipelineMode(handle) == 1 else { throw failedCall(handle) }
        return outcomes
    }

    /// What the server owes an answer to, in order.
    private enum Answer {
        case preparation(sql: String)
        case statement(sql: String)
        case synchronisation
    }

    private func send(
        _ pipeline: Pipeline, _ handle: OpaquePointer
    ) throws(PostgresError) -> [Answer] {
        var answers: [Answer] = []
        answers.reserveCapacity(pipeline.steps.count + 1)
        for step in pipeline.steps {
            switch step {
            case .statement(let sql, let values):
                activity = sql
                var plan = PreparedStatements.Plan.unnamed
                if info.preparesStatements { plan = prepared.plan(for: sql, values) }
                if case .prepare(let name) = plan {
                    try send(sql, values, plan, handle)
                    prepared.insert(sql, name, values)
                    answers.append(.preparation(sql: sql))
                    plan = .call(name)
                }
                try send(sql, values, plan, handle)
                answers.append(.statement(sql: sql))
            case .synchronisation:
                guard PQpipelineSync(handle) == 1 else { throw failedCall(handle) }
                answers.append(.synchronisation)
            }
        }
        if case .synchronisation? = answers.last { return answers }
        guard PQpipelineSync(handle) == 1 else { throw failedCall(handle) }
        answers.append(.synchronisation)
        return answers
    }

    private func awaitOutcome(
        _ handle: OpaquePointer, _ deadline: Deadline
    ) throws(PostgresError) -> PipelineOutcome {
        guard let result = try awaitResult(handle, deadline) else {
            throw abandoned(.unreachable("the connection ended within a pipeline"))
        }
        let outcome: PipelineOutcome
        switch PQresultStatus(result) {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
            outcome = .result(QueryResult(result))
        case PGRES_PIPELINE_ABORTED:
            PQclear(result)
            outcome = .skipped
        case PGRES_FATAL_ERROR:
            defer { PQclear(result) }
            guard let error = ServerError(result: result) else { throw failedCall(handle) }
            guard PQstatus(handle) != CONNECTION_BAD else { throw abandoned(.server(error)) }
            outcome = .failed(error)
        default:
            PQclear(result)
            throw abandoned(.protocolViolation("COPY within a pipeline"))
        }
        while let extra = try awaitResult(handle, deadline) { PQclear(extra) }
        return outcome
    }

    /// Reads up to the synchronisation point. What the server says there is the COMMIT's error,
    /// of a deferred constraint for example.
    private func awaitSynchronisation(
        _ handle: OpaquePointer, _ deadline: Deadline
    ) throws(PostgresError) -> ServerError? {
        var commitError: ServerError?
        // libpq ends an error with an empty answer, and only then comes to the point itself.
        for _ in 0..<4 {
            guard let result = try awaitResult(handle, deadline) else {
                guard PQstatus(handle) != CONNECTION_BAD else { throw failedCall(handle) }
                continue
            }
            defer { PQclear(result) }
            switch PQresultStatus(result) {
            case PGRES_PIPELINE_SYNC:
                return commitError
            case PGRES_FATAL_ERROR:
                guard let error = ServerError(result: result) else { throw failedCall(handle) }
                guard PQstatus(handle) != CONNECTION_BAD else { throw abandoned(.server(error)) }
                commitError = error
            default:
                throw abandoned(.protocolViolation("a result behind the end of a pipeline"))
            }
        }
        throw abandoned(.protocolViolation("no synchronisation where one was due"))
    }

    /// A plan that a change of the schema has spoilt, or a name that someone's DISCARD has taken
    /// away, is prepared anew at its next use.
    private func forgetIfStale(_ sql: String, _ outcome: PipelineOutcome) {
        guard case .failed(let error) = outcome else { return }
        let codes: [SQLState] = [.featureNotSupported, .invalidStatementName]
        if codes.contains(error.sqlstate) { prepared.forget(sql) }
    }
}
