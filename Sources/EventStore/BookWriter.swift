import Admission
import LedgerCore
import Postgres
import Projections

/// Appends to one book: decides a batch of requests under the lock of the book's head and writes
/// what they admit in one transaction. Confined to the thread of its connection.
///
/// 1. (terms that are not cached), 2. lock the head, read clock, known ids and streams,
/// 3. decide, 4. write events, keys, streams, deliveries, head, and commit: two round trips.
public final class BookWriter {
    private let book: BookName
    private var bookID: BookID?
    private var cache = StreamCache()
    private let terms = TermsCache()
    /// Batches that still look their ids up before they decide. Most events are new: then the
    /// unique key tells at the end what is not, and a look-up of each would cost a sixth of the
    /// append. After a batch that had a known event or a refusal, the next ones look first.
    private var lookUps = 0
    static let lookUpsAfterKnown = 32

    /// Waits that free the book when this process is stopped.
    public struct Limits: Sendable {
        /// For each lock, the book's head above all; whole milliseconds.
        public var lockWait = Duration.milliseconds(800)
        /// Between two statements of a transaction; whole milliseconds.
        public var idleInTransaction = Duration.milliseconds(1_500)

        /// Makes the default limits.
        public init() {}
    }

    private let limits: Limits

    /// Touches no database: the book is made there by the first request that it takes.
    public init(book: BookName, limits: Limits = Limits()) {
        self.book = book
        self.limits = limits
    }

    /// Makes a new connection ready for appends. Its statements find what they need by keys,
    /// whatever the planner knows of the tables, so they are planned once and not at each append,
    /// which takes longer than an append of one event.
    public static func prepare(_ connection: Connection, deadline: Deadline) throws {
        try connection.query(StoreSQL.planOnce, deadline: deadline)
    }

    /// Whether the book is known to exist in the database.
    public var knowsBook: Bool { bookID != nil }

    /// Forgets what was cached: after an error whose outcome is not known, and in case another
    /// database answers the next time.
    public func invalidate() {
        cache.removeAll()
        terms.removeAll()
        bookID = nil
    }

    /// Appends a batch. With `keepsOrder` nothing overtakes a refused request of its position,
    /// except one whose content contradicts what is known: that one blocks nothing.
    /// - Throws: `PostgresError` and `StoreError`; nothing was appended then, except that after
    ///   `.unreachable` and `.timedOut` the outcome is unknown: send the batch again, known ids
    ///   are answered with their first places.
    public func append(
        _ submissions: [Submission], keepsOrder: Bool = false, connection: Connection,
        deadline: Deadline
    ) throws -> Committed {
        do {
            if lookUps == 0 {
                let committed = try attempt(
                    submissions, keepsOrder, assumingNew: true, connection, deadline)
                if let committed { return committed }
                connection.rollBackIfOpen(deadline: deadline)
                lookUps = Self.lookUpsAfterKnown
            }
            lookUps -= 1
            return try decided(submissions, keepsOrder, connection, deadline)
        } catch let error as PostgresError {
            connection.rollBackIfOpen(deadline: deadline)
            if error.serverError?.constraint == "event_id_is_unique_in_its_book", lookUps == 0 {
                lookUps = Self.lookUpsAfterKnown
                return try append(
                    submissions, keepsOrder: keepsOrder, connection: connection,
                    deadline: deadline)
            }
            if error.sqlstate == .lockNotAvailable {
                try connection.query(
                    StoreSQL.endStopped, [.int4(Self.count(limits.idleInTransaction))],
                    deadline: deadline)
            }
            guard error.sqlstate == .checkViolation, error.serverError?.constraint == nil else {
                throw error
            }
            // No partition takes the time: the month was not made yet.
            try connection.query(
                StoreSQL.ensureMonths, [.int4(1)], deadline: deadline)
            return try decided(submissions, keepsOrder, connection, deadline)
        } catch {
            connection.rollBackIfOpen(deadline: deadline)
            throw error
        }
    }

