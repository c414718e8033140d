#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Who works on a generation: host, process and start, so that a process of the same host can see
/// that the former owner is dead.
public struct ProcessIdentity: Hashable, Sendable, CustomStringConvertible {
    /// Name of its host, at most 255 bytes.
    public let host: String
    let pid: Int32
    /// Distinguishes processes that had the same pid.
    let start: String

    /// This process. `start` is unique for the process, such as its start time.
    public init(start: String) {
        var buffer = [CChar](repeating: 0, count: 256)
        gethostname(&buffer, buffer.count - 1)
        let length = buffer.firstIndex(of: 0) ?? buffer.count
        host = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        pid = getpid()
        self.start = start
    }

    /// Another worker of this process, which its others do not take for themselves.
    func acting(as role: String) -> ProcessIdentity {
        ProcessIdentity(host: host, pid: pid, start: "\(start)\(Self.roleMark)\(role)")
    }

    private init(host: String, pid: Int32, start: String) {
        self.host = host
        self.pid = pid
        self.start = start
    }

    private static let roleMark: Character = "#"

    /// `start` without the role.
    private static func process(_ start: some StringProtocol) -> String {
        String(start.prefix { $0 != roleMark })
    }

    /// host/pid/start, as the checkpoint keeps it.
    public var description: String { "\(host)/\(pid)/\(start)" }

    /// Whether the process that `owner` names ran on our host and is gone.
    static func isDead(_ owner: String, seenFrom own: ProcessIdentity) -> Bool {
        let parts = owner.split(separator: "/", maxSplits: 2)
        guard parts.count == 3, parts[0] == own.host, let pid = Int32(parts[1]) else {
            return false
        }
        if pid == own.pid { return process(parts[2]) != process(own.start) }
        return kill(pid, 0) == -1 && errno == ESRCH
    }
}
