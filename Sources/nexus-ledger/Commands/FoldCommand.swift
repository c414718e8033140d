import Admission
import ArgumentParser
import Glibc

/// `fold`: accounts from JSON lines, without a database.
struct FoldCommand: LedgerCommand {
    static let configuration = CommandConfiguration(
        commandName: "fold",
        abstract: "Fold JSON lines of events into accounts, without a database.",
        discussion: """
            The same code as the ledger's: what append would refuse is named on
            standard error with its line, repeats are skipped, and each position's
            account is printed.

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
        let descriptor = try LineReader.open(file)
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        try await read(descriptor, into: &run)
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

    /// Reads line by line, so that memory holds events and not their text.
    private func read(_ descriptor: Int32, into run: inout FoldRun) async throws {
        var reader = LineReader(descriptor, name: file)
        while true {
            switch try await reader.next() {
            case .line(let number, let bytes):
                bytes.withUnsafeBufferPointer { run.readLine($0) }
                Progress.standard.show("\(number) lines read")
            case .tooLong:
                run.refuseLine(because: "has more than \(LineReader.lineBytesMax) bytes")
            case .idle: continue
            case .end: return
            }
        }
    }
}
