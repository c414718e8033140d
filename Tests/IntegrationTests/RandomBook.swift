import Admission
import LedgerCore
import Projections

/// Requests for a book, made at random and decided by a model in memory: good ones, bad ones,
/// repeats, late facts, voids and replacements.
struct RandomBook {
    /// What makes a request likely to contain what is rare.
    struct Shape {
        var positionsMax = 12
        var strategies = ["basis", "carry"]
        /// Days over which things happen.
        var days: Int64 = 5
        var latePercent = 20
        var eventsMax = 3
    }

    struct Holding {
        var id: UUID
        var legs: [LegTerms]
        var strategy: String
        var targets: [UUID] = []
        var sent: [NewEvent] = []
        var trades: Int64 = 0
        var voided: [NewEvent] = []
    }

    var random: Seeded
    let shape: Shape
    var model = Admission(history: EmptyHistory(), head: .origin)
    var holdings: [Holding] = []
    /// Now, in seconds since the book's first day.
    private var clock: Int64 = 0
    private var legsMade = 0
    private let account: String

    /// 2026-03-28T00:00:00Z: months end nearby.
    static let start: Int64 = 1_774_656_000

    init(seed: UInt64, shape: Shape = Shape()) {
        random = Seeded(seed)
        self.shape = shape
        account = "acc-\(seed)"
    }

    /// The next request and what the model decides of it.
    mutating func next() -> (events: [NewEvent], decision: Decision) {
        var events: [NewEvent] = []
        for _ in 0..<Int.random(in: 1...shape.eventsMax, using: &random) {
            guard let event = try? event() else { continue }
            events.append(event)
        }
        if random.chance(6),
            let repeated = holdings.randomElement(using: &random)?.sent
                .randomElement(using: &random)
        {
            events.append(repeated)
        }
        guard !events.isEmpty else { return next() }
        return (events, decide(events))
    }

    /// What the model decides.
    mutating func decide(_ events: [NewEvent]) -> Decision {
        let time = Timestamp(microseconds: 0)
        guard let result = try? model.admit(events, recordedAt: time) else {
            preconditionFailure("a history in memory does not fail")
        }
        switch result {
        case .failure(let refusal):
            // Few requests are about positions that were never opened.
            if !random.chance(10) { holdings.removeAll { $0.sent.isEmpty } }
            return .refused(refusal.description)
        case .success(let outcomes):
            note(events, outcomes)
            return .admitted(
                outcomes.map { outcome in
                    switch outcome {
                    case .new(let event): Decision.Spot(event, isDuplicate: false)
                    case .known(let event): Decision.Spot(event, isDuplicate: true)
                    }
                })
        }
    }

    private mutating func note(
        _ events: [NewEvent], _ outcomes: [Admission<EmptyHistory>.Outcome]
    ) {
        for (event, outcome) in zip(events, outcomes) {
            guard case .new(let placed) = outcome,
                let index = holdings.firstIndex(where: { $0.id == placed.positionID })
            else { continue }
            holdings[index].sent.append(event)
            if case .voided(let void) = event.payload {
                let position = holdings[index].sent.first { known in
                    id(of: known, in: holdings[index]) == void.target
                }
                if let position { holdings[index].voided.append(position) }
            } else if event.type != .positionOpened {
                holdings[index].targets.append(placed.eventID)
            }
        }
    }

    func id(of event: NewEvent, in holding: Holding) -> UUID? {
        let terms = holding.legs.first { $0.leg == event.payload.leg }
        return event.eventID ?? EventIdentity.derivedID(of: event.payload, terms: terms)
    }

    // MARK: Times and figures

    /// Somewhere around now; sometimes late.
    mutating func time() -> Timestamp {
        clock += Int64.random(in: 0...shape.days * 86_400 / 120, using: &random)
        var seconds = Self.start + clock
        if random.chance(shape.latePercent) {
            seconds -= Int64.random(in: 0...max(1, clock), using: &random)
        }
        return Timestamp(microseconds: seconds * 1_000_000)
    }

    mutating func decimal(_ range: ClosedRange<Int64>, places: Int) -> Fixed {
        var unit: Int128 = 1
        for _ in places..<Fixed.scale { unit *= 10 }
        let scaled = Int128(Int64.random(in: range, using: &random)) * unit
        guard let value = try? Fixed(scaled: scaled) else { return .one }
        return value
    }

    mutating func price() -> Fixed { decimal(9_000...11_000, places: 2) }

    mutating func quantity() -> Fixed {
        random.chance(10)
            ? decimal(1...999_999_999, places: 18)
            : (random.chance(50) ? decimal(1...40, places: 0) : decimal(1...40_000, places: 3))
    }

    mutating func new(
        _ holding: Int, _ payload: EventPayload, at time: Timestamp? = nil
    ) throws -> NewEvent {
        let sources: [EventSource] = [.venueWS, .venueREST, .statement, .reconciliation]
        let expected: ExpectedVersion = random.chance(4) ? .exact(.init(rawValue: 7)) : .any
        return try NewEvent(
            positionID: holdings[holding].id, payload: payload, effectiveAt: time ?? self.time(),
            source: sources.randomElement(using: &random) ?? .venueWS,
            actor: random.chance(50) || payload.type == .eventVoided
                || payload.type == .adjustmentRecorded ? "tester" : nil,
            eventID: payload.type.derivesID ? nil : random.id(),
            causationID: random.chance(20) ? random.id() : nil,
            correlationID: random.chance(20) ? random.id() : nil, expectedVersion: expected)
    }

    /// Terms of a leg; long and short take turns.
    mutating func terms(_ index: Int) -> LegTerms {
        legsMade += 1
        let kinds: [InstrumentKind] = [.linear, .linear, .linear, .inverse, .spot]
        let kind = kinds.randomElement(using: &random) ?? .linear
        let venue = ["venue-a", "venue-b", "venue-c"].randomElement(using: &random) ?? "venue-a"
        return LegTerms(
            leg: "leg\(index)", venue: venue, account: account,
            instrument: "\(kind.rawValue)-\(legsMade)", kind: kind,
            side: index.isMultiple(of: 2) ? .long : .short, targetQty: quantity(),
            multiplier: kind == .linear ? decimal(1...100, places: 2) : .one, base: "BTC",
            quote: "USD", settle: kind == .inverse ? "BTC" : "USD", qtyScale: 3, priceScale: 2,
            settleScale: 8, fundingInterval: random.chance(50) ? 28_800 : nil)
    }
}
