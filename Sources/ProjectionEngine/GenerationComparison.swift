import EventStore
import LedgerCore
import Postgres

/// Compares two generations of a book while both go on: piece by piece in short snapshots, then
/// again what events came for meanwhile, and at last, with the live generation held still, the
/// rest. So all is compared at one log position and no snapshot is long.
struct GenerationComparison {
    let book: BookID
    let live: Int16
    let other: Int16
    let tables: [ProjectedTable]
    /// Rows of one piece.
    var pieceRowsMax = 20_000

    /// For one piece.
    private static let pieceDeadline = Duration.seconds(120)
    /// For the other generation to get where the live one is.
    private static let catchUpDeadline = Duration.seconds(600)
    /// The same while the live one is held still.
    private static let heldDeadline = Duration.seconds(15)
    /// Positions that are compared at once by name.
    private static let namedMax = 500
    /// Times that what has changed is compared again without holding the live one still.
    private static let roundsMax = 10
    private static let snapshot = "ISOLATION LEVEL REPEATABLE READ READ ONLY"

    /// Compares on `connection`. `catchUp` brings the other generation to exactly a log position,
    /// on a connection of its own. `finish` runs while both stand there; what it writes is
    /// committed then.
    /// - Throws: `GenerationError.busy` where they could not be had at one log position; what
    ///   the closures throw.
    func run<Value>(
        on connection: Connection, catchUp: (LogPosition, Deadline) throws -> Void,
        progress: (Int64) throws -> Void,
        finish: (Connection, ComparisonResult) throws -> Value
    ) throws -> Value {
        let ledger = ComparisonLedger(tables)
        let compared = try tables.map {
            try ComparedTable($0, connection, deadline: .after(Self.pieceDeadline))
        }
        let begun = try otherIsFrom(connection)
        var seen = try stands(connection).live
        try catchUp(seen, .after(Self.catchUpDeadline))
        for (index, table) in compared.enumerated() where table.table.isByPosition {
            seen = min(seen, try pieces(of: table, index, ledger, connection, progress))
        }
        var rounds = 0
        while rounds < Self.roundsMax {
            rounds += 1
            let now = try stands(connection).live
            try catchUp(now, .after(Self.catchUpDeadline))
            let touched = try touched(after: seen, through: now, connection)
            if touched.count <= Self.namedMax { break }
            var lowest = now
            for start in stride(from: 0, to: touched.count, by: Self.namedMax) {
                let some = Array(touched[start..<min(start + Self.namedMax, touched.count)])
                let at = try connection.transaction(
                    Self.snapshot, deadline: .after(Self.pieceDeadline)
                ) { connection in
                    try named(some, compared, ledger, connection)
                    let stands = try stands(connection)
                    return min(stands.live, stands.other)
                }
                lowest = min(lowest, at)
                try progress(ledger.rowsCompared)
            }
            seen = lowest
        }
        return try held(compared, ledger, since: seen, connection, catchUp) {
            guard try otherIsFrom($0) == begun else { throw gone() }
            return try finish($0, $1)
        }
    }

    /// When the other generation was built, nil for one that the log filled.
    /// - Throws: `GenerationError.changedSince` if somebody empties it or builds it anew.
    private func otherIsFrom(_ connection: Connection) throws -> Timestamp? {
        let rows = try connection.query(
            ComparisonSQL.origin, [.int4(book.rawValue), .int2(other)],
            deadline: .after(Self.pieceDeadline)
        ).rows
        guard let row = rows.first else { throw gone() }
        return try row[0].ifPresent?.timestamp()
    }

    private func gone() -> GenerationError {
        .changedSince(
            "slot \(other) was emptied while it was compared: see `nexus-ledger status`")
    }

    private func stands(
        _ connection: Connection
    ) throws -> (live: LogPosition, other: LogPosition) {
        let row = try connection.query(
            ComparisonSQL.checkpoints, [.int4(book.rawValue), .int2(live), .int2(other)],
            deadline: .after(Self.pieceDeadline)
        ).onlyRow()
        return (
            LogPosition(rawValue: try row[0].int64()), LogPosition(rawValue: try row[1].int64())
        )
    }

    private func touched(
        after: LogPosition, through: LogPosition, _ connection: Connection
    ) throws -> [UUID] {
        guard through > after else { return [] }
        return try connection.query(
            GenerationSQL.touched,
            [.int4(book.rawValue), .int8(after.rawValue), .int8(through.rawValue)],
            deadline: .after(Self.pieceDeadline)
        ).rows.map { try $0[0].id() }
    }

    // MARK: Holding the live generation still

    private func held<Value>(
        _ compared: [ComparedTable], _ ledger: ComparisonLedger, since seen: LogPosition,
        _ connection: Connection, _ catchUp: (LogPosition, Deadline) throws -> Void,
        _ finish: (Connection, ComparisonResult) throws -> Value
    ) throws -> Value {
        let deadline = Deadline.after(Self.pieceDeadline)
        do {
            return try connection.transaction(deadline: deadline) { connection in
                try connection.query(GenerationSQL.limits, deadline: deadline)
                let row = try connection.query(
                    GenerationSQL.lockCheckpoint, [.int4(book.rawValue), .int2(live)],
                    deadline: deadline
                ).rows.first
                let position = LogPosition(rawValue: try row?[0].int64() ?? 0)
                try catchUp(position, .after(Self.heldDeadline))
                let touched = try touched(after: seen, through: position, connection)
                for start in stride(from: 0, to: touched.count, by: Self.namedMax) {
                    let end = min(start + Self.namedMax, touched.count)
                    try named(Array(touched[start..<end]), compared, ledger, connection)
                }
                for (index, table) in compared.enumerated() where !table.table.isByPosition {
                    try sums(table, index, ledger, connection)
                }
                return try finish(
                    connection, ledger.result(at: position, live: live, other: other))
            }
        } catch let error as PostgresError where error.sqlstate == .lockNotAvailable {
            throw GenerationError.busy(
                "the live generation could not be held still: its worker is at work; try again")
        }
    }

