import Crypto
import LedgerCore

/// A book's number in this database.
public struct BookID: RawRepresentable, Hashable, Sendable {
    public let rawValue: Int32

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

    public init(peerUID: UInt32?, host: String) {
        self.peerUID = peerUID
        self.host = host
    }
}

/// One atomic request, with everything computed that needs no database.
public struct Submission: Sendable {
    public let events: [NewEvent]
    /// Canonical payload of each event and its SHA-256.
    let payloads: [Payload]
    public let origin: Origin
    /// Size of the payloads, for limits.
    public let byteCount: Int

    struct Payload: Sendable {
        let bytes: [UInt8]
        let digest: SHA256Digest
    }

    /// Renders and hashes the payloads; costs about 2 µs an event, so it is done by the caller's
    /// task and not by the writer.
    public init(_ events: [NewEvent], origin: Origin) {
        self.events = events
        self.origin = origin
        payloads = events.map { event in
            let bytes = event.payloadBytes
            return Payload(bytes: bytes, digest: LeafHash.digest(of: bytes))
        }
        byteCount = payloads.reduce(0) { $0 + $1.bytes.count }
    }
}

/// Where an event of a request stands.
public struct Place: Hashable, Sendable {
    public var eventID: UUID
    public var logPosition: LogPosition
    public var version: StreamVersion
    public var recordedAt: Timestamp
    /// It was known already, and this is its first place.
    public var isDuplicate: Bool
}

/// An event as the log has it.
public struct RecordedEvent: Sendable {
    public var event: Event
    public var schemaVersion: Int32
    public var source: EventSource
    public var actor: String?
    public var causationID: UUID?
    public var correlationID: UUID?
    /// Canonical JSON, as it was hashed.
    public var payloadBytes: [UInt8]
    public var leafHash: [UInt8]
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
    public var description: String {
        switch self {
        case .unreadable(let position, let field):
            "the event at log position \(position) cannot be read: \(field)"
        case .inconsistent(let what): "the log is inconsistent: \(what)"
        case .notMigrated(let what): "\(what); run `nexus-ledger migrate up`"
        }
    }
}
