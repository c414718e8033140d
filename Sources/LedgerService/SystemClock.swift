import Glibc
import LedgerCore

/// The host's clock.
public enum SystemClock {
    /// Now, in UTC.
    public static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(
            microseconds: Int64(time.tv_sec) * Timestamp.secondInMicroseconds
                + Int64(time.tv_nsec) / 1_000)
    }
}

/// Memory of this process.
public enum ResidentMemory {
    /// Resident bytes, from /proc/self/statm; 0 where there is none.
    public static func bytes() -> Int64 {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var buffer = [CChar](repeating: 0, count: 128)
        guard fgets(&buffer, Int32(buffer.count), file) != nil else { return 0 }
        let text = String(
            decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let fields = text.split(separator: " ")
        guard fields.count > 1, let pages = Int64(fields[1]) else { return 0 }
        return pages * Int64(sysconf(Int32(_SC_PAGESIZE)))
    }
}
