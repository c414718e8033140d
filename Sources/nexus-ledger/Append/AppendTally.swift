import GRPCCore
import LedgerRPC

/// What was sent and is not answered, in order, and what came of the lines before.
///
/// Answers come in the order of the requests; a line that was never sent because it is malformed
/// keeps its place among them.
struct AppendTally {
    /// What came of a line.
    enum Outcome {
        case committed(Nexus_Ledger_V1_Place)
        case buffered(Nexus_Ledger_V1_Buffered)
        case refused(code: Int32, message: String)
        /// The ledger is away or at a limit: no fault of the line.
        case failed(code: Int32, message: String)
        case malformed(message: String)
    }

    /// What came of lines that share an answer.
    struct Report {
        var lines: [Int]
        var outcomes: [Outcome]
    }

    private enum Item {
        case request([Int])
        case malformed(line: Int, message: String)
    }

    private(set) var appended = 0
    private(set) var known = 0
    private(set) var buffered = 0
    private(set) var refused = 0
    private(set) var failed = 0
    /// The last log position that was answered; 0 if none.
    private(set) var lastPosition: Int64 = 0
    /// The first line that was malformed or refused.
    private(set) var firstRefused: Int?
    /// The first line that failed, and the status that it was answered with.
    private(set) var firstFailed: (line: Int, status: RPCError.Code)?
    private var waiting: [Item] = []
    private var eventsWaiting = 0
    private var first = 0

    /// Lines that came to an end.
    var lines: Int { appended + known + buffered + refused + failed }

    /// Lines that were sent and not answered.
    var unanswered: [Int] {
        waiting[first...].flatMap { item -> [Int] in
            if case .request(let lines) = item { lines } else { [] }
        }
    }

    /// Whether a request of so many events may be sent now.
    func hasRoom(for events: Int) -> Bool {
        let requests = waiting.count - first
        guard requests > 0 else { return true }
        return requests < AppendSession.unansweredMax
            && eventsWaiting + events <= AppendSession.unansweredEventsMax
    }

    /// A request was sent.
    mutating func sent(_ lines: [Int]) {
        waiting.append(.request(lines))
        eventsWaiting += lines.count
    }

    /// A line was not sent.
    mutating func malformed(_ line: Int, _ message: String) -> [Report] {
        waiting.append(.malformed(line: line, message: message))
        return drainMalformed()
    }

    /// The answer to the first request that waits.
    mutating func answered(
        _ answer: Nexus_Ledger_V1_AppendStreamResponse
    ) throws(Failure) -> [Report] {
        guard first < waiting.count, case .request(let lines) = waiting[first] else {
            throw Failure(.failed, "the ledger answered a request that was not made: see its log")
        }
        pop()
        eventsWaiting -= lines.count
        let outcomes: [Outcome]
        switch answer.outcome {
        case .committed(let committed):
            guard committed.places.count == lines.count else {
                throw Failure(
                    .failed,
                    "the ledger gave \(committed.places.count) places to "
                        + "\(lines.count) events: see its log")
            }
            outcomes = committed.places.map { .committed($0) }
        case .buffered(let answer):
            outcomes = lines.map { _ in .buffered(answer) }
        case .refused(let refusal):
            let (code, message) = (refusal.code, refusal.message)
            let isFault = Failure.kind(of: AppendTally.status(code)) == .refused
            let outcome =
                isFault
                ? Outcome.refused(code: code, message: message)
                : Outcome.failed(code: code, message: message)
            outcomes = lines.map { _ in outcome }
        case nil:
            throw Failure(.failed, "the ledger gave an empty answer: is this command too old?")
        }
        for (line, outcome) in zip(lines, outcomes) { count(outcome, of: line) }
        return [Report(lines: lines, outcomes: outcomes)] + drainMalformed()
    }

    private mutating func drainMalformed() -> [Report] {
        var reports: [Report] = []
        while first < waiting.count, case .malformed(let line, let message) = waiting[first] {
            pop()
            let outcome = Outcome.malformed(message: message)
            count(outcome, of: line)
            reports.append(Report(lines: [line], outcomes: [outcome]))
        }
        return reports
    }

    private mutating func pop() {
        first += 1
        if first == waiting.count {
            waiting.removeAll(keepingCapacity: true)
            first = 0
        }
    }

    private mutating func count(_ outcome: Outcome, of line: Int) {
        switch outcome {
        case .committed(let place):
            if place.duplicate { known += 1 } else { appended += 1 }
            lastPosition = max(lastPosition, place.logPosition)
        case .buffered: buffered += 1
        case .refused, .malformed:
            refused += 1
            firstRefused = min(firstRefused ?? line, line)
        case .failed(let code, _):
            failed += 1
            firstFailed = firstFailed ?? (line, AppendTally.status(code))
        }
    }

    private static func status(_ code: Int32) -> RPCError.Code {
        Status.Code(rawValue: Int(code)).flatMap { RPCError.Code($0) } ?? .unknown
    }
}
