import Dispatch
import Glibc

/// Lines of a file or of standard input, read as they come.
struct LineReader {
    /// What the input has next.
    enum Item {
        /// A line without its line feed; numbers begin at 1.
        case line(number: Int, bytes: [UInt8])
        /// A line of more than `lineBytesMax`; it was passed over.
        case tooLong(number: Int)
        /// Nothing has come for `linger`.
        case idle
        case end
    }

    /// Bytes of the longest line.
    static let lineBytesMax = 1 << 20
    /// How long lines that are there wait for more to go with them.
    static let linger = Duration.milliseconds(100)
    private static let chunkBytes = 256 << 10

    private let descriptor: Int32
    private let name: String
    private var buffer: [UInt8] = []
    private var start = 0
    /// Where the search for a line feed goes on.
    private var scanned = 0
    private var number = 0
    private var isOver = false
    private var passesOver = false

    /// Opens a file, or standard input for "-".
    static func open(_ path: String) throws(Failure) -> Int32 {
        guard path != "-" else { return STDIN_FILENO }
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Failure(.failed, "cannot open \(path): \(systemText(of: errno))")
        }
        return descriptor
    }

    /// Reads what `open` has given; `name` is for messages.
    init(_ descriptor: Int32, name: String) {
        self.descriptor = descriptor
        self.name = name == "-" ? "standard input" : name
    }

    /// The next line, waiting for it at most `linger`.
    mutating func next() async throws(Failure) -> Item {
        while true {
            if let item = takeLine() { return item }
            if isOver { return .end }
            switch await read() {
            case .bytes(let bytes):
                isOver = bytes.isEmpty
                buffer += bytes
            case .idle: return .idle
            case .failure(let code):
                throw Failure(.failed, "cannot read \(name): \(systemText(of: code))")
            }
        }
    }

    private mutating func takeLine() -> Item? {
        if let end = buffer[scanned...].firstIndex(of: UInt8(ascii: "\n")) {
            defer { (start, scanned) = (end + 1, end + 1) }
            return item(Array(buffer[start..<end]))
        }
        buffer.removeFirst(start)
        (start, scanned) = (0, buffer.count)
        if isOver, !buffer.isEmpty || passesOver {
            defer { scanned = 0 }
            let rest = buffer
            buffer = []
            return item(rest)
        }
        if buffer.count > LineReader.lineBytesMax {
            passesOver = true
            buffer = []
            scanned = 0
        }
        return nil
    }

    private mutating func item(_ bytes: [UInt8]) -> Item {
        number += 1
        defer { passesOver = false }
        let isTooLong = passesOver || bytes.count > LineReader.lineBytesMax
        return isTooLong ? .tooLong(number: number) : .line(number: number, bytes: bytes)
    }

    private enum Chunk {
        case bytes([UInt8])
        case idle
        case failure(Int32)
    }

    /// Waits on a thread of Dispatch's: the tasks of this process have few threads, and the one
    /// that takes the answers needs one of them.
    private func read() async -> Chunk {
        let descriptor = descriptor
        return await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(returning: LineReader.read(descriptor))
            }
        }
    }

    private static func read(_ descriptor: Int32) -> Chunk {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let milliseconds = Int32(linger / .milliseconds(1))
        guard poll(&waiting, 1, milliseconds) > 0 else { return .idle }
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: chunkBytes) { buffer, count in
            let result = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if result < 0 { failure = errno }
            count = max(result, 0)
        }
        switch failure {
        case 0: return .bytes(bytes)
        case EINTR, EAGAIN: return .idle
        default: return .failure(failure)
        }
    }
}
