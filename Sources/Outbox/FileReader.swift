import Glibc

/// Reads octets of a file at any place; it never writes.
final class FileReader {
    private let descriptor: Int32
    private let path: String

    init(_ path: String) throws(OutboxError) {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw OutboxFile.failure("open", path) }
    }

    deinit {
        close(descriptor)
    }

    /// So many octets; fewer at the end of the file.
    func octets(_ count: Int, at offset: Int64) throws(OutboxError) -> [UInt8] {
        var failed = false
        let octets = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let start = buffer.baseAddress?.advanced(by: filled)
                let got = pread(descriptor, start, count - filled, off_t(offset) + off_t(filled))
                if got < 0, errno == EINTR { continue }
                failed = got < 0
                guard got > 0 else { break }
                filled += got
            }
        }
        if failed { throw OutboxFile.failure("read", path) }
        return octets
    }
}

extension [UInt8] {
    /// The number in four octets, the highest first; 0 beyond the end.
    func bigEndian32(_ offset: Int) -> UInt32 {
        guard offset + 4 <= count else { return 0 }
        return self[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// The number in two octets, the highest first; 0 beyond the end.
    func bigEndian16(_ offset: Int) -> Int {
        guard offset + 2 <= count else { return 0 }
        return Int(self[offset]) << 8 | Int(self[offset + 1])
    }
}
