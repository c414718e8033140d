import Admission
import Crypto
import LedgerCore

/// A book's number in this database.
public struct BookID: RawRepresentable, Hashable, Sendable {
    /// positions.books.book_id.
    public let rawValue: Int32

    /// Takes any number; whether the book exists is not asked.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }
}

/// Who handed a request to the ledger, as the socket knows it.
public struct Origin: Hashable, Sendable {
    /// uid of the peer process; nil where unknown.
    public var peerUID: UInt32?
    /// Name of the host that the ledger runs on.
    public var host: String
    /// When it was kept in the host's outbox, and as what; nil where it came directly.
    public var buffered: Buffered?

    /// A request's time in an outbox.
    public struct Buffered: Hashable, Sendable {
        /// When it was acknowledged.
        public var at: Timestamp
        /// Its number in the outbox of the host, from 1.
        public var sequence: Int64

        /// Takes both as they are.
        public init(at: Timestamp, sequence: Int64) {
            self.at = at
            self.sequence = sequence
        }
    }

    /// Takes them as they are.
    public init(peerUID: UInt32?, host: String, buffered: Buffered? = nil) {
        self.peerUID = peerUID
        self.host = host
        self.buffered = buffered
    }
}

/// One atomic request, with everything computed that needs no database.
public struct Submission: Sendable {
    /// In the order in which they are decided; all of them are appended or none.
    public let events: [NewEvent]
    /// Canonical payload of each event and its SHA-256.
    let payloads: [Payload]
    /// Ids that are derived from the terms of positions which the request opens itself.
    let derived: [DerivedID?]
    /// Who handed it in; recorded beside the events, outside their hashes.
    public let origin: Origin
    /// Size of the payloads, for limits.
    public let byteCount: Int

    struct Payload: Sendable {
        let bytes: [UInt8]
        let digest: SHA256Digest
    }

    /// Tells contents of events apart: the first 16 octets of a payload's SHA-256.
    public struct ContentMark: Hashable, Sendable {
        private let high: UInt64
        private let low: UInt64

        init(_ digest: SHA256Digest) {
            (high, low) = digest.withUnsafeBytes { bytes in
                (
                    bytes.loadUnaligned(as: UInt64.self),
                    bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
                )
            }
        }
    }

    /// The canonical payload of an event, by its place in `events`.
    public func payloadBytes(of index: Int) -> [UInt8] { payloads[index].bytes }

    /// The mark of an event's payload, by its place in `events`.
    public func contentMark(of index: Int) -> ContentMark {
        ContentMark(payloads[index].digest)
    }

    /// Whether it can be decided on the streams and the known events of its ids alone, without
    /// reading another event.
    var needsNoHistory: Bool {
        events.allSatisfy { event in
            switch event.payload {
            case .fill(let fill): fill.replaces == nil
            case .funding(let funding): funding.replaces == nil
            case .opened, .fee, .mark, .closeRequested, .closed, .cancelled: true
            case .feeValued, .adjustment, .voided: false
            }
        }
    }

    /// Renders and hashes the payloads, and derives the ids that can be; costs about 3 µs an event,
    /// so it is done by the caller's task and not by the writer.
    public init(_ events: [NewEvent], origin: Origin) {
        self.events = events
        self.origin = origin
        payloads = events.map { event in
            let bytes = event.payloadBytes
            return Payload(bytes: bytes, digest: LeafHash.digest(of: bytes))
        }
        var opening: [UUID: FrozenTerms] = [:]
        derived = events.map { event in
            if case .opened(let opened) = event.payload {
                opening[event.positionID] = FrozenTerms(opened)
            }
            guard event.type.derivesID, let terms = opening[event.positionID] else { return nil }
            return DerivedID(event.payload, terms: terms)
        }
        byteCount = payloads.reduce(0) { $0 + $1.bytes.count }
    }
}

/// Where an event of a request stands.
public struct Place: Hashable, Sendable {
    /// Its id, given or derived (accounting.md §2).
    public var eventID: UUID
    /// Its place in the log of the book, from 1.
    public var logPosition: LogPosition
    /// Its number within the position, from 1.
    public var version: StreamVersion
    /// When the ledger committed it; it never falls along the log.
    public var recordedAt: Timestamp
    /// It was known already, and this is its first place.
    public var isDuplicate: Bool

