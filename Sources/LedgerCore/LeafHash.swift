import Crypto

/// The hash that ties a recorded event to its place: what an auditor recomputes.
public enum LeafHash {
    /// Everything of an event that the hash covers.
    public struct Input {
        /// The book of the log.
        public var book: BookName
        /// Its place in the log of the book.
        public var logPosition: LogPosition
        /// The position whose stream it is in.
        public var positionID: UUID
        /// Its number within the position.
        public var version: StreamVersion
        /// Its id, given or derived.
        public var eventID: UUID
        /// The type of its payload.
        public var type: EventType
        /// The version of the payload's form as it is stored.
        public var schemaVersion: Int32
        /// When it happened at the venue, µs.
        public var effectiveAt: Timestamp
        /// When the ledger committed it, µs.
        public var recordedAt: Timestamp
        /// Where the knowledge of it comes from.
        public var source: EventSource
        /// Who did it; nil is hashed as length 0.
        public var actor: String?
        /// The event that led to it; nil is hashed as length 0.
        public var causationID: UUID?
        /// What groups it with others; nil is hashed as length 0.
        public var correlationID: UUID?
        /// SHA-256 of the payload's canonical bytes.
        public var payloadDigest: SHA256Digest

        /// Takes from `event` what the caller sent, and its place from the other arguments.
        public init(
            book: BookName, logPosition: LogPosition, version: StreamVersion, eventID: UUID,
            recordedAt: Timestamp, event: NewEvent, payloadDigest: SHA256Digest
        ) {
            self.book = book
            self.logPosition = logPosition
            self.version = version
            self.eventID = eventID
            self.recordedAt = recordedAt
            self.payloadDigest = payloadDigest
            positionID = event.positionID
            type = event.type
            schemaVersion = event.schemaVersion
            effectiveAt = event.effectiveAt
            source = event.source
            actor = event.actor
            causationID = event.causationID
            correlationID = event.correlationID
        }
    }

    /// SHA-256 of a payload's canonical bytes.
    public static func digest(of payload: [UInt8]) -> SHA256Digest {
        payload.withUnsafeBytes { bytes in
            var hash = SHA256()
            hash.update(bufferPointer: bytes)
            return hash.finalize()
        }
    }

    /// Appends the 32 octets of
    /// SHA-256(0x00 ‖ "nexus.event.v1" ‖ each member as its length in 4 octets, big-endian, and
    /// its octets). Texts are UTF-8, ids 16 octets, numbers and times (µs) 8 octets, big-endian;
    /// the schema version 4; an absent actor or id has length 0. `scratch` is reused.
    public static func append(
        _ input: Input, to output: inout [UInt8], scratch: inout [UInt8]
    ) {
        scratch.removeAll(keepingCapacity: true)
        scratch.append(0)
        scratch.append(contentsOf: "nexus.event.v1".utf8)
        text(input.book.description, &scratch)
        number(input.logPosition.rawValue, &scratch)
        id(input.positionID, &scratch)
        number(input.version.rawValue, &scratch)
        id(input.eventID, &scratch)
        text(input.type.rawValue, &scratch)
        length(4, &scratch)
        length(UInt32(bitPattern: input.schemaVersion), &scratch)
        number(input.effectiveAt.microseconds, &scratch)
        number(input.recordedAt.microseconds, &scratch)
        text(input.source.rawValue, &scratch)
        text(input.actor ?? "", &scratch)
        id(input.causationID, &scratch)
        id(input.correlationID, &scratch)
        length(32, &scratch)
        input.payloadDigest.withUnsafeBytes { scratch.append(contentsOf: $0) }
        let digest = scratch.withUnsafeBytes { bytes in
            var hash = SHA256()
            hash.update(bufferPointer: bytes)
            return hash.finalize()
        }
        digest.withUnsafeBytes { output.append(contentsOf: $0) }
    }

    /// The 32 octets.
    public static func compute(_ input: Input) -> [UInt8] {
        var output: [UInt8] = []
        var scratch: [UInt8] = []
        append(input, to: &output, scratch: &scratch)
        return output
    }

    private static func length(_ value: UInt32, _ output: inout [UInt8]) {
        withUnsafeBytes(of: value.bigEndian) { output.append(contentsOf: $0) }
    }

    private static func word(_ value: UInt64, _ output: inout [UInt8]) {
        withUnsafeBytes(of: value.bigEndian) { output.append(contentsOf: $0) }
    }

    private static func number(_ value: Int64, _ output: inout [UInt8]) {
        length(8, &output)
        word(UInt64(bitPattern: value), &output)
    }

    private static func id(_ value: UUID?, _ output: inout [UInt8]) {
        guard let value else { return length(0, &output) }
        length(16, &output)
        word(value.high, &output)
        word(value.low, &output)
    }

    private static func text(_ value: String, _ output: inout [UInt8]) {
        length(UInt32(value.utf8.count), &output)
        output.append(contentsOf: value.utf8)
    }
}
