import Admission
import LedgerCore
import Projections

@testable import LedgerService

/// A fill as the exchange writes it.
struct FillRecord {
    var coin = "BTC"
    /// "B" or "A".
    var side: String
    var sz: String
    var px: String
    var start: String
    /// Milliseconds since 2024-01-01T00:00:00Z.
    var at: Int64
    var tid: Int64?
    var closedPnl: String? = "0.0"
    var fee = "0.0"
    var feeToken: String? = "USDC"
    var dir = "Open Long"
    var crossed = true
    var oid: Int64 = 7
    var hash = "0xabc"
    /// Further members, as JSON, with a comma before.
    var more = ""

    static let epoch: Int64 = 1_704_067_200_000

    var json: String {
        var members = [
            "\"coin\": \"\(coin)\"", "\"side\": \"\(side)\"", "\"sz\": \"\(sz)\"",
            "\"px\": \"\(px)\"", "\"startPosition\": \"\(start)\"",
            "\"time\": \(FillRecord.epoch + at)", "\"fee\": \"\(fee)\"", "\"dir\": \"\(dir)\"",
            "\"crossed\": \(crossed)", "\"oid\": \(oid)", "\"hash\": \"\(hash)\"",
        ]
        if let tid { members.append("\"tid\": \(tid)") }
        if let closedPnl { members.append("\"closedPnl\": \"\(closedPnl)\"") }
        if let feeToken { members.append("\"feeToken\": \"\(feeToken)\"") }
        return "{" + members.joined(separator: ", ") + more + "}"
    }

    func with(_ change: (inout FillRecord) -> Void) -> FillRecord {
        var copy = self
        change(&copy)
        return copy
    }
}

/// A funding payment as the exchange writes it.
struct FundingRecord {
    var coin = "BTC"
    var usdc: String
    var szi: String
    var rate = "0.0000125"
    /// Milliseconds since 2024-01-01T00:00:00Z.
    var at: Int64
    var samples = "null"
    var type = "funding"

    var json: String {
        """
        {"time": \(FillRecord.epoch + at), "hash": "0x0000", "delta": {"type": "\(type)",
        "coin": "\(coin)", "usdc": "\(usdc)", "szi": "\(szi)", "fundingRate": "\(rate)",
        "nSamples": \(samples)}}
        """
    }
}

extension HyperliquidImport.File {
    /// An array of records.
    static func of(_ records: [String], named name: String = "fills.json") -> Self {
        Self(name: name, bytes: Array(("[" + records.joined(separator: ",\n") + "]").utf8))
    }
}

extension HyperliquidImport {
    /// Converts fills and payments of one account.
    static func of(
        _ fills: [FillRecord], _ funding: [FundingRecord] = [], account: String = "hyperliquid"
    ) throws -> Conversion {
        try HyperliquidImport(account: account).convert(
            fills: [File.of(fills.map(\.json))],
            funding: funding.isEmpty
                ? [] : [File.of(funding.map(\.json), named: "funding.json")])
    }
}

extension HyperliquidImport.Conversion {
    /// The events as lines of JSON.
    var lines: [String] {
        events.map {
            String(decoding: EventLine(book: .main, event: $0).canonicalBytes, as: UTF8.self)
        }
    }
}

extension HyperliquidImport.Position {
    /// The fills of the stream.
    var fillPayloads: [Fill] {
        events.compactMap { if case .fill(let fill) = $0.payload { fill } else { nil } }
    }

    var fundingPayloads: [Funding] {
        events.compactMap { if case .funding(let funding) = $0.payload { funding } else { nil } }
    }

    var adjustments: [Adjustment] {
        events.compactMap { if case .adjustment(let entry) = $0.payload { entry } else { nil } }
    }

    var opened: PositionOpened? {
        if case .opened(let opened)? = events.first?.payload { opened } else { nil }
    }

    var closeReason: CloseReason? {
        if case .closed(let reason)? = events.last?.payload { reason } else { nil }
    }

    /// What the ledger makes of the stream.
    func account() throws -> PositionAccount { try HyperliquidCheck.account(of: events) }
}

extension MemoryLedger {
    /// Appends events.
    /// - Returns: How many were new.
    @discardableResult
    mutating func take(_ events: [NewEvent]) throws -> Int {
        var added = 0
        for event in events {
            let before = self.events(of: event.positionID).count
            _ = try append(event)
            added += self.events(of: event.positionID).count - before
        }
        return added
    }
}

extension Fixed: ExpressibleByStringLiteral {
    /// Tests write decimals as they are.
    public init(stringLiteral text: String) {
        guard let value = Fixed(text) else { preconditionFailure("\(text) is no decimal") }
        self = value
    }
}
