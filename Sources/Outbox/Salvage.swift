/// Reads requests out of a damaged outbox, page by page, without SQLite and without writing: a
/// row is taken when it has the shape of its table and its checksum is right, whatever state the
/// b-trees are in. (Deleted rows are blanked by secure_delete, so none comes back.)
final class Salvage {
    /// A cell of a leaf, found in the first pass.
    private struct Found {
        var sequence: Int64
        var source: SalvagePages.Source
        var cell: UInt16
    }

    private let pages: SalvagePages
    private var requests: [Found] = []
    private var outcomes: [Found] = []
    private var totals: Totals?

    private static let requestColumns = 12
    private static let outcomeColumns = 9
    private static let totalsColumns = 14
    static let damagedMax = 1_000

    init(_ file: OutboxFile) throws {
        pages = try SalvagePages(file)
    }

    /// Extracts all that can be read, in the order of sequences.
    func report(_ deliver: (Outbox.SalvagedRequest) -> Void = { _ in }) -> SalvageReport {
        scan()
        var report = SalvageReport()
        var outcome = outcomes.startIndex
        var index = requests.startIndex
        var newest: Int64 = 0
        while index < requests.endIndex {
            let sequence = requests[index].sequence
            var candidates: [Found] = []
            while index < requests.endIndex, requests[index].sequence == sequence {
                candidates.append(requests[index])
                index += 1
            }
            var ends: [Found] = []
            while outcome < outcomes.endIndex, outcomes[outcome].sequence <= sequence {
                if outcomes[outcome].sequence == sequence { ends.append(outcomes[outcome]) }
                outcome += 1
            }
            guard let draft = candidates.lazy.compactMap({ self.draft($0) }).first else {
                report.addDamaged(sequence)
                continue
            }
            newest = sequence
            let end = ends.lazy.compactMap { self.end($0) }.first
            let isKnown = end != nil || (ends.isEmpty && sequence >= totals?.frontier ?? 1)
            let request = Outbox.Request(sequence, draft, end)
            report.add(request, isStateKnown: isKnown)
            deliver(Outbox.SalvagedRequest(request: request, isStateKnown: isKnown))
        }
        if let totals {
            let there = max(newest, totals.lastSequence) - totals.purged.requests
            report.unreadable = max(Int64(report.damaged.count), there - report.requests)
        }
        return report
    }

    /// Finds the cells of the three tables by the number of their columns.
    private func scan() {
        guard pages.last > 0 else { return }
        for number in 1...pages.last {
            for source in pages.sources(number) {
                let page = pages.image(source)
                for (index, offset) in SQLitePage.cells(page, isFirst: number == 1).enumerated() {
                    guard let cell = SQLitePage.Cell(page, at: offset) else { continue }
                    let found = Found(
                        sequence: cell.rowID, source: source, cell: UInt16(clamping: index))
                    switch columns(cell, page) {
                    case Salvage.requestColumns: requests.append(found)
                    case Salvage.outcomeColumns: outcomes.append(found)
                    case Salvage.totalsColumns: readTotals(cell, page)
                    default: break
                    }
                }
            }
        }
        requests.sort(by: Salvage.isBefore)
        outcomes.sort(by: Salvage.isBefore)
    }

    /// By sequence; the log, which is newer, before the file, and its end before its beginning.
    private static func isBefore(_ left: Found, _ right: Found) -> Bool {
        if left.sequence != right.sequence { return left.sequence < right.sequence }
        if left.source.isLog != right.source.isLog { return left.source.isLog }
        return left.source.offset > right.source.offset
    }

    /// How many columns a record has.
    private func columns(_ cell: SQLitePage.Cell, _ page: [UInt8]) -> Int {
        var index = cell.start
        guard let length = SQLitePage.varint(page, &index) else { return 0 }
        let end = cell.start + Int(clamping: length)
        guard end <= SQLitePage.size else { return 0 }
        var count = 0
        while index < end, SQLitePage.varint(page, &index) != nil { count += 1 }
        return index == end ? count : 0
    }

    private func readTotals(_ cell: SQLitePage.Cell, _ page: [UInt8]) {
        guard totals == nil else { return }
        let values = SQLiteValue.values(pages.record(cell, on: page, guess: 0))
        totals = Totals(columns: values.dropFirst().compactMap(\.integer))
    }

    /// The values of a cell by each guess at its overflow pages, until `make` takes them.
    private func read<Value>(_ found: Found, _ make: ([SQLiteValue]) -> Value?) -> Value? {
        let page = pages.image(found.source)
        let cells = SQLitePage.cells(page, isFirst: !found.source.isLog && found.source.offset == 0)
        guard Int(found.cell) < cells.count,
            let cell = SQLitePage.Cell(page, at: cells[Int(found.cell)])
        else { return nil }
        for guess in 0..<3 {
            if let value = make(SQLiteValue.values(pages.record(cell, on: page, guess: guess))) {
                return value
            }
        }
        return nil
    }

    private func draft(_ found: Found) -> Outbox.Draft? {
        read(found) { RequestRow(found.sequence, $0)?.draft() }
    }

    private func end(_ found: Found) -> OutcomeRow? {
        read(found) { values in
            OutcomeRow(found.sequence, values).flatMap { $0.isIntact ? $0 : nil }
        }
    }
}

extension RequestRow {
    /// From a record; the row id stands for the sequence, which is NULL there.
    fileprivate init?(_ rowID: Int64, _ values: [SQLiteValue]) {
        guard values.count == 12, let events = values[1].integer, let total = values[2].integer,
            let bufferedAt = values[3].integer, let book = values[5].text,
            let reason = values[6].text, let positions = values[7].blob,
            let keys = values[8].blob, let linesChecksum = values[9].integer,
            let headChecksum = values[10].integer, let lines = values[11].blob
        else { return nil }
        self.init(
            sequence: rowID, events: events, eventsTotal: total, bufferedAt: bufferedAt,
            peerUID: values[4].integer, book: book, reason: reason, positions: positions,
            keys: keys, linesChecksum: linesChecksum, headChecksum: headChecksum, lines: lines)
    }
}

extension OutcomeRow {
    fileprivate init?(_ rowID: Int64, _ values: [SQLiteValue]) {
        guard values.count == 9, let raw = values[1].integer,
            let state = Outbox.State(rawValue: raw), let checksum = values[8].integer
        else { return nil }
        self.init(
            sequence: rowID, state: state, at: values[2].integer, behind: values[3].integer,
            parkedReason: values[4].text, actor: values[5].text, resolution: values[6].text,
            places: values[7].blob)
        self.checksum = checksum
    }
}
