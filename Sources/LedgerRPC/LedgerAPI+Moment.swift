import EventStore
import GRPCCore
import LedgerCore
import Postgres
import Projections

/// What a moment of two clocks comes to.
extension LedgerAPI {
    /// What a moment comes to: which events count, and the log position that is answered as
    /// `as_of`. A moment that says nothing is now: the head of the log.
    /// - Throws: INVALID_ARGUMENT for a log position beyond the head and for a time that is out of
    ///   range or, for `as_of`, not over.
    func viewpoint(
        _ moment: Nexus_Ledger_V1_Moment, of book: BookName, _ id: BookID?
    ) async throws -> (view: Viewpoint, asOf: LogPosition) {
        var effective: Timestamp?
        if moment.hasEffectiveUs {
            effective = try Self.time("moment.effective_us", moment.effectiveUs)
        }
        let asOf: LogPosition
        switch moment.known {
        case .at(let position): asOf = try await place(position, of: book, id)
        case .asOfUs(let microseconds):
            asOf = try await place(of: try Self.time("moment.as_of_us", microseconds), id)
        case nil: asOf = try await head(id)
        }
        return (Viewpoint(through: asOf, effective: effective), asOf)
    }

    private static func time(_ name: String, _ microseconds: Int64) throws -> Timestamp {
        let time = Timestamp(microseconds: microseconds)
        guard time.isInRange else {
            throw ErrorMapping.status(
                InvalidField(name, "\(microseconds) µs", "must lie in 1970 to 9999"))
        }
        return time
    }

    /// The last log position; the origin for a book without events.
    func head(_ id: BookID?) async throws -> LogPosition {
        guard let id else { return .origin }
        return try await read { try LogReader($0, deadline: $1).head(id).position }
    }

    private func place(
        _ position: Int64, of book: BookName, _ id: BookID?
    ) async throws -> LogPosition {
        let head = try await head(id)
        guard position >= 0, position <= head.rawValue else {
            throw ErrorMapping.status(
                InvalidField(
                    "moment.at", String(position),
                    "must be a log position of book \(book), 0 to its head, \(head)"))
        }
        return LogPosition(rawValue: position)
    }

    /// The last position that was recorded by `time`. What is on its way is waited for, so that
    /// the answer is the same for ever.
    private func place(of time: Timestamp, _ id: BookID?) async throws -> LogPosition {
        let (now, place) = try await read { connection, deadline -> (Timestamp, LogPosition) in
            guard let id else {
                let row = try connection.query(ReadSQL.clock, deadline: deadline).onlyRow()
                return (try row[0].timestamp(), .origin)
            }
            return try connection.transaction(deadline: deadline) { connection in
                try connection.query(
                    ReadSQL.lockHead, [.int4(id.rawValue)], deadline: deadline)
                let row = try connection.query(
                    ReadSQL.placeOfTime, [.int4(id.rawValue), .timestamp(time)],
                    deadline: deadline
                ).onlyRow()
                return (try row[0].timestamp(), LogPosition(rawValue: try row[1].int64()))
            }
        }
        // At this very microsecond an event may still be recorded.
        guard time < now else {
            throw ErrorMapping.status(
                InvalidField(
                    "moment.as_of_us", "\(time)",
                    "must be a time that is over; the database's clock says \(now)"))
        }
        return place
    }

    // MARK: Reading many streams

    /// The longest fold of a book for one answer.
    static let foldMax = Duration.seconds(600)
    /// Positions whose lengths are read at once.
    private static let positionsMax = 10_000

    /// Hands over the streams of a book, as they were at a log position, a batch at a time and in
    /// no order that matters. With a strategy or an asset, of their positions only; a position
    /// that was never folded, not even its opening, is none of them. No snapshot is kept: the log
    /// up to a position never changes.
    /// - Throws: RESOURCE_EXHAUSTED after `foldMax`; its message ends with `cure`.
    func eachStream(
        of id: BookID, through: LogPosition, strategy: String = "", asset: String = "",
        cure: String, _ take: (ReadableStream) throws -> Void
    ) async throws {
        guard through > .origin else { return }
        let end = ContinuousClock.now + Self.foldMax
        let known = try await recordedAt(id, through)
        var after: UUID?
        var events = 0
        while true {
            let last = after
            let page = try await read { connection, deadline in
                try connection.query(
                    ReadSQL.begun,
                    [
                        .int4(id.rawValue), .int8(through.rawValue), .text(strategy),
                        .text(asset), .timestamp(known), last.map { .uuid($0) } ?? .null(.uuid),
                        .int8(Int64(Self.positionsMax)),
                    ], deadline: deadline
                ).rows.map { StreamToRead(position: try $0[0].id(), events: try $0[1].int64()) }
            }
            var rest = page[...]
            var batch = try await streams(id, Self.batch(of: &rest), through: through)
            var isLast = page.isEmpty
            while !isLast {
                try Task.checkCancellation()
                guard ContinuousClock.now < end else {
                    throw RPCStatus.error(
                        .resourceExhausted,
                        "fold_duration_max (\(Self.foldMax)) is reached after \(events) events: "
                            + cure)
                }
                // While one batch is folded the next one is read.
                let following = Self.batch(of: &rest)
                isLast = following.isEmpty
                async let next = streams(id, following, through: through)
                for stream in batch.values {
                    events += stream.count
                    try take(stream)
                }
                batch = try await next
            }
            guard page.count == Self.positionsMax else { return }
            after = page.last?.position
        }
    }

    private static func batch(
        of rest: inout ArraySlice<StreamToRead>
    ) -> ArraySlice<StreamToRead> {
        let batch = rest.prefix(StreamToRead.batchCount(rest))
        rest = rest.dropFirst(batch.count)
        return batch
    }

    /// The streams of a batch of positions; none of an empty one.
    func streams(
        _ id: BookID, _ batch: ArraySlice<StreamToRead>, through: LogPosition
    ) async throws -> [UUID: ReadableStream] {
        guard !batch.isEmpty else { return [:] }
        let positions = batch.map(\.position)
        return try await read {
            try LogReader($0, deadline: $1).streams(id, positions, through: through)
        }
    }

    /// When an event of the log was recorded; before everything for the origin.
    func recordedAt(_ id: BookID, _ position: LogPosition) async throws -> Timestamp {
        guard position > .origin else { return Timestamp(microseconds: 0) }
        return try await read { connection, deadline in
            try connection.query(
                ReadSQL.recordedAt, [.int4(id.rawValue), .int8(position.rawValue)],
                deadline: deadline
            ).onlyRow()[0].timestamp()
        }
    }

    /// Runs `body` for as long as the client waits: gRPC does not cancel a handler whose client is
    /// gone, and a long fold would go on for nobody.
    func whileWanted<Value: Sendable>(
        _ context: ServerContext, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask {
                _ = try? await context.cancellation.cancelled
                return nil
            }
            group.addTask { try await body() }
            defer { group.cancelAll() }
            for try await value in group {
                if let value { return value }
                group.cancelAll()
            }
            throw CancellationError()
        }
    }
}

extension Nexus_Ledger_V1_Moment {
    /// Whether it says anything; a read without a moment comes from the tables.
    var isSet: Bool { known != nil || hasEffectiveUs }
}
