import EventStore
import LedgerCore
import Postgres

/// The log and the generations, as a projection worker reaches them: PostgreSQL in a service, a
/// model of it in the simulator.
protocol ProjectionStore: Sendable {
    /// Reaches them once, by `deadline`.
    /// - Throws: what `body` throws, and `PostgresError` where they cannot be reached. After
    ///   `.unreachable` and `.timedOut` the outcome is not known.
    func reach<Value: Sendable>(
        deadline: Deadline, _ body: @escaping @Sendable (any ProjectionSession) throws -> Value
    ) async throws -> Value
}

/// What can be done while they are reached. Confined to the thread that it is given on.
protocol ProjectionSession {
    /// Takes a generation of a book over, the live one if no slot is named, if nobody else works
    /// on it. `isForced`: even if somebody does, who is fenced off.
    func claim(
        _ book: BookID, slot: Int16?, owner: ProcessIdentity, isForced: Bool
    ) throws -> Claim
    /// The events of (after, through], by position. `since` is no later than any of them.
    func entries(
        _ book: BookID, after: LogPosition, through: LogPosition, since: Timestamp?
    ) throws -> [LogEntry]
    /// The events of positions up to a log position, by version.
    func streams(
        _ book: BookID, _ positions: [UUID], through: LogPosition
    ) throws -> [UUID: ReadableStream]
    /// The positions among those given that stand still, and the version that their rows are of.
    func held(
        _ lease: Lease, _ positions: [UUID]
    ) throws -> [UUID: (stale: Stale, version: Int)]
    /// Writes all changes and the checkpoint in one transaction, or nothing.
    func write(
        _ changes: [BatchFold.Change], _ lease: Lease, from: LogPosition, through: LogPosition
    ) throws -> WriteOutcome
    /// Shows a sign of life. False if the generation has another owner.
    func heartbeat(_ lease: Lease) throws -> Bool
    /// Keeps that a generation stood where the live one stood: its rebuild is over. Nothing is
    /// kept if it has another owner.
    func endRebuild(_ lease: Lease) throws
    /// Lets others take over at once.
    func release(_ lease: Lease) throws
}

/// A generation that a worker owns, until another one claims it.
struct Lease: Hashable, Sendable {
    let book: BookID
    let slot: Int16
    /// Grows with each owner: who has an older one is fenced off.
    let epoch: Int64
}

/// What came of trying to own a generation.
enum Claim: Sendable {
    case claimed(Lease, checkpoint: LogPosition)
    /// Another process works on it.
    case ownedElsewhere(owner: String)
    /// The generation was folded by another logic.
    case otherLogic(version: Int32)
    /// There is no such generation, or it is being rebuilt or emptied.
    case absent
}

/// What came of a range that was to be written.
enum WriteOutcome: Sendable {
    case written
    /// Another owner has the generation.
    case lost
    /// The tables refuse the rows of these positions, for this reason. Nothing was written.
    case refused([UUID: String])
}
