import EventStore
import GRPCCore
import LedgerCore
import Postgres
import Projections

/// Everything about one position, from the log itself.
extension LedgerAPI {
    /// Sends the position's events in the order of folding, each with the totals after it, what
    /// must hold then, and how it changed the figure that `explain` asks for.
    /// - Throws: NOT_FOUND for a position without events, or with none at the moment that is asked
    ///   for; it says how many are buffered. INVALID_ARGUMENT for a figure or a leg that is none.
    public func getTimeline(
        request: Nexus_Ledger_V1_GetTimelineRequest,
        response: RPCWriter<Nexus_Ledger_V1_GetTimelineResponse>, context: ServerContext
    ) async throws {
        let book = try Self.book(request.book)
        let position = try Self.id("position_id", request.positionID)
        let question = try Self.question(request.explain)
        let messages: [Nexus_Ledger_V1_GetTimelineResponse]
        do {
            let moment = request.hasMoment ? request.moment : nil
            messages = try await storedTimeline(book, position, moment, question)
        } catch let error as RPCError {
            throw Self.telling(await bufferedEvents(book, position), error)
        }
        try await response.write(contentsOf: messages)
    }

    private static func question(_ text: String) throws -> Timeline.Question? {
        guard !text.isEmpty else { return nil }
        do throws(InvalidField) { return try Timeline.Question(parsing: text) } catch {
            throw ErrorMapping.status(error)
        }
    }

    private func storedTimeline(
        _ book: BookName, _ position: UUID, _ moment: Nexus_Ledger_V1_Moment?,
        _ question: Timeline.Question?
    ) async throws -> [Nexus_Ledger_V1_GetTimelineResponse] {
        let id = try await bookID(book)
        var (view, asOf): (Viewpoint, LogPosition?) = (.now, nil)
        if let moment { (view, asOf) = try await viewpoint(moment, of: book, id) }
        let (chosen, known) = (view, asOf)
        let messages = try await read { connection, deadline in
            guard let id else { return [Nexus_Ledger_V1_GetTimelineResponse]() }
            let reader = LogReader(connection, deadline: deadline)
            let head = try known ?? reader.head(id).position
            let events = Self.select(try reader.recordedStream(id, position), chosen)
            var timeline = RecordedTimeline(
                book: book, events: events, origins: try reader.origins(id, of: events),
                question: question)
            return try timeline.messages(asOf: head)
        }
        guard !messages.isEmpty else {
            let when = moment == nil ? "" : " at that moment"
            throw RPCStatus.error(
                .notFound, "there is no position \(position) in book \(book)\(when)")
        }
        return messages
    }

    /// The events that count, by version as they came.
    private static func select(
        _ events: [RecordedEvent], _ view: Viewpoint
    ) -> [RecordedEvent] {
        guard !view.isNow else { return events }
        let counting = Set(view.select(events.map(\.event)).map(\.eventID))
        return events.filter { counting.contains($0.event.eventID) }
    }
}

/// Makes the entries of one position's timeline.
private struct RecordedTimeline {
    /// Entries of one message.
    private static let entriesMax = 200

    let book: BookName
    /// By version.
    let events: [RecordedEvent]
    let origins: [LogPosition: Origin]
    let question: Timeline.Question?

    private var messages: [Nexus_Ledger_V1_GetTimelineResponse] = []
    /// After the event before, where a figure is to be explained.
    private var before: PositionAccount?

    init(
        book: BookName, events: [RecordedEvent], origins: [LogPosition: Origin],
        question: Timeline.Question?
    ) {
        self.book = book
        self.events = events
        self.origins = origins
        self.question = question
    }

    mutating func messages(
        asOf head: LogPosition
    ) throws -> [Nexus_Ledger_V1_GetTimelineResponse] {
        try checkQuestion()
        let last = events.last.map { max(head, $0.event.logPosition) } ?? head
        Timeline.walk(events.map(\.event)) { step, account in
            if messages.isEmpty || messages[messages.count - 1].entries.count == Self.entriesMax {
                messages.append(.with { $0.asOf = last.rawValue })
            }
            messages[messages.count - 1].entries.append(entry(step, account))
            if question != nil { before = account }
        }
        return messages
    }

