import Glibc
import Postgres

/// Runs a short-lived program to its end and collects what it prints.
///
/// The child has a session of its own, so that Ctrl-C on the terminal does not reach it or what
/// it leaves running; stands in `/`, because the user it may change to need not be allowed into
/// our working directory; and gets none of our open files but the lock that it is to hold, and of
/// our environment only PATH.
struct ChildProcess: Sendable {
    /// How a program ended.
    struct Outcome: Equatable, Sendable {
        /// Exit status; 128 + the number of the signal that killed it.
        var status: Int32
        /// The end of standard output and standard error together, without the last newline.
        var output: String
    }

    /// Bytes of output that are kept; of more, the last ones.
    static let outputBytesMax = 16 << 10

    /// The program, looked up in PATH unless it has a slash, and its arguments.
    var arguments: [String]

    /// A lock that the child goes on holding should we be killed while it runs.
    var holding: FileLock?

    /// Runs it. When the deadline passes or the task is cancelled, it is killed.
    func run(
        deadline: Deadline
    ) async throws(EmbeddedClusterError) -> Outcome {
        let step = arguments.joined(separator: " ")
        let (child, output) = try spawn()
        defer { close(output) }
        var collected: [UInt8] = []
        do {
            while true {
                // Asked before reading: what is read afterwards is then all there is.
                let ended = try exitStatus(of: child)
                Self.drain(output, into: &collected)
                if let ended {
                    return Outcome(status: ended, output: Self.text(collected))
                }
                try await pause(.milliseconds(5), deadline: deadline, step: step)
            }
        } catch {
            // It leads its session and so its process group.
            kill(-child, SIGKILL)
            var status: Int32 = 0
            while waitpid(child, &status, 0) < 0, errno == EINTR {}
            throw error
        }
    }

    /// Runs it and gives its output; any status but 0 is an error.
    func output(
        deadline: Deadline
    ) async throws(EmbeddedClusterError) -> String {
        let outcome = try await run(deadline: deadline)
        guard outcome.status == 0 else {
            throw .commandFailed(
                command: arguments.joined(separator: " "), status: outcome.status,
                output: outcome.output)
        }
        return outcome.output
    }

    private func spawn() throws(EmbeddedClusterError) -> (child: pid_t, output: Int32) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .system(call: "pipe", path: "", errno: errno) }
        let (reading, writing) = (ends[0], ends[1])
        defer { close(writing) }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        _ = fcntl(reading, F_SETFL, O_NONBLOCK)

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, writing, 1)
        posix_spawn_file_actions_adddup2(&actions, writing, 2)
        var kept: Int32 = 2
        if let holding {
            kept = 3
            posix_spawn_file_actions_adddup2(&actions, holding.descriptor, kept)
        }
        for descriptor in Self.openDescriptors() where descriptor > kept {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // POSIX_SPAWN_SETSID, SETSIGMASK and SETSIGDEF; glibc's header shows the first only to
        // C that asks for GNU extensions. Signals that we ignore or block are not the child's.
        posix_spawnattr_setflags(&attributes, 0x80 | 0x08 | 0x04)
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)

        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
        let command = ["/bin/sh", "-c", "cd / && exec \"$@\"", "sh"] + arguments
        let environment = ["PATH=\(path)", "LC_ALL=C.UTF-8", "TZ=UTC"]
        var child: pid_t = 0
        let code = Self.withCStrings(command) { argv in
            Self.withCStrings(environment) { envp in
                posix_spawn(&child, "/bin/sh", &actions, &attributes, argv, envp)
            }
        }
        guard code == 0 else {
            close(reading)
            throw .system(call: "posix_spawn", path: arguments.first ?? "", errno: code)
        }
        return (child, reading)
    }

    /// The exit status, or nil while it runs.
    private func exitStatus(of child: pid_t) throws(EmbeddedClusterError) -> Int32? {
        var status: Int32 = 0
        switch waitpid(child, &status, WNOHANG) {
        case 0: return nil
        case child: return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
        default:
            if errno == EINTR { return nil }
            throw .system(call: "waitpid", path: arguments.first ?? "", errno: errno)
        }
    }

    private static func drain(_ descriptor: Int32, into collected: inout [UInt8]) {
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            guard count > 0 else { return }
            collected += chunk[..<count]
            collected.removeFirst(max(0, collected.count - outputBytesMax))
        }
    }

    private static func text(_ bytes: [UInt8]) -> String {
        let end = bytes.lastIndex { $0 != UInt8(ascii: "\n") }.map { $0 + 1 } ?? 0
        return String(decoding: bytes[..<end], as: UTF8.self)
    }

    private static func openDescriptors() -> [Int32] {
        guard let directory = opendir("/proc/self/fd") else { return [] }
        defer { closedir(directory) }
        var found: [Int32] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let descriptor = Int32(name) { found.append(descriptor) }
        }
        return found
    }

    private static func withCStrings<Result>(
        _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let copies = strings.map { strdup($0) }
        defer { copies.forEach { free($0) } }
        return body(copies + [nil])
    }
}
