import EventStore
import GRPCCore
import LedgerCore
import Postgres
import ProjectionEngine

/// The service `nexus.ledger.v1.Projections`, by this ledger's folds.
public struct ProjectionsAPI: Nexus_Ledger_V1_Projections.SimpleServiceProtocol {
    private let office: GenerationOffice

    /// Answers by `office`.
    public init(_ office: GenerationOffice) {
        self.office = office
    }

    /// The generations of a book, and the last steps taken with them.
    public func listGenerations(
        request: Nexus_Ledger_V1_ListGenerationsRequest, context: ServerContext
    ) async throws -> Nexus_Ledger_V1_ListGenerationsResponse {
        try await office.list(request)
    }

    /// Rebuilds a generation. A caller that goes away stops it.
    public func rebuild(
        request: Nexus_Ledger_V1_RebuildRequest,
        response: RPCWriter<Nexus_Ledger_V1_RebuildProgress>, context: ServerContext
    ) async throws {
        var request = request
        request.actor = PeerCredentials.actor(request.actor)
        try await context.whileWanted { [request] in
            try await office.rebuild(request) { try await response.write($0) }
        }
    }

    /// Compares two generations, or a sample with the live one.
    public func compare(
        request: Nexus_Ledger_V1_CompareRequest,
        response: RPCWriter<Nexus_Ledger_V1_CompareResponse>, context: ServerContext
    ) async throws {
        try await context.whileWanted {
            try await office.compare(request) { try await response.write($0) }
        }
    }

    /// Names the first event after which two generations disagree, by this ledger's folds.
    public func explain(
        request: Nexus_Ledger_V1_ExplainRequest, context: ServerContext
    ) async throws -> Nexus_Ledger_V1_ExplainResponse {
        try await office.explain(request, former: nil)
    }

    /// What a position comes to after each of its events, by this ledger's folds.
    public func listSteps(
        request: Nexus_Ledger_V1_ListStepsRequest,
        response: RPCWriter<Nexus_Ledger_V1_ListStepsResponse>, context: ServerContext
    ) async throws {
        try await office.listSteps(request) { try await response.write($0) }
    }

    /// Makes another generation the live one.
    public func promote(
        request: Nexus_Ledger_V1_PromoteRequest, context: ServerContext
    ) async throws -> Nexus_Ledger_V1_PromoteResponse {
        var request = request
        request.actor = PeerCredentials.actor(request.actor)
        return try await office.promote(request)
    }

    /// Makes the former generation the live one again.
    public func revert(
        request: Nexus_Ledger_V1_RevertRequest, context: ServerContext
    ) async throws -> Nexus_Ledger_V1_RevertResponse {
        var request = request
        request.actor = PeerCredentials.actor(request.actor)
        return try await office.revert(request)
    }

    /// Empties a slot that is not live.
    public func retire(
        request: Nexus_Ledger_V1_RetireRequest, context: ServerContext
    ) async throws -> Nexus_Ledger_V1_RetireResponse {
        var request = request
        request.actor = PeerCredentials.actor(request.actor)
        return try await office.retire(request)
    }
}
