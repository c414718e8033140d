import LedgerCore

/// A book of funding arbitrage that never was: what `nexus-ledger seed` prints.
///
/// Pure: the same arguments make the same events, to the byte, on every machine. Each position
/// holds two legs of one asset, long where funding is low and short where it is high. Twelve
/// stories take turns (`SampleStory`), so that twelve positions show them all: opens in several
/// fills, hourly and 8-hourly funding, partial and full closes, a liquidation, a late fee, a voided
/// and replaced trade, inverse and spot legs, fees in third assets.
///
/// All events are in the ten days from `start` on and satisfy accounting.md §2. They come in the
/// order in which a ledger would receive them, 96 positions after 96. Positions of a seed are the
/// same however many are asked for. Accounts are named after seed and position, so that books of
/// several seeds can go into one ledger.
public struct SampleBook: Sendable {
    /// 2026-01-05T00:00:00Z
    public static let startDefault = Timestamp(microseconds: 1_767_571_200_000_000)

    /// The latest start: 9998-01-01T00:00:00Z.
    public static let startMax = Timestamp(microseconds: 253_339_228_800_000_000)

    /// The most positions of one book.
    public static let positionsMax = 100_000

    /// Positions whose events are made, and ordered, together.
    private static let blockSize = 96

    /// Decides all that is random.
    public let seed: UInt64
    /// How many positions.
    public let positions: Int
    /// When it begins: a whole hour.
    public let start: Timestamp
    /// The book that the lines name.
    public let book: BookName

    /// Describes a book; nothing is made before `lines`.
    ///
    /// - Parameters:
    ///   - seed: Decides all that is random.
    ///   - positions: 0 to `positionsMax`.
    ///   - start: From 1970 to `startMax`; rounded down to the hour.
    ///   - book: The book that the lines name.
    public init(
        seed: UInt64, positions: Int = 12, start: Timestamp = startDefault, book: BookName = .main
    ) {
        precondition((0...Self.positionsMax).contains(positions), "0 to 100,000 positions")
        precondition(start.isInRange && start <= Self.startMax, "a start from 1970 to 9998")
        self.seed = seed
        self.positions = positions
        // Whole hours, so that funding times are those of the venues.
        self.start = start.floored(toSeconds: 3_600)
        self.book = book
    }

    /// The events, made as they are asked for.
    public func lines() -> some Sequence<EventLine> {
        let market = SampleMarket(seed: seed, start: start)
        let count = positions
        return stride(from: 0, to: count, by: Self.blockSize).lazy.flatMap { first in
            block(first..<min(first + Self.blockSize, count), market)
        }
    }

    private func block(_ indices: Range<Int>, _ market: SampleMarket) -> [EventLine] {
        var events: [SamplePosition.Arrival] = []
        for index in indices {
            var position = SamplePosition(seed: seed, index: index, start: start, market: market)
            position.play()
            events += position.arrivals
        }
        // The order within a position must stay: a stable sort, which the library does not promise.
        let order = events.indices.sorted {
            (events[$0].at.microseconds, $0) < (events[$1].at.microseconds, $1)
        }
        return order.map { EventLine(book: book, event: events[$0].event) }
    }
}
