import LedgerCore
import Postgres
import Synchronization
import Testing

@testable import EventStore
@testable import ProjectionEngine

/// Comparing two generations, promoting one, and going back.
@Suite struct GenerationTests {
    let sandbox: Sandbox
    let live: Worker
    let desk: GenerationDesk

    init() async throws {
        sandbox = try await Sandbox()
        live = try Worker(sandbox)
        desk = GenerationDesk(
            sandbox.info, identity: ProcessIdentity(start: "desk"), rangeEventsMax: 200)
    }

    var book: BookID { live.projector.lease.book }

    /// A book with some random positions, of which slot 2 has a rebuilt generation.
    func filled(_ seed: UInt64, steps: Int = 150) async throws {
        var book = RandomBook(seed: seed)
        let appender = sandbox.appender()
        for _ in 0..<steps { _ = try await appender.outcome(of: book.next().events) }
        // One that is closed for certain, with funding.
        var trades = Desk(seed: 99)
        let open = try trades.open()
        let id = open.positionID
        _ = try await appender.append([
            open, try trades.fill(id, "g1", .buy, 1, 10), try trades.fill(id, "g2", .sell, 1, 12),
            try trades.event(id, .closed(.takeProfit)),
        ])
        await appender.shutdown()
        try live.advance()
        _ = try await desk.rebuild(self.book, RebuildOptions(actor: "test")) { _ in }
    }

    func compare(_ tables: [String] = []) async throws -> ComparisonResult {
        try await desk.compare(book, tables: tables, slot: nil) { _ in }
    }

    func promote(
        _ digest: String, allowsNewer: Bool = false
    ) async throws -> Promotion {
        try await desk.promote(
            book, slot: nil, expect: digest, actor: "ada", allowsNewer: allowsNewer)
    }

    /// SHA-256 of nothing.
    static let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    @Test func `where nothing differs, that and the number of rows is said`() async throws {
        try await filled(seed())
        let result = try await compare()
        #expect(result.isEqual)
        #expect(result.digest == Self.nothing)
        #expect(result.logPosition == live.projector.checkpoint)
        let rows = try live.connection.number(
            "SELECT count(*) FROM positions.legs_rows WHERE slot = 1")
        #expect(result.tables.first { $0.name == "positions.legs" }?.rowsBefore == rows)
        #expect(result.rowsCompared > rows)
        #expect(try result.rows(max: 10) == [])
        #expect(try result.differencesJSON(linesMax: 1) == Array("[]".utf8))
    }

    /// Table, how a row of it is changed, and the column that is then named.
    private static let changes: [(table: String, set: String, column: String)] = [
        ("positions.active_rows", "worst_margin_ratio = 0.987", "worst_margin_ratio"),
        ("positions.legs_rows", "peak_qty = peak_qty + 7", "peak_qty"),
        ("positions.history_rows", "fills = fills + 1", "fills"),
        ("analytics.position_days_rows", "volume = volume + 3", "volume"),
        ("analytics.funding_collected_rows", "payments = payments + 1", "payments"),
        ("analytics.daily_pnl_rows", "price_pnl = price_pnl - 5", "price_pnl"),
        (
            "analytics.trade_stats_rows",
            "mean_hold_seconds = coalesce(mean_hold_seconds, 0) + 1", "mean_hold_seconds"
        ),
    ]

    @Test(arguments: changes.indices)
    func `a row that was changed by hand is named exactly, mended, and brought back`(
        index: Int
    ) async throws {
        let change = Self.changes[index]
        let seed = seed()
        try await filled(seed)
        let changed = try live.connection.query(
            """
            UPDATE \(change.table)
            SET \(change.set)
            WHERE slot = 1
              AND ctid = (SELECT ctid FROM \(change.table) WHERE slot = 1 LIMIT 1)
            """, deadline: ample
        ).affectedRows
        try #require(changed == 1, "seed \(seed) makes no row of \(change.table)")
        let result = try await compare()
        let rows = try result.rows(max: 10)
        #expect(rows.count == 1, "\(rows)")
        #expect(rows.first?.table == change.table.replacing("_rows", with: ""))
        #expect(rows.first?.columns.map(\.name) == [change.column])
        #expect(rows.first?.kind == .changed)
        // Another table alone knows nothing of it.
        let elsewhere =
            change.table == "positions.legs_rows" ? "positions.active" : "positions.legs"
        #expect(try await compare([elsewhere]).isEqual)
        let again = try await compare()
        #expect(again.digest == result.digest)
        let column = change.column
        let view = change.table.replacing("_rows", with: "")
        func seen() throws -> [String] {
            try live.connection.query(
                "SELECT \(column)::text FROM \(view) ORDER BY 1", deadline: ample
            ).rows.map { try $0[0].ifPresent?.string() ?? "" }
        }
        let wrong = try seen()
        let promotion = try await promote(result.digest)
        #expect(promotion.live.slot == 2)
        #expect(promotion.former.slot == 1)
        #expect(promotion.logPosition == live.projector.checkpoint)
        let right = try seen()
        #expect(right != wrong)
        let reversion = try await desk.revert(book, actor: "ada", allowsStale: false)
        #expect(reversion.live.slot == 1)
        #expect(reversion.lagEvents == 0)
        #expect(try seen() == wrong)
        // A second time, as after a lost answer, does not go forth, which takes a comparison.
        do {
            _ = try await desk.revert(book, actor: "ada", allowsStale: true)
            Issue.record("going back twice went forth")
        } catch GenerationError.notFound(let why) {
            #expect(why.hasPrefix("ada went back from slot 2 to slot 1 already, at 20"), "\(why)")
        }
        #expect(try seen() == wrong)
        #expect(try await desk.list(book).generations.map(\.state) == [.live, .ready])
        let steps = try await desk.list(book).steps
        #expect(steps.map(\.step) == ["reverted", "promoted", "rebuilt"])
        #expect(steps[0].totals == Array(#"{"lag_events":0}"#.utf8))
        #expect(steps[1].digest == result.digest)
        #expect(steps[1].actor == "ada")
        #expect(steps[1].totals == result.totalsJSON)
        await desk.shutdown()
    }

