import EventStore
import GRPCCore
import LedgerCore
import Postgres

/// Reads that come from the projections. Each sees one state of the tables.
extension LedgerAPI {
    private static let snapshot = "ISOLATION LEVEL REPEATABLE READ READ ONLY"

    public func getPosition(
        request: Nexus_Ledger_V1_GetPositionRequest, context: ServerContext
    ) async throws -> Nexus_Ledger_V1_GetPositionResponse {
        let book = try Self.book(request.book)
        let position = try Self.id("position_id", request.positionID)
        try await awaitProjections(book, request.atLeast)
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

    public func listPositions(
        request: Nexus_Ledger_V1_ListPositionsRequest, context: ServerContext
    ) async throws -> Nexus_Ledger_V1_ListPositionsResponse {
        let book = try Self.book(request.book)
        let limit = try PageToken.size(request.pageSize, default: 100, max: 1_000)
        let after = try PageToken.place(request.pageToken)
        try await awaitProjections(book, request.atLeast)
        guard let id = try await bookID(book) else { return .init() }
        return try await read { connection, deadline in
            try connection.transaction(Self.snapshot, deadline: deadline) { connection in
                let found = try connection.query(
                    ReadSQL.positions,
                    [
                        .int4(id.rawValue), .bool(request.filter != .closed),
                        .bool(request.filter != .open), .text(request.strategy),
                        .text(request.asset),
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
                if found.rowCount > limit, let last = response.positions.last {
                    response.nextPageToken = "\(last.openedAtUs)_\(last.positionID)"
                }
                response.asOf = try Self.asOf(id, connection, deadline)
                return response
            }
        }
    }

    public func getDailyPnl(
        request: Nexus_Ledger_V1_GetDailyPnlRequest, context: ServerContext
    ) async throws -> Nexus_Ledger_V1_GetDailyPnlResponse {
        let book = try Self.book(request.book)
        let limit = try PageToken.size(request.pageSize, default: 1_000, max: 10_000)
        let offset = try PageToken.offset(request.pageToken)
        let from = try PageToken.day("from_day", request.fromDay)
        let to = try PageToken.day("to_day", request.toDay)
        let names = ["day", "strategy", "asset", "venue"]
        for name in request.by where !names.contains(name) {
            throw ErrorMapping.status(
                InvalidField("by", name, "must be one of: " + names.joined(separator: ", ")))
        }
        try await awaitProjections(book, request.atLeast)
        guard let id = try await bookID(book) else { return .init() }
        let by = request.by.isEmpty ? names : request.by
        let isGrouped = names.contains { !by.contains($0) }
        return try await read { connection, deadline in
            try connection.transaction(Self.snapshot, deadline: deadline) { connection in
                var parameters: [Parameter] = [
                    .int4(id.rawValue), .date(days: from?.number), .date(days: to?.number),
                    .text(request.strategy), .text(request.asset), .text(request.venue),
                    .int8(Int64(limit) + 1), .int8(offset),
                ]
                if isGrouped { parameters += names.map { .bool(by.contains($0)) } }
                let found = try connection.query(
                    isGrouped ? ReadSQL.groupedPnl : ReadSQL.dailyPnl, parameters,
                    deadline: deadline)
                var response = Nexus_Ledger_V1_GetDailyPnlResponse()
                response.rows = try found.rows.prefix(limit).map(PositionMapping.dailyPnl)
                if found.rowCount > limit { response.nextPageToken = "\(offset + Int64(limit))" }
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
        guard parts.count == 2, let time = Int64(parts[0]), let id = UUID(String(parts[1])) else {
            throw wrong(token)
        }
        return (Timestamp(microseconds: time), id)
    }

    static func offset(_ token: String) throws -> Int64 {
        if token.isEmpty { return 0 }
        guard let offset = Int64(token), offset >= 0 else { throw wrong(token) }
        return offset
    }

    static func day(_ name: String, _ text: String) throws -> Day? {
        if text.isEmpty { return nil }
        guard let day = Day(text) else {
            throw ErrorMapping.status(InvalidField(name, text, "must be a day such as 2026-01-31"))
        }
        return day
    }
}
