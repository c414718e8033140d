import EventStore
import LedgerCore
import Postgres
import Projections

/// Since which event two generations disagree about a position.
public struct Explanation: Sendable {
    /// The first event, in the order of the log, after which they disagree; nil if there is none.
    public var event: RecordedEvent?
    /// How that is known, in words.
    public var method: String
    /// The live generation's rows just before the event, a JSON object of table → rows; nil where
    /// it cannot be known.
    public var liveBefore: [UInt8]?
    /// The same just after it.
    public var liveAfter: [UInt8]?
    /// The other generation's rows just before it.
    public var otherBefore: [UInt8]?
    /// The same just after it.
    public var otherAfter: [UInt8]?
    /// In what the rows differ now.
    public var differences: [RowDifference]
    /// At which both were looked at.
    public var logPosition: LogPosition
}

/// Explaining where generations part.
extension GenerationDesk {
    /// For one position.
    private static let explainDeadline = Duration.seconds(120)

    /// What is read of a position to explain it.
    private struct Found: Sendable {
        var live: Generation
        var other: Generation
        var rowsOfLive: PositionRows
        var rowsOfOther: PositionRows
        var events: [RecordedEvent]
        var at: LogPosition
    }

    /// Names the first event after which the live generation and another one disagree about a
    /// position. `former` gives the steps by the logic of the live one; without it, the event is
    /// inferred from the rows.
    /// - Throws: `GenerationError`.
    public func explain(
        _ book: BookID, position: UUID, slot: Int16?, former: FormerSteps?
    ) async throws -> Explanation {
        let found = try await find(book, position, slot)
        let differences = found.rowsOfLive.differences(to: found.rowsOfOther)
        var answer = Explanation(
            method: "nothing of this position differs", differences: differences,
            logPosition: found.at)
        guard !differences.isEmpty else { return answer }
        let own = AccountSteps(events: found.events.map(\.event))
        let steps = own.list()
        let theirs = try? await former?(position, found.at, [])
        if let theirs, theirs.map(\.eventID) == steps.map(\.eventID),
            theirs.last?.digest == found.rowsOfLive.digest
        {
            guard
                let index = zip(theirs, steps).enumerated().first(where: {
                    $0.element.0.digest != $0.element.1.digest
                })?.offset
            else {
                answer.method =
                    "no event: both logics fold the log to what the live generation has; what "
                    + "slot \(found.other.slot) has was not made by a fold of this build"
                return answer
            }
            try await tell(index, steps, found, own, position, former, &answer)
            return answer
        }
        if steps.last?.digest == found.rowsOfLive.digest {
            answer.method =
                "no event: this build folds the log to what the live generation has; what slot "
                + "\(found.other.slot) has was made by something else"
            return answer
        }
        if found.live.fingerprint == LogicMark.own.fingerprint {
            answer.method =
                "no event: the live generation was folded by this build's logic, which folds the "
                + "log to something else than stands there; the rows were changed by something "
                + "else than a fold"
            return answer
        }
        infer(found, own, &answer)
        return answer
    }

    private func find(
        _ book: BookID, _ position: UUID, _ slot: Int16?
    ) async throws -> Found {
        let (info, identity) = (info, identity)
        return try await runLong(Self.explainDeadline) { connection, deadline, wanted in
            let generations = try Self.generations(book, connection, deadline)
            let other = try Self.ready(slot, of: generations)
            let catchUp = CatchUp(
                info, book, slot: other.slot, owner: identity, wanted: wanted)
            defer { try? catchUp.release() }
            try catchUp.reach(generations[0].logPosition, deadline)
            return try connection.transaction(
                "ISOLATION LEVEL REPEATABLE READ READ ONLY", deadline: deadline
            ) { connection in
                let now = try Self.generations(book, connection, deadline)
                let at = now.first { $0.slot == other.slot }?.logPosition ?? .origin
                let all = try LogReader(connection, deadline: deadline)
                    .recordedStream(book, position)
                guard !all.isEmpty else {
                    throw GenerationError.notFound("there is no position \(position)")
                }
                let late = all.first {
                    $0.event.logPosition > at && $0.event.logPosition <= now[0].logPosition
                }
                guard late == nil else {
                    throw GenerationError.busy(
                        "events of the position come in meanwhile: try again")
                }
                return Found(
                    live: now[0], other: other,
                    rowsOfLive: try PositionRows(
                        of: position, book, slot: now[0].slot, connection, deadline: deadline),
                    rowsOfOther: try PositionRows(
                        of: position, book, slot: other.slot, connection, deadline: deadline),
                    events: all.filter { $0.event.logPosition <= at }, at: at)
            }
        }
    }

    /// Both logics are known: shows the accounts around the event.
    private func tell(
        _ index: Int, _ steps: [AccountStep], _ found: Found, _ own: AccountSteps,
        _ position: UUID, _ former: FormerSteps?, _ answer: inout Explanation
    ) async throws {
        answer.event = found.events[index]
        answer.method =
            "both logics folded the position event by event: a ledger with the logic of the live "
            + "generation, and this build"
        var places: Set<LogPosition> = [steps[index].logPosition]
        if index > 0 { places.insert(steps[index - 1].logPosition) }
        let mine = own.list(accountsAfter: places)
        let theirs = try await former?(position, found.at, places)
        answer.otherAfter = mine[index].account
        answer.liveAfter = theirs?[index].account
        if index > 0 {
            answer.otherBefore = mine[index - 1].account
            answer.liveBefore = theirs?[index - 1].account
        }
    }

    /// Only what the live logic has left is known.
    private func infer(_ found: Found, _ own: AccountSteps, _ answer: inout Explanation) {
        let inference = Inference(live: found.rowsOfLive, other: found.rowsOfOther)
        guard let (index, why) = inference.firstEvent(own) else {
            answer.method =
                "no event of the position changes what differs: the live rows were changed by "
                + "something else than a fold"
            return
        }
        answer.event = found.events[index]
        answer.method =
            "inferred: \(why); no ledger answers that folds as the live generation was folded "
            + "(\(found.live.logic))"
        var places: Set<LogPosition> = [own.events[index].logPosition]
        if index > 0 { places.insert(own.events[index - 1].logPosition) }
        let mine = own.list(accountsAfter: places)
        answer.otherAfter = mine[index].account
        if index > 0 {
            answer.otherBefore = mine[index - 1].account
            // Up to there nothing has differed.
            answer.liveBefore = mine[index - 1].account
        }
        if index == own.events.count - 1 { answer.liveAfter = found.rowsOfLive.json }
    }

    /// The steps of a position by this build's folds, up to a log position.
    public func steps(
        _ book: BookID, position: UUID, through: LogPosition?,
        accountsAfter: Set<LogPosition>
    ) async throws -> [AccountStep] {
        try await run(Self.explainDeadline) { connection, deadline in
            let events = try LogReader(connection, deadline: deadline).stream(
                book, position, through: through ?? LogPosition(rawValue: .max))
            guard !events.isEmpty else {
                throw GenerationError.notFound("there is no position \(position)")
            }
            return AccountSteps(events: events).list(accountsAfter: accountsAfter)
        }
    }
}
