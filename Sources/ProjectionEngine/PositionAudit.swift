import EventStore
import LedgerCore
import Postgres
import Projections

/// Folds positions of one generation afresh and compares with the rows that stand.
struct PositionAudit {
    let book: BookID
    private let slot: Int16
    private let tables: [ProjectedTable]

    /// Tables whose rows are sums over many positions are left out.
    init(book: BookID, slot: Int16, tables: [ProjectedTable]) {
        self.book = book
        self.slot = slot
        self.tables = tables.filter(\.isByPosition)
    }

    private var scope: [Parameter] { [.int2(slot), .int4(book.rawValue)] }

    /// What one table has of some positions: the cells of its columns, by key.
    private typealias Rows = [[Cell]: [Cell]]

    /// What a check has found.
    struct Found: Sendable {
        var logPosition = LogPosition.origin
        var differences: [RowDifference] = []
        /// Rows that were compared.
        var rows: Int64 = 0
        /// By table, rows that stand and rows that the log comes to.
        var counts: [String: (before: Int64, after: Int64)] = [:]
    }

    /// Folds positions afresh, as this process's folds do, up to where the generation stands, and
    /// compares: `before` is what stands, `after` what the log comes to. One snapshot; the events
    /// of all `positions` are in memory at once. `rows` counts those that were compared.
    func check(
        _ positions: [UUID], on connection: Connection, deadline: Deadline
    ) throws -> Found {
        try connection.transaction(
            "ISOLATION LEVEL REPEATABLE READ READ ONLY", deadline: deadline
        ) { connection in
            try connection.query(AuditSQL.limits, deadline: deadline)
            let found = try connection.query(
                AuditSQL.checkpoint, [.int4(book.rawValue), .int2(slot)], deadline: deadline)
            guard let row = found.rows.first else { return Found() }
            let reached = LogPosition(rawValue: try row[0].int64())
            guard !positions.isEmpty, reached > .origin else {
                return Found(logPosition: reached)
            }
            let folded = try folded(positions, through: reached, connection, deadline)
            var checked = Found(logPosition: reached)
            for table in tables {
                let before = try standing(table, positions, connection, deadline)
                let after = try folded.reduce(into: Rows()) { rows, entry in
                    try add(entry.key, entry.value, to: &rows, of: table)
                }
                let keys = Set(before.keys).union(after.keys)
                checked.counts[table.name] = (Int64(before.count), Int64(after.count))
                checked.rows += Int64(keys.count)
                checked.differences += keys.compactMap {
                    table.difference(before[$0], after[$0], $0)
                }
            }
            checked.differences.sort { $0.place < $1.place }
            return checked
        }
    }

    // MARK: The fold

    /// What the log up to the checkpoint comes to.
    private func folded(
        _ positions: [UUID], through reached: LogPosition, _ connection: Connection,
        _ deadline: Deadline
    ) throws -> [UUID: Written] {
        let streams = try LogReader(connection, deadline: deadline)
            .streams(book, positions, through: reached)
        let held = try connection.query(
            ProjectionSQL.writtenVersions, scope + [.uuids(positions)], deadline: deadline)
        var refused: [UUID: (stale: Stale, version: Int)] = [:]
        for row in held.rows {
            let stale = Stale(
                reason: try row[1].string(), eventID: try row[2].ifPresent?.id(),
                logPosition: LogPosition(rawValue: try row[4].int64()))
            refused[try row[0].id()] = (stale, Int(try row[3].int64()))
        }
        // No event of these positions is asked for again.
        let fold = BatchFold(
            stream: { streams[$0] ?? ReadableStream() },
            check: {
                if deadline.hasPassed { throw PostgresError.timedOut("folding events") }
            })
        let none = Written(account: nil, stale: nil)
        var folded: [UUID: Written] = [:]
        for (position, stream) in streams {
            var written = try fold.longest(stream, known: none, tried: 0)
            if written.stale == nil, let refused = refused[position], refused.stale.eventID == nil {
                // It folds, but the tables refused its rows: what they took before stands.
                let prefix = Array(stream.events.prefix(refused.version))
                let account = prefix.isEmpty ? nil : try? AccountFold.fold(prefix)
                written = Written(account: account, stale: refused.stale)
            }
            folded[position] = written
        }
        return folded
    }

    /// Adds the rows that a table should have of a position.
    private func add(
        _ position: UUID, _ written: Written, to rows: inout Rows, of table: ProjectedTable
    ) throws {
        guard let account = AccountTables.all.first(where: { $0.name == table.name }) else {
            // The quarantine.
            guard let stale = written.stale else { return }
            rows[[.uuid(position)]] = [
                .uuid(position), .int8(stale.logPosition.rawValue),
                stale.eventID.map { .uuid($0) } ?? .null, .text(stale.reason),
            ]
            return
        }
        guard let folded = written.account else { return }
        for row in try account.rows(folded, written.stale?.reason) {
            rows[[.uuid(position)] + row.key] = row.cells
        }
    }

    // MARK: What stands

    private func standing(
        _ table: ProjectedTable, _ positions: [UUID], _ connection: Connection,
        _ deadline: Deadline
    ) throws -> Rows {
        let places = table.keyColumns.compactMap { table.columns.firstIndex(of: $0) }
        let result = try connection.query(
            AuditSQL.rows(of: table), scope + [.uuids(positions)], deadline: deadline)
        var rows: Rows = [:]
        for row in result.rows {
            let cells = try table.columns.indices.map { try Cell(standing: row[$0]) }
            rows[places.map { cells[$0] }] = cells
        }
        return rows
    }
}

extension ProjectedTable {
    /// How two rows of one key differ; nil if they do not.
    fileprivate func difference(
        _ before: [Cell]?, _ after: [Cell]?, _ key: [Cell]
    ) -> RowDifference? {
        guard before != after else { return nil }
        func text(_ cells: [Cell]?, _ index: Int) -> String? { cells.flatMap { $0[index].text } }
        let differing = columns.indices.compactMap { index -> RowDifference.Column? in
            let (old, new) = (text(before, index), text(after, index))
            guard old != new else { return nil }
            return RowDifference.Column(name: columns[index], before: old, after: new)
        }
        let settle = columns.firstIndex(of: "settle").flatMap { index in
            text(after, index) ?? text(before, index)
        }
        var position: UUID?
        if case .uuid(let id)? = key.first { position = id }
        return RowDifference(
            table: name,
            key: zip(keyColumns, key).map { column, cell in
                RowDifference.KeyPart(column: column, value: cell.text ?? "")
            },
            kind: before == nil ? .onlyAfter : (after == nil ? .onlyBefore : .changed),
            columns: differing, settle: settle, position: position)
    }
}

extension RowDifference {
    /// An order that does not depend on the run.
    fileprivate var place: String {
        let index = ProjectedTable.all.firstIndex { $0.name == table } ?? 0
        return ([String(index)] + key.map(\.value)).joined(separator: "\u{0}")
    }
}

extension Cell {
    /// A field as the cell of its column's type.
    init(standing field: Field) throws {
        guard !field.isNull else {
            self = .null
            return
        }
        switch field.type {
        case .int2: self = .int2(try field.int16())
        case .int4: self = .int4(try field.int32())
        case .int8: self = .int8(try field.int64())
        case .numeric: self = .decimal(try Fixed(scaled: field.numeric()))
        case .text: self = .text(try field.string())
        case .uuid: self = .uuid(try field.id())
        case .timestamptz: self = .timestamp(try field.timestamp())
        case .date: self = .date(Day(number: try field.date()))
        case .json: self = .json(try field.bytes())
        default: self = .texts(try field.textArray())
        }
    }
}
