import Foundation
import LedgerService
import Postgres

/// The PostgreSQL of the cluster that a bench's ledger has started: goes away by kill -9, and comes
/// back.
struct BenchServer: Sendable {
    /// For a start, crash recovery included.
    private static let startMax = Duration.seconds(60)

    private let cluster: EmbeddedCluster
    private let info: ConnectionInfo

    /// It must be running.
    init(directory: String) throws {
        let cluster = EmbeddedCluster(directory: directory)
        info = try ConnectionInfo(try cluster.attach())
        self.cluster = cluster
    }

    /// The postmaster, where one runs. A killed one leaves its number behind, which any process
    /// may have by now: the postmaster is the one that stands in the data directory.
    private var postmaster: pid_t? {
        let data = cluster.directory + "/data"
        guard let text = try? String(contentsOfFile: data + "/postmaster.pid", encoding: .utf8),
            let line = text.split(separator: "\n").first, let number = pid_t(line),
            let place = try? FileManager.default.destinationOfSymbolicLink(
                atPath: "/proc/\(number)/cwd"),
            place == URL(fileURLWithPath: data).resolvingSymlinksInPath().path
        else { return nil }
        return number
    }

    /// Kills the postmaster with SIGKILL; its children end by themselves.
    /// - Returns: when that was.
    func takeAway() throws -> ContinuousClock.Instant {
        guard let postmaster else {
            throw Failure(.failed, "no PostgreSQL runs in \(cluster.directory)")
        }
        let now = ContinuousClock.now
        guard kill(postmaster, SIGKILL) == 0 else {
            throw Failure(.failed, "PostgreSQL could not be killed: " + systemText(of: errno))
        }
        return now
    }

    /// Starts it again.
    /// - Returns: when it let the first one in.
    func bringBack() async throws -> ContinuousClock.Instant {
        async let accepted = Self.firstConnection(info)
        try await start()
        return try await accepted
    }

    private func start() async throws {
        let end = ContinuousClock.now + Self.startMax
        while true {
            do {
                _ = try await cluster.start(deadline: .after(Self.startMax))
                break
            } catch {
                // For a moment children of the killed one may hold on to its shared memory.
                guard ContinuousClock.now < end else { throw error }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        // The ledger goes on using the cluster, and stops it. We are no user of it.
        _ = try await cluster.stop(deadline: .after(.seconds(10)))
    }

    private static func firstConnection(
        _ info: ConnectionInfo
    ) async throws -> ContinuousClock.Instant {
        let end = ContinuousClock.now + startMax
        while ContinuousClock.now < end {
            if let connection = try? Connection.open(info, deadline: .after(.seconds(1))) {
                let now = ContinuousClock.now
                connection.close()
                return now
            }
            try await Task.sleep(for: .milliseconds(5))
        }
        throw Failure(.failed, "PostgreSQL takes no connections again")
    }

    /// Ends what a ledger that died has left running; nothing runs after one that was stopped.
    func clear() {
        guard let postmaster else { return }
        kill(postmaster, SIGQUIT)
        for _ in 0..<100 where self.postmaster != nil { usleep(50_000) }
    }
}
