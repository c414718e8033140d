import AppendPipeline
import ConfigStore
import EventStore
import GRPCCore
import LedgerCore
import LedgerRPC
import Logging
import Outbox
import Postgres
import ProjectionEngine
import Schema
import Synchronization

/// The whole service, put together: the only place where all modules meet.
public struct LedgerService: Sendable {
    /// What a service is started with.
    public struct Configuration: Sendable {
        /// A libpq string or URI.
        public var database: String
        /// The same database as a role that may change the configuration, such as nexus_config;
        /// nil: as `database`, whose role may only read it.
        public var configDatabase: String?
        /// Of the Unix socket, at most 107 bytes; its directory exists and is trusted.
        public var socketPath: String
        /// Bounds of the group commits and of the queues before them.
        public var appendLimits = AppendLimits()
        /// Bounds of the gRPC server.
        public var serverLimits = LedgerServer.Limits()
        /// The outbox and its limits; nil for a ledger without one, which answers UNAVAILABLE while
        /// PostgreSQL is away.
        public var outbox: Outbox.Configuration?
        /// Connections that write; one writes one book at a time.
        public var writersMax = 4
        /// Connections that read.
        public var readersMax = 4
        /// Reads that may wait for one.
        public var readersWaitingMax = 1_024
        /// Start with the projections standing still; for measurements.
        public var pausesProjections = false
        /// Positions a minute that are folded afresh and compared with their live rows, over all
        /// books; 0: none.
        public var driftAuditRate = 60.0

        /// The defaults, and what has none; nothing is checked before `run`.
        public init(database: String, socketPath: String) {
            self.database = database
            self.socketPath = socketPath
        }
    }

    /// Why a service cannot start.
    public enum StartError: Error, CustomStringConvertible {
        case database(String)
        case schema(String)
        case outbox(OutboxError)

        /// The reason, with the cure where there is one.
        public var description: String {
            switch self {
            case .database(let reason): reason
            case .schema(let reason): reason
            case .outbox(let error): error.description
            }
        }
    }

    /// The version of this build, as `--version` and GetStatus tell it.
    public static let version = "0.1.0"

    private let configuration: Configuration
    private let logger: Logger

