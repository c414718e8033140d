import GRDB

import struct Foundation.Data

/// A part of the index that is on disk: the entries of the requests from `first` to `last`,
/// sorted by fingerprint, in pages of 59. It is written once, in order, and never changed: random
/// keys in a b-tree of their own would cost more than half of the speed of appends. A filter in
/// memory tells in nearly all cases that a run does not hold a fingerprint.
final class IndexRun: Sendable {
    /// So many fit into one cell of a b-tree page of 4096 octets.
    static let entriesPerPage = 59

    let run: Int64
    let first: Int64
    let last: Int64
    let filter: IndexFilter

    init(run: Int64, first: Int64, last: Int64, filter: IndexFilter) {
        self.run = run
        self.first = first
        self.last = last
        self.filter = filter
    }

    /// Reads the row of a run; nil if its checksum is wrong.
    init?(_ row: Row) throws {
        guard let words = try row.octets(5) else { return nil }
        run = row[0]
        first = row[1]
        last = row[2]
        let count: Int64 = row[3]
        let stored: Int64 = row[4]
        guard stored == IndexRun.checksum(run, first, last, count, words),
            let filter = IndexFilter(octets: words)
        else { return nil }
        self.filter = filter
    }

    private static func checksum(
        _ run: Int64, _ first: Int64, _ last: Int64, _ count: Int64, _ filter: [UInt8]
    ) -> Int64 {
        var checksum = Checksum()
        for number in [run, first, last, count] { checksum.add(number) }
        checksum.addCounted(filter)
        return checksum.value
    }

    /// Writes a run; inside a transaction.
    static func store(
        _ entries: [IndexEntry], run: Int64, first: Int64, last: Int64, in db: Database
    ) throws -> IndexRun {
        let sorted = entries.sorted()
        var filter = IndexFilter(entries: sorted.count)
        for entry in sorted { filter.insert(entry.fingerprint) }
        let words = filter.octets
        let sum = checksum(run, first, last, Int64(sorted.count), words)
        try db.run(
            OutboxSQL.insertRun, [run, first, last, sorted.count, sum, Data(words)])
        for start in stride(from: 0, to: sorted.count, by: entriesPerPage) {
            let page = sorted[start..<min(start + entriesPerPage, sorted.count)]
            try db.run(
                OutboxSQL.insertPage,
                [
                    run, sorted[start].fingerprint, sorted[start].place.rawValue,
                    Data(encode(page, run: run)),
                ])
        }
        return IndexRun(run: run, first: first, last: last, filter: filter)
    }

    private static func encode(_ page: ArraySlice<IndexEntry>, run: Int64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(page.count * 16 + 8)
        for entry in page {
            bytes.append(UInt64(bitPattern: entry.fingerprint), octets: 8)
            bytes.append(UInt64(bitPattern: entry.place.rawValue), octets: 8)
        }
        bytes.append(UInt64(bitPattern: pageChecksum(bytes, run: run)), octets: 8)
        return bytes
    }

    private static func pageChecksum(_ entries: [UInt8], run: Int64) -> Int64 {
        var checksum = Checksum()
        checksum.add(run)
        checksum.add(entries)
        return checksum.value
    }

    /// The places of a fingerprint in requests from `sequence` on, the newest first.
    func places(
        _ fingerprint: Int64, from sequence: Int64 = 0, in db: Database
    ) throws -> [Place] {
        var places: [Place] = []
        let pages = try db.rows(OutboxSQL.pagesUpTo, [run, fingerprint])
        while let page = try pages.next() {
            guard let bytes = try page.octets(2), bytes.count > 8,
                IndexRun.pageChecksum(Array(bytes.dropLast(8)), run: run)
                    == OctetReader.lastNumber(bytes)
            else { throw Flaw("a page of index run \(run) is not what was written") }
            for start in stride(from: bytes.count - 24, through: 0, by: -16) {
                var reader = OctetReader(Array(bytes[start..<start + 16]))
                guard let print = reader.number(8), let raw = reader.number(8) else { break }
                guard Int64(bitPattern: print) == fingerprint else { continue }
                let place = Place(rawValue: Int64(bitPattern: raw))
                guard place.sequence >= sequence else { return places }
                places.append(place)
            }
            let firstOfPage: Int64 = page[0]
            guard firstOfPage == fingerprint else { break }
        }
        return places
    }
}

extension OctetReader {
    /// The number in the last eight octets.
    static func lastNumber(_ bytes: [UInt8]) -> Int64? {
        var reader = OctetReader(Array(bytes.suffix(8)))
        return reader.number(8).map { Int64(bitPattern: $0) }
    }
}
