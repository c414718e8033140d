import LedgerCore
import LedgerRPC

import struct Foundation.Data

/// Requests, and what an outbox keeps of their events.
struct BenchOutboxLoad: Sendable {
    /// So many positions are appended to in turns.
    static let positions = 64

    /// Opens the positions that the requests do not open themselves.
    private(set) var openings = Nexus_Ledger_V1_AppendRequest()
    /// The events of `openings`.
    private(set) var openingEvents: [NewEvent] = []
    /// The events of `requests`, one by one.
    private(set) var events: [[NewEvent]] = []
    private(set) var requests: [Nexus_Ledger_V1_AppendRequest] = []
    /// The canonical line of each event of the requests, in their order.
    private(set) var lines: [Data] = []

    /// Requests of `size` events, which are whole positions.
    init(events count: Int, of size: Int, from source: inout BenchEvents) throws {
        for _ in 0..<(count / size) {
            var events: [NewEvent] = []
            while events.count < size { events += try source.nextPosition() }
            add(events)
        }
    }

    /// Requests of one event each, on positions that `openings` opens: round robin over 64 of them,
    /// and when these have had all of theirs over the next 64.
    init(followUps count: Int, from source: inout BenchEvents) throws {
        while requests.count < count {
            var positions: [[NewEvent]] = []
            for _ in 0..<Self.positions { positions.append(try source.nextPosition()) }
            openingEvents += positions.map { $0[0] }
            openings.events += positions.map { Nexus_Ledger_V1_NewEvent($0[0]) }
            for index in 1..<BenchEvents.eventsOfPosition {
                for events in positions where requests.count < count { add([events[index]]) }
            }
        }
    }

    private mutating func add(_ events: [NewEvent]) {
        var request = Nexus_Ledger_V1_AppendRequest()
        request.events = events.map { Nexus_Ledger_V1_NewEvent($0) }
        requests.append(request)
        self.events.append(events)
        for event in events {
            lines.append(Data(EventLine(book: .main, event: event).canonicalBytes))
        }
    }
}
