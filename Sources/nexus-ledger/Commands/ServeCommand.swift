import ArgumentParser
import Glibc
import LedgerService
import Logging
import Postgres
import Schema

/// `serve`: runs the ledger.
struct ServeCommand: LedgerCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the ledger on a Unix socket until SIGINT or SIGTERM.",
        discussion: """
            With --embedded it makes and starts a private PostgreSQL in a directory,
            migrates it, and stops it at the end. With --database the schema must be
            migrated already, or give --migrate. A line that begins with "ready" says
            that clients can connect. A second signal ends it at once; nothing that was
            acknowledged is lost.

            Events that PostgreSQL does not take are kept in the outbox, a SQLite file of
            this ledger alone, are answered as buffered, and follow in their order when
            it is back. With --no-outbox they are refused as unavailable.

            EXAMPLES
              nexus-ledger serve --embedded ./ledger
              nexus-ledger serve --database postgresql:///ledger --socket ./ledger.sock
              nexus-ledger serve --embedded ./ledger --outbox /var/lib/nexus/outbox.sqlite

            \(Failure.help)
            """)

    @OptionGroup var databaseOptions: DatabaseOptions

    @Option(
        help: ArgumentHelp(
            "The Unix socket to listen on, made with mode 0660.",
            discussion: "Default: NEXUS_SOCKET, else ledger.sock in the embedded directory.",
            valueName: "path"))
    var socket: String?

    @Option(
        help: ArgumentHelp(
            "The same database as a role that may change the configuration over the socket.",
            discussion: "Default: NEXUS_CONFIG_DATABASE, else --database, whose role may only "
                + "read it where the ledger runs as nexus_positions.", valueName: "conninfo"))
    var configDatabase: String?

    @OptionGroup(title: "Outbox") var outboxOptions: OutboxOptions

    @Flag(help: "Migrate the database's schema before serving; always done with --embedded.")
    var migrate = false

    @Option(
        help: ArgumentHelp(
            "Positions a minute, 0.001 or more, that are checked against the log; 0: none.",
            discussion: "Default: NEXUS_DRIFT_AUDIT_RATE, else 60.", valueName: "count"))
    var driftAuditRate: Double?

    @Flag(
        help: ArgumentHelp("Keep the projections still, to measure appends.", visibility: .hidden))
    var pauseProjections = false

    func validate() throws {
        try outboxOptions.validate()
        _ = try socketPath()
        _ = try driftRate()
    }

    private func driftRate() throws -> Double {
        let (name, text) =
            driftAuditRate.map { ("--drift-audit-rate", String($0)) }
            ?? ("NEXUS_DRIFT_AUDIT_RATE", Environment.value("NEXUS_DRIFT_AUDIT_RATE") ?? "60")
        guard let rate = Double(text), rate == 0 || rate >= 0.001, rate.isFinite else {
            throw ValidationError("\(name) is '\(text)': it must be 0, or 0.001 or more")
        }
        return rate
    }

    private func socketPath() throws -> String {
        guard
            let path = socket ?? Environment.value("NEXUS_SOCKET")
                ?? databaseOptions.embeddedDirectory.map({ $0 + "/ledger.sock" })
        else {
            throw ValidationError("no socket is named: give --socket PATH or set NEXUS_SOCKET")
        }
        return path
    }

    func perform() async throws {
        // The signals are blocked before any thread is made, so that all threads inherit that.
        let signals = StopSignals()
        LoggingSystem.bootstrap(StreamLogHandler.standardError)
        let logger = Logger(label: "nexus-ledger")
        try checkDirectory(of: try socketPath())
        guard let directory = databaseOptions.embeddedDirectory else {
            let conninfo = try databaseOptions.conninfo()
            if migrate { try await migrateIfThere(conninfo, logger) }
            try await serve(conninfo, signals, logger)
            return
        }
        let cluster = EmbeddedCluster(directory: directory)
        let conninfo = try await cluster.start(deadline: .after(.seconds(60))) {
            logger.info("\($0)")
        }
        do {
            try await MigrateCommand.up(conninfo) { logger.info("\($0)") }
            try await serve(conninfo, signals, logger)
        } catch {
            _ = try? await cluster.stop(deadline: .after(.seconds(30)))
            throw error
        }
        if try await cluster.stop(deadline: .after(.seconds(60))) == .leftRunning {
            logger.info("the embedded PostgreSQL goes on: another ledger uses it")
        }
    }

    /// Migrates; with an outbox a ledger starts without PostgreSQL too.
    private func migrateIfThere(_ conninfo: String, _ logger: Logger) async throws {
        do {
            try await MigrateCommand.up(conninfo) { logger.info("\($0)") }
        } catch  where !outboxOptions.noOutbox && LedgerService.isOutage(error) {
            logger.error(
                "the schema is not migrated: \(error); start the ledger again once it can be")
        }
    }

    /// Refuses a socket without a directory before a cluster or a schema is made for it. The
    /// cluster's directory is made with the cluster, and those above it.
    private func checkDirectory(of socketPath: String) throws(Failure) {
        let name = socketPath.lastIndex(of: "/").map { socketPath[...$0] } ?? "."
        var status = stat()
        let failure = stat(String(name), &status) == 0 ? 0 : errno
        if failure == 0, status.st_mode & S_IFMT == S_IFDIR { return }
        if failure == ENOENT, let embedded = databaseOptions.embeddedDirectory,
            ServeCommand.parts(embedded).starts(with: ServeCommand.parts(String(name)))
        {
            return
        }
        let directory = name.count > 1 && name.hasSuffix("/") ? name.dropLast() : name
        throw Failure(
            .failed,
            "the socket's directory \(directory) cannot be used: "
                + systemText(of: failure == 0 ? ENOTDIR : failure)
                + "; make it, or name another with --socket")
    }

    /// The names on the way from the root to a directory.
    private static func parts(_ directory: String) -> [Substring] {
        EmbeddedCluster(directory: directory).directory.split(separator: "/").filter { $0 != "." }
    }

    private func serve(
        _ conninfo: String, _ signals: StopSignals, _ logger: Logger
    ) async throws {
        let path = try socketPath()
        var configuration = LedgerService.Configuration(database: conninfo, socketPath: path)
        configuration.configDatabase =
            configDatabase ?? Environment.value("NEXUS_CONFIG_DATABASE")
        configuration.outbox = outboxOptions.configuration(besideSocket: path)
        configuration.pausesProjections = pauseProjections
        configuration.driftAuditRate = try driftRate()
        let service = LedgerService(configuration, logger: logger)
        try await service.run(
            onReady: {
                // Somebody who starts us waits for this line; whoever closed stdout does not.
                try? Output.standard.line("ready: serving on \(path)")
                try? Output.standard.flush()
            },
            until: { await signals.first() })
    }
}
