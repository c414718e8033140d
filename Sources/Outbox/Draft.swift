import LedgerCore

extension Outbox {
    /// The events of one request at most.
    public static let eventsPerRequestMax = 1 << 20

    /// A request to be buffered; it is stored, drained, parked and discarded whole.
    public struct Draft: Hashable, Sendable {
        /// The book that all its events belong to.
        public var book: BookName
        /// Canonical bytes of an `EventLine`, one an event, in the order of the request.
        public var lines: [[UInt8]]
        /// What tells each event from all others, as many as lines: 1–255 octets, opaque here.
        public var keys: [[UInt8]]
        /// The positions that the events touch, each once.
        public var positions: [UUID]
        /// The version of a position that was last known when the request came; a position that
        /// is missing here had none known.
        public var bases: [UUID: StreamVersion]
        /// uid of the process that asked; nil where unknown.
        public var peerUID: UInt32?
        /// When it was buffered.
        public var bufferedAt: Timestamp
        /// Why it did not go to PostgreSQL.
        public var reason: String

        /// A draft from its parts; `Outbox.append` says what it asks of them.
        public init(
            book: BookName, lines: [[UInt8]], keys: [[UInt8]], positions: [UUID],
            bases: [UUID: StreamVersion] = [:], peerUID: UInt32? = nil, bufferedAt: Timestamp,
            reason: String
        ) {
            self.book = book
            self.lines = lines
            self.keys = keys
            self.positions = positions
            self.bases = bases
            self.peerUID = peerUID
            self.bufferedAt = bufferedAt
            self.reason = reason
        }

        /// Octets of the lines, for limits.
        public var byteCount: Int { lines.reduce(0) { $0 + $1.count } }

        /// Stops the process where the caller broke the rules of `append`.
        func check() {
            precondition((1...Outbox.eventsPerRequestMax).contains(lines.count), "1 to 2²⁰ events")
            precondition(keys.count == lines.count, "one key an event")
            precondition(keys.allSatisfy { (1...255).contains($0.count) }, "keys: 1–255 octets")
            precondition(lines.allSatisfy { !$0.isEmpty }, "a line is not empty")
            precondition(!positions.isEmpty, "a request touches a position")
            precondition(Set(positions).count == positions.count, "each position once")
        }
    }
}
