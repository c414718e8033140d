/// A fixed choice of words: how it is spelled is its raw value.
public protocol Word: RawRepresentable<String>, CaseIterable, Hashable, Sendable {
    /// The spellings, kept so that reading one makes no `String`.
    static var words: Words<Self> { get }
}

extension Word {
    /// All spellings, for an error that says what would be right.
    public static var options: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

/// Octets as two numbers and their count: compared without a look at memory elsewhere.
private struct Spelling: Equatable {
    var high: UInt128 = 0
    var low: UInt128 = 0
    var count: Int

    static let countMax = 32

    init(_ octets: UnsafeBufferPointer<UInt8>) {
        count = octets.count
        for octet in octets {
            high = high << 8 | low >> 120
            low = low << 8 | UInt128(octet)
        }
    }
}

/// The octets of all spellings of a choice, each of at most 32.
public struct Words<Choice: RawRepresentable<String> & CaseIterable & Sendable>: Sendable {
    private let entries: [(spelling: Spelling, choice: Choice)]

    /// The words of all cases. Stops the program where one is longer than 32 octets.
    public init() {
        entries = Choice.allCases.map { choice in
            let spelling = choice.rawValue.withOctets { Spelling($0) }
            precondition(spelling.count <= Spelling.countMax, "\(choice.rawValue) is too long")
            return (spelling, choice)
        }
    }

    /// The case that is spelled so; nil if none is.
    public subscript(_ octets: UnsafeBufferPointer<UInt8>) -> Choice? {
        guard octets.count <= Spelling.countMax else { return nil }
        let spelling = Spelling(octets)
        return entries.first { $0.spelling == spelling }?.choice
    }

    /// The case that is spelled so; nil if none is.
    public subscript(_ text: String) -> Choice? { text.withOctets { self[$0] } }
}

/// The types of event (accounting.md §2).
public enum EventType: String, Word {
    case positionOpened = "position_opened"
    case legFillRecorded = "leg_fill_recorded"
    case fundingRecorded = "funding_recorded"
    case feeRecorded = "fee_recorded"
    case feeValued = "fee_valued"
    case markRecorded = "mark_recorded"
    case adjustmentRecorded = "adjustment_recorded"
    case closeRequested = "close_requested"
    case positionClosed = "position_closed"
    case positionCancelled = "position_cancelled"
    case eventVoided = "event_voided"

    /// Whether the ledger derives the event's id from a venue's fact (accounting.md §2, Identity).
    public var derivesID: Bool {
        self == .legFillRecorded || self == .fundingRecorded || self == .eventVoided
    }

    /// Its words, for reading.
    public static let words = Words<EventType>()
}

/// Where the ledger's knowledge of an event comes from (accounting.md §2).
public enum EventSource: String, Word {
    case venueWS = "venue_ws"
    case venueREST = "venue_rest"
    case statement
    case reconciliation
    case manual
    case migration

    /// Its words, for reading.
    public static let words = Words<EventSource>()
}

/// How an instrument's value depends on its price (accounting.md §4).
public enum InstrumentKind: String, Word {
    case linear, inverse, spot

    /// Its words, for reading.
    public static let words = Words<InstrumentKind>()
}

/// Direction of a leg.
public enum LegSide: String, Word {
    case long, short

    /// +1 for long, −1 for short.
    public var sign: Int { self == .long ? 1 : -1 }

    /// Its words, for reading.
    public static let words = Words<LegSide>()
}

/// Direction of a trade.
public enum TradeSide: String, Word {
    case buy, sell

    /// +1 for a buy, −1 for a sell.
    @inlinable public var sign: Int { self == .buy ? 1 : -1 }

    /// Its words, for reading.
    public static let words = Words<TradeSide>()
}

/// Which side of the venue's book the fill took (accounting.md §2).
public enum Liquidity: String, Word {
    case maker, taker, unknown

    /// Its words, for reading.
    public static let words = Words<Liquidity>()
}

/// What a fill was meant to do.
public enum FillIntent: String, Word {
    case open, close, rebalance

    /// Its words, for reading.
    public static let words = Words<FillIntent>()
}

/// What brought a fill about.
public enum FillCause: String, Word {
    case trade, liquidation, adl, settlement

    /// Its words, for reading.
    public static let words = Words<FillCause>()
}

/// What a fee was charged for (accounting.md §2, fee_recorded).
public enum FeeCategory: String, Word {
    case trading, liquidation, borrow, withdrawal, transfer, other

    /// Its words, for reading.
    public static let words = Words<FeeCategory>()
}

/// Why a position was closed; liquidation and adl raise the flag of that name (accounting.md §3).
public enum CloseReason: String, Word {
    case takeProfit = "take_profit"
    case stop
    case fundingFlip = "funding_flip"
    case liquidation
    case adl
    case manual
    case failed

    /// Its words, for reading.
    public static let words = Words<CloseReason>()
}
