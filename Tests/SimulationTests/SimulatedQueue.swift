import LedgerCore
import LedgerTesting

@testable import AppendPipeline
@testable import Outbox

/// The outbox's file: what it holds outlives a process.
final class SimulatedFile: @unchecked Sendable {
    var requests: [Outbox.Request] = []

    func isOpen(_ request: Outbox.Request) -> Bool {
        request.state == .waiting || request.state == .parked
    }
}

/// An outbox in memory with the rules of `Outbox`, as one process has it open. It can be full, or
/// fail.
struct SimulatedQueue: RequestQueue {
    let file: SimulatedFile
    let life: Life

    private func access(_ what: String) throws(OutboxError) {
        if life.isKilled { throw .io("killed") }
        if life.world.mishapPercent > 0, life.world.chance(1) { throw .io(what) }
    }

    var isIdle: Bool { !file.requests.contains(where: file.isOpen) }

    func append(_ drafts: [Outbox.Draft]) throws(OutboxError) -> [OutboxSequence] {
        for draft in drafts { draft.check() }
        guard !drafts.isEmpty else { return [] }
        try access("append")
        if life.world.mishapPercent > 0, life.world.chance(2) {
            throw .full(.device("no space"))
        }
        var sequences: [OutboxSequence] = []
        for draft in drafts {
            let sequence = OutboxSequence(rawValue: Int64(file.requests.count + 1))
            file.requests.append(Outbox.Request(sequence: sequence, draft: draft, state: .waiting))
            sequences.append(sequence)
        }
        life.world.note("\(life.name): buffers \(sequences)")
        return sequences
    }

    func find(
        _ book: BookName, _ keys: [[UInt8]]
    ) throws(OutboxError) -> [[UInt8]: Outbox.Location] {
        try access("find")
        var found: [[UInt8]: Outbox.Location] = [:]
        for request in file.requests where request.draft.book == book {
            for (index, key) in request.draft.keys.enumerated()
            where keys.contains(key) && found[key] == nil {
                found[key] = Outbox.Location(
                    sequence: request.sequence, index: index, state: request.state)
            }
        }
        return found
    }

    func request(_ sequence: OutboxSequence) throws(OutboxError) -> Outbox.Request? {
        try access("request")
        return file.requests.first { $0.sequence == sequence }
    }

    func touched(
        _ book: BookName, _ positions: [UUID]
    ) throws(OutboxError) -> Set<UUID> {
        try access("touched")
        var touched: Set<UUID> = []
        for request in file.requests where request.draft.book == book && file.isOpen(request) {
            touched.formUnion(request.draft.positions)
        }
        return touched.intersection(positions)
    }

    func next(limitEvents: Int, limitBytes: Int) throws(OutboxError) -> Outbox.Round {
        try access("next")
        var waiting = file.requests.filter { $0.state == .waiting }
        if life.world.defect == .overtakes { waiting.reverse() }
        guard let book = waiting.first?.draft.book else { return Outbox.Round() }
        var round = Outbox.Round()
        var events = 0
        for request in waiting where request.draft.book == book {
            events += request.draft.lines.count
            guard round.requests.isEmpty || events <= limitEvents else { break }
            round.requests.append(request)
        }
        let parked = file.requests.filter { request in
            request.state == .parked && request.draft.book == book
                && request.parking?.isContradiction == false
        }
        for position in Set(round.requests.flatMap(\.draft.positions)) {
            round.blockers[position] =
                parked.first {
                    $0.draft.positions.contains(position)
                }?.sequence
        }
        return round
    }

    func settle(_ outcomes: [Outbox.Settlement]) throws(OutboxError) {
        try access("settle")
        var requests = file.requests
        for outcome in outcomes {
            let index = Int(outcome.sequence.rawValue - 1)
            guard requests[index].state == .waiting else {
                throw .notWaiting(outcome.sequence, state: requests[index].state)
            }
            switch outcome {
            case .parked where life.world.defect == .dropsParked:
                requests[index].state = .drained
            case .drained(_, let places, let at):
                requests[index].state = .drained
                requests[index].places = places
                requests[index].drainedAt = at
            case .parked(_, let reason, let behind):
                if let behind, requests[Int(behind.rawValue - 1)].state != .parked {
                    throw .notParked(behind, state: requests[Int(behind.rawValue - 1)].state)
                }
                requests[index].state = .parked
                requests[index].parking = Outbox.Parking(reason: reason, behind: behind)
            }
        }
        file.requests = requests
        life.world.note("\(life.name): settles \(outcomes.map(\.sequence))")
    }

    func earlier(
        _ book: BookName, _ position: UUID, after: OutboxSequence, before sequence: OutboxSequence
    ) throws(OutboxError) -> [Outbox.Earlier] {
        try access("earlier")
        return file.requests.filter { request in
            request.draft.book == book && request.draft.positions.contains(position)
                && request.sequence > after && request.sequence < sequence
        }.map { request in
            Outbox.Earlier(
                sequence: request.sequence, state: request.state, keys: request.draft.keys,
                places: request.places, settledAt: request.drainedAt ?? request.resolution?.at)
        }
    }
}
