import EventStore
import GRPCCore
import LedgerCore
import Postgres
import Projections

/// What later knowledge changed of days that were over.
extension LedgerAPI {
    /// Restatements of one message.
    private static let restatementsOfMessageMax = 200
    /// Changes of days that one answer keeps in memory.
    private static let restatementsMax = 200_000

    /// Sends the restatements of the days asked for, in the order of the log. The book is folded
    /// up to its head; a client that goes away ends that.
    /// - Throws: INVALID_ARGUMENT for a day or a venue; RESOURCE_EXHAUSTED for a book that takes
    ///   too long, or has more restatements than are kept in memory.
    public func listRestatements(
        request: Nexus_Ledger_V1_ListRestatementsRequest,
        response: RPCWriter<Nexus_Ledger_V1_ListRestatementsResponse>, context: ServerContext
    ) async throws {
        let book = try Self.book(request.book)
        let from = try PageToken.day("from_day", request.fromDay)
        let to = try PageToken.day("to_day", request.toDay)
        if let from, let to, to < from {
            throw ErrorMapping.status(
                InvalidField("to_day", request.toDay, "must not be before from_day, \(from)"))
        }
        let venue = try Self.filter("venue", request.venue)
        let filter = DailyPnlRows.Filter {
            $0.from = from
            $0.to = to
            $0.venue = venue.isEmpty ? nil : ExactText(venue)
        }
        try await whileWanted(context) {
            try await sendRestatements(of: book, filter, response)
        }
    }

    private func sendRestatements(
        of book: BookName, _ filter: DailyPnlRows.Filter,
        _ response: RPCWriter<Nexus_Ledger_V1_ListRestatementsResponse>
    ) async throws {
        let id = try await bookID(book)
        let head = try await head(id)
        var rest: ArraySlice<RestatementChain.Link> = []
        if let id { rest = try await restatements(of: id, through: head, filter)[...] }
        // One message in any case: it says up to which log position it is known.
        repeat {
            let links = rest.prefix(Self.restatementsOfMessageMax)
            rest = rest.dropFirst(links.count)
            var message = Nexus_Ledger_V1_ListRestatementsResponse()
            message.asOf = head.rawValue
            if let id, !links.isEmpty {
                let events = try await events(of: links, in: id, book)
                message.restatements = try links.map { link in
                    guard let event = events[link.event.logPosition.rawValue] else {
                        throw RPCStatus.error(
                            .internalError, "the log has no event at \(link.event.logPosition)")
                    }
                    return Self.restatement(link, event)
                }
            }
            try await response.write(message)
        } while !rest.isEmpty
    }

    private func restatements(
        of id: BookID, through head: LogPosition, _ filter: DailyPnlRows.Filter
    ) async throws -> [RestatementChain.Link] {
        var chain = RestatementChain(of: filter)
        try await eachStream(
            of: id, through: head,
            cure: "the book is too large to be folded for one answer"
        ) { stream in
            let (changes, account) = try Restatements.changes(
                of: stream.events, check: Task.checkCancellation)
            chain.add(account, changes)
            guard chain.count <= Self.restatementsMax else {
                throw RPCStatus.error(
                    .resourceExhausted,
                    "restatements_max (\(Self.restatementsMax)) is reached: narrow it with "
                        + "from_day, to_day or venue")
            }
        }
        return chain.links()
    }

    /// The events that did it, without payloads, by log position.
    private func events(
        of links: ArraySlice<RestatementChain.Link>, in id: BookID, _ book: BookName
    ) async throws -> [Int64: Nexus_Ledger_V1_RecordedEvent] {
        let stamps = Set(links.map(\.event))
        return try await read { connection, deadline in
            var places = ArrayBuilder(of: .int8, capacity: stamps.count)
            var times = ArrayBuilder(of: .timestamptz, capacity: stamps.count)
            for stamp in stamps {
                places.append.int8(stamp.logPosition.rawValue)
                times.append.timestamptz(microseconds: stamp.recordedAt.microseconds)
            }
            let result = try connection.query(
                ReadSQL.eventsAt, [.int4(id.rawValue), places.take(), times.take()],
                deadline: deadline)
            var events: [Int64: Nexus_Ledger_V1_RecordedEvent] = [:]
            for row in result.rows { events[try row[0].int64()] = try Self.event(row, book) }
            return events
        }
    }

    /// A row of `ReadSQL.eventsAt`.
    private static func event(
        _ row: QueryResult.Row, _ book: BookName
    ) throws -> Nexus_Ledger_V1_RecordedEvent {
        var message = Nexus_Ledger_V1_RecordedEvent()
        message.book = book.description
        message.logPosition = try row[0].int64()
        message.positionID = try row[1].id().description
        message.version = try row[2].int64()
        message.eventID = try row[3].id().description
        message.type = try row[4].string()
        message.schemaVersion = UInt32(truncatingIfNeeded: try row[5].int32())
        message.effectiveAtUs = try row[6].timestamptz()
        message.recordedAtUs = try row[7].timestamptz()
        message.source = try row[8].string()
        message.actor = try row[9].ifPresent?.string() ?? ""
        message.causationID = try row[10].ifPresent?.id().description ?? ""
        message.correlationID = try row[11].ifPresent?.id().description ?? ""
        message.leafHash.append(contentsOf: try row[12].bytes())
        if let uid = try row[13].ifPresent?.int64() {
            message.peerUid = UInt32(truncatingIfNeeded: uid)
        }
        return message
    }

    private static func restatement(
        _ link: RestatementChain.Link, _ event: Nexus_Ledger_V1_RecordedEvent
    ) -> Nexus_Ledger_V1_Restatement {
        let key = DailyPnlRows.Key(
            day: link.day.day, strategy: nil, asset: nil, venue: link.day.venue,
            settle: link.day.settle)
        var message = Nexus_Ledger_V1_Restatement()
        message.day = link.day.day.description
        message.venue = link.day.venue.text
        message.settle = link.day.settle.text
        message.before = AccountMapping.dailyPnl(key, link.before)
        message.after = AccountMapping.dailyPnl(key, link.after)
        message.event = event
        return message
    }
}
