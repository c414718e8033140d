import Glibc
import Postgres

/// Where PostgreSQL's own programs are, and of which version.
struct PostgresPrograms: Equatable, Sendable {
    /// The oldest major version that the ledger's schema is made for.
    static let majorMin = 15

    /// The folder that has `initdb`, `pg_ctl`, `postgres`, `psql`, `createdb`, `pg_isready`.
    var folder: String
    /// For example 15.
    var major: Int

    /// The path of one of the programs.
    func path(_ name: String) -> String { "\(folder)/\(name)" }

    /// Looks in Debian's folders, then asks `pg_config` in PATH.
    ///
    /// - Parameter major: the version that made an existing cluster, which no other can run; nil
    ///   takes the newest.
    static func find(
        major: Int?, deadline: Deadline
    ) async throws(EmbeddedClusterError) -> PostgresPrograms {
        var folders = debianFolders()
        let configured = try await ChildProcess(arguments: ["pg_config", "--bindir"])
            .run(deadline: deadline)
        if configured.status == 0 { folders.append(configured.output) }

        var newest: PostgresPrograms?
        for folder in folders {
            guard let found = try await examine(folder, deadline: deadline) else { continue }
            if found.major == major { return found }
            if found.major > newest?.major ?? majorMin - 1 { newest = found }
        }
        guard major == nil, let newest else { throw .programsNotFound(major: major) }
        return newest
    }

    private static func examine(
        _ folder: String, deadline: Deadline
    ) async throws(EmbeddedClusterError) -> PostgresPrograms? {
        let needed = ["initdb", "pg_ctl", "postgres", "psql", "createdb", "pg_isready"]
        guard needed.allSatisfy({ access("\(folder)/\($0)", X_OK) == 0 }) else { return nil }
        // "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"
        let version = try await ChildProcess(arguments: ["\(folder)/postgres", "--version"])
            .output(deadline: deadline)
        let words = version.split(separator: " ")
        guard words.count >= 3, let major = Int(words[2].prefix { $0.isNumber }) else {
            return nil
        }
        return PostgresPrograms(folder: folder, major: major)
    }

    private static func debianFolders() -> [String] {
        var matches = glob_t()
        defer { globfree(&matches) }
        guard glob("/usr/lib/postgresql/*/bin", 0, nil, &matches) == 0 else { return [] }
        return (0..<Int(matches.gl_pathc)).compactMap { index in
            matches.gl_pathv[index].map { String(cString: $0) }
        }
    }
}
