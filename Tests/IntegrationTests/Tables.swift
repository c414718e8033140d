import EventStore
import LedgerCore
import Postgres
import Testing

@testable import ProjectionEngine
@testable import Projections

/// The rows of all tables of one generation, as they stand or as they should.
struct Tables: Equatable {
    /// By table, then by position and key.
    var accounts: [String: [[Cell]: [Cell]]] = [:]
    var daily: [DailyPnl.Key: DailyPnl.Delta] = [:]
    /// By position: why it does not follow.
    var quarantine: [UUID: String] = [:]

    /// What stands in the database.
    static func standing(
        _ connection: Connection, book: BookID, slot: Int16 = 1
    ) throws -> Tables {
        var tables = Tables()
        for table in AccountTables.all {
            let result = try connection.query(
                """
                SELECT \(table.columns.joined(separator: ", "))
                FROM \(table.name)_rows
                WHERE slot = $1
                  AND book_id = $2
                """, [.int2(slot), .int4(book.rawValue)], deadline: ample)
            var rows: [[Cell]: [Cell]] = [:]
            for row in result.rows {
                let cells = try table.columns.indices.map { try Cell(row[$0]) }
                let key = (["position_id"] + table.keyColumns).map { name in
                    table.columns.firstIndex(of: name).map { cells[$0] } ?? .null
                }
                #expect(rows.updateValue(cells, forKey: key) == nil)
            }
            tables.accounts[table.name] = rows
        }
        try tables.readDays(connection, book, slot)
        let held = try connection.query(
            "SELECT position_id, reason FROM positions.quarantine WHERE slot = $1 AND book_id = $2",
            [.int2(slot), .int4(book.rawValue)], deadline: ample)
        for row in held.rows { tables.quarantine[try row[0].id()] = try row[1].string() }
        return tables
    }

    private mutating func readDays(
        _ connection: Connection, _ book: BookID, _ slot: Int16
    ) throws {
        let result = try connection.query(
            """
            SELECT day, strategy, asset, venue, settle, price_pnl, fees_known, funding_known,
                   adjustments, volume, unvalued_fees, unvalued_funding, fills, positions, leg_days
            FROM analytics.daily_pnl_rows
            WHERE slot = $1
              AND book_id = $2
            """, [.int2(slot), .int4(book.rawValue)], deadline: ample)
        for row in result.rows {
            let key = DailyPnl.Key(
                day: Day(number: try row[0].date()), strategy: ExactText(try row[1].string()),
                asset: ExactText(try row[2].string()), venue: ExactText(try row[3].string()),
                settle: ExactText(try row[4].string()))
            var sum = DailyPnl.Delta(key)
            sum.pricePnl = try Fixed(scaled: row[5].numeric())
            sum.feesKnown = try Fixed(scaled: row[6].numeric())
            sum.fundingKnown = try Fixed(scaled: row[7].numeric())
            sum.adjustments = try Fixed(scaled: row[8].numeric())
            sum.volume = try Fixed(scaled: row[9].numeric())
            sum.unvaluedFees = try row[10].int64()
            sum.unvaluedFunding = try row[11].int64()
            sum.fills = try row[12].int64()
            sum.positions = try row[13].int64()
            sum.legDays = try row[14].int64()
            #expect(daily.updateValue(sum, forKey: key) == nil)
        }
    }

    /// What the log up to `through` comes to, folded afresh.
    static func folded(
        _ connection: Connection, book: BookID, through: LogPosition
    ) throws -> Tables {
        var tables = Tables()
        for table in AccountTables.all { tables.accounts[table.name] = [:] }
        let reader = LogReader(connection, deadline: ample)
        let events = try reader.events(book, after: .origin, through: through)
        let streams = Dictionary(grouping: events, by: \.positionID)
        for (position, stream) in streams {
            let (account, error) = longestPrefix(of: stream)
            if let error { tables.quarantine[position] = error.description }
            guard let account else { continue }
            try tables.add(account, stale: error?.description)
        }
        return tables
    }

    /// The longest prefix that folds and can be mapped, tried one by one.
    private static func longestPrefix(
        of events: [Event]
    ) -> (account: PositionAccount?, error: FoldError?) {
        var first: FoldError?
        for length in stride(from: events.count, to: 0, by: -1) {
            do throws(FoldError) {
                let account = try AccountFold.fold(Array(events[..<length]))
                if account.canBeMapped { return (account, first) }
                first = first ?? .totalOutOfRange(eventID: events[length - 1].eventID)
            } catch {
                first = first ?? error
            }
        }
        return (nil, first)
    }

    mutating func add(_ account: PositionAccount, stale: String?) throws {
        for table in AccountTables.all {
            for row in try table.rows(account, stale) {
                let key: [Cell] = [.uuid(account.positionID)] + row.key
                #expect(accounts[table.name]?.updateValue(row.cells, forKey: key) == nil)
            }
        }
        var seen: Set<DailyPnl.Key> = []
        for leg in account.legs {
            for day in leg.days {
                let key = DailyPnl.Key(
                    day: day.day, strategy: ExactText(account.opened.strategy),
                    asset: ExactText(account.opened.asset), venue: ExactText(leg.terms.venue),
                    settle: ExactText(leg.terms.settle))
                var sum = daily[key] ?? DailyPnl.Delta(key)
                sum.pricePnl = try sum.pricePnl.adding(day.pricePnl)
                sum.feesKnown = try sum.feesKnown.adding(day.feesKnown)
                sum.fundingKnown = try sum.fundingKnown.adding(day.fundingKnown)
                sum.adjustments = try sum.adjustments.adding(day.adjustments)
                sum.volume = try sum.volume.adding(day.volume ?? .zero)
                sum.unvaluedFees += day.unvaluedFees > 0 ? 1 : 0
                sum.unvaluedFunding += day.unvaluedFunding > 0 ? 1 : 0
                sum.fills += day.fills
                sum.positions += seen.insert(key).inserted ? 1 : 0
                sum.legDays += 1
                daily[key] = sum
            }
        }
    }

    /// Says where two differ, row by row.
    func differences(from other: Tables) -> [String] {
        var lines: [String] = []
        for table in AccountTables.all {
            let (mine, theirs) = (accounts[table.name] ?? [:], other.accounts[table.name] ?? [:])
            for key in Set(mine.keys).union(theirs.keys) {
                guard mine[key] != theirs[key] else { continue }
                let columns = table.columns.indices.filter { mine[key]?[$0] != theirs[key]?[$0] }
                let words = columns.map {
                    "\(table.columns[$0]): \(String(describing: mine[key]?[$0])) is not "
                        + "\(String(describing: theirs[key]?[$0]))"
                }
                lines.append("\(table.name) \(key): " + words.joined(separator: "; "))
            }
        }
        for key in Set(daily.keys).union(other.daily.keys) where daily[key] != other.daily[key] {
            lines.append(
                "analytics.daily_pnl \(key): \(String(describing: daily[key])) is not "
                    + "\(String(describing: other.daily[key]))")
        }
        if quarantine != other.quarantine {
            lines.append("quarantine: \(quarantine) is not \(other.quarantine)")
        }
        return lines
    }
}

extension Cell {
    /// A field as a cell of its column's type.
    init(_ field: Field) throws {
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
