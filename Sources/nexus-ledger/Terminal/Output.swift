import Glibc
import Synchronization

/// Standard output, buffered. A reader that went away ends the command quietly (`Closed`).
///
/// On a terminal each line is written at once, else 64 KiB at a time and at `flush`.
final class Output: Sendable {
    /// Whoever read standard output has closed it, as `head` does when it has seen enough.
    struct Closed: Error {}

    static let standard = Output(descriptor: STDOUT_FILENO)

    private static let bufferBytesMax = 64 << 10

    /// Columns of the terminal; nil where there is none, and then nothing is too wide.
    let widthMax: Int?
    /// Whether somebody reads along.
    let isTerminal: Bool
    private let descriptor: Int32
    private let name: String
    private let buffer = Mutex<[UInt8]>([])

    /// `name` is for messages.
    init(descriptor: Int32, name: String = "standard output") {
        self.descriptor = descriptor
        self.name = name
        isTerminal = isatty(descriptor) == 1
        var size = winsize()
        let isKnown = isTerminal && ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0
        widthMax = isKnown && size.ws_col > 0 ? Int(size.ws_col) : nil
    }

    /// Writes a text as it is.
    func write(_ text: String) throws {
        try write(Array(text.utf8))
    }

    /// Writes a text and ends the line.
    func line(_ text: String = "") throws {
        try write(text + "\n")
    }

    /// Writes a line of JSON.
    func line(_ json: [UInt8]) throws {
        try write(json + [UInt8(ascii: "\n")])
    }

    /// Writes a table, as wide as the terminal allows.
    func table(_ table: Table) throws {
        try write(table.text(.standard, widthMax: widthMax))
    }

    private func write(_ bytes: [UInt8]) throws {
        try buffer.withLock { buffer in
            buffer += bytes
            if isTerminal || buffer.count >= Output.bufferBytesMax { try drain(&buffer) }
        }
    }

    /// Writes what is buffered.
    func flush() throws {
        try buffer.withLock { try drain(&$0) }
    }

    private func drain(_ buffer: inout [UInt8]) throws {
        guard !buffer.isEmpty else { return }
        defer { buffer.removeAll(keepingCapacity: true) }
        // Progress may stand where this goes. Its lock is taken within ours, never around it.
        let failure =
            isTerminal
            ? Progress.standard.hidden { writeAll(buffer, to: descriptor) }
            : writeAll(buffer, to: descriptor)
        if failure == EPIPE { throw Closed() }
        if failure != 0 {
            throw Failure(.failed, "cannot write to \(name): \(systemText(of: failure))")
        }
    }
}

/// Writes all bytes, waiting where the descriptor does not block; returns 0 or the errno.
func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
    bytes.withUnsafeBytes { raw in
        var offset = 0
        while offset < raw.count {
            let rest = UnsafeRawBufferPointer(rebasing: raw[offset...])
            let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if written >= 0 {
                offset += written
            } else if errno == EAGAIN {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&waiting, 1, -1)
            } else if errno != EINTR {
                return errno
            }
        }
        return 0
    }
}

/// The system's words for an errno.
func systemText(of code: Int32) -> String {
    var bytes = [CChar](repeating: 0, count: 256)
    guard strerror_r(code, &bytes, bytes.count) == 0 else { return "errno \(code)" }
    return String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}
