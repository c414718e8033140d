import LedgerCore
import Postgres

extension LogReader {
    /// The events of many positions up to a log position, by version, in one query.
    public func streams(
        _ book: BookID, _ positions: [UUID], through: LogPosition
    ) throws -> [UUID: ReadableStream] {
        var streams: [UUID: ReadableStream] = [:]
        guard !positions.isEmpty else { return streams }
        let result = try connection.query(
            StoreSQL.streamsOfPositions,
            [.int4(book.rawValue), .uuids(positions), .int8(through.rawValue)],
            deadline: deadline)
        for row in result.rows {
            let entry = try RowDecoder.entry(row)
            streams[entry.positionID, default: ReadableStream()].append(entry)
        }
        return streams
    }
}
