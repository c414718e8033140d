import Foundation
import Postgres

/// Readers of a view who never stop while something else is done.
struct BenchReplayReaders: Sendable {
    private let info: ConnectionInfo

    /// Readers, by the isolation level of their statements.
    private static let levels = ["read committed", "serializable"]
    private static let answerMax = Duration.seconds(30)
    /// A reader who has failed so often gives up.
    private static let errorsMax = 10

    init(_ info: ConnectionInfo) {
        self.info = info
    }

    /// What readers have seen.
    struct Seen: Sendable {
        var polls = 0
        var errors = 0
        var firstError: String?
        /// The longest that a read took beyond the median of its reader, in seconds.
        var blocked = 0.0
    }

    /// Reads from before `body` begins until it is over.
    func poll(during body: () async throws -> Void) async throws -> Seen {
        let isOver = BenchReplayFlag()
        let first = try read(Self.levels[0], expecting: nil, until: nil)
        guard first.seen.errors == 0, first.rows > 0 else {
            throw Failure(
                .failed, "the view cannot be read: \(first.seen.firstError ?? "it has no rows")")
        }
        let readers = Self.levels.map { level in
            Task { try await started(level, expecting: first.rows, until: isOver) }
        }
        do {
            try await body()
        } catch {
            isOver.raise()
            throw error
        }
        isOver.raise()
        var seen = Seen()
        for reader in readers {
            let one = try await reader.value
            seen.polls += one.polls
            seen.errors += one.errors
            seen.firstError = seen.firstError ?? one.firstError
            seen.blocked = max(seen.blocked, one.blocked)
        }
        return seen
    }

    /// On a thread of its own: tasks have as few threads as there are processors.
    private func started(
        _ level: String, expecting rows: Int, until isOver: BenchReplayFlag
    ) async throws -> Seen {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                let result = Result { try read(level, expecting: rows, until: isOver).seen }
                continuation.resume(with: result)
            }
        }
    }

    /// Reads once, or until the flag is raised. The two generations are equal: another number of
    /// rows is an error, as none would be.
    private func read(
        _ level: String, expecting expected: Int?, until isOver: BenchReplayFlag?
    ) throws -> (seen: Seen, rows: Int) {
        let connection = try Connection.open(info, deadline: .after(Self.answerMax))
        defer { connection.close() }
        try connection.execute(
            "SET default_transaction_isolation = '\(level)'", deadline: .after(Self.answerMax))
        var seen = Seen()
        var durations: [Double] = []
        var rows = 0
        repeat {
            let start = ContinuousClock.now
            do {
                rows = try connection.query(
                    Self.statement, deadline: .after(Self.answerMax)
                ).rows.count
                if let expected, rows != expected {
                    seen.errors += 1
                    seen.firstError = seen.firstError ?? "\(rows) rows instead of \(expected)"
                }
            } catch {
                seen.errors += 1
                seen.firstError = seen.firstError ?? "\(error)"
            }
            durations.append(BenchReport.seconds(ContinuousClock.now - start))
        } while !(isOver?.isRaised ?? true) && seen.errors < Self.errorsMax
        seen.polls = durations.count
        seen.blocked = (durations.max() ?? 0) - BenchReport.median(durations)
        return (seen, rows)
    }

    private static let statement = """
        SELECT position_id, net
        FROM positions.active
        WHERE book_id = 1
        ORDER BY opened_at DESC, position_id DESC
        LIMIT 20
        """
}
