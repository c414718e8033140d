import Glibc

/// The user under whom a cluster's programs run when the ledger itself runs as root, as whom
/// PostgreSQL refuses to run.
struct ClusterAccount: Equatable, Sendable {
    var name: String
    var uid: uid_t
    var gid: gid_t

    /// The owner of an existing data directory, else the user `postgres`; nil unless we are root:
    /// then everything runs as the caller.
    static func forCluster(
        dataDirectory: String
    ) throws(EmbeddedClusterError) -> ClusterAccount? {
        guard geteuid() == 0 else { return nil }
        var status = stat()
        if stat(dataDirectory, &status) == 0 {
            guard status.st_uid != 0, let account = look(byUID: status.st_uid) else {
                throw .wrongOwner(path: dataDirectory, owner: status.st_uid)
            }
            return account
        }
        guard let account = look(byName: "postgres") else { throw .noClusterUser }
        return account
    }

    /// A command that runs as this user, with the user's groups and no others.
    func command(_ arguments: [String]) -> [String] {
        ["setpriv", "--reuid=\(uid)", "--regid=\(gid)", "--init-groups", "--"] + arguments
    }

    private static func look(byName name: String) -> ClusterAccount? {
        found { getpwnam_r(name, $0, $1, $2, $3) }
    }

    private static func look(byUID uid: uid_t) -> ClusterAccount? {
        found { getpwuid_r(uid, $0, $1, $2, $3) }
    }

    private typealias Entry = UnsafeMutablePointer<passwd>

    private static func found(
        _ search: (Entry, UnsafeMutablePointer<CChar>, Int, UnsafeMutablePointer<Entry?>) -> Int32
    ) -> ClusterAccount? {
        var entry = passwd()
        var result: Entry?
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16 << 10) { buffer in
            guard let base = buffer.baseAddress,
                search(&entry, base, buffer.count, &result) == 0, let result
            else { return nil }
            return ClusterAccount(
                name: String(cString: result.pointee.pw_name), uid: result.pointee.pw_uid,
                gid: result.pointee.pw_gid)
        }
    }
}
