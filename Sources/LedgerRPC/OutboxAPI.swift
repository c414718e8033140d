import AppendPipeline
import GRPCCore
import LedgerCore
import Outbox

import struct Foundation.Data

/// The service `nexus.ledger.v1.Outbox`: what is buffered, and what becomes of what was refused.
public struct OutboxAPI: Nexus_Ledger_V1_Outbox.SimpleServiceProtocol {
    private let desk: OutboxDesk?
    private let clock: @Sendable () -> Timestamp

    /// Requests of one answer of ListParked.
    static let pageMax = 1_000
    /// Requests that are in memory at one time with all their lines.
    private static let stepMax = 20
    /// Ids of positions that are told of a request.
    static let positionsMax = 20
    /// Bytes of the lines of one answer; one line may have more.
    static let linesBytesMax = 2 << 20
    /// Sequences that are told of those that wait again.
    static let waitingAgainMax = 1_000

    /// `clock` tells when a request was discarded; `desk` is nil without an outbox.
    public init(desk: OutboxDesk?, clock: @escaping @Sendable () -> Timestamp) {
        self.desk = desk
        self.clock = clock
    }

    /// How many requests stand where, and how much room is left.
    /// - Throws: FAILED_PRECONDITION without an outbox; UNAVAILABLE if it cannot be read.
    public func getOutboxStatus(
        request: Nexus_Ledger_V1_GetOutboxStatusRequest, context: ServerContext
    ) async throws -> Nexus_Ledger_V1_GetOutboxStatusResponse {
        let desk = try opened()
        let counts = try await run(desk) { outbox throws(OutboxError) in try outbox.counts() }
        var response = Nexus_Ledger_V1_GetOutboxStatusResponse()
        response.path = desk.outbox.configuration.path
        response.waiting = Self.tally(counts.waiting)
        response.parked = Self.tally(counts.parked)
        response.drained = Self.tally(counts.drained)
        response.discarded = Self.tally(counts.discarded)
        response.oldestWaitingUs = counts.oldestWaiting?.microseconds ?? 0
        response.fileBytes = counts.fileBytes
        response.fileBytesMax = counts.bytesMax
        if let free = counts.diskFree { response.diskFreeBytes = free }
        response.diskFreeBytesMin = counts.diskFreeMin
        response.outage = desk.outage ?? ""
        return response
    }

    /// Parked requests in the order of their sequences, without their events.
    /// - Throws: as `getOutboxStatus`; INVALID_ARGUMENT for a page.
    public func listParked(
        request: Nexus_Ledger_V1_ListParkedRequest, context: ServerContext
    ) async throws -> Nexus_Ledger_V1_ListParkedResponse {
        let desk = try opened()
        guard request.after >= 0 else {
            throw ErrorMapping.status(
                InvalidField("after", String(request.after), "must be 0 or a sequence"))
        }
        guard request.limit >= 0, request.limit <= Self.pageMax else {
            throw ErrorMapping.status(
                InvalidField(
                    "limit", String(request.limit), "must be 1 to \(Self.pageMax), or 0 for 100"))
        }
        let limit = request.limit == 0 ? 100 : Int(request.limit)
        var response = Nexus_Ledger_V1_ListParkedResponse()
        var after = OutboxSequence(rawValue: request.after)
        while response.requests.count < limit {
            let from = after
            let step = min(Self.stepMax, limit - response.requests.count)
            let found = try await run(desk) { outbox throws(OutboxError) in
                try outbox.parked(after: from, limit: step)
            }
            response.requests += found.map(Self.message)
            guard let last = found.last, found.count == step else { break }
            after = last.sequence
        }
        let counts = try await run(desk) { outbox throws(OutboxError) in try outbox.counts() }
        response.parkedRequests = counts.parked.requests
        return response
    }

