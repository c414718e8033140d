import LedgerCore

/// The statements of a comparison. Those that copy rows out take no parameters.
public enum ComparisonSQL {
    /// Where two generations stand.
    static let checkpoints = """
        SELECT coalesce(min(log_position) FILTER (WHERE slot = $2), 0),
               coalesce(min(log_position) FILTER (WHERE slot = $3), 0)
        FROM positions.projection_checkpoints
        WHERE book_id = $1
          AND slot IN ($2, $3)
        """

    /// When a generation was built; no row if somebody empties it or builds it.
    static let origin = """
        SELECT built_at
        FROM positions.projection_checkpoints
        WHERE book_id = $1
          AND slot = $2
          AND rebuilding_to IS NULL
          AND retired_at IS NULL
        """

    /// For the test that prepares them all.
    public static let all: [String] = [checkpoints, origin]

    /// Which rows of a table are copied out.
    enum Rows {
        /// Of the positions behind one, at most so many rows.
        case next(after: UUID?, limit: Int)
        /// Of the positions behind one, up to another or to the last.
        case between(after: UUID?, through: UUID?)
        case of([UUID])
        case all
    }

    /// The rows of one slot: its key first, then the other columns. Texts are ordered by their
    /// bytes, whatever the database's collation.
    static func copy(
        _ table: ComparedTable, book: Int32, slot: Int16, _ rows: Rows
    ) -> String {
        var conditions = ["slot = \(slot)", "book_id = \(book)"]
        var limit = ""
        switch rows {
        case .next(let after, let max):
            if let after { conditions.append("position_id > '\(after)'") }
            limit = "LIMIT \(max)"
        case .between(let after, let through):
            if let after { conditions.append("position_id > '\(after)'") }
            if let through { conditions.append("position_id <= '\(through)'") }
        case .of(let positions):
            let list = positions.map(\.description).joined(separator: ",")
            conditions.append("position_id = ANY ('{\(list)}'::uuid[])")
        case .all: break
        }
        return """
            COPY (
                SELECT \(table.order.joined(separator: ", "))
                FROM \(table.table.relation)
                WHERE \(conditions.joined(separator: " AND "))
                ORDER BY \(table.sorting.joined(separator: ", "))
                \(limit))
            TO STDOUT (FORMAT binary)
            """
    }
}
