import LedgerCore

/// Converts the exchange's own JSON files, of user fills and user funding, to events of the ledger:
/// one position a coin at a time, from flat to flat. Pure: the same files give the same events.
///
/// Every id is derived, so a second run appends nothing, and a run over a longer history appends
/// what is new, as long as it begins where the first one did: hand in all files together (repeats
/// between them are found). What was not taken stands in the report, with the reason; nothing is
/// left out silently.
///
/// Source: Hyperliquid's documentation, "Info endpoint": userFills, userFillsByTime (at most 2,000
/// fills an answer, the 10,000 latest at all) and userFunding.
public struct HyperliquidImport: Sendable {
    /// One file as it was read.
    public struct File: Sendable {
        /// What the report and errors call it.
        public var name: String
        /// All of it.
        public var bytes: [UInt8]

        /// A file that was read.
        public init(name: String, bytes: [UInt8]) {
            self.name = name
            self.bytes = bytes
        }
    }

    /// A record's file and its index in the file's array, from 0.
    public struct Place: Hashable, Comparable, Sendable {
        /// Counts files of fills, then files of funding, from 0.
        public var file: Int
        /// Counts the records of the file, from 0.
        public var index: Int

        /// By file, then by index.
        public static func < (left: Place, right: Place) -> Bool {
            (left.file, left.index) < (right.file, right.index)
        }
    }

    /// The account as the ledger names it. Where it is the account's address (0x…), the import can
    /// tell its own liquidations from those that it was the counterparty of.
    public let account: String
    /// What the positions are filed under.
    public let strategy: String

    /// The account where none is named.
    public static let accountDefault = "hyperliquid"
    /// The strategy where none is named.
    public static let strategyDefault = "imported"

    /// Both are part of what every run must repeat: other names make other positions.
    public init(
        account: String = HyperliquidImport.accountDefault,
        strategy: String = HyperliquidImport.strategyDefault
    ) {
        self.account = account
        self.strategy = strategy
    }

    /// The events and what was taken and left out.
    public struct Conversion: Sendable {
        /// In the order of their first fills.
        public let positions: [Position]
        /// What was taken and left out.
        public let report: HyperliquidReport

        /// All events, position by position, in an order in which they can be appended.
        public var events: [NewEvent] { positions.flatMap(\.events) }
    }

    /// One position's stream and what it comes to.
    public struct Position: Sendable {
        /// Its id in the ledger: a UUIDv5 over account, coin and opening trade.
        public let id: UUID
        /// As the exchange names it.
        public let coin: String
        /// The whole stream, in the order of appending.
        public let events: [NewEvent]
        /// The records that it was made of.
        public let places: Set<Place>
        /// Time of its first fill.
        public let openedAt: Timestamp
        /// Whether its stream ends with position_closed.
        public let isClosed: Bool
        /// What it holds at the end of the history, signed.
        public let qty: Fixed
        /// Shares of fills.
        public let fills: Int
        /// Funding payments.
        public let payments: Int
        /// The asset that it settles in.
        public let settle: String
        /// Σ of the venue's closed P&L.
        public let venueClosedPnl: Fixed
        /// The ledger's own figure for the same: realised price P&L, before fees.
        public let realizedPrice: Fixed
        /// Fees by asset, as charged.
        public let fees: Amounts
        /// + received, − paid.
        public let funding: Fixed
    }

    /// - Throws: `InvalidField` for a file that is empty or not a JSON array.
    public func convert(
        fills: [File], funding: [File] = []
    ) throws(InvalidField) -> Conversion {
        var report = HyperliquidReport(
            account: account, files: (fills + funding).map(\.name), fillFiles: fills.count)
        var coins: [HyperliquidCoin] = []
        for (name, fills) in try read(fills, &report) {
            var coin = HyperliquidCoin(name, account: account, strategy: strategy)
            coin.take(fills)
            coins.append(coin)
        }
        for payment in try read(funding, firstFile: fills.count, &report) {
            if let index = coins.firstIndex(where: { $0.coin == payment.coin }) {
                coins[index].take(payment)
            } else {
                report.leaveOut(
                    payment.place, "funding of \(payment.coin) at \(payment.time)",
                    because: "no fill of its coin was taken")
            }
        }
        var positions: [Position] = []
        for index in coins.indices {
            let own = coins[index].finish()
            report.take(coins[index], positions: own)
            positions += own
        }
        report.finish()
        // Positions of one coin that open in one millisecond keep their order.
        let ordered = positions.enumerated().sorted {
            ($0.element.openedAt, $0.offset) < ($1.element.openedAt, $1.offset)
        }
        return Conversion(positions: ordered.map(\.element), report: report)
    }

