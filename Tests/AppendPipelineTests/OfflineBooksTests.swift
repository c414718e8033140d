import Admission
import LedgerCore
import Testing

@testable import AppendPipeline

/// What is decided of a request while PostgreSQL is away.
@Suite struct OfflineBooksTests {
    private let id = UUID(high: 0x019B_76A5_0000_7000, low: 0x8000_0000_0000_0001)

    private func event(
        _ payload: EventPayload, _ number: UInt64, expecting: ExpectedVersion = .any
    ) throws -> NewEvent {
        try NewEvent(
            positionID: id, payload: payload,
            effectiveAt: Timestamp(microseconds: 1_767_225_600_000_000 + Int64(number)),
            source: .venueREST, actor: "test",
            eventID: payload.type.derivesID ? nil : UUID(high: number, low: number),
            expectedVersion: expecting)
    }

    private func opened(_ number: UInt64 = 1) throws -> NewEvent {
        let terms = LegTerms(
            leg: "long", venue: "v", account: "a", instrument: "i", kind: .linear, side: .long,
            targetQty: .one, multiplier: .one, base: "BTC", quote: "USD", settle: "USD",
            qtyScale: 3, priceScale: 2, settleScale: 8)
        return try event(
            .opened(PositionOpened(strategy: "s", asset: "BTC", legs: [terms])), number)
    }

    private func fill(
        _ trade: String, _ side: TradeSide = .buy, leg: String = "long", at number: UInt64 = 2,
        expecting: ExpectedVersion = .any
    ) throws -> NewEvent {
        try event(
            .fill(
                Fill(
                    leg: leg, tradeID: trade, side: side, qty: .one, px: .one, fee: .zero,
                    feeAsset: "USD", liquidity: .maker)), number, expecting: expecting)
    }

    private func version(_ number: Int64) -> StreamVersion { StreamVersion(rawValue: number) }

    /// Books that know the position at `version`, opened and with nothing else.
    private func books(at version: Int64) throws -> OfflineBooks {
        var admission = Admission(history: NoHistory(), head: .origin)
        _ = try admission.admit([try opened()], recordedAt: .latest)
        for number in 1..<version {
            _ = try admission.admit([try fill("t\(number)")], recordedAt: .latest)
        }
        var books = OfflineBooks()
        books.committed(.main, admission.streams)
        return books
    }

    @discardableResult
    private func buffer(
        _ events: [NewEvent], _ books: inout OfflineBooks
    ) -> Result<OfflineBooks.Accepted, Refusal> {
        let result = books.admit(events, isNew: events.map { _ in true }, in: .main)
        if case .success(let accepted) = result { books.take(accepted, in: .main) }
        return result
    }

    @Test func `of a position that is not known everything is taken, without a base`() throws {
        var books = OfflineBooks()
        let request = [try fill("t", leg: "any", expecting: .exact(version(7)))]
        let accepted = try buffer(request, &books).get()
        #expect(accepted.bases == [:])
        #expect(books.known(.main, id) == nil)
    }

    @Test func `a version counts what was committed and what is buffered`() throws {
        var books = try books(at: 3)
        let first = try buffer([try fill("a", expecting: .exact(version(3)))], &books).get()
        #expect(first.bases == [id: version(3)])
        let second = try buffer([try fill("b", expecting: .exact(version(4)))], &books).get()
        #expect(second.bases == [id: version(3)])
        guard
            case .failure(.versionConflict(0, id, _, let actual)) = buffer(
                [try fill("c", expecting: .exact(version(4)))], &books)
        else { throw Surprise() }
        #expect(actual == version(5))
        #expect(books.known(.main, id)?.version == version(5))
    }

    @Test func `a version above the known one may be right: the drain will tell`() throws {
        var books = try books(at: 3)
        buffer([try fill("a")], &books)
        let accepted = try buffer([try fill("b", expecting: .exact(version(9)))], &books).get()
        #expect(accepted.bases == [:])
        #expect(books.known(.main, id) == nil)
    }

    @Test func `a version that no position reaches is refused`() throws {
        var books = try books(at: 3)
        let request = [try fill("a", expecting: .exact(version(.max)))]
        guard case .failure(.versionConflict) = buffer(request, &books) else { throw Surprise() }
    }

    @Test func `a position that is opened offline has its state checked`() throws {
        var books = OfflineBooks()
        buffer([try opened()], &books)
        buffer([try fill("a", expecting: .exact(version(1)))], &books)
        guard case .failure(.invalid) = buffer([try fill("b", leg: "none")], &books),
            case .failure(.precondition) = buffer([try opened(9)], &books),
            case .failure(.precondition) = buffer([try event(.closed(.manual), 8)], &books)
        else { throw Surprise() }
        #expect(books.known(.main, id)?.version == version(2))
        #expect(books.known(.main, id)?.committed == StreamVersion.none)
    }

    @Test func `what needs other events makes the state unknown, not the version`() throws {
        var books = try books(at: 2)
        buffer([try event(.voided(EventVoid(target: id, reason: "r")), 5)], &books)
        let known = try #require(books.known(.main, id))
        #expect(known.state == nil)
        #expect(known.version == version(3))
        // Whether it is flat cannot be told any more: the drain will.
        _ = try buffer([try event(.closed(.manual), 8)], &books).get()
    }

    @Test
    func `of a position whose state is not known any more, every event of a request is taken`()
        throws
    {
        var books = try books(at: 2)
        buffer([try event(.voided(EventVoid(target: id, reason: "r")), 5)], &books)
        _ = try buffer([try fill("a"), try fill("b"), try event(.closed(.manual), 8)], &books)
            .get()
        #expect(books.known(.main, id)?.version == version(6))
        var unknown = OfflineBooks()
        _ = try buffer([try fill("a"), try fill("b")], &unknown).get()
    }

    @Test func `a refused request leaves nothing`() throws {
        var books = try books(at: 1)
        let result = buffer([try fill("a"), try fill("b", leg: "none")], &books)
        guard case .failure(.invalid(let index, _)) = result else { throw Surprise() }
        #expect(index == 1)
        #expect(books.known(.main, id)?.version == version(1))
    }

    @Test func `what is forgotten is not known`() throws {
        var books = try books(at: 1)
        books.forget(.main, [id])
        #expect(books.known(.main, id) == nil)
    }

    private struct Surprise: Error {}
}

/// A ledger without events.
private struct NoHistory: StreamHistory {
    func state(of position: UUID) -> StreamState? { nil }
    func event(_ id: UUID) -> Event? { nil }
    func events(of position: UUID) -> [Event] { [] }
}
