import Glibc
import Postgres

/// The throw-away PostgreSQL cluster that ops/test starts, and names in the environment.
///
/// What tests leave behind in it goes away with it.
public final class TemporaryCluster: Sendable {
    /// The environment variable that names it, for example
    /// "host=/tmp/nexus.a1 user=postgres dbname=postgres": a superuser and a database to work from.
    public static let variable = "NEXUS_TEST_DATABASE"

    /// How long one statement about a whole database may take; copying one needs the disk.
    public static let statementTimeMax = Duration.seconds(60)

    private static let shared: Result<TemporaryCluster, any Error> = Result {
        guard let text = getenv(variable).map({ String(cString: $0) }), !text.isEmpty else {
            throw TestingError.noCluster
        }
        return try TemporaryCluster(conninfo: text)
    }

    /// The connection string of the database to work from.
    public let conninfo: String

    // Few: tests run side by side, and each new database is a heavy statement.
    private let pool: Pool

    private init(conninfo: String) throws {
        guard !conninfo.hasPrefix("postgres:"), !conninfo.hasPrefix("postgresql:") else {
            throw TestingError.unusableConnectionInfo
        }
        self.conninfo = conninfo
        pool = Pool(
            try ConnectionInfo(conninfo),
            limits: Pool.Limits(connectionsMax: 2, waitingMax: 4096), name: "test-db")
    }

    /// The cluster of the environment.
    ///
    /// - Throws: ``TestingError/noCluster`` where none is named.
    public static func fromEnvironment() throws -> TemporaryCluster {
        try shared.get()
    }

    /// The connection string of another database in it.
    public func conninfo(database: String) -> String {
        // Of a keyword given twice, libpq takes the last.
        "\(conninfo) dbname=\(database)"
    }

    /// Runs one statement in the database to work from, outside of any transaction.
    public func execute(_ sql: String) async throws {
        // The clock starts when a connection is free: any number of tests may wait before.
        try await pool.run(deadline: .distant) { connection in
            try connection.execute(sql, deadline: .after(Self.statementTimeMax))
        }
    }

    /// Makes a database, empty or as a copy of another one to which nobody is connected.
    public func createDatabase(_ name: String, copying template: String = "template0") async throws
    {
        try await execute(
            """
            CREATE DATABASE \(Connection.quoted(identifier: name))
              TEMPLATE \(Connection.quoted(identifier: template))
            """)
    }

    /// Drops a database, if there is one, and whoever is connected to it.
    public func dropDatabase(_ name: String) async throws {
        try await execute(
            "DROP DATABASE IF EXISTS \(Connection.quoted(identifier: name)) WITH (FORCE)")
    }

    /// Ends every session of a database and returns when they are told to.
    public func disconnectAll(from name: String) async throws {
        try await execute(
            """
            SELECT pg_terminate_backend(pid)
              FROM pg_stat_activity
             WHERE datname = '\(name.replacing("'", with: "''"))'
            """)
    }
}
