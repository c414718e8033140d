import Admission
import LedgerCore
import Postgres

/// The rows of one append transaction, column by column as the wire wants them.
struct BatchRows {
    private let book: BookName
    private let bookID: BookID
    private let recordedAt: Timestamp
    private(set) var count = 0
    private var lastPosition = LogPosition.origin

    private var logPositions = ArrayBuilder(of: .int8)
    private var positionIDs = ArrayBuilder(of: .uuid)
    private var versions = ArrayBuilder(of: .int8)
    private var eventIDs = ArrayBuilder(of: .uuid)
    private var types = ArrayBuilder(of: .text)
    private var schemaVersions = ArrayBuilder(of: .int4)
    private var effectiveAts = ArrayBuilder(of: .timestamptz)
    private var sources = ArrayBuilder(of: .text)
    private var actors = ArrayBuilder(of: .text)
    private var causationIDs = ArrayBuilder(of: .uuid)
    private var correlationIDs = ArrayBuilder(of: .uuid)
    private var payloads = ArrayBuilder(of: .json)
    private var leafHashes = ArrayBuilder(of: .bytea)
    private var keyIDs = ArrayBuilder(of: .uuid)
    private var keyPositions = ArrayBuilder(of: .int8)

    private var runFirsts = ArrayBuilder(of: .int8)
    private var runLasts = ArrayBuilder(of: .int8)
    private var runPeers = ArrayBuilder(of: .int8)
    private var runHosts = ArrayBuilder(of: .text)
    private var runBuffered = ArrayBuilder(of: .timestamptz)
    private var runSequences = ArrayBuilder(of: .int8)

    /// From this many events on, COPY costs less than arrays although it needs two more round
    /// trips.
    static let copyEventsMin = 100
    let usesCopy: Bool
    /// Whether the events were sent as they were added.
    private var isSent = false
    private var eventRows = BinaryCopyWriter(columns: 15)
    private var keyRows = BinaryCopyWriter(columns: 4)

    private var touched: Set<UUID> = []
    private var hash: [UInt8] = []
    private var scratch: [UInt8] = []

    /// `eventsMax`: how many events are added at the most.
    init(book: BookName, bookID: BookID, recordedAt: Timestamp, eventsMax: Int) {
        usesCopy = eventsMax >= BatchRows.copyEventsMin && Sabotage.current != .skipIDCheck
        self.book = book
        self.bookID = bookID
        self.recordedAt = recordedAt
    }

    /// Adds the new events of an admitted request.
    mutating func add(
        _ outcomes: [Admission<PrefetchedHistory>.Outcome], _ submission: Submission
    ) {
        var first: LogPosition?
        for (index, outcome) in outcomes.enumerated() {
            guard case .new(let event) = outcome else { continue }
            if first == nil { first = event.logPosition }
            add(event, submission.events[index], submission.payloads[index])
        }
        guard let first else { return }
        runFirsts.append.int8(first.rawValue)
        runLasts.append.int8(lastPosition.rawValue)
        if let uid = submission.origin.peerUID {
            runPeers.append.int8(Int64(uid))
        } else {
            runPeers.append.null()
        }
        runHosts.append.text(submission.origin.host)
        if let buffered = submission.origin.buffered {
            runBuffered.append.timestamptz(microseconds: buffered.at.microseconds)
            runSequences.append.int8(buffered.sequence)
        } else {
            runBuffered.append.null()
            runSequences.append.null()
        }
    }

    private mutating func add(
        _ event: Event, _ new: NewEvent, _ payload: Submission.Payload
    ) {
        count += 1
        lastPosition = event.logPosition
        touched.insert(event.positionID)
        hash.removeAll(keepingCapacity: true)
        LeafHash.append(
            LeafHash.Input(
                book: book, logPosition: event.logPosition, version: event.version,
                eventID: event.eventID, recordedAt: recordedAt, event: new,
                payloadDigest: payload.digest),
            to: &hash, scratch: &scratch)
        if usesCopy {
            addRow(event, new, payload)
        } else {
            addColumns(event, new, payload)
        }
    }

    private mutating func addRow(_ event: Event, _ new: NewEvent, _ payload: Submission.Payload) {
        eventRows.beginRow()
        eventRows.append.int4(bookID.rawValue)
        eventRows.append.int8(event.logPosition.rawValue)
        eventRows.append.uuid(high: event.positionID.high, low: event.positionID.low)
        eventRows.append.int8(event.version.rawValue)
        eventRows.append.uuid(high: event.eventID.high, low: event.eventID.low)
        eventRows.append.text(event.type.rawValue)
        eventRows.append.int4(new.schemaVersion)
        eventRows.append.timestamptz(microseconds: event.effectiveAt.microseconds)
        eventRows.append.timestamptz(microseconds: recordedAt.microseconds)
        eventRows.append.text(new.source.rawValue)
        if let actor = new.actor { eventRows.append.text(actor) } else { eventRows.append.null() }
        for id in [new.causationID, new.correlationID] {
            if let id {
                eventRows.append.uuid(high: id.high, low: id.low)
            } else {
                eventRows.append.null()
            }
        }
        eventRows.append.json(utf8: payload.bytes)
        eventRows.append.bytea(hash)
        keyRows.beginRow()
        keyRows.append.int4(bookID.rawValue)
        keyRows.append.uuid(high: event.eventID.high, low: event.eventID.low)
        keyRows.append.int8(event.logPosition.rawValue)
        keyRows.append.timestamptz(microseconds: recordedAt.microseconds)
    }

