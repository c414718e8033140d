import LedgerCore
import Testing

@testable import Outbox

/// 1 and 4 were refused; 2 and 5 wait behind 1, 6 behind 5; 3 waits to be drained, 7 is drained.
@Suite struct ResolveTests {
    let folder: Folder
    let outbox: Outbox

    init() throws {
        folder = try Folder()
        outbox = try folder.open()
        try outbox.append((1...7).map { draft($0 * 10, events: 2, positions: [$0 % 3]) })
        try outbox.settle([
            .parked(1, reason: "closed", behind: nil), .parked(2, reason: "behind 1", behind: 1),
            .parked(4, reason: "terms", behind: nil), .parked(5, reason: "behind 1", behind: 1),
            .parked(6, reason: "behind 5", behind: 5), .drained(7, places: [1], at: instant(1)),
        ])
    }

    @Test func `retry frees what is behind it, also through others, in the old order`() throws {
        #expect(try outbox.retry(1) == [1, 2, 5, 6])
        #expect(try outbox.waitingSequences() == [1, 2, 3, 5, 6])
        #expect(try outbox.parked(limit: 9).map(\.sequence) == [4])
        #expect(try outbox.request(2)?.parking == nil)
        #expect(try outbox.waiting(after: 2, limitEvents: 4, limitBytes: .max).count == 2)
        let copy = try folder.crashed()
        #expect(try copy.open().waitingSequences() == [1, 2, 3, 5, 6])
    }

    @Test func `rebase changes the lines and keeps keys, positions and sequence`() throws {
        let before = try #require(try outbox.request(1)).draft
        let lines = [Array("{\"a\":1}".utf8), Array("{\"b\":2}".utf8)]
        let base = [position(1): StreamVersion(rawValue: 77)]
        #expect(try outbox.rebase(1, lines: lines, bases: base) == [1, 2, 5, 6])
        let after = try #require(try outbox.request(1))
        #expect(after.state == .waiting)
        #expect(after.draft.lines == lines && after.draft.bases == base)
        #expect(after.draft.keys == before.keys && after.draft.positions == before.positions)
        #expect(try outbox.find(.main, [key(11)])[key(11)]?.index == 1)
        #expect(try outbox.waitingSequences().first == 1)
        #expect(
            try failure { try outbox.rebase(4, lines: [[1]]) }
                == .linesMismatch(4, stored: 2, given: 1))
    }

    @Test func `rebase without bases keeps those that were known`() throws {
        let before = try #require(try outbox.request(4)).draft
        try outbox.rebase(4, lines: [[1], [2]])
        #expect(try outbox.request(4)?.draft.bases == before.bases)
    }

    @Test func `discard is for ever, says who and why, and frees what is behind`() throws {
        #expect(
            try outbox.discard(1, actor: "ann", reason: "typo", at: instant(9)) == [2, 5, 6])
        let request = try #require(try outbox.request(1))
        #expect(request.state == .discarded)
        #expect(
            request.resolution
                == Outbox.Resolution(actor: "ann", reason: "typo", at: instant(9)))
        #expect(request.parking?.reason == "closed")
        #expect(try outbox.waitingSequences() == [2, 3, 5, 6])
        #expect(try outbox.find(.main, [key(10)])[key(10)]?.state == .discarded)
        #expect(try failure { try outbox.retry(1) } == .notParked(1, state: .discarded))
        #expect(
            try failure { try outbox.drain([1]) } == .notWaiting(1, state: .discarded))
        try outbox.purge(instant(1_000_000))
        #expect(try outbox.request(1)?.state == .discarded)
    }

    @Test func `only what was refused itself can be resolved`() throws {
        #expect(try failure { try outbox.retry(3) } == .notParked(3, state: .waiting))
        #expect(try failure { try outbox.retry(7) } == .notParked(7, state: .drained))
        #expect(try failure { try outbox.retry(99) } == .unknown(99))
        #expect(try failure { try outbox.retry(2) } == .parkedBehind(2, root: 1))
        let error = try failure { try outbox.rebase(6, lines: [[1], [2]]) }
        #expect(error == .parkedBehind(6, root: 1))
        #expect(error.description.contains("resolve 1"))
        #expect(
            try failure { try outbox.discard(5, actor: "a", reason: "r", at: instant(1)) }
                == .parkedBehind(5, root: 1))
        #expect(try outbox.parked(limit: 9).count == 5)
    }

    @Test func `what waits again can be parked again`() throws {
        try outbox.retry(1)
        try outbox.settle([
            .drained(1, places: [], at: instant(3)), .parked(2, reason: "again", behind: nil),
        ])
        #expect(try outbox.request(2)?.parking == Outbox.Parking(reason: "again", behind: nil))
        #expect(try outbox.waitingSequences() == [3, 5, 6])
        #expect(try outbox.retry(2) == [2])
        #expect(try outbox.waitingSequences() == [2, 3, 5, 6])
    }
}
