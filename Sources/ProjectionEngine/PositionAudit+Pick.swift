import LedgerCore
import Postgres

/// Picking positions at random, at a cost that does not grow with the book.
extension PositionAudit {
    /// Looks at blocks before ids are tried.
    private static let looksMax = 8

    /// So many different positions of the book at random, all of them if it has fewer. Every
    /// position has a chance, also one that lost all its rows; of one whose events the generation
    /// has not come to yet there is nothing to compare.
    func pick(
        _ count: Int, on connection: Connection, deadline: Deadline
    ) throws -> [UUID] {
        guard count > 0 else { return [] }
        let blocks = try connection.query(AuditSQL.blocks, deadline: deadline)
            .onlyRow()[0].int64()
        if blocks <= max(Int64(count), Int64(Self.looksMax)) {
            let all = try positions(inBlocks: 0..<blocks, connection, deadline)
            return Array(all.shuffled().prefix(count))
        }
        // Ids carry the time of their making, so that a random id would nearly always find the
        // first position after a long pause: a random block treats all alike.
        var picked: Set<UUID> = []
        var looks = count + Self.looksMax
        while picked.count < count, looks > 0 {
            looks -= 1
            let block = Int64.random(in: 0..<blocks)
            let found = try positions(inBlocks: block..<(block + 1), connection, deadline)
            if let position = found.randomElement() { picked.insert(position) }
        }
        // Blocks may be empty or full of other books. Some of a run may be picked already.
        if picked.count < count {
            for position in try positionsByID(count, connection, deadline)
            where picked.count < count {
                picked.insert(position)
            }
        }
        return Array(picked)
    }

    private func positions(
        inBlocks blocks: Range<Int64>, _ connection: Connection, _ deadline: Deadline
    ) throws -> [UUID] {
        try connection.query(
            AuditSQL.inBlocks,
            [
                .int4(book.rawValue), .text("(\(blocks.lowerBound),0)"),
                .text("(\(blocks.upperBound),0)"),
            ], deadline: deadline
        ).rows.map { try $0[0].id() }
    }

    /// A run of positions from a random id on, and on from the first where it ends.
    private func positionsByID(
        _ count: Int, _ connection: Connection, _ deadline: Deadline
    ) throws -> [UUID] {
        let ends = try connection.query(
            AuditSQL.ends, [.int4(book.rawValue)], deadline: deadline
        ).onlyRow()
        guard let first = try ends[0].ifPresent?.id(), let last = try ends[1].ifPresent?.id() else {
            return []
        }
        let start = UUID(
            high: UInt64.random(in: first.high...last.high), low: UInt64.random(in: 0...UInt64.max))
        var found: [UUID] = []
        for bound in [start, first] where found.count < count {
            found += try connection.query(
                AuditSQL.from,
                [.int4(book.rawValue), .uuid(bound), .int8(Int64(count - found.count))],
                deadline: deadline
            ).rows.map { try $0[0].id() }
        }
        return found
    }
}
