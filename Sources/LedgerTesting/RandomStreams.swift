import LedgerCore

/// Streams of one position that an exchange could bring about, drawn from a seed: fills that open,
/// add, reduce, close and overshoot, fees in every asset, funding, marks, corrections by hand,
/// late events, voids and valuations. No two events happen at one instant, so that the order of
/// folding does not depend on the order of arrival.
public struct RandomStreams {
    /// What a stream may have.
    public struct Shape: Sendable {
        /// Events besides position_opened; voids and valuations of them come on top.
        public var events = 30
        /// What the legs' kinds are drawn from; not empty.
        public var kinds: [InstrumentKind] = InstrumentKind.allCases
        /// 1 to 3.
        public var legsMax = 3
        /// Events that come later than others that happened after them.
        public var late = true
        /// Events are voided now and then.
        public var voids = true
        /// Quantity, cost and cash are corrected by hand now and then.
        public var adjustments = true
        /// Fees in base and in a third asset, funding in another asset, valuations.
        public var foreignFees = true
        /// No figure is rounded: legs are closed by halves or whole, and inverse prices divide.
        public var isExact = false
        /// position_closed and close_requested now and then.
        public var closes = true

        /// Everything but exactness, with `change` made to it.
        public init(_ change: (inout Shape) -> Void = { _ in }) {
            change(&self)
        }
    }

    /// The stream of a seed, and its terms.
    public static func stream(
        seed: UInt64, shape: Shape = Shape()
    ) -> (opened: PositionOpened, events: [Event]) {
        var maker = RandomStreams(seed: seed, shape: shape)
        maker.tell()
        return (maker.story.opened, maker.arranged())
    }

    private let shape: Shape
    private var random: SeededRandom
    private var story: PositionStory
    /// Signed, in hundredths of a contract, as if nothing were voided.
    private var held: [Int]
    /// Fills, fees and funding that a valuation may name.
    private var valued: [UUID] = []
    /// What may be voided.
    private var voidable: [UUID] = []
    private var trades: [String] = []

    private init(seed: UInt64, shape: Shape) {
        self.shape = shape
        var random = SeededRandom(seed: seed)
        let count = random.within(1...shape.legsMax)
        var legs: [LegTerms] = []
        for index in 0..<count {
            let kind = random.one(of: shape.kinds)
            let multiplier =
                kind == .spot
                ? "1" : random.one(of: kind == .inverse ? ["1", "100"] : ["1", "0.001"])
            legs.append(
                .some(
                    String("abc".dropFirst(index).prefix(1)), kind,
                    random.chance(50) ? .long : .short,
                    target: "\(random.within(1...5))", multiplier: multiplier,
                    venue: random.one(of: ["v1", "v2"]), settle: kind == .inverse ? "BTC" : "USDT",
                    settleScale: shape.isExact ? 18 : 8,
                    interval: random.one(of: [nil, 3_600, 28_800])))
        }
        held = Array(repeating: 0, count: count)
        story = PositionStory(
            legs, signal: EntrySignal(refPx: random.chance(50) ? ["a": .of("100")] : [:]))
        self.random = random
    }

    // MARK: What happens

    private mutating func tell() {
        for number in 0..<shape.events {
            // Minutes to hours between two events, and never a whole hour: days and settlements
            // pass, and each event has an instant of its own.
            let pause = random.within(1...300) * 60 + 1
            story.now = story.now.plus(seconds: pause)
            happen(number)
        }
    }

    private mutating func happen(_ number: Int) {
        let leg = random.below(held.count)
        let name = story.opened.legs[leg].leg
        switch random.below(100) {
        case ..<50: fill(leg, number)
        case ..<65: fund(leg, number)
        case ..<73: mark(name)
        case ..<81: charge(leg, number)
        case ..<87 where shape.adjustments: adjust(leg)
        case ..<91 where shape.foreignFees && !valued.isEmpty:
            note(story.value(random.one(of: valued), at: "\(random.within(1...900)).5"))
        case ..<95 where shape.voids && !voidable.isEmpty:
            let target = random.below(voidable.count)
            story.void(voidable.remove(at: target))
        case ..<97 where shape.closes: note(story.add(.closeRequested(reason: "tests")))
        case 97... where shape.closes: close(number)
        default: fill(leg, number)
        }
    }

    /// Takes every leg to zero, or leaves them, and closes the position.
    private mutating func close(_ number: Int) {
        if random.chance(80) {
            for leg in held.indices where held[leg] != 0 {
                let side: TradeSide = held[leg] > 0 ? .sell : .buy
                let qty = hundredths(abs(held[leg]))
                let terms = story.opened.legs[leg]
                note(
                    story.fill(
                        terms.leg, side, qty, px: price(leg), in: terms.settle, intent: .close,
                        trade: "close\(number)"))
                held[leg] = 0
            }
        }
        note(story.close(random.one(of: [.takeProfit, .stop, .liquidation, .adl])))
    }

    private mutating func note(_ id: UUID) {
        if shape.voids { voidable.append(id) }
    }

    private mutating func price(_ leg: Int) -> String {
        if shape.isExact, story.opened.legs[leg].kind == .inverse {
            return random.one(of: ["10000", "12500", "16000", "20000", "25000", "40000", "50000"])
        }
        return "\(random.within(90...110)).\(random.within(10...99))"
    }

