import Admission
import AppendPipeline
import EventStore
import LedgerCore
import Testing

/// What an append answers.
@Suite struct AppendTests {
    let sandbox: Sandbox
    let appender: Appender

    init() async throws {
        sandbox = try await Sandbox()
        appender = sandbox.appender()
    }

    private func refusal(of events: [NewEvent]) async throws -> Refusal {
        do {
            _ = try await appender.append(events)
        } catch AppendError.refused(let refusal) {
            return refusal
        }
        throw Surprise("it was taken")
    }

    @Test func `a request over several positions has one run of places`() async throws {
        var desk = Desk()
        let (one, two) = (try desk.open(), try desk.open())
        let events = [
            one, two, try desk.fill(two.positionID, "t", .buy, 1, 10),
            try desk.fill(one.positionID, "t", .buy, 1, 10),
        ]
        let places = try await appender.append(events)
        #expect(places.map(\.logPosition.rawValue) == [1, 2, 3, 4])
        #expect(places.map(\.version.rawValue) == [1, 1, 2, 2])
        #expect(Set(places.map(\.recordedAt)).count == 1)
        #expect(places.allSatisfy { !$0.isDuplicate })
    }

    @Test func `a request is taken whole or not at all`() async throws {
        var desk = Desk()
        let open = try desk.open()
        let stranger = desk.random.id()
        let refusal = try await refusal(of: [
            open, try desk.fill(open.positionID, "t", .buy, 1, 10),
            try desk.fill(stranger, "t", .buy, 1, 10),
        ])
        #expect(refusal.index == 2)
        let connection = try sandbox.open()
        #expect(try connection.number("SELECT count(*) FROM positions.events") == 0)
        #expect(try connection.number("SELECT count(*) FROM positions.event_keys") == 0)
        #expect(try connection.number("SELECT count(*) FROM positions.streams") == 0)
        #expect(try connection.number("SELECT count(*) FROM positions.books") == 0)
        #expect(try await appender.append([open]).map(\.logPosition.rawValue) == [1])
    }

