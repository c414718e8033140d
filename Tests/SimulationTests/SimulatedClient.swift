import Admission
import AppendPipeline
import EventStore
import LedgerCore
import LedgerTesting
import Synchronization

/// A service that appends: it tells the stories of its own positions through one ledger, in
/// order, and sends each request again until it is acknowledged.
final class SimulatedClient: @unchecked Sendable {
    let name: String
    let book: BookName
    private let ledger: SimulatedLedger
    private let world: World
    /// To be sent, one after the other.
    private let requests: [[NewEvent]]
    /// Whether others write to its positions too: then what it expects can be wrong.
    let isContended: Bool
    private(set) var sent = 0
    private(set) var acknowledged: [Acknowledgement] = []
    /// Refusals of a request that is right.
    private(set) var wrongs: [String] = []

    struct Acknowledgement {
        let request: Int
        let events: [NewEvent]
        /// By which process.
        let life: String
        /// Where it was told that they are; nil if it was told that they are buffered.
        let places: [Place]?
    }

    init(
        _ name: String, _ book: BookName, _ requests: [[NewEvent]], isContended: Bool,
        through ledger: SimulatedLedger
    ) {
        self.name = name
        self.book = book
        self.requests = requests
        self.isContended = isContended
        self.ledger = ledger
        world = ledger.world
    }

    var isDone: Bool { sent == requests.count }

    /// All events that it has or may have sent.
    var events: [NewEvent] { requests.prefix(sent + 1).flatMap(\.self) }

    func run() async {
        while sent < requests.count {
            try? await world.scheduler.sleep(for: world.milliseconds(0...400))
            await send(sent)
            sent += 1
            let again = world.scheduler.chance.below(sent)
            if world.chance(10), mayRepeat(again) { await send(again) }
        }
    }

    /// An opening that another process has taken cannot be told from a first one while the database
    /// is away, and what follows is decided on it.
    private func mayRepeat(_ number: Int) -> Bool {
        let life = acknowledged.last { $0.request == number }?.life
        return life == ledger.process?.life.name
            || !requests[number].contains { $0.type == .positionOpened }
    }

    /// Sends a request until it is acknowledged, or refused.
    private func send(_ number: Int) async {
        while true {
            let life = ledger.process?.life.name ?? "none"
            switch await ask(requests[number]) {
            case .success(.committed(let places)):
                note(number, places, by: life)
                return
            case .success(.buffered):
                note(number, nil, by: life)
                return
            case .failure(.refused(let refusal)):
                if !isContended { wrongs.append("request \(number): \(refusal)") }
                world.note("\(name): request \(number) is refused: \(refusal)")
                return
            case .failure, nil:
                try? await world.scheduler.sleep(for: world.milliseconds(10...500))
            }
        }
    }

    private func note(_ number: Int, _ places: [Place]?, by life: String) {
        world.note("\(name): request \(number) is \(places == nil ? "buffered" : "committed")")
        acknowledged.append(
            Acknowledgement(
                request: number, events: requests[number], life: life, places: places))
    }

    /// nil if there was no answer in time, or nobody to ask.
    private func ask(
        _ events: [NewEvent]
    ) async -> Result<AppendPipeline.Answer, AppendError>? {
        guard let process = ledger.process else { return nil }
        let submission = Submission(events, origin: Origin(peerUID: 1_000, host: ledger.name))
        let answer = Pending()
        let timer = world.scheduler.start {
            try? await self.world.scheduler.sleep(for: .seconds(6))
            answer.give(nil)
        }
        process.pipeline.submit(submission, to: book) { result in
            // A killed process tells nothing.
            if !process.life.isKilled { answer.give(result) }
        }
        defer { timer.cancel() }
        return await answer.value()
    }

    /// The first of an answer and a time-out.
    private final class Pending: Sendable {
        typealias Value = Result<AppendPipeline.Answer, AppendError>?

        private struct State {
            var value: Value?
            var waiter: CheckedContinuation<Value, Never>?
        }

        private let state = Mutex(State())

        func give(_ value: Value) {
            let waiter = state.withLock { state -> CheckedContinuation<Value, Never>? in
                guard state.value == nil else { return nil }
                state.value = .some(value)
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume(returning: value)
        }

        func value() async -> Value {
            await withCheckedContinuation { continuation in
                let known = state.withLock { state -> Value? in
                    if state.value == nil { state.waiter = continuation }
                    return state.value
                }
                if let known { continuation.resume(returning: known) }
            }
        }
    }
}
