import EventStore
import GRPCCore
import LedgerCore
import Postgres
import Projections

/// Reads that come from the projections. Each sees one state of the tables. With a moment the log
/// is folded instead, and `at_least` is not looked at.
extension LedgerAPI {
    private static let snapshot = "ISOLATION LEVEL REPEATABLE READ READ ONLY"

    /// One position and its legs, once the projections have reached `at_least`.
    /// - Throws: NOT_FOUND, with the reason if it is quarantined without rows; UNAVAILABLE if the
    ///   projections are not there within `atLeastWaitMax`. Both say how much of it is buffered.
    ///   As `viewpoint` for a moment, and NOT_FOUND for a position that had not begun.
    public func getPosition(
        request: Nexus_Ledger_V1_GetPositionRequest, context: ServerContext
    ) async throws -> Nexus_Ledger_V1_GetPositionResponse {
        let book = try Self.book(request.book)
        let position = try Self.id("position_id", request.positionID)
        let buffered = await bufferedEvents(book, position)
        do {
            var response =
                request.moment.isSet
                ? try await whileWanted(context) {
                    try await self.position(position, of: book, at: request.moment)
                }
                : try await storedPosition(book, position, atLeast: request.atLeast)
            if let buffered { response.position.bufferedEvents = buffered }
            return response
        } catch let error as RPCError {
            throw Self.telling(buffered, error)
        }
    }

    private func storedPosition(
        _ book: BookName, _ position: UUID, atLeast: Int64
    ) async throws -> Nexus_Ledger_V1_GetPositionResponse {
        try await awaitProjections(book, atLeast)
        let id = try await bookID(book)
        return try await read { connection, deadline in
            try connection.transaction(Self.snapshot, deadline: deadline) { connection in
                guard let id else { throw Self.unknown(position, book, nil) }
                let book32 = Parameter.int4(id.rawValue)
                let found = try connection.query(
                    ReadSQL.position, [book32, .uuid(position)], deadline: deadline)
                guard let row = found.rows.first else {
                    let reason = try connection.query(
                        ReadSQL.quarantineReason, [book32, .uuid(position)], deadline: deadline
                    ).rows.first.map { try $0[0].string() }
                    throw Self.unknown(position, book, reason)
                }
                var response = Nexus_Ledger_V1_GetPositionResponse()
                response.position = try PositionMapping.position(row)
                let legs = try connection.query(
                    ReadSQL.legs, [book32, .uuids([position])], deadline: deadline)
                response.position.legs = try legs.rows.map(PositionMapping.leg)
                response.asOf = try Self.asOf(id, connection, deadline)
                return response
            }
        }
    }

    private static func unknown(
        _ position: UUID, _ book: BookName, _ quarantine: String?
    ) -> RPCError {
        RPCStatus.error(
            .notFound,
            quarantine.map { "position \(position) cannot be shown: \($0)" }
                ?? "there is no position \(position) in book \(book); if it was just appended, "
                + "ask with at_least")
    }

    private static func asOf(
        _ book: BookID, _ connection: Connection, _ deadline: Deadline
    ) throws -> Int64 {
        try connection.query(ReadSQL.asOf, [.int4(book.rawValue)], deadline: deadline)
            .rows.first.map { try $0[0].int64() } ?? 0
    }

