import EventStore
import GRPCCore
import LedgerCore
import Postgres
import Projections

/// The reads of the projections as of a moment: folded from the log.
extension LedgerAPI {
    // MARK: One position

    /// One position as it was.
    /// - Throws: NOT_FOUND for one that had not begun, which says so.
    func position(
        _ position: UUID, of book: BookName, at moment: Nexus_Ledger_V1_Moment
    ) async throws -> Nexus_Ledger_V1_GetPositionResponse {
        let id = try await bookID(book)
        let (view, asOf) = try await viewpoint(moment, of: book, id)
        let unknown = RPCStatus.error(
            .notFound, "there is no position \(position) in book \(book)")
        guard let id else { throw unknown }
        let (stream, exists) = try await read { connection, deadline in
            let reader = LogReader(connection, deadline: deadline)
            let streams = try reader.streams(id, [position], through: asOf)
            return (
                streams[position] ?? ReadableStream(), try reader.version(id, position) > .none
            )
        }
        guard exists else { throw unknown }
        guard let outcome = try MomentFold(view: view).fold(stream, check: Task.checkCancellation)
        else {
            throw RPCStatus.error(
                .notFound, "position \(position) had not begun \(Self.words(view, asOf))")
        }
        guard let account = outcome.account else {
            throw RPCStatus.error(
                .notFound,
                "position \(position) cannot be shown: \(outcome.stale ?? "it has no events")")
        }
        var response = Nexus_Ledger_V1_GetPositionResponse()
        response.position = try AccountMapping.position(account, stale: outcome.stale)
        response.asOf = asOf.rawValue
        return response
    }

    private static func words(_ view: Viewpoint, _ asOf: LogPosition) -> String {
        let known = "as known at log position \(asOf)"
        return view.effective.map { "by \($0), \(known)" } ?? known
    }

    // MARK: Positions

    /// Positions that are looked at for one page; then it ends, full or not.
    private static let candidatesOfPageMax = 1_000
    /// The longest time for one page; then it ends with what was found, if anything was seen.
    private static let pageMax = Duration.seconds(5)

    /// A page of positions as they were, newest first. A position that the tables do not have
    /// because not even its opening can be folded is not listed.
    func positions(
        _ query: PositionsQuery, of book: BookName, at moment: Nexus_Ledger_V1_Moment
    ) async throws -> Nexus_Ledger_V1_ListPositionsResponse {
        let id = try await bookID(book)
        let (view, asOf) = try await viewpoint(moment, of: book, id)
        guard let id, asOf > .origin else { return .init() }
        let end = ContinuousClock.now + Self.pageMax
        let known = try await recordedAt(id, asOf)
        let candidates = try await candidates(query, of: id, through: asOf)
        var page = PositionsPage(query: query, fold: MomentFold(view: view))
        var rest = candidates.prefix(Self.candidatesOfPageMax)
        while !rest.isEmpty, !page.isFull {
            try Task.checkCancellation()
            guard page.seen == nil || ContinuousClock.now < end else { break }
            // No more than a page of them at once: most of the newest are what is asked for.
            let batch = rest.prefix(StreamToRead.batchCount(rest.prefix(query.limit)))
            rest = rest.dropFirst(batch.count)
            let streams = try await streams(
                id, batch.filter { $0.begunAt <= known }[...], through: asOf)
            for candidate in batch where !page.isFull {
                try page.look(at: candidate, streams[candidate.position])
            }
        }
        var response = Nexus_Ledger_V1_ListPositionsResponse()
        response.positions = page.positions
        response.asOf = asOf.rawValue
        if let seen = page.seen, seen.position != candidates.last?.position {
            response.nextPageToken = "\(seen.openedAt.microseconds)_\(seen.position)"
        }
        return response
    }

    /// One more than are looked at, so that the last page is known as such.
    private func candidates(
        _ query: PositionsQuery, of id: BookID, through: LogPosition
    ) async throws -> [StreamToRead] {
        try await read { connection, deadline in
            try connection.query(
                ReadSQL.candidatesByOpening,
                [
                    .int4(id.rawValue), .int8(through.rawValue), .text(query.strategy),
                    .text(query.asset),
                    .timestamptz(microseconds: query.after?.time.microseconds),
                    query.after.map { .uuid($0.id) } ?? .null(.uuid),
                    .int8(Int64(Self.candidatesOfPageMax) + 1),
                ], deadline: deadline
            ).rows.map { row in
                StreamToRead(
                    position: try row[0].id(), events: try row[2].int64(),
                    openedAt: try row[1].timestamp(), begunAt: try row[3].timestamp())
            }
        }
    }

