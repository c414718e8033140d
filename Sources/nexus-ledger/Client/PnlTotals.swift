import LedgerCore
import LedgerRPC

/// The sum of rows of one settle asset. A figure that one row does not know, the sum does not know.
struct PnlTotals {
    let settle: String
    private(set) var pricePnl: Fixed? = .zero
    private(set) var fees: Fixed? = .zero
    private(set) var funding: Fixed? = .zero
    private(set) var adjustments: Fixed? = .zero
    private(set) var net: Fixed? = .zero
    private(set) var volume: Fixed? = .zero
    private(set) var fills: Int64 = 0

    private init(settle: String) {
        self.settle = settle
    }

    /// One for each settle asset, by name.
    static func totals(of rows: [Nexus_Ledger_V1_DailyPnl]) -> [PnlTotals] {
        var totals: [String: PnlTotals] = [:]
        for row in rows { totals[row.settle, default: PnlTotals(settle: row.settle)].add(row) }
        return totals.values.sorted { $0.settle < $1.settle }
    }

    private mutating func add(_ row: Nexus_Ledger_V1_DailyPnl) {
        PnlTotals.add(row.pricePnl, to: &pricePnl)
        PnlTotals.add(row.fees, to: &fees)
        PnlTotals.add(row.funding, to: &funding)
        PnlTotals.add(row.adjustments, to: &adjustments)
        PnlTotals.add(row.net, to: &net)
        PnlTotals.add(row.volume, to: &volume)
        fills += row.fills
    }

    private static func add(_ text: String, to sum: inout Fixed?) {
        guard let known = sum, let value = Fixed(text) else {
            sum = nil
            return
        }
        sum = try? known.adding(value)
    }

    func cell(_ figure: KeyPath<PnlTotals, Fixed?>) -> Table.Cell {
        let text = Figures.text(self[keyPath: figure])
        return Table.Cell(text, text.hasPrefix("-") ? [.bold, .red] : [.bold])
    }

    var json: JSONValue {
        func figure(_ value: Fixed?) -> JSONValue { .text(value?.description ?? "") }
        return .object([
            "settle": .string(settle), "price_pnl": figure(pricePnl), "fees": figure(fees),
            "funding": figure(funding), "adjustments": figure(adjustments), "net": figure(net),
            "volume": figure(volume), "fills": .integer(fills),
        ])
    }
}
