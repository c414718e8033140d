import EventStore
import GRPCCore
import LedgerCore
import Postgres
import ProjectionEngine

import struct Foundation.Data

/// The service `Projections` without the wire: takes its requests and gives its answers. The RPC
/// and the commands that go to the database themselves are the same thing by it.
public struct GenerationOffice: Sendable {
    private let desk: GenerationDesk
    private let bookID: @Sendable (BookName) async throws -> BookID?

    /// Rows of a comparison that are answered where nothing is said.
    static let rowsStandard: Int32 = 1_000
    /// Rows of a comparison that are answered at most.
    static let rowsMax: Int32 = 100_000
    /// Positions of a sample.
    static let sampleMax: Int32 = 100_000
    /// Steps of one message.
    private static let stepsMax = 500
    /// Log positions whose accounts are asked for at once.
    private static let accountsMax = 100
    private static let actorBytesMax = 128

    /// `bookID` looks a book's number up; nil if there is no such book.
    public init(
        _ desk: GenerationDesk, bookID: @escaping @Sendable (BookName) async throws -> BookID?
    ) {
        self.desk = desk
        self.bookID = bookID
    }

    private func book(_ name: String) async throws -> BookID {
        let book = try LedgerAPI.book(name)
        guard let id = try await answer({ try await bookID(book) }) else {
            throw RPCStatus.error(.notFound, "there is no book \(book): nothing was appended to it")
        }
        return id
    }

    private func answer<Value: Sendable>(
        _ body: () async throws -> Value
    ) async throws -> Value {
        do { return try await body() } catch let error as GenerationError {
            throw ErrorMapping.status(error)
        } catch {
            throw ErrorMapping.status(reading: error)
        }
    }

    // MARK: Listing

    /// The generations of a book, the live one first, and the last steps.
    public func list(
        _ request: Nexus_Ledger_V1_ListGenerationsRequest
    ) async throws -> Nexus_Ledger_V1_ListGenerationsResponse {
        let book = try await book(request.book)
        let found = try await answer { try await desk.list(book) }
        var response = Nexus_Ledger_V1_ListGenerationsResponse()
        let live = found.generations.first?.logPosition ?? .origin
        response.generations = found.generations.map { GenerationMapping.message($0, live: live) }
        response.head = found.head.rawValue
        response.steps = found.steps.map { step in
            var message = Nexus_Ledger_V1_GenerationStep()
            message.atUs = step.at.microseconds
            message.step = step.step
            message.actor = step.actor
            message.fromSlot = Int32(step.fromSlot ?? 0)
            message.toSlot = Int32(step.toSlot ?? 0)
            message.logPosition = step.logPosition.rawValue
            message.digest = step.digest ?? ""
            message.totals = Data(step.totals ?? [])
            return message
        }
        return response
    }

    // MARK: Rebuilding

    /// Rebuilds, and sends how far it is; the last state is `ready`.
    public func rebuild(
        _ request: Nexus_Ledger_V1_RebuildRequest,
        send: @escaping @Sendable (Nexus_Ledger_V1_RebuildProgress) async throws -> Void
    ) async throws {
        let book = try await book(request.book)
        let memory = request.memoryBytesMax
        guard memory == 0 || memory >= RebuildOptions.memoryBytesMin else {
            throw ErrorMapping.status(
                InvalidField(
                    "memory_bytes_max", String(memory),
                    "must be \(RebuildOptions.memoryBytesMin) bytes or more, or 0"))
        }
        guard request.rateMax >= 0 else {
            throw ErrorMapping.status(
                InvalidField(
                    "rate_max", String(request.rateMax), "must be events a second, or 0"))
        }
        var options = RebuildOptions(actor: try actor(request.actor))
        if memory > 0 { options.memoryBytesMax = Int(memory) }
        if request.rateMax > 0 { options.rateMax = Int(request.rateMax) }
        _ = try await answer { [options] in
            try await desk.rebuild(book, options) { try await send(Self.message($0)) }
        }
    }

