import Foundation
import Postgres
import ProjectionEngine

/// The other sides of the ratios: PostgreSQL hands the log, or the generations, out.
struct BenchReplayPeer {
    private let connection: Connection

    init(_ connection: Connection) {
        self.connection = connection
    }

    private func copyOut(_ select: String) throws -> Int {
        try connection.copyOut(
            "COPY (\(select)) TO STDOUT (FORMAT binary)",
            deadline: .after(BenchReplay.statementMax)
        ) { _ in }
    }

    /// What a fold needs of the whole log, to nowhere.
    func copyLog() throws -> Duration {
        let start = ContinuousClock.now
        _ = try copyOut(
            """
            SELECT position_id, version, event_id, log_position, event_type, schema_version,
                   effective_at, recorded_at, payload
            FROM positions.events
            WHERE book_id = 1
            ORDER BY log_position
            """)
        return ContinuousClock.now - start
    }

    /// A sum over the payloads' json in psql, with its default parallelism.
    func sumByPosition() async throws -> Duration {
        let info = connection.info
        return try await BenchReplayCommands.program([
            BenchProcess.postgresProgram("psql"), "-X", "-q", "-o", "/dev/null",
            "-v", "ON_ERROR_STOP=1", "-h", info["host"] ?? "", "-p", info["port"] ?? "5432",
            "-U", info["user"] ?? "postgres", "-d", info.databaseName ?? "", "-c",
            """
            SELECT position_id, sum((payload->>'qty')::numeric * (payload->>'px')::numeric)
            FROM positions.events
            WHERE book_id = 1
              AND event_type = 'leg_fill_recorded'
            GROUP BY position_id
            """,
        ]).duration
    }

    /// All rows of all tables of these slots, one after the other, to nowhere.
    func copyGenerations(_ slots: [Int]) throws -> (rows: Int, duration: Duration) {
        let start = ContinuousClock.now
        var rows = 0
        for slot in slots {
            for table in ProjectedTable.all {
                rows += try copyOut(
                    "SELECT * FROM \(table.relation) WHERE slot = \(slot) AND book_id = 1")
            }
        }
        return (rows, ContinuousClock.now - start)
    }
}
