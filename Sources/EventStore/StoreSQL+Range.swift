import LedgerCore

/// Reads by ranges of positions.
extension StoreSQL {
    /// The next positions by id, until $3 events or $4 positions: the last of them, how many they
    /// are, their events, and between which times these were recorded.
    static let positionRange = """
        SELECT (array_agg(r.position_id ORDER BY r.position_id DESC))[1], count(*),
               coalesce(sum(r.version), 0)::bigint, min(r.first_recorded_at),
               max(r.last_recorded_at)
        FROM (
            SELECT s.position_id, s.version, s.first_recorded_at, s.last_recorded_at,
                   row_number() OVER w AS number, sum(s.version) OVER w AS total
            FROM (
                SELECT position_id, version, first_recorded_at, last_recorded_at
                FROM positions.streams
                WHERE book_id = $1
                  AND ($2::uuid IS NULL OR position_id > $2)
                ORDER BY position_id
                LIMIT $4
            ) AS s
            WINDOW w AS (ORDER BY s.position_id)
        ) AS r
        WHERE r.number = 1
           OR r.total <= $3
        """

    /// COPY takes no parameters. Without an order: the caller groups the events by position, and
    /// pages are read as they lie.
    static func copyOfRange(_ book: BookID, _ range: PositionRange, through: LogPosition) -> String
    {
        let after = range.after.map { "AND position_id > '\($0)'" } ?? ""
        return """
            COPY (
                SELECT \(columns)
                FROM positions.events
                WHERE book_id = \(book.rawValue)
                  \(after)
                  AND position_id <= '\(range.through)'
                  AND recorded_at >= '\(range.since)'
                  AND recorded_at <= '\(range.until)'
                  AND log_position + 0 <= \(through.rawValue))
            TO STDOUT (FORMAT binary)
            """
    }
}
