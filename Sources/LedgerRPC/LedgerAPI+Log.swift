import EventStore
import GRPCCore
import LedgerCore
import Postgres

/// The log as it is, and as it comes.
extension LedgerAPI {
    /// Events of one answer to the store.
    private static let pageMax = 1_000

    private struct Page: Sendable {
        var items: [Nexus_Ledger_V1_RecordedEvent] = []
        var through: LogPosition
        var head: LogPosition
        /// recorded_at of the last event that was read.
        var lastAt: Timestamp?
    }

    /// Sends the events after `after` that the filters let through, in the order of the log, then
    /// `caught_up`, then what comes, until the client goes; with `until_head` it ends there.
    /// - Throws: INVALID_ARGUMENT for a filter, or for an `after` beyond the head.
    public func subscribe(
        request: Nexus_Ledger_V1_SubscribeRequest,
        response: RPCWriter<Nexus_Ledger_V1_SubscribeResponse>, context: ServerContext
    ) async throws {
        let book = try Self.book(request.book)
        guard request.after >= 0 else {
            throw ErrorMapping.status(
                InvalidField("after", String(request.after), "must be 0 or a log position"))
        }
        let positions = Set(try request.positionIds.map { try Self.id("position_ids", $0) })
        let types = Set(
            try request.types.map { name in
                guard let type = EventType(rawValue: name) else {
                    throw ErrorMapping.status(
                        InvalidField("types", name, "must be a type of event"))
                }
                return type
            })
        try await withThrowingTaskGroup(of: Bool.self) { group in
            // gRPC does not cancel a handler whose client is gone.
            group.addTask {
                _ = try? await context.cancellation.cancelled
                return false
            }
            group.addTask {
                try await follow(request, book, response) { event in
                    (positions.isEmpty || positions.contains(event.event.positionID))
                        && (types.isEmpty || types.contains(event.event.type))
                }
                return true
            }
            for try await _ in group { group.cancelAll() }
        }
    }

    private func follow(
        _ request: Nexus_Ledger_V1_SubscribeRequest, _ book: BookName,
        _ response: RPCWriter<Nexus_Ledger_V1_SubscribeResponse>,
        isWanted: @escaping @Sendable (RecordedEvent) -> Bool
    ) async throws {
        var seen = LogPosition(rawValue: request.after)
        var seenAt: Timestamp?
        var isCaughtUp = false
        var id: BookID?
        while !Task.isCancelled {
            if id == nil { id = try await bookID(book) }
            let (from, known, since) = (seen, id, seenAt)
            let page = try await read { connection, deadline -> Page in
                guard let known else { return Page(through: from, head: .origin) }
                let reader = LogReader(connection, deadline: deadline)
                let (head, last) = try reader.head(known)
                guard head > from else { return Page(through: from, head: head) }
                let through = min(head, from.advanced(by: Self.pageMax))
                let found = try reader.recordedEvents(
                    known, after: from, through: through, since: since, until: last)
                let events = found.filter(isWanted)
                let peers = try reader.peers(known, of: events)
                let items = events.map { event in
                    EventMapping.recorded(
                        event, book: book, peerUID: peers[event.event.logPosition])
                }
                return Page(
                    items: items, through: through, head: head,
                    lastAt: found.last?.event.recordedAt)
            }
            seenAt = page.lastAt ?? seenAt
            if !page.items.isEmpty {
                try await response.write(
                    contentsOf: page.items.map { event in
                        var item = Nexus_Ledger_V1_SubscribeResponse()
                        item.event = event
                        return item
                    })
            }
            if !isCaughtUp, request.after > page.head.rawValue {
                throw ErrorMapping.status(
                    InvalidField(
                        "after", String(request.after),
                        "is beyond the head of book \(book), which is at \(page.head)"))
            }
            seen = page.through
            guard seen >= page.head else { continue }
            if !isCaughtUp {
                var item = Nexus_Ledger_V1_SubscribeResponse()
                item.caughtUp = max(seen.rawValue, page.head.rawValue)
                try await response.write(item)
                isCaughtUp = true
            }
            if request.untilHead { return }
            await log.wait(book, beyond: max(seen, page.head))
        }
    }
}
