import LedgerCore
import LedgerTesting
import Projections
import Testing

/// Sums that have to agree, and what a flat leg is (accounting.md §§4–6).
struct AccountIdentityTests {
    private func accounts(_ seed: UInt64) -> [PositionAccount] {
        (0..<5).compactMap { Folded(RandomStreams.stream(seed: seed * 100 + $0).events).account }
    }

    @Test(arguments: seeds)
    func `the days of a leg add up to the leg`(seed: UInt64) throws {
        for account in accounts(seed) {
            for leg in account.legs {
                let note: Comment = "seed \(seed), leg \(leg.terms.leg)"
                #expect(try sum(leg.days.map(\.pricePnl)) == leg.realizedPrice, note)
                #expect(try sum(leg.days.map(\.feesKnown)) == leg.feeValueKnown, note)
                #expect(try sum(leg.days.map(\.fundingKnown)) == leg.fundingKnown, note)
                #expect(try sum(leg.days.map(\.adjustments)) == leg.adjustments, note)
                #expect(leg.days.reduce(0) { $0 + $1.unvaluedFees } == leg.unvaluedFees, note)
                #expect(leg.days.reduce(0) { $0 + $1.unvaluedFunding } == leg.unvaluedFunding, note)
                #expect(leg.days.reduce(0) { $0 + $1.fills } == leg.fills, note)
                let nets = try leg.days.map { try $0.net() }
                if let net = try leg.net() {
                    #expect(try sum(nets.map { try #require($0) }) == net, note)
                } else {
                    #expect(nets.contains(nil), note)
                }
                #expect(leg.days.map(\.day) == leg.days.map(\.day).sorted(), note)
                #expect(Set(leg.days.map(\.day)).count == leg.days.count, note)
            }
        }
    }

    @Test(arguments: seeds)
    func `the days of all venues add up to the legs, and to the position's total`(
        seed: UInt64
    ) throws {
        for account in accounts(seed) {
            let days = try account.days()
            let settles = Set(account.legs.map { ExactText($0.terms.settle) })
            for settle in settles {
                let own = days.filter { $0.settle.isExactly(settle.text) }
                let legs = account.legs.filter { $0.terms.settle.isExactly(settle.text) }
                #expect(try sum(own.map(\.pricePnl)) == sum(legs.map(\.realizedPrice)))
                #expect(try sum(own.map(\.adjustments)) == sum(legs.map(\.adjustments)))
                let fees = legs.compactMap(\.feeValue)
                guard fees.count == legs.count, legs.allSatisfy({ $0.fundingValue != nil }) else {
                    #expect(own.contains { $0.net == nil }, "seed \(seed)")
                    continue
                }
                #expect(try sum(own.compactMap(\.fees)) == sum(fees), "seed \(seed)")
                #expect(
                    try sum(own.compactMap(\.funding)) == sum(legs.compactMap(\.fundingValue)),
                    "seed \(seed)")
                let nets = try sum(own.map { try #require($0.net) })
                #expect(try nets == sum(legs.map { try #require(try $0.net()) }), "seed \(seed)")
                if settles.count == 1 { #expect(try account.net() == nets, "seed \(seed)") }
            }
            if settles.count > 1 { #expect(try account.net() == nil, "seed \(seed)") }
            let keys = days.map { "\($0.day) \($0.venue) \($0.settle)" }
            #expect(keys == keys.sorted(), "seed \(seed)")
            #expect(Set(keys).count == keys.count, "seed \(seed)")
        }
    }

    @Test(arguments: seeds)
    func `realised price is cash and open cost, after every event`(seed: UInt64) throws {
        let stream = RandomStreams.stream(seed: seed).events
        Timeline.walk(stream) { step, account in
            for leg in account?.legs ?? [] {
                let sign = leg.qty.signum * (leg.terms.kind == .inverse ? -1 : 1)
                let note: Comment = "seed \(seed), event \(step.index)"
                #expect(
                    (try? leg.cash.adding(leg.openCost.signed(sign))) == leg.realizedPrice, note)
                #expect(!leg.openCost.isNegative, note)
                guard leg.qty.isZero else { continue }
                #expect(leg.openCost.isZero, note)
                #expect((try? leg.unrealized(at: Fixed("123.45") ?? .one)) == .zero, note)
                #expect((try? leg.avgEntryPx()) == .some(nil), note)
            }
        }
    }

    @Test func `some legs of the streams are flat after they were held`() throws {
        let legs = (1...24).flatMap { accounts($0).flatMap(\.legs) }
        #expect(legs.filter { $0.qty.isZero && $0.fills > 0 }.count > 10)
        #expect(legs.filter { !$0.qty.isZero && $0.qty.isNegative }.count > 10)
    }

    @Test(arguments: seeds)
    func `cash is what trades paid and received`(seed: UInt64) throws {
        // Streams without base fees and corrections: the oracle is one line.
        let shape = RandomStreams.Shape {
            $0.foreignFees = false
            $0.adjustments = false
            $0.voids = false
        }
        let stream = RandomStreams.stream(seed: seed, shape: shape).events
        let account = try AccountFold.fold(stream)
        for leg in account.legs {
            var (cash, qty) = (Fixed.zero, Fixed.zero)
            for case .fill(let fill) in stream.map(\.payload) where fill.leg == leg.terms.leg {
                let isInverse = leg.terms.kind == .inverse
                let value =
                    isInverse
                    ? try fill.qty.multiplied(
                        by: leg.terms.multiplier, dividedBy: fill.px, places: 8)
                    : try fill.qty.multiplied(by: leg.terms.multiplier, fill.px)
                let sign = fill.side.sign * (isInverse ? 1 : -1)
                cash = try cash.adding(value.signed(sign))
                qty = try qty.adding(fill.qty.signed(fill.side.sign))
            }
            #expect(leg.qty == qty, "seed \(seed), leg \(leg.terms.leg)")
            #expect(leg.cash == cash, "seed \(seed), leg \(leg.terms.leg)")
        }
    }

    @Test(arguments: seeds)
    func `a position's steps end at its account`(seed: UInt64) throws {
        let stream = RandomStreams.stream(seed: seed).events
        var steps: [Timeline.Step] = []
        var last: PositionAccount?
        Timeline.walk(stream) { step, account in
            steps.append(step)
            last = account
        }
        #expect(steps.count == stream.count)
        #expect(Set(steps.map(\.index)) == Set(stream.indices))
        let times = steps.dropFirst().map { stream[$0.index].effectiveAt }
        #expect(times == times.sorted())
        guard let account = Folded(stream).account else { return }
        let end = try #require(last)
        #expect(try end.legs.map { try $0.net() } == account.legs.map { try $0.net() })
        #expect(end.state == account.state)
        for step in steps where step.voidedBy != nil {
            #expect(
                stream.contains {
                    guard case .voided(let void) = $0.payload else { return false }
                    return $0.eventID == step.voidedBy
                        && void.target == stream[step.index].eventID
                })
        }
    }
}
