import EventStore
import LedgerCore
import Postgres

/// A generation that has a worker of this process.
struct Post: Hashable, Sendable {
    let book: BookName
    let id: BookID
    let slot: Int16
    let isLive: Bool
}

/// The workers of this process, by generation.
struct Posts {
    private var workers: [Post: Task<Void, Never>] = [:]

    subscript(post: Post) -> Task<Void, Never>? {
        get { workers[post] }
        set { workers[post] = newValue }
    }

    /// Ends the workers of generations that are not wanted any more; answers which these were.
    mutating func end(allBut wanted: Set<Post>) async -> [Post] {
        let ended = workers.filter { !wanted.contains($0.key) }
        for worker in ended.values { worker.cancel() }
        for (post, worker) in ended {
            await worker.value
            workers[post] = nil
        }
        return Array(ended.keys)
    }

    /// Ends them all.
    mutating func endAll() async { _ = await end(allBut: []) }
}

/// A generation that is not live and follows the one that is.
struct Follower: Sendable {
    let book: BookID
    let slot: Int16
    /// Whether this build's folds have made it.
    let isOurs: Bool

    /// All of them, of whatever logic.
    static func read(_ connection: Connection, deadline: Deadline) throws -> [Follower] {
        try connection.query(GenerationSQL.followers, deadline: deadline).rows.map { row in
            Follower(
                book: BookID(rawValue: try row[0].int32()), slot: try row[1].int16(),
                isOurs: LogicMark.own.matches(try row[2].int32(), try row[3].string()))
        }
    }
}
