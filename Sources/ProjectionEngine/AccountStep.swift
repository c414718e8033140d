import EventStore
import LedgerCore
import Projections

/// What a position comes to after one of its events, in the order of the log: as the projections
/// had it then.
public struct AccountStep: Hashable, Sendable {
    /// The event.
    public var eventID: UUID
    /// Its place in the log.
    public var logPosition: LogPosition
    /// Its number within the position.
    public var version: StreamVersion
    /// SHA-256 of the rows that the position has then.
    public var digest: [UInt8]
    /// Those rows, a JSON object of table → rows, where they were asked for.
    public var account: [UInt8]?
    /// Why the position cannot be folded then.
    public var foldError: String?

    /// Takes them as they are.
    public init(
        eventID: UUID, logPosition: LogPosition, version: StreamVersion, digest: [UInt8],
        account: [UInt8]?, foldError: String?
    ) {
        self.eventID = eventID
        self.logPosition = logPosition
        self.version = version
        self.digest = digest
        self.account = account
        self.foldError = foldError
    }
}

/// The steps of a position by the logic that another build has; nil where it does not answer.
public typealias FormerSteps =
    @Sendable (
        _ position: UUID, _ through: LogPosition, _ accountsAfter: Set<LogPosition>
    ) async throws -> [AccountStep]?

/// Folds a stream event by event.
struct AccountSteps {
    let events: [Event]

    /// Calls `visit` with each event and the account before and after it, in the order of the
    /// log; `why` says why the account does not follow.
    func walk(
        _ visit: (Event, _ before: PositionAccount?, _ after: PositionAccount?, _ why: String?)
            -> Void
    ) {
        var account: PositionAccount?
        var why: String?
        for (index, event) in events.enumerated() {
            let before = account
            if why == nil, var next = account, (try? next.evolve(event)) ?? false,
                next.canBeMapped
            {
                account = next
            } else {
                let (folded, error) = AccountFold.foldPrefix(Array(events[...index]), check: {})
                account = folded
                why = error?.description
            }
            visit(event, before, account, why)
        }
    }

    /// All steps; with their rows after the events at `accountsAfter`.
    func list(accountsAfter: Set<LogPosition> = []) -> [AccountStep] {
        var steps: [AccountStep] = []
        walk { event, _, account, why in
            let rows = PositionRows(account, stale: why)
            steps.append(
                AccountStep(
                    eventID: event.eventID, logPosition: event.logPosition,
                    version: event.version, digest: rows.digest,
                    account: accountsAfter.contains(event.logPosition) ? rows.json : nil,
                    foldError: why))
        }
        return steps
    }
}
