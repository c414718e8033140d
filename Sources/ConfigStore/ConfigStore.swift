import LedgerCore
import Postgres

/// Reads and changes the configuration in the database. Values are validated there, by the
/// definitions of `config.definitions` and the constraints of its tables, so that everybody gets
/// the same answer; here are calls and their errors.
public struct ConfigStore: Sendable {
    /// Edits of one transaction.
    public static let editsMax = 10_000
    /// Changes of one page.
    public static let changesMax: Int32 = 1_000

    private let pool: Pool
    private let answerMax: Duration

    /// A store on `pool`; each call takes `answerMax` at most.
    public init(_ pool: Pool, answerMax: Duration = .seconds(10)) {
        self.pool = pool
        self.answerMax = answerMax
    }

    /// The value of an entry or of one column of it, as JSON: what is set, else its default.
    public func value(of path: String) async throws -> String {
        try await run { connection, deadline in
            try connection.query(ConfigSQL.get, [.text(path)], deadline: deadline)
                .onlyRow()[0].string()
        }
    }

    /// Entries whose path begins with `prefix`, by path. `moment`: what was set then, without
    /// defaults.
    public func entries(
        prefix: String = "", at moment: Timestamp? = nil
    ) async throws -> [ConfigEntry] {
        try await run { connection, deadline in
            if let moment {
                return try connection.query(
                    ConfigSQL.listAt,
                    [.text(prefix), .timestamptz(microseconds: moment.microseconds)],
                    deadline: deadline
                ).rows.map { ConfigEntry(path: try $0[0].string(), value: try $0[1].string()) }
            }
            return try connection.query(ConfigSQL.list, [.text(prefix)], deadline: deadline)
                .rows.map { row in
                    ConfigEntry(
                        path: try row[0].string(), value: try row[1].string(),
                        isDefault: try row[2].bool(), kind: try row[3].string(),
                        unit: try row[4].string(), description: try row[5].string(),
                        changedAt: row[6].isNull
                            ? nil : Timestamp(microseconds: try row[6].timestamptz()))
                }
        }
    }

    /// Sets and removes entries, all or none, and tells what was not so already. `isDry`: changes
    /// nothing, and tells what it would.
    public func apply(
        _ edits: [ConfigEdit], _ reason: ConfigReason, isDry: Bool = false
    ) async throws -> [ConfigChange] {
        guard edits.count <= ConfigStore.editsMax else {
            throw ConfigError.invalid(
                "edits: \(edits.count) are too many, send at most \(ConfigStore.editsMax)")
        }
        return try await change(reason, isDry: isDry) { connection, deadline in
            for edit in edits {
                if let value = edit.value {
                    try ConfigStore.check(value, of: edit.path)
                    try connection.query(
                        ConfigSQL.set, [.text(edit.path), .text(value), .text(reason.text)],
                        deadline: deadline)
                } else {
                    try connection.query(
                        ConfigSQL.unset, [.text(edit.path), .text(reason.text)],
                        deadline: deadline)
                }
            }
        }
    }

    /// Changes whose path begins with `prefix`, the newest first: those before `before` (0: all),
    /// at most `limit`, 1 to 1,000.
    public func changes(
        prefix: String = "", before: Int64 = 0, limit: Int32 = 100
    ) async throws -> [ConfigChange] {
        try await run { connection, deadline in
            try ConfigStore.changes(
                connection.query(
                    ConfigSQL.changesBefore, [.int8(before), .text(prefix), .int4(limit)],
                    deadline: deadline))
        }
    }

    /// Makes an entry what it was before a change.
    public func rollBack(
        change: Int64, _ reason: ConfigReason, isDry: Bool = false
    ) async throws -> [ConfigChange] {
        try await self.change(reason, isDry: isDry) { connection, deadline in
            try connection.query(
                ConfigSQL.rollbackChange, [.int8(change), .text(reason.text)], deadline: deadline)
        }
    }