    @Test func `rows that only one generation has are named`() async throws {
        let seed = seed()
        try await filled(seed)
        try live.connection.execute(
            """
            DELETE FROM positions.legs_rows
            WHERE slot = 1
              AND ctid = (SELECT ctid FROM positions.legs_rows WHERE slot = 1 LIMIT 1);
            DELETE FROM analytics.position_days_rows
            WHERE slot = 2
              AND ctid = (SELECT ctid FROM analytics.position_days_rows WHERE slot = 2 LIMIT 1);
            """, deadline: ample)
        let result = try await compare()
        let rows = try result.rows(max: 10)
        #expect(Set(rows.map(\.kind)) == [.onlyAfter, .onlyBefore])
        #expect(rows.count == 2)
        let legs = result.tables.first { $0.name == "positions.legs" }
        #expect(legs?.onlyAfter == 1)
        #expect(legs.map { $0.rowsAfter - $0.rowsBefore } == 1)
        await desk.shutdown()
    }

    @Test func `money is summed by settle asset, and the greatest change comes first`() async throws
    {
        let seed = seed()
        try await filled(seed)
        try live.connection.execute(
            "UPDATE positions.legs_rows SET unrealized = 0 WHERE unrealized IS NULL",
            deadline: ample)
        let changed = try live.connection.query(
            """
            UPDATE positions.legs_rows AS r
            SET unrealized = unrealized + n.number
            FROM (SELECT ctid AS place, row_number() OVER (ORDER BY ctid) AS number
                  FROM positions.legs_rows
                  WHERE slot = 1
                  LIMIT 3) AS n
            WHERE r.slot = 1
              AND r.ctid = n.place
            RETURNING r.settle, n.number
            """, deadline: ample)
        var sums: [String: Fixed] = [:]
        for row in changed.rows {
            let settle = try row[0].string()
            let minus = try Fixed(-(try row[1].int64()))
            sums[settle] = try (sums[settle] ?? .zero).adding(minus)
        }
        let result = try await compare()
        let legs = result.tables.first { $0.name == "positions.legs" }
        #expect(legs?.columns.map(\.name) == ["unrealized"])
        #expect(legs?.columns.first?.change == sums)
        let sizes = try result.rows(max: 10).map { row in
            try Fixed(row.columns[0].after ?? "0").map {
                try $0.subtracting(Fixed(row.columns[0].before ?? "0") ?? .zero)
            }
        }
        #expect(sizes == [try Fixed(-3), try Fixed(-2), try Fixed(-1)])
        await desk.shutdown()
    }

    @Test func `the size of the pieces makes no difference`() async throws {
        try await filled(seed())
        try live.connection.execute(
            "UPDATE positions.legs_rows SET peak_qty = peak_qty + 1 WHERE slot = 1", deadline: ample
        )
        var digests: Set<String> = []
        for size in [1, 3, 50, 10_000] {
            let comparison = GenerationComparison(
                book: book, live: 1, other: 2, tables: ProjectedTable.all, pieceRowsMax: size)
            let result = try comparison.run(
                on: live.connection, catchUp: { _, _ in }, progress: { _ in },
                finish: { _, result in result })
            digests.insert(result.digest)
            #expect(result.positionsChanged == result.positionsCompared)
        }
        #expect(digests.count == 1)
        await desk.shutdown()
    }

    @Test func `what comes meanwhile is compared at one log position`() async throws {
        let seed = seed()
        try await filled(seed)
        try live.connection.execute(
            """
            UPDATE positions.history_rows SET maker_fills = 0 WHERE slot = 1 AND maker_fills > 0;
            """, deadline: ample)
        let source = Mutex(RandomBook(seed: seed &+ 1))
        let appender = sandbox.appender()
        let catchUp = CatchUp(
            sandbox.info, book, slot: 2, owner: ProcessIdentity(start: "x").acting(as: "test"))
        var pieces = 0
        let comparison = GenerationComparison(
            book: book, live: 1, other: 2, tables: ProjectedTable.all, pieceRowsMax: 5)
        let more = try (0..<60).map { _ in source.withLock { $0.next().events } }
        // Appended before, carried into the live tables while it compares.
        for events in more { _ = try await appender.outcome(of: events) }
        let other = try Worker(sandbox)
        let result = try comparison.run(
            on: live.connection, catchUp: { try catchUp.reach($0, $1) },
            progress: { _ in
                pieces += 1
                let head = try LogReader(other.connection, deadline: ample).head(book).position
                let next = min(head, other.projector.checkpoint.advanced(by: 4))
                try other.advance(to: next)
            }, finish: { _, result in result })
        #expect(pieces > 10)
        #expect(result.logPosition == other.projector.checkpoint)
        try catchUp.release()
        let rest = try await compare()
        #expect(rest.logPosition == result.logPosition)
        #expect(rest.digest == result.digest, "seed \(seed)")
        #expect(rest.tables == result.tables)
        await appender.shutdown()
        await desk.shutdown()
    }
}