    /// Decides and writes a batch whose ids are looked up.
    private func decided(
        _ submissions: [Submission], _ keepsOrder: Bool, _ connection: Connection,
        _ deadline: Deadline
    ) throws -> Committed {
        let committed = try attempt(
            submissions, keepsOrder, assumingNew: false, connection, deadline)
        guard let committed else { throw StoreError.inconsistent("a batch was not decided") }
        return committed
    }

    /// Decides and writes a batch. nil, with nothing written, where it was decided on the
    /// assumption that all its ids are new and a request is refused: a known one would not be.
    private func attempt(
        _ submissions: [Submission], _ keepsOrder: Bool, assumingNew: Bool,
        _ connection: Connection, _ deadline: Deadline
    ) throws -> Committed? {
        guard let id = try book(for: submissions, connection, deadline) else {
            // A book is made by the first request that it takes, not by a refused one.
            return try refuseAll(submissions, keepsOrder)
        }
        let positions = positions(of: submissions)
        var history = PrefetchedHistory(
            book: id, assumesNew: assumingNew, connection: connection, deadline: deadline)
        try fetchTerms(of: positions, submissions, id, connection, deadline)
        let derived = derivedIDs(of: submissions)
        let ids = zip(submissions, derived).flatMap { submission, derived in
            zip(submission.events, derived).compactMap { $1?.id ?? $0.eventID }
        }
        let locked = try lock(
            id, ids, assumingNew: assumingNew, positions, &history, connection, deadline)
        var admission = Admission(history: history, head: locked.head)
        let eventsMax = submissions.reduce(0) { $0 + $1.events.count }
        var batch = BatchRows(
            book: book, bookID: id, recordedAt: locked.recordedAt, eventsMax: eventsMax)
        var outcomes: [Outcome] = []
        outcomes.reserveCapacity(submissions.count)
        var blocked: [UUID: Int] = [:]
        func decide(_ index: Int) throws {
            let submission = submissions[index]
            if let first = blocked.blocker(of: submission) {
                blocked.block(submission, by: first)
                outcomes.append(.blocked(by: first))
                return
            }
            if let refusal = locked.discards.refusal(of: submission, derived[index]) {
                outcomes.append(.refused(refusal))
                if keepsOrder { blocked.block(submission, by: index) }
                return
            }
            let decided = try admission.admit(
                submission.events, derivedIDs: derived[index], recordedAt: locked.recordedAt)
            switch decided {
            case .success(let admitted):
                outcomes.append(.committed(admitted.map(Self.place)))
                batch.add(admitted, submission)
            case .failure(let refusal):
                outcomes.append(.refused(refusal))
                if keepsOrder, !refusal.isContentConflict {
                    blocked.block(submission, by: index)
                }
            }
        }
        if batch.usesCopy, ids.count == eventsMax, submissions.allSatisfy(\.needsNoHistory) {
            // PostgreSQL takes the first rows while the next ones are decided. A connection in
            // COPY answers no question: none is asked.
            try connection.copyIn(StoreSQL.copyEvents, deadline: deadline) { out in
                for index in submissions.indices {
                    try decide(index)
                    try batch.send(to: out)
                }
                try batch.finish(out)
            }
        } else {
            for index in submissions.indices { try decide(index) }
        }
        if assumingNew, outcomes.contains(where: \.isRefused) { return nil }
        guard batch.count > 0 else {
            connection.rollBackIfOpen(deadline: deadline)
            return Committed(
                outcomes: outcomes, head: locked.head, recordedAt: locked.recordedAt, appended: 0)
        }
        try admission.settle()
        try batch.write(
            streams: admission.streams, headBefore: locked.head, connection: connection,
            deadline: deadline)
        let streams = admission.streams
        for (position, state) in streams { cache.insert(state, for: position) }
        return Committed(
            outcomes: outcomes, head: admission.head, recordedAt: locked.recordedAt,
            streams: streams, appended: batch.count)
    }

