import EventStore
import LedgerCore
import Postgres
import Projections

/// Writes one generation's rows and its checkpoint in one transaction.
struct GenerationWriter: Sendable {
    let book: BookID
    let slot: Int16
    let tables: [TableWriter]

    /// Statements made from the tables' columns, for the test that prepares them.
    var statements: [String] { tables.flatMap(\.statements) }

    private var scope: [Parameter] { [.int2(slot), .int4(book.rawValue)] }

    /// Adds the statements for all changes of account tables, quarantine and daily_pnl.
    func add(_ changes: [BatchFold.Change], to pipeline: inout Pipeline) {
        let deltas = changes.flatMap { change in
            DailyPnl.deltas(from: change.before.account, to: change.after.account)
        }
        for (index, table) in tables.enumerated() {
            var rows = TableChanges()
            for change in changes { rows.add(change.position, change.rows[index]) }
            table.add(rows, slot: slot, book: book, to: &pipeline)
        }
        add(deltas, to: &pipeline)
        for change in changes {
            if let stale = change.after.stale {
                add(stale, of: change.position, to: &pipeline)
            } else if change.before.stale != nil {
                pipeline.add(ProjectionSQL.endQuarantine, scope + [.uuids([change.position])])
            }
        }
    }

    /// Adds the statement that says why a position stands still.
    func add(_ stale: Stale, of position: UUID, to pipeline: inout Pipeline) {
        pipeline.add(
            ProjectionSQL.quarantine,
            scope + [
                .uuid(position), .int8(stale.logPosition.rawValue),
                stale.eventID.map { .uuid($0) } ?? .null(.uuid), .text(stale.reason),
            ])
    }

    /// Adds the statements that bring the sums of the days on by `deltas`.
    func add(_ deltas: [DailyPnl.Delta], to pipeline: inout Pipeline) {
        guard !deltas.isEmpty else { return }
        pipeline.add(ProjectionSQL.probesOnly)
        pipeline.add(ProjectionSQL.mergeDays, scope + DeltaColumns(deltas).parameters)
        pipeline.add(ProjectionSQL.anyJoin)
        for key in Set(deltas.lazy.filter(\.lowersStamp).map(\.key)) {
            pipeline.add(
                ProjectionSQL.restampDay,
                scope + [
                    .date(days: key.day.number), .text(key.strategy.text), .text(key.asset.text),
                    .text(key.venue.text), .text(key.settle.text),
                ])
        }
    }

    /// Recomputes the statistics of the keys whose closed positions changed.
    func writeTradeStats(
        _ keys: Set<TradeStats.Key>, connection: Connection, deadline: Deadline
    ) throws {
        for key in keys {
            let names: [Parameter] = [
                .text(key.strategy.text), .text(key.asset.text), .text(key.settle.text),
            ]
            var pipeline = Pipeline()
            pipeline.add(ProjectionSQL.dropTradeStats, scope + names)
            if let sums = try tradeStats(of: key, connection: connection, deadline: deadline) {
                pipeline.add(
                    ProjectionSQL.makeTradeStats,
                    scope + names + sums.cells.map(Parameter.init(cell:)) + [
                        .int8(sums.logPosition), .timestamp(sums.changedAt),
                    ])
            }
            try connection.run(pipeline, deadline: deadline)
        }
    }

    /// What a key of trade_stats comes to, by `TradeStats.cells`; nil without closed positions.
    func tradeStats(
        of key: TradeStats.Key, connection: Connection, deadline: Deadline
    ) throws -> (cells: [Cell], logPosition: Int64, changedAt: Timestamp)? {
        let names: [Parameter] = [
            .text(key.strategy.text), .text(key.asset.text), .text(key.settle.text),
        ]
        let row = try connection.query(
            ProjectionSQL.tradeSums, scope + names, deadline: deadline
        ).onlyRow()
        guard try row[0].int64() > 0 else { return nil }
        let sums = try sums(row, scope + names, connection, deadline)
        return (TradeStats.cells(sums), try row[10].int64(), try row[11].timestamp())
    }

    private func sums(
        _ row: QueryResult.Row, _ scope: [Parameter], _ connection: Connection,
        _ deadline: Deadline
    ) throws -> TradeStats.Sums {
        var sums = TradeStats.Sums()
        sums.closed = try row[0].int64()
        sums.unvalued = try row[1].int64()
        sums.wins = try row[2].int64()
        sums.net = fixed(row[3])
        sums.grossProfit = fixed(row[4])
        sums.grossLoss = fixed(row[5])
        sums.best = fixed(row[6])
        sums.worst = fixed(row[7])
        sums.holdSeconds = fixed(row[8])
        sums.held = try row[9].int64()
        let valued = sums.closed - sums.unvalued
        guard valued > 0 else { return sums }
        let middle = try connection.query(
            ProjectionSQL.tradeMiddle,
            scope + [.int8((valued - 1) / 2), .int8(2 - valued % 2)], deadline: deadline)
        sums.middle = middle.rows.compactMap { fixed($0[0]) }
        return sums
    }

    /// nil for null and for a sum beyond the range.
    private func fixed(_ field: Field) -> Fixed? {
        guard let present = field.ifPresent, let scaled = try? present.numeric() else { return nil }
        return try? Fixed(scaled: scaled)
    }
}

extension Parameter {
    /// A single value. Nulls are numeric: only figures of statistics are written alone.
    init(cell: Cell) {
        switch cell {
        case .int8(let value): self = .int8(value)
        case .decimal(let value): self = .numeric(value.scaled)
        default: self = .null(.numeric)
        }
    }
}

/// The changes of daily_pnl, column by column.
private struct DeltaColumns {
    let parameters: [Parameter]

    init(_ deltas: [DailyPnl.Delta]) {
        var days = ArrayBuilder(of: .date)
        var texts = (0..<4).map { _ in ArrayBuilder(of: .text) }
        var money = (0..<5).map { _ in ArrayBuilder(of: .numeric) }
        var counts = (0..<6).map { _ in ArrayBuilder(of: .int8) }
        var times = ArrayBuilder(of: .timestamptz)
        for delta in deltas {
            let key = delta.key
            days.append.date(days: key.day.number)
            for (index, text) in [key.strategy, key.asset, key.venue, key.settle].enumerated() {
                texts[index].append.text(text.text)
            }
            let figures = [
                delta.pricePnl, delta.feesKnown, delta.fundingKnown, delta.adjustments,
                delta.volume,
            ]
            for (index, figure) in figures.enumerated() {
                money[index].append.numeric(figure.scaled)
            }
            let numbers = [
                delta.unvaluedFees, delta.unvaluedFunding, delta.fills, delta.positions,
                delta.legDays, delta.changed.logPosition.rawValue,
            ]
            for (index, number) in numbers.enumerated() { counts[index].append.int8(number) }
            times.append.timestamptz(microseconds: delta.changed.recordedAt.microseconds)
        }
        parameters =
            [days.take()] + texts.indices.map { texts[$0].take() }
            + money.indices.map { money[$0].take() } + counts.indices.map { counts[$0].take() }
            + [times.take()]
    }
}
