import Foundation

/// The files of an outbox and what the operating system tells of them. Errors are `OutboxError.io`
/// with the call, the path and the words for `errno`.
struct OutboxFile: Sendable {
    let path: String

    /// The write-ahead log, the shared memory beside it, and the file that is locked.
    var log: String { path + "-wal" }
    var sharedMemory: String { path + "-shm" }
    var lock: String { path + ".lock" }
    /// Where a new file is made, before it gets its name.
    var draft: String { path + ".new" }

    /// A file's size; nil if it is not there.
    static func size(_ path: String) -> Int64? {
        var status = stat()
        return stat(path, &status) == 0 ? Int64(status.st_size) : nil
    }

    /// Octets of the file and of its log.
    var byteCount: Int64 {
        (OutboxFile.size(path) ?? 0) + (OutboxFile.size(log) ?? 0)
    }

    /// Octets that a user may still write to the file system of a path; nil if it does not tell.
    static func diskFree(_ path: String) -> Int64? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        let product = UInt64(status.f_bavail).multipliedReportingOverflow(
            by: UInt64(status.f_frsize))
        return product.overflow ? Int64.max : Int64(clamping: product.partialValue)
    }

    /// Whether a path lies on a file system that keeps nothing when the machine restarts.
    static func isInMemory(_ path: String) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0,
            let text = try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
        else { return false }
        // proc(5): the third field is major:minor, the type follows a lone hyphen.
        let device = UInt64(status.st_dev)
        let major = device >> 8 & 0xFFF | device >> 32 & ~0xFFF
        let minor = device & 0xFF | device >> 12 & ~0xFF
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 2, fields[2] == "\(major):\(minor)",
                let hyphen = fields.firstIndex(of: "-"), hyphen + 1 < fields.count
            else { continue }
            return ["tmpfs", "ramfs"].contains(fields[hyphen + 1])
        }
        return false
    }

    /// Makes an empty file of mode 0600 in place of a draft that a crash left behind.
    func makeDraft() throws(OutboxError) {
        _ = unlink(draft)
        let descriptor = open(draft, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw OutboxFile.failure("open", draft) }
        defer { close(descriptor) }
        guard fchmod(descriptor, 0o600) == 0 else { throw OutboxFile.failure("chmod", draft) }
    }

    /// Gives the finished draft its name, durably; never over another file.
    func promoteDraft() throws(OutboxError) {
        try OutboxFile.flush(draft)
        guard link(draft, path) == 0 else { throw OutboxFile.failure("link", path) }
        _ = unlink(draft)
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let parent = parts.dropLast().joined(separator: "/")
        try OutboxFile.flush(path.hasPrefix("/") && parent.isEmpty ? "/" : parent)
    }

    /// Flushes a file or a folder ("" is the working one).
    private static func flush(_ path: String) throws(OutboxError) {
        let descriptor = open(path.isEmpty ? "." : path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("fsync", path) }
    }

    /// Takes the rights of others away: on the file, and on what SQLite makes beside it.
    func restrict() throws(OutboxError) {
        for name in [path, log, sharedMemory] where OutboxFile.size(name) != nil {
            guard chmod(name, 0o600) == 0 else { throw OutboxFile.failure("chmod", name) }
        }
    }

    static func failure(_ call: String, _ path: String) -> OutboxError {
        let code = errno
        var buffer = [CChar](repeating: 0, count: 128)
        _ = strerror_r(code, &buffer, buffer.count)
        let words = String(
            decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        if code == ENOSPC || code == EDQUOT { return .full(.device("\(call) \(path): \(words)")) }
        return .io("\(call) \(path): \(words)")
    }
}

/// An exclusive `flock` on a file of its own, which holds the pid of its owner. The file stays
/// when the lock is given up: were it deleted, two processes could each lock one of that name.
final class OutboxLock: Sendable {
    private let descriptor: Int32

    /// What throws here is deinitialised, and closes its descriptor.
    init(_ file: OutboxFile) throws(OutboxError) {
        let path = file.lock
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw OutboxFile.failure("open", path) }
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            if errno == EINTR { continue }
            let error =
                errno == EWOULDBLOCK
                ? OutboxError.locked(path: file.path, pid: OutboxLock.owner(descriptor))
                : OutboxFile.failure("flock", path)
            throw error
        }
        let pid = Array("\(getpid())\n".utf8)
        guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, pid, pid.count, 0) == pid.count
        else {
            throw OutboxFile.failure("write", path)
        }
    }

    deinit {
        close(descriptor)
    }

    /// Lets others in; once is enough.
    func unlock() {
        _ = flock(descriptor, LOCK_UN)
    }

    private static func owner(_ descriptor: Int32) -> Int32? {
        var buffer = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return nil }
        return Int32(String(decoding: buffer[..<count].prefix { $0 != 10 }, as: UTF8.self))
    }
}
