import GRPCCore

/// grpc.health.v1.Health over a `HealthState`.
///
/// Anybody who can connect may ask: load balancers and probes have no role.
public struct HealthService: Grpc_Health_V1_Health.SimpleServiceProtocol {
    /// The full name of the service, as it is registered.
    public static let name = "grpc.health.v1.Health"

    private let state: HealthState

    /// Makes a service that answers from `state`.
    public init(state: HealthState) {
        self.state = state
    }

    /// The status of one service. NOT_FOUND when it is not known here.
    public func check(
        request: Grpc_Health_V1_HealthCheckRequest, context: ServerContext
    ) async throws -> Grpc_Health_V1_HealthCheckResponse {
        guard let status = state.status(of: request.service) else {
            throw RPCStatus.error(.notFound, "no service is named \"\(request.service)\"")
        }
        return .with { $0.status = status }
    }

    /// The status of one service now and whenever it changes, SERVICE_UNKNOWN while it is not known
    /// here. Ends with UNAVAILABLE after the NOT_SERVING of a shutdown.
    public func watch(
        request: Grpc_Health_V1_HealthCheckRequest,
        response: RPCWriter<Grpc_Health_V1_HealthCheckResponse>,
        context: ServerContext
    ) async throws {
        let changes = try state.watch(request.service)
        defer { state.endWatch(changes.id) }
        // gRPC does not cancel the task of a call: neither when the client is gone, nor when the
        // server begins to shut down. Without this the watch would wait for the next change.
        try await withRPCCancellationHandler {
            for await status in changes.statuses {
                try await response.write(.with { $0.status = status })
            }
        } onCancelRPC: { [state] in
            state.endWatch(changes.id)
        }
        throw RPCStatus.error(.unavailable, "the ledger is shutting down")
    }
}
