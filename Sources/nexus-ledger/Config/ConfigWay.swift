import ArgumentParser
import ConfigStore
import GRPCCore
import LedgerCore
import LedgerRPC
import Postgres

/// The same requests and answers about the configuration, whichever way they go: to the database,
/// or to a ledger that runs.
enum ConfigWay: Sendable {
    case database(ConfigOffice)
    case ledger(Ledger)

    func get(
        _ request: Nexus_Ledger_V1_GetConfigRequest
    ) async throws -> Nexus_Ledger_V1_GetConfigResponse {
        switch self {
        case .database(let office): try await office.get(request)
        case .ledger(let ledger):
            try await ledger.config.getConfig(request, options: Ledger.answering)
        }
    }

    func entries(
        prefix: String = "", asOf: Timestamp? = nil
    ) async throws -> [Nexus_Ledger_V1_ConfigEntry] {
        var request = Nexus_Ledger_V1_ListConfigRequest()
        request.prefix = prefix
        request.asOfUs = asOf?.microseconds ?? 0
        return switch self {
        case .database(let office): try await office.list(request).entries
        case .ledger(let ledger):
            try await ledger.config.listConfig(request, options: Ledger.answering).entries
        }
    }

    func apply(
        _ request: Nexus_Ledger_V1_ApplyConfigRequest
    ) async throws -> [Nexus_Ledger_V1_ConfigChange] {
        switch self {
        case .database(let office): try await office.apply(request).changes
        case .ledger(let ledger):
            try await ledger.config.applyConfig(request, options: Ledger.answering).changes
        }
    }

    func changes(
        _ request: Nexus_Ledger_V1_ListConfigChangesRequest
    ) async throws -> [Nexus_Ledger_V1_ConfigChange] {
        switch self {
        case .database(let office): try await office.changes(request).changes
        case .ledger(let ledger):
            try await ledger.config.listConfigChanges(request, options: Ledger.answering).changes
        }
    }

    func rollBack(
        _ request: Nexus_Ledger_V1_RollbackConfigRequest
    ) async throws -> [Nexus_Ledger_V1_ConfigChange] {
        switch self {
        case .database(let office): try await office.rollBack(request).changes
        case .ledger(let ledger):
            try await ledger.config.rollbackConfig(request, options: Ledger.answering).changes
        }
    }

    func follow(
        _ request: Nexus_Ledger_V1_WatchConfigRequest,
        _ each: @escaping @Sendable (Nexus_Ledger_V1_WatchConfigResponse) async throws -> Void
    ) async throws {
        switch self {
        case .database(let office): try await office.follow(request) { try await each($0) }
        case .ledger(let ledger):
            try await ledger.config.watchConfig(request) { response in
                for try await message in response.messages { try await each(message) }
            }
        }
    }
}

extension GenerationOptions {
    /// Calls `body` with the way to the configuration.
    func configWay<Value: Sendable>(
        isolation: isolated (any Actor)? = #isolation, _ body: (ConfigWay) async throws -> Value
    ) async throws -> Value {
        guard let conninfo = try conninfo() else {
            return try await Ledger.connected(common) { try await body(.ledger($0)) }
        }
        return try await GenerationOptions.configPool(conninfo) { pool, info in
            try await body(
                .database(ConfigOffice(ConfigStore(pool)) { try ConfigWatch(info) }))
        }
    }

    /// Calls `body` with a connection to the database, which has to be named: what is secret goes
    /// nowhere else.
    func secretWay<Value: Sendable>(
        isolation: isolated (any Actor)? = #isolation,
        _ body: (CredentialStore) async throws -> Value
    ) async throws -> Value {
        guard let conninfo = try conninfo() else {
            throw ValidationError(
                "credentials go to the database itself: give --database CONNINFO or --embedded DIR")
        }
        return try await GenerationOptions.configPool(conninfo) { pool, _ in
            do { return try await body(CredentialStore(pool)) } catch let error as ConfigError {
                throw Failure(error)
            }
        }
    }

    private static func configPool<Value: Sendable>(
        _ conninfo: String, isolation: isolated (any Actor)? = #isolation,
        _ body: (Pool, ConnectionInfo) async throws -> Value
    ) async throws -> Value {
        let info = try ConnectionInfo(
            conninfo, overrides: ["application_name": "nexus-ledger config"])
        let pool = Pool(
            info.preparing(false), limits: .init(connectionsMax: 1), name: "pg-config")
        do {
            try await checkSchema(pool)
            let value = try await body(pool, info)
            await pool.shutdown()
            return value
        } catch {
            await pool.shutdown()
            throw error
        }
    }
}

extension Failure {
    /// What a refusal of the configuration means.
    init(_ error: ConfigError) {
        switch error {
        case .invalid(let text), .precondition(let text): self.init(.refused, text)
        case .notFound(let text): self.init(.notFound, text)
        case .forbidden(let text), .leaky(let text): self.init(.failed, text)
        }
    }
}