    /// A leg that the position does not have is not one without changes.
    private func checkQuestion() throws {
        guard let question, let leg = question.leg,
            case .opened(let opened)? = events.first?.event.payload,
            !opened.legs.contains(where: { $0.leg.isExactly(leg) })
        else { return }
        let legs = opened.legs.map(\.leg).joined(separator: ", ")
        throw ErrorMapping.status(
            InvalidField(
                "explain", "\(leg).\(question.figure.rawValue)",
                "names no leg of the position, which has \(legs)"))
    }

    private func entry(
        _ step: Timeline.Step, _ account: PositionAccount?
    ) -> Nexus_Ledger_V1_TimelineEntry {
        let event = events[step.index]
        let origin = origins[event.event.logPosition]
        var entry = Nexus_Ledger_V1_TimelineEntry()
        entry.event = EventMapping.recorded(event, book: book, peerUID: origin?.peerUID)
        entry.host = origin?.host ?? ""
        entry.bufferedAtUs = origin?.buffered?.at.microseconds ?? 0
        entry.outboxSequence = origin?.buffered?.sequence ?? 0
        entry.voidedBy = step.voidedBy?.description ?? ""
        entry.voids = step.voids?.description ?? ""
        entry.foldError = step.error?.description ?? ""
        let previous = step.index > 0 ? events[step.index - 1].event : nil
        entry.invariants =
            ([leafHash(event)]
            + Timeline.invariants(after: event.event, previous: previous, account: account))
            .map { invariant in
                .with {
                    $0.rule = invariant.rule
                    $0.holds = invariant.holds
                    $0.detail = invariant.detail
                }
            }
        guard let account else { return entry }
        entry.running = RecordedTimeline.running(account, leg: event.event.payload.leg)
        if let question, let before,
            let change = Timeline.change(
                of: question, by: event.event, step, from: before, to: account)
        {
            entry.changes = [RecordedTimeline.message(change)]
        }
        return entry
    }

    /// The hash of the event as it was read, against the stored one.
    private func leafHash(_ event: RecordedEvent) -> Timeline.Invariant {
        let rule = "leaf hash = SHA-256 of the event and its payload"
        let stored = RecordedTimeline.hex(event.leafHash)
        do throws(InvalidField) {
            let computed = RecordedTimeline.hex(try event.computedLeafHash(in: book))
            return Timeline.Invariant(
                rule: rule, holds: computed == stored, detail: "\(computed) = \(stored) as stored")
        } catch {
            return Timeline.Invariant(
                rule: rule, holds: false, detail: "cannot be computed: \(error); stored \(stored)")
        }
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
            as: UTF8.self)
    }

    private static func message(
        _ change: Timeline.FigureChange
    ) -> Nexus_Ledger_V1_FigureChange {
        .with {
            $0.leg = change.leg
            $0.figure = change.figure.rawValue
            $0.before = change.before?.description ?? ""
            $0.after = change.after?.description ?? ""
            $0.arithmetic = change.arithmetic
        }
    }

    private static func running(
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

extension RecordedEvent {
    /// `LeafHash` of what was read, in the form in which it is stored.
    fileprivate func computedLeafHash(in book: BookName) throws(InvalidField) -> [UInt8] {
        let sent = try NewEvent(
            positionID: event.positionID, payload: event.payload, effectiveAt: event.effectiveAt,
            source: source, actor: actor, eventID: event.eventID, causationID: causationID,
            correlationID: correlationID, schemaVersion: schemaVersion)
        return LeafHash.compute(
            LeafHash.Input(
                book: book, logPosition: event.logPosition, version: event.version,
                eventID: event.eventID, recordedAt: event.recordedAt, event: sent,
                payloadDigest: LeafHash.digest(of: payloadBytes)))
    }
}
