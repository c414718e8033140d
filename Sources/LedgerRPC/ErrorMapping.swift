import Admission
import AppendPipeline
import ConfigStore
import EventStore
import GRPCCore
import LedgerCore
import Outbox
import Postgres
import ProjectionEngine

/// Every error's gRPC status (architecture.md, "RPC").
enum ErrorMapping {
    static func status(_ field: InvalidField) -> RPCError {
        RPCStatus.error(
            .invalidArgument, field.description,
            details: ["field": field.field, "value": field.value, "cure": field.cure])
    }

    static func status(_ error: AppendError) -> RPCError {
        switch error {
        case .refused(let refusal): status(refusal)
        case .overloaded(let limit):
            RPCStatus.error(.resourceExhausted, limit + ": back off and send it again")
        case .unavailable(let reason): RPCStatus.error(.unavailable, reason)
        case .shuttingDown: RPCStatus.error(.unavailable, "the ledger is shutting down")
        case .failed(let reason): RPCStatus.error(.internalError, reason)
        }
    }

    static func status(_ refusal: Refusal) -> RPCError {
        let place = refusal.index.map { "events[\($0)]: " } ?? ""
        switch refusal {
        case .invalid(let index, let field): return status(field.within("events[\(index)]"))
        case .versionConflict(_, let position, _, let actual):
            return RPCStatus.error(
                .aborted, place + refusal.description,
                details: [
                    "position_id": position.description, "actual_version": actual.description,
                ])
        case .contentConflict(_, let id, let member, let known):
            return RPCStatus.error(
                .alreadyExists, place + refusal.description,
                details: [
                    "event_id": id.description, "member": member,
                    "log_position": known.logPosition.description,
                ])
        case .partlyKnown: return RPCStatus.error(.aborted, refusal.description)
        case .precondition: return RPCStatus.error(.failedPrecondition, place + refusal.description)
        }
    }

    static func status(_ error: OutboxError) -> RPCError {
        switch error {
        case .unknown: RPCStatus.error(.notFound, error.description)
        case .parkedBehind(_, let root):
            RPCStatus.error(
                .failedPrecondition, error.description, details: ["resolve": root.description])
        case .notWaiting, .notParked, .linesMismatch:
            RPCStatus.error(.failedPrecondition, error.description)
        case .full:
            RPCStatus.error(.resourceExhausted, "\(error): make room and send it again")
        case .locked, .damaged, .newer, .foreign, .io:
            RPCStatus.error(.unavailable, error.description)
        }
    }

    static func status(_ error: GenerationError) -> RPCError {
        switch error {
        case .precondition(let reason): RPCStatus.error(.failedPrecondition, reason)
        case .notFound(let reason): RPCStatus.error(.notFound, reason)
        case .changedSince(let reason): RPCStatus.error(.aborted, reason)
        case .busy(let reason): RPCStatus.error(.unavailable, reason)
        }
    }

    static func status(_ error: ConfigError) -> RPCError {
        switch error {
        case .invalid(let reason): RPCStatus.error(.invalidArgument, reason)
        case .notFound(let reason): RPCStatus.error(.notFound, reason)
        case .precondition(let reason), .leaky(let reason):
            RPCStatus.error(.failedPrecondition, reason)
        case .forbidden(let reason): RPCStatus.error(.permissionDenied, reason)
        }
    }

    /// What a reader is told: no statement, no settings of the connection.
    private static func unavailable(_ error: PostgresError) -> String {
        switch error {
        case .timedOut: "the database did not answer in time"
        case .unreachable: "the database is unreachable"
        case .shutDown: "the ledger is shutting down"
        default: "the database cannot answer now: " + error.description
        }
    }

    /// Any error of a read.
    static func status(reading error: any Error) -> any Error {
        switch error {
        case let error as RPCError: return error
        case let error as InvalidField: return status(error)
        case let error as AppendError: return status(error)
        case let error as OutboxError: return status(error)
        case let error as GenerationError: return status(error)
        case let error as PostgresError:
            if case .exhausted(let limit) = error {
                return RPCStatus.error(
                    .resourceExhausted, "readers_waiting_max (\(limit)) is reached: back off")
            }
            return error.isOutage || error == .shutDown
                ? RPCStatus.error(.unavailable, unavailable(error) + ": ask again later")
                : RPCStatus.error(.internalError, error.description)
        case is CancellationError: return RPCStatus.error(.cancelled, "the call was cancelled")
        default: return RPCStatus.error(.internalError, "\(error)")
        }
    }
}