    /// Positions and their legs, newest first; a book without events has none. With a moment,
    /// whether a position was open is decided by its state then, a page may end early, and a
    /// position without any row in the tables is not listed.
    /// - Throws: as `getPosition` for `at_least` and a moment; INVALID_ARGUMENT for a page.
    public func listPositions(
        request: Nexus_Ledger_V1_ListPositionsRequest, context: ServerContext
    ) async throws -> Nexus_Ledger_V1_ListPositionsResponse {
        let book = try Self.book(request.book)
        let limit = try PageToken.size(request.pageSize, default: 100, max: 1_000)
        let after = try PageToken.place(request.pageToken)
        let strategy = try Self.filter("strategy", request.strategy)
        let asset = try Self.filter("asset", request.asset)
        if case .UNRECOGNIZED(let number) = request.filter {
            throw ErrorMapping.status(
                InvalidField("filter", String(number), "must be 0 open, 1 closed or 2 all"))
        }
        if request.moment.isSet {
            let query = PositionsQuery(
                filter: request.filter, strategy: strategy, asset: asset, after: after,
                limit: limit)
            var page = try await whileWanted(context) {
                try await positions(query, of: book, at: request.moment)
            }
            await addBuffered(book, to: &page.positions)
            return page
        }
        try await awaitProjections(book, request.atLeast)
        guard let id = try await bookID(book) else { return .init() }
        var page: Nexus_Ledger_V1_ListPositionsResponse = try await read { connection, deadline in
            try connection.transaction(Self.snapshot, deadline: deadline) { connection in
                let found = try connection.query(
                    ReadSQL.positions,
                    [
                        .int4(id.rawValue), .bool(request.filter != .closed),
                        .bool(request.filter != .open), .text(strategy), .text(asset),
                        .timestamptz(microseconds: after?.time.microseconds),
                        after.map { .uuid($0.id) } ?? .null(.uuid), .int8(Int64(limit) + 1),
                    ], deadline: deadline)
                var response = Nexus_Ledger_V1_ListPositionsResponse()
                response.positions = try found.rows.prefix(limit).map(PositionMapping.position)
                let ids = response.positions.compactMap { UUID($0.positionID) }
                let legs = try connection.query(
                    ReadSQL.legs, [.int4(id.rawValue), .uuids(ids)], deadline: deadline)
                var byPosition: [String: [Nexus_Ledger_V1_Leg]] = [:]
                for row in legs.rows {
                    let position = try row[0].id().description
                    byPosition[position, default: []].append(try PositionMapping.leg(row))
                }
                for index in response.positions.indices {
                    let position = response.positions[index].positionID
                    response.positions[index].legs = byPosition[position] ?? []
                }
                let isCut = Self.cut(&response.positions)
                if isCut || found.rowCount > limit, let last = response.positions.last {
                    response.nextPageToken = "\(last.openedAtUs)_\(last.positionID)"
                }
                response.asOf = try Self.asOf(id, connection, deadline)
                return response
            }
        }
        await addBuffered(book, to: &page.positions)
        return page
    }

    /// Ends a page after so many legs: a message stays well below what clients take by default.
    static let legsOfPageMax = 2_000

    private static func cut(_ positions: inout [Nexus_Ledger_V1_Position]) -> Bool {
        var legs = 0
        for index in positions.indices {
            legs += positions[index].legs.count
            guard legs > legsOfPageMax, index > 0 else { continue }
            positions.removeSubrange(index...)
            return true
        }
        return false
    }

