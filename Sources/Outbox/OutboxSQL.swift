/// Every statement that the outbox runs; a test prepares each against a new file.
enum OutboxSQL {
    /// "NXOB": tells an outbox from other SQLite files.
    static let applicationID: Int32 = 0x4E58_4F42
    /// Version of the tables below, kept in `user_version`.
    static let schemaVersion: Int32 = 1

    static let storedSchema = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid"

    static let identity = """
        PRAGMA application_id = \(applicationID);
        PRAGMA user_version = \(schemaVersion);
        """

    static let useWAL = "PRAGMA journal_mode = WAL"

    /// Of each connection. A checkpoint moves about 4 MiB; the log shrinks to 64 MiB.
    static let connection = """
        PRAGMA wal_autocheckpoint = 1000;
        PRAGMA journal_size_limit = 67108864;
        PRAGMA secure_delete = ON;
        PRAGMA cache_size = -4000;
        """

    static let synchronousFull = "PRAGMA synchronous = FULL"
    static let synchronous = "PRAGMA synchronous"
    static let quickCheck = "PRAGMA quick_check(1)"
    static let freePages = "PRAGMA freelist_count"
    static let vacuumStep = "PRAGMA incremental_vacuum(1000)"

    // MARK: requests

    static let insertRequest = """
        INSERT INTO requests
          (sequence, events, events_total, buffered_at, peer_uid, book, reason, positions, keys,
           lines_checksum, head_checksum, lines)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """

    static let updateLines = """
        UPDATE requests
        SET positions = ?, lines_checksum = ?, head_checksum = ?, lines = ?
        WHERE sequence = ?
        """

    private static let head = """
        r.sequence, r.events, r.events_total, r.buffered_at, r.peer_uid, r.book, r.reason,
        r.positions, r.keys, r.lines_checksum, r.head_checksum
        """

    private static let outcome = """
        o.sequence, o.state, o.at, o.behind, o.parked_reason, o.actor, o.resolution, o.places,
        o.checksum
        """

    /// The columns of `RequestRow` without the lines.
    static let requestHead = "SELECT \(head) FROM requests AS r WHERE r.sequence = ?"

    static let headsAfter = """
        SELECT \(head) FROM requests AS r WHERE r.sequence > ? ORDER BY r.sequence
        """

    /// Head, lines, then the columns of `OutcomeRow`.
    static let request = """
        SELECT \(head), r.lines, \(outcome)
        FROM requests AS r
        LEFT JOIN outcomes AS o ON o.sequence = r.sequence
        WHERE r.sequence = ?
        """

    static let requestsAfter = """
        SELECT \(head), r.lines, \(outcome)
        FROM requests AS r
        LEFT JOIN outcomes AS o ON o.sequence = r.sequence
        WHERE r.sequence > ?
        ORDER BY r.sequence
        """

    /// Those of a state below 2, ascending, from after the second to before the third parameter.
    static let openBetween = """
        SELECT \(head), r.lines, \(outcome)
        FROM outcomes AS o INDEXED BY outcomes_open
        CROSS JOIN requests AS r ON r.sequence = o.sequence
        WHERE o.state = ? AND o.state < 2 AND o.sequence > ? AND o.sequence < ?
        ORDER BY o.sequence
        """

    static let openSequences = """
        SELECT sequence
        FROM outcomes INDEXED BY outcomes_open
        WHERE state = ? AND state < 2
        ORDER BY sequence
        """

    static let openCount = """
        SELECT count(*) FROM outcomes INDEXED BY outcomes_open WHERE state = ? AND state < 2
        """

    static let firstAgain = """
        SELECT min(sequence) FROM outcomes INDEXED BY outcomes_open WHERE state = 0 AND state < 2
        """

    static let newestRequest = """
        SELECT \(head) FROM requests AS r ORDER BY r.sequence DESC LIMIT 1
        """

    static let eventsBetween = """
        SELECT r.sequence, r.events, o.state
        FROM requests AS r
        LEFT JOIN outcomes AS o ON o.sequence = r.sequence
        WHERE r.sequence BETWEEN ? AND ?
        ORDER BY r.sequence
        """