    /// Opens nothing before `run`.
    public init(_ configuration: Configuration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    /// Serves until `stop` returns, and then until what was taken is answered.
    /// - Parameters:
    ///   - onReady: Called once, when clients can connect.
    ///   - stop: Returns when the service should end, for example at a signal.
    public func run(
        onReady: @escaping @Sendable () async -> Void,
        until stop: @escaping @Sendable () async -> Void
    ) async throws {
        let info = try connectionInfo(configuration.database)
        if let sabotage = Sabotage.current {
            logger.critical("sabotaged for a test: \(sabotage.rawValue); use another build")
        }
        let configInfo = try connectionInfo(configuration.configDatabase ?? configuration.database)
        let watch = try ConfigWatch(configInfo)
        try await checkSchema(info, mayBeAway: configuration.outbox != nil)
        // Nothing throws from here to its close.
        let outbox = try openOutbox()
        let started = SystemClock.now()
        let identity = ProcessIdentity(start: String(started.microseconds))
        let log = LogSignal()
        let projected = LogSignal()
        let writers = Pool(
            info.preparing(true),
            limits: .init(connectionsMax: configuration.writersMax, waitingMax: 2_048),
            name: "pg-append",
            onOpen: { try BookWriter.prepare($0, deadline: $1) })
        let readers = Pool(
            info.preparing(false),
            limits: .init(
                connectionsMax: configuration.readersMax,
                waitingMax: configuration.readersWaitingMax),
            name: "pg-read",
            onOpen: { try $0.execute("SET plan_cache_mode = force_custom_plan", deadline: $1) })
        let diversion = outbox.map { outbox in
            Diversion(outbox, host: identity.host, clock: { SystemClock.now() })
        }
        let desk = outbox.flatMap { outbox in
            diversion.map { OutboxDesk(outbox, $0, pool: readers) }
        }
        let pipeline = AppendPipeline(
            PostgresLog(writers), signal: log, limits: configuration.appendLimits,
            diversion: diversion,
            onOutage: { outage in
                if let outage {
                    logger.error("appends do not reach PostgreSQL: \(outage)")
                } else {
                    logger.info("appends reach PostgreSQL again")
                }
            })
        let projections = ProjectionService(
            info, identity: identity, log: log, projected: projected)
        projections.setPaused(configuration.pausesProjections)
        let health = HealthState(services: [
            "nexus.ledger.v1.Ledger", "nexus.ledger.v1.Operations", "nexus.ledger.v1.Outbox",
            "nexus.ledger.v1.Projections", "nexus.ledger.v1.Config",
        ])
        let configPool = Pool(
            configInfo.preparing(false), limits: .init(connectionsMax: 2), name: "pg-config")
        let config = ConfigStore(configPool)
        let settings = ConfigCache(config)
        let drift = DriftAudit(
            info,
            positionsPerMinute: configuration.pausesProjections
                ? 0 : configuration.driftAuditRate
        ) { logger.warning("\($0)") }
        let generations = GenerationDesk(info, identity: identity)
        let server = LedgerServer(
            socketPath: configuration.socketPath, limits: configuration.serverLimits,
            services: [
                LedgerAPI(
                    pipeline: pipeline, readers: readers, log: log, projected: projected,
                    host: identity.host, desk: desk),
                OperationsAPI(
                    pipeline: pipeline, projections: projections, readers: readers, desk: desk,
                    drift: drift, version: Self.version, startedAt: started,
                    memoryResident: { ResidentMemory.bytes() }, clock: { SystemClock.now() }),
                OutboxAPI(desk: desk, clock: { SystemClock.now() }),
                ProjectionsAPI(
                    GenerationOffice(generations) { book in
                        try await readers.run(deadline: .after(.seconds(10))) { connection in
                            try LogReader(connection, deadline: .after(.seconds(10))).book(book)
                        }
                    }),
                ConfigAPI(ConfigOffice(config) { try ConfigWatch(configInfo) }),
            ], health: health)
        let background = Mutex<Background?>(nil)
        let failure = await serve(
            server, health,
            onReady: {
                // Not before: a ledger whose socket is another one's does nothing.
                background.withLock {
                    $0 = Background(
                        drain: Task { await pipeline.drain() },
                        months: Task { await keepMonths(info, settings) },
                        others: [
                            Task { await purge(outbox) },
                            Task { await projections.run() },
                            Task { await drift.run() },
                            Task { await settings.follow(watch) },
                        ])
                }
                await onReady()
            }, until: stop)
        await pipeline.shutdown()
        let begun = background.withLock { $0 }
        begun?.cancel()
        await begun?.drain.value
        close(outbox)
        for task in begun?.others ?? [] { await task.value }
        await configPool.shutdown()
        await generations.shutdown()
        await writers.shutdown()
        await readers.shutdown()
        if let failure { throw failure }
        logger.info("stopped")
    }

    /// What goes on beside the calls.
    private struct Background {
        let drain: Task<Void, Never>
        /// Not waited for at the end: its statement may wait for a lock, and is safe to abandon.
        let months: Task<Void, Never>
        let others: [Task<Void, Never>]

        func cancel() {
            for task in [drain, months] + others { task.cancel() }
        }
    }

    /// Serves until `stop` returns and the calls under way are answered.
    /// - Returns: why it could not serve, such as a socket that another ledger has.
    private func serve(
        _ server: LedgerServer, _ health: HealthState,
        onReady: @escaping @Sendable () async -> Void,
        until stop: @escaping @Sendable () async -> Void
    ) async -> (any Error)? {
        let stopper = Task {
            await stop()
            guard !Task.isCancelled else { return }
            logger.info("stopping: finishing what was taken")
            server.beginGracefulShutdown()
        }
        defer { stopper.cancel() }
        do {
            try await server.run {
                health.setAll(.serving)
                await onReady()
            }
            return nil
        } catch {
            return error
        }
    }

    private func connectionInfo(_ conninfo: String) throws -> ConnectionInfo {
        do throws(PostgresError) {
            return try ConnectionInfo(
                conninfo, overrides: ["application_name": "nexus-ledger"])
        } catch {
            throw StartError.database(error.description)
        }
    }

    private func openOutbox() throws -> Outbox? {
        guard let configuration = configuration.outbox else { return nil }
        do throws(OutboxError) {
            let outbox = try Outbox.open(configuration)
            if outbox.isInMemory {
                logger.warning(
                    """
                    the outbox \(configuration.path) lies in memory and is lost at a restart of \
                    the machine: name a file on a disk with --outbox
                    """)
            }
            logger.info("the outbox is \(configuration.path)")
            return outbox
        } catch {
            throw StartError.outbox(error)
        }
    }

    private func close(_ outbox: Outbox?) {
        do throws(OutboxError) { try outbox?.close() } catch {
            logger.error("the outbox did not close: \(error)")
        }
    }

    /// Deletes what was drained long ago, every hour.
    private func purge(_ outbox: Outbox?) async {
        guard let outbox else { return }
        while !Task.isCancelled {
            do throws(OutboxError) {
                try outbox.purge(SystemClock.now())
            } catch {
                // At the end of the service the outbox is closed under it.
                guard !Task.isCancelled else { return }
                logger.error("the outbox could not be purged: \(error)")
            }
            try? await Task.sleep(for: .seconds(3_600))
        }
    }

    /// The schema has to be that of this build, or a later one: services follow a migration. With
    /// an outbox the ledger starts without PostgreSQL too.
    private func checkSchema(_ info: ConnectionInfo, mayBeAway: Bool) async throws {
        let pool = Pool(info, limits: .init(connectionsMax: 1), name: "pg-start")
        let status: MigrationStatus
        do {
            status = try await pool.run(deadline: .after(.seconds(mayBeAway ? 2 : 10))) {
                connection in
                try Migrator(connection, Schema.migrations).status()
            }
        } catch  where mayBeAway && Self.isOutage(error) {
            await pool.shutdown()
            logger.error("starting without PostgreSQL; appends are buffered: \(error)")
            return
        } catch {
            await pool.shutdown()
            throw StartError.database("\(error)")
        }
        await pool.shutdown()
        let version = status.version ?? 0
        guard !status.isDirty else {
            throw StartError.schema("\(MigrationError.dirty(version: status.version))")
        }
        guard version >= Schema.version else {
            throw StartError.schema(
                "the database's schema is at version \(version), this build needs "
                    + "\(Schema.version): run `nexus-ledger migrate up`")
        }
    }

    /// Whether an error says that PostgreSQL is away, so that a ledger with an outbox starts
    /// without it.
    public static func isOutage(_ error: any Error) -> Bool {
        switch error {
        case let error as PostgresError: error.isOutage
        case MigrationError.database(let error): error.isOutage
        case MigrationError.stepFailed(_, _, _, let error): error.isOutage
        default: false
        }
    }

    /// Makes the months of the log ahead of time, at start and every hour; then looks whether
    /// maintenance is done, which nobody else would notice if it is not. Months do not wait for the
    /// configuration or for maintenance.
    private func keepMonths(_ info: ConnectionInfo, _ settings: ConfigCache) async {
        let connection = DedicatedConnection(info, name: "pg-months")
        while !Task.isCancelled {
            let ahead = await monthsAhead(settings)
            do {
                try await connection.run(deadline: .after(.seconds(30))) { connection in
                    try connection.query(
                        "SELECT count(*) FROM positions.ensure_months($1)", [.int4(ahead)],
                        deadline: .after(.seconds(30)))
                    return
                }
                await checkJobs(connection)
                try? await Task.sleep(for: .seconds(3_600))
            } catch {
                guard !Task.isCancelled else { break }
                logger.error("the next months of the log could not be made: \(error)")
                try? await Task.sleep(for: .seconds(60))
            }
        }
        await connection.shutdown()
    }

    private func monthsAhead(_ settings: ConfigCache) async -> Int32 {
        do {
            let setting = try await settings.value(of: "system_settings/partitions.ahead_months")
            return setting.flatMap { Int32($0) } ?? 1
        } catch {
            guard !Task.isCancelled else { return 1 }
            logger.warning("partitions.ahead_months could not be read, 1 is taken: \(error)")
            return 1
        }
    }

    private func checkJobs(_ connection: DedicatedConnection) async {
        do {
            let missed = try await connection.run(deadline: .after(.seconds(30))) { connection in
                try connection.query(
                    "SELECT maintenance.check_jobs()", deadline: .after(.seconds(30))
                ).onlyRow()[0].int32()
            }
            if missed > 0 {
                let jobs = missed == 1 ? "1 job was" : "\(missed) jobs were"
                logger.warning("\(jobs) not done: run `nexus-ledger maintain`")
            }
        } catch {
            guard !Task.isCancelled else { return }
            logger.error("whether maintenance is done could not be looked at: \(error)")
        }
    }
}
