import Glibc
import Postgres
import Synchronization
import Testing

@testable import LedgerService

@Suite struct `Embedded cluster` {
    @Test func `a first start makes a cluster with our settings, and stop ends it`() async throws {
        let folder = try TemporaryFolder()
        let cluster = EmbeddedCluster(directory: folder.path)
        let told = Lines()
        let conninfo = try await cluster.start(deadline: soon, progress: told.add)
        #expect(told.all.map { $0.prefix(6) } == ["making", "starti"])
        #expect(try cluster.attach() == conninfo)

        let connection = try Connection.open(
            ConnectionInfo(conninfo), deadline: .after(.seconds(9)))
        for (setting, value) in [
            ("listen_addresses", ""), ("fsync", "on"), ("synchronous_commit", "on"),
            ("data_checksums", "on"), ("server_encoding", "UTF8"), ("TimeZone", "UTC"),
            ("max_connections", "120"), ("lc_collate", "C.UTF-8"),
        ] {
            try connection.execute(
                """
                DO $$ BEGIN
                    ASSERT current_setting('\(setting)') = '\(value)',
                        current_setting('\(setting)');
                END $$
                """, deadline: .after(.seconds(9)))
        }
        #expect(connection.info.databaseName == "ledger")
        connection.close()

        #expect(try await cluster.stop(deadline: soon) == .stopped)
        #expect(try await cluster.stop(deadline: soon) == .leftRunning)
        #expect(throws: EmbeddedClusterError.notRunning(directory: folder.path)) {
            try cluster.attach()
        }
    }

    @Test func `what is left running by a killed ledger is adopted, and stopped`() async throws {
        let folder = try TemporaryFolder()
        // The lock goes with the value, as it does with a process.
        _ = try await EmbeddedCluster(directory: folder.path).start(deadline: soon)
        let next = EmbeddedCluster(directory: folder.path)
        let told = Lines()
        _ = try await next.start(deadline: soon, progress: told.add)
        #expect(told.all.map { $0.prefix(8) } == ["adopting"])
        #expect(try await next.stop(deadline: soon) == .stopped)
    }

    @Test func `of several users, started at one time, the last one stops it`() async throws {
        let folder = try TemporaryFolder()
        let clusters = (0..<3).map { _ in EmbeddedCluster(directory: folder.path) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for cluster in clusters {
                group.addTask { _ = try await cluster.start(deadline: soon) }
            }
            try await group.waitForAll()
        }
        #expect(try await clusters[1].stop(deadline: soon) == .leftRunning)
        #expect(try await clusters[0].stop(deadline: soon) == .leftRunning)
        _ = try clusters[0].attach()
        #expect(try await clusters[2].stop(deadline: soon) == .stopped)
    }

    @Test func `a cluster that was only half made is made anew`() async throws {
        let folder = try TemporaryFolder()
        try #require(mkdir(folder.path + "/data.unfinished", 0o700) == 0)
        try writeText(
            "half", to: folder.path + "/data.unfinished/PG_VERSION", flags: O_WRONLY | O_CREAT)
        let cluster = EmbeddedCluster(directory: folder.path)
        _ = try await cluster.start(deadline: soon)
        #expect(try await cluster.stop(deadline: soon) == .stopped)
        #expect(access(folder.path + "/data.unfinished", F_OK) != 0)
    }

    @Test func `a start that meets its deadline says which step it was at`() async throws {
        let folder = try TemporaryFolder()
        let cluster = EmbeddedCluster(directory: folder.path)
        await #expect {
            try await cluster.start(deadline: .after(.zero))
        } throws: { error in
            guard case EmbeddedClusterError.deadlinePassed = error else { return false }
            return true
        }
        #expect(access(folder.path + "/data", F_OK) != 0)
    }

    @Test func `a path too long for a socket is refused with the length that fits`() async throws {
        let fits = "/tmp/" + String(repeating: "x", count: 84)
        #expect(throws: EmbeddedClusterError.notRunning(directory: fits)) {
            try EmbeddedCluster(directory: fits).attach()
        }
        await #expect {
            try await EmbeddedCluster(directory: fits + "x").start(deadline: soon)
        } throws: { error in
            "\(error)".contains("at most 89 bytes")
        }
        #expect(access(fits + "x", F_OK) != 0)
    }

    @Test(arguments: ["a,b", "a\"b", "$(a)", "`a`", "a\\b", "a\nb"])
    func `a path that would mean something else to PostgreSQL is refused`(name: String) {
        #expect {
            try EmbeddedCluster(directory: "/tmp/" + name).attach()
        } throws: { error in
            guard case EmbeddedClusterError.unusablePath = error else { return false }
            return true
        }
    }
}

/// More than any start takes on a busy machine.
private var soon: Deadline { .after(.seconds(120)) }

/// What a callback was told.
private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }

    @Sendable func add(_ line: String) {
        lines.withLock { $0.append(line) }
    }
}

/// A folder under /tmp that PostgreSQL's user may pass, removed with what is in it.
private final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/nexus-cluster-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try #require(chmod(path, 0o755) == 0)
    }

    deinit {
        // A cluster that a failed test left running goes down when its files are gone.
        _ = system("rm -rf -- '\(path)'")
    }
}