    private mutating func addColumns(
        _ event: Event, _ new: NewEvent, _ payload: Submission.Payload
    ) {
        logPositions.append.int8(event.logPosition.rawValue)
        positionIDs.append.uuid(high: event.positionID.high, low: event.positionID.low)
        versions.append.int8(event.version.rawValue)
        eventIDs.append.uuid(high: event.eventID.high, low: event.eventID.low)
        types.append.text(event.type.rawValue)
        schemaVersions.append.int4(new.schemaVersion)
        effectiveAts.append.timestamptz(microseconds: event.effectiveAt.microseconds)
        sources.append.text(new.source.rawValue)
        if let actor = new.actor { actors.append.text(actor) } else { actors.append.null() }
        add(new.causationID, to: &causationIDs)
        add(new.correlationID, to: &correlationIDs)
        payloads.append.json(utf8: payload.bytes)
        leafHashes.append.bytea(hash)
        keyIDs.append.uuid(high: event.eventID.high, low: event.eventID.low)
        keyPositions.append.int8(event.logPosition.rawValue)
    }

    private func add(_ id: UUID?, to array: inout ArrayBuilder) {
        if let id {
            array.append.uuid(high: id.high, low: id.low)
        } else {
            array.append.null()
        }
    }

    /// Sends the events that were added since, once there are enough of them for a message.
    mutating func send(to out: borrowing CopyInWriter) throws(PostgresError) {
        isSent = true
        try out.offer(&eventRows)
    }

    /// Sends the rest of the events.
    mutating func finish(_ out: borrowing CopyInWriter) throws(PostgresError) {
        isSent = true
        try out.finish(&eventRows)
    }

    /// Writes everything that was not sent, and commits.
    mutating func write(
        streams: [UUID: StreamState], headBefore: LogPosition, connection: Connection,
        deadline: Deadline
    ) throws {
        var ids = ArrayBuilder(of: .uuid)
        var versions = ArrayBuilder(of: .int8)
        var states = ArrayBuilder(of: .text)
        var progresses = ArrayBuilder(of: .json)
        for position in touched.sorted() {
            guard let state = streams[position] else { continue }
            ids.append.uuid(high: position.high, low: position.low)
            versions.append.int8(state.version.rawValue)
            states.append.text(state.lifecycle.state.rawValue)
            progresses.append.json(utf8: state.progressBytes)
        }
        var pipeline = Pipeline()
        let book = Parameter.int4(bookID.rawValue)
        let time = Parameter.timestamp(recordedAt)
        if usesCopy {
            if !isSent {
                try connection.copyIn(StoreSQL.copyEvents, deadline: deadline) { out in
                    try out.finish(&eventRows)
                }
            }
            try connection.copyIn(StoreSQL.copyKeys, deadline: deadline) { out in
                try out.finish(&keyRows)
            }
        } else {
            pipeline.add(
                StoreSQL.insertEvents,
                [
                    book, time, logPositions.take(), positionIDs.take(), self.versions.take(),
                    eventIDs.take(), types.take(), schemaVersions.take(), effectiveAts.take(),
                    sources.take(), actors.take(), causationIDs.take(), correlationIDs.take(),
                    payloads.take(), leafHashes.take(),
                ])
            pipeline.add(StoreSQL.insertKeys, [book, time, keyIDs.take(), keyPositions.take()])
        }
        pipeline.add(
            StoreSQL.saveStreams,
            [book, time, ids.take(), versions.take(), states.take(), progresses.take()])
        pipeline.add(
            StoreSQL.insertDeliveries,
            [
                book, runFirsts.take(), runLasts.take(), runPeers.take(), runHosts.take(),
                runBuffered.take(), runSequences.take(),
            ])
        pipeline.add(
            StoreSQL.moveHead,
            [book, .int8(lastPosition.rawValue), time, .int8(headBefore.rawValue)])
        pipeline.add("COMMIT")
        let results = try connection.run(pipeline, deadline: deadline)
        guard results[results.count - 2].affectedRows == 1,
            results[results.count - 1].commandTag == "COMMIT"
        else {
            throw StoreError.inconsistent("the head moved while it was locked")
        }
    }
}
