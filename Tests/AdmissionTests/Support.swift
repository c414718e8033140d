import Admission
import LedgerCore
import LedgerTesting
import Testing

/// A log that is only read, as a database is: what was committed before.
struct CommittedHistory: StreamHistory {
    var states: [UUID: StreamState] = [:]
    var committed: [Event] = []

    mutating func state(of position: UUID) -> StreamState? { states[position] }
    mutating func event(_ id: UUID) -> Event? { committed.first { $0.eventID == id } }
    mutating func events(of position: UUID) -> [Event] {
        committed.filter { $0.positionID == position && $0.type != .markRecorded }
    }
}

/// A ledger that is asked request by request. Each request is decided on what the earlier ones
/// left, either in one batch or with each of them committed before the next.
struct Desk {
    /// Whether each request is committed, so that the next is decided from the history.
    let commits: Bool
    private(set) var admission: Admission<CommittedHistory>

    init(commits: Bool = false) {
        self.commits = commits
        admission = Admission(history: CommittedHistory(), head: .origin)
    }

    /// What can be seen of the ledger: a refused request must leave all of it as it was.
    struct View: Equatable {
        var streams: [UUID: StreamState]
        var tails: [[Event]]
        var head: LogPosition
    }

    func view() -> View {
        var copy = admission
        var streams = copy.history.states
        streams.merge(copy.streams) { $1 }
        let tails = streams.keys.sorted().map {
            copy.history.events(of: $0) + copy.tail(of: $0)
        }
        return View(streams: streams, tails: tails, head: copy.head)
    }

    /// The outcomes of a request that is taken.
    @discardableResult
    mutating func take(
        _ request: [NewEvent], at place: SourceLocation = #_sourceLocation
    ) throws -> [Admission<CommittedHistory>.Outcome] {
        switch try admission.admit(request, recordedAt: .latest) {
        case .success(let outcomes):
            if commits { try commit() }
            return outcomes
        case .failure(let refusal):
            Issue.record("refused: \(refusal)", sourceLocation: place)
            throw refusal
        }
    }

    /// The refusal of a request, after which nothing has changed.
    mutating func refuse(
        _ request: [NewEvent], at place: SourceLocation = #_sourceLocation
    ) throws -> Refusal {
        let before = view()
        switch try admission.admit(request, recordedAt: .latest) {
        case .success(let outcomes):
            Issue.record("taken: \(outcomes)", sourceLocation: place)
            throw Taken()
        case .failure(let refusal):
            #expect(view() == before, "the refused request left something", sourceLocation: place)
            return refusal
        }
    }

    struct Taken: Error {}

    /// What the ledger says of a request.
    mutating func admit(
        _ request: [NewEvent]
    ) throws -> Result<[Admission<CommittedHistory>.Outcome], Refusal> {
        try admission.admit(request, recordedAt: .latest)
    }

    /// Makes approximate states exact, as a commit does.
    mutating func settle() throws { try admission.settle() }

    /// Puts what was admitted into the history, and begins with an empty memory.
    private mutating func commit() throws {
        try admission.settle()
        var history = admission.history
        for (position, state) in admission.streams {
            history.committed += admission.tail(of: position)
            history.states[position] = state
        }
        admission = Admission(history: history, head: admission.head)
    }

    mutating func state(_ position: UUID) -> StreamState? {
        admission.streams[position] ?? admission.history.states[position]
    }
}

extension Desk {
    /// Takes the whole story, one event a request.
    init(_ story: PositionStory, commits: Bool = false) throws {
        self.init(commits: commits)
        for event in story.sent { try take([event]) }
    }

    mutating func state(of story: PositionStory) throws -> PositionState {
        try admission.settle()
        let found = try state(story.positionID)
        return try #require(found).lifecycle.state
    }
}

extension Admission.Outcome {
    var isNew: Bool {
        if case .new = self { true } else { false }
    }

    var event: Event {
        switch self {
        case .new(let event), .known(let event): event
        }
    }
}

extension Refusal {
    /// Its case, for a test to which the words do not matter.
    var kind: String {
        switch self {
        case .invalid: "invalid"
        case .versionConflict: "versionConflict"
        case .contentConflict: "contentConflict"
        case .partlyKnown: "partlyKnown"
        case .precondition: "precondition"
        }
    }

    /// The member that an `invalid` one names.
    var field: String? {
        guard case .invalid(_, let field) = self else { return nil }
        return field.field
    }
}

extension NewEvent {
    func expecting(_ version: ExpectedVersion) -> NewEvent {
        var copy = self
        copy.expectedVersion = version
        return copy
    }

    func with(_ change: (inout NewEvent) -> Void) -> NewEvent {
        var copy = self
        change(&copy)
        return copy
    }
}

extension EventPayload {
    static func buy(_ qty: String, trade: String, px: String = "100") -> EventPayload {
        .fill(
            Fill(
                leg: "a", tradeID: trade, side: .buy, qty: .of(qty), px: .of(px), fee: .zero,
                feeAsset: "USDT", liquidity: .taker))
    }

    static func sell(_ qty: String, trade: String, px: String = "100") -> EventPayload {
        guard case .fill(var fill) = buy(qty, trade: trade, px: px) else {
            return buy(qty, trade: trade)
        }
        fill.side = .sell
        return .fill(fill)
    }

    static func void(_ target: UUID) -> EventPayload {
        .voided(EventVoid(target: target, reason: "tests"))
    }
}
