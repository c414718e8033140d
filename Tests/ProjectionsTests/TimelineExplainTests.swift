import LedgerCore
import LedgerTesting
import Projections
import Testing

/// What makes a figure: the changes are a chain, and their arithmetic comes to them.
struct TimelineExplainTests {
    private func changes(
        _ question: Timeline.Question, _ stream: [Event]
    ) -> (changes: [Timeline.FigureChange], last: PositionAccount?) {
        var (changes, before): ([Timeline.FigureChange], PositionAccount?) = ([], nil)
        Timeline.walk(stream) { step, account in
            guard let account else { return }
            if let before,
                let change = Timeline.change(
                    of: question, by: stream[step.index], step, from: before, to: account)
            {
                changes.append(change)
            }
            before = account
        }
        return (changes, before)
    }

    private func words(
        _ figure: Timeline.Figure, _ terms: LegTerms = .some(),
        _ tell: (inout PositionStory) -> Void
    ) -> [String] {
        var story = PositionStory([terms])
        tell(&story)
        return changes(Timeline.Question(figure: figure), story.stream).changes.map(\.arithmetic)
    }

    @Test(arguments: seeds)
    func `the changes of any figure lead from nothing to its last value`(seed: UInt64) throws {
        let stream = RandomStreams.stream(seed: seed).events
        guard case .opened(let opened)? = stream.first?.payload else { return }
        for figure in Timeline.Figure.allCases {
            for leg in opened.legs.map(\.leg) {
                let note: Comment = "seed \(seed), \(leg).\(figure.rawValue)"
                let question = Timeline.Question(leg: leg, figure: figure)
                let (changes, last) = changes(question, stream)
                let account = try #require(last)
                let index = try #require(account.leg(named: leg))
                var value: Fixed? = figure == .avgEntryPx ? nil : .zero
                for change in changes {
                    #expect(change.before == value, note)
                    #expect(change.after != value || value == nil, note)
                    value = change.after
                }
                #expect(value == figure.value(of: account.legs[index]), note)
            }
        }
    }

    @Test(arguments: seeds)
    func `the arithmetic of every change ends in it`(seed: UInt64) {
        let stream = RandomStreams.stream(seed: seed).events
        for figure in Timeline.Figure.allCases {
            for change in changes(Timeline.Question(figure: figure), stream).changes {
                let note: Comment = "seed \(seed): \(change)"
                #expect(!change.arithmetic.isEmpty, note)
                let end = figure == .avgEntryPx ? change.after : change.difference
                guard let end else { continue }
                #expect(change.arithmetic.hasSuffix("= \(end)"), note)
            }
        }
    }

    @Test(arguments: seeds)
    func `a voided event explains nothing`(seed: UInt64) {
        let stream = RandomStreams.stream(seed: seed).events
        Timeline.walk(stream) { step, account in
            guard step.voidedBy != nil, let account else { return }
            for figure in Timeline.Figure.allCases {
                let change = Timeline.change(
                    of: Timeline.Question(figure: figure), by: stream[step.index], step,
                    from: account, to: account)
                #expect(change == nil, "seed \(seed)")
            }
        }
    }

