import Glibc
import Testing

@testable import nexus_ledger

/// What somebody at a terminal sees of a long operation.
@Suite struct ProgressTests {
    /// A pseudo-terminal: what is written to `terminal` can be read from `screen`.
    private final class PseudoTerminal: Sendable {
        let screen: Int32
        let terminal: Int32

        init() throws {
            // What unlockpt and ptsname do, which Glibc's module does not have (ioctl_tty(2)).
            screen = open("/dev/ptmx", O_RDWR | O_NOCTTY)
            var (lock, number): (Int32, Int32) = (0, 0)
            try #require(ioctl(screen, 0x4004_5431, &lock) == 0)
            try #require(ioctl(screen, 0x8004_5430, &number) == 0)
            terminal = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
            try #require(terminal >= 0)
        }

        deinit {
            close(terminal)
            close(screen)
        }

        /// Reads until `text` is there.
        func read(until text: String) -> String {
            var seen: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 1_024)
            while !String(decoding: seen, as: UTF8.self).contains(text) {
                let count = Glibc.read(screen, &buffer, buffer.count)
                guard count > 0 else { break }
                seen += buffer[..<count]
            }
            return String(decoding: seen, as: UTF8.self)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `who waits is told what goes on, and the line goes away`() async throws {
        let pty = try PseudoTerminal()
        let progress = Progress(descriptor: pty.terminal)
        let said = await progress.during("folding the log") {
            await Task.detached { pty.read(until: "folding the log, ") }.value
        }
        #expect(said.hasPrefix("folding the log, "))
        progress.message("done")
        let rest = pty.read(until: "done")
        #expect(rest.contains(" \rdone"), "\(rest)")
        #expect(!rest.contains("\u{1B}"))
    }

    @Test func `into a pipe nothing is said`() async throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        let progress = Progress(descriptor: ends[1])
        let value = await progress.during("folding the log") { 7 }
        #expect(value == 7)
        progress.message("done")
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = read(ends[0], &buffer, buffer.count)
        #expect(String(decoding: buffer[..<max(0, count)], as: UTF8.self) == "done\n")
    }
}