    /// One request in any state, and its events from `first_line` on.
    /// - Throws: as `getOutboxStatus`; NOT_FOUND if there is none, or it was purged.
    public func showRequest(
        request: Nexus_Ledger_V1_ShowRequestRequest, context: ServerContext
    ) async throws -> Nexus_Ledger_V1_ShowRequestResponse {
        let desk = try opened()
        let sequence = try Self.sequence(request.outboxSequence)
        let stored = try await run(desk) { outbox throws(OutboxError) in
            try outbox.request(sequence)
        }
        guard let found = stored else { throw ErrorMapping.status(OutboxError.unknown(sequence)) }
        let lines = found.draft.lines
        guard (0...Int64(lines.count)).contains(request.firstLine) else {
            throw ErrorMapping.status(
                InvalidField(
                    "first_line", String(request.firstLine),
                    "must be 0 to \(lines.count), as many as the request has events"))
        }
        var response = Nexus_Ledger_V1_ShowRequestResponse()
        response.request = Self.message(found)
        var bytes = 0
        for (index, line) in lines.enumerated().dropFirst(Int(request.firstLine)) {
            bytes += line.count
            guard bytes <= Self.linesBytesMax || response.lines.isEmpty else {
                response.nextLine = Int64(index)
                break
            }
            response.lines.append(Data(line))
        }
        return response
    }

    /// Retries, rebases or discards a request that was refused.
    /// - Throws: as `getOutboxStatus`; NOT_FOUND; FAILED_PRECONDITION if it is not parked, or is
    ///   parked behind another; INVALID_ARGUMENT for `reason` and `actor`; UNAVAILABLE for a
    ///   discard while PostgreSQL is away.
    public func resolve(
        request: Nexus_Ledger_V1_ResolveRequest, context: ServerContext
    ) async throws -> Nexus_Ledger_V1_ResolveResponse {
        let desk = try opened()
        let sequence = try Self.sequence(request.outboxSequence)
        let freed: [OutboxSequence]
        do {
            switch request.resolution {
            case .retry: freed = try await desk.retry(sequence)
            case .rebase: freed = try await desk.rebase(sequence)
            case .discard(let discard):
                freed = try await desk.discard(
                    sequence, reason: discard.reason, actor: discard.actor, at: clock())
            case nil:
                throw InvalidField("resolution", "", "must be retry, rebase or discard")
            }
        } catch {
            throw ErrorMapping.status(reading: error)
        }
        var response = Nexus_Ledger_V1_ResolveResponse()
        response.waitingAgain = freed.prefix(Self.waitingAgainMax).map(\.rawValue)
        response.waitingRequests = Int64(freed.count)
        return response
    }

    private func opened() throws -> OutboxDesk {
        guard let desk else {
            throw RPCStatus.error(
                .failedPrecondition, "this ledger has no outbox: it was started with --no-outbox")
        }
        return desk
    }

    /// Runs what waits for the disk.
    private func run<Value: Sendable>(
        _ desk: OutboxDesk,
        _ body: @escaping @Sendable (Outbox) throws(OutboxError) -> Value
    ) async throws -> Value {
        do throws(OutboxError) { return try await desk.run(body) } catch {
            throw ErrorMapping.status(error)
        }
    }

    private static func sequence(_ number: Int64) throws -> OutboxSequence {
        guard number > 0 else {
            throw ErrorMapping.status(
                InvalidField(
                    "outbox_sequence", String(number), "must be the number of a request, from 1"))
        }
        return OutboxSequence(rawValue: number)
    }

    private static func tally(_ tally: Outbox.Tally) -> Nexus_Ledger_V1_OutboxTally {
        var message = Nexus_Ledger_V1_OutboxTally()
        message.requests = tally.requests
        message.events = tally.events
        return message
    }

    private static func message(_ request: Outbox.Request) -> Nexus_Ledger_V1_BufferedRequest {
        var message = Nexus_Ledger_V1_BufferedRequest()
        message.outboxSequence = request.sequence.rawValue
        message.book = request.draft.book.description
        message.state = word(request.state)
        message.positionIds = request.draft.positions.prefix(positionsMax).map(\.description)
        message.positions = Int64(request.draft.positions.count)
        message.events = Int64(request.draft.lines.count)
        message.bufferedAtUs = request.draft.bufferedAt.microseconds
        message.reason = request.draft.reason
        message.parkedReason = request.parking?.reason ?? ""
        message.behind = request.parking?.behind?.rawValue ?? 0
        if let uid = request.draft.peerUID { message.peerUid = uid }
        message.drainedAtUs = request.drainedAt?.microseconds ?? 0
        message.discardedAtUs = request.resolution?.at.microseconds ?? 0
        message.discardedBy = request.resolution?.actor ?? ""
        message.discardReason = request.resolution?.reason ?? ""
        return message
    }

    /// The state as messages and people name it.
    private static func word(_ state: Outbox.State) -> String {
        switch state {
        case .waiting: "waiting"
        case .parked: "parked"
        case .drained: "drained"
        case .discarded: "discarded"
        }
    }
}
