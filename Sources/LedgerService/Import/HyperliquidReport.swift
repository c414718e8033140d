import LedgerCore

/// What an import took and left out, and why.
public struct HyperliquidReport: Sendable {
    /// The account as the ledger names it.
    public let account: String
    /// Files in the order in which places number them: fills, then funding.
    public let files: [String]
    /// How many of `files` are of fills; they come first.
    let fillFiles: Int
    /// What was read of each of `files`.
    var readings: [Reading]
    /// Records of fills in the files.
    public internal(set) var fillsRead = 0
    /// Records of funding in the files.
    public internal(set) var paymentsRead = 0
    /// Distinct fills that are in a position.
    public private(set) var fillsTaken = 0
    /// Distinct payments that are in a position.
    public private(set) var paymentsTaken = 0
    /// Records that say what another one has said already.
    public internal(set) var repeats = 0
    /// In the order of the files.
    public private(set) var leftOut: [LeftOut] = []
    /// Where history begins with a position, or has a gap.
    public private(set) var notes: [String] = []
    /// By name.
    public private(set) var coins: [Coin] = []

    /// What was read of a file.
    struct Reading: Sendable {
        var records = 0
        /// Of those, the ones that are no records of the file's kind.
        var strange = 0
    }

    /// One record that was left out, or a part of it.
    public struct LeftOut: Sendable, Equatable {
        /// Where it stands.
        public let place: HyperliquidImport.Place
        /// What it is, for a person.
        public let what: String
        /// Why.
        public let reason: String
    }

    /// What was taken of one coin, beside the venue's own figures.
    public struct Coin: Sendable, Equatable {
        /// As the exchange names it.
        public let coin: String
        /// The asset that its positions settle in; empty without one.
        public let settle: String
        /// Positions made of its fills.
        public internal(set) var positions = 0
        /// Of those, the ones that are open at the end of the history.
        public internal(set) var open = 0
        /// Shares of fills: a flip has two.
        public internal(set) var fills = 0
        /// Funding payments.
        public internal(set) var payments = 0
        /// Σ of the venue's closed P&L, before fees, in the settle asset; nil beyond the range.
        public internal(set) var venueClosedPnl: Fixed? = .zero
        /// The ledger's realised price P&L: the same figure by average cost (accounting.md §4).
        public internal(set) var realizedPrice: Fixed? = .zero
        /// + received, − paid, in the settle asset; nil beyond the range.
        public internal(set) var funding: Fixed? = .zero
        /// As charged; a sum beyond the range leaves out what went beyond it.
        public internal(set) var fees = Amounts()
        /// What the positions hold at the end, signed.
        public internal(set) var qty: Fixed = .zero
        /// What the venue's last record leaves, signed; nil if no record could be read.
        public internal(set) var venueQty: Fixed?

        /// Ours − the venue's; nil beyond the range. The venue rounds its entry price, so the last
        /// digits differ; in files of May 2023 more does, because it then moved its entry price
        /// towards the price of reductions too.
        public var difference: Fixed? {
            guard let realizedPrice, let venueClosedPnl else { return nil }
            return try? realizedPrice.subtracting(venueClosedPnl)
        }
    }

    init(account: String, files: [String], fillFiles: Int) {
        self.account = account
        self.files = files
        self.fillFiles = fillFiles
        readings = Array(repeating: Reading(), count: files.count)
    }

    /// Why the files should not be imported, with the cure: one of them has records, but none of
    /// its kind, or nothing at all was taken. Nil where something was, and where all are empty.
    public var refusal: String? {
        for (file, reading) in readings.enumerated()
        where reading.records > 0 && reading.strange == reading.records {
            return file < fillFiles
                ? "\(files[file]) has no user fills: is it the exchange's answer to userFills?"
                : "\(files[file]) has no user funding: is it the exchange's answer to userFunding?"
        }
        guard fillsRead + paymentsRead > 0, fillsTaken + paymentsTaken == 0 else { return nil }
        return "nothing of \(files.joined(separator: ", ")) was taken, the report says why: are "
            + "these the exchange's answers to userFills and, of the same time, to userFunding?"
    }

    /// "entry 12 of fills.json".
    func name(of place: HyperliquidImport.Place) -> String {
        "entry \(place.index) of \(files[place.file])"
    }

    mutating func leaveOut(
        _ place: HyperliquidImport.Place, _ what: String, because reason: String
    ) {
        leftOut.append(LeftOut(place: place, what: what, reason: reason))
    }

