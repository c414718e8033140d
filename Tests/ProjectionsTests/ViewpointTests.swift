import LedgerCore
import LedgerTesting
import Projections
import Testing

/// Which events count at a moment of two clocks (accounting.md §2).
struct ViewpointTests {
    private let day = Int(Timestamp.dayInMicroseconds / Timestamp.secondInMicroseconds)

    @Test(arguments: seeds)
    func `what was known at a log position is the stream as it was then`(seed: UInt64) {
        let stream = RandomStreams.stream(seed: seed).events
        #expect(Viewpoint.now.select(stream) == stream)
        for length in 0...stream.count {
            let view = Viewpoint(through: LogPosition(rawValue: Int64(length)))
            #expect(view.select(stream) == Array(stream[..<length]), "seed \(seed), \(length)")
        }
    }

    @Test(arguments: seeds)
    func `what had happened by a time is a stream in which later events never came`(
        seed: UInt64
    ) throws {
        let stream = RandomStreams.stream(seed: seed).events
        let knowledge: Set<EventType> = [.eventVoided, .feeValued, .positionOpened]
        for cut in stream {
            let moment = cut.effectiveAt
            let selected = Viewpoint(effective: moment).select(stream)
            let never = stream.filter { event in
                event.effectiveAt <= moment || knowledge.contains(event.type)
            }
            #expect(selected == never, "seed \(seed), \(moment)")
            if let account = Folded(selected).account {
                let last = account.legs.flatMap(\.days).map(\.day).max()
                #expect(last.map { $0 <= moment.day } ?? true, "seed \(seed), \(moment)")
            }
        }
    }

    @Test(arguments: seeds)
    func `both clocks together are one after the other`(seed: UInt64) {
        let stream = RandomStreams.stream(seed: seed).events
        var random = SeededRandom(seed: seed)
        for _ in 0..<20 {
            let through = LogPosition(rawValue: Int64(random.within(0...stream.count)))
            let moment = random.one(of: stream).effectiveAt
            let known = Viewpoint(through: through).select(stream)
            #expect(
                Viewpoint(through: through, effective: moment).select(stream)
                    == Viewpoint(effective: moment).select(known), "seed \(seed)")
        }
    }

    @Test func `a position that had not begun has no events`() {
        var story = PositionStory()
        story.fill("a", .buy, "1", px: "100")
        let before = Timestamp(microseconds: PositionStory.start.microseconds - 1)
        #expect(Viewpoint(effective: before).select(story.stream) == [])
        #expect(Viewpoint(through: .origin).select(story.stream) == [])
        #expect(Viewpoint(effective: PositionStory.start).select(story.stream).count == 1)
    }

    @Test func `a fact from before the opening counts, with the terms`() {
        var story = PositionStory()
        let early = Timestamp(microseconds: PositionStory.start.microseconds - 60_000_000)
        story.fill("a", .buy, "1", px: "100", at: early)
        let types = Viewpoint(effective: early).select(story.stream).map(\.type)
        #expect(types == [.positionOpened, .legFillRecorded])
    }

    @Test func `a void counts as of any time by which its target had happened`() throws {
        var story = PositionStory()
        let fill = story.fill("a", .buy, "1", px: "100")
        story.now = story.now.plus(seconds: 10 * day)
        story.void(fill)
        let moment = PositionStory.start.plus(seconds: day)
        let account = try AccountFold.fold(Viewpoint(effective: moment).select(story.stream))
        #expect(account.legs[0].qty == .zero)
        // As it was known before the void, it was there.
        let known = Viewpoint(through: LogPosition(rawValue: 2), effective: moment)
        #expect(try AccountFold.fold(known.select(story.stream)).legs[0].qty == .of("1"))
    }
}
