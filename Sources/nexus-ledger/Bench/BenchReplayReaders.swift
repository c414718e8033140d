import EventStore
import Foundation
import LedgerCore
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

    /// Reads from before `body` begins until it is over: positions by their ids, which the view
    /// finds at once, so that a long read is one that had to wait.
    func poll(during body: () async throws -> Void) async throws -> Seen {
        let isOver = BenchReplayFlag()
        let positions = try newest()
        let readers = Self.levels.map { level in
            Task { try await started(level, positions, until: isOver) }
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
        _ level: String, _ positions: [LedgerCore.UUID], until isOver: BenchReplayFlag
    ) async throws -> Seen {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                let result = Result { try read(level, positions, until: isOver) }
                continuation.resume(with: result)
            }
        }
    }

    private func newest() throws -> [LedgerCore.UUID] {
        let connection = try Connection.open(info, deadline: .after(Self.answerMax))
        defer { connection.close() }
        let rows = try connection.query(Self.newestPositions, deadline: .after(Self.answerMax)).rows
        guard !rows.isEmpty else {
            throw Failure(.failed, "the view positions.active has no rows to read")
        }
        return try rows.map { try $0[0].id() }
    }

    /// Reads until the flag is raised. The two generations are equal: another number of rows is an
    /// error, as none would be.
    private func read(
        _ level: String, _ positions: [LedgerCore.UUID], until isOver: BenchReplayFlag
    ) throws -> Seen {
        let connection = try Connection.open(info, deadline: .after(Self.answerMax))
        defer { connection.close() }
        try connection.execute(
            "SET default_transaction_isolation = '\(level)'", deadline: .after(Self.answerMax))
        var seen = Seen()
        var durations: [Double] = []
        repeat {
            let start = ContinuousClock.now
            do {
                let rows = try connection.query(
                    Self.statement, [.uuids(positions)], deadline: .after(Self.answerMax)
                ).rows.count
                if rows != positions.count {
                    seen.errors += 1
                    seen.firstError =
                        seen.firstError ?? "\(rows) rows instead of \(positions.count)"
                }
            } catch {
                seen.errors += 1
                seen.firstError = seen.firstError ?? "\(error)"
            }
            durations.append(BenchReport.seconds(ContinuousClock.now - start))
        } while !isOver.isRaised && seen.errors < Self.errorsMax
        seen.polls = durations.count
        seen.blocked = (durations.max() ?? 0) - BenchReport.median(durations)
        return seen
    }

    private static let newestPositions = """
        SELECT position_id
        FROM positions.active
        WHERE book_id = 1
        ORDER BY opened_at DESC, position_id DESC
        LIMIT 20
        """

    private static let statement = """
        SELECT position_id, net
        FROM positions.active
        WHERE book_id = 1
          AND position_id = ANY ($1)
        """
}
