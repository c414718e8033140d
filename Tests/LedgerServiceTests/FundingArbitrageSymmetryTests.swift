import LedgerCore
import LedgerTesting
import Projections
import Testing

/// The rest of accounting.md §6 on real prices and funding rates: what happens to an account when
/// all its events are mirrored, scaled or split.
@Suite(.enabled(if: hasFundingFile, "the folder `shared` is not there: NEXUS_SHARED names it"))
struct FundingArbitrageSymmetryTests {
    private let streams: [[Event]]

    init() throws {
        streams = try FundingStreams.some.get().streams
    }

    @Test func `mirrored events give mirrored price P&L and funding`() throws {
        var count = 0
        for stream in streams {
            let account = try stream.folded()
            // A fee in the base asset is sold on both sides: it has no mirror.
            guard !account.hasSpot else { continue }
            let mirror = try stream.mapPayloads(mirrored).folded()
            for (own, other) in zip(account.legs, mirror.legs) {
                #expect(other.qty == own.qty.negated)
                #expect(other.openCost == own.openCost)
                #expect(other.realizedPrice == own.realizedPrice.negated)
                #expect(other.fundingKnown == own.fundingKnown.negated)
                #expect(other.feeValue == own.feeValue)
            }
            count += 1
        }
        #expect(count > 20)
    }

    private func mirrored(_ payload: EventPayload) -> EventPayload {
        switch payload {
        case .opened(var opened):
            for index in opened.legs.indices {
                opened.legs[index].side = opened.legs[index].side == .long ? .short : .long
            }
            return .opened(opened)
        case .fill(var fill):
            fill.side = fill.side == .buy ? .sell : .buy
            return .fill(fill)
        case .funding(var funding):
            funding.amount = funding.amount.negated
            funding.qty = funding.qty?.negated
            return .funding(funding)
        default: return payload
        }
    }

    @Test(arguments: ["3", "1000", "0.5"] as [Fixed])
    func `scaling every quantity scales money`(_ factor: Fixed) throws {
        for stream in streams {
            let account = try stream.folded()
            let scaled = try stream.mapPayloads { try self.scaled($0, by: factor) }.folded()
            for (own, other) in zip(account.legs, scaled.legs) {
                let slack = try max(Fixed.one, factor).multiplied(
                    by: try account.tolerance(of: own, times: 2))
                func expect(_ found: Fixed, _ base: Fixed) throws {
                    let difference = try found.subtracting(try base.multiplied(by: factor))
                    #expect(difference.magnitude <= slack)
                }
                try expect(other.realizedPrice, own.realizedPrice)
                try expect(other.openCost, own.openCost)
                try expect(try #require(try other.net()), try #require(try own.net()))
            }
        }
    }

    private func scaled(_ payload: EventPayload, by factor: Fixed) throws -> EventPayload {
        switch payload {
        case .fill(var fill):
            fill.qty = try fill.qty.multiplied(by: factor)
            fill.fee = try fill.fee.multiplied(by: factor)
            return .fill(fill)
        case .funding(var funding):
            funding.amount = try funding.amount.multiplied(by: factor)
            funding.qty = try funding.qty?.multiplied(by: factor)
            return .funding(funding)
        default: return payload
        }
    }

    @Test func `splitting a fill in two at its price conserves quantity, value and fee`() throws {
        for stream in streams {
            let account = try stream.folded()
            let split = try stream.flatMap { try self.split($0) }.arrived().folded()
            for (own, other) in zip(account.legs, split.legs) {
                #expect(other.qty == own.qty)
                #expect(other.feeValue.map(\.magnitude) != nil)
                let slack = try account.tolerance(of: own, times: 3)
                for figure in [\LegAccount.realizedPrice, \.openCost, \.feeValueKnown] {
                    let difference = try other[keyPath: figure].subtracting(own[keyPath: figure])
                    #expect(difference.magnitude <= slack)
                }
                #expect(other.fills == 2 * own.fills)
            }
        }
    }

    /// A third and the rest of a fill, a millisecond apart.
    private func split(_ event: Event) throws -> [Event] {
        guard case .fill(var fill) = event.payload else { return [event] }
        var (first, second) = (event, event)
        let (qty, fee) = (fill.qty, fill.fee)
        fill.qty = try qty.divided(by: "3")
        fill.fee = try fee.divided(by: "3")
        first.payload = .fill(fill)
        first.eventID = UUID(high: event.eventID.high, low: ~event.eventID.low)
        fill.part = 1
        fill.qty = try qty.subtracting(fill.qty)
        fill.fee = try fee.subtracting(fill.fee)
        second.payload = .fill(fill)
        second.effectiveAt = Timestamp(microseconds: event.effectiveAt.microseconds + 1_000)
        return [first, second]
    }

    @Test func `price P&L of two equal flat legs is quantity times the change of the basis`() throws
    {
        var count = 0
        for stream in try FundingStreams.all.get().streams {
            let account = try stream.folded()
            guard account.isLinear, !account.hasSpot, account.state == .closed,
                let long = account.legs.first(where: { $0.terms.side == .long }),
                let short = account.legs.first(where: { $0.terms.side == .short })
            else { continue }
            let qty = try long.peakQty.multiplied(by: long.terms.multiplier)
            #expect(qty == (try short.peakQty.multiplied(by: short.terms.multiplier)))
            // Both halves of a leg are closed alike, so that its exit price is their mean.
            let entry = try (try #require(short.avgEntryPxOverall)).subtracting(
                try #require(long.avgEntryPxOverall))
            let exit = try (try #require(short.avgExitPx)).subtracting(
                try #require(long.avgExitPx))
            let expected = try qty.multiplied(by: try entry.subtracting(exit))
            let found = try long.realizedPrice.adding(short.realizedPrice)
            #expect(try found.subtracting(expected).magnitude <= "0.000000000000001")
            count += 1
        }
        #expect(count > 50)
    }
}
