import LedgerCore
import Testing

@testable import ProjectionEngine

/// What a comparison says of money.
@Suite struct ComparisonLedgerTests {
    private let position = UUID(high: 1, low: 2)

    private func difference(
        _ table: String, _ key: [String], _ columns: [(String, String?, String?)],
        settle: String?, kind: RowDifference.Kind = .changed
    ) throws -> (RowDifference, Int) {
        let index = try #require(ProjectedTable.all.firstIndex { $0.name == table })
        let keys = ProjectedTable.all[index].keyColumns
        return (
            RowDifference(
                table: table,
                key: zip(keys, key).map { RowDifference.KeyPart(column: $0, value: $1) },
                kind: kind,
                columns: columns.map {
                    RowDifference.Column(name: $0.0, before: $0.1, after: $0.2)
                },
                settle: settle,
                position: ProjectedTable.all[index].isByPosition ? position : nil), index
        )
    }

    private func result(
        of tables: [String], _ differences: [(RowDifference, Int)]
    ) throws -> ComparisonResult {
        let chosen = ProjectedTable.all.filter { tables.isEmpty || tables.contains($0.name) }
        let ledger = ComparisonLedger(chosen)
        for (difference, _) in differences {
            guard let index = chosen.firstIndex(where: { $0.name == difference.table }) else {
                continue
            }
            try ledger.add(difference, index)
        }
        return ledger.result(at: .origin, live: 1, other: 2)
    }

    private var both: [(RowDifference, Int)] {
        get throws {
            let id = position.description
            return [
                try difference(
                    "positions.active", [id], [("state", "OPEN", "CLOSING")], settle: nil),
                try difference(
                    "positions.legs", [id, "spot"], [("net", "1", "3")], settle: "USDT"),
                try difference(
                    "positions.legs", [id, "perp"], [("net", "0.5", "0.25")], settle: "BTC"),
                try difference(
                    "analytics.position_days", [id, "spot", "2026-01-05"], [("net", "1", "3")],
                    settle: "USDT"),
            ]
        }
    }

    @Test func `a position in two settle assets has the net of its legs`() throws {
        let all = try result(of: [], both)
        #expect(all.netChange == ["USDT": Fixed("2"), "BTC": Fixed("-0.25")])
        #expect(all.netUnknown == 0)
        // Without its legs nobody can tell.
        let alone = try result(of: ["positions.active"], both)
        #expect(alone.netChange == [:])
        #expect(alone.netUnknown == 1)
    }

    @Test func `without positions the net is that of the days or of their sums`() throws {
        let days = try result(of: ["analytics.position_days"], both)
        #expect(days.netChange == ["USDT": Fixed("2")])
        let sums = try result(
            of: ["analytics.daily_pnl"],
            [
                try difference(
                    "analytics.daily_pnl", ["2026-01-05", "s", "BTC", "okx", "USDT"],
                    [("fees_known", "1", "11"), ("funding_known", "0", "4"), ("volume", "1", "2")],
                    settle: "USDT")
            ])
        #expect(sums.netChange == ["USDT": Fixed("-6")])
        // What is known of fees is of more events than before: no change of the net.
        let valued = try result(
            of: ["analytics.daily_pnl"],
            [
                try difference(
                    "analytics.daily_pnl", ["2026-01-05", "s", "BTC", "okx", "USDT"],
                    [("fees_known", "1", "11"), ("unvalued_fees", "1", "0")], settle: "USDT")
            ])
        #expect(valued.netChange == [:])
        #expect(valued.netUnknown == 1)
        let missing = try result(
            of: ["analytics.daily_pnl"],
            [
                try difference(
                    "analytics.daily_pnl", ["2026-01-05", "s", "BTC", "okx", "USDT"],
                    [("funding_known", nil, "3"), ("unvalued_fees", nil, "0")], settle: "USDT",
                    kind: .onlyAfter)
            ])
        #expect(missing.netChange == ["USDT": Fixed("3")])
        #expect(missing.netUnknown == 0)
    }

    @Test func `what one generation does not know is in no sum, but a missing row counts as 0`()
        throws
    {
        let id = position.description
        let mixed = try result(
            of: [],
            [
                try difference(
                    "positions.legs", [id, "a"], [("net", nil, "-7.08")], settle: "USDT"),
                try difference(
                    "positions.legs", [id, "b"], [("net", nil, "5")], settle: "USDT",
                    kind: .onlyAfter),
            ])
        #expect(mixed.netChange == ["USDT": Fixed("5")])
        #expect(mixed.netUnknown == 1)
        let column = mixed.tables.first { $0.name == "positions.legs" }?.columns.first
        #expect(column?.rows == 2)
        #expect(column?.unknown == 1)
        #expect(column?.change["USDT"] == Fixed("5"))
        let totals = String(decoding: mixed.totalsJSON, as: UTF8.self)
        #expect(totals.contains("\"unknown\":1"))
    }

    @Test func `a row counts once, however many of its figures are not known`() throws {
        let mixed = try result(
            of: ["positions.active"],
            [
                try difference(
                    "positions.active", [position.description],
                    [("fees", "1", nil), ("net", "1", nil)], settle: nil)
            ])
        #expect(mixed.netUnknown == 1)
    }

    @Test func `a position that is compared again leaves nothing behind`() throws {
        let ledger = ComparisonLedger(ProjectedTable.all)
        for (difference, index) in try both { try ledger.add(difference, index) }
        try ledger.forget(position)
        let result = ledger.result(at: .origin, live: 1, other: 2)
        #expect(result.isEqual)
        #expect(result.netChange == [:])
        #expect(result.netUnknown == 0)
        #expect(result.tables.allSatisfy { $0.columns.isEmpty })
    }
}
