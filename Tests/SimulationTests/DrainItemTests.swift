import Admission
import EventStore
import LedgerCore
import LedgerTesting
import Testing

@testable import AppendPipeline
@testable import Outbox

/// What a version that was expected offline means at the drain.
@Suite struct DrainItemTests {
    private let file = SimulatedFile()
    private let story = PositionStory()

    /// A book in which the position stands at a version, with nothing above a base.
    private struct Standing: BookSession {
        let version: StreamVersion

        func append(
            _ submissions: [Submission], keepsOrder: Bool
        ) throws -> BookWriter.Committed {
            throw Killed()
        }

        func standing(
            of position: UUID, above version: StreamVersion
        ) throws -> (version: StreamVersion, above: [Event]) {
            (self.version, [])
        }
    }

    private func instant(_ seconds: Int64) -> Timestamp {
        Timestamp(microseconds: seconds * Timestamp.secondInMicroseconds)
    }

    /// The opening of the story, buffered second, behind a request that was discarded at 10 s. It
    /// expects version 1, of which the discarded one was to make the first.
    private func rebased(bufferedAt seconds: Int64) throws -> ExpectedVersion {
        var event = try #require(story.sent.first)
        event.expectedVersion = .exact(StreamVersion(rawValue: 1))
        var draft = Outbox.Draft(
            book: .main, lines: [EventLine(book: .main, event: event).canonicalBytes],
            keys: [[1]], positions: [story.positionID], bases: [story.positionID: .none],
            bufferedAt: instant(1), reason: "away")
        var first = Outbox.Request(sequence: 1, draft: draft, state: .discarded)
        first.resolution = Outbox.Resolution(actor: "ann", reason: "wrong", at: instant(10))
        draft.bufferedAt = instant(seconds)
        let second = Outbox.Request(sequence: 2, draft: draft, state: .waiting)
        file.requests = [first, second]
        let world = World(seed: 1)
        world.mishapPercent = 0
        let queue = SimulatedQueue(file: file, life: Life("a", in: world))
        let items = DrainItem.prepared([second]) { _ in Origin(peerUID: nil, host: "a") }
        let item = try #require(items.first)
        #expect(item.isReadable && item.expects)
        return try item.rebased(.main, queue, Standing(version: .none))
            .submission.events[0].expectedVersion
    }

    @Test func `a version that counted on a request that was discarded since does not hold`()
        throws
    {
        #expect(try rebased(bufferedAt: 5) == .exact(StreamVersion(rawValue: 1)))
    }

    @Test func `a discard before a request was buffered changes nothing`() throws {
        #expect(try rebased(bufferedAt: 15) == .exact(.none))
    }
}
