import Foundation
import LedgerTesting
import Testing

/// A ledger that is served from a database and on a socket of its own.
final class Served: Sendable {
    let scratch: Scratch
    let database: TemporaryDatabase
    let socket: String
    private nonisolated(unsafe) let process: Process

    /// Starts it on a migrated database and returns when it is ready.
    init() async throws {
        scratch = try Scratch()
        database = try await TestDatabase.fresh()
        socket = scratch.path + "/s"
        process = try scratch.process(
            [
                "serve", "--migrate", "--no-outbox", "--database", database.conninfo, "--socket",
                socket,
            ], [:])
        let (pipe, errors) = (Pipe(), try scratch.file("serve.err", ""))
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = pipe
        process.standardError = FileHandle(forWritingAtPath: errors)
        try process.run()
        let said = await Served.line(of: pipe.fileHandleForReading, that: "ready")
        guard said.hasPrefix("ready") else {
            throw Failed(said: said + (try String(contentsOfFile: errors, encoding: .utf8)))
        }
    }

    /// Waits for a line that begins so, or else for the end of what is written.
    private static func line(of output: FileHandle, that begins: String) async -> String {
        await withCheckedContinuation { found in
            DispatchQueue.global().async {
                var said = ""
                while !said.hasPrefix(begins), !said.contains("\n\(begins)") {
                    let bytes = output.availableData
                    if bytes.isEmpty { break }
                    said += String(decoding: bytes, as: UTF8.self)
                }
                let line = said.split(separator: "\n").first { $0.hasPrefix(begins) }
                found.resume(returning: line.map(String.init) ?? said)
            }
        }
    }

    struct Failed: Error {
        let said: String
    }

    deinit {
        if process.isRunning { process.terminate() }
    }

    /// Asks it to stop; its exit status.
    func stop() async -> Int32 {
        let process = process
        return await withCheckedContinuation { ended in
            DispatchQueue.global().async {
                process.terminate()
                process.waitUntilExit()
                ended.resume(returning: process.terminationStatus)
            }
        }
    }

    /// Runs a client's command.
    func run(_ arguments: [String], input: String = "") async throws -> Scratch.Outcome {
        try await scratch.run(
            arguments, input: input, environment: ["NEXUS_SOCKET": socket])
    }
}
