import Admission
import Foundation
import LedgerCore

/// `fold` on one thread, beside Foundation's JSONDecoder that only reads the same lines.
struct BenchFold {
    let events: Int

    private struct Line: Decodable {
        struct Payload: Decodable {
            var leg: String?
            var trade_id: String?
            var side: String?
            var qty: String?
            var px: String?
            var fee: String?
            var fee_asset: String?
            var liquidity: String?
            var funding_time: String?
            var amount: String?
            var asset: String?
        }

        var book: String
        var position_id: String
        var type: String
        var effective_at: String
        var source: String
        var payload: Payload
    }

    func run(_ report: inout BenchReport) throws {
        var source = BenchEvents(book: .main, first: 0)
        var text: [UInt8] = []
        var count = 0
        while count < events {
            for event in try source.nextPosition() {
                text += EventLine(book: .main, event: event).canonicalBytes + [0x0A]
                count += 1
            }
        }
        var ours: [Double] = []
        var peer: [Double] = []
        let lines = text.split(separator: 0x0A).prefix(20_000).map { Data($0) }
        for _ in 0..<3 {
            var start = ContinuousClock.now
            var run = FoldRun()
            text.withUnsafeBufferPointer { run.read($0) }
            let (json, status) = run.report()
            guard status == .folded, !json.isEmpty else {
                throw Failure(.failed, "the load does not fold: \(run.refused.first?.reason ?? "")")
            }
            ours.append(BenchReport.rate(count, ContinuousClock.now - start))
            start = .now
            let decoder = JSONDecoder()
            for line in lines { _ = try decoder.decode(Line.self, from: line) }
            peer.append(BenchReport.rate(lines.count, ContinuousClock.now - start))
        }
        let rate = BenchReport.median(ours)
        let decoder = BenchReport.median(peer)
        report.add(
            .init(
                name: "fold, one thread", ours: BenchReport.perSecond(rate, "events"),
                peer: "500000 events/s", peerName: "the guide", ratio: rate / 500_000,
                bound: .atLeast(1)))
        report.add(
            .init(
                name: "fold, one thread", ours: BenchReport.perSecond(rate, "events"),
                peer: BenchReport.perSecond(decoder, "lines"),
                peerName: "JSONDecoder reading the lines", ratio: rate / decoder,
                bound: .atLeast(1)))
    }
}
