import EventStore
import Glibc
import LedgerCore
import Postgres
import Projections

/// Brings a generation that is not live to a log position, on a connection of its own: by this
/// build's folds, or else by waiting for whoever has the other logic.
final class CatchUp {
    private let info: ConnectionInfo
    private let book: BookID
    private let slot: Int16
    private let owner: ProcessIdentity
    /// Whether it is to go on.
    let wanted: Wanted
    private var connection: Connection?
    private var tables: [TableWriter]?
    private var projector: BookProjector?

    /// Between two looks at a generation that somebody else writes.
    private static let lookInterval: useconds_t = 10_000
    /// Tries to own a generation before it is given up.
    private static let claimsMax = 20
    /// For a generation that somebody else writes to move on at all.
    private static let standstillMax = Duration.seconds(10)

    init(
        _ info: ConnectionInfo, _ book: BookID, slot: Int16, owner: ProcessIdentity,
        wanted: Wanted = Wanted()
    ) {
        self.wanted = wanted
        self.info = info
        self.book = book
        self.slot = slot
        self.owner = owner
    }

    deinit {
        try? release()
        connection?.close()
    }

    private func session(_ deadline: Deadline) throws -> PostgresProjectionSession {
        if connection?.isUsable != true {
            projector = nil
            connection = try Connection.open(info.preparing(true), deadline: deadline)
            try connection?.execute(
                "SET plan_cache_mode = force_custom_plan", deadline: deadline)
        }
        guard let connection else { throw PostgresError.shutDown }
        return PostgresProjectionSession(connection, deadline: deadline, tables: tables)
    }

    /// Lets others take the generation over at once.
    func release() throws {
        guard let lease = projector?.lease else { return }
        projector = nil
        try session(.after(.seconds(2))).release(lease)
    }

    /// Keeps that the generation stands where the live one stood: its rebuild, if it is one that
    /// was under way, is over. One of another logic is left to whoever writes it.
    func endRebuild(_ deadline: Deadline) throws {
        guard let lease = projector?.lease else { return }
        try session(deadline).endRebuild(lease)
    }

    /// Where the generation stands; claims it, if its logic is this build's.
    private func checkpoint(_ deadline: Deadline) throws -> (at: LogPosition, isOurs: Bool) {
        if let projector { return (projector.checkpoint, true) }
        let session = try session(deadline)
        switch try session.claim(book, slot: slot, owner: owner, isForced: true) {
        case .claimed(let lease, let checkpoint):
            tables = session.tables
            projector = BookProjector(lease, checkpoint: checkpoint)
            return (checkpoint, true)
        case .absent:
            throw GenerationError.precondition(
                "slot \(slot) holds no generation that can be used: it is being rebuilt or "
                    + "emptied; see `nexus-ledger status`")
        case .ownedElsewhere: return (.origin, true)
        case .otherLogic:
            let row = try connection?.query(
                GenerationSQL.checkpoint, [.int4(book.rawValue), .int2(slot)], deadline: deadline
            ).rows.first
            return (LogPosition(rawValue: try row?[0].int64() ?? 0), false)
        }
    }

    /// Brings it to exactly `position`.
    /// - Throws: `GenerationError.busy` where it is beyond it, or not there by `deadline`;
    ///   `CancellationError` when it is not wanted any more.
    func reach(_ position: LogPosition, _ deadline: Deadline) throws {
        var claims = 0
        var seen = LogPosition.origin
        var standstill = Deadline.after(Self.standstillMax)
        while true {
            try wanted.check()
            let (at, isOurs) = try checkpoint(deadline)
            if at == position { return }
            if at != seen {
                seen = at
                standstill = .after(Self.standstillMax)
            }
            guard at < position else {
                throw GenerationError.busy(
                    "slot \(slot) stands at \(at), beyond the live generation at \(position): "
                        + "wait until that has caught up, or rebuild it with `nexus-ledger retire "
                        + "--slot \(slot)` and `nexus-ledger replay`")
            }
            if isOurs, let projector {
                let session = try session(deadline)
                if try !projector.advance(
                    to: position, in: session, check: { [wanted] in try wanted.check() })
                {
                    self.projector = nil
                }
            } else if isOurs {
                claims += 1
                guard claims < Self.claimsMax else {
                    throw GenerationError.busy("slot \(slot) is written by another process")
                }
                usleep(Self.lookInterval)
            } else {
                usleep(Self.lookInterval)
            }
            guard !deadline.hasPassed, isOurs || !standstill.hasPassed else {
                throw isOurs
                    ? GenerationError.busy("slot \(slot) did not reach \(position) in time")
                    : GenerationError.precondition(
                        "slot \(slot) stands at \(at), behind the live generation at "
                            + "\(position), and was folded by another logic than this build's: "
                            + "use the build that made it, or let its `nexus-ledger replay "
                            + "--follow` run beside this")
            }
        }
    }
}