    /// Takes them as they are.
    public init(
        eventID: UUID, logPosition: LogPosition, version: StreamVersion, recordedAt: Timestamp,
        isDuplicate: Bool
    ) {
        self.eventID = eventID
        self.logPosition = logPosition
        self.version = version
        self.recordedAt = recordedAt
        self.isDuplicate = isDuplicate
    }
}

/// An event as the log has it.
public struct RecordedEvent: Sendable {
    /// The event, its payload raised to the current schema version.
    public var event: Event
    /// The version of the payload's form as it is stored.
    public var schemaVersion: Int32
    /// Where the knowledge of it comes from.
    public var source: EventSource
    /// Who did it; nil where nobody was named.
    public var actor: String?
    /// The event that led to it, if the caller said.
    public var causationID: UUID?
    /// What groups it with others, if the caller said.
    public var correlationID: UUID?
    /// Canonical JSON, as it was hashed.
    public var payloadBytes: [UInt8]
    /// The 32 octets of `LeafHash` as they are stored, not recomputed.
    public var leafHash: [UInt8]
}

/// An event of the log, as far as this build can read it.
public enum LogEntry: Sendable {
    case event(Event)
    /// A newer ledger wrote it, or it was damaged: its position cannot be folded beyond it.
    case unreadable(UnreadableEvent)

    /// The position that it belongs to.
    public var positionID: UUID {
        switch self {
        case .event(let event): event.positionID
        case .unreadable(let event): event.positionID
        }
    }

    /// Its number within the position.
    public var version: StreamVersion {
        switch self {
        case .event(let event): event.version
        case .unreadable(let event): event.version
        }
    }

    /// When it was committed.
    public var recordedAt: Timestamp {
        switch self {
        case .event(let event): event.recordedAt
        case .unreadable(let event): event.recordedAt
        }
    }
}

/// What is known of an event whose payload cannot be read.
public struct UnreadableEvent: Sendable {
    /// Its identity.
    public var eventID: UUID
    /// The position that it belongs to.
    public var positionID: UUID
    /// Its number within the position.
    public var version: StreamVersion
    /// Its place in the log.
    public var logPosition: LogPosition
    /// When it was committed.
    public var recordedAt: Timestamp
    /// What cannot be read.
    public var reason: String
}

/// A position's events up to the first one that cannot be read.
public struct ReadableStream: Sendable {
    /// By version, from the first.
    public var events: [Event] = []
    /// What comes next and cannot be read.
    public var flaw: UnreadableEvent?
    /// Events after the flaw.
    public var hidden = 0

    /// No events.
    public init() {}

    /// The place of its first event; the origin without one.
    public var first: LogPosition { events.first?.logPosition ?? flaw?.logPosition ?? .origin }

    /// All its events, those that cannot be read included.
    public var count: Int { events.count + (flaw == nil ? 0 : 1) + hidden }

    /// Takes the next entry of the stream.
    public mutating func append(_ entry: LogEntry) {
        guard flaw == nil else {
            hidden += 1
            return
        }
        switch entry {
        case .event(let event): events.append(event)
        case .unreadable(let event): flaw = event
        }
    }
}

/// Why the store could not answer.
public enum StoreError: Error, Sendable {
    /// A stored event cannot be read: the log was damaged or a newer ledger wrote it.
    case unreadable(LogPosition, InvalidField)
    /// The log's head is not where the events end: stop and run the audit.
    case inconsistent(String)
    /// The tables are not those of this build: run `nexus-ledger migrate up`.
    case notMigrated(String)
}

extension StoreError: CustomStringConvertible {
    /// What is wrong, with the cure where the operator has one.
    public var description: String {
        switch self {
        case .unreadable(let position, let field):
            "the event at log position \(position) cannot be read: \(field)"
        case .inconsistent(let what): "the log is inconsistent: \(what)"
        case .notMigrated(let what): "\(what); run `nexus-ledger migrate up`"
        }
    }
}
