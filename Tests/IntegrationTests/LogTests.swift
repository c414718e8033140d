import Crypto
import EventStore
import LedgerCore
import Postgres
import Testing

/// What the log holds after a random book.
@Suite struct LogTests {
    let sandbox: Sandbox

    init() async throws {
        sandbox = try await Sandbox()
    }

    @Test func `the log decides as the model in memory does, and holds what was sent`()
        async throws
    {
        let seed = seed()
        var book = RandomBook(seed: seed)
        let appenders = [sandbox.appender(), sandbox.appender()]
        var sent: [UUID: NewEvent] = [:]
        for _ in 0..<500 {
            let (events, decision) = book.next()
            let appender = appenders[book.random.chance(30) ? 1 : 0]
            #expect(try await appender.outcome(of: events) == decision, "seed \(seed)")
            guard case .admitted(let spots) = decision else { continue }
            for (event, spot) in zip(events, spots) where !spot.isDuplicate {
                sent[spot.id] = event
            }
        }
        for appender in appenders { await appender.shutdown() }
        let connection = try sandbox.open()
        let audit = try LogAudit(connection, .main)
        #expect(audit.faults == [], "seed \(seed)")
        #expect(audit.events.count == sent.count)
        for recorded in audit.events {
            let event = try #require(sent[recorded.event.eventID])
            #expect(recorded.event.positionID == event.positionID)
            #expect(recorded.event.payload == event.payload)
            #expect(recorded.event.effectiveAt == event.effectiveAt)
            #expect(recorded.payloadBytes == event.payloadBytes)
            #expect(recorded.source == event.source)
            #expect(recorded.actor == event.actor)
            #expect(recorded.causationID == event.causationID)
            #expect(recorded.correlationID == event.correlationID)
        }
    }

    @Test func `the peer of a request is recorded for each of its events`() async throws {
        let appender = sandbox.appender()
        var desk = Desk()
        let open = try desk.open()
        _ = try await appender.append([open, try desk.fill(open.positionID, "t", .buy, 1, 10)])
        _ = try await appender.append([try desk.open()])
        let reader = LogReader(try sandbox.open(), deadline: ample)
        let id = try #require(try reader.book(.main))
        let stream = try reader.recordedStream(id, open.positionID)
        let peers = try reader.peers(id, of: stream)
        #expect(peers == [LogPosition(rawValue: 1): 1_000, LogPosition(rawValue: 2): 1_000])
        await appender.shutdown()
    }
}

/// A book's log, read whole and checked against its own rules.
struct LogAudit {
    let events: [RecordedEvent]
    /// What is wrong, in words.
    private(set) var faults: [String] = []

    init(_ connection: Connection, _ book: BookName) throws {
        let reader = LogReader(connection, deadline: ample)
        guard let id = try reader.book(book) else { throw Surprise("there is no book \(book)") }
        let head = try reader.head(id)
        events = try reader.recordedEvents(
            id, after: .origin, through: LogPosition(rawValue: .max))
        if Int64(events.count) != head.position.rawValue {
            faults.append("head \(head.position), but \(events.count) events")
        }
        if head.recordedAt != events.last?.event.recordedAt { faults.append("head's time") }
        checkOrder()
        checkHashes(book)
        let keys = try connection.query(
            """
            SELECT event_id, log_position, recorded_at
            FROM positions.event_keys
            WHERE book_id = $1
            ORDER BY log_position
            """, [.int4(id.rawValue)], deadline: ample)
        if keys.rowCount != events.count { faults.append("\(keys.rowCount) keys") }
        for (row, recorded) in zip(keys.rows, events) {
            let isRight =
                try row[0].id() == recorded.event.eventID
                && row[1].int64() == recorded.event.logPosition.rawValue
                && row[2].timestamp() == recorded.event.recordedAt
            if !isRight { faults.append("key of \(recorded.event.logPosition)") }
        }
        try checkStreams(connection, id)
    }

    private mutating func checkOrder() {
        var versions: [UUID: Int64] = [:]
        var seen: Set<UUID> = []
        var last = Timestamp(microseconds: 0)
        for (index, recorded) in events.enumerated() {
            let event = recorded.event
            if event.logPosition.rawValue != Int64(index + 1) {
                faults.append("position \(event.logPosition) where \(index + 1) should be")
            }
            versions[event.positionID, default: 0] += 1
            if event.version.rawValue != versions[event.positionID] {
                faults.append("version \(event.version) at \(event.logPosition)")
            }
            if event.recordedAt < last { faults.append("the time falls at \(event.logPosition)") }
            last = event.recordedAt
            if !seen.insert(event.eventID).inserted { faults.append("\(event.eventID) twice") }
        }
    }

    private mutating func checkHashes(_ book: BookName) {
        for recorded in events {
            if recorded.payloadBytes != recorded.event.payload.canonicalBytes {
                faults.append("the payload at \(recorded.event.logPosition) is not canonical")
            }
            if recorded.leafHash != LogAudit.leafHash(recorded, book) {
                faults.append("the leaf hash at \(recorded.event.logPosition)")
            }
        }
    }

    /// By the formula of architecture.md, not by the ledger's own code.
    private static func leafHash(_ recorded: RecordedEvent, _ book: BookName) -> [UInt8] {
        let event = recorded.event
        var bytes: [UInt8] = [0] + Array("nexus.event.v1".utf8)
        func add(_ member: [UInt8]) {
            bytes += withUnsafeBytes(of: UInt32(member.count).bigEndian, Array.init) + member
        }
        func number(_ value: Int64) -> [UInt8] { withUnsafeBytes(of: value.bigEndian, Array.init) }
        func id(_ id: UUID?) -> [UInt8] {
            guard let id else { return [] }
            return number(Int64(bitPattern: id.high)) + number(Int64(bitPattern: id.low))
        }
        add(Array(book.description.utf8))
        add(number(event.logPosition.rawValue))
        add(id(event.positionID))
        add(number(event.version.rawValue))
        add(id(event.eventID))
        add(Array(event.type.rawValue.utf8))
        add(withUnsafeBytes(of: recorded.schemaVersion.bigEndian, Array.init))
        add(number(event.effectiveAt.microseconds))
        add(number(event.recordedAt.microseconds))
        add(Array(recorded.source.rawValue.utf8))
        add(Array((recorded.actor ?? "").utf8))
        add(id(recorded.causationID))
        add(id(recorded.correlationID))
        add(Array(SHA256.hash(data: recorded.payloadBytes)))
        return Array(SHA256.hash(data: bytes))
    }

    private mutating func checkStreams(_ connection: Connection, _ book: BookID) throws {
        let rows = try connection.query(
            """
            SELECT position_id, version, first_recorded_at, last_recorded_at
            FROM positions.streams
            WHERE book_id = $1
            """, [.int4(book.rawValue)], deadline: ample
        ).rows
        let streams = Dictionary(grouping: events, by: \.event.positionID)
        if rows.count != streams.count { faults.append("\(rows.count) streams") }
        for row in rows {
            let stream = try streams[row[0].id()] ?? []
            let isRight =
                try row[1].int64() == Int64(stream.count)
                && row[2].timestamp() == stream.first?.event.recordedAt
                && row[3].timestamp() == stream.last?.event.recordedAt
            if !isRight { faults.append("the stream of \(try row[0].id())") }
        }
    }
}