    // MARK: Reading

    /// - Parameter call: The exchange's call that is answered with such a file.
    private func records(
        of file: File, _ call: String
    ) throws(InvalidField) -> [JSONValue] {
        var bytes = file.bytes
        // Some editors put the byte order mark of UTF-8 at the start.
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        guard bytes.contains(where: { $0 > 0x20 }) else {
            throw InvalidField(file.name, "", "is empty: save the exchange's answer again")
        }
        do throws(InvalidField) {
            guard case .array(let records) = try JSONValue(parsing: bytes) else {
                throw InvalidField("", "", "must be a JSON array")
            }
            return records
        } catch {
            let inner = error.within(file.name)
            throw InvalidField(
                inner.field, inner.value,
                inner.cure + "; is this the exchange's answer to \(call)?")
        }
    }

    /// The distinct fills by coin, coins in the order of their names.
    private func read(
        _ files: [File], _ report: inout HyperliquidReport
    ) throws(InvalidField) -> [(coin: String, fills: [HyperliquidFill])] {
        var known: [HyperliquidFill.Key: [HyperliquidFill]] = [:]
        var keys: [HyperliquidFill.Key] = []
        for (number, file) in files.enumerated() {
            for (index, record) in try records(of: file, "userFills").enumerated() {
                let place = Place(file: number, index: index)
                report.fillsRead += 1
                report.readings[place.file].records += 1
                let fill: HyperliquidFill
                do throws(InvalidField) {
                    fill = try HyperliquidFill(record, at: place, account: account)
                } catch {
                    report.readings[place.file].strange += 1
                    report.leaveOut(place, "fill", because: error.description)
                    continue
                }
                let same = known[fill.key] ?? []
                if same.contains(where: { $0.repeats(fill) }) {
                    report.repeats += 1
                } else if let other = same.first, fill.hasTid {
                    report.leaveOut(
                        place, "fill \(fill.tradeID) of \(fill.coin)",
                        because: "it differs from \(report.name(of: other.place)), which has the "
                            + "same tid")
                } else {
                    if same.isEmpty { keys.append(fill.key) }
                    known[fill.key] = same + [fill]
                }
            }
        }
        var coins: [String: [HyperliquidFill]] = [:]
        for key in keys {
            coins[key.coin, default: []] += HyperliquidImport.named(apart: known[key] ?? [])
        }
        return coins.keys.sorted().map { ($0, coins[$0] ?? []) }
    }

    /// Without tid, several fills of one order can have one price and size: they differ in the
    /// position that they start from, and get a number behind the key in that order.
    private static func named(apart fills: [HyperliquidFill]) -> [HyperliquidFill] {
        var named = fills.sorted { $0.start < $1.start }
        for index in named.indices.dropFirst() { named[index].tradeID += "/\(index + 1)" }
        return named
    }

    /// The distinct payments, in the order of their times.
    private func read(
        _ files: [File], firstFile: Int, _ report: inout HyperliquidReport
    ) throws(InvalidField) -> [HyperliquidFunding] {
        var payments: [HyperliquidFunding] = []
        var known: [String: [Timestamp: HyperliquidFunding]] = [:]
        for (number, file) in files.enumerated() {
            for (index, record) in try records(of: file, "userFunding").enumerated() {
                let place = Place(file: firstFile + number, index: index)
                report.paymentsRead += 1
                report.readings[place.file].records += 1
                let payment: HyperliquidFunding
                do throws(InvalidField) {
                    payment = try HyperliquidFunding(record, at: place)
                } catch {
                    report.readings[place.file].strange += 1
                    report.leaveOut(place, "funding", because: error.description)
                    continue
                }
                guard let other = known[payment.coin]?[payment.hour] else {
                    known[payment.coin, default: [:]][payment.hour] = payment
                    payments.append(payment)
                    continue
                }
                if payment.repeats(other) {
                    report.repeats += 1
                } else {
                    report.leaveOut(
                        place, "funding of \(payment.coin) at \(payment.time)",
                        because: "\(report.name(of: other.place)) is another payment of that hour")
                }
            }
        }
        return payments.sorted { ($0.time, $0.place) < ($1.time, $1.place) }
    }
}
