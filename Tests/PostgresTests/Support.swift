import Glibc
import LedgerTesting
import Testing

@testable import Postgres

/// Long enough for a loaded machine; a test that needs it fails.
var ample: Deadline { .after(.seconds(60)) }

/// A database of the test's own and sessions in it; kept by the suite's instance.
struct Sandbox: Sendable {
    let database: TemporaryDatabase
    let info: ConnectionInfo

    init() async throws {
        database = try await TestDatabase.fresh()
        info = try ConnectionInfo(database.conninfo)
    }

    func open(preparing: Bool = false) throws -> Connection {
        try Connection.open(info.preparing(preparing), deadline: ample)
    }
}

extension Connection {
    /// Ends another session and waits until its process is gone.
    func terminate(_ pid: Int32) throws {
        let result = try query(
            "SELECT pg_terminate_backend($1, 30000)", [.int4(pid)], deadline: ample)
        #expect(try result.onlyRow()[0].bool())
    }

    /// The only value of a query that answers one bigint.
    func number(_ sql: String) throws -> Int64 {
        try query(sql, deadline: ample).onlyRow()[0].int64()
    }
}

/// A server that accepts nothing and answers nothing: a socket on which nobody calls accept.
final class SilentServer {
    let directory: String
    private let socketFile: String
    private let descriptor: Int32

    init() throws {
        var template = Array("/tmp/nexus-silent-XXXXXX".utf8CString)
        directory = try #require(mkdtemp(&template).map { String(cString: $0) })
        socketFile = directory + "/.s.PGSQL.5432"
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: socketFile.utf8) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0 && listen(descriptor, 8) == 0)
    }

    deinit {
        close(descriptor)
        unlink(socketFile)
        rmdir(directory)
    }
}
