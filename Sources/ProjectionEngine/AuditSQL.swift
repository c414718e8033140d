import LedgerCore
import Postgres

/// The statements of the audit of positions. A test prepares each of `all`.
public enum AuditSQL {
    /// Reads of the log: a generic plan locks every month.
    static let limits = "SELECT set_config('plan_cache_mode', 'force_custom_plan', true)"

    /// Where a generation stands.
    static let checkpoint = """
        SELECT log_position
        FROM positions.projection_checkpoints
        WHERE book_id = $1
          AND slot = $2
        """

    /// The live generation of every book that a worker has been to.
    static let live = """
        SELECT b.book_id, b.name, l.slot, c.logic_version, c.logic_fingerprint,
               clock_timestamp()
        FROM positions.books AS b
        JOIN positions.live_slot AS l
          ON l.book_id = b.book_id
        JOIN positions.projection_checkpoints AS c
          ON c.book_id = b.book_id
         AND c.slot = l.slot
        WHERE c.log_position > 0
          AND c.rebuilding_to IS NULL
        ORDER BY b.book_id
        """

    /// Blocks of the table of streams.
    static let blocks = """
        SELECT pg_catalog.pg_relation_size('positions.streams')
               / pg_catalog.current_setting('block_size')::bigint
        """

    /// The positions of a book in some blocks: [$2, $3), each as "(block,0)".
    static let inBlocks = """
        SELECT position_id
        FROM positions.streams
        WHERE ctid >= $2::text::tid
          AND ctid < $3::text::tid
          AND book_id = $1
        """

    /// The first and the last position of a book.
    static let ends = """
        SELECT (SELECT position_id
                FROM positions.streams
                WHERE book_id = $1
                ORDER BY position_id
                LIMIT 1),
               (SELECT position_id
                FROM positions.streams
                WHERE book_id = $1
                ORDER BY position_id DESC
                LIMIT 1)
        """

    /// Positions of a book from an id on.
    static let from = """
        SELECT position_id
        FROM positions.streams
        WHERE book_id = $1
          AND position_id >= $2
        ORDER BY position_id
        LIMIT $3
        """

    /// The rows of some positions in one slot.
    static func rows(of table: ProjectedTable) -> String {
        """
        SELECT \(table.columns.joined(separator: ", "))
        FROM \(table.relation)
        WHERE slot = $1
          AND book_id = $2
          AND position_id = ANY ($3)
        """
    }

    /// For the test that prepares them all.
    public static let all: [String] =
        [limits, checkpoint, live, blocks, inBlocks, ends, from]
        + ProjectedTable.all.filter(\.isByPosition).map(rows(of:))
}
