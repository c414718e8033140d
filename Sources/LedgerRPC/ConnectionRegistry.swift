import NIOCore
import Synchronization

/// The open connections of a server, so that they can be closed when its patience ends. Cancelling
/// the server's task is not enough: the transport also waits where cancellation does not reach, for
/// one on a client that does not read.
final class ConnectionRegistry: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var isClosed = false
    }

    private let state = Mutex(State())

    /// Keeps a connection until it closes; closes it at once after `closeAll`.
    func add(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        let isKept = state.withLock { state in
            guard !state.isClosed else { return false }
            state.channels[id] = channel
            return true
        }
        guard isKept else { return channel.close(promise: nil) }
        channel.closeFuture.whenComplete { [weak self] _ in
            self?.state.withLock { _ = $0.channels.removeValue(forKey: id) }
        }
    }

    /// Closes every connection, without waiting, and those to come.
    func closeAll() {
        let channels = state.withLock { state in
            state.isClosed = true
            return Array(state.channels.values)
        }
        for channel in channels { channel.close(promise: nil) }
    }
}