    // MARK: Daily P&L

    /// Rows of daily P&L as they were. Each page folds the book.
    func dailyPnl(
        _ query: DailyPnlQuery, of book: BookName, at moment: Nexus_Ledger_V1_Moment
    ) async throws -> Nexus_Ledger_V1_GetDailyPnlResponse {
        let id = try await bookID(book)
        let (view, asOf) = try await viewpoint(moment, of: book, id)
        guard let id else { return .init() }
        var rows = DailyPnlRows(by: query.grouping, of: query.filter)
        let fold = MomentFold(view: view)
        try await eachStream(
            of: id, through: asOf, strategy: query.strategy, asset: query.asset,
            cure: "ask for one strategy or asset, or for an earlier log position"
        ) { stream in
            if let account = try fold.fold(stream, check: Task.checkCancellation)?.account {
                rows.add(account)
            }
        }
        var found = rows.rows[...]
        if let after = query.after { found = found.drop { $0.key <= after } }
        var response = Nexus_Ledger_V1_GetDailyPnlResponse()
        response.rows = found.prefix(query.limit).map { AccountMapping.dailyPnl($0.key, $0.sums) }
        if found.count > query.limit, let last = response.rows.last {
            response.nextPageToken = PageToken.text(of: last)
        }
        response.asOf = asOf.rawValue
        return response
    }
}

/// What ListPositions asks for.
struct PositionsQuery: Sendable {
    var filter: Nexus_Ledger_V1_ListPositionsRequest.Filter
    var strategy: String
    var asset: String
    /// The last position of the page before.
    var after: (time: Timestamp, id: UUID)?
    var limit: Int
}

/// What GetDailyPnl asks for.
struct DailyPnlQuery: Sendable {
    var filter: DailyPnlRows.Filter
    var grouping: DailyPnlRows.Grouping
    /// The last row of the page before.
    var after: DailyPnlRows.Key?
    var limit: Int

    /// `filters` are strategy, asset and venue, empty for all; `after` as `PageToken.key` has it.
    init(
        _ from: Day?, _ to: Day?, _ filters: [String], by names: [String], after: [String],
        limit: Int
    ) {
        let texts = filters.map { $0.isEmpty ? nil : ExactText($0) }
        filter = DailyPnlRows.Filter {
            $0.from = from
            $0.to = to
            $0.strategy = texts[0]
            $0.asset = texts[1]
            $0.venue = texts[2]
        }
        grouping = DailyPnlRows.Grouping {
            $0.day = names.contains("day")
            $0.strategy = names.contains("strategy")
            $0.asset = names.contains("asset")
            $0.venue = names.contains("venue")
        }
        self.limit = limit
        guard !after[0].isEmpty else { return }
        self.after = DailyPnlRows.Key(
            day: Day(after[0]), strategy: ExactText(after[1]), asset: ExactText(after[2]),
            venue: ExactText(after[3]), settle: ExactText(after[4]))
    }

    var strategy: String { filter.strategy?.text ?? "" }
    var asset: String { filter.asset?.text ?? "" }
}

/// A page of positions that is filled from candidates.
private struct PositionsPage {
    let query: PositionsQuery
    let fold: MomentFold
    private(set) var positions: [Nexus_Ledger_V1_Position] = []
    /// The last candidate that is decided: the next page begins after it.
    private(set) var seen: StreamToRead?
    private(set) var isFull = false
    private var legs = 0

    init(query: PositionsQuery, fold: MomentFold) {
        self.query = query
        self.fold = fold
    }

    /// Takes a candidate if it was a position that is asked for; without a stream it had not begun.
    mutating func look(at candidate: StreamToRead, _ stream: ReadableStream?) throws {
        if let stream, let outcome = try fold.fold(stream, check: Task.checkCancellation),
            let account = outcome.account, isWanted(account)
        {
            legs += account.legs.count
            guard legs <= LedgerAPI.legsOfPageMax || positions.isEmpty else {
                isFull = true
                return
            }
            positions.append(try AccountMapping.position(account, stale: outcome.stale))
        }
        seen = candidate
        if positions.count == query.limit { isFull = true }
    }

    /// Whether it is open is a matter of the moment.
    private func isWanted(_ account: PositionAccount) -> Bool {
        switch query.filter {
        case .open: !account.state.isOver
        case .closed: account.state.isOver
        case .all, .UNRECOGNIZED: true
        }
    }
}
