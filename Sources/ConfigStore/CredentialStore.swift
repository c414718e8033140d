import Postgres

/// Stores and rotates the credentials of exchanges. Keys and secrets travel as parameters of CALL
/// only, on a session whose server does not log parameters; they are in no error and in no log.
public struct CredentialStore: Sendable {
    /// Credentials of one transaction of a rotation.
    public static let batchMax: Int32 = 100

    private let pool: Pool
    private let answerMax: Duration

    /// A store on `pool`; each call takes `answerMax` at most.
    public init(_ pool: Pool, answerMax: Duration = .seconds(30)) {
        self.pool = pool
        self.answerMax = answerMax
    }

    /// Encrypts a secret, 1 to 16,384 octets, under `key`, at least 32, and puts it in use.
    /// - Returns: Its version.
    public func store(
        _ secret: String, for exchange: String, key: String, _ reason: ConfigReason
    ) async throws -> Int32 {
        try await secretly { connection, deadline in
            try connection.transaction(deadline: deadline) { connection in
                try connection.query(ConfigSQL.actor, [.text(reason.actor)], deadline: deadline)
                return try connection.query(
                    ConfigSQL.storeCredential,
                    [.text(exchange), .text(secret), .text(key), .text(reason.text)],
                    deadline: deadline
                ).onlyRow()[0].int32()
            }
        }
    }

    /// Encrypts all credentials that are under another key under `newKey`, some in a transaction.
    /// Interrupted, it goes on where it was at the next call.
    /// - Parameter each: Called with how many are left.
    public func rotate(
        from oldKey: String, to newKey: String, actor: String,
        each: @escaping @Sendable (_ left: Int32) -> Void
    ) async throws {
        var left: Int32 = .max
        while left > 0 {
            try Task.checkCancellation()
            left = try await secretly { connection, deadline in
                try connection.transaction(deadline: deadline) { connection in
                    try connection.query(ConfigSQL.actor, [.text(actor)], deadline: deadline)
                    return try connection.query(
                        ConfigSQL.rotateCredentials,
                        [.text(oldKey), .text(newKey), .int4(CredentialStore.batchMax)],
                        deadline: deadline
                    ).onlyRow()[0].int32()
                }
            }
            each(left)
        }
    }

    /// Runs `body` where no parameter can reach the server's log.
    private func secretly<Value: Sendable>(
        _ body: @escaping @Sendable (Connection, Deadline) throws -> Value
    ) async throws -> Value {
        let deadline = Deadline.after(answerMax)
        do {
            return try await pool.run(deadline: deadline) { connection in
                try CredentialStore.silence(connection, deadline)
                return try body(connection, deadline)
            }
        } catch let error as PostgresError {
            throw ConfigStore.meaning(of: error)
        }
    }

    private static func silence(_ connection: Connection, _ deadline: Deadline) throws {
        func isSilent() throws -> Bool {
            let row = try connection.query(ConfigSQL.parametersLogged, deadline: deadline)
                .onlyRow()
            return try row[0].string() == "0" && row[1].string() == "0" && row[2].string() == "off"
        }
        guard try !isSilent() else { return }
        do throws(PostgresError) {
            try connection.execute(
                "SET log_parameter_max_length = 0; SET log_parameter_max_length_on_error = 0; "
                    + "SET pgaudit.log_parameter = off",
                deadline: deadline)
        } catch {
            guard error.sqlstate?.rawValue == "42501" else { throw error }
        }
        guard try isSilent() else {
            throw ConfigError.leaky(
                "the server may log the parameters of statements, and so the secret; nothing was "
                    + "sent. As a superuser: ALTER DATABASE … SET log_parameter_max_length = 0, "
                    + "the same of log_parameter_max_length_on_error; pgaudit.log_parameter = off")
        }
    }
}
