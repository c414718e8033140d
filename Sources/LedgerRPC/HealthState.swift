import GRPCCore
import Synchronization

/// What the health service answers: a status for each service by its full name, and the overall one
/// under "", which exists from the start as NOT_SERVING.
///
/// ```
/// set, set, … ──shutDown──▶ everything NOT_SERVING, watches ended, later changes ignored
/// ```
public final class HealthState: Sendable {
    /// SERVING, NOT_SERVING, or SERVICE_UNKNOWN for a service without a status.
    public typealias Status = Grpc_Health_V1_HealthCheckResponse.ServingStatus

    /// Watches at one time. A further one is refused with RESOURCE_EXHAUSTED.
    public static let watchesMax = 1_024

    /// Changes kept for a watch that is slow to send. Beyond it the oldest is dropped; the newest
    /// always arrives.
    static let changesMax = 16

    private struct Watch {
        var service: String
        var changes: AsyncStream<Status>.Continuation
    }

    private struct State {
        var statuses: [String: Status] = ["": .notServing]
        var watches: [UInt64: Watch] = [:]
        var watchNext: UInt64 = 0
        var isShutDown = false
    }

    private let state = Mutex(State())

    /// Makes a state in which `services` and the overall status are NOT_SERVING.
    public init(services: [String] = []) {
        for service in services { set(.notServing, for: service) }
    }

    /// Sets the status of one service, or the overall one with the default name, and tells its
    /// watches when it is another than before.
    public func set(_ status: Status, for service: String = "") {
        state.withLock { state in
            guard !state.isShutDown else { return }
            Self.change(service, to: status, in: &state)
        }
    }

    /// Sets the status of every service known here, the overall one with them.
    public func setAll(_ status: Status) {
        state.withLock { state in
            guard !state.isShutDown else { return }
            for service in state.statuses.keys { Self.change(service, to: status, in: &state) }
        }
    }

    /// The status of a service; nil when it is not known here.
    public func status(of service: String = "") -> Status? {
        state.withLock { $0.statuses[service] }
    }

    /// Sets everything to NOT_SERVING for good. Watches send that and end, so that they do not hold
    /// up the server's graceful shutdown.
    public func shutDown() {
        state.withLock { state in
            guard !state.isShutDown else { return }
            for service in state.statuses.keys {
                Self.change(service, to: .notServing, in: &state)
            }
            state.isShutDown = true
            for watch in state.watches.values { watch.changes.finish() }
            state.watches = [:]
        }
    }

    private static func change(_ service: String, to status: Status, in state: inout State) {
        guard state.statuses.updateValue(status, forKey: service) != status else { return }
        for watch in state.watches.values where watch.service == service {
            watch.changes.yield(status)
        }
    }
}

extension HealthState {
    /// A watch of one service.
    struct Changes {
        /// Hands to `endWatch`.
        var id: UInt64
        /// The status of now, then each other one; ends after `endWatch` or `shutDown`.
        var statuses: AsyncStream<Status>
    }

    /// Begins a watch, which its caller ends with `endWatch`. Throws RESOURCE_EXHAUSTED.
    func watch(_ service: String) throws(RPCError) -> Changes {
        let (statuses, changes) = AsyncStream.makeStream(
            of: Status.self, bufferingPolicy: .bufferingNewest(Self.changesMax))
        let id: UInt64? = state.withLock { state in
            guard state.watches.count < Self.watchesMax else { return nil }
            let id = state.watchNext
            state.watchNext += 1
            changes.yield(state.statuses[service] ?? .serviceUnknown)
            if state.isShutDown {
                changes.finish()
            } else {
                state.watches[id] = Watch(service: service, changes: changes)
            }
            return id
        }
        guard let id else {
            throw RPCStatus.error(
                .resourceExhausted, "there are \(Self.watchesMax) health watches already")
        }
        return Changes(id: id, statuses: statuses)
    }

    /// Ends a watch: what it has not sent yet is still sent. The second call does nothing.
    func endWatch(_ id: UInt64) {
        let watch = state.withLock { $0.watches.removeValue(forKey: id) }
        watch?.changes.finish()
    }
}
