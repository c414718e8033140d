import Glibc
import Postgres

/// PostgreSQL's programs at work on one cluster. The caller holds setup.lock.
struct ClusterRunner {
    let programs: PostgresPrograms
    private let layout: ClusterLayout
    private let account: ClusterAccount?
    private let deadline: Deadline

    init(
        layout: ClusterLayout, account: ClusterAccount?, deadline: Deadline
    ) async throws(EmbeddedClusterError) {
        self.layout = layout
        self.account = account
        self.deadline = deadline
        programs = try await .find(major: layout.majorOfData(), deadline: deadline)
    }

    /// Makes the cluster beside its place and moves it there when it is whole. Should we be
    /// killed, the lock keeps the next start waiting until `initdb` is out of the way.
    func make(holding setup: FileLock) async throws(EmbeddedClusterError) {
        // Left by a start that was killed; the folder is ours, whoever owns what is in it.
        _ = try await ChildProcess(arguments: ["rm", "-rf", "--", layout.unfinished])
            .output(deadline: deadline)
        try layout.makePrivate(layout.unfinished, account: account)
        var initdb = command(
            "initdb", "--pgdata=\(layout.unfinished)", "--username=postgres",
            "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums",
            "--auth-local=trust", "--auth-host=reject", "--no-instructions")
        initdb.holding = setup
        _ = try await initdb.output(deadline: deadline)
        try layout.includeSettings(in: layout.unfinished)
        guard rename(layout.unfinished, layout.data) == 0 else {
            throw .system(call: "rename", path: layout.unfinished, errno: errno)
        }
    }

    /// Starts the server, or waits for one that runs already, until it takes connections.
    func bringUp(progress: (String) -> Void) async throws(EmbeddedClusterError) {
        if try await status() == .running {
            progress("adopting the PostgreSQL that runs in \(layout.directory)")
            do {
                if try await adopt() { return }
            } catch .deadlinePassed {
                throw .notAnswering(directory: layout.directory)
            }
        }
        progress("starting PostgreSQL \(programs.major) in \(layout.directory)")
        try await startServer()
    }

    /// Shuts the server down and waits for it.
    func stop() async throws(EmbeddedClusterError) {
        let outcome = try await command(
            "pg_ctl", "stop", "--pgdata=\(layout.data)", "--mode=fast", "--wait",
            "--timeout=\(secondsLeft)"
        ).run(deadline: deadline)
        if outcome.status == 0 { return }
        // Somebody else may have stopped it meanwhile.
        guard try await status() == .notRunning else {
            throw .commandFailed(
                command: "pg_ctl stop", status: outcome.status, output: outcome.output)
        }
    }

    /// Creates a database unless it is there.
    func makeDatabase(_ name: String) async throws(EmbeddedClusterError) {
        let known = try await command(
            "psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align",
            "--dbname=\(layout.conninfo(database: "postgres"))",
            "--command=SELECT 1 FROM pg_database WHERE datname = '\(name)'"
        ).output(deadline: deadline)
        if known == "1" { return }
        _ = try await command(
            "createdb", "--host=\(layout.run)", "--port=5432", "--username=postgres", name
        ).output(deadline: deadline)
    }

    /// Waits until the running server takes connections; false if it ends instead (it was
    /// shutting down, or only the remains of a killed one were seen).
    private func adopt() async throws(EmbeddedClusterError) -> Bool {
        let ready = command("pg_isready", "--quiet", "--host=\(layout.run)", "--port=5432")
        while try await ready.run(deadline: deadline).status != 0 {
            try await pause(.milliseconds(50), deadline: deadline, step: "adopting the cluster")
            if try await status() == .notRunning { return false }
        }
        return true
    }

    private enum Status {
        case running, notRunning
    }

    /// Whether a process has the data directory.
    private func status() async throws(EmbeddedClusterError) -> Status {
        let outcome = try await command("pg_ctl", "status", "--pgdata=\(layout.data)")
            .run(deadline: deadline)
        switch outcome.status {
        case 0: return .running
        case 3: return .notRunning
        default:
            throw .commandFailed(
                command: "pg_ctl status", status: outcome.status, output: outcome.output)
        }
    }

    private func startServer() async throws(EmbeddedClusterError) {
        unlink(layout.startupLog)
        let outcome = try await command(
            "pg_ctl", "start", "--pgdata=\(layout.data)", "--log=\(layout.startupLog)", "--wait",
            "--timeout=\(secondsLeft)"
        ).run(deadline: deadline)
        guard outcome.status == 0 else {
            let said = readText(layout.startupLog, bytesMax: 4096) ?? ""
            throw .commandFailed(
                command: "pg_ctl start", status: outcome.status,
                output: outcome.output + "\n" + said + "(see also \(layout.log))")
        }
    }

    /// For pg_ctl, which is told to wait a little longer than we do: we say it better.
    private var secondsLeft: Int64 {
        (deadline.remaining?.components.seconds ?? 3600) + 1
    }

    private func command(_ name: String, _ arguments: String...) -> ChildProcess {
        let whole = [programs.path(name)] + arguments
        return ChildProcess(arguments: account?.command(whole) ?? whole)
    }
}
