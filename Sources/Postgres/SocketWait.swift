import Glibc

/// What became of waiting for a socket.
enum SocketWait: Equatable {
    /// It is readable, writable, closed by the peer or in error: try it.
    case ready(Int16)
    case timedOut
    case failed(errno: Int32)
}

/// Waits until one of `events` (POLLIN, POLLOUT) holds; looks once even when the deadline has
/// passed.
func waitForSocket(_ socket: Int32, _ events: Int16, _ deadline: Deadline) -> SocketWait {
    guard socket >= 0 else { return .failed(errno: EBADF) }
    var entry = pollfd(fd: socket, events: events, revents: 0)
    while true {
        let count = poll(&entry, 1, deadline.pollTimeout)
        if count > 0 { return .ready(entry.revents) }
        if count == 0 {
            if deadline.hasPassed { return .timedOut }
        } else if errno != EINTR {
            return .failed(errno: errno)
        }
    }
}
