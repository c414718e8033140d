import LedgerCore

/// The positions of the sample.
extension LogicProbe {
    /// Two linear legs, built at several prices and taken down in parts over three days; closed,
    /// then late facts of all kinds.
    static let basis: LogicProbe = {
        let signal = EntrySignal(
            decidedAt: time(-1), refPx: ["a": decimal("101"), "b": decimal("104.5")],
            expectedSpreadBps: decimal("35"))
        var probe = LogicProbe(
            1,
            PositionOpened(
                strategy: "basis", asset: "BTC",
                legs: [
                    leg("a", .linear, .long, "4.7", multiplier: "0.1", interval: 28_800),
                    leg("b", .linear, .short, "4.7", venue: "beta", multiplier: "0.1"),
                ], mode: "live", opportunityID: "o-1", signal: signal,
                tags: .map(["desk": "one"])))
        probe.fill(10, "a", .buy, "3", "100", fee: "0.03") {
            $0.liquidity = .maker
            $0.refPx = decimal("99.5")
        }
        probe.fill(12, "b", .sell, "2", "105", fee: "0.021")
        probe.fill(15, "a", .buy, "1", "130", fee: "0.01") { $0.intent = .open }
        probe.fill(16, "a", .buy, "0.7", "90.01", fee: "-0.002")
        probe.fill(20, "b", .sell, "2.7", "111.3", fee: "0.03") { $0.liquidity = .maker }
        probe.mark(30, "a", "118", margin: "0.2", liquidation: "60")
        probe.mark(25, "a", "117")
        probe.mark(31, "b", "119", margin: "0.35", liquidation: "200")
        probe.funding(480, "a", "-0.3", rate: "0.0001", mark: "118")
        probe.funding(day, "a", "-0.21", late: 7, rate: "0.0003", mark: "117.5")
        probe.fill(1_500, "a", .sell, "1.3", "140", fee: "0.018") {
            $0.intent = .close
            $0.refPx = decimal("141")
        }
        probe.fill(1_510, "b", .buy, "0.7", "99", fee: "0.01") { $0.intent = .rebalance }
        probe.fill(1_600, "a", .buy, "0.9", "77.7", fee: "0.007")
        probe.adjust(1_650, "b", qty: "-0.3", cost: "3.3")
        probe.adjust(1_660, "b", cost: "-1.1")
        probe.adjust(1_661, "a", cash: "-2.5")
        probe.funding(2 * day, "a", "0.11")
        // Floored to the day before, in the month before.
        probe.funding(2 * day, "b", "0.4", late: 5) { $0.interval = twoDays }
        probe.add(2_890, .closeRequested(reason: "probe"))
        probe.fill(2_900, "a", .sell, "2", "60", fee: "0.012")
        probe.fill(2_905, "a", .sell, "1.3", "121.7", fee: "0.02")
        probe.fill(2_907, "a", .sell, "1", "119")
        probe.fill(2_910, "b", .buy, "4.3", "115.3", fee: "0.05")
        probe.add(2_920, .closed(.takeProfit))
        probe.fee(2_930, "a", "0.5", .borrow)
        // Costs that were released on later days change; the leg is open again, then flat.
        probe.fill(14, "a", .buy, "0.5", "95.5", fee: "0.001")
        probe.fill(2_908, "a", .sell, "0.5", "122")
        probe.mark(2_940, "a", "125")
        return probe
    }()

