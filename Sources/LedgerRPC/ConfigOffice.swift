import ConfigStore
import GRPCCore
import LedgerCore
import Postgres

/// The service `Config` without the wire: takes its requests and gives its answers. The RPC and
/// the commands that go to the database themselves are the same thing by it.
public struct ConfigOffice: Sendable {
    private let store: ConfigStore
    private let watch: @Sendable () throws -> ConfigWatch

    /// `watch` makes a watch with a connection of its own.
    public init(_ store: ConfigStore, watch: @escaping @Sendable () throws -> ConfigWatch) {
        self.store = store
        self.watch = watch
    }

    /// One entry, or one column of it.
    public func get(
        _ request: Nexus_Ledger_V1_GetConfigRequest
    ) async throws -> Nexus_Ledger_V1_GetConfigResponse {
        try await answer {
            var response = Nexus_Ledger_V1_GetConfigResponse()
            response.value = try await store.value(of: request.path)
            return response
        }
    }

    /// Entries by path.
    public func list(
        _ request: Nexus_Ledger_V1_ListConfigRequest
    ) async throws -> Nexus_Ledger_V1_ListConfigResponse {
        try await answer {
            var response = Nexus_Ledger_V1_ListConfigResponse()
            let moment =
                request.asOfUs == 0 ? nil : Timestamp(microseconds: request.asOfUs)
            response.entries = try await store.entries(prefix: request.prefix, at: moment).map {
                entry in
                var message = Nexus_Ledger_V1_ConfigEntry()
                message.path = entry.path
                message.value = entry.value
                message.isDefault = entry.isDefault
                message.kind = entry.kind
                message.unit = entry.unit
                message.description_p = entry.description
                message.changedAtUs = entry.changedAt?.microseconds ?? 0
                return message
            }
            return response
        }
    }

    /// Sets and removes entries, all or none.
    public func apply(
        _ request: Nexus_Ledger_V1_ApplyConfigRequest
    ) async throws -> Nexus_Ledger_V1_ApplyConfigResponse {
        try await answer {
            var response = Nexus_Ledger_V1_ApplyConfigResponse()
            let edits = request.edits.map { edit in
                ConfigEdit(path: edit.path, value: edit.value.isEmpty ? nil : edit.value)
            }
            response.changes = try await store.apply(
                edits, ConfigReason(actor: request.actor, text: request.reason),
                isDry: request.dryRun
            ).map(Self.message)
            return response
        }
    }

    /// The changes of entries, the newest first.
    public func changes(
        _ request: Nexus_Ledger_V1_ListConfigChangesRequest
    ) async throws -> Nexus_Ledger_V1_ListConfigChangesResponse {
        try await answer {
            let limit = request.limit == 0 ? 100 : request.limit
            guard (1...ConfigStore.changesMax).contains(limit) else {
                throw ConfigError.invalid(
                    "limit: \(limit) must be 1 to \(ConfigStore.changesMax)")
            }
            var response = Nexus_Ledger_V1_ListConfigChangesResponse()
            response.changes = try await store.changes(
                prefix: request.prefix, before: request.before, limit: limit
            ).map(Self.message)
            return response
        }
    }

    /// Takes one change back, or everything since a moment.
    public func rollBack(
        _ request: Nexus_Ledger_V1_RollbackConfigRequest
    ) async throws -> Nexus_Ledger_V1_RollbackConfigResponse {
        try await answer {
            guard (request.changeID == 0) != (request.momentUs == 0) else {
                throw ConfigError.invalid("change_id, moment_us: give one of them")
            }
            let reason = ConfigReason(actor: request.actor, text: request.reason)
            let changes =
                if request.changeID != 0 {
                    try await store.rollBack(
                        change: request.changeID, reason, isDry: request.dryRun)
                } else {
                    try await store.rollBack(
                        to: Timestamp(microseconds: request.momentUs), prefix: request.prefix,
                        reason, isDry: request.dryRun)
                }
            var response = Nexus_Ledger_V1_RollbackConfigResponse()
            response.changes = changes.map(Self.message)
            return response
        }
    }

    /// Sends changes as they are committed, until cancelled; an outage of the database after the
    /// first answer is waited out.
    public func follow(
        _ request: Nexus_Ledger_V1_WatchConfigRequest,
        send: (Nexus_Ledger_V1_WatchConfigResponse) async throws -> Void
    ) async throws {
        let watch = try await answer { try self.watch() }
        do {
            var (through, isFirst) = (request.after, true)
            while !Task.isCancelled {
                let look: ConfigWatch.Look
                do {
                    look = try await answer { [through] in
                        try await watch.look(after: through, prefix: request.prefix)
                    }
                } catch let error as RPCError where !isFirst && error.code == .unavailable {
                    // A restart of the server: what is committed meanwhile is read after it.
                    try? await Task.sleep(for: .seconds(1))
                    continue
                }
                if Task.isCancelled { break }
                through = look.through
                guard isFirst || !look.changes.isEmpty else { continue }
                isFirst = false
                var message = Nexus_Ledger_V1_WatchConfigResponse()
                message.changes = look.changes.map(Self.message)
                message.through = through
                message.polling = look.isPolling
                try await send(message)
            }
            await watch.shutdown()
        } catch {
            await watch.shutdown()
            throw error
        }
    }

    private static func message(_ change: ConfigChange) -> Nexus_Ledger_V1_ConfigChange {
        var message = Nexus_Ledger_V1_ConfigChange()
        message.changeID = change.id
        message.changedAtUs = change.changedAt.microseconds
        message.actor = change.actor
        message.dbRole = change.dbRole
        message.path = change.path
        message.previous = change.previous ?? ""
        message.current = change.current ?? ""
        message.reason = change.reason ?? ""
        message.rollsBack = change.rollsBack ?? 0
        return message
    }

    private func answer<Value: Sendable>(
        _ body: () async throws -> Value
    ) async throws -> Value {
        do { return try await body() } catch let error as ConfigError {
            throw ErrorMapping.status(error)
        } catch {
            throw ErrorMapping.status(reading: error)
        }
    }
}
