import EventStore
import LedgerCore
import Postgres
import Projections

/// What a range of positions comes to: rows in the form of COPY, and what is summed over many
/// positions. Several parts of a range are folded at the same time.
struct FoldedRange: Sendable {
    /// Rows of each table, in the order of `AccountTables.all`.
    var tables: [BinaryCopyWriter]
    private(set) var days = DayTerms()
    /// Positions that stand still, and why.
    private(set) var stale: [(position: UUID, why: Stale)] = []

    private let scope: (slot: Int16, book: BookID)

    init(slot: Int16, book: BookID) {
        scope = (slot, book)
        // Beside a row's columns, its slot and book.
        tables = AccountTables.all.map { BinaryCopyWriter(columns: $0.columns.count + 2) }
    }

    /// Takes a position's whole stream.
    mutating func fold(_ stream: ReadableStream, of position: UUID) throws {
        if stream.flaw == nil, let account = try? AccountFold.fold(stream.events),
            let rows = try? Self.rows(of: account, nil)
        {
            add(rows, account)
            return
        }
        let batch = BatchFold(stream: { _ in stream })
        let written = try batch.longest(
            stream, known: Written(account: nil, stale: nil), tried: 0)
        if let account = written.account {
            add(try Self.rows(of: account, written.stale?.reason), account)
        }
        if let why = written.stale { stale.append((position, why)) }
    }

    private static func rows(
        of account: PositionAccount, _ stale: String?
    ) throws(FixedError) -> [[Row]] {
        var rows: [[Row]] = []
        for table in AccountTables.all { rows.append(try table.rows(account, stale)) }
        return rows
    }

    private mutating func add(_ rows: [[Row]], _ account: PositionAccount) {
        for (index, rows) in rows.enumerated() {
            for row in rows {
                tables[index].beginRow()
                tables[index].append.int2(scope.slot)
                tables[index].append.int4(scope.book.rawValue)
                for cell in row.cells { cell.append(to: &tables[index].append) }
            }
        }
        for delta in DailyPnl.deltas(from: nil, to: account) { days.add(delta) }
    }
}

/// Terms of the days' sums, as few as can be added up without leaving the range of a figure.
struct DayTerms: Sendable {
    private var sums: [DailyPnl.Key: DailyPnl.Delta] = [:]
    /// Terms that a sum in range could not take.
    private var rest: [DailyPnl.Delta] = []

    /// All terms: their sum by key is what is added to a row.
    var deltas: [DailyPnl.Delta] { Array(sums.values) + rest }

    mutating func add(_ delta: DailyPnl.Delta) {
        guard let known = sums[delta.key] else {
            sums[delta.key] = delta
            return
        }
        if let sum = try? known.adding(delta) {
            sums[delta.key] = sum
        } else {
            rest.append(delta)
        }
    }
}

extension DailyPnl.Delta {
    fileprivate func adding(_ other: DailyPnl.Delta) throws(FixedError) -> DailyPnl.Delta {
        var sum = self
        sum.pricePnl = try pricePnl.adding(other.pricePnl)
        sum.feesKnown = try feesKnown.adding(other.feesKnown)
        sum.fundingKnown = try fundingKnown.adding(other.fundingKnown)
        sum.adjustments = try adjustments.adding(other.adjustments)
        sum.volume = try volume.adding(other.volume)
        sum.unvaluedFees += other.unvaluedFees
        sum.unvaluedFunding += other.unvaluedFunding
        sum.fills += other.fills
        sum.positions += other.positions
        sum.legDays += other.legDays
        if other.changed.logPosition > changed.logPosition { sum.changed = other.changed }
        return sum
    }
}
