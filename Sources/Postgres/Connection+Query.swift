import CLibPQ

extension Connection {
    /// Runs one statement with binary parameters and a binary result, in a transaction of its own
    /// unless one is open. Throws any `PostgresError` but those of strings and pools.
    ///
    /// Several megabytes of parameters are better sent by `copyIn`: libpq moves all that is still
    /// unsent at every step, 0.8 s for 50 MB.
    @discardableResult
    public func query(
        _ sql: String, _ parameters: [Parameter] = [], deadline: Deadline
    ) throws(PostgresError) -> QueryResult {
        if info.preparesStatements {
            let results = try pipeline(deadline: deadline) { $0.add(sql, parameters) }
            guard let result = results.first else {
                throw abandoned(.protocolViolation("a pipeline of one has no result"))
            }
            return result
        }
        let handle = try open()
        activity = sql
        try send(sql, parameters, .unnamed, handle)
        guard let result = try awaitLastResult(handle, deadline) else {
            throw abandoned(.protocolViolation("a query without a result"))
        }
        return result
    }

    /// Runs one or several statements without parameters (simple protocol); several are one
    /// transaction unless they say otherwise. Their rows are dropped.
    public func execute(_ sql: String, deadline: Deadline) throws(PostgresError) {
        let handle = try open()
        activity = sql
        guard PQsendQuery(handle, sql) == 1 else { throw failedCall(handle) }
        _ = try awaitLastResult(handle, deadline)
    }

    /// Runs `body` between BEGIN and COMMIT; rolls back when it throws, and throws that.
    /// `options` follow BEGIN, such as "ISOLATION LEVEL REPEATABLE READ READ ONLY".
    ///
    /// Throws `.protocolViolation` when the server rolled back because `body` swallowed the error
    /// of a statement. After `.unreachable` and `.timedOut` of the COMMIT the outcome is unknown.
    @discardableResult
    public func transaction<R>(
        _ options: String = "", deadline: Deadline, _ body: (Connection) throws -> R
    ) throws -> R {
        try execute("BEGIN \(options)", deadline: deadline)
        let value: R
        do {
            value = try body(self)
        } catch {
            rollBackIfOpen(deadline: deadline)
            throw error
        }
        let handle = try open()
        activity = "COMMIT"
        guard PQsendQuery(handle, "COMMIT") == 1 else { throw failedCall(handle) }
        let result = try awaitLastResult(handle, deadline)
        guard result?.commandTag == "COMMIT" else {
            throw PostgresError.protocolViolation("the transaction was rolled back at COMMIT")
        }
        return value
    }

    /// Rolls back the transaction that is open, if any; a connection on which that fails is
    /// closed. Never throws: it cleans up after an error that the caller already has.
    public func rollBackIfOpen(deadline: Deadline) {
        switch transactionStatus {
        case .idle: return
        case .inTransaction, .inFailedTransaction:
            do { try execute("ROLLBACK", deadline: deadline) } catch { close() }
        case .active, .unknown: close()
        }
    }

    /// Hands one statement to libpq as `plan` says; what it cannot send at once it keeps.
    func send(
        _ sql: String, _ values: [Parameter], _ plan: PreparedStatements.Plan,
        _ handle: OpaquePointer
    ) throws(PostgresError) {
        let pack = parameters
        pack.load(values)
        let isSent: Int32
        switch plan {
        case .unnamed:
            isSent = PQsendQueryParams(
                handle, sql, pack.count, pack.types, pack.values, pack.lengths, pack.formats, 1)
        case .prepare(let name):
            isSent = PQsendPrepare(handle, name, sql, pack.count, pack.types)
        case .call(let name):
            isSent = PQsendQueryPrepared(
                handle, name, pack.count, pack.values, pack.lengths, pack.formats, 1)
        }
        guard isSent == 1 else { throw failedCall(handle) }
    }
}
