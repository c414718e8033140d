/// Why the outbox did not do what it was asked.
public enum OutboxError: Error, Hashable, Sendable {
    /// Another process has it open: stop that one, or use another path.
    case locked(path: String, pid: Int32?)
    /// Something stored cannot be trusted. The file is left as it is; run
    /// `nexus-ledger outbox salvage`, then start with a new file.
    case damaged(Damage)
    /// A newer ledger wrote the file: start that one.
    case newer(path: String, version: Int64, known: Int64)
    /// The file is not an outbox: name another path.
    case foreign(path: String)
    /// Nothing was stored. Back off, make room, or raise the limit.
    case full(Limit)
    /// The operating system or SQLite failed; what was asked was not done, except that a commit
    /// whose flush failed may come back after a crash.
    case io(String)
    /// No such request, or it was purged.
    case unknown(OutboxSequence)
    /// Only a request that waits can be settled.
    case notWaiting(OutboxSequence, state: Outbox.State)
    /// Only a parked request can be resolved.
    case notParked(OutboxSequence, state: Outbox.State)
    /// It was not refused itself: resolve `root`, and it waits again too.
    case parkedBehind(OutboxSequence, root: OutboxSequence)
    /// `rebase` needs one line for each event of the request.
    case linesMismatch(OutboxSequence, stored: Int, given: Int)

    /// The bound that was reached, with its figures in octets.
    public enum Limit: Hashable, Sendable {
        /// File and write-ahead log would be `needed` long; `max` is configured as `bytesMax`.
        case bytesMax(needed: Int64, max: Int64)
        /// The file system has `free` left; `min` is configured as `diskFreeMin`.
        case diskFreeMin(free: Int64, min: Int64)
        /// The file system refused the write: it, or the owner's quota, is full.
        case device(String)
    }

    /// What is broken, and what is left.
    public struct Damage: Hashable, Sendable {
        /// The file.
        public var path: String
        /// What was found, in words.
        public var what: String
        /// The request that it concerns, where it is one.
        public var sequence: OutboxSequence?
        /// What a salvage would find; counted at start only.
        public var readable: SalvageReport?
    }
}

extension OutboxError: CustomStringConvertible {
    /// One line for a log or an operator.
    public var description: String {
        switch self {
        case .locked(let path, let pid):
            "the outbox \(path) is in use by "
                + (pid.map { "process \($0)" } ?? "another process")
        case .damaged(let damage): damage.description
        case .newer(let path, let version, let known):
            "the outbox \(path) has version \(version); this ledger knows \(known): "
                + "start the newer ledger"
        case .foreign(let path): "\(path) is not an outbox; name another file"
        case .full(let limit): "the outbox is full: \(limit)"
        case .io(let what): "the outbox failed: \(what)"
        case .unknown(let sequence): "there is no buffered request \(sequence)"
        case .notWaiting(let sequence, let state):
            "request \(sequence) does not wait: it is \(state)"
        case .notParked(let sequence, let state):
            "request \(sequence) is not parked: it is \(state)"
        case .parkedBehind(let sequence, let root):
            "request \(sequence) is parked only because request \(root) is: resolve \(root)"
        case .linesMismatch(let sequence, let stored, let given):
            "request \(sequence) has \(stored) events, not \(given)"
        }
    }
}

extension OutboxError.Limit: CustomStringConvertible {
    /// The name of the limit and its figures.
    public var description: String {
        switch self {
        case .bytesMax(let needed, let max): "bytes_max is \(max), \(needed) would be needed"
        case .diskFreeMin(let free, let min): "disk_free_min is \(min), \(free) octets are free"
        case .device(let what): "the file system refused the write (\(what))"
        }
    }
}

extension OutboxError.Damage: CustomStringConvertible {
    /// What is broken, what is left, and the cure.
    public var description: String {
        let left = readable.map { "; readable: \($0)" } ?? ""
        return "the outbox \(path) is damaged: \(what)\(left). It was left as it is: "
            + "`nexus-ledger outbox salvage` extracts what can be read"
    }
}
