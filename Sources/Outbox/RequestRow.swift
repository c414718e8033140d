import GRDB
import LedgerCore

import struct Foundation.Data

/// A row of `requests`, as it is stored. The head, which is all but the lines, has a checksum of
/// its own that covers the one of the lines, so that each can be read and trusted alone.
struct RequestRow {
    var sequence: Int64
    var events: Int64
    /// Events of this and of all requests before it.
    var eventsTotal: Int64
    var bufferedAt: Int64
    var peerUID: Int64?
    var book: String
    var reason: String
    /// 25 octets a position: its id, 1 if the base is known else 0, and the base.
    var positions: [UInt8]
    /// Each key after an octet with its length.
    var keys: [UInt8]
    var linesChecksum: Int64
    var headChecksum: Int64
    /// Each line after four octets with its length; nil where only the head was read.
    var lines: [UInt8]?

    /// Columns of the head; the lines and the outcome follow.
    static let headColumns = 11

    init(_ draft: Outbox.Draft, sequence: Int64, eventsBefore: Int64) {
        self.sequence = sequence
        events = Int64(draft.lines.count)
        eventsTotal = eventsBefore + events
        bufferedAt = draft.bufferedAt.microseconds
        peerUID = draft.peerUID.map { Int64($0) }
        book = draft.book.description
        reason = draft.reason
        positions = RequestRow.encode(draft.positions, draft.bases)
        var keyBytes: [UInt8] = []
        keyBytes.reserveCapacity(draft.keys.reduce(0) { $0 + $1.count + 1 })
        for key in draft.keys {
            keyBytes.append(UInt8(key.count))
            keyBytes.append(contentsOf: key)
        }
        keys = keyBytes
        linesChecksum = 0
        headChecksum = 0
        setLines(draft.lines)
    }

    init(
        sequence: Int64, events: Int64, eventsTotal: Int64, bufferedAt: Int64, peerUID: Int64?,
        book: String, reason: String, positions: [UInt8], keys: [UInt8], linesChecksum: Int64,
        headChecksum: Int64, lines: [UInt8]?
    ) {
        self.sequence = sequence
        self.events = events
        self.eventsTotal = eventsTotal
        self.bufferedAt = bufferedAt
        self.peerUID = peerUID
        self.book = book
        self.reason = reason
        self.positions = positions
        self.keys = keys
        self.linesChecksum = linesChecksum
        self.headChecksum = headChecksum
        self.lines = lines
    }

    /// Reads the columns of a head, and the lines behind them if asked to.
    init?(_ row: Row, lines withLines: Bool) throws {
        guard let positions = try row.octets(7), let keys = try row.octets(8) else { return nil }
        sequence = row[0]
        events = row[1]
        eventsTotal = row[2]
        bufferedAt = row[3]
        peerUID = row[4]
        book = row[5]
        reason = row[6]
        self.positions = positions
        self.keys = keys
        linesChecksum = row[9]
        headChecksum = row[10]
        if withLines {
            guard let lines = try row.octets(RequestRow.headColumns) else { return nil }
            self.lines = lines
        }
    }

    static func encode(_ positions: [UUID], _ bases: [UUID: StreamVersion]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(positions.count * 25)
        for position in positions {
            bytes.append(position.high, octets: 8)
            bytes.append(position.low, octets: 8)
            let base = bases[position]
            bytes.append(base == nil ? 0 : 1)
            bytes.append(UInt64(bitPattern: base?.rawValue ?? 0), octets: 8)
        }
        return bytes
    }

    /// Replaces the lines and computes both checksums.
    mutating func setLines(_ lines: [[UInt8]]) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(lines.reduce(0) { $0 + $1.count + 4 })
        for line in lines {
            bytes.append(UInt64(line.count), octets: 4)
            bytes.append(contentsOf: line)
        }
        linesChecksum = Checksum.of(bytes)
        self.lines = bytes
        headChecksum = computedHeadChecksum
    }

    private var computedHeadChecksum: Int64 {
        var checksum = Checksum()
        checksum.add(sequence)
        checksum.add(events)
        checksum.add(eventsTotal)
        checksum.add(bufferedAt)
        checksum.add(peerUID)
        checksum.addCounted(book)
        checksum.addCounted(reason)
        checksum.addCounted(positions)
        checksum.addCounted(keys)
        checksum.add(linesChecksum)
        return checksum.value
    }

    /// Whether the head is what was written.
    var isHeadIntact: Bool { headChecksum == computedHeadChecksum }

    /// The arguments of `OutboxSQL.insertRequest`.
    var arguments: StatementArguments {
        [
            sequence, events, eventsTotal, bufferedAt, peerUID, book, reason, Data(positions),
            Data(keys), linesChecksum, headChecksum, Data(lines ?? []),
        ]
    }

    /// The keys; nil if they are not as many as the events, which an intact head never has.
    var keyList: [[UInt8]]? {
        var reader = OctetReader(keys)
        var list: [[UInt8]] = []
        list.reserveCapacity(Int(clamping: events))
        while !reader.isAtEnd {
            guard let count = reader.number(1), let key = reader.octets(Int(count)) else {
                return nil
            }
            list.append(key)
        }
        return list.count == Int(clamping: events) ? list : nil
    }

    /// The positions, and the bases of those that had one.
    var touched: (positions: [UUID], bases: [UUID: StreamVersion])? {
        var reader = OctetReader(positions)
        var list: [UUID] = []
        var bases: [UUID: StreamVersion] = [:]
        while !reader.isAtEnd {
            guard let high = reader.number(8), let low = reader.number(8),
                let isKnown = reader.number(1), let base = reader.number(8)
            else { return nil }
            let position = UUID(high: high, low: low)
            list.append(position)
            if isKnown == 1 {
                bases[position] = StreamVersion(rawValue: Int64(bitPattern: base))
            }
        }
        return (list, bases)
    }

    /// The draft; nil if a checksum tells that it is not what was written.
    func draft() -> Outbox.Draft? {
        guard isHeadIntact, let lines, Checksum.of(lines) == linesChecksum,
            let book = BookName(book), let keyList, let touched
        else { return nil }
        var reader = OctetReader(lines)
        var list: [[UInt8]] = []
        list.reserveCapacity(keyList.count)
        while !reader.isAtEnd {
            guard let count = reader.number(4), let line = reader.octets(Int(count)) else {
                return nil
            }
            list.append(line)
        }
        guard list.count == keyList.count else { return nil }
        return Outbox.Draft(
            book: book, lines: list, keys: keyList, positions: touched.positions,
            bases: touched.bases, peerUID: peerUID.flatMap { UInt32(exactly: $0) },
            bufferedAt: Timestamp(microseconds: bufferedAt), reason: reason)
    }
}
