import Glibc

/// The files of an embedded cluster, and the settings that it runs with.
///
/// ```
/// DIR/                 the caller's; other users may pass, so that they reach ledger.sock in it
///   data/  0700        the cluster, of the user it runs as
///   run/   0700        its socket: who may enter here may do everything in the database
///   log/   0700        a file for each day of the week
///   cluster.conf       settings, written anew at each start
///   setup.lock         held while a process starts or stops the cluster
///   users.lock         held shared by every process that serves from the cluster
/// ```
struct ClusterLayout: Equatable, Sendable {
    /// Bytes that Linux allows for the path of a Unix socket, without the final NUL.
    static let socketPathBytesMax = 107

    /// Absolute, without a slash at the end. Symbolic links stay: they are the cure for a path
    /// that is too long for a socket.
    let directory: String

    var data: String { "\(directory)/data" }
    var run: String { "\(directory)/run" }
    var log: String { "\(directory)/log" }
    var settings: String { "\(directory)/cluster.conf" }
    var setupLock: String { "\(directory)/setup.lock" }
    var usersLock: String { "\(directory)/users.lock" }
    /// Where `initdb` works; renamed to `data` when it is done, so that `data` is never half made.
    var unfinished: String { "\(directory)/data.unfinished" }
    /// What the server says before it has opened its own log.
    var startupLog: String { "\(log)/startup.log" }
    var socket: String { "\(run)/.s.PGSQL.5432" }

    /// For libpq. Without a password: only who may enter `run` can connect.
    func conninfo(database: String) -> String {
        let host = run.replacing("'", with: "\\'")
        return "host='\(host)' port=5432 user=postgres dbname=\(database)"
    }

    init(directory: String) {
        var path = directory
        if !path.hasPrefix("/") {
            let current = getcwd(nil, 0)
            defer { free(current) }
            path = (current.map { String(cString: $0) } ?? "") + "/" + path
        }
        while path.count > 1, path.hasSuffix("/") {
            path.removeLast()
        }
        self.directory = path
    }

    /// Refuses a directory whose socket no client could address.
    func checkPath() throws(EmbeddedClusterError) {
        let bytes = socket.utf8.count
        if bytes > Self.socketPathBytesMax {
            let room = Self.socketPathBytesMax - (bytes - directory.utf8.count)
            throw .unusablePath(
                path: directory,
                why: "the socket's path would be \(bytes) bytes long, and the system allows"
                    + " \(Self.socketPathBytesMax): choose a directory of at most \(room) bytes,"
                    + " or a short symbolic link to this one")
        }
        // libpq takes a comma for the end of a host; pg_ctl hands paths to a shell, between
        // double quotes.
        let refused = directory.first { ",\"$`\\".contains($0) || $0.isNewline }
        if let refused {
            throw .unusablePath(
                path: directory,
                why: "the programs of PostgreSQL do not take the character"
                    + " \(String(reflecting: String(refused))) in it: choose another directory")
        }
    }

    /// Makes DIR with its parents, 0755: what must be private has folders of its own.
    func makeDirectory() throws(EmbeddedClusterError) {
        var parent = ""
        for part in directory.split(separator: "/") {
            parent += "/\(part)"
            if mkdir(parent, 0o755) == 0 {
                // Whatever the umask: the cluster's user must get through.
                guard chmod(parent, 0o755) == 0 else {
                    throw .system(call: "chmod", path: parent, errno: errno)
                }
            } else if errno != EEXIST, errno != EROFS, errno != EACCES {
                throw .system(call: "mkdir", path: parent, errno: errno)
            }
        }
    }

    /// A folder of mode 0700 that belongs to the cluster's user.
    func makePrivate(
        _ path: String, account: ClusterAccount?
    ) throws(EmbeddedClusterError) {
        let owner = account?.uid ?? geteuid()
        var status = stat()
        if owner != geteuid(), lstat(path, &status) == 0, status.st_uid == geteuid() {
            // Left by a start that was killed before it gave the folder away; else it has files,
            // and stays.
            rmdir(path)
        }
        if mkdir(path, 0o700) == 0 {
            guard lchown(path, owner, account?.gid ?? getegid()) == 0 else {
                throw .system(call: "chown", path: path, errno: errno)
            }
        } else if errno != EEXIST {
            throw .system(call: "mkdir", path: path, errno: errno)
        }
        guard lstat(path, &status) == 0 else {
            throw .system(call: "stat", path: path, errno: errno)
        }
        guard status.st_uid == owner, status.st_mode & S_IFMT == S_IFDIR else {
            throw .wrongOwner(path: path, owner: status.st_uid)
        }
        guard status.st_mode & 0o077 == 0 || chmod(path, 0o700) == 0 else {
            throw .system(call: "chmod", path: path, errno: errno)
        }
    }

