import LedgerCore

extension Outbox {
    /// Where a request stands.
    ///
    /// ```
    /// waiting ──settle──▶ drained
    ///    ▲  └───settle──▶ parked ──discard──▶ discarded
    ///    └──retry, rebase───┘
    /// ```
    public enum State: Int64, Hashable, Sendable, CaseIterable {
        /// To be drained, for the first time or again.
        case waiting = 0
        /// Refused, or behind one that was; someone has to resolve it.
        case parked = 1
        /// In PostgreSQL.
        case drained = 2
        /// Given up for ever.
        case discarded = 3
    }

    /// Why a request is parked.
    public struct Parking: Hashable, Sendable {
        /// In words, for the operator.
        public var reason: String
        /// The request that it waits behind; nil when it was refused itself.
        public var behind: OutboxSequence?

        /// How the reason of a request begins that only contradicts what is known: nothing waits
        /// behind it.
        public static let contradiction = "contradiction: "

        /// Whether it lets later requests of its positions pass.
        public var isContradiction: Bool { reason.hasPrefix(Self.contradiction) }
    }

    /// Who gave a request up, why and when.
    public struct Resolution: Hashable, Sendable {
        /// The operator.
        public var actor: String
        /// In the operator's words.
        public var reason: String
        /// When it was discarded.
        public var at: Timestamp
    }

    /// A stored request: everything that is known of it.
    public struct Request: Hashable, Sendable {
        /// Its place in the outbox.
        public var sequence: OutboxSequence
        /// What was appended, or what `rebase` made of it.
        public var draft: Draft
        /// Where it stands.
        public var state: State
        /// Why it is parked, or was when it was discarded.
        public var parking: Parking?
        /// Where its events lie in the log, as `settle` was told; only when drained.
        public var places: [UInt8]?
        /// When it was drained.
        public var drainedAt: Timestamp?
        /// How it was given up; only when discarded.
        public var resolution: Resolution?
    }

    /// Where a key was found.
    public struct Location: Hashable, Sendable {
        /// The first request that holds it.
        public var sequence: OutboxSequence
        /// Which event of the request, from 0.
        public var index: Int
        /// Where the request stands.
        public var state: State
    }

    /// What became of a request that waited.
    public enum Settlement: Hashable, Sendable {
        /// It is in PostgreSQL; `places` are kept for those who ask again.
        case drained(OutboxSequence, places: [UInt8], at: Timestamp)
        /// It was refused (`behind` nil), or must not overtake the earlier request `behind`.
        case parked(OutboxSequence, reason: String, behind: OutboxSequence?)

        /// The request that it speaks of.
        public var sequence: OutboxSequence {
            switch self {
            case .drained(let sequence, _, _), .parked(let sequence, _, _): sequence
            }
        }
    }

    /// Requests and the events in them.
    public struct Tally: Hashable, Sendable {
        /// How many requests.
        public var requests: Int64 = 0
        /// How many events they hold.
        public var events: Int64 = 0
    }

    /// How full the outbox is.
    public struct Counts: Hashable, Sendable {
        /// To be drained.
        public var waiting: Tally
        /// To be resolved.
        public var parked: Tally
        /// Drained and kept until the purge.
        public var drained: Tally
        /// Given up.
        public var discarded: Tally
        /// When the first request that waits was buffered; nil when none waits.
        public var oldestWaiting: Timestamp?
        /// Size of the file and of its write-ahead log, in octets.
        public var fileBytes: Int64
        /// The limit of `fileBytes`.
        public var bytesMax: Int64
        /// Free octets of the file system; nil where it does not tell.
        public var diskFree: Int64?
        /// The floor of `diskFree`.
        public var diskFreeMin: Int64
    }
}
