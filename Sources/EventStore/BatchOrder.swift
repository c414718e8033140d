import Admission
import LedgerCore

extension [UUID: Int] {
    /// The refused request that a request has to wait behind.
    func blocker(of submission: Submission) -> Int? {
        guard !isEmpty else { return nil }
        return submission.events.lazy.compactMap { self[$0.positionID] }.first
    }

    /// Nothing may overtake it.
    mutating func block(_ submission: Submission, by index: Int) {
        for event in submission.events where self[event.positionID] == nil {
            self[event.positionID] = index
        }
    }
}

extension [UUID: String] {
    /// The refusal of a request that an operator gave up; by id, the reason.
    func refusal(of submission: Submission, _ derived: [DerivedID?]) -> Refusal? {
        guard !isEmpty else { return nil }
        for (index, event) in submission.events.enumerated() {
            guard let id = derived[index]?.id ?? event.eventID, let reason = self[id] else {
                continue
            }
            return .precondition(index: index, reason: "event \(id): \(reason)")
        }
        return nil
    }
}

extension BookWriter.Outcome {
    var isRefused: Bool {
        if case .refused = self { return true }
        return false
    }
}

extension Refusal {
    var isContentConflict: Bool {
        if case .contentConflict = self { return true }
        return false
    }
}