    @Test func `a linear leg is bought, reduced and closed`() {
        let tell: (inout PositionStory) -> Void = {
            $0.fill("a", .buy, "1", px: "100")
            $0.fill("a", .sell, "0.4", px: "101")
            $0.fill("a", .sell, "0.6", px: "90")
        }
        #expect(
            words(.qty, .some(), tell) == ["bought 1 = 1", "sold 0.4 = -0.4", "sold 0.6 = -0.6"])
        #expect(
            words(.openCost, .some(), tell) == [
                "added 1 · 1 · 100 = 100", "released −(100 · 0.4 / 1) = -40",
                "released −(60) = -60",
            ])
        #expect(
            words(.realizedPrice, .some(), tell) == [
                "value 0.4 · 1 · 101 = 40.4; released 100 · 0.4 / 1 = 40; 40.4 − 40 = 0.4",
                "value 0.6 · 1 · 90 = 54; released all of 60; 54 − 60 = -6",
            ])
        #expect(
            words(.avgEntryPx, .some(), tell) == [
                "100 / (1 · 1) = 100", "flat: there is none",
            ])
    }

    @Test func `an inverse leg gains what it releases above the value`() {
        let words = words(.realizedPrice, .some("a", .inverse, .short, multiplier: "100")) {
            $0.fill("a", .sell, "40", px: "40000", in: "BTC")
            $0.fill("a", .buy, "10", px: "20000", in: "BTC")
        }
        #expect(
            words == [
                "value 10 · 100 / 20000 = 0.05; released 0.1 · 10 / 40 = 0.025; "
                    + "0.05 − 0.025 = 0.025"
            ])
    }

    @Test func `a fill beyond zero is told in its two parts`() {
        let tell: (inout PositionStory) -> Void = {
            $0.fill("a", .sell, "3", px: "10")
            $0.fill("a", .buy, "7", px: "9")
        }
        #expect(
            words(.realizedPrice, .some(), tell) == [
                "value (7 · 1 · 9) · 3 / 7 = 27; released all of 30; 30 − 27 = 3"
            ])
        #expect(
            words(.qty, .some(), tell) == [
                "sold 3 = -3", "bought 3 = 3; bought 4 = 4; together 3 + 4 = 7",
            ])
        #expect(
            words(.openCost, .some(), tell) == [
                "added 3 · 1 · 10 = 30",
                "released −(30) = -30; added 63 − 27 = 36; together -30 + 36 = 6",
            ])
    }

    @Test func `a fee in base is a trade of its own`() {
        let tell: (inout PositionStory) -> Void = {
            $0.fill("a", .buy, "1", px: "100", fee: "0.001", in: "BTC")
        }
        #expect(
            words(.qty, .some("a", .spot), tell) == [
                "bought 1 = 1; fee in BTC: sold 0.001 = -0.001; together 1 − 0.001 = 0.999"
            ])
        #expect(words(.feeValue, .some("a", .spot), tell) == ["fee 0.001 BTC · 100 = 0.1"])
        #expect(
            words(.net, .some("a", .spot), tell) == [
                "fee_value: fee 0.001 BTC · 100 = 0.1; taken off = -0.1"
            ])
    }

    @Test func `a fee is valued at the rate that counts, or is not known`() {
        let valued = words(.feeValue) {
            let fill = $0.fill("a", .buy, "1", px: "100", fee: "0.02", in: "BNB") {
                $0.feeRate = .of("600")
            }
            $0.value(fill, at: "700")
        }
        #expect(valued == ["fee 0.02 BNB · 700 (valued at log position 3) = 14"])
        let unvalued = words(.net) {
            $0.fill("a", .buy, "1", px: "100", fee: "0.02", in: "BNB")
            $0.fill("a", .sell, "1", px: "110")
            $0.funding("a", "-2")
        }
        #expect(
            unvalued == [
                "fee 0.02 BNB has no rate: not known",
                "realized_price: value 1 · 1 · 110 = 110; released all of 100; 110 − 100 = 10",
                "funding: booked -2 USDT = -2",
            ])
    }

    @Test func `net names its parts`() {
        let words = words(.net) {
            $0.fill("a", .buy, "1", px: "100")
            $0.fill("a", .sell, "1", px: "110", fee: "0.5")
            $0.funding("a", "-2")
            $0.adjust("a", cash: "1.5")
        }
        #expect(
            words == [
                "realized_price: value 1 · 1 · 110 = 110; released all of 100; 110 − 100 = 10; "
                    + "fee_value: fee 0.5 USDT = 0.5; net 10 − 0.5 = 9.5",
                "funding: booked -2 USDT = -2", "adjustments: cash_delta = 1.5",
            ])
    }

    @Test func `cost that is left at quantity zero is realised`() {
        let words = words(.realizedPrice) {
            $0.fill("a", .buy, "1", px: "100")
            $0.adjust("a", qty: "-1", cost: "-40")
        }
        #expect(words == ["cost 60 left at quantity 0 = -60"])
    }

    @Test func `a question names a figure, and a leg that may have dots`() throws {
        #expect(try Timeline.Question(parsing: "net") == Timeline.Question(figure: .net))
        #expect(
            try Timeline.Question(parsing: "a.b.open_cost")
                == Timeline.Question(leg: "a.b", figure: .openCost))
        for wrong in ["", "nett", ".net", "a.", "net.a", "NET"] {
            let error = #expect(throws: InvalidField.self) {
                try Timeline.Question(parsing: wrong)
            }
            #expect(error?.cure.contains(Timeline.Figure.options) == true)
        }
    }
}