    /// A spot and an inverse leg that settle in two assets: fees in base and in third assets,
    /// priced by their trade, by a rate, later or not at all; funding in another asset; overshoot.
    static let carry: LogicProbe = {
        var probe = LogicProbe(
            2,
            PositionOpened(
                strategy: "carry", asset: "ETH",
                legs: [
                    leg("s", .spot, .long, "10", base: "ETH", quote: "USDC", settle: "USDC"),
                    leg(
                        "i", .inverse, .short, "200", venue: "gamma", base: "ETH", quote: "USD",
                        settle: "ETH", multiplier: "10", settleScale: 6, interval: 28_800),
                ]))
        probe.fill(5, "s", .buy, "4", "2000.5", fee: "0.004", in: "ETH", trade: "x1")
        probe.fill(6, "s", .buy, "6.1", "2010.25", fee: "-0.001", in: "ETH", trade: "x2")
        let third = probe.fill(7, "s", .buy, "0.3", "1990", fee: "0.01", in: "BNB")
        probe.fill(8, "i", .sell, "77", "2003.7", fee: "0.00002", in: "ETH")
        probe.fill(9, "i", .sell, "123", "2011.1", fee: "0.00003", in: "ETH") {
            $0.venueValue = decimal("0.6116055")
        }
        probe.fill(11, "s", .buy, "0.2", "2001", fee: "0.02", in: "BNB") {
            $0.feeRate = decimal("600")
        }
        probe.funding(480, "i", "0.0011", in: "ETH", rate: "0.0001", mark: "2005") {
            $0.qty = decimal("-200")
        }
        let foreign = probe.funding(day, "i", "3.3", in: "USDT", rate: "0.0001", mark: "2007")
        probe.fee(1_450, "s", "0.002", in: "ETH", trade: "x1")
        probe.fee(1_451, "s", "0.003", in: "ETH", .other, trade: "x9")
        probe.fee(1_452, "s", "0.001", in: "ETH", .transfer, rate: "2050")
        probe.fill(1_460, "s", .sell, "1.5", "2100", fee: "0.9", in: "USDC", trade: "x9")
        probe.fill(1_470, "i", .buy, "50", "2090", fee: "0.00001", in: "ETH")
        probe.mark(1_480, "i", "2100", margin: "0.1", liquidation: "4000")
        probe.mark(1_481, "s", "2101")
        probe.value(2_000, third, "610.5")
        probe.value(1_990, third, "599")
        probe.value(2_010, foreign, "0.0005")
        let unpriced = probe.fee(2_020, "s", "0.0007", in: "ETH", .withdrawal)
        probe.value(2_030, unpriced, "2070")
        probe.fee(2_040, "s", "0.0005", in: "ETH", .withdrawal)
        probe.funding(2 * day, "i", "-0.0004", in: "ETH", rate: "0.0002", mark: "2150")
        probe.fill(2_900, "i", .buy, "200", "1950.3", fee: "0.0003", in: "ETH")
        probe.fill(2_910, "s", .sell, "20", "2150.1", fee: "0.01", in: "ETH")
        probe.adjust(2_920, "i", cash: "0.01")
        probe.adjust(2_921, "i", cost: "0.005")
        probe.funding(2_930, "i", "1", in: "USDT")
        return probe
    }()

    /// An inverse leg that the venue took down, with an overshoot; two ends, of which the last by
    /// effective_at counts.
    static let liquidated: LogicProbe = {
        var probe = LogicProbe(
            3,
            PositionOpened(
                strategy: "trend", asset: "BTC",
                legs: [
                    leg(
                        "m", .inverse, .long, "1333", quote: "USD", settle: "BTC",
                        interval: 28_800)
                ], tags: .list(["x", "y"])))
        probe.fill(3, "m", .buy, "1000", "40000.5", fee: "0.00001", in: "BTC")
        probe.fill(4, "m", .buy, "333", "41234.1", fee: "0.00001", in: "BTC") {
            $0.venueValue = decimal("0.00807584")
        }
        probe.funding(480, "m", "-0.0000021", in: "BTC", rate: "0.0001", mark: "40500")
        probe.fill(1_400, "m", .sell, "333", "39000", fee: "0.0001", in: "BTC") { $0.cause = .adl }
        probe.fill(1_445, "m", .sell, "1250", "38000.7", fee: "0.0005", in: "BTC") {
            $0.cause = .liquidation
        }
        probe.fill(1_446, "m", .buy, "250", "38111", in: "BTC")
        probe.add(1_450, .closed(.liquidation))
        probe.add(1_440, .closed(.manual))
        return probe
    }()