    private mutating func fill(_ leg: Int, _ number: Int) {
        let terms = story.opened.legs[leg]
        let before = held[leg]
        let opens = before == 0 || random.chance(40)
        var side: TradeSide = terms.side == .long ? .buy : .sell
        if before != 0 { side = (before > 0) == opens ? .buy : .sell }
        var count = random.within(1...500)
        if shape.isExact { count = 1 << random.within(4...9) }
        if !opens {
            let whole = abs(before)
            count = random.one(of: [whole, whole, whole / 2, random.within(1...whole)])
            if shape.isExact { count = whole % 2 == 0 && random.chance(50) ? whole / 2 : whole }
            if !shape.isExact, random.chance(15) { count = whole + random.within(1...300) }
            count = max(count, 1)
        }
        held[leg] += count * side.sign
        let (fee, asset, rate) = fee(terms)
        take(fee, asset, from: leg)
        trades.append("t\(number)")
        let liquidity = random.one(of: [Liquidity.maker, .taker, .unknown])
        let intent = random.one(of: [nil, nil, FillIntent.rebalance, .open])
        let cause = random.one(of: [nil, nil, nil, nil, FillCause.liquidation, .adl, .trade])
        let refPx: String? = random.chance(30) ? price(leg) : nil
        let id = story.fill(
            terms.leg, side, hundredths(count), px: price(leg), fee: fee, in: asset,
            intent: intent, trade: "t\(number)"
        ) {
            $0.liquidity = liquidity
            $0.cause = cause
            $0.refPx = refPx.map { .of($0) }
            $0.feeRate = rate.map { .of($0) }
        }
        note(id)
        if asset == "BNB", fee != "0" { valued.append(id) }
    }

    private func hundredths(_ count: Int) -> String {
        let cents = count % 100
        return "\(count / 100)." + (cents < 10 ? "0" : "") + "\(cents)"
    }

    private mutating func fee(_ terms: LegTerms) -> (fee: String, asset: String, rate: String?) {
        let amount = random.one(of: ["0", "0.01", "0.03", "-0.02"])
        guard shape.foreignFees else { return (amount, terms.settle, nil) }
        switch random.below(10) {
        case ..<5: return (amount, terms.settle, nil)
        case ..<8 where terms.kind == .spot: return (amount, terms.base, nil)
        default: return (amount, "BNB", random.chance(50) ? "600" : nil)
        }
    }

    /// A fee in base leaves a spot leg.
    private mutating func take(_ fee: String, _ asset: String, from leg: Int) {
        guard story.opened.legs[leg].isBaseFee(asset) else { return }
        held[leg] -= Int(Fixed.of(fee).scaled / 10_000_000_000_000_000)
    }

    private mutating func fund(_ leg: Int, _ number: Int) {
        let terms = story.opened.legs[leg]
        let isForeign = shape.foreignFees && random.chance(15)
        let amount = random.one(of: ["0.75", "-0.5", "0.125", "0"])
        let rate: String? = random.chance(70) ? random.one(of: ["0.0001", "-0.0002"]) : nil
        let markPx: String? = random.chance(80) ? price(leg) : nil
        let id = story.funding(terms.leg, amount, in: isForeign ? "USDC" : terms.settle) {
            $0.part = Int64(number)
            $0.rate = rate.map { .of($0) }
            $0.markPx = markPx.map { .of($0) }
        }
        note(id)
        if isForeign { valued.append(id) }
    }

    private mutating func mark(_ name: String) {
        let (px, ratio) = (random.within(90...110), random.within(0...99))
        note(
            story.mark(name, "\(px).5") {
                $0.marginRatio = .of("0.0\(ratio)")
                $0.liquidationPx = .of("\(px / 2)")
            })
    }

    /// A fee apart from a trade; in base it may name a trade, also one that comes only later.
    private mutating func charge(_ leg: Int, _ number: Int) {
        let terms = story.opened.legs[leg]
        let (amount, asset, rate) = fee(terms)
        take(amount, asset, from: leg)
        let isBase = terms.kind == .spot && asset == terms.base
        let trade: String? = isBase ? random.one(of: [nil, trades.last, "t\(number + 1)"]) : nil
        let basePx: String? = isBase && random.chance(50) ? price(leg) : nil
        let category = random.one(of: FeeCategory.allCases)
        let id = story.fee(
            terms.leg, amount, in: asset, category: category, trade: trade, rate: basePx ?? rate)
        note(id)
        if asset != terms.settle { valued.append(id) }
    }

    /// Small against what is held, and never towards the other side.
    private mutating func adjust(_ leg: Int) {
        let sign = held[leg].signum()
        let count = random.within(1...100)
        switch random.below(3) {
        case 0 where sign != 0 && !shape.isExact:
            held[leg] += count * sign
            let qty = (sign < 0 ? "-" : "") + hundredths(count)
            note(story.adjust(story.opened.legs[leg].leg, qty: qty, cost: "3.5"))
        case 1 where sign != 0: note(story.adjust(story.opened.legs[leg].leg, cost: "0.5"))
        default:
            note(story.adjust(story.opened.legs[leg].leg, cash: random.one(of: ["2", "-1.5"])))
        }
    }

    // MARK: How it comes

    /// The events as they come: some later than others that happened after them.
    private mutating func arranged() -> [Event] {
        var events = story.stream
        guard shape.late else { return events }
        for index in events.indices.dropFirst() where random.chance(10) {
            let event = events.remove(at: index)
            events.insert(event, at: random.within(index...events.count))
        }
        return events.placed()
    }
}