    static let deleteRequest = "DELETE FROM requests WHERE sequence = ?"

    // MARK: outcomes

    static let putOutcome = """
        INSERT OR REPLACE INTO outcomes
          (sequence, state, at, behind, parked_reason, actor, resolution, places, checksum)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """

    static let outcomeOf = "SELECT \(outcome) FROM outcomes AS o WHERE o.sequence = ?"

    static let stateOf = "SELECT state FROM outcomes WHERE sequence = ?"

    static let lastOutcome = "SELECT max(sequence) FROM outcomes"

    static let outcomesFrom = "SELECT sequence FROM outcomes WHERE sequence >= ? ORDER BY sequence"

    /// The parked requests behind one, also through others.
    static let behind = """
        WITH RECURSIVE chain (sequence) AS (
          SELECT sequence FROM outcomes WHERE state = 1 AND behind IS NOT NULL AND behind = ?
          UNION
          SELECT o.sequence
          FROM chain
          JOIN outcomes AS o ON o.behind = chain.sequence
          WHERE o.state = 1 AND o.behind IS NOT NULL
        )
        SELECT sequence FROM chain ORDER BY sequence
        """

    /// Drained until an instant, from after (instant, sequence), oldest first.
    static let drainedUntil = """
        SELECT at, sequence
        FROM outcomes INDEXED BY outcomes_drained
        WHERE state = 2 AND at <= ? AND (at, sequence) > (?, ?)
        ORDER BY at, sequence
        LIMIT ?
        """

    static let deleteOutcome = "DELETE FROM outcomes WHERE sequence = ?"

    // MARK: held

    static let insertHeld = """
        INSERT OR REPLACE INTO held (position, book, parked, sequence) VALUES (?, ?, ?, ?)
        """

    static let deleteHeld = """
        DELETE FROM held WHERE position = ? AND book = ? AND parked = ? AND sequence = ?
        """

    static let heldSequences = """
        SELECT sequence
        FROM held
        WHERE position = ? AND book = ? AND parked BETWEEN ? AND ?
        """

    static let isHeld = """
        SELECT 1 FROM held WHERE position = ? AND book = ? AND parked BETWEEN 0 AND 1 LIMIT 1
        """

    static let holds = """
        SELECT 1 FROM held WHERE position = ? AND book = ? AND parked = ? AND sequence = ?
        """

    // MARK: totals and index

    static let totals = """
        SELECT last_sequence, events_appended, frontier, again_requests, purged_requests,
               purged_events, parked_requests, parked_events, drained_requests, drained_events,
               discarded_requests, discarded_events, checksum
        FROM totals
        WHERE id = 1
        """

    static let putTotals = """
        INSERT OR REPLACE INTO totals
          (id, last_sequence, events_appended, frontier, again_requests, purged_requests,
           purged_events, parked_requests, parked_events, drained_requests, drained_events,
           discarded_requests, discarded_events, checksum)
        VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """

    static let runs = """
        SELECT run, first_sequence, last_sequence, entries, checksum, filter
        FROM index_runs
        ORDER BY run
        """

    static let insertRun = """
        INSERT INTO index_runs (run, first_sequence, last_sequence, entries, checksum, filter)
        VALUES (?, ?, ?, ?, ?, ?)
        """

    static let insertPage = """
        INSERT INTO index_pages (run, fingerprint, place, entries) VALUES (?, ?, ?, ?)
        """

    /// The pages of a run that may hold a fingerprint, the last one first.
    static let pagesUpTo = """
        SELECT fingerprint, place, entries
        FROM index_pages
        WHERE run = ? AND fingerprint <= ?
        ORDER BY fingerprint DESC, place DESC
        """

    static let anyRequestBetween = "SELECT 1 FROM requests WHERE sequence BETWEEN ? AND ? LIMIT 1"

    static let deleteRun = "DELETE FROM index_runs WHERE run = ?"

    static let deletePages = "DELETE FROM index_pages WHERE run = ?"
}
