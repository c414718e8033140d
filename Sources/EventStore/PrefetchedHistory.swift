import Admission
import LedgerCore
import Postgres

/// What an append transaction knows of the past: read ahead in one round trip, the rest on demand.
struct PrefetchedHistory: StreamHistory {
    private let book: BookID
    private let connection: Connection
    private let deadline: Deadline
    private var keys: [UUID: (LogPosition, Timestamp)?] = [:]
    private var states: [UUID: StreamState] = [:]
    private var asked: Set<UUID> = []
    private var events: [UUID: Event] = [:]

    /// The key that is unique in the book says in the end whether they were.
    let assumesNew: Bool

    init(book: BookID, assumesNew: Bool, connection: Connection, deadline: Deadline) {
        self.book = book
        self.assumesNew = assumesNew || Sabotage.current == .skipIDCheck
        self.connection = connection
        self.deadline = deadline
    }

    /// Keeps the answer to `StoreSQL.knownKeys`; ids without a row are known to be new.
    mutating func note(keys result: QueryResult, asked ids: [UUID]) {
        keys.reserveCapacity(ids.count)
        for id in ids { keys[id] = .some(nil) }
        for row in result.rows {
            guard let id = try? row[0].id(), let position = try? row[1].int64(),
                let time = try? row[2].timestamp()
            else { continue }
            keys[id] = (LogPosition(rawValue: position), time)
        }
    }

    /// Whether the log is known to hold an event of this id.
    func isKnown(_ id: UUID) -> Bool {
        if case .some(.some) = keys[id] { return true }
        return false
    }

    /// Reads all events whose ids are known already, in one query: a file that is appended again
    /// has thousands of them.
    mutating func fetchKnown() throws {
        var positions = ArrayBuilder(of: .int8)
        var first = Timestamp(microseconds: Int64.max)
        var last = Timestamp(microseconds: Int64.min)
        for case (let position, let recordedAt)? in keys.values {
            positions.append.int8(position.rawValue)
            first = min(first, recordedAt)
            last = max(last, recordedAt)
        }
        guard positions.count > 0 else { return }
        let result = try connection.query(
            StoreSQL.knownEvents,
            [.int4(book.rawValue), positions.take(), .timestamp(first), .timestamp(last)],
            deadline: deadline)
        for row in result.rows {
            let event = try RowDecoder.event(row).event
            events[event.eventID] = event
        }
    }

    /// Keeps the answer to `StoreSQL.streams`.
    mutating func note(
        streams result: QueryResult, asked positions: Set<UUID>, cache: StreamCache,
        terms: TermsCache
    ) throws {
        asked = positions
        for row in result.rows {
            let position = try row[0].id()
            let version = StreamVersion(rawValue: try row[1].int64())
            if let cached = cache[position], cached.version == version {
                states[position] = cached
                continue
            }
            let known = cache[position]?.opened ?? terms[position]?.opened
            guard let opened = try known ?? openedNow(position) else {
                throw StoreError.inconsistent("position \(position) has no position_opened")
            }
            guard
                let state = StreamState(
                    opened: opened, version: version, progress: try row[3].bytes())
            else { throw StoreError.inconsistent("the progress of \(position) cannot be read") }
            states[position] = state
        }
    }

    /// Terms of a position that another process opened between the look-up and the lock.
    private func openedNow(_ position: UUID) throws -> PositionOpened? {
        let reader = LogReader(connection, deadline: deadline)
        guard let first = try reader.stream(book, position, marks: false).first,
            case .opened(let opened) = first.payload
        else { return nil }
        return opened
    }

    mutating func state(of position: UUID) throws -> StreamState? {
        precondition(asked.contains(position), "every position of a batch is read ahead")
        return states[position]
    }

    mutating func event(_ id: UUID) throws -> Event? {
        if let event = events[id] { return event }
        let place: (LogPosition, Timestamp)?
        if let known = keys[id] {
            place = known
        } else {
            let result = try connection.query(
                StoreSQL.knownKeys, [.int4(book.rawValue), .uuids([id])], deadline: deadline)
            note(keys: result, asked: [id])
            place = keys[id] ?? nil
        }
        guard let (position, recordedAt) = place else { return nil }
        let result = try connection.query(
            StoreSQL.oneEvent,
            [.int4(book.rawValue), .int8(position.rawValue), .timestamp(recordedAt)],
            deadline: deadline)
        guard let row = result.rows.first else {
            throw StoreError.inconsistent("event \(id) is known but not at \(position)")
        }
        let event = try RowDecoder.event(row).event
        events[id] = event
        return event
    }

    mutating func events(of position: UUID) throws -> [Event] {
        try LogReader(connection, deadline: deadline).stream(book, position, marks: false)
    }
}
