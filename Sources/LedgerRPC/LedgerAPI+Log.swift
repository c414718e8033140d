import EventStore
import GRPCCore
import LedgerCore
import Postgres
import Projections

/// Reads that come from the log itself.
extension LedgerAPI {
    /// Events of one answer to the store.
    private static let pageMax = 1_000

    private struct Page: Sendable {
        var items: [Nexus_Ledger_V1_RecordedEvent] = []
        var through: LogPosition
        var head: LogPosition
    }

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
        var isCaughtUp = false
        var id: BookID?
        while !Task.isCancelled {
            if id == nil { id = try await bookID(book) }
            let from = seen
            let known = id
            let page = try await read { connection, deadline -> Page in
                guard let known else { return Page(through: from, head: .origin) }
                let reader = LogReader(connection, deadline: deadline)
                let head = try reader.head(known).position
                let through = min(head, from.advanced(by: Self.pageMax))
                guard through > from else { return Page(through: from, head: head) }
                let events = try reader.recordedEvents(known, after: from, through: through)
                let peers = try reader.peers(known, from: from.advanced(by: 1), to: through)
                let items = events.filter(isWanted).map { event in
                    EventMapping.recorded(
                        event, book: book,
                        peerUID: peers.first {
                            $0.range.contains(event.event.logPosition.rawValue)
                        }?.uid)
                }
                return Page(items: items, through: through, head: head)
            }
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

    public func getTimeline(
        request: Nexus_Ledger_V1_GetTimelineRequest,
        response: RPCWriter<Nexus_Ledger_V1_TimelineEntry>, context: ServerContext
    ) async throws {
        let book = try Self.book(request.book)
        let position = try Self.id("position_id", request.positionID)
        let id = try await bookID(book)
        let entries = try await read { connection, deadline -> [Nexus_Ledger_V1_TimelineEntry] in
            guard let id else { return [] }
            let reader = LogReader(connection, deadline: deadline)
            let events = try reader.recordedStream(id, position)
            guard let first = events.map(\.event.logPosition).min(),
                let last = events.map(\.event.logPosition).max()
            else { return [] }
            let peers = try reader.peers(id, from: first, to: last)
            return Timeline.steps(events.map(\.event)).map { step in
                let event = events[step.index]
                var entry = Nexus_Ledger_V1_TimelineEntry()
                entry.event = EventMapping.recorded(
                    event, book: book,
                    peerUID: peers.first {
                        $0.range.contains(event.event.logPosition.rawValue)
                    }?.uid)
                entry.voidedBy = step.voidedBy?.description ?? ""
                entry.foldError = step.error?.description ?? ""
                if let account = step.account {
                    entry.running = running(account, leg: event.event.payload.leg)
                }
                return entry
            }
        }
        guard !entries.isEmpty else {
            throw RPCStatus.error(
                .notFound, "there is no position \(position) in book \(book)")
        }
        for start in stride(from: 0, to: entries.count, by: Self.pageMax) {
            let end = min(start + Self.pageMax, entries.count)
            try await response.write(contentsOf: entries[start..<end])
        }
    }

    private func running(
        _ account: PositionAccount, leg name: String?
    ) -> Nexus_Ledger_V1_RunningTotals {
        var totals = Nexus_Ledger_V1_RunningTotals()
        totals.state = account.state.rawValue
        totals.positionNet = (try? account.net())?.description ?? ""
        guard let name, let index = account.leg(named: name) else { return totals }
        let leg = account.legs[index]
        totals.leg = name
        totals.qty = leg.qty.description
        totals.openCost = leg.openCost.description
        totals.avgEntryPx = (try? leg.avgEntryPx())?.description ?? ""
        totals.realizedPrice = leg.realizedPrice.description
        totals.feeValue = leg.feeValue?.description ?? ""
        totals.funding = leg.fundingValue?.description ?? ""
        totals.adjustments = leg.adjustments.description
        totals.net = (try? leg.net())?.description ?? ""
        return totals
    }
}