    /// Rows of analytics.daily_pnl, summed over what `by` leaves out; settle assets are never
    /// summed (accounting.md §5).
    /// - Throws: as `getPosition` for `at_least`; INVALID_ARGUMENT for a day, a page or `by`. With
    ///   a moment also RESOURCE_EXHAUSTED for a book that takes longer than `foldMax`.
    public func getDailyPnl(
        request: Nexus_Ledger_V1_GetDailyPnlRequest, context: ServerContext
    ) async throws -> Nexus_Ledger_V1_GetDailyPnlResponse {
        let book = try Self.book(request.book)
        let limit = try PageToken.size(request.pageSize, default: 1_000, max: 10_000)
        let after = try PageToken.key(request.pageToken)
        let from = try PageToken.day("from_day", request.fromDay)
        let to = try PageToken.day("to_day", request.toDay)
        if let from, let to, to < from {
            throw ErrorMapping.status(
                InvalidField("to_day", request.toDay, "must not be before from_day, \(from)"))
        }
        let filters = [
            try Self.filter("strategy", request.strategy),
            try Self.filter("asset", request.asset), try Self.filter("venue", request.venue),
        ]
        let names = ["day", "strategy", "asset", "venue"]
        for name in request.by where !names.contains(name) {
            throw ErrorMapping.status(
                InvalidField("by", name, "must be one of: " + names.joined(separator: ", ")))
        }
        let by = request.by.isEmpty ? names : request.by
        if request.moment.isSet {
            let query = DailyPnlQuery(from, to, filters, by: by, after: after, limit: limit)
            return try await whileWanted(context) {
                try await dailyPnl(query, of: book, at: request.moment)
            }
        }
        try await awaitProjections(book, request.atLeast)
        guard let id = try await bookID(book) else { return .init() }
        let isGrouped = names.contains { !by.contains($0) }
        return try await read { connection, deadline in
            try connection.transaction(Self.snapshot, deadline: deadline) { connection in
                var parameters: [Parameter] = [
                    .int4(id.rawValue), .date(days: from?.number), .date(days: to?.number),
                ]
                parameters += filters.map { .text($0) } + [.int8(Int64(limit) + 1)]
                parameters += after.map { .text($0) }
                if isGrouped { parameters += names.map { .bool(by.contains($0)) } }
                let found = try connection.query(
                    isGrouped ? ReadSQL.groupedPnl : ReadSQL.dailyPnl, parameters,
                    deadline: deadline)
                var response = Nexus_Ledger_V1_GetDailyPnlResponse()
                response.rows = try found.rows.prefix(limit).map(PositionMapping.dailyPnl)
                if found.rowCount > limit, let last = response.rows.last {
                    response.nextPageToken = PageToken.text(of: last)
                }
                response.asOf = try Self.asOf(id, connection, deadline)
                return response
            }
        }
    }
}

/// Where a page begins, and its size.
enum PageToken {
    static func size(_ asked: Int32, default standard: Int, max: Int) throws -> Int {
        guard asked >= 0, asked <= max else {
            throw ErrorMapping.status(
                InvalidField(
                    "page_size", String(asked), "must be 1 to \(max), or 0 for \(standard)"))
        }
        return asked == 0 ? standard : Int(asked)
    }

    private static func wrong(_ token: String) -> RPCError {
        ErrorMapping.status(
            InvalidField("page_token", token, "must be the next_page_token of the page before"))
    }

    static func place(_ token: String) throws -> (time: Timestamp, id: UUID)? {
        if token.isEmpty { return nil }
        let parts = token.split(separator: "_", maxSplits: 1)
        guard parts.count == 2, let time = Int64(parts[0]).map(Timestamp.init(microseconds:)),
            time.isInRange, let id = UUID(String(parts[1]))
        else { throw wrong(token) }
        return (time, id)
    }

    /// The key of a row of daily P&L; "-" stands for a day that was not asked for.
    static func text(of row: Nexus_Ledger_V1_DailyPnl) -> String {
        var json = CanonicalJSON()
        json.beginArray()
        json.string(row.day.isEmpty ? "-" : row.day)
        for name in [row.strategy, row.asset, row.venue, row.settle] { json.string(name) }
        json.endArray()
        return json.text
    }

    /// What `text(of:)` wrote: five texts, empty ones before the first page.
    static func key(_ token: String) throws -> [String] {
        if token.isEmpty { return Array(repeating: "", count: 5) }
        guard case .array(let elements)? = try? JSONValue(parsing: Array(token.utf8)),
            elements.count == 5
        else { throw wrong(token) }
        let texts = elements.compactMap { element -> String? in
            if case .string(let text) = element, !text.utf8.contains(0) { text } else { nil }
        }
        guard texts.count == 5, texts[0] == "-" || Day(texts[0]) != nil else { throw wrong(token) }
        return texts
    }

    static func day(_ name: String, _ text: String) throws -> Day? {
        if text.isEmpty { return nil }
        guard let day = Day(text) else {
            throw ErrorMapping.status(InvalidField(name, text, "must be a day such as 2026-01-31"))
        }
        return day
    }
}
