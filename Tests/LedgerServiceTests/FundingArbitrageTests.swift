import Admission
import LedgerCore
import LedgerTesting
import Projections
import Testing

/// What must always hold (accounting.md §6), on positions made of real prices and funding rates.
@Suite(.enabled(if: hasFundingFile, "the folder `shared` is not there: NEXUS_SHARED names it"))
struct FundingArbitrageTests {
    private let streams: [[Event]]

    init() throws {
        streams = try FundingStreams.some.get().streams
    }

    @Test func `the file gives positions of every kind, and the ledger takes all their events`()
        throws
    {
        let all = try FundingStreams.all.get()
        #expect(all.events.count == all.streams.reduce(0) { $0 + $1.count })
        #expect(all.streams.count > 500)
        for some in [all.streams, streams] {
            let accounts = try some.map { try $0.folded() }
            let kinds = accounts.flatMap { $0.legs.map(\.terms.kind) }
            #expect(InstrumentKind.allCases.allSatisfy(kinds.contains))
            #expect(Set(accounts.flatMap { $0.legs.map(\.terms.venue) }).count == 3)
            #expect(accounts.contains { $0.state == .closed && $0.legs[0].fills == 4 })
        }
    }

    @Test func `the same file gives the same events`() throws {
        let path = try #require(Fixtures.shared(FundingStreams.name))
        let rule = FundingArbitrage.Rule(positionsMax: 60)
        let again = try FundingArbitrage.events(ofFile: path, rule: rule)
        let isSame = again == (try FundingStreams.some.get().events)
        #expect(isSame)
    }

    @Test func `funding is what the position, the mark and the rate make due`() throws {
        var payments = 0
        for account in try streams.map({ try $0.folded() }) {
            for leg in account.legs where leg.terms.kind != .spot {
                let sums = leg.fundingMonths.compactMap(\.expected)
                #expect(sums.count == leg.fundingMonths.count)
                let expected = try sums.reduce(Fixed.zero) { try $0.adding($1) }
                let booked = try #require(leg.fundingValue)
                let variance = try booked.subtracting(expected)
                let count = leg.fundingMonths.reduce(0) { $0 + $1.payments }
                payments += Int(count)
                // Payments are rounded to 8 places.
                #expect(try variance.magnitude <= Fixed(count).multiplied(by: "0.000000005"))
                #expect(leg.fundingMonths.reduce(0) { $0 + $1.due } == count)
            }
        }
        #expect(payments > 400)
    }

    @Test func `a flat leg has no cost and nothing unrealised`() throws {
        var flat = 0
        for account in try FundingStreams.all.get().streams.map({ try $0.folded() }) {
            for leg in account.legs where leg.qty.isZero {
                flat += 1
                #expect(leg.openCost.isZero)
                #expect(try leg.unrealized(at: "12345.6").isZero)
                #expect(try leg.avgEntryPx() == nil)
                #expect(leg.realizedPrice == leg.cash)
            }
            #expect(account.state != .closed || account.legs.allSatisfy(\.qty.isZero))
        }
        #expect(flat > 1_000)
    }

    @Test func `the days of a position add up to its legs, venue by venue`() throws {
        for account in try FundingStreams.all.get().streams.map({ try $0.folded() }) {
            let days = try account.days()
            for leg in account.legs {
                func total(_ figure: (LegAccount) -> Fixed?) throws -> Fixed {
                    try account.legs.filter {
                        $0.terms.venue == leg.terms.venue && $0.terms.settle == leg.terms.settle
                    }.reduce(Fixed.zero) { try $0.adding(try #require(figure($1))) }
                }
                let own = days.filter {
                    $0.venue == leg.terms.venue && $0.settle == leg.terms.settle
                }
                func sum(_ figure: (PositionDay) -> Fixed?) throws -> Fixed {
                    try own.reduce(Fixed.zero) { try $0.adding(try #require(figure($1))) }
                }
                #expect(try sum(\.pricePnl) == total(\.realizedPrice))
                #expect(try sum(\.fees) == total(\.feeValue))
                #expect(try sum(\.funding) == total(\.fundingValue))
                #expect(try sum(\.adjustments) == total(\.adjustments))
                #expect(try sum(\.net) == total { leg in (try? leg.net()) ?? nil })
            }
        }
    }

    @Test func `a position has a total where its legs settle in one asset, else none`() throws {
        for account in try streams.map({ try $0.folded() }) {
            let isCommon = Set(account.legs.map(\.terms.settle)).count == 1
            let net = try account.net()
            #expect((net != nil) == isCommon)
            guard let net else { continue }
            let days = try account.days().map { try #require($0.net) }
            #expect(try days.reduce(Fixed.zero) { try $0.adding($1) } == net)
        }
    }

    @Test func `an account kept event by event is the account folded afresh`() throws {
        for stream in streams {
            for order in [stream, [stream[0]] + stream.dropFirst().reversed()] {
                let events = order.arrived()
                var account = try AccountFold.fold([events[0]])
                for end in events.indices.dropFirst() {
                    if try !account.evolve(events[end]) {
                        account = try AccountFold.fold(Array(events[...end]))
                    }
                }
                let isSame = account == (try events.folded())
                #expect(isSame)
            }
        }
    }

    @Test(arguments: 0..<4)
    func `any order of arrival gives the same account`(_ seed: UInt64) throws {
        var random = SplitMix(state: seed)
        for stream in streams {
            let shuffled = [stream[0]] + stream.dropFirst().shuffled(using: &random)
            let figures = try shuffled.arrived().folded().figures()
            #expect(try figures == stream.folded().figures())
        }
    }

    @Test func `a repeat changes nothing, and another amount is refused`() throws {
        let events = try FundingStreams.some.get().events
        var ledger = MemoryLedger()
        #expect(try ledger.take(events) == events.count)
        #expect(try ledger.take(events.reversed()) == 0)
        for event in events.prefix(500) {
            guard case .funding(var funding) = event.payload else { continue }
            funding.amount = try funding.amount.adding("0.00000001")
            var changed = event
            changed.payload = .funding(funding)
            #expect(throws: Refusal.self) { try ledger.take([changed]) }
        }
    }

    @Test func `a void of a fact is as if it had never been`() throws {
        for stream in streams {
            for target in stream where target.type.derivesID {
                let voided = try stream.voiding(target).folded()
                let never = try stream.filter { $0.eventID != target.eventID }.arrived().folded()
                #expect(try voided.figures() == never.figures())
                #expect(voided.isRestated)
            }
        }
    }
}

/// A seeded generator (Steele, Lea and Flood, "Fast splittable pseudorandom number generators").
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
