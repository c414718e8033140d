import EventStore
import LedgerCore
import Outbox
import Postgres

/// Where an operator looks at the outbox and resolves what is parked.
public struct OutboxDesk: Sendable {
    /// The queue itself.
    public let outbox: Outbox
    private let diversion: Diversion
    private let pool: Pool

    /// `diversion` buffers in `outbox`; `pool` writes tombstones.
    public init(_ outbox: Outbox, _ diversion: Diversion, pool: Pool) {
        self.outbox = outbox
        self.diversion = diversion
        self.pool = pool
    }

    /// Why PostgreSQL is known not to take appends; nil while it is thought to.
    public var outage: String? { diversion.reason }

    /// Runs a function of the outbox, which waits for the disk, beside the callers' threads.
    public func run<Value: Sendable>(
        _ body: @escaping @Sendable (Outbox) throws(OutboxError) -> Value
    ) async throws(OutboxError) -> Value {
        let outbox = outbox
        let result = await diversion.scheduler.blocking { () -> Result<Value, OutboxError> in
            do throws(OutboxError) { return .success(try body(outbox)) } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// A parked request waits again, and all that are parked behind it.
    /// - Returns: those that wait again, ascending.
    /// - Throws: `OutboxError`.
    public func retry(_ sequence: OutboxSequence) async throws -> [OutboxSequence] {
        let freed = try await run { outbox throws(OutboxError) in try outbox.retry(sequence) }
        try await wake(freed)
        return freed
    }

    /// The same, and the request is appended whatever the versions of its positions are then.
    /// - Returns: those that wait again, ascending.
    /// - Throws: `OutboxError`.
    public func rebase(_ sequence: OutboxSequence) async throws -> [OutboxSequence] {
        let freed = try await run { outbox throws(OutboxError) -> [OutboxSequence] in
            guard let request = try outbox.request(sequence) else {
                throw OutboxError.unknown(sequence)
            }
            let lines = request.draft.lines.indices.map { index -> [UInt8] in
                guard var event = request.event(index) else { return request.draft.lines[index] }
                event.expectedVersion = .any
                return EventLine(book: request.draft.book, event: event).canonicalBytes
            }
            return try outbox.rebase(sequence, lines: lines, bases: [:])
        }
        try await wake(freed)
        return freed
    }

    /// Gives a parked request up for ever: its events get a tombstone in PostgreSQL, which refuses
    /// them from then on and is the record of who did it and why; then it is discarded here. Those
    /// parked behind it wait again.
    /// - Returns: those that wait again, ascending.
    /// - Throws: `InvalidField` for `reason` and `actor`, `OutboxError`, `AppendError.refused`
    ///   where all its events are in the log, and `PostgresError` while there is no PostgreSQL to
    ///   keep the tombstone: nothing was done then.
    public func discard(
        _ sequence: OutboxSequence, reason: String, actor: String, at: Timestamp
    ) async throws -> [OutboxSequence] {
        try Self.check("reason", reason, bytesMax: TextLimit.reasonBytesMax)
        try Self.check("actor", actor, bytesMax: TextLimit.nameBytesMax)
        let request = try await run { outbox throws(OutboxError) in
            try outbox.resolvable(sequence)
        }
        let origin = diversion.origin(of: request)
        let deadline = Deadline.after(.seconds(5))
        try await pool.run(deadline: deadline) { connection in
            let reader = LogReader(connection, deadline: deadline)
            let discards = try Self.discards(request, reader)
            let written = try DiscardWriter(connection, deadline: deadline).write(
                discards, in: request.draft.book,
                from: .init(at: request.draft.bufferedAt, sequence: sequence.rawValue),
                host: origin.host, actor: actor, reason: reason)
            guard written > 0 else {
                throw AppendError.refused(
                    .precondition(
                        index: 0,
                        reason: "request \(sequence) cannot be discarded: all its events are in "
                            + "the log already; retry it, and it is answered with their places"))
            }
        }
        let freed = try await run { outbox throws(OutboxError) in
            try outbox.discard(sequence, actor: actor, reason: reason, at: at)
        }
        diversion.forget(request.draft.book, request.draft.positions)
        try await wake(freed)
        return freed
    }

    private static func check(_ name: String, _ text: String, bytesMax: Int) throws {
        guard (1...bytesMax).contains(text.utf8.count), !text.utf8.contains(0) else {
            throw InvalidField(
                name, text.replacing("\0", with: "\\0"),
                "must be 1 to \(bytesMax) bytes of text, without NUL")
        }
    }

    /// The events with the ids that they would have had. What has no id, since its position does
    /// not exist, gets one that no event has.
    private static func discards(
        _ request: Outbox.Request, _ reader: LogReader
    ) throws -> [Discard] {
        let id = try reader.book(request.draft.book)
        var terms: [UUID: PositionOpened] = [:]
        var discards: [Discard] = []
        for (index, line) in request.draft.lines.enumerated() {
            guard let event = request.event(index) else {
                // Not even what cannot be read goes without a record; its key holds its id.
                discards.append(
                    Discard(
                        eventID: Self.id(keyed: request.draft.keys[index]),
                        positionID: request.draft.positions[0], line: line))
                continue
            }
            let position = event.positionID
            if case .opened(let opened) = event.payload { terms[position] = opened }
            if terms[position] == nil, let id,
                case .opened(let opened)? = try reader.stream(id, position).first?.payload
            {
                terms[position] = opened
            }
            let leg = event.payload.leg.flatMap { name in
                terms[position]?.legs.first { $0.leg.utf8.elementsEqual(name.utf8) }
            }
            let derived = EventIdentity.derivedID(of: event.payload, terms: leg)
            let key = OutboxKey.of(event)
            discards.append(
                Discard(
                    eventID: derived ?? event.eventID ?? Self.id(keyed: key),
                    positionID: position, line: line))
        }
        return discards
    }

    /// The last 16 octets of a key: the id, where it holds one.
    private static func id(keyed key: [UInt8]) -> UUID {
        UUID(octets: key.suffix(16)) ?? UUID(high: 0, low: 0)
    }

    /// What waits again is looked at anew, and so are its positions.
    private func wake(_ freed: [OutboxSequence]) async throws {
        for sequence in freed {
            let found = try await run { outbox throws(OutboxError) in
                try outbox.request(sequence)
            }
            guard let draft = found?.draft else { continue }
            diversion.forget(draft.book, draft.positions)
        }
        diversion.wake.raise()
    }
}
