/// Schema version 1.
extension OutboxSQL {
    /// Before the first table: they cannot be changed afterwards. Incremental vacuum gives
    /// pages back to the file system; secure_delete blanks what was deleted, so that a salvage
    /// never takes it for something that waits.
    static let layout = """
        PRAGMA page_size = 4096;
        PRAGMA auto_vacuum = INCREMENTAL;
        PRAGMA secure_delete = ON;
        """

    /// The tables and indexes, in order, exactly as `sqlite_schema` keeps them.
    static let schema: [String] = [
        // Only appended to: the one b-tree that an append writes. Everything that a lookup by
        // key needs lies before the lines, so it is read without their overflow pages.
        """
        CREATE TABLE requests (
          sequence INTEGER PRIMARY KEY CONSTRAINT sequence_is_positive CHECK (sequence > 0),
          events INTEGER NOT NULL CONSTRAINT request_has_events CHECK (events > 0),
          events_total INTEGER NOT NULL
            CONSTRAINT total_includes_own_events CHECK (events_total >= events),
          buffered_at INTEGER NOT NULL,
          peer_uid INTEGER
            CONSTRAINT peer_uid_is_unsigned CHECK (peer_uid BETWEEN 0 AND 4294967295),
          book TEXT NOT NULL CONSTRAINT book_is_named CHECK (length(book) BETWEEN 1 AND 64),
          reason TEXT NOT NULL,
          positions BLOB NOT NULL
            CONSTRAINT positions_are_whole
            CHECK (length(positions) > 0 AND length(positions) % 25 = 0),
          keys BLOB NOT NULL CONSTRAINT keys_are_there CHECK (length(keys) > 0),
          lines_checksum INTEGER NOT NULL,
          head_checksum INTEGER NOT NULL,
          lines BLOB NOT NULL CONSTRAINT lines_are_there CHECK (length(lines) > 0)
        ) STRICT
        """,
        // What became of a request; one without a row waits and never did anything else.
        """
        CREATE TABLE outcomes (
          sequence INTEGER PRIMARY KEY,
          state INTEGER NOT NULL CONSTRAINT state_is_known CHECK (state BETWEEN 0 AND 3),
          at INTEGER CONSTRAINT end_has_an_instant CHECK ((at IS NULL) = (state < 2)),
          behind INTEGER CONSTRAINT blocked_by_earlier CHECK (behind > 0 AND behind < sequence),
          parked_reason TEXT CONSTRAINT parked_for_a_reason
            CHECK (state <> 1 OR parked_reason IS NOT NULL),
          actor TEXT,
          resolution TEXT CONSTRAINT discard_is_explained
            CHECK (state <> 3 OR (actor IS NOT NULL AND resolution IS NOT NULL)),
          places BLOB CONSTRAINT drained_has_places CHECK ((places IS NULL) = (state <> 2)),
          checksum INTEGER NOT NULL
        ) STRICT
        """,
        // Parked requests and those that wait again.
        "CREATE INDEX outcomes_open ON outcomes (state, sequence) WHERE state < 2",
        "CREATE INDEX outcomes_behind ON outcomes (behind) WHERE state = 1 AND behind IS NOT NULL",
        // For the purge: rises with time, so a settlement writes its last page only.
        "CREATE INDEX outcomes_drained ON outcomes (at) WHERE state = 2",
        // Positions of parked requests (parked = 1) and of those that wait again (0).
        """
        CREATE TABLE held (
          position BLOB NOT NULL CONSTRAINT position_is_a_uuid CHECK (length(position) = 16),
          book TEXT NOT NULL,
          parked INTEGER NOT NULL CONSTRAINT parked_is_a_flag CHECK (parked BETWEEN 0 AND 1),
          sequence INTEGER NOT NULL,
          PRIMARY KEY (position, book, parked, sequence)
        ) STRICT, WITHOUT ROWID
        """,
        // One row: sums that would cost a scan. Appends do not touch it (see `Totals`).
        """
        CREATE TABLE totals (
          id INTEGER PRIMARY KEY CONSTRAINT totals_are_one_row CHECK (id = 1),
          last_sequence INTEGER NOT NULL,
          events_appended INTEGER NOT NULL,
          frontier INTEGER NOT NULL,
          again_requests INTEGER NOT NULL,
          purged_requests INTEGER NOT NULL,
          purged_events INTEGER NOT NULL,
          parked_requests INTEGER NOT NULL,
          parked_events INTEGER NOT NULL,
          drained_requests INTEGER NOT NULL,
          drained_events INTEGER NOT NULL,
          discarded_requests INTEGER NOT NULL,
          discarded_events INTEGER NOT NULL,
          checksum INTEGER NOT NULL
        ) STRICT
        """,
        // Sorted runs of the index (see `IndexRun`): fingerprints of keys and positions.
        """
        CREATE TABLE index_runs (
          run INTEGER PRIMARY KEY,
          first_sequence INTEGER NOT NULL,
          last_sequence INTEGER NOT NULL
            CONSTRAINT run_is_not_empty CHECK (last_sequence >= first_sequence),
          entries INTEGER NOT NULL,
          checksum INTEGER NOT NULL,
          filter BLOB NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE index_pages (
          run INTEGER NOT NULL,
          fingerprint INTEGER NOT NULL,
          place INTEGER NOT NULL,
          entries BLOB NOT NULL,
          PRIMARY KEY (run, fingerprint, place)
        ) STRICT, WITHOUT ROWID
        """,
    ]
}
