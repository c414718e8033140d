import Foundation
import Testing

/// The built executable: beside the test bundle, or where NEXUS_LEDGER_BINARY says.
enum Executable {
    static let variable = "NEXUS_LEDGER_BINARY"

    struct Missing: Error, CustomStringConvertible {
        let tried: [String]

        var description: String {
            "the executable nexus-ledger is at none of \(tried.joined(separator: ", ")): "
                + "run `swift build`, or name it in \(Executable.variable)"
        }
    }

    /// Its path; a test without it fails.
    static func path() throws -> String {
        if let named = ProcessInfo.processInfo.environment[variable], !named.isEmpty {
            guard isExecutable(named) else { throw Missing(tried: [named]) }
            return named
        }
        let running = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let places = ([running] + CommandLine.arguments).map { ancestor(of: $0) + "/nexus-ledger" }
        guard let path = places.first(where: isExecutable) else { throw Missing(tried: places) }
        return path
    }

    private static func isExecutable(_ path: String) -> Bool {
        FileManager.default.isExecutableFile(atPath: path)
    }

    private static func ancestor(of path: String) -> String {
        "/" + path.split(separator: "/").dropLast().joined(separator: "/")
    }
}

/// A folder of a test's own, with what its processes read and write.
final class Scratch: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/nexus-cli-XXXXXX".utf8CString)
        path = try #require(mkdtemp(&template).map { String(cString: $0) })
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Writes a file and says where it is.
    func file(_ name: String, _ text: String) throws -> String {
        let path = "\(path)/\(name)"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    /// What a process said, and how it ended.
    struct Outcome {
        var status: Int32
        var output: String
        var errors: String

        var lines: [Substring] { output.split(separator: "\n") }
    }

    /// Runs the executable to its end, without a terminal.
    func run(
        _ arguments: [String], input: String = "", environment: [String: String] = [:]
    ) async throws -> Outcome {
        let process = try process(arguments, environment)
        let id = UInt64.random(in: .min ... .max)
        let source = try file("in-\(id)", input)
        let (output, errors) = (try file("out-\(id)", ""), try file("err-\(id)", ""))
        process.standardInput = FileHandle(forReadingAtPath: source)
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle(forWritingAtPath: errors)
        try await finish(process)
        return Outcome(
            status: process.terminationStatus,
            output: try String(contentsOfFile: output, encoding: .utf8),
            errors: try String(contentsOfFile: errors, encoding: .utf8))
    }

    /// Runs the executable on a terminal; what it wrote there.
    func runOnTerminal(
        _ arguments: [String], environment: [String: String] = [:]
    ) async throws -> String {
        let (terminal, name) = try openTerminal()
        let process = try process(arguments, environment)
        let other = try #require(FileHandle(forUpdatingAtPath: name))
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = other
        process.standardError = other
        let reader = Task { await Scratch.everything(from: terminal) }
        try await finish(process)
        try other.close()
        return await reader.value
    }

    /// What is written to a terminal until nobody has it open.
    private static func everything(from terminal: Int32) async -> String {
        await withCheckedContinuation { ended in
            DispatchQueue.global().async {
                var bytes: [UInt8] = []
                var chunk = [UInt8](repeating: 0, count: 1 << 16)
                while true {
                    let count = read(terminal, &chunk, chunk.count)
                    guard count > 0 else { break }
                    bytes += chunk[..<count]
                }
                close(terminal)
                ended.resume(returning: String(decoding: bytes, as: UTF8.self))
            }
        }
    }

    /// A new terminal and the name of its other end; as posix_openpt, grantpt, unlockpt and ptsname
    /// do it on Linux, which Swift does not see.
    private func openTerminal() throws -> (descriptor: Int32, name: String) {
        let (setLock, getNumber): (UInt, UInt) = (0x4004_5431, 0x8004_5430)
        let terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var (unlocked, number): (Int32, Int32) = (0, 0)
        try #require(
            terminal >= 0 && ioctl(terminal, setLock, &unlocked) == 0
                && ioctl(terminal, getNumber, &number) == 0)
        return (terminal, "/dev/pts/\(number)")
    }

    func process(_ arguments: [String], _ environment: [String: String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try Executable.path())
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: path)
        // Nothing of the tester's own settings.
        process.environment = ["PATH": "/usr/bin:/bin", "TERM": "xterm", "HOME": path]
            .merging(environment) { $1 }
        return process
    }

    private func finish(_ process: Process) async throws {
        try await withCheckedThrowingContinuation { (ended: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in ended.resume() }
            do { try process.run() } catch {
                process.terminationHandler = nil
                ended.resume(throwing: error)
            }
        }
    }
}
