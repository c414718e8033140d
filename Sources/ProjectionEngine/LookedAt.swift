import EventStore
import LedgerCore
import Postgres

/// A comparison that somebody looked at before a promotion.
struct LookedAt: Sendable {
    let digest: String
    let logPosition: LogPosition
    let totals: [UInt8]
    /// nil if there were too many to be kept.
    let differences: [UInt8]?

    static func read(
        _ digest: String, _ book: BookID, live: Int16, other: Int16, _ connection: Connection,
        _ deadline: Deadline
    ) throws -> LookedAt {
        let result = try connection.query(
            GenerationSQL.comparison,
            [.int4(book.rawValue), .int2(live), .int2(other), .text(digest)], deadline: deadline)
        guard let row = result.rows.first else {
            throw GenerationError.notFound(
                "no comparison of slots \(live) and \(other) with the digest \(digest) is kept: "
                    + "run `nexus-ledger compare`, look at it, and promote what it says")
        }
        return LookedAt(
            digest: digest, logPosition: LogPosition(rawValue: try row[0].int64()),
            totals: try row[1].bytes(), differences: try row[2].ifPresent?.bytes())
    }

    /// Whether `result`, which is another comparison, may be promoted all the same.
    /// - Throws: `GenerationError.changedSince`, with what changed, if not.
    func check(
        _ result: ComparisonResult, _ book: BookID, allowsNewer: Bool, _ connection: Connection,
        _ deadline: Deadline
    ) throws {
        let changes = ComparisonResult.whatChanged(from: (totals, differences), to: result)
        let cure =
            "the comparison is another one now, with the digest \(result.digest): look at it with "
            + "`nexus-ledger compare`; since log position \(logPosition): \(changes)"
        guard allowsNewer else { throw GenerationError.changedSince(cure) }
        guard let differences,
            let now = try result.differencesJSON(linesMax: ComparisonResult.linesMax)
        else {
            throw GenerationError.changedSince(
                "too many rows differ to tell which of them are newer; " + cure)
        }
        let touched = try connection.query(
            GenerationSQL.touched,
            [
                .int4(book.rawValue), .int8(logPosition.rawValue),
                .int8(result.logPosition.rawValue),
            ], deadline: deadline)
        let newer = Newer(
            positions: Set(try touched.rows.map { try $0[0].id().description }),
            sums: Set(try touched.rows.map { [try $0[1].string(), try $0[2].string()] }))
        guard try Self.lines(differences, without: newer) == Self.lines(now, without: newer)
        else {
            throw GenerationError.changedSince(
                "not only positions with newer events differ otherwise; " + cure)
        }
    }

    /// What newer events may have changed.
    private struct Newer {
        /// Positions that they are of.
        var positions: Set<String>
        /// Strategy and asset of these: the sums over many positions that they are a part of.
        var sums: Set<[String]>

        private static let sumKeys = ["strategy", "asset"]

        /// Whether a row of `table` may be another one because of them.
        func explains(_ table: ProjectedTable, _ key: [JSONValue]) -> Bool {
            let texts = key.map { part in
                if case .string(let text) = part { text } else { "" }
            }
            if table.isByPosition { return texts.first.map(positions.contains) ?? false }
            let named = zip(table.keyColumns, texts).filter { Self.sumKeys.contains($0.0) }
            return sums.contains(named.map(\.1))
        }
    }

    /// The differences that no newer event explains.
    private static func lines(_ json: [UInt8], without newer: Newer) throws -> [[UInt8]] {
        guard case .array(let lines) = try JSONValue(parsing: json) else { return [] }
        return lines.compactMap { line in
            if case .array(let parts) = line, parts.count > 1, case .string(let name) = parts[0],
                let table = ProjectedTable.all.first(where: { $0.name == name }),
                case .array(let key) = parts[1], newer.explains(table, key)
            {
                return nil
            }
            return line.canonicalBytes
        }
    }
}
