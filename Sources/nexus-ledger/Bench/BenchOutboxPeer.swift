import Foundation
import GRDB

/// The other side of the outbox's ratios: SQLite by itself, as durable, in the same directory.
struct BenchOutboxPeer {
    private static let insert = "INSERT INTO t (line) VALUES (?)"

    private let queue: DatabaseQueue

    /// Makes a new file; each commit is flushed, which is asserted.
    init(path: String) throws {
        Self.remove(path)
        let queue = try DatabaseQueue(path: path)
        let (mode, synchronous) = try queue.writeWithoutTransaction { db in
            let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
            try db.execute(sql: "PRAGMA synchronous = FULL")
            try db.execute(sql: "CREATE TABLE t (line BLOB NOT NULL)")
            return (mode, try Int.fetchOne(db, sql: "PRAGMA synchronous"))
        }
        guard mode == "wal", synchronous == 2 else {
            throw Failure(.failed, "\(path) is not in WAL mode with synchronous=FULL")
        }
        self.queue = queue
    }

    /// Stores lines, `rows` of them a commit; returns the duration.
    func store(_ lines: ArraySlice<Data>, rows: Int) throws -> Duration {
        try queue.writeWithoutTransaction { db in
            let statement = try db.cachedStatement(sql: Self.insert)
            let start = ContinuousClock.now
            if rows == 1 {
                // A statement alone is a transaction of its own, as it is in the outbox.
                for line in lines { try statement.execute(arguments: [line]) }
            } else {
                var rest = lines
                while !rest.isEmpty {
                    try db.inTransaction(.immediate) {
                        for line in rest.prefix(rows) { try statement.execute(arguments: [line]) }
                        return .commit
                    }
                    rest = rest.dropFirst(rows)
                }
            }
            return start.duration(to: ContinuousClock.now)
        }
    }

    /// Removes a SQLite file, or an outbox's, with what lies beside it.
    static func remove(_ path: String) {
        for suffix in ["", "-wal", "-shm", ".lock", ".new"] {
            try? FileManager.default.removeItem(atPath: path + suffix)
        }
    }
}
