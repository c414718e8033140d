import Admission
import ArgumentParser
import Glibc

/// `fold`: accounts from JSON lines, without a database.
struct FoldCommand: LedgerCommand {
    static let configuration = CommandConfiguration(
        commandName: "fold",
        abstract: "Fold JSON lines of events into accounts, without a database.",
        discussion: """
            The same code as the ledger's: what append would refuse is named on standard error
            with its line, repeats are skipped, and each position's account is printed.

            EXAMPLES
              nexus-ledger fold events.jsonl
              nexus-ledger seed --seed 1 | nexus-ledger fold -

            EXIT CODES
              0   every line was taken and every position folded
              1   the file cannot be read
              3   a line would be refused by append
              4   a position cannot be folded
              64  wrong usage
            """)

    @Argument(help: "The file, or - for standard input.")
    var file: String

    func perform() async throws {
        var run = FoldRun()
        let descriptor = file == "-" ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Failure(.failed, "\(file) cannot be read: \(String(cString: strerror(errno)))")
        }
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        try read(descriptor, into: &run)
        for line in run.refused {
            Progress.standard.message("line \(line.line): \(line.reason)")
        }
        let (json, status) = run.report()
        try Output.standard.line(json)
        guard status == .folded else {
            try Output.standard.flush()
            throw ExitCode(status.rawValue)
        }
    }

    /// Reads in pieces of whole lines, so that memory holds events and not their text.
    private func read(_ descriptor: Int32, into run: inout FoldRun) throws {
        var rest: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw Failure(
                    .failed, "\(file) cannot be read: \(String(cString: strerror(errno)))")
            }
            if count == 0 { break }
            rest.append(contentsOf: chunk[..<count])
            guard let end = rest.lastIndex(of: 0x0A) else { continue }
            rest[...end].withUnsafeBufferPointer { run.read($0) }
            rest.removeSubrange(...end)
        }
        rest.withUnsafeBufferPointer { run.read($0) }
    }
}
