import Admission
import Foundation
import LedgerCore
import LedgerTesting
import Testing

@testable import LedgerService

private let hasFiles = Fixtures.shared("data/hyperliquid/user_fills.json") != nil

/// The exchange's own files of 2023-05-05: 500 fills of 15 coins in five minutes, all of which
/// began with an open position, and the funding payments of the fortnight before.
///
/// In those days the venue moved its entry price towards the price of reductions too, and gave
/// flips from short to long the wrong sign, so its closed P&L is not that of an average cost.
@Suite(.enabled(if: hasFiles, "the folder `shared` is not there: NEXUS_SHARED names it"))
struct HyperliquidFilesTests {
    private func file(_ name: String) throws -> HyperliquidImport.File {
        let path = try #require(Fixtures.shared("data/hyperliquid/\(name)"))
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        return HyperliquidImport.File(name: name, bytes: [UInt8](data))
    }

    private func converted() throws -> HyperliquidImport.Conversion {
        try HyperliquidImport().convert(fills: [try file("user_fills.json")])
    }

    /// Each record of the file as JSON, oldest first.
    private func records() throws -> [JSONValue] {
        guard case .array(let records) = try JSONValue(parsing: try file("user_fills.json").bytes)
        else { return [] }
        return records.enumerated().sorted {
            ($0.element["time"]?.text ?? "", $0.offset) < (
                $1.element["time"]?.text ?? "", $1.offset
            )
        }.map(\.element)
    }

    private func convert(_ records: [JSONValue]) throws -> HyperliquidImport.Conversion {
        let bytes = JSONValue.array(records).canonicalBytes
        return try HyperliquidImport().convert(
            fills: [HyperliquidImport.File(name: "part.json", bytes: bytes)])
    }

    @Test func `every fill is taken and every coin ends where the venue's records end`() throws {
        let report = try converted().report
        #expect(report.fillsRead == 500)
        #expect(report.fillsTaken == 500)
        #expect(report.leftOut.isEmpty)
        #expect(report.coins.count == 15)
        #expect(report.coins.allSatisfy { $0.qty == $0.venueQty && $0.open == 0 })
        #expect(report.coins.reduce(0) { $0 + $1.positions } == 33)
        // The file begins with one side of a trade of the account with itself.
        #expect(report.notes.filter { $0.hasPrefix("fills of ") }.count == 1)
    }

    @Test func `the ledger takes all events, and a second run appends nothing`() throws {
        let events = try converted().events
        var ledger = MemoryLedger()
        #expect(try ledger.take(events) == events.count)
        #expect(try ledger.take(try converted().events) == 0)
    }

    @Test func `the file by time is a repeat of the file`() throws {
        let both = try HyperliquidImport().convert(
            fills: [try file("user_fills.json"), try file("user_fills_by_time.json")])
        #expect(both.report.repeats == 500)
        #expect(both.lines == (try converted().lines))
    }

    @Test func `the first reduction of a position realises what the venue says`() throws {
        for position in try converted().positions {
            let count = position.events.firstIndex {
                if case .fill(let fill) = $0.payload { fill.intent == .close } else { false }
            }
            let end = try #require(count)
            guard case .fill(let fill) = position.events[end].payload else { continue }
            guard position.adjustments.first?.category == "opening_balance" else { continue }
            let account = try HyperliquidCheck.account(of: Array(position.events[...end]))
            #expect(account.legs[0].realizedPrice == fill.venueClosedPnl)
        }
    }

    @Test func `positions that nothing was averaged in are the venue's to the last digit`() throws {
        let simple = try converted().positions.filter {
            $0.fills == 2 && $0.adjustments.isEmpty && $0.opened?.legs.first?.side == .long
        }
        #expect(simple.count == 3)
        #expect(simple.allSatisfy { $0.realizedPrice == $0.venueClosedPnl })
    }

    @Test func `a file that is cut anywhere between two moments gives a part of the events`() throws
    {
        let records = try records()
        let whole = Set(try converted().lines)
        for end in stride(from: 10, to: records.count, by: 19) {
            let time = records[end]["time"]
            let part = records.filter { ($0["time"]?.text ?? "") < (time?.text ?? "") }
            let lines = try convert(part).lines
            #expect(lines.filter { !whole.contains($0) }.isEmpty)
        }
    }

    @Test func `a file in the other direction gives the same positions`() throws {
        let records = try records()
        let forward = try convert(records)
        let backward = try convert(records.reversed())
        #expect(forward.positions.map(\.id) == (try converted().positions.map(\.id)))
        #expect(Set(backward.lines).symmetricDifference(forward.lines).isEmpty)
    }

    @Test func `payments of before the first fill are left out, each with the reason`() throws {
        let conversion = try HyperliquidImport().convert(
            fills: [try file("user_fills.json")],
            funding: [
                try file("user_funding_history_without_end_time.json"),
                try file("user_non_funding_ledger_updates_without_end_time.json"),
            ])
        let report = conversion.report
        #expect(report.paymentsRead == 223)
        #expect(report.paymentsTaken == 0)
        #expect(report.leftOut.count == 223)
        #expect(report.leftOut.filter { $0.reason.contains("before the first fill") }.count == 218)
        #expect(report.leftOut.filter { $0.reason.contains("is not funding") }.count == 5)
        #expect(report.leftOutByReason.count == 4)
    }
}
