import GRDB

extension Outbox {
    /// Stores requests in one durable commit, all or none.
    ///
    /// A draft has 1 to `eventsPerRequestMax` events, one key of 1–255 octets for each, and at
    /// least one position, each named once; another draft stops the process.
    ///
    /// - Returns: their sequences, ascending without a gap, in the order of `drafts`.
    /// - Throws: `.full` beyond a limit and `.io`: nothing is stored then.
    @discardableResult
    public func append(_ drafts: [Draft]) throws(OutboxError) -> [OutboxSequence] {
        for draft in drafts { draft.check() }
        guard !drafts.isEmpty else { return [] }
        do {
            return try onWriter { db in
                var (sequence, events) = memory.withLock { memory in
                    (memory.totals.lastSequence, memory.totals.eventsAppended)
                }
                let rows = drafts.map { draft in
                    sequence += 1
                    let row = RequestRow(draft, sequence: sequence, eventsBefore: events)
                    events = row.eventsTotal
                    return row
                }
                try checkRoom(for: rows)
                try insert(rows, in: db)
                remember(drafts, rows)
                sealTail(in: db)
                return rows.map { OutboxSequence(rawValue: $0.sequence) }
            }
        } catch {
            throw OutboxError(error, path: file.path)
        }
    }

    private func insert(_ rows: [RequestRow], in db: Database) throws {
        let statement = try db.cachedStatement(sql: OutboxSQL.insertRequest)
        if rows.count == 1 {
            // A statement alone is a transaction of its own: that saves parsing two more.
            try statement.execute(arguments: rows[0].arguments)
            return
        }
        try db.inTransaction(.immediate) {
            for row in rows { try statement.execute(arguments: row.arguments) }
            return .commit
        }
    }

    private func remember(_ drafts: [Draft], _ rows: [RequestRow]) {
        memory.withLock { memory in
            for (draft, row) in zip(drafts, rows) {
                memory.tail.add(
                    Fingerprint(draft.book), sequence: row.sequence, keys: draft.keys,
                    positions: draft.positions)
            }
            guard let newest = rows.last else { return }
            memory.totals.lastSequence = newest.sequence
            memory.totals.eventsAppended = newest.eventsTotal
        }
    }

    /// Estimates what the rows need, doubled: a checkpoint copies them from the log to the file.
    private func checkRoom(for rows: [RequestRow]) throws(OutboxError) {
        let octets = rows.reduce(0) { sum, row in
            sum + (row.lines?.count ?? 0) + row.keys.count + row.positions.count + 256
        }
        let needed = file.byteCount + Int64(2 * octets)
        guard needed <= configuration.bytesMax else {
            throw .full(.bytesMax(needed: needed, max: configuration.bytesMax))
        }
        if let free = configuration.diskFree(file.path), free < configuration.diskFreeMin {
            throw .full(.diskFreeMin(free: free, min: configuration.diskFreeMin))
        }
    }

    /// Writes a full tail as a run, once in 131,072 entries. The requests are committed already,
    /// so a failure, such as a full disk, only leaves the tail longer until the next append.
    private func sealTail(in db: Database) {
        let (entries, runs, last) = memory.withLock { memory in
            (
                memory.tail.isFull ? memory.tail.entries : [], memory.runs,
                memory.totals.lastSequence
            )
        }
        guard let first = entries.first?.place.sequence else { return }
        var sealed: IndexRun?
        try? db.inTransaction(.immediate) {
            sealed = try IndexRun.store(
                entries, run: (runs.last?.run ?? 0) + 1, first: first, last: last, in: db)
            return .commit
        }
        guard let sealed else { return }
        memory.withLock { memory in
            memory.runs.append(sealed)
            memory.tail.clear()
        }
    }
}
