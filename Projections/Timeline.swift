import LedgerCore

/// A position's events in the order of folding, each with what it came to.
public enum Timeline {
    public struct Step: Sendable {
        /// Index into the events that were given.
        public var index: Int
        /// The void that took the event back.
        public var voidedBy: UUID?
        /// The account after the event; nil from the event on that cannot be folded.
        public var account: PositionAccount?
        /// Why the fold stops here.
        public var error: FoldError?
    }

    /// `events` are a whole stream by version.
    public static func steps(_ events: [Event]) -> [Step] {
        guard let first = events.first, case .opened(let opened) = first.payload else { return [] }
        let hindsight = Hindsight(events)
        var voids: [UUID: UUID] = [:]
        for event in events {
            if case .voided(let void) = event.payload { voids[void.target] = event.eventID }
        }
        var account: PositionAccount? = PositionAccount(first, opened)
        account?.noteTradePrices(events, hindsight)
        var steps = [Step(index: 0, account: account)]
        let order = events.indices.dropFirst().sorted {
            Event.folds(events[$0], before: events[$1])
        }
        for index in order {
            var step = Step(index: index)
            if hindsight.voids[events[index].eventID] != nil {
                step.voidedBy = voids[events[index].eventID]
            }
            if var next = account {
                do throws(FoldError) {
                    try next.book(events[index], hindsight)
                    account = next
                } catch {
                    step.error = error
                    account = nil
                }
            }
            step.account = account
            steps.append(step)
        }
        return steps
    }
}
