/// What can be read of a damaged outbox, and what not.
public struct SalvageReport: Hashable, Sendable {
    /// Requests that were read whole and fit their checksums.
    public var requests: Int64 = 0
    /// The events in them.
    public var events: Int64 = 0
    /// Those of them to be drained, or of whose end nothing can be read.
    public var waiting: Int64 = 0
    /// Those that are parked.
    public var parked: Int64 = 0
    /// Requests of which something is left that does not fit its checksum; the first 1,000.
    public var damaged: [OutboxSequence] = []
    /// How many requests were stored and cannot be read; nil where that is not known, as the
    /// totals cannot be read either.
    public var unreadable: Int64?

    /// Nothing read yet.
    public init() {}

    mutating func add(_ request: Outbox.Request, isStateKnown: Bool) {
        requests += 1
        events += Int64(request.draft.lines.count)
        switch request.state {
        case .waiting: waiting += 1
        case .parked: parked += 1
        case .drained, .discarded: break
        }
    }

    mutating func addDamaged(_ sequence: Int64) {
        guard damaged.count < Salvage.damagedMax else { return }
        damaged.append(OutboxSequence(rawValue: sequence))
    }
}

extension SalvageReport: CustomStringConvertible {
    /// One line for a log or an operator.
    public var description: String {
        var line = "\(requests) requests with \(events) events"
        line += " (\(waiting) waiting, \(parked) parked); "
        line += unreadable.map { "\($0) cannot be read" } ?? "how many are lost is not known"
        guard !damaged.isEmpty else { return line }
        let names = damaged.prefix(10).map(\.description).joined(separator: ", ")
        return line + ", of these \(names)" + (damaged.count > 10 ? " …" : "")
    }
}

extension Outbox {
    /// A request that was read out of a damaged outbox.
    public struct SalvagedRequest: Hashable, Sendable {
        /// Everything that is known of it. Where nothing is known of its end, it waits.
        public var request: Request
        /// Whether `request.state` is what was stored. Where it is not, the request may have been
        /// drained: appending it again is harmless, as its events' ids are known then.
        public var isStateKnown: Bool
    }

    /// Extracts every readable request of an outbox, damaged or not, in the order of their
    /// sequences. It reads the pages of the file and of its log by itself, changes neither, and
    /// trusts each request's checksum alone. About 40 octets of memory a request.
    ///
    /// - Parameter deliver: is given one request after the other.
    /// - Throws: `.locked` while a ledger has the outbox open, and `.io`.
    public static func salvage(
        _ path: String, into deliver: (SalvagedRequest) -> Void
    ) throws(OutboxError) -> SalvageReport {
        let file = OutboxFile(path: path)
        guard OutboxFile.size(path) != nil else { throw OutboxFile.failure("open", path) }
        let lock = try OutboxLock(file)
        defer { lock.unlock() }
        do {
            return try Salvage(file).report(deliver)
        } catch {
            throw OutboxError(error, path: path)
        }
    }
}