    /// The major version that made the cluster; nil before the first start.
    func majorOfData() -> Int? {
        guard let text = readText("\(data)/PG_VERSION", bytesMax: 16) else { return nil }
        return Int(text.prefix { $0.isNumber })
    }

    /// Appends, to a cluster just made, the line that reads `cluster.conf`.
    func includeSettings(in folder: String) throws(EmbeddedClusterError) {
        let path = "\(folder)/postgresql.conf"
        let line = "\n# nexus-ledger's settings.\ninclude_if_exists = '../cluster.conf'\n"
        try writeText(line, to: path, flags: O_WRONLY | O_APPEND)
    }

    /// Writes `cluster.conf`, so that a newer ledger's settings reach an older cluster and the
    /// directory may be moved between two starts.
    func writeSettings() throws(EmbeddedClusterError) {
        let text = settingsText()
        if readText(settings, bytesMax: 64 << 10) == text { return }
        let draft = settings + ".new"
        unlink(draft)
        try writeText(text, to: draft, flags: O_WRONLY | O_CREAT | O_EXCL)
        guard rename(draft, settings) == 0 else {
            throw .system(call: "rename", path: draft, errno: errno)
        }
    }

    /// The content of `cluster.conf`.
    func settingsText() -> String {
        """
        # Written by nexus-ledger at each start: what you change here is lost.
        # For settings of your own: ALTER SYSTEM SET name = value.

        # Reached through this socket only, and only by who may enter its folder.
        listen_addresses = ''
        unix_socket_directories = \(quoted(run))
        unix_socket_permissions = 0700
        port = 5432
        max_connections = 120
        cluster_name = 'nexus-ledger'

        # What is acknowledged is on the disk.
        fsync = on
        synchronous_commit = on
        full_page_writes = on

        # A log grows by steady appends: few checkpoints, whose full pages are compressed. Segments
        # are kept to be used again: a commit that needs a new one waits for it to be written.
        shared_buffers = 128MB
        wal_compression = on
        min_wal_size = 1GB
        max_wal_size = 2GB
        checkpoint_timeout = 15min

        # Short statements only: compiling them would cost more than running them.
        jit = off

        timezone = 'UTC'
        log_timezone = 'UTC'
        datestyle = 'iso, ymd'
        lc_messages = 'C.UTF-8'

        # A file for each day of the week, written over a week later.
        logging_collector = on
        log_directory = \(quoted(log))
        log_filename = 'postgresql-%a.log'
        log_file_mode = 0600
        log_rotation_age = 1d
        log_rotation_size = 0
        log_truncate_on_rotation = on
        log_line_prefix = '%m [%p] %q%u@%d %a '
        log_lock_waits = on

        """
    }

    private func quoted(_ text: String) -> String {
        "'" + text.replacing("'", with: "''") + "'"
    }
}

/// The beginning of a small file; nil if it cannot be read.
func readText(_ path: String, bytesMax: Int) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: bytesMax)
    let count = read(descriptor, &bytes, bytesMax)
    return count < 0 ? nil : String(decoding: bytes[..<count], as: UTF8.self)
}

/// Writes a small file durably, mode 0644 when new. A symbolic link is refused: the folder may
/// belong to another user than us.
func writeText(
    _ text: String, to path: String, flags: Int32
) throws(EmbeddedClusterError) {
    let descriptor = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0o644)
    guard descriptor >= 0 else { throw .system(call: "open", path: path, errno: errno) }
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    guard write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0 else {
        throw .system(call: "write", path: path, errno: errno)
    }
    guard flags & O_CREAT == 0 || fchmod(descriptor, 0o644) == 0 else {
        throw .system(call: "chmod", path: path, errno: errno)
    }
}
