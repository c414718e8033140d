import GRDB

/// Sums that would otherwise cost a scan. The row on disk is written by settlements,
/// resolutions and purges; what appends add is read from the newest request, which carries the
/// running number of its events, so that an append writes one b-tree only.
struct Totals: Equatable {
    /// The newest request ever appended; 0 before the first.
    var lastSequence: Int64 = 0
    /// Events ever appended.
    var eventsAppended: Int64 = 0
    /// The first request without an outcome; `lastSequence + 1` when each has one.
    var frontier: Int64 = 1
    /// Requests that were parked and wait again.
    var againRequests: Int64 = 0
    var purged = Outbox.Tally()
    var parked = Outbox.Tally()
    var drained = Outbox.Tally()
    var discarded = Outbox.Tally()
    /// The newest request with an outcome; not stored, as `outcomes` tells it.
    var settledMax: Int64 = 0

    /// To be drained: all others.
    var waiting: Outbox.Tally {
        Outbox.Tally(
            requests: lastSequence - purged.requests - parked.requests - drained.requests
                - discarded.requests,
            events: eventsAppended - purged.events - parked.events - drained.events
                - discarded.events)
    }

    /// Whether a position could be held up by a request here.
    var isIdle: Bool { waiting.requests == 0 && parked.requests == 0 }

    /// Requests with positions in `held`.
    var heldRequests: Int64 { againRequests + parked.requests }

    private var columns: [Int64] {
        [
            lastSequence, eventsAppended, frontier, againRequests, purged.requests, purged.events,
            parked.requests, parked.events, drained.requests, drained.events, discarded.requests,
            discarded.events,
        ]
    }

    private static func checksum(_ columns: [Int64]) -> Int64 {
        var checksum = Checksum()
        for column in columns { checksum.add(column) }
        return checksum.value
    }

    init() {}

    /// Reads the stored row; nil if it is missing or its checksum is wrong.
    init?(_ db: Database) throws {
        guard let row = try db.first(OutboxSQL.totals) else { return nil }
        self.init(columns: (0..<13).map { row[$0] })
    }

    /// From the columns of the table behind its id, the checksum last.
    init?(columns: [Int64]) {
        guard columns.count == 13, Totals.checksum(Array(columns[..<12])) == columns[12] else {
            return nil
        }
        lastSequence = columns[0]
        eventsAppended = columns[1]
        frontier = columns[2]
        againRequests = columns[3]
        purged = Outbox.Tally(requests: columns[4], events: columns[5])
        parked = Outbox.Tally(requests: columns[6], events: columns[7])
        drained = Outbox.Tally(requests: columns[8], events: columns[9])
        discarded = Outbox.Tally(requests: columns[10], events: columns[11])
    }

    /// Writes the row.
    func store(_ db: Database) throws {
        let columns = columns
        let values = columns + [Totals.checksum(columns)]
        try db.run(OutboxSQL.putTotals, StatementArguments(values))
    }

    /// Moves the frontier to the first request that has no outcome.
    mutating func moveFrontier(_ db: Database) throws {
        let rows = try db.rows(OutboxSQL.outcomesFrom, [frontier])
        while let row = try rows.next() {
            guard row[0] == frontier else { break }
            frontier += 1
        }
    }

    /// Adds to the tally of a state; waiting has none of its own.
    mutating func add(_ count: Int64, _ events: Int64, to state: Outbox.State) {
        func changed(_ tally: Outbox.Tally) -> Outbox.Tally {
            Outbox.Tally(requests: tally.requests + count, events: tally.events + events)
        }
        switch state {
        case .waiting: break
        case .parked: parked = changed(parked)
        case .drained: drained = changed(drained)
        case .discarded: discarded = changed(discarded)
        }
    }
}