    /// Makes the entries whose path begins with `prefix` what they were at a moment.
    public func rollBack(
        to moment: Timestamp, prefix: String = "", _ reason: ConfigReason, isDry: Bool = false
    ) async throws -> [ConfigChange] {
        try await change(reason, isDry: isDry) { connection, deadline in
            try connection.query(
                ConfigSQL.rollbackTo,
                [
                    .timestamptz(microseconds: moment.microseconds), .text(reason.text),
                    .text(prefix),
                ],
                deadline: deadline)
        }
    }

    // MARK: The transaction of a change

    /// Undoes a dry run.
    private struct DryRun: Error {
        let changes: [ConfigChange]
    }

    private func change(
        _ reason: ConfigReason, isDry: Bool,
        _ body: @escaping @Sendable (Connection, Deadline) throws -> Void
    ) async throws -> [ConfigChange] {
        guard (1...128).contains(reason.actor.count) else {
            throw ConfigError.invalid("actor: '\(reason.actor)' must have 1 to 128 characters")
        }
        guard reason.text.count <= 1_024 else {
            throw ConfigError.invalid("reason: it must have at most 1024 characters")
        }
        return try await run { connection, deadline in
            do {
                return try connection.transaction(deadline: deadline) { connection in
                    let last = try connection.query(
                        ConfigSQL.begin, [.text(reason.actor)], deadline: deadline
                    ).onlyRow()[0].int64()
                    try body(connection, deadline)
                    let changes = try ConfigStore.changes(
                        connection.query(
                            ConfigSQL.changesAfter,
                            [.int8(last), .text(""), .int4(Int32(ConfigStore.editsMax))],
                            deadline: deadline))
                    if isDry { throw DryRun(changes: changes) }
                    return changes
                }
            } catch let run as DryRun {
                return run.changes
            }
        }
    }

    /// A malformed value is refused before PostgreSQL quotes it.
    private static func check(_ value: String, of path: String) throws {
        do throws(InvalidField) {
            _ = try JSONValue(parsing: Array(value.utf8))
        } catch {
            throw ConfigError.invalid(
                "\(path): '\(value.prefix(100))' is no JSON: \(error.cure)")
        }
    }

    static func changes(_ result: QueryResult) throws -> [ConfigChange] {
        try result.rows.map { row in
            ConfigChange(
                id: try row[0].int64(),
                changedAt: Timestamp(microseconds: try row[1].timestamptz()),
                actor: try row[2].string(), dbRole: try row[3].string(),
                path: try row[4].string(),
                previous: row[5].isNull ? nil : try row[5].string(),
                current: row[6].isNull ? nil : try row[6].string(),
                reason: row[7].isNull ? nil : try row[7].string(),
                rollsBack: row[8].isNull ? nil : try row[8].int64())
        }
    }

    private func run<Value: Sendable>(
        _ body: @escaping @Sendable (Connection, Deadline) throws -> Value
    ) async throws -> Value {
        let deadline = Deadline.after(answerMax)
        do {
            return try await pool.run(deadline: deadline) { try body($0, deadline) }
        } catch let error as PostgresError {
            throw ConfigStore.meaning(of: error)
        }
    }

    /// What a refusal of the database means to the caller; other errors stay what they are.
    static func meaning(of error: PostgresError) -> any Error {
        guard let server = error.serverError else { return error }
        let text = server.message + (server.hint.map { ": \($0)" } ?? "")
        switch server.sqlstate.rawValue {
        case "22023", "42704", "42703", "22P02", "22003", "22P05", "22021", "23514", "23502":
            return ConfigError.invalid(text)
        case "P0002":
            return ConfigError.notFound(
                server.message + ": see `nexus-ledger config list` and `config history`")
        case "23503", "28P01", "XX001": return ConfigError.precondition(text)
        case "42501":
            return ConfigError.forbidden(
                text + ": connect as a role that may, such as nexus_config")
        default: return error
        }
    }
}
