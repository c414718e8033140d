import LedgerCore
import Postgres
import Synchronization

/// Follows the changes of the configuration: told by NOTIFY, and looking by itself as often as the
/// time to live says, so that a lost notice costs at most that.
///
/// Behind a pooler in transaction mode LISTEN is lost without a word. Such a connection is known by
/// its process id, which is the pooler's and not the server's; it is then only polled.
public final class ConfigWatch: Sendable {
    /// What was seen at one look.
    public struct Look: Sendable {
        /// Changes that were committed since the look before, in their order; at most 1,000.
        public var changes: [ConfigChange]
        /// The last change that was looked at.
        public var through: Int64
        /// Whether notices do not come through.
        public var isPolling: Bool
    }

    /// The channel of `config.log_change`.
    private static let channel = "nexus_config"
    private static let changesMax: Int32 = 1_000
    private static let answerMax = Duration.seconds(10)

    private let connection: DedicatedConnection
    private let wakeUp: WakeUp
    private let timeToLive: Duration?
    private let isPolling = Mutex(false)

    /// Watches with a connection of its own. `timeToLive`: nil for the setting
    /// config.cache_ttl_s, which is read before each wait.
    public init(_ info: ConnectionInfo, timeToLive: Duration? = nil) throws {
        wakeUp = try WakeUp()
        self.timeToLive = timeToLive
        connection = DedicatedConnection(info.preparing(false), name: "pg-config-watch")
    }

    /// Changes after `id` whose path begins with `prefix`: those that are there, else those that
    /// come within the time to live, else none. -1: none, and what the last change is.
    public func look(after id: Int64, prefix: String = "") async throws -> Look {
        try await withTaskCancellationHandler {
            do {
                // The bound of connecting; what is asked then has its own.
                let deadline = Deadline.after(ConfigWatch.answerMax)
                return try await connection.run(deadline: deadline) { [self] connection in
                    // Listening comes before reading: what is committed between is told.
                    try listen(connection)
                    let now = try read(connection, after: id, prefix)
                    guard id >= 0, now.changes.isEmpty else { return now }
                    try wait(connection)
                    return try read(connection, after: id, prefix)
                }
            } catch let error as PostgresError {
                throw ConfigStore.meaning(of: error)
            }
        } onCancel: {
            wakeUp.signal()
        }
    }

    /// Ends its connection; a look that waits ends at once.
    public func shutdown() async {
        wakeUp.signal()
        await connection.shutdown()
    }

    private func listen(_ connection: Connection) throws {
        let deadline = Deadline.after(ConfigWatch.answerMax)
        let server = try connection.query(ConfigSQL.backend, deadline: deadline).onlyRow()[0]
            .int32()
        let isPooled = server != connection.backendPID
        isPolling.withLock { $0 = isPooled }
        if !isPooled { try connection.listen(ConfigWatch.channel, deadline: deadline) }
    }

    private func wait(_ connection: Connection) throws {
        let deadline = Deadline.after(ConfigWatch.answerMax)
        let span =
            if let timeToLive {
                timeToLive
            } else {
                Duration.seconds(
                    try connection.query(ConfigSQL.timeToLive, deadline: deadline).onlyRow()[0]
                        .int32())
            }
        // Where notices do not come it waits for the span, and can be woken, all the same.
        _ = try connection.waitForNotifications(deadline: .after(span), wakeUp: wakeUp)
    }

    private func read(
        _ connection: Connection, after id: Int64, _ prefix: String
    ) throws -> Look {
        let deadline = Deadline.after(ConfigWatch.answerMax)
        var look = Look(
            changes: [],
            through: try connection.query(ConfigSQL.last, deadline: deadline).onlyRow()[0].int64(),
            isPolling: isPolling.withLock { $0 })
        guard id >= 0, look.through > id else { return look }
        look.changes = try ConfigStore.changes(
            connection.query(
                ConfigSQL.changesAfter,
                [.int8(id), .text(prefix), .int4(ConfigWatch.changesMax)], deadline: deadline))
        // A full page may have left some behind; else later ones than `through` may be in it.
        if let last = look.changes.last?.id {
            let isFull = look.changes.count == Int(ConfigWatch.changesMax)
            look.through = isFull ? last : max(last, look.through)
        }
        return look
    }
}
