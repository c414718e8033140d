/// Why the private PostgreSQL of `--embedded DIR` could not be made, started, found or stopped.
public enum EmbeddedClusterError: Error, Equatable, Sendable {
    /// No PostgreSQL of a usable version is installed. Install the package that the text names.
    case programsNotFound(major: Int?)
    /// The directory's path cannot be used for a socket. Choose another one.
    case unusablePath(path: String, why: String)
    /// A directory that the cluster's user must pass cannot be searched by it. Open it, or move.
    case notSearchable(path: String, user: String)
    /// A path belongs to a user under whom the cluster cannot run. Run as that user, or move.
    case wrongOwner(path: String, owner: UInt32)
    /// The ledger runs as root, a cluster cannot, and there is no user `postgres` to run it.
    case noClusterUser
    /// Nothing listens in the directory. Start `nexus-ledger serve --embedded DIR`.
    case notRunning(directory: String)
    /// A server has the data directory but does not answer on the socket in time.
    case notAnswering(directory: String)
    /// The deadline passed. What was begun goes on or is begun again at the next start.
    case deadlinePassed(step: String)
    /// The task was cancelled. What was begun goes on or is begun again at the next start.
    case cancelled(step: String)
    /// A program of PostgreSQL failed; `output` is the end of what it said.
    case commandFailed(command: String, status: Int32, output: String)
    /// A system call failed on a path.
    case system(call: String, path: String, errno: Int32)
}

extension EmbeddedClusterError: CustomStringConvertible {
    /// What happened, and what to do about it, for a person at a terminal.
    public var description: String {
        switch self {
        case .programsNotFound(let major?):
            "the cluster was made by PostgreSQL \(major), whose programs are not installed:"
                + " install Debian's postgresql-\(major)"
        case .programsNotFound(nil):
            "no PostgreSQL \(PostgresPrograms.majorMin) or newer is installed (looked in"
                + " /usr/lib/postgresql/*/bin and asked pg_config): install Debian's postgresql"
        case .unusablePath(let path, let why):
            "\(path) cannot hold the database's socket: \(why)"
        case .notSearchable(let path, let user):
            "the database runs as user '\(user)', who may not enter \(path): choose a directory"
                + " for --embedded below one that everybody may enter, or `chmod o+x '\(path)'`"
        case .wrongOwner(let path, let owner):
            "\(path) belongs to uid \(owner), and the database cannot run as that user here:"
                + " run the ledger as the directory's owner, or choose another directory"
        case .noClusterUser:
            "PostgreSQL refuses to run as root, and there is no user 'postgres' to run it:"
                + " install Debian's postgresql, which makes that user, or do not run as root"
        case .notRunning(let directory):
            "no cluster running in \(directory):"
                + " start `nexus-ledger serve --embedded \(directory)`"
        case .notAnswering(let directory):
            "a server has \(directory)/data but does not answer on \(directory)/run: see"
                + " \(directory)/log; if no such server runs, its pid in"
                + " \(directory)/data/postmaster.pid was given to another process: remove that file"
        case .deadlinePassed(let step):
            "\(step) took too long"
        case .cancelled(let step):
            "\(step) was interrupted"
        case .commandFailed(let command, let status, let output):
            "\(command) failed with status \(status): \(output)"
        case .system(let call, let path, let errno):
            "\(call) \(path): \(describeErrno(errno))"
        }
    }
}
