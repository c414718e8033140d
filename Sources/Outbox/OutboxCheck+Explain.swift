import GRDB
import LedgerCore

import struct Foundation.Data

extension OutboxCheck {
    /// Adds to a damage what a salvage would find. A file without the marks of an outbox and
    /// without a readable request is not a damaged outbox: it is something else.
    static func explain(_ error: OutboxError, _ file: OutboxFile) -> OutboxError {
        guard case .damaged(var damage) = error else { return error }
        guard let report = try? Salvage(file).report() else { return error }
        if report.requests == 0, !hasMark(file), OutboxFile.size(file.path) ?? 0 > 0 {
            return .foreign(path: file.path)
        }
        damage.readable = report
        return .damaged(damage)
    }

    /// The rest of a header that was cut counts as one.
    private static func hasMark(_ file: OutboxFile) -> Bool {
        guard let header = try? FileReader(file.path).octets(100, at: 0) else { return false }
        guard header.count == 100 else {
            return "SQLite format 3".utf8.starts(with: header.prefix(15))
        }
        return header.bigEndian32(68) == UInt32(OutboxSQL.applicationID)
    }

    /// The arguments of the statements on `held`.
    static func held(
        _ position: UUID, _ book: BookName, _ state: Outbox.State, _ sequence: OutboxSequence
    ) -> StatementArguments {
        [
            Data(position.octets), book.description, state == .parked ? 1 : 0, sequence.rawValue,
        ]
    }
}

extension Outbox.Request {
    /// From a row with head, lines and outcome; a wrong checksum is a flaw that names it.
    init(_ row: Row) throws {
        let sequence: Int64 = row[0]
        guard let stored = try RequestRow(row, lines: true), let draft = stored.draft() else {
            throw Flaw.request(sequence)
        }
        var outcome: OutcomeRow?
        if !row.hasNull(atIndex: RequestRow.headColumns + 1) {
            guard let read = try OutcomeRow(row, from: RequestRow.headColumns + 1), read.isIntact
            else { throw Flaw("the outcome of request \(sequence) is damaged", sequence: sequence) }
            outcome = read
        }
        self.init(sequence, draft, outcome)
    }
}
