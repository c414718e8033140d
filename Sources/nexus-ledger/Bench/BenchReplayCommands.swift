import Foundation
import Glibc
import LedgerCore

/// Commands of this executable on the cluster of a bench, and PostgreSQL's programs: each a
/// process of its own.
struct BenchReplayCommands: Sendable {
    let directory: String

    /// How a process ended that succeeded.
    struct Ended: Sendable {
        var output: String
        /// From before its start to its end.
        var duration: Duration
        /// The most resident bytes that it was seen with (VmHWM).
        var peakMemory: Int64

        /// A member of the last line, which is a JSON object.
        func member(_ name: String) throws -> JSONValue {
            guard let line = output.split(separator: "\n").last,
                case .object(let members) = try JSONValue(parsing: Array(line.utf8)),
                let value = members[name]
            else { throw Failure(.failed, "a command printed no \(name): \(output)") }
            return value
        }
    }

    /// Runs a command on book main, and raises `isOver` at its end, however it ended.
    func run(_ arguments: [String], _ isOver: BenchReplayFlag? = nil) async throws -> Ended {
        let itself = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path
        return try await Self.program(
            [itself] + arguments + ["--embedded", directory, "--book", "main", "--json"], isOver)
    }

    /// Runs a program; on a thread of its own, since tasks have as few threads as there are
    /// processors.
    /// - Throws: `Failure` with what it said on standard error, if it failed.
    static func program(
        _ arguments: [String], _ isOver: BenchReplayFlag? = nil
    ) async throws -> Ended {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                let result = Result { try wait(for: arguments, isOver) }
                continuation.resume(with: result)
            }
        }
    }

    /// Between two looks at a process's memory.
    private static let lookEvery = DispatchTimeInterval.milliseconds(20)

    private static func wait(
        for arguments: [String], _ isOver: BenchReplayFlag?
    ) throws -> Ended {
        defer { isOver?.raise() }
        allowSignals()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        // What is measured is what the arguments say.
        process.environment = ProcessInfo.processInfo.environment.filter { variable in
            !variable.key.hasPrefix("NEXUS_") && !variable.key.hasPrefix("PG")
        }
        // Files: a pipe that nobody reads would stop the process when it is full.
        let output = try Captured()
        defer { output.remove() }
        let errors = try Captured()
        defer { errors.remove() }
        process.standardOutput = output.handle
        process.standardError = errors.handle
        let isEnded = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in isEnded.signal() }
        let start = ContinuousClock.now
        try process.run()
        var peak: Int64 = 0
        while isEnded.wait(timeout: .now() + lookEvery) == .timedOut {
            peak = max(peak, peakMemory(of: process.processIdentifier))
        }
        let duration = ContinuousClock.now - start
        guard process.terminationReason == .exit, process.terminationStatus == 0 else {
            let said = errors.text.split(separator: "\n").joined(separator: "; ")
            let name = arguments.prefix(2).joined(separator: " ")
            throw Failure(.failed, "\(name) failed (\(process.terminationStatus)): \(said)")
        }
        return Ended(output: output.text, duration: duration, peakMemory: peak)
    }

    /// A process inherits which signals are blocked.
    private static func allowSignals() {
        var none = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, nil)
    }

    /// VmHWM, not what getrusage tells: that begins with the peak of the process before its exec,
    /// which is this one's.
    private static func peakMemory(of process: pid_t) -> Int64 {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        else { return 0 }
        for line in text.split(separator: "\n") where line.hasPrefix("VmHWM:") {
            return (Int64(line.filter(\.isNumber)) ?? 0) * 1_024
        }
        return 0
    }

    /// A file that takes what a process writes.
    private struct Captured {
        let path: String
        let handle: FileHandle

        init() throws {
            var template = Array((NSTemporaryDirectory() + "nexus-bench-XXXXXX").utf8CString)
            let descriptor = mkstemp(&template)
            guard descriptor >= 0 else {
                throw Failure(.failed, "no temporary file: " + systemText(of: errno))
            }
            path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
            handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        }

        var text: String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }

        func remove() { unlink(path) }
    }
}