    private func positions(of submissions: [Submission]) -> Set<UUID> {
        var positions: Set<UUID> = []
        var last: UUID?
        for submission in submissions {
            // Neighbours are mostly of one position.
            for event in submission.events where event.positionID != last {
                positions.insert(event.positionID)
                last = event.positionID
            }
        }
        return positions
    }

    private static func place(_ outcome: Admission<PrefetchedHistory>.Outcome) -> Place {
        let (event, isDuplicate) =
            switch outcome {
            case .new(let event): (event, false)
            case .known(let event): (event, true)
            }
        return Place(
            eventID: event.eventID, logPosition: event.logPosition, version: event.version,
            recordedAt: event.recordedAt, isDuplicate: isDuplicate)
    }

    /// The book's number. A book that does not exist yet is made if it would take one of the
    /// requests; nil if it would not.
    private func book(
        for submissions: [Submission], _ connection: Connection, _ deadline: Deadline
    ) throws -> BookID? {
        if let bookID { return bookID }
        if let known = try LogReader(connection, deadline: deadline).book(book) {
            bookID = known
            return known
        }
        var trial = Admission(history: EmptyHistory(), head: .origin)
        let isTaken = try submissions.contains { submission in
            if case .success = try trial.admit(submission.events, recordedAt: .latest) {
                return true
            }
            return false
        }
        guard isTaken else { return nil }
        try connection.query(StoreSQL.ensureMonths, [.int4(1)], deadline: deadline)
        let result = try connection.query(
            StoreSQL.ensureBook, [.text(book.description), .int4(AccountFold.logicVersion)],
            deadline: deadline)
        let id = BookID(rawValue: try result.onlyRow()[0].int32())
        bookID = id
        return id
    }

    /// What a book that does not exist says to requests of which it takes none.
    private func refuseAll(_ submissions: [Submission], _ keepsOrder: Bool) throws -> Committed {
        var trial = Admission(history: EmptyHistory(), head: .origin)
        var outcomes: [Outcome] = []
        var blocked: [UUID: Int] = [:]
        for (index, submission) in submissions.enumerated() {
            if let first = blocked.blocker(of: submission) {
                blocked.block(submission, by: first)
                outcomes.append(.blocked(by: first))
                continue
            }
            switch try trial.admit(submission.events, recordedAt: .latest) {
            case .success: outcomes.append(.committed([]))
            case .failure(let refusal):
                outcomes.append(.refused(refusal))
                if keepsOrder { blocked.block(submission, by: index) }
            }
        }
        return Committed(
            outcomes: outcomes, head: .origin, recordedAt: Timestamp(microseconds: 0), appended: 0)
    }

    /// Terms never change, so they are read before the lock.
    private func fetchTerms(
        of positions: Set<UUID>, _ submissions: [Submission], _ id: BookID,
        _ connection: Connection, _ deadline: Deadline
    ) throws {
        let missing = positions.filter { cache[$0] == nil && terms[$0] == nil }
        guard !missing.isEmpty else { return }
        let beginnings = try connection.query(
            StoreSQL.beginnings, [.int4(id.rawValue), .uuids(missing)], deadline: deadline)
        let times = try beginnings.rows.map { try $0[1].timestamp() }
        guard let first = times.min(), let last = times.max() else { return }
        let result = try connection.query(
            StoreSQL.openings,
            [
                .int4(id.rawValue), .uuids(try beginnings.rows.map { try $0[0].id() }),
                .timestamp(first), .timestamp(last),
            ], deadline: deadline)
        for row in result.rows {
            let position = LogPosition(rawValue: try row[2].int64())
            let schemaVersion = try row[1].int32()
            let parsed = try row[3].withBytes { bytes -> Result<EventPayload, InvalidField> in
                do throws(InvalidField) {
                    return .success(
                        try Upcasters.standard.payload(
                            .positionOpened, version: schemaVersion,
                            parsing: bytes.bindMemory(to: UInt8.self)))
                } catch { return .failure(error) }
            }
            switch parsed {
            case .success(.opened(let opened)):
                terms.insert(FrozenTerms(opened), for: try row[0].id())
            case .success: throw StoreError.inconsistent("event \(position) opens nothing")
            case .failure(let error): throw StoreError.unreadable(position, error)
            }
        }
    }

