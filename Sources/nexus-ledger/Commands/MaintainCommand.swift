import ArgumentParser
import Glibc
import LedgerCore
import Postgres

/// `maintain`: runs the jobs of maintenance.jobs, as pg_cron would.
struct MaintainCommand: LedgerCommand {
    static let configuration = CommandConfiguration(
        commandName: "maintain",
        abstract: "Run the database's maintenance jobs that are due.",
        discussion: """
            Partitions, retention, statistics, snapshots: what pg_cron does, for servers
            that lack it, or beside it: what it has done is not due. A job that fails is
            noted, is an alert, and does not stop the others; the exit code is then 1.
            With --watch it goes on every minute until Ctrl-C; else run it from cron or a
            systemd timer.

            EXAMPLES
              nexus-ledger maintain --database postgresql:///nexus
              nexus-ledger maintain --watch --embedded ./ledger
              nexus-ledger maintain partitions retention --database postgresql:///nexus
              nexus-ledger maintain --list --database postgresql:///nexus
            """)

    @Argument(help: "Only these jobs, whether they are due or not.")
    var jobs: [String] = []

    @Flag(help: "Say which jobs are due, and run none.")
    var list = false

    @Flag(help: "Go on every minute until Ctrl-C.")
    var watch = false

    @Flag(help: "Write JSON for programs: a line a job.")
    var json = false

    @OptionGroup var database: DatabaseOptions

    /// How long one job may take.
    private static let jobMax = Duration.seconds(3_600)
    private static let roundEvery = Duration.seconds(60)

    private static let due = """
        SELECT job, last_run_at, last_done_at, is_missed
        FROM maintenance.due_jobs()
        """
    private static let run = "SELECT outcome, error FROM maintenance.run_job($1, $2)"

    func validate() throws {
        guard !list || (!watch && jobs.isEmpty) else {
            throw ValidationError("--list goes alone")
        }
        guard !watch || jobs.isEmpty else {
            throw ValidationError("--watch runs what is due: name no jobs")
        }
    }

    private struct DueJob: Sendable {
        var name: String
        var lastRun: Timestamp?
        var isMissed: Bool
    }

    func perform() async throws {
        let info = try ConnectionInfo(
            try database.conninfo(), overrides: ["application_name": "nexus-ledger maintain"])
        let connection = DedicatedConnection(info.preparing(false), name: "pg-maintain")
        do {
            if list {
                try report(try await dueJobs(connection))
            } else {
                try await rounds(connection)
            }
            await connection.shutdown()
        } catch {
            await connection.shutdown()
            throw error
        }
    }

    private func rounds(_ connection: DedicatedConnection) async throws {
        var failed = 0
        repeat {
            let names =
                jobs.isEmpty ? try await dueJobs(connection).map(\.name) : jobs
            for name in names where try await run(name, connection) == "failed" { failed += 1 }
            if names.isEmpty, !json, !watch { try Output.standard.line("nothing is due") }
            try Output.standard.flush()
            if watch { try await Task.sleep(for: MaintainCommand.roundEvery) }
        } while watch
        if failed > 0 {
            throw Failure(
                .failed,
                "\(failed) \(failed == 1 ? "job" : "jobs") failed: mend what they say, "
                    + "then run them again by name")
        }
    }

    private func dueJobs(_ connection: DedicatedConnection) async throws -> [DueJob] {
        try await connection.run(deadline: .after(.seconds(30))) { connection in
            try connection.query(MaintainCommand.due, deadline: .after(.seconds(30))).rows.map {
                DueJob(
                    name: try $0[0].string(),
                    lastRun: $0[1].isNull ? nil : Timestamp(microseconds: try $0[1].timestamptz()),
                    isMissed: try $0[3].bool())
            }
        }
    }

    /// Runs one job; its outcome.
    private func run(_ name: String, _ connection: DedicatedConnection) async throws -> String {
        let started = ContinuousClock.now
        let (outcome, error) = try await Progress.standard.during("running \(name)") {
            try await self.outcome(of: name, connection)
        }
        let seconds = (ContinuousClock.now - started) / .seconds(1)
        if json {
            let document = JSONValue.object([
                "job": .string(name), "outcome": .string(outcome),
                "error": error.map { .string($0) } ?? .null,
            ])
            try Output.standard.line(document.canonicalBytes)
        } else {
            let spare = String(repeating: " ", count: max(1, 24 - name.count))
            let tenths = Int((seconds * 10).rounded())
            try Output.standard.line(
                "\(name)\(spare)\(outcome)  \(tenths / 10).\(tenths % 10) s"
                    + (error.map { "  \($0)" } ?? "").printable)
        }
        return outcome
    }

    private func outcome(
        of name: String, _ connection: DedicatedConnection
    ) async throws -> (String, String?) {
        try await connection.run(deadline: .after(MaintainCommand.jobMax)) { connection in
            do {
                let row = try connection.query(
                    MaintainCommand.run, [.text(name), .text("maintain")],
                    deadline: .after(MaintainCommand.jobMax)
                ).onlyRow()
                return (try row[0].string(), row[1].isNull ? nil : try row[1].string())
            } catch let error as PostgresError where error.sqlstate?.rawValue == "P0002" {
                throw Failure(
                    .notFound,
                    [error.serverError?.message, error.serverError?.hint].compactMap { $0 }
                        .joined(separator: ": "))
            }
        }
    }

    private func report(_ due: [DueJob]) throws {
        if json {
            for job in due {
                let document = JSONValue.object([
                    "job": .string(job.name), "is_missed": .bool(job.isMissed),
                    "last_run_at": job.lastRun.map { .string($0.description) } ?? .null,
                ])
                try Output.standard.line(document.canonicalBytes)
            }
            return
        }
        guard !due.isEmpty else { return try Output.standard.line("nothing is due") }
        var table = Table([.text("JOB"), .text("LAST RUN"), .text("")])
        for job in due {
            table.add([
                Table.Cell(job.name),
                Table.Cell(job.lastRun.map { Figures.instant(us: $0.microseconds) } ?? "never"),
                Table.Cell(job.isMissed ? "missed" : ""),
            ])
        }
        try Output.standard.table(table)
    }
}
