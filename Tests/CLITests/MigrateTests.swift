import LedgerTesting
import Postgres
import Testing

/// `migrate` on an empty database.
@Suite struct MigrateTests {
    let scratch: Scratch
    let database: TemporaryDatabase

    init() async throws {
        scratch = try Scratch()
        database = try await TestDatabase.fresh()
    }

    private func migrate(_ arguments: String...) async throws -> Scratch.Outcome {
        try await scratch.run(
            ["migrate"] + arguments, environment: ["NEXUS_DATABASE": database.conninfo])
    }

    private func states() async throws -> [Substring] {
        try await migrate("status").lines.map { $0.prefix { $0 != " " } }
    }

    @Test func `up, status, down and up do what they say`() async throws {
        let pending = try await states()
        #expect(!pending.isEmpty)
        #expect(pending.allSatisfy { $0 == "pending" })

        let up = try await migrate("up")
        #expect(up.status == 0, "\(up.errors)")
        #expect(up.errors.split(separator: "\n").count == pending.count)
        #expect(try await states().allSatisfy { $0 == "applied" })
        #expect(try await migrate("up").output.hasPrefix("nothing to do"))

        let one = try await migrate("down", "1")
        #expect(one.status == 0, "\(one.errors)")
        #expect(try await states().filter { $0 == "pending" }.count == 1)
        #expect(try await migrate("down", "--all").status == 0)
        #expect(try await states() == pending)

        #expect(try await migrate("up", "--to", "2").status == 0)
        #expect(try await states().filter { $0 == "applied" }.count == 2)
        #expect(try await migrate("up").status == 0)
        let status = try await migrate("status", "--json")
        #expect(
            status.output
                == "{\"dirty\":false,\"pending\":0,\"version\":\(pending.count)}\n")
    }

    /// Runs statements in the database, as an operator would by hand.
    private func execute(_ sql: String) throws {
        let connection = try Connection.open(
            ConnectionInfo(database.conninfo), deadline: .after(.seconds(60)))
        defer { connection.close() }
        try connection.execute(sql, deadline: .after(.seconds(60)))
    }

    @Test func `after a failed up the version before it is forced, and nothing is skipped`()
        async throws
    {
        let pending = try await states()
        try execute("CREATE SCHEMA positions; CREATE TABLE positions.log_head ()")
        let failed = try await migrate("up")
        #expect(failed.status == 1)
        #expect(failed.errors.contains("`migrate force 1`"), "\(failed.errors)")

        let status = try await migrate("status")
        #expect(status.lines.first == "applied  1  schemas")
        #expect(status.lines.dropFirst().first == "dirty    2  positions_log")
        #expect(status.lines.last?.contains("after `up` the schema is at version 1") == true)
        #expect(try await states().count { $0 == "pending" } == pending.count - 2)
        #expect(try await migrate("up").errors.contains("after `up` the schema is at version 1"))
        let serve = try await scratch.run([
            "serve", "--database", database.conninfo, "--socket", scratch.path + "/s",
        ])
        #expect(serve.status == 1)
        #expect(serve.errors.contains("after `up` the schema is at version 1"), "\(serve.errors)")

        try execute("DROP TABLE positions.log_head")
        #expect(try await migrate("force", "1").status == 0)
        #expect(try await migrate("up").status == 0)
        #expect(try await states().allSatisfy { $0 == "applied" })
    }

    @Test func `after a failed down the version above it is forced`() async throws {
        #expect(try await migrate("up").status == 0)
        try execute("CREATE TABLE analytics.mine ()")
        let failed = try await migrate("down", "--all")
        #expect(failed.status == 1)
        #expect(failed.errors.contains("`migrate force 1`"), "\(failed.errors)")
        let status = try await migrate("status")
        #expect(status.lines.last?.hasPrefix("dirty: taking back the first migration") == true)
        #expect(try await migrate("force", "1").status == 0)
        #expect(try await states().count { $0 == "applied" } == 1)
    }

    @Test func `a version that does not exist is refused`() async throws {
        let outcome = try await migrate("up", "--to", "999")
        #expect(outcome.status == 1)
        #expect(outcome.errors.hasPrefix("error: "))
        #expect(try await states().allSatisfy { $0 == "pending" })
    }

    @Test func `a ledger is not served from a schema that is not migrated`() async throws {
        let outcome = try await scratch.run([
            "serve", "--database", database.conninfo, "--socket", scratch.path + "/s",
        ])
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("migrate up"))
    }

    @Test func `a database that is not there is an error in words`() async throws {
        let outcome = try await scratch.run([
            "migrate", "status", "--database", "host=/nowhere dbname=none",
        ])
        #expect(outcome.status == 1)
        #expect(outcome.output == "")
        #expect(outcome.errors.hasPrefix("error: "))
    }
}