    private static func message(_ state: RebuildState) -> Nexus_Ledger_V1_RebuildProgress {
        var message = Nexus_Ledger_V1_RebuildProgress()
        message.phase = state.phase.rawValue
        message.slot = Int32(state.slot)
        message.logicVersion = state.logicVersion
        message.events = state.events
        message.eventsTotal = state.eventsTotal
        message.positions = state.positions
        message.eventsPerSecond = state.eventsPerSecond
        message.secondsLeft = state.secondsLeft ?? -1
        message.logPosition = state.logPosition.rawValue
        message.head = state.head.rawValue
        message.resumed = state.resumed
        message.quarantined = state.quarantined
        message.memoryPeakBytes = state.memoryPeakBytes
        return message
    }

    /// Follows the live generation with another one until cancelled.
    public func follow(book name: String, slot: Int32) async throws {
        let book = try await book(name)
        let slot = try self.slot(slot) ?? 0
        try await answer { try await desk.follow(book, slot: slot) }
    }

    // MARK: Promoting, going back, emptying

    /// Promotes what was compared.
    public func promote(
        _ request: Nexus_Ledger_V1_PromoteRequest
    ) async throws -> Nexus_Ledger_V1_PromoteResponse {
        let isDigest =
            request.expect.utf8.count == 64
            && request.expect.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
            }
        guard isDigest else {
            throw ErrorMapping.status(
                InvalidField(
                    "expect", request.expect,
                    "must be the digest of the comparison that was looked at, 64 hexadecimal "
                        + "digits: `nexus-ledger compare` tells it"))
        }
        let book = try await book(request.book)
        let (slot, actor) = (try slot(request.slot), try actor(request.actor))
        let promotion = try await answer {
            try await desk.promote(
                book, slot: slot, expect: request.expect, actor: actor,
                allowsNewer: request.allowNewer)
        }
        var response = Nexus_Ledger_V1_PromoteResponse()
        let live = promotion.live.logPosition
        response.live = GenerationMapping.message(promotion.live, live: live)
        response.former = GenerationMapping.message(promotion.former, live: live)
        response.logPosition = promotion.logPosition.rawValue
        response.attempts = Int32(promotion.attempts)
        response.digest = promotion.digest
        return response
    }

    /// Goes back to the former generation.
    public func revert(
        _ request: Nexus_Ledger_V1_RevertRequest
    ) async throws -> Nexus_Ledger_V1_RevertResponse {
        let book = try await book(request.book)
        let actor = try actor(request.actor)
        let reversion = try await answer {
            try await desk.revert(book, actor: actor, allowsStale: request.stale)
        }
        var response = Nexus_Ledger_V1_RevertResponse()
        let live = reversion.live.logPosition
        response.live = GenerationMapping.message(reversion.live, live: live)
        response.former = GenerationMapping.message(reversion.former, live: live)
        response.lagEvents = reversion.lagEvents
        return response
    }

    /// Empties a slot.
    public func retire(
        _ request: Nexus_Ledger_V1_RetireRequest
    ) async throws -> Nexus_Ledger_V1_RetireResponse {
        let book = try await book(request.book)
        let (slot, actor) = (try slot(request.slot), try actor(request.actor))
        let retired = try await answer {
            try await desk.retire(book, slot: slot, actor: actor)
        }
        var response = Nexus_Ledger_V1_RetireResponse()
        response.slot = Int32(retired.slot)
        response.rows = retired.rows
        return response
    }

    // MARK: Steps

    /// Sends what a position comes to after each of its events.
    public func listSteps(
        _ request: Nexus_Ledger_V1_ListStepsRequest,
        send: (Nexus_Ledger_V1_ListStepsResponse) async throws -> Void
    ) async throws {
        let book = try await book(request.book)
        let position = try LedgerAPI.id("position_id", request.positionID)
        guard request.accountsAfter.count <= Self.accountsMax else {
            throw ErrorMapping.status(
                InvalidField(
                    "accounts_after", "\(request.accountsAfter.count) log positions",
                    "at most \(Self.accountsMax) at once"))
        }
        let wanted = Set(request.accountsAfter.map { LogPosition(rawValue: $0) })
        let through = request.through > 0 ? LogPosition(rawValue: request.through) : nil
        let steps = try await answer {
            try await desk.steps(
                book, position: position, through: through, accountsAfter: wanted)
        }
        for start in stride(from: 0, to: steps.count, by: Self.stepsMax) {
            var response = Nexus_Ledger_V1_ListStepsResponse()
            response.logicVersion = LogicName.version
            response.logicFingerprint = LogicName.fingerprint
            response.steps = steps[start..<min(start + Self.stepsMax, steps.count)].map { step in
                var message = Nexus_Ledger_V1_Step()
                message.eventID = step.eventID.description
                message.logPosition = step.logPosition.rawValue
                message.version = step.version.rawValue
                message.digest = Data(step.digest)
                message.account = Data(step.account ?? [])
                message.foldError = step.foldError ?? ""
                return message
            }
            try await send(response)
        }
    }

    // MARK: Members of requests

    func slot(_ slot: Int32) throws -> Int16? {
        guard (0...3).contains(slot) else {
            throw ErrorMapping.status(
                InvalidField("slot", String(slot), "must be 1, 2 or 3, or 0 for the only one"))
        }
        return slot == 0 ? nil : Int16(slot)
    }

    private func actor(_ name: String) throws -> String {
        guard !name.isEmpty, name.utf8.count <= Self.actorBytesMax, !name.utf8.contains(0) else {
            throw ErrorMapping.status(
                InvalidField(
                    "actor", name.replacing("\0", with: "\\0"),
                    "must be 1 to \(Self.actorBytesMax) bytes, without NUL"))
        }
        return name
    }
}