    mutating func take(_ coin: HyperliquidCoin, positions: [HyperliquidImport.Position]) {
        notes += coin.notes
        for left in coin.leftOut { leaveOut(left.place, left.what, because: left.reason) }
        var places: Set<HyperliquidImport.Place> = []
        var total = Coin(coin: coin.coin, settle: positions.first?.settle ?? "")
        total.venueQty = coin.venueQty
        for position in positions {
            places.formUnion(position.places)
            total.positions += 1
            if !position.isClosed { total.open += 1 }
            total.fills += position.fills
            total.payments += position.payments
            total.venueClosedPnl = sum(total.venueClosedPnl, position.venueClosedPnl)
            total.realizedPrice = sum(total.realizedPrice, position.realizedPrice)
            total.funding = sum(total.funding, position.funding)
            total.qty = sum(total.qty, position.qty) ?? total.qty
            for fee in position.fees.entries {
                try? total.fees.add(fee.amount, fee.asset.text)
            }
        }
        paymentsTaken += total.payments
        fillsTaken += places.count - total.payments
        coins.append(total)
    }

    mutating func finish() {
        leftOut.sort { ($0.place, $0.reason) < ($1.place, $1.reason) }
    }

    private func sum(_ left: Fixed?, _ right: Fixed) -> Fixed? {
        left.flatMap { try? $0.adding(right) }
    }
}

// MARK: For people

extension HyperliquidReport {
    /// The lines of the report, without the totals by coin, which are a table.
    public var lines: [String] {
        var lines = [
            "account \(account): \(fillsRead) fills read, \(fillsTaken) taken; "
                + "\(paymentsRead) funding payments read, \(paymentsTaken) taken; "
                + "\(repeats) repeats passed over; \(leftOut.count) left out"
        ]
        for group in leftOutByReason {
            lines.append("left out: \(group.places), because \(group.reason)")
        }
        lines += notes.map { "note: " + $0 }
        return lines
    }

    /// Left-out records by file and reason, in the order of the first one, indices as ranges:
    /// "entries 0–3, 7 of fills.json".
    var leftOutByReason: [(places: String, reason: String)] {
        struct Key: Hashable {
            var file: Int
            var reason: String
        }
        var groups: [(file: Int, reason: String, indices: [Int])] = []
        var known: [Key: Int] = [:]
        for left in leftOut {
            let key = Key(file: left.place.file, reason: left.reason)
            if let index = known[key] {
                groups[index].indices.append(left.place.index)
            } else {
                known[key] = groups.count
                groups.append((key.file, key.reason, [left.place.index]))
            }
        }
        return groups.map { group in
            let word = group.indices.count == 1 ? "entry" : "entries"
            return (
                "\(word) \(HyperliquidReport.ranges(group.indices)) of \(files[group.file])",
                group.reason
            )
        }
    }

    private static func ranges(_ indices: [Int]) -> String {
        var ranges: [ClosedRange<Int>] = []
        for index in indices {
            if let last = ranges.last, last.upperBound + 1 == index {
                ranges[ranges.count - 1] = last.lowerBound...index
            } else {
                ranges.append(index...index)
            }
        }
        return ranges.map {
            $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)–\($0.upperBound)"
        }.joined(separator: ", ")
    }
}

// MARK: For programs

extension HyperliquidReport {
    /// Everything, exact: decimals as strings, null for what is beyond the range or not known.
    public var json: JSONValue {
        .object([
            "account": .string(account),
            "fills": .object(["read": number(fillsRead), "taken": number(fillsTaken)]),
            "funding": .object(["read": number(paymentsRead), "taken": number(paymentsTaken)]),
            "repeats": number(repeats),
            "left_out": .array(
                leftOut.map { left in
                    .object([
                        "file": .string(files[left.place.file]),
                        "index": number(left.place.index), "what": .string(left.what),
                        "reason": .string(left.reason),
                    ])
                }),
            "notes": .array(notes.map { .string($0) }),
            "coins": .array(coins.map(\.json)),
        ])
    }
}

extension HyperliquidReport.Coin {
    fileprivate var json: JSONValue {
        let fees = fees.entries.map { ($0.asset.text, decimal($0.amount)) }
        return .object([
            "coin": .string(coin), "settle": settle.isEmpty ? .null : .string(settle),
            "positions": number(positions), "open": number(open), "fills": number(fills),
            "funding_payments": number(payments), "venue_closed_pnl": decimal(venueClosedPnl),
            "realized_price": decimal(realizedPrice), "difference": decimal(difference),
            "funding": decimal(funding),
            "fees": .object(Dictionary(fees, uniquingKeysWith: { first, _ in first })),
            "qty": decimal(qty), "venue_qty": decimal(venueQty),
        ])
    }
}

private func number(_ value: Int) -> JSONValue { .number(String(value)) }

private func decimal(_ value: Fixed?) -> JSONValue {
    value.map { .string($0.description) } ?? .null
}
