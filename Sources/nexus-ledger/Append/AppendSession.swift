import GRPCCore
import LedgerCore
import LedgerRPC
import Synchronization

/// Sends the lines of an input over one stream and takes the answers.
///
/// ```
/// lines ─▶ batches ─▶ [at most 64 requests and 8,000 events unanswered] ─▶ ledger
///             ▲ stop             ▲ room again         │
///             └── refused line ──┴────── answers ◀────┘
/// ```
/// Two tasks share it: one sends, one takes the answers.
final class AppendSession: Sendable {
    struct Settings: Sendable {
        var input: Int32
        var inputName: String
        /// Of lines that name none.
        var book: BookName
        /// The book that --book names: a line that names another one is refused.
        var namedBook: BookName?
        var batchMax: Int
        /// The whole input is one request.
        var isAtomic: Bool
        var keepsGoing: Bool
        var report: AppendReport
    }

    /// Requests that are sent and not answered.
    static let unansweredMax = 64
    /// Their events: about two group commits, so that none waits long in the ledger's queue. A
    /// single request may have more.
    static let unansweredEventsMax = 8_000

    private struct State {
        var tally = AppendTally()
        /// Who waits for room for so many events.
        var room: (events: Int, continuation: CheckedContinuation<Void, Never>)?
        var isStopped = false
        var failure: Failure?
    }

    private let settings: Settings
    private let state = Mutex(State())

    init(_ settings: Settings) {
        self.settings = settings
    }

    var tally: AppendTally { state.withLock(\.tally) }

    /// Sends the whole input and takes all answers.
    /// - Throws: what went wrong with the input, the output or the ledger.
    func run(_ ledger: Ledger) async throws {
        try await ledger.calls.appendStream { writer in
            do {
                try await self.send(to: writer)
            } catch let failure as Failure {
                self.state.withLock { $0.failure = failure }
            }
        } onResponse: { response in
            for try await answer in response.messages { try self.take(answer) }
        }
        if let failure = state.withLock(\.failure) { throw failure }
    }

    // MARK: Sending

    private func send(
        to writer: RPCWriter<Nexus_Ledger_V1_AppendRequest>
    ) async throws {
        var reader = LineReader(settings.input, name: settings.inputName)
        // What is complete before the end of an atomic input is one line too many.
        let linesMax = settings.isAtomic ? RequestBatcher.eventsMax + 1 : settings.batchMax
        var batcher = RequestBatcher(eventsMax: linesMax)
        var isComplete = false
        while !isComplete, !isStopped, !Task.isCancelled {
            var batch: RequestBatcher.Batch?
            var malformed: (line: Int, message: String)?
            switch try await reader.next() {
            case .line(let number, let bytes):
                guard bytes.contains(where: { $0 > 0x20 }) else { continue }
                switch parse(bytes) {
                case .success(let line):
                    batch = batcher.add(line, number: number, byteCount: bytes.count)
                    if settings.isAtomic, batch != nil { throw tooMuch(number) }
                case .failure(let error): malformed = (number, error.description)
                }
            case .tooLong(let number):
                malformed = (number, "has more than \(LineReader.lineBytesMax) bytes")
            case .idle where settings.isAtomic: continue
            case .idle: batch = batcher.flush()
            case .end:
                batch = batcher.flush()
                isComplete = true
            }
            if malformed != nil, !settings.keepsGoing {
                batch = settings.isAtomic ? nil : batcher.flush()
                isComplete = true
            }
            if let batch { try await send(batch, to: writer) }
            if let malformed { try note(malformed.line, malformed.message) }
        }
    }

    private func parse(_ bytes: [UInt8]) -> Result<EventLine, InvalidField> {
        bytes.withUnsafeBufferPointer { buffer in
            do throws(InvalidField) {
                let line = try EventLine(parsing: buffer, defaultBook: settings.book)
                if let named = settings.namedBook, line.book != named {
                    throw InvalidField(
                        "book", line.book.description,
                        "the line names another book than --book \(named): leave one of them out")
                }
                return .success(line)
            } catch {
                return .failure(error)
            }
        }
    }

    private func tooMuch(_ line: Int) -> Failure {
        Failure(
            .refused,
            "line \(line) is of another book than the lines before it, or one too many: with "
                + "--atomic an input has one book, at most \(RequestBatcher.eventsMax) lines and "
                + "\(RequestBatcher.bytesMax >> 20) MiB; nothing was appended")
    }

    private func send(
        _ batch: RequestBatcher.Batch, to writer: RPCWriter<Nexus_Ledger_V1_AppendRequest>
    ) async throws {
        await awaitRoom(for: batch.lines.count)
        guard !isStopped else { return }
        state.withLock { $0.tally.sent(batch.lines) }
        try await writer.write(batch.request)
    }

    /// Waits until another request of so many events may be on its way. For the sending task.
    private func awaitRoom(for events: Int) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state -> Bool in
                    if state.isStopped || Task.isCancelled || state.tally.hasRoom(for: events) {
                        return true
                    }
                    state.room = (events, continuation)
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            signalRoom(always: true)
        }
    }

    private func signalRoom(always: Bool = false) {
        let waiting = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard let (events, continuation) = state.room,
                always || state.isStopped || state.tally.hasRoom(for: events)
            else { return nil }
            state.room = nil
            return continuation
        }
        waiting?.resume()
    }

    private func note(_ line: Int, _ message: String) throws {
        let (reports, firstFailed) = state.withLock { state in
            (state.tally.malformed(line, message), state.tally.firstFailed?.line)
        }
        try settings.report.write(reports, firstFailed: firstFailed)
    }

    private var isStopped: Bool { state.withLock(\.isStopped) }

    // MARK: Answers

    private func take(_ answer: Nexus_Ledger_V1_AppendStreamResponse) throws {
        let (reports, firstFailed, lines) = try state.withLock { state in
            let reports = try state.tally.answered(answer)
            let hasRefused = state.tally.firstRefused != nil && !settings.keepsGoing
            if hasRefused || state.tally.firstFailed != nil { state.isStopped = true }
            return (reports, state.tally.firstFailed?.line, state.tally.lines)
        }
        signalRoom()
        try settings.report.write(reports, firstFailed: firstFailed)
        Progress.standard.show("\(lines) lines")
    }
}
