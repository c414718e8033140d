import LedgerCore

/// A position's events in the order of folding, each with what it came to.
public enum Timeline {
    /// One event in its place, and what became of it.
    public struct Step: Sendable {
        /// Index into the events that were given.
        public var index: Int
        /// The void that took the event back.
        public var voidedBy: UUID?
        /// The event that this one takes back, whether it is known or not.
        public var voids: UUID?
        /// Settle units a unit of the event's asset, by the live valuation that counts.
        public var rate: Fixed?
        /// Where the log has that valuation.
        public var valuedAt: LogPosition?
        /// Why the fold stops here; from this event on there is no account.
        public var error: FoldError?
    }

    /// Folds `events`, a whole stream by version, and calls `visit` after each event with the
    /// account as it is then; nil from the event on that cannot be folded. Nothing is visited
    /// where the stream does not begin with position_opened.
    public static func walk(
        _ events: [Event], _ visit: (Step, PositionAccount?) -> Void
    ) {
        guard let first = events.first, case .opened(let opened) = first.payload else { return }
        let hindsight = Hindsight(events)
        var voids: [UUID: UUID] = [:]
        for event in events {
            if case .voided(let void) = event.payload { voids[void.target] = event.eventID }
        }
        var account: PositionAccount? = PositionAccount(first, opened)
        account?.noteTradePrices(events, hindsight)
        visit(Step(index: 0), account)
        let order = events.indices.dropFirst().sorted {
            Event.folds(events[$0], before: events[$1])
        }
        for index in order {
            var step = Step(index: index)
            let id = events[index].eventID
            if hindsight.voids[id] != nil { step.voidedBy = voids[id] }
            if case .voided(let void) = events[index].payload { step.voids = void.target }
            step.rate = hindsight.valuations[id]?.rate
            step.valuedAt = hindsight.valuations[id]?.stamp.logPosition
            do throws(FoldError) {
                try account?.book(events[index], hindsight)
            } catch {
                step.error = error
                account = nil
            }
            visit(step, account)
        }
    }
}
