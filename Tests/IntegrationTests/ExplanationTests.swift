import LedgerCore
import Postgres
import Testing

@testable import EventStore
@testable import ProjectionEngine

/// Which event made two logics part.
@Suite struct ExplanationTests {
    let sandbox: Sandbox
    let desk: GenerationDesk

    init() async throws {
        sandbox = try await Sandbox()
        desk = GenerationDesk(sandbox.info, identity: ProcessIdentity(start: "desk"))
    }

    /// A logic with a defect: it folds other events than those of the log.
    enum Defect: CaseIterable, Sendable {
        case feeTwice
        case fundingOnTheNextDay

        func altered(_ event: Event) -> Event {
            var event = event
            switch (self, event.payload) {
            case (.feeTwice, .fill(var fill)):
                fill.fee = (try? fill.fee.adding(fill.fee)) ?? fill.fee
                event.payload = .fill(fill)
            case (.fundingOnTheNextDay, .funding(var funding)):
                funding.fundingTime = Timestamp(
                    microseconds: funding.fundingTime.microseconds + 86_400_000_000)
                event.payload = .funding(funding)
            default: break
            }
            return event
        }
    }

    /// What a worker with a defect reads.
    private struct Altered: ProjectionSession {
        let session: PostgresProjectionSession
        let defect: Defect

        private func altered(_ entry: LogEntry) -> LogEntry {
            guard case .event(let event) = entry else { return entry }
            return .event(defect.altered(event))
        }

        func claim(
            _ book: BookID, slot: Int16?, owner: ProcessIdentity, isForced: Bool
        ) throws -> Claim {
            try session.claim(book, slot: slot, owner: owner, isForced: isForced)
        }

        func entries(
            _ book: BookID, after: LogPosition, through: LogPosition, since: Timestamp?
        ) throws -> [LogEntry] {
            try session.entries(book, after: after, through: through, since: since).map(altered)
        }

        func streams(
            _ book: BookID, _ positions: [UUID], through: LogPosition
        ) throws -> [UUID: ReadableStream] {
            try session.streams(book, positions, through: through).mapValues { stream in
                var other = ReadableStream()
                for event in stream.events { other.append(altered(.event(event))) }
                return other
            }
        }

        func held(
            _ lease: Lease, _ positions: [UUID]
        ) throws -> [UUID: (stale: Stale, version: Int)] {
            try session.held(lease, positions)
        }

        func write(
            _ changes: [BatchFold.Change], _ lease: Lease, from: LogPosition,
            through: LogPosition
        ) throws -> WriteOutcome {
            try session.write(changes, lease, from: from, through: through)
        }

        func heartbeat(_ lease: Lease) throws -> Bool { try session.heartbeat(lease) }

        func endRebuild(_ lease: Lease) throws { try session.endRebuild(lease) }

        func release(_ lease: Lease) throws { try session.release(lease) }
    }

    /// Two positions, of which one has fees and funding over several days;
    /// the live
    /// rows are those of a logic with the defect. Answers the first event that it folds otherwise.
    private func book(
        _ defect: Defect
    ) async throws -> (book: BookID, position: UUID, other: UUID, first: UUID) {
        var trades = Desk(seed: 7)
        let appender = sandbox.appender()
        let plain = try trades.open()
        let open = try trades.open()
        let id = open.positionID
        func funding(_ day: Int64) throws -> NewEvent {
            try trades.event(
                id,
                .funding(
                    Funding(
                        leg: "long", fundingTime: Desk.time(day * 86_400), amount: .of("1.5"),
                        asset: "USD")), at: day * 86_400)
        }
        let places = try await appender.append([
            plain, try trades.fill(plain.positionID, "p", .buy, 1, 10),
            open, try trades.fill(id, "a", .buy, 1, 100),
            try trades.fill(id, "b", .buy, 1, 104, fee: .of("0.25"), at: 60),
            try funding(1), try funding(2),
            try trades.fill(id, "c", .sell, 1, 103, fee: .of("0.5"), at: 200_000),
        ])
        await appender.shutdown()
        let worker = try Worker(sandbox)
        let session = Altered(session: worker.session, defect: defect)
        let head = LogPosition(rawValue: Int64(places.count))
        #expect(try worker.projector.advance(to: head, in: session))
        try worker.connection.execute(
            "UPDATE positions.projection_checkpoints SET logic_fingerprint = 'former'",
            deadline: ample)
        let book = worker.projector.lease.book
        _ = try await desk.rebuild(book, RebuildOptions(actor: "test")) { _ in }
        let index = defect == .feeTwice ? 4 : 5
        return (book, id, plain.positionID, places[index].eventID)
    }

    /// A ledger that still has the logic with the defect.
    private func former(_ defect: Defect, _ book: BookID) -> FormerSteps {
        { [sandbox] position, through, accountsAfter in
            let connection = try sandbox.open()
            let events = try LogReader(connection, deadline: ample)
                .stream(book, position, through: through)
            return AccountSteps(events: events.map(defect.altered))
                .list(accountsAfter: accountsAfter)
        }
    }

    @Test(arguments: Defect.allCases)
    func `the first event that two logics fold otherwise is named`(defect: Defect) async throws {
        let (book, position, other, first) = try await book(defect)
        let exact = try await desk.explain(
            book, position: position, slot: nil, former: former(defect, book))
        #expect(exact.event?.event.eventID == first)
        #expect(exact.method.hasPrefix("both logics"))
        #expect(exact.liveBefore == exact.otherBefore)
        #expect(exact.liveAfter != nil)
        #expect(exact.liveAfter != exact.otherAfter)
        let inferred = try await desk.explain(book, position: position, slot: nil, former: nil)
        #expect(inferred.event?.event.eventID == first)
        #expect(inferred.method.hasPrefix("inferred"))
        #expect(inferred.otherAfter == exact.otherAfter)
        // A ledger that answers by another logic is not believed.
        let wrong = try await desk.explain(
            book, position: position, slot: nil,
            former: former(defect == .feeTwice ? .fundingOnTheNextDay : .feeTwice, book))
        #expect(wrong.method.hasPrefix("inferred"))
        let equal = try await desk.explain(book, position: other, slot: nil, former: nil)
        #expect(equal.event == nil)
        #expect(equal.differences == [])
        await desk.shutdown()
    }

    @Test func `what was changed by hand is not blamed on an event`() async throws {
        let (book, position, _, _) = try await book(.feeTwice)
        let connection = try sandbox.open()
        try connection.execute(
            """
            UPDATE positions.projection_checkpoints
            SET logic_fingerprint = (
                SELECT logic_fingerprint FROM positions.projection_checkpoints WHERE slot = 2)
            WHERE slot = 1
            """, deadline: ample)
        let found = try await desk.explain(book, position: position, slot: nil, former: nil)
        #expect(found.event == nil)
        #expect(!found.differences.isEmpty)
        #expect(found.method.hasPrefix("no event"))
        await desk.shutdown()
    }

    @Test func `a position that is not there is said not to be`() async throws {
        let (book, _, _, _) = try await book(.feeTwice)
        await #expect(throws: GenerationError.self) {
            _ = try await desk.explain(
                book, position: UUID(high: 1, low: 2), slot: nil, former: nil)
        }
        await desk.shutdown()
    }
}
