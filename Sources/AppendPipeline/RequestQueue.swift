import LedgerCore
import Outbox

/// The durable queue of requests, as the pipeline and the drain use it: the outbox in a service,
/// a model of it in the simulator. Every function may wait for the disk; what each does is said
/// at `Outbox`.
public protocol RequestQueue: Sendable {
    /// Whether nothing waits and nothing is parked.
    var isIdle: Bool { get }
    /// Stores requests in one durable commit, all or none.
    func append(_ drafts: [Outbox.Draft]) throws(OutboxError) -> [OutboxSequence]
    /// Where events are stored, by their keys.
    func find(
        _ book: BookName, _ keys: [[UInt8]]
    ) throws(OutboxError) -> [[UInt8]: Outbox.Location]
    /// Everything that is known of a request; nil if there is none.
    func request(_ sequence: OutboxSequence) throws(OutboxError) -> Outbox.Request?
    /// The positions among those given that a waiting or parked request touches.
    func touched(
        _ book: BookName, _ positions: [UUID]
    ) throws(OutboxError) -> Set<UUID>
    /// What is to be drained next, and what it may not overtake, in one snapshot.
    func next(limitEvents: Int, limitBytes: Int) throws(OutboxError) -> Outbox.Round
    /// Keeps what became of requests, all or none.
    func settle(_ outcomes: [Outbox.Settlement]) throws(OutboxError)
    /// The requests from behind `after` to before `sequence` that touch a position, ascending.
    func earlier(
        _ book: BookName, _ position: UUID, after: OutboxSequence, before sequence: OutboxSequence
    ) throws(OutboxError) -> [Outbox.Earlier]
}

extension Outbox: RequestQueue {}