    @Test func `the ids of venue facts are derived, the same for everybody`() async throws {
        var desk = Desk()
        let open = try desk.open()
        let fill = try desk.fill(open.positionID, "t-1", .buy, 1, 10)
        guard case .opened(let opened) = open.payload else { throw Surprise("it opens") }
        let id = EventIdentity.derivedID(of: fill.payload, terms: opened.legs[0])
        let void = try desk.void(open.positionID, try #require(id))
        let places = try await appender.append([open, fill, void])
        #expect(places[0].eventID == open.eventID)
        #expect(places[1].eventID == id)
        #expect(places[2].eventID == EventIdentity.derivedID(of: void.payload, terms: nil))
    }

    @Test func `a repeat is answered with the first places`() async throws {
        var desk = Desk()
        let open = try desk.open()
        let events = [open, try desk.fill(open.positionID, "t", .buy, 1, 10)]
        let first = try await appender.append(events)
        let other = sandbox.appender()
        for again in [appender, other] {
            let places = try await again.append(events)
            #expect(places.map(\.logPosition) == first.map(\.logPosition))
            #expect(places.map(\.version) == first.map(\.version))
            #expect(places.map(\.recordedAt) == first.map(\.recordedAt))
            #expect(places.allSatisfy { $0.isDuplicate })
        }
        let mixed = try await appender.append([
            events[1], try desk.fill(open.positionID, "u", .buy, 1, 10), events[0],
        ])
        #expect(mixed.map(\.logPosition.rawValue) == [2, 3, 1])
        #expect(mixed.map(\.isDuplicate) == [true, false, true])
        await other.shutdown()
    }

    @Test func `a repeat within one request is one event`() async throws {
        var desk = Desk()
        let open = try desk.open()
        let fill = try desk.fill(open.positionID, "t", .buy, 1, 10)
        let places = try await appender.append([open, fill, fill, open])
        #expect(places.map(\.logPosition.rawValue) == [1, 2, 2, 1])
        #expect(places.map(\.isDuplicate) == [false, false, true, true])
    }

    @Test func `a known id with other content is refused and both are named`() async throws {
        var desk = Desk()
        let open = try desk.open()
        let places = try await appender.append([
            open, try desk.fill(open.positionID, "t", .buy, 1, 10),
        ])
        let other = try desk.fill(open.positionID, "t", .buy, 1, 11)
        guard
            case .contentConflict(let index, let id, let member, let known) = try await refusal(
                of: [other])
        else { throw Surprise("another refusal") }
        #expect(index == 0)
        #expect(id == places[1].eventID)
        #expect(member == "px")
        #expect(known.eventID == places[1].eventID)
        #expect(known.logPosition == places[1].logPosition)
    }

    @Test func `a repeat that differs only in what feeds differ in is a repeat`() async throws {
        var desk = Desk()
        let open = try desk.open()
        var fill = try desk.fill(open.positionID, "t", .buy, 1, 10)
        _ = try await appender.append([open, fill])
        guard case .fill(var other) = fill.payload else { throw Surprise("a fill") }
        other.liquidity = .taker
        other.orderID = "o-9"
        fill.payload = .fill(other)
        fill.effectiveAt = Desk.time(77)
        fill.source = .statement
        #expect(try await appender.append([fill]).map(\.isDuplicate) == [true])
    }

    @Test func `an expected version is met or refused with the actual one`() async throws {
        var desk = Desk()
        let open = try desk.open(expecting: .noStream)
        let id = open.positionID
        _ = try await appender.append([
            open,
            try desk.fill(id, "t", .buy, 1, 10, expecting: .exact(StreamVersion(rawValue: 1))),
        ])
        let late = try desk.fill(id, "u", .buy, 1, 10, expecting: .exact(.init(rawValue: 1)))
        #expect(
            try await refusal(of: [late])
                == .versionConflict(
                    index: 0, positionID: id, expected: .exact(StreamVersion(rawValue: 1)),
                    actual: StreamVersion(rawValue: 2)))
        let again = try desk.open(expecting: .noStream, id: id)
        #expect(
            try await refusal(of: [again])
                == .versionConflict(
                    index: 0, positionID: id, expected: .noStream,
                    actual: StreamVersion(rawValue: 2)))
        let right = try desk.fill(id, "u", .buy, 1, 10, expecting: .exact(.init(rawValue: 2)))
        #expect(try await appender.append([right]).map(\.version.rawValue) == [3])
    }

    @Test func `a repeat is known before its version is looked at`() async throws {
        var desk = Desk()
        let open = try desk.open(expecting: .noStream)
        let events = [
            open,
            try desk.fill(
                open.positionID, "t", .buy, 1, 10, expecting: .exact(StreamVersion(rawValue: 1))),
        ]
        _ = try await appender.append(events)
        #expect(try await appender.append(events).map(\.isDuplicate) == [true, true])
        let mixed =
            events + [
                try desk.fill(
                    open.positionID, "u", .buy, 1, 10,
                    expecting: .exact(StreamVersion(rawValue: 2)))
            ]
        #expect(try await refusal(of: mixed) == .partlyKnown(known: 2, of: 3))
    }

    @Test func `a void does not free the key of its target, a replacement has its own`()
        async throws
    {
        var desk = Desk()
        let open = try desk.open()
        let fill = try desk.fill(open.positionID, "t", .buy, 1, 10)
        let places = try await appender.append([open, fill])
        let void = try desk.void(open.positionID, places[1].eventID)
        let right = try desk.fill(
            open.positionID, "t", .buy, 1, 11, replaces: places[1].eventID)
        let corrected = try await appender.append([void, right])
        #expect(corrected.map(\.isDuplicate) == [false, false])
        #expect(corrected[1].eventID != places[1].eventID)
        #expect(try await appender.append([fill]).map(\.isDuplicate) == [true])
        let second = try desk.fill(
            open.positionID, "t", .buy, 1, 12, replaces: places[1].eventID)
        guard case .contentConflict = try await refusal(of: [second]) else {
            throw Surprise("another refusal")
        }
    }
}