// MARK: - Comparing

extension GenerationOffice {
    /// Compares, and sends progress, the differences, and at last the summary.
    public func compare(
        _ request: Nexus_Ledger_V1_CompareRequest,
        send: @escaping @Sendable (Nexus_Ledger_V1_CompareResponse) async throws -> Void
    ) async throws {
        let book = try await book(request.book)
        let slot = try slot(request.slot)
        for (name, value, max) in [
            ("rows_max", request.rowsMax, Self.rowsMax), ("sample", request.sample, Self.sampleMax),
        ] where !(0...max).contains(value) {
            throw ErrorMapping.status(
                InvalidField(name, String(value), "must be 0 to \(max)"))
        }
        let result = try await answer {
            guard request.sample == 0 else {
                return try await desk.sample(
                    book, tables: request.tables, count: Int(request.sample))
            }
            return try await desk.compare(book, tables: request.tables, slot: slot) { count in
                var message = Nexus_Ledger_V1_CompareResponse()
                message.progress = count
                try await send(message)
            }
        }
        let generations = try await answer { try await desk.list(book).generations }
        let max = request.rowsMax == 0 ? Self.rowsStandard : request.rowsMax
        for difference in try await answer({ try result.rows(max: Int(max)) }) {
            var message = Nexus_Ledger_V1_CompareResponse()
            message.difference = ComparisonMapping.message(difference)
            try await send(message)
        }
        var message = Nexus_Ledger_V1_CompareResponse()
        message.summary = ComparisonMapping.summary(result, generations)
        try await send(message)
    }

    /// Names the first event after which two generations disagree about a position.
    public func explain(
        _ request: Nexus_Ledger_V1_ExplainRequest, former: FormerSteps?
    ) async throws -> Nexus_Ledger_V1_ExplainResponse {
        let book = try await book(request.book)
        let position = try LedgerAPI.id("position_id", request.positionID)
        let slot = try slot(request.slot)
        let found = try await answer {
            try await desk.explain(book, position: position, slot: slot, former: former)
        }
        var response = Nexus_Ledger_V1_ExplainResponse()
        if let event = found.event {
            response.event = EventMapping.recorded(
                event, book: try LedgerAPI.book(request.book), peerUID: nil)
        }
        response.method = found.method
        response.liveBefore = Data(found.liveBefore ?? [])
        response.liveAfter = Data(found.liveAfter ?? [])
        response.otherBefore = Data(found.otherBefore ?? [])
        response.otherAfter = Data(found.otherAfter ?? [])
        response.differences = found.differences.map(ComparisonMapping.message)
        response.logPosition = found.logPosition.rawValue
        return response
    }
}
