import Postgres
import Testing

@testable import AppendPipeline

/// Which errors mean that PostgreSQL cannot take appends now.
@Suite struct OutageTests {
    private func error(_ state: String, constraint: String? = nil) throws -> PostgresError {
        .server(
            ServerError(
                sqlstate: try #require(SQLState(rawValue: state)), message: "test", detail: nil,
                hint: nil, constraint: constraint, table: nil, schema: nil, position: nil))
    }

    @Test(
        arguments: [
            "08006", "08P01", "28000", "28P01", "53100", "53200", "53300", "58030", "57P01",
            "57P02", "57P03", "57P04", "57P05", "57014", "55P03", "25006", "25P03", "3D000",
            "42P01", "42501", "23514",
        ])
    func `the states of architecture.md are outages`(state: String) throws {
        #expect(try error(state).isOutage)
    }

    @Test(arguments: ["22003", "23505", "40001", "40P01", "42703", "22P02", "XX000"])
    func `other states are not`(state: String) throws {
        #expect(try !error(state).isOutage)
    }

    @Test func `a check with a name is no outage`() throws {
        #expect(try !error("23514", constraint: "log_position_is_positive").isOutage)
    }

    @Test func `a lost connection is an outage, a defect of ours is not`() {
        #expect(PostgresError.unreachable("test").isOutage)
        #expect(PostgresError.timedOut("test").isOutage)
        #expect(!PostgresError.protocolViolation("test").isOutage)
    }

    @Test func `only a deadlock and a serialization failure are tried again at once`() throws {
        #expect(try error("40001").isTransient)
        #expect(try error("40P01").isTransient)
        #expect(try !error("57P01").isTransient)
        #expect(!PostgresError.unreachable("test").isTransient)
    }
}
