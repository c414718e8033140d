import Foundation
import LedgerService
import Postgres

/// A `serve` of this executable, as a process of its own.
final class BenchProcess {
    let directory: String
    let socket: String
    private let process = Process()
    /// From the start of the process to its "ready".
    private(set) var startDuration = Duration.zero

    /// Starts it and returns when it is ready.
    /// - Parameters:
    ///   - directory: Of its private cluster and its socket.
    ///   - outbox: The file of its outbox; nil for none.
    ///   - database: Another one than the private cluster's; the directory must be there then.
    init(
        directory: String, pausesProjections: Bool, outbox: String? = nil, database: String? = nil
    ) throws {
        self.directory = directory
        socket = directory + "/ledger.sock"
        var arguments = ["serve", "--socket", socket]
        if let database {
            arguments += ["--database", database]
        } else {
            arguments += ["--embedded", directory]
        }
        if let outbox { arguments += ["--outbox", outbox] }
        if pausesProjections { arguments.append("--pause-projections") }
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = arguments
        // What is measured is what the arguments say.
        process.environment = ProcessInfo.processInfo.environment.filter { variable in
            !variable.key.hasPrefix("NEXUS_")
        }
        let output = Pipe()
        process.standardOutput = output
        let log = directory + ".log"
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        process.standardError = FileHandle(forWritingAtPath: log)
        let start = ContinuousClock.now
        try process.run()
        let line = output.fileHandleForReading.availableData
        startDuration = ContinuousClock.now - start
        guard String(decoding: line, as: UTF8.self).hasPrefix("ready") else {
            let said = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            throw Failure(.failed, "serve did not start: " + said)
        }
    }

    /// The cluster's database.
    func conninfo() throws -> ConnectionInfo {
        try ConnectionInfo(try EmbeddedCluster(directory: directory).attach())
    }

    /// The most resident bytes that it ever had (VmHWM).
    var peakMemory: Int64 {
        let path = "/proc/\(process.processIdentifier)/status"
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return 0 }
        for line in text.split(separator: "\n") where line.hasPrefix("VmHWM:") {
            let digits = line.filter(\.isNumber)
            return (Int64(digits) ?? 0) * 1_024
        }
        return 0
    }

    /// Stops it, if it runs, and waits for its end.
    func stop() {
        guard process.isRunning else { return }
        process.terminate()
        process.waitUntilExit()
    }

    deinit {
        stop()
    }

    /// Where PostgreSQL's programs are.
    static func postgresProgram(_ name: String) -> String {
        for major in stride(from: 20, through: 15, by: -1) {
            let path = "/usr/lib/postgresql/\(major)/bin/\(name)"
            if FileManager.default.isExecutableFile(atPath: path) { return path }
        }
        return name
    }

    /// Runs `body` with no signal blocked. Threads of a pool block them all, a program inherits
    /// that, and pgbench would never hear its alarm.
    private static func withoutBlockedSignals(_ body: () throws -> Void) rethrows {
        var none = sigset_t()
        var before = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try body()
    }

    /// Runs a program and returns what it printed.
    static func run(_ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        let errors = Pipe()
        process.standardError = errors
        try withoutBlockedSignals { try process.run() }
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            let said = String(
                decoding: errors.fileHandleForReading.availableData, as: UTF8.self)
            throw Failure(.failed, "\(arguments[0]) failed: \(said)")
        }
        return String(decoding: data, as: UTF8.self)
    }
}
