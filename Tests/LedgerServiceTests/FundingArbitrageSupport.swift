import Admission
import LedgerCore
import LedgerTesting
import Projections
import Testing

/// Whether the prices and funding rates are there.
let hasFundingFile = Fixtures.shared(FundingStreams.name) != nil

/// Positions of real prices and rates, each as the ledger has admitted it.
struct FundingStreams {
    static let name = "data/funding_arbitrage/all_exchanges.csv"

    /// The first positions of the file: all kinds of legs, opened in its first months.
    static let some = Result { try FundingStreams(rule: FundingArbitrage.Rule(positionsMax: 60)) }
    /// Those of the whole file.
    static let all = Result { try FundingStreams(rule: FundingArbitrage.Rule()) }

    let events: [NewEvent]
    /// By position, in the order of their openings.
    let streams: [[Event]]

    private init(rule: FundingArbitrage.Rule) throws {
        let path = try #require(Fixtures.shared(FundingStreams.name))
        events = try FundingArbitrage.events(ofFile: path, rule: rule)
        var ledger = MemoryLedger()
        var positions: [UUID] = []
        for event in events where try ledger.append(event) { positions.append(event.positionID) }
        streams = positions.map { ledger.events(of: $0) }
    }
}

extension [Event] {
    /// The same events as if they had come in this order: versions and places counted anew.
    func arrived() -> [Event] {
        enumerated().map { index, event in
            var event = event
            event.version = StreamVersion(rawValue: Int64(index) + 1)
            event.logPosition = LogPosition(rawValue: Int64(index) + 1)
            return event
        }
    }

    /// With a void of `target` that comes last.
    func voiding(_ target: Event) throws -> [Event] {
        let payload = EventPayload.voided(EventVoid(target: target.eventID, reason: "a test"))
        var void = target
        void.payload = payload
        void.eventID = try #require(EventIdentity.derivedID(of: payload, terms: nil))
        return (self + [void]).arrived()
    }

    /// With each payload changed.
    func mapPayloads(_ change: (EventPayload) throws -> EventPayload) rethrows -> [Event] {
        try map { event in
            var event = event
            event.payload = try change(event.payload)
            return event
        }
    }

    /// With each fill changed.
    func mapFills(_ change: (inout Fill) throws -> Void) rethrows -> [Event] {
        try mapPayloads { payload in
            guard case .fill(var fill) = payload else { return payload }
            try change(&fill)
            return .fill(fill)
        }
    }

    func folded() throws -> PositionAccount { try AccountFold.fold(self) }
}

extension PositionAccount {
    /// The account as `fold` prints it, but for RESTATED, which tells of the order of arrival.
    func figures() throws -> String {
        var json = CanonicalJSON()
        try AccountReport(self).write(to: &json)
        let text = String(decoding: json.bytes, as: UTF8.self)
        return text.replacing(",\"RESTATED\"", with: "").replacing("\"RESTATED\"", with: "")
    }

    /// Roundings that are in a leg's figures, each of at most half a unit of its place: one a fill,
    /// of its value, and one, of the cost that it released.
    func tolerance(of leg: LegAccount, times factor: Int64 = 1) throws -> Fixed {
        let place = leg.terms.kind == .inverse ? leg.terms.settleScale : Fixed.scale
        var unit = Fixed.one
        for _ in 0..<place { unit = try unit.divided(by: "10") }
        return try unit.multiplied(by: try Fixed(2 * leg.fills * factor))
    }

    /// All legs are linear, or spot.
    var isLinear: Bool { legs.allSatisfy { $0.terms.kind != .inverse } }
    var hasSpot: Bool { legs.contains { $0.terms.kind == .spot } }
}
