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
            With --embedded it makes and starts a private PostgreSQL in a directory, migrates it,
            and stops it at the end. With --database the schema must be migrated already, or give
            --migrate. A line that begins with "ready" says that clients can connect. A second
            signal ends it at once; nothing that was acknowledged is lost.

            EXAMPLES
              nexus-ledger serve --embedded ./ledger
              nexus-ledger serve --database postgresql:///ledger --socket /run/ledger.sock

            \(Failure.help)
            """)

    @OptionGroup var databaseOptions: DatabaseOptions

    @Option(
        help: ArgumentHelp(
            "The Unix socket to listen on, made with mode 0660.",
            discussion: "Default: NEXUS_SOCKET, else ledger.sock in the embedded directory.",
            valueName: "path"))
    var socket: String?

    @Flag(help: "Migrate the database's schema before serving; always done with --embedded.")
    var migrate = false

    @Flag(
        help: ArgumentHelp("Keep the projections still, to measure appends.", visibility: .hidden))
    var pauseProjections = false

    func perform() async throws {
        // The signals are blocked before any thread is made, so that all threads inherit that.
        let signals = StopSignals()
        LoggingSystem.bootstrap(StreamLogHandler.standardError)
        let logger = Logger(label: "nexus-ledger")
        guard let directory = databaseOptions.embeddedDirectory else {
            let conninfo = try databaseOptions.conninfo()
            if migrate { try await MigrateCommand.up(conninfo) { logger.info("\($0)") } }
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

    private func serve(
        _ conninfo: String, _ signals: StopSignals, _ logger: Logger
    ) async throws {
        guard
            let path = socket ?? Environment.value("NEXUS_SOCKET")
                ?? databaseOptions.embeddedDirectory.map({ $0 + "/ledger.sock" })
        else {
            throw ValidationError("no socket is named: give --socket PATH or set NEXUS_SOCKET")
        }
        var configuration = LedgerService.Configuration(database: conninfo, socketPath: path)
        configuration.pausesProjections = pauseProjections
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