    /// The derived ids of all events whose position's terms are known, request by request; nil
    /// for the others.
    private func derivedIDs(
        of submissions: [Submission]
    ) -> [[DerivedID?]] {
        var opening: [UUID: FrozenTerms] = [:]
        return submissions.map { submission in
            submission.events.indices.map { index in
                let event = submission.events[index]
                if case .opened(let opened) = event.payload {
                    opening[event.positionID] = FrozenTerms(opened)
                }
                guard event.type.derivesID else { return nil }
                if let own = submission.derived[index] { return own }
                let known =
                    cache[event.positionID]?.terms ?? terms[event.positionID]
                    ?? opening[event.positionID]
                return DerivedID(event.payload, terms: known)
            }
        }
    }

    /// Begins the transaction, locks the head and reads what the decisions need.
    private func lock(
        _ id: BookID, _ ids: [UUID], assumingNew: Bool, _ positions: Set<UUID>,
        _ history: inout PrefetchedHistory, _ connection: Connection, _ deadline: Deadline
    ) throws -> (head: LogPosition, recordedAt: Timestamp, discards: [UUID: String]) {
        let results = try connection.pipeline(deadline: deadline) { pipeline in
            pipeline.add("BEGIN")
            pipeline.add(
                StoreSQL.limits,
                [
                    .text(Self.milliseconds(limits.lockWait)),
                    .text(Self.milliseconds(limits.idleInTransaction)),
                ])
            pipeline.add(StoreSQL.lockHead, [.int4(id.rawValue)])
            pipeline.add(StoreSQL.clock)
            pipeline.add(StoreSQL.streams, [.int4(id.rawValue), .uuids(positions)])
            pipeline.add(StoreSQL.discardedAny, [.int4(id.rawValue)])
            if !assumingNew {
                pipeline.add(StoreSQL.knownKeys, [.int4(id.rawValue), .uuids(ids)])
            }
        }
        guard let row = results[2].rows.first else {
            bookID = nil
            throw StoreError.inconsistent("the book \(book) has no log head")
        }
        let head = LogPosition(rawValue: try row[0].int64())
        let last = try row[1].ifPresent?.timestamp()
        let clock = try results[3].onlyRow()[0].timestamp()
        if !assumingNew {
            history.note(keys: results[6], asked: ids)
            try history.fetchKnown()
        }
        try history.note(streams: results[4], asked: positions, cache: cache, terms: terms)
        let discards =
            try results[5].onlyRow()[0].bool()
            ? try discards(among: ids, id, history, connection, deadline) : [:]
        return (head, max(last ?? clock, clock), discards)
    }

    /// Why events among `ids` may not be appended: an operator gave them up.
    private func discards(
        among ids: [UUID], _ book: BookID, _ history: PrefetchedHistory, _ connection: Connection,
        _ deadline: Deadline
    ) throws -> [UUID: String] {
        let result = try connection.query(
            StoreSQL.discarded, [.int4(book.rawValue), .uuids(ids)], deadline: deadline)
        var discards: [UUID: String] = [:]
        for row in result.rows {
            let id = try row[0].id()
            guard !history.isKnown(id) else { continue }
            discards[id] =
                "it was discarded from an outbox by \(try row[1].string()): "
                + "\(try row[2].string())"
        }
        return discards
    }

    private static func milliseconds(_ duration: Duration) -> String {
        String(count(duration))
    }

    /// Milliseconds.
    private static func count(_ duration: Duration) -> Int32 {
        Int32(duration / .milliseconds(1))
    }
}