    /// Voids before and after their targets, of every type, and what replaces them.
    static let corrected: LogicProbe = {
        var probe = LogicProbe(
            4,
            PositionOpened(
                strategy: "basis", asset: "ETH",
                legs: [
                    leg("a", .linear, .long, "2", base: "ETH", interval: 3_600),
                    leg("b", .linear, .short, "2.5", base: "ETH"),
                ]))
        let busted = probe.fill(1, "a", .buy, "9", "50", fee: "0.9", trade: "bust")
        probe.void(2, busted)
        probe.fill(1, "a", .buy, "2", "50.5", fee: "0.2", trade: "bust") { $0.replaces = busted }
        let early = probe.coming(1)
        probe.void(3, early)
        probe.fill(4, "a", .buy, "100", "51", fee: "1")
        let foreign = probe.fill(5, "b", .sell, "2", "52", fee: "0.1", in: "BNB")
        probe.value(6, foreign, "300")
        let wrong = probe.value(7, foreign, "310")
        probe.void(8, wrong)
        let later = probe.coming(1)
        probe.value(9, later, "299")
        probe.fill(10, "b", .sell, "0.5", "52.2", fee: "0.02", in: "BNB")
        let paid = probe.funding(60, "a", "5", rate: "0.001", mark: "51")
        probe.void(61, paid)
        probe.funding(60, "a", "0.5", rate: "0.001", mark: "51") { $0.replaces = paid }
        let marked = probe.mark(70, "a", "60")
        probe.mark(65, "a", "59")
        probe.void(71, marked)
        let requested = probe.add(80, .closeRequested(reason: "probe"))
        probe.void(81, requested)
        let added = probe.fill(83, "a", .buy, "1", "53")
        let voiding = probe.void(84, added)
        probe.void(85, voiding)
        let corrected = probe.adjust(86, "a", cash: "7")
        probe.void(87, corrected)
        let charged = probe.fee(88, "a", "0.4")
        probe.void(89, charged)
        probe.fill(1_470, "a", .sell, "2", "55", fee: "0.2")
        probe.fill(1_471, "b", .buy, "2.5", "54", fee: "0.1")
        let ended = probe.add(1_480, .closed(.stop))
        probe.void(1_481, ended)
        probe.add(1_482, .closed(.fundingFlip))
        return probe
    }()

    /// Never filled.
    static let cancelled: LogicProbe = {
        var probe = LogicProbe(
            5,
            PositionOpened(strategy: "carry", asset: "BTC", legs: [leg("a", .linear, .long, "1")]))
        probe.mark(10, "a", "90")
        probe.add(20, .cancelled(reason: "no fill"))
        return probe
    }()

    /// Filled after it was cancelled; the cost that is left at quantity 0 is realised.
    static let revived: LogicProbe = {
        var probe = LogicProbe(
            6,
            PositionOpened(
                strategy: "carry", asset: "BTC", legs: [leg("a", .linear, .short, "1")]))
        probe.add(20, .cancelled(reason: "no fill"))
        probe.fill(30, "a", .sell, "1", "10")
        probe.adjust(40, "a", qty: "1")
        probe.add(50, .closed(.failed))
        return probe
    }()

    /// An adjustment that changes the side cannot be folded; what comes before it stands.
    static let refused: LogicProbe = {
        var probe = LogicProbe(
            7,
            PositionOpened(strategy: "carry", asset: "BTC", legs: [leg("a", .linear, .long, "1")]))
        probe.fill(10, "a", .buy, "1", "10")
        probe.adjust(20, "a", qty: "-2")
        probe.fill(30, "a", .buy, "1", "11")
        return probe
    }()

    /// A linear short that turns long; its leg's own interval floors; closed while it is open.
    static let overshot: LogicProbe = {
        var probe = LogicProbe(
            8,
            PositionOpened(
                strategy: "trend", asset: "SOL",
                legs: [
                    leg(
                        "h", .linear, .short, "1.5", venue: "beta", base: "SOL", quote: "USDC",
                        settle: "USDC", interval: twoDays)
                ]))
        probe.fill(1, "h", .sell, "1", "100", fee: "0.1", in: "USDC")
        probe.fill(2, "h", .sell, "0.3", "107.7", in: "USDC") { $0.refPx = decimal("108") }
        probe.fill(2_000, "h", .buy, "2", "95", fee: "0.3", in: "USDC")
        probe.mark(2_001, "h", "97")
        probe.fee(2_002, "h", "-0.05", in: "USDC", .liquidation)
        probe.funding(2 * day, "h", "0.6", in: "USDC", late: 9, rate: "0.001", mark: "97")
        probe.add(2_900, .closed(.adl))
        return probe
    }()

    /// A spot leg whose target is reached with the fee that was taken from it.
    static let target: LogicProbe = {
        var probe = LogicProbe(
            9,
            PositionOpened(
                strategy: "carry", asset: "ETH",
                legs: [leg("s", .spot, .long, "1", base: "ETH", quote: "USDC", settle: "USDC")]))
        probe.fill(1, "s", .buy, "0.4", "2000", fee: "0.0004", in: "ETH")
        probe.fill(2, "s", .buy, "0.6", "2003", fee: "0.0006", in: "ETH")
        return probe
    }()
}
