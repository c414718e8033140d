import LedgerCore

extension AccountFold {
    /// What this build's folds make of a fixed sample, as 16 hexadecimal digits: the same on every
    /// machine, and another one for a logic that makes other figures of the sample. It tells
    /// logics apart that somebody forgot to give another `logicVersion`. It costs a few
    /// milliseconds, once.
    public static let logicFingerprint: String = LogicFingerprint.hex(
        LogicFingerprint.parts(of: LogicProbe.streams))
}

/// Rows of a sample, and one number for all of them.
struct LogicFingerprint {
    /// Rows that one table has of one account, or what else the folds say of it.
    struct Part {
        var table: String
        var rows: [Row]
    }

    /// FNV-1a, 64 bits: enough to tell, no secret.
    private var state = offsetBasis
    private static let offsetBasis: UInt64 = 0xCBF2_9CE4_8422_2325
    private static let prime: UInt64 = 0x0000_0100_0000_01B3

    /// The fingerprint of some parts, in their order.
    static func hex(_ parts: [Part]) -> String {
        var hash = LogicFingerprint()
        for part in parts {
            hash.add(part.table)
            hash.add(Int64(part.rows.count))
            for row in part.rows { hash.add(row) }
        }
        let digits = String(hash.state, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// All that the folds make of some streams: the rows after each event, kept event by event
    /// where that can be done, what the days add to daily_pnl, and the whole stream folded afresh
    /// with the reason why it does not fold to its end.
    static func parts(of streams: [[Event]]) -> [Part] {
        var parts: [Part] = []
        for stream in streams {
            var account: PositionAccount?
            for length in stream.indices.map({ $0 + 1 }) {
                let before = account
                account = advanced(account, stream[..<length])
                if let account { parts += tables(account, stale: nil) }
                parts.append(dailyPnl(from: before, to: account))
            }
            let (whole, error) = AccountFold.foldPrefix(stream, check: {})
            let reason = error?.description
            parts.append(
                Part(table: "fold", rows: [Row(key: [], cells: [.optional(reason)])]))
            if let whole { parts += tables(whole, stale: reason ?? "a reason") }
        }
        parts.append(tradeStats())
        return parts
    }

    private static func advanced(
        _ account: PositionAccount?, _ events: ArraySlice<Event>
    ) -> PositionAccount? {
        if var next = account, let last = events.last, (try? next.evolve(last)) == true {
            return next
        }
        return try? AccountFold.fold(Array(events))
    }

    private static func tables(_ account: PositionAccount, stale: String?) -> [Part] {
        AccountTables.all.map { table in
            do throws(FixedError) {
                return Part(table: table.name, rows: try table.rows(account, stale))
            } catch {
                return Part(
                    table: table.name, rows: [Row(key: [], cells: [.text("out of range")])])
            }
        }
    }

    /// Terms have no order of their own, so the hash gives them one.
    private static func dailyPnl(
        from old: PositionAccount?, to new: PositionAccount?
    ) -> Part {
        let rows = DailyPnl.deltas(from: old, to: new).map { delta in
            Row(
                key: [],
                cells: [
                    .date(delta.key.day), .text(delta.key.strategy.text),
                    .text(delta.key.asset.text), .text(delta.key.venue.text),
                    .text(delta.key.settle.text), .decimal(delta.pricePnl),
                    .decimal(delta.feesKnown), .decimal(delta.fundingKnown),
                    .decimal(delta.adjustments), .decimal(delta.volume),
                    .int8(delta.unvaluedFees), .int8(delta.unvaluedFunding), .int8(delta.fills),
                    .int8(delta.positions), .int8(delta.legDays),
                    .int8(delta.changed.logPosition.rawValue),
                    .timestamp(delta.changed.recordedAt),
                ])
        }
        let ordered = rows.map { row in
            var hash = LogicFingerprint()
            hash.add(row)
            return (hash: hash.state, row: row)
        }.sorted { $0.hash < $1.hash }
        return Part(table: "analytics.daily_pnl", rows: ordered.map(\.row))
    }

    private static func tradeStats() -> Part {
        var sums = TradeStats.Sums()
        sums.closed = 3
        sums.wins = 2
        sums.net = LogicProbe.decimal("10")
        sums.grossProfit = LogicProbe.decimal("15")
        sums.grossLoss = LogicProbe.decimal("5")
        sums.best = LogicProbe.decimal("9")
        sums.worst = LogicProbe.decimal("-5")
        sums.middle = [LogicProbe.decimal("6")]
        sums.holdSeconds = LogicProbe.decimal("100")
        sums.held = 3
        var even = sums
        even.middle = [LogicProbe.decimal("1"), LogicProbe.decimal("6")]
        var unvalued = sums
        unvalued.unvalued = 1
        let samples = [sums, even, unvalued]
        return Part(
            table: "analytics.trade_stats",
            rows: samples.map { Row(key: [], cells: TradeStats.cells($0)) })
    }

    // MARK: Hashing

    private mutating func add(_ row: Row) {
        add(Int64(row.key.count))
        for cell in row.key { add(cell) }
        add(Int64(row.cells.count))
        for cell in row.cells { add(cell) }
    }

    /// A cell with its type and its length, so that no two rows have the same octets.
    private mutating func add(_ cell: Cell) {
        switch cell {
        case .null: add(octet: 0)
        case .int2(let value): add(1, value)
        case .int4(let value): add(2, value)
        case .int8(let value): add(3, value)
        case .decimal(let value): add(4, value.scaled)
        case .text(let value):
            add(octet: 5)
            add(value)
        case .texts(let values):
            add(6, Int64(values.count))
            for value in values { add(value) }
        case .uuid(let value):
            add(7, value.high)
            add(value.low)
        case .timestamp(let value): add(8, value.microseconds)
        case .date(let value): add(9, value.number)
        case .json(let bytes):
            add(10, Int64(bytes.count))
            for byte in bytes { add(octet: byte) }
        }
    }

    private mutating func add(_ type: UInt8, _ value: some FixedWidthInteger) {
        add(octet: type)
        add(value)
    }

    private mutating func add(_ text: String) {
        add(Int64(text.utf8.count))
        for byte in text.utf8 { add(octet: byte) }
    }

    /// The least octet first, on every machine.
    private mutating func add<Value: FixedWidthInteger>(_ value: Value) {
        var rest = value
        for _ in 0..<(Value.bitWidth / 8) {
            add(octet: UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }

    private mutating func add(octet: UInt8) {
        state = (state ^ UInt64(octet)) &* LogicFingerprint.prime
    }
}
