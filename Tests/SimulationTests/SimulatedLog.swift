import Admission
import LedgerCore
import Postgres

@testable import AppendPipeline
@testable import EventStore

/// A book as the database holds it.
struct SimulatedBook: @unchecked Sendable {
    let id: BookID
    var admission = Admission(history: EmptyHistory(), head: .origin)
    /// In the order of the log.
    var events: [Event] = []

    var head: LogPosition { LogPosition(rawValue: Int64(events.count)) }

    func events(of position: UUID) -> [Event] {
        events.filter { $0.positionID == position }
    }
}

/// The log as one process reaches it.
struct SimulatedLog: LogStore {
    let world: World
    let life: Life

    func book(_ name: BookName) -> any BookLog {
        SimulatedBookLog(name: name, world: world, life: life)
    }
}

private struct SimulatedBookLog: BookLog {
    let name: BookName
    let world: World
    let life: Life

    var isKnown: Bool { world.books[name] != nil }

    func invalidate() {}

    func reach<Value: Sendable>(
        deadline: Deadline, _ body: @escaping @Sendable (any BookSession) throws -> Value
    ) async throws -> Value {
        try await world.reach(life, "an append to \(name)", deadline: deadline) {
            try body(SimulatedSession(name: name, world: world))
        }
    }
}

/// Decides as `BookWriter` does, on a book in memory.
private struct SimulatedSession: BookSession {
    let name: BookName
    let world: World

    func append(
        _ submissions: [Submission], keepsOrder: Bool
    ) throws -> BookWriter.Committed {
        var book =
            world.books[name]
            ?? SimulatedBook(id: BookID(rawValue: Int32(world.books.count + 1)))
        let time = max(book.events.last?.recordedAt ?? world.clock, world.clock)
        let before = book.events.count
        var outcomes: [BookWriter.Outcome] = []
        var blocked: [UUID: Int] = [:]
        var touched: Set<UUID> = []
        for (index, submission) in submissions.enumerated() {
            if let first = blocked.blocker(of: submission) {
                blocked.block(submission, by: first)
                outcomes.append(.blocked(by: first))
                continue
            }
            switch try book.admission.admit(submission.events, recordedAt: time) {
            case .success(let admitted):
                outcomes.append(
                    .committed(
                        admitted.map { outcome in
                            switch outcome {
                            case .new(let event):
                                book.events.append(event)
                                touched.insert(event.positionID)
                                return Place(event, isDuplicate: false)
                            case .known(var event):
                                if world.defect == .forgetsIDs {
                                    event.logPosition = book.head.advanced(by: 1)
                                    event.positionID = UUID(
                                        high: 0, low: UInt64(book.events.count))
                                    event.version = StreamVersion.none.next
                                    book.events.append(event)
                                }
                                return Place(event, isDuplicate: true)
                            }
                        }))
            case .failure(let refusal):
                outcomes.append(.refused(refusal))
                if keepsOrder, !refusal.isContentConflict {
                    blocked.block(submission, by: index)
                }
            }
        }
        try book.admission.settle()
        let streams = book.admission.streams.filter { touched.contains($0.key) }
        if !book.events.isEmpty { world.books[name] = book }
        return BookWriter.Committed(
            outcomes: outcomes, head: book.head, recordedAt: time, streams: streams,
            appended: book.events.count - before)
    }

    func standing(
        of position: UUID, above version: StreamVersion
    ) throws -> (version: StreamVersion, above: [Event]) {
        let events = world.books[name]?.events(of: position) ?? []
        return (events.last?.version ?? .none, events.filter { $0.version > version })
    }
}

extension Place {
    fileprivate init(_ event: Event, isDuplicate: Bool) {
        self.init(
            eventID: event.eventID, logPosition: event.logPosition, version: event.version,
            recordedAt: event.recordedAt, isDuplicate: isDuplicate)
    }
}
