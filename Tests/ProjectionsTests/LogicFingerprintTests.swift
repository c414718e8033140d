import LedgerCore
import Testing

@testable import Projections

/// The number that tells one logic of the folds from another.
struct LogicFingerprintTests {
    /// Of logic version 1.
    private static let pinned = "3ffe8dcc0f73bbf9"

    private static let parts = LogicFingerprint.parts(of: LogicProbe.streams)

    /// The accounts of the sample, whole.
    private static let accounts = LogicProbe.streams.compactMap { stream in
        AccountFold.foldPrefix(stream, check: {}).account
    }

    /// After each event that leaves an account.
    private static let prefixes = LogicProbe.streams.flatMap { stream in
        stream.indices.compactMap { try? AccountFold.fold(Array(stream[...$0])) }
    }

    @Test func `the fingerprint is the one that belongs to the logic version`() {
        #expect(AccountFold.logicVersion == 1, "pin the fingerprint of the new version here")
        #expect(
            AccountFold.logicFingerprint == LogicFingerprintTests.pinned,
            """
            the folds make other figures: raise AccountFold.logicVersion, and pin the new \
            fingerprint here
            """)
    }

    @Test func `the fingerprint is 16 digits, and the same each time`() {
        let text = AccountFold.logicFingerprint
        #expect(text.utf8.count == 16)
        #expect(text.allSatisfy { $0.isHexDigit && !$0.isUppercase })
        #expect(LogicFingerprint.hex(LogicFingerprint.parts(of: LogicProbe.streams)) == text)
    }

    @Test func `the same rows in another order of the parts are another fingerprint`() {
        let parts = LogicFingerprintTests.parts
        #expect(LogicFingerprint.hex(parts.reversed()) != LogicFingerprint.hex(parts))
    }

    @Test(arguments: AccountTables.all.map(\.name))
    func `every column has a value in the sample, and another one is another fingerprint`(
        name: String
    ) throws {
        let table = try #require(AccountTables.all.first { $0.name == name })
        let parts = LogicFingerprintTests.parts
        let whole = LogicFingerprint.hex(parts)
        for (index, column) in table.columns.enumerated() {
            let place = try #require(
                parts.lastIndex { part in
                    part.table == name && part.rows.contains { $0.cells[index] != .null }
                }, "\(name) has no \(column) in the sample")
            var changed = parts
            let row = try #require(
                changed[place].rows.firstIndex { $0.cells[index] != .null })
            changed[place].rows[row].cells[index] = .null
            #expect(LogicFingerprint.hex(changed) != whole, "\(name).\(column)")
        }
    }

    @Test func `cells that differ in type or length only are told apart`() {
        let cells: [[Cell]] = [
            [.null], [.int2(1)], [.int4(1)], [.int8(1)], [.text("1")], [.texts(["1"])],
            [.json([0x31])], [.date(Day(number: 1))], [.timestamp(Timestamp(microseconds: 1))],
            [.uuid(UUID(high: 0, low: 1))], [.decimal(LogicProbe.decimal("1"))],
            [.text("ab"), .text("c")], [.text("a"), .text("bc")], [.texts(["ab", "c"])],
            [.texts(["a", "bc"])], [.text("")], [.texts([])], [.null, .null],
        ]
        let hashes = cells.map { cells in
            LogicFingerprint.hex([.init(table: "t", rows: [Row(key: [], cells: cells)])])
        }
        #expect(Set(hashes).count == cells.count)
    }

    @Test func `the sample has every type of event, every kind of leg, and both sides`() {
        let events = LogicProbe.streams.flatMap(\.self)
        #expect(Set(events.map(\.type)) == Set(EventType.allCases))
        let legs = LogicFingerprintTests.accounts.flatMap(\.opened.legs)
        #expect(Set(legs.map(\.kind)) == Set(InstrumentKind.allCases))
        #expect(Set(legs.filter { $0.kind != .spot }.map { "\($0.kind) \($0.side)" }).count == 4)
        let fills = events.compactMap { event -> Fill? in
            guard case .fill(let fill) = event.payload else { return nil }
            return fill
        }
        #expect(Set(fills.compactMap(\.intent)) == Set(FillIntent.allCases))
        #expect(Set(fills.compactMap(\.cause)).isSuperset(of: [.liquidation, .adl]))
        #expect(fills.contains { $0.replaces != nil } && fills.contains { $0.venueValue != nil })
        #expect(fills.contains { $0.fee.isNegative } && fills.contains { $0.feeRate != nil })
        let categories = events.compactMap { event -> FeeCategory? in
            guard case .fee(let fee) = event.payload else { return nil }
            return fee.category
        }
        #expect(Set(categories) == Set(FeeCategory.allCases))
    }

    @Test func `the sample comes to every state and every flag`() throws {
        let accounts = LogicFingerprintTests.prefixes
        #expect(Set(accounts.map(\.state)) == Set(PositionState.allCases))
        let legs = accounts.flatMap { account in
            account.legs.indices.map { account.lifecycle.state(ofLeg: $0) }
        }
        #expect(Set(legs) == Set(LegState.allCases))
        let flags = try accounts.flatMap { try $0.flags() }
        #expect(Set(flags) == Set(PositionFlag.allCases))
    }

    @Test func `all positions of the sample fold to their end, but for one`() {
        let errors = LogicProbe.streams.compactMap { stream in
            AccountFold.foldPrefix(stream, check: {}).error
        }
        #expect(errors.count == 1, "\(errors)")
        guard case .adjustmentRefused? = errors.first else {
            Issue.record("\(errors)")
            return
        }
        #expect(LogicFingerprintTests.accounts.count == LogicProbe.streams.count)
    }

    @Test func `facts come late, and are in the order of versions only`() {
        let late = LogicProbe.streams.filter { stream in
            zip(stream, stream.dropFirst()).contains { $0.effectiveAt > $1.effectiveAt }
        }
        #expect(late.count >= 4)
        for stream in LogicProbe.streams {
            #expect(stream.map(\.version.rawValue) == (1...Int64(stream.count)).map { $0 })
        }
    }

    // MARK: What a bug would change

    /// The fingerprint of the sample with each payload changed, as if the fold had done it.
    private func fingerprint(_ change: (EventPayload) throws -> EventPayload) rethrows -> String {
        let streams = try LogicProbe.streams.map { try $0.mapPayloads(change) }
        return LogicFingerprint.hex(LogicFingerprint.parts(of: streams))
    }

    @Test func `funding on the next day is another fingerprint`() {
        let moved = fingerprint { payload in
            guard case .funding(var funding) = payload else { return payload }
            funding.fundingTime = Timestamp(
                microseconds: funding.fundingTime.microseconds + Timestamp.dayInMicroseconds)
            return .funding(funding)
        }
        #expect(moved != AccountFold.logicFingerprint)
    }

    @Test func `a fee that is counted twice is another fingerprint`() throws {
        let doubled = try fingerprint { payload in
            guard case .fill(var fill) = payload else { return payload }
            fill.fee = try fill.fee.adding(fill.fee)
            return .fill(fill)
        }
        #expect(doubled != AccountFold.logicFingerprint)
    }

    @Test func `settlements are floored over midnight, and over the end of a month`() {
        var moved: Set<Day> = []
        for stream in LogicProbe.streams {
            guard case .opened(let opened)? = stream.first?.payload else { continue }
            for case .funding(let funding) in stream.map(\.payload) {
                for terms in opened.legs where terms.leg == funding.leg {
                    let day = EventIdentity.fundingTime(of: funding, terms: terms).day
                    if day != funding.fundingTime.day { moved.insert(day) }
                }
            }
        }
        #expect(moved.contains { $0.monthStart.civil.month == 1 })
    }

    @Test func `the average of the prices is not the average cost, where a leg is reduced`() throws
    {
        var differing = 0
        for stream in LogicProbe.streams {
            for length in 2..<stream.count {
                guard case .fill(let next) = stream[length].payload,
                    let account = try? AccountFold.fold(Array(stream[..<length])),
                    let index = account.leg(named: next.leg)
                else { continue }
                let leg = account.legs[index]
                guard leg.qty.signum == -next.side.sign, let average = try leg.avgEntryPx() else {
                    continue
                }
                let prices = stream[..<length].compactMap { event -> Fixed? in
                    guard case .fill(let fill) = event.payload, fill.leg == next.leg,
                        fill.side != next.side
                    else { return nil }
                    return fill.px
                }
                let mean = try sum(prices).divided(by: try Fixed(Int64(max(prices.count, 1))))
                if mean != average { differing += 1 }
            }
        }
        #expect(differing >= 3)
    }
}
