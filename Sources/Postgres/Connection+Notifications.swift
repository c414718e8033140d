import CLibPQ
import Glibc

/// What NOTIFY told a listening session.
public struct Notification: Hashable, Sendable {
    /// The channel that it came on.
    public let channel: String
    /// What the sender added; empty when nothing, at most 8000 bytes.
    public let payload: String
    /// The server process of the session that sent it, which can be this one.
    public let senderPID: Int32
}

extension Connection {
    /// Subscribes this session to a channel, case-sensitively. Not behind PgBouncer in
    /// transaction mode, which loses the subscription without a word.
    public func listen(_ channel: String, deadline: Deadline) throws(PostgresError) {
        try execute("LISTEN \(Self.quoted(identifier: channel))", deadline: deadline)
    }

    /// Ends the subscription to a channel.
    public func unlisten(_ channel: String, deadline: Deadline) throws(PostgresError) {
        try execute("UNLISTEN \(Self.quoted(identifier: channel))", deadline: deadline)
    }

    /// Waits for notifications and returns those that came, in order. Empty when the deadline
    /// passed or `wakeUp` was signalled: neither is an error, the connection stays open.
    ///
    /// Throws `.unreachable` when the server closes the connection meanwhile. Within a
    /// transaction none are delivered.
    public func waitForNotifications(
        deadline: Deadline, wakeUp: WakeUp? = nil
    ) throws(PostgresError) -> [Notification] {
        let handle = try open()
        while true {
            let received = takeNotifications(handle)
            if !received.isEmpty { return received }
            var entries = [
                pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0),
                // poll(2) ignores an entry with a negative descriptor.
                pollfd(fd: wakeUp?.readEnd ?? -1, events: Int16(POLLIN), revents: 0),
            ]
            let count = poll(&entries, nfds_t(entries.count), deadline.pollTimeout)
            if count < 0, errno != EINTR {
                throw abandoned(.unreachable("poll: errno \(errno)"))
            }
            if count == 0, deadline.hasPassed { return [] }
            if entries[0].revents != 0 {
                guard PQconsumeInput(handle) == 1 else { throw failedCall(handle) }
            } else if entries[1].revents != 0 {
                wakeUp?.clear()
                return []
            }
        }
    }

    /// The notifications that came along with other answers, without waiting.
    private func takeNotifications(_ handle: OpaquePointer) -> [Notification] {
        var received: [Notification] = []
        while let notice = PQnotifies(handle) {
            defer { PQfreemem(notice) }
            received.append(
                Notification(
                    channel: String(cString: notice.pointee.relname),
                    payload: String(cString: notice.pointee.extra),
                    senderPID: notice.pointee.be_pid))
        }
        return received
    }
}
