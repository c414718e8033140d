import ConfigStore
import LedgerCore
import Postgres
import Projections
import Testing

@testable import EventStore
@testable import LedgerRPC
@testable import ProjectionEngine

/// Every statement of the ledger against the migrated schema.
@Suite struct StatementTests {
    let sandbox: Sandbox

    init() async throws {
        sandbox = try await Sandbox()
    }

    /// What the server says to a statement; nil if it takes it.
    private func fault(_ sql: String, _ connection: Connection) -> String? {
        do throws(PostgresError) {
            try connection.execute("PREPARE tried AS \(sql)", deadline: ample)
            try connection.execute("DEALLOCATE tried", deadline: ample)
            return nil
        } catch {
            return "\(error)\n\(sql)"
        }
    }

    @Test(arguments: [
        StoreSQL.all, ProjectionSQL.all, GenerationSQL.all, ComparisonSQL.all, AuditSQL.all,
        SumsSQL.all, ReadSQL.all, ConfigSQL.all,
    ])
    func `every statement prepares`(statements: [String]) throws {
        let connection = try sandbox.open()
        for sql in statements {
            #expect(fault(sql, connection) == nil)
        }
    }

    @Test func `the statements that are made from the tables' columns prepare`() throws {
        let connection = try sandbox.open()
        for table in AccountTables.all {
            let writer = try TableWriter(table, connection, deadline: ample)
            for sql in writer.statements {
                #expect(fault(sql, connection) == nil)
            }
        }
    }

    @Test func `a statement that is no good is told from the others`() throws {
        let connection = try sandbox.open()
        #expect(fault("SELECT no_such_column FROM positions.books", connection) != nil)
    }

    @Test func `every column of a projected table is written, or has a default`() throws {
        let connection = try sandbox.open()
        for table in AccountTables.all {
            let result = try connection.query(
                """
                SELECT attname::text
                FROM pg_catalog.pg_attribute
                WHERE attrelid = $1::regclass
                  AND attnum > 0
                  AND NOT attisdropped
                """, [.text(table.name + "_rows")], deadline: ample)
            let columns = try Set(result.rows.map { try $0[0].string() })
            #expect(columns == Set(table.columns + ["slot", "book_id"]), "\(table.name)")
        }
    }
}
