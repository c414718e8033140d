import GRDB
import LedgerCore

/// What start checks before anything is written, in this order. All of it is bounded, so that a
/// file of five million events opens in less than three seconds:
///
/// 1. The file's header: it is an outbox, of a version that is known.
/// 2. The write-ahead log, each frame (see ``WriteAheadLog``).
/// 3. The length: each page that the header or the log counts is there.
/// 4. The tables and indexes are declared as this build declares them.
/// 5. The totals, by their checksum and against the parked requests and the frontier.
/// 6. The filters of the index; the heads of all requests behind its last run, at most 131,072.
/// 7. In full, with their lines: the oldest and the newest 256 requests that wait, and 10,000
///    parked ones or ones that wait again.
/// 8. Where file and log are no longer than 64 MiB: `PRAGMA quick_check`, and all requests.
///
/// Whatever lies between is verified whenever it is read: each request, outcome and index page
/// has a checksum.
enum OutboxCheck {
    /// A longer file is not read as a whole.
    static let wholeBytesMax: Int64 = 64 << 20
    static let endsMax = 256
    static let openMax = 10_000

    /// Whether there is nothing to open yet.
    static func isNew(_ file: OutboxFile) throws -> Bool {
        guard OutboxFile.size(file.path) == nil else { return false }
        guard OutboxFile.size(file.log) ?? 0 == 0 else {
            throw Flaw("the file is missing, its write-ahead log is there")
        }
        return true
    }

    /// 1 to 3: without SQLite, which mends a log by cutting it.
    static func files(_ file: OutboxFile) throws {
        let header = try FileReader(file.path).octets(100, at: 0)
        guard header.count == 100 else {
            throw Flaw("the file has \(header.count) octets; it was cut")
        }
        guard header.starts(with: Array("SQLite format 3\0".utf8)),
            header.bigEndian32(68) == UInt32(OutboxSQL.applicationID)
        else { throw Flaw("the header is not an outbox's") }
        let version = Int64(header.bigEndian32(60))
        guard version <= Int64(OutboxSQL.schemaVersion) else {
            throw OutboxError.newer(
                path: file.path, version: version, known: Int64(OutboxSQL.schemaVersion))
        }
        guard version == Int64(OutboxSQL.schemaVersion),
            header.bigEndian16(16) == SQLitePage.size, header[18] == 2, header[19] == 2
        else { throw Flaw("the header is not what was written") }
        let log = try WriteAheadLog(file)
        let pages = (OutboxFile.size(file.path) ?? 0) / Int64(SQLitePage.size)
        let count = Int64(log.pageCount ?? header.bigEndian32(28))
        let added = Set(log.pages.map { Int64($0) }.filter { $0 > pages && $0 <= count })
        guard count - pages <= Int64(added.count) else {
            throw Flaw("the file has \(pages) pages of \(count); it was cut")
        }
    }

    /// 4 to 8, and what the outbox keeps in memory.
    static func contents(_ db: Database, _ file: OutboxFile) throws -> Outbox.Memory {
        guard try String.fetchAll(db, sql: OutboxSQL.storedSchema) == OutboxSQL.schema else {
            throw Flaw("the tables are not declared as this ledger declares them")
        }
        let isShort = file.byteCount <= wholeBytesMax
        if isShort {
            let answer = try String.fetchOne(db, sql: OutboxSQL.quickCheck) ?? ""
            guard answer == "ok" else { throw Flaw("quick_check: \(answer)") }
        }
        var memory = Outbox.Memory(totals: try totals(db), tail: IndexTail(), runs: [])
        try readIndex(&memory, db)
        let totals = memory.totals
        if isShort {
            try verify(db, after: 0, limit: .max, totals)
        } else {
            try verify(db, after: totals.frontier - 1, limit: endsMax, totals)
            let newest = max(totals.frontier - 1, totals.lastSequence - Int64(endsMax))
            try verify(db, after: newest, limit: endsMax, totals)
        }
        try verifyOpen(db)
        return memory
    }

    /// The stored totals and what was appended since.
    private static func totals(_ db: Database) throws -> Totals {
        guard var totals = try Totals(db) else {
            throw Flaw("the totals are not what was written")
        }
        if let row = try db.first(OutboxSQL.newestRequest) {
            guard let newest = try RequestRow(row, lines: false), newest.isHeadIntact else {
                throw Flaw.request(row[0])
            }
            if newest.sequence > totals.lastSequence {
                totals.lastSequence = newest.sequence
                totals.eventsAppended = newest.eventsTotal
            }
        }
        totals.settledMax = try db.number(OutboxSQL.lastOutcome) ?? 0
        let isUnsettled = try db.number(OutboxSQL.stateOf, [totals.frontier]) == nil
        let parked = try db.number(OutboxSQL.openCount, [Outbox.State.parked.rawValue])
        let again = try db.number(OutboxSQL.openCount, [Outbox.State.waiting.rawValue])
        guard isUnsettled, parked == totals.parked.requests, again == totals.againRequests,
            totals.frontier <= totals.lastSequence + 1, totals.waiting.requests >= 0
        else { throw Flaw("the totals do not agree with the requests") }
        return totals
    }

    private static func readIndex(_ memory: inout Outbox.Memory, _ db: Database) throws {
        let runs = try db.rows(OutboxSQL.runs)
        while let row = try runs.next() {
            guard let run = try IndexRun(row) else {
                throw Flaw("index run \(row[0] as Int64) is not what was written")
            }
            memory.runs.append(run)
        }
        guard memory.runs.last?.last ?? 0 <= memory.totals.lastSequence else {
            throw Flaw("the newest requests are missing")
        }
        let heads = try db.rows(OutboxSQL.headsAfter, [memory.runs.last?.last ?? 0])
        while let row = try heads.next() {
            guard let head = try RequestRow(row, lines: false), head.isHeadIntact,
                let keys = head.keyList, let positions = head.touched?.positions
            else { throw Flaw.request(row[0]) }
            let prints = Fingerprint(head.book)
            memory.tail.add(prints, sequence: head.sequence, keys: keys, positions: positions)
        }
    }

    /// Reads requests in full; behind the frontier none may be missing.
    private static func verify(
        _ db: Database, after: Int64, limit: Int, _ totals: Totals
    ) throws {
        var expected = max(after + 1, totals.frontier)
        var count = 0
        let rows = try db.rows(OutboxSQL.requestsAfter, [after])
        while count < limit, let row = try rows.next() {
            let request = try Outbox.Request(row)
            count += 1
            let sequence = request.sequence.rawValue
            guard sequence >= totals.frontier else { continue }
            guard sequence == expected else { throw Flaw.missing(expected) }
            expected += 1
        }
        guard count == limit || expected == totals.lastSequence + 1 else {
            throw Flaw.missing(expected)
        }
    }

    /// Parked requests and those that wait again, with their entries in `held`.
    private static func verifyOpen(_ db: Database) throws {
        for state in [Outbox.State.waiting, .parked] {
            let rows = try db.rows(
                OutboxSQL.openBetween, [state.rawValue, 0, Int64.max])
            var count = 0
            while count < openMax, let row = try rows.next() {
                count += 1
                let request = try Outbox.Request(row)
                for position in request.draft.positions {
                    let key = held(position, request.draft.book, state, request.sequence)
                    guard try db.number(OutboxSQL.holds, key) != nil else {
                        throw Flaw(
                            "request \(request.sequence) does not hold position \(position)",
                            sequence: request.sequence.rawValue)
                    }
                }
            }
        }
    }
}