    // MARK: Reading

    private func read(
        _ table: ComparedTable, _ slot: Int16, _ rows: ComparisonSQL.Rows,
        _ connection: Connection
    ) throws -> RawRows {
        var raw = RawRows()
        try connection.copyRows(
            ComparisonSQL.copy(table, book: book.rawValue, slot: slot, rows),
            deadline: .after(Self.pieceDeadline)
        ) { row in raw.append(row.rest) }
        return raw
    }

    /// Compares a table piece by piece; answers the lowest log position that a piece was seen at.
    private func pieces(
        of table: ComparedTable, _ index: Int, _ ledger: ComparisonLedger,
        _ connection: Connection, _ progress: (Int64) throws -> Void
    ) throws -> LogPosition {
        var after: UUID?
        var lowest = LogPosition(rawValue: .max)
        var isLast = false
        while !isLast {
            let start = after
            let piece = try connection.transaction(
                Self.snapshot, deadline: .after(Self.pieceDeadline)
            ) { connection in
                var size = pieceRowsMax
                while true {
                    var mine = try read(
                        table, live, .next(after: start, limit: size), connection)
                    let isEnd = mine.count < size
                    var through: UUID?
                    if !isEnd {
                        // The last position may be cut off.
                        let last = mine.position(mine.count - 1)
                        var end = mine.count
                        while end > 0, mine.position(end - 1) == last { end -= 1 }
                        guard end > 0 else {
                            size *= 2
                            continue
                        }
                        mine.cut(at: end)
                        through = mine.position(end - 1)
                    }
                    let theirs = try read(
                        table, other, .between(after: start, through: through), connection)
                    let stands = try stands(connection)
                    return (mine, theirs, through, isEnd, min(stands.live, stands.other))
                }
            }
            lowest = min(lowest, piece.4)
            try compare(table, index, piece.0, piece.1, ledger)
            after = piece.2
            isLast = piece.3
            try progress(ledger.rowsCompared)
        }
        return lowest
    }

    /// Compares positions again.
    private func named(
        _ positions: [UUID], _ compared: [ComparedTable], _ ledger: ComparisonLedger,
        _ connection: Connection
    ) throws {
        for position in positions { try ledger.forget(position) }
        for (index, table) in compared.enumerated() where table.table.isByPosition {
            try compare(
                table, index, try read(table, live, .of(positions), connection),
                try read(table, other, .of(positions), connection), ledger)
        }
    }

    private func sums(
        _ table: ComparedTable, _ index: Int, _ ledger: ComparisonLedger,
        _ connection: Connection
    ) throws {
        let mine = try read(table, live, .all, connection)
        let theirs = try read(table, other, .all, connection)
        ledger.count(nil, index, before: mine.count, after: theirs.count)
        if RawRows.areEqual(mine, 0..<mine.count, theirs, 0..<theirs.count) { return }
        try compareRows(table, index, mine, 0..<mine.count, theirs, 0..<theirs.count, ledger)
    }

    // MARK: Comparing

    /// Goes through both, position by position.
    private func compare(
        _ table: ComparedTable, _ index: Int, _ mine: RawRows, _ theirs: RawRows,
        _ ledger: ComparisonLedger
    ) throws {
        var (left, right) = (0, 0)
        while left < mine.count || right < theirs.count {
            let first = left < mine.count ? mine.position(left) : nil
            let second = right < theirs.count ? theirs.position(right) : nil
            guard let position = [first, second].compactMap({ $0 }).min() else { break }
            var (leftEnd, rightEnd) = (left, right)
            if first == position {
                while leftEnd < mine.count, mine.position(leftEnd) == position { leftEnd += 1 }
            }
            if second == position {
                while rightEnd < theirs.count, theirs.position(rightEnd) == position {
                    rightEnd += 1
                }
            }
            ledger.count(position, index, before: leftEnd - left, after: rightEnd - right)
            if !RawRows.areEqual(mine, left..<leftEnd, theirs, right..<rightEnd) {
                try compareRows(
                    table, index, mine, left..<leftEnd, theirs, right..<rightEnd, ledger)
            }
            (left, right) = (leftEnd, rightEnd)
        }
    }

    /// Compares rows by their keys.
    private func compareRows(
        _ table: ComparedTable, _ index: Int, _ mine: RawRows, _ left: Range<Int>,
        _ theirs: RawRows, _ right: Range<Int>, _ ledger: ComparisonLedger
    ) throws {
        var after: [[String?]: [String?]] = [:]
        for row in right {
            let texts = try theirs.withRow(row) { try table.texts($0) }
            after[Array(texts.prefix(table.keyCount))] = texts
        }
        for row in left {
            let texts = try mine.withRow(row) { try table.texts($0) }
            let match = after.removeValue(forKey: Array(texts.prefix(table.keyCount)))
            if let difference = table.difference(texts, match) {
                try ledger.add(difference, index)
            }
        }
        for texts in after.values {
            if let difference = table.difference(nil, texts) { try ledger.add(difference, index) }
        }
    }
}
