import GRPCCore

/// The service `nexus.ledger.v1.Config`.
public struct ConfigAPI: Nexus_Ledger_V1_Config.SimpleServiceProtocol {
    private let office: ConfigOffice

    /// Answers by `office`.
    public init(_ office: ConfigOffice) {
        self.office = office
    }

    /// One entry, or one column of it.
    public func getConfig(
        request: Nexus_Ledger_V1_GetConfigRequest, context: ServerContext
    ) async throws -> Nexus_Ledger_V1_GetConfigResponse {
        try await office.get(request)
    }

    /// Entries by path.
    public func listConfig(
        request: Nexus_Ledger_V1_ListConfigRequest, context: ServerContext
    ) async throws -> Nexus_Ledger_V1_ListConfigResponse {
        try await office.list(request)
    }

    /// Sets and removes entries.
    public func applyConfig(
        request: Nexus_Ledger_V1_ApplyConfigRequest, context: ServerContext
    ) async throws -> Nexus_Ledger_V1_ApplyConfigResponse {
        var request = request
        request.actor = PeerCredentials.actor(request.actor)
        return try await office.apply(request)
    }

    /// The changes of entries.
    public func listConfigChanges(
        request: Nexus_Ledger_V1_ListConfigChangesRequest, context: ServerContext
    ) async throws -> Nexus_Ledger_V1_ListConfigChangesResponse {
        try await office.changes(request)
    }

    /// Takes changes back.
    public func rollbackConfig(
        request: Nexus_Ledger_V1_RollbackConfigRequest, context: ServerContext
    ) async throws -> Nexus_Ledger_V1_RollbackConfigResponse {
        var request = request
        request.actor = PeerCredentials.actor(request.actor)
        return try await office.rollBack(request)
    }

    /// Follows changes. A caller that goes away ends it.
    public func watchConfig(
        request: Nexus_Ledger_V1_WatchConfigRequest,
        response: RPCWriter<Nexus_Ledger_V1_WatchConfigResponse>, context: ServerContext
    ) async throws {
        try await context.whileWanted {
            try await office.follow(request) { try await response.write($0) }
        }
    }
}
