import Glibc
import LedgerCore

/// Keeps pieces of text: in memory up to a limit, beyond that in a file without a name, which goes
/// with the process.
final class DifferenceSpool {
    /// Where a piece is.
    struct Place: Hashable, Sendable {
        var offset: Int
        var count: Int
    }

    /// Bytes that are kept in memory.
    static let memoryBytesMax = 64 << 20

    private let memoryBytesMax: Int
    private var memory: [UInt8] = []
    private var descriptor: Int32 = -1
    /// What lies in the file.
    private var fileBytes = 0

    init(memoryBytesMax: Int = DifferenceSpool.memoryBytesMax) {
        self.memoryBytesMax = memoryBytesMax
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// - Throws: `GenerationError.precondition` where the file cannot be written.
    func append(_ bytes: [UInt8]) throws -> Place {
        if memory.count + bytes.count > memoryBytesMax { try spill() }
        let place = Place(offset: fileBytes + memory.count, count: bytes.count)
        memory += bytes
        return place
    }

    func read(_ place: Place) throws -> [UInt8] {
        if place.offset >= fileBytes {
            let from = place.offset - fileBytes
            return Array(memory[from..<from + place.count])
        }
        var bytes = [UInt8](repeating: 0, count: place.count)
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeMutableBytes { buffer in
                pread(
                    descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done,
                    off_t(place.offset + done))
            }
            guard count > 0 else { throw Self.failure("read") }
            done += count
        }
        return bytes
    }

    private func spill() throws {
        if descriptor < 0 {
            let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
            var name = Array((folder + "/nexus-ledger-differences-XXXXXX").utf8CString)
            descriptor = mkstemp(&name)
            guard descriptor >= 0 else { throw Self.failure("make") }
            unlink(name)
        }
        var done = 0
        while done < memory.count {
            let count = memory.withUnsafeBytes { buffer in
                pwrite(
                    descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done,
                    off_t(fileBytes + done))
            }
            guard count > 0 else { throw Self.failure("write") }
            done += count
        }
        fileBytes += memory.count
        memory.removeAll(keepingCapacity: true)
    }

    private static func failure(_ what: String) -> GenerationError {
        .precondition(
            "cannot \(what) the file for differences (errno \(errno)): make room in the folder "
                + "for temporary files, or name another one with TMPDIR")
    }
}
