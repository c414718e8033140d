import GRDB
import LedgerCore

import struct Foundation.Data

/// A row of `outcomes`, as it is stored.
struct OutcomeRow {
    var sequence: Int64
    var state: Outbox.State
    /// When it was drained or discarded.
    var at: Int64?
    var behind: Int64?
    var parkedReason: String?
    var actor: String?
    var resolution: String?
    var places: [UInt8]?
    var checksum: Int64

    init(
        sequence: Int64, state: Outbox.State, at: Int64? = nil, behind: Int64? = nil,
        parkedReason: String? = nil, actor: String? = nil, resolution: String? = nil,
        places: [UInt8]? = nil
    ) {
        self.sequence = sequence
        self.state = state
        self.at = at
        self.behind = behind
        self.parkedReason = parkedReason
        self.actor = actor
        self.resolution = resolution
        self.places = places
        checksum = 0
        checksum = computedChecksum
    }

    /// Reads the columns from `first` on; nil where a state is not known.
    init?(_ row: Row, from first: Int) throws {
        guard let state = Outbox.State(rawValue: row[first + 1]) else { return nil }
        sequence = row[first]
        self.state = state
        at = row[first + 2]
        behind = row[first + 3]
        parkedReason = row[first + 4]
        actor = row[first + 5]
        resolution = row[first + 6]
        places = try row.octets(first + 7)
        checksum = row[first + 8]
    }

    private var computedChecksum: Int64 {
        var checksum = Checksum()
        checksum.add(sequence)
        checksum.add(state.rawValue)
        checksum.add(at)
        checksum.add(behind)
        checksum.addCounted(parkedReason)
        checksum.addCounted(actor)
        checksum.addCounted(resolution)
        checksum.addCounted(places ?? [])
        return checksum.value
    }

    /// Whether it is what was written.
    var isIntact: Bool { checksum == computedChecksum }

    /// The arguments of `OutboxSQL.putOutcome`.
    var arguments: StatementArguments {
        [
            sequence, state.rawValue, at, behind, parkedReason, actor, resolution,
            places.map { Data($0) }, checksum,
        ]
    }
}

extension Outbox.Request {
    /// From what is stored; no outcome means that it waits.
    init(_ sequence: Int64, _ draft: Outbox.Draft, _ outcome: OutcomeRow?) {
        self.sequence = OutboxSequence(rawValue: sequence)
        self.draft = draft
        state = outcome?.state ?? .waiting
        parking = outcome?.parkedReason.map { reason in
            Outbox.Parking(
                reason: reason,
                behind: outcome?.behind.map { OutboxSequence(rawValue: $0) })
        }
        let at = outcome?.at.map { Timestamp(microseconds: $0) }
        if state == .drained {
            places = outcome?.places ?? []
            drainedAt = at
        }
        if state == .discarded, let actor = outcome?.actor, let at {
            resolution = Outbox.Resolution(
                actor: actor, reason: outcome?.resolution ?? "", at: at)
        }
    }
}
