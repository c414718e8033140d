import Testing

@testable import AppendPipeline

/// The state machine of group commit.
@Suite struct CommitCycleTests {
    struct Item: CommitItem, Hashable {
        var number = 0
        var eventCount = 1
        var byteCount = 10
    }

    private func cycle(_ change: (inout AppendLimits) -> Void = { _ in }) -> CommitCycle<Item> {
        var limits = AppendLimits()
        change(&limits)
        return CommitCycle(limits: limits)
    }

    /// The batch of an action; nil if it is another action.
    private func batch(_ action: CommitCycle<Item>.Action) -> [Item]? {
        if case .write(let items) = action { items } else { nil }
    }

    private func limit(_ action: CommitCycle<Item>.Action) -> String? {
        if case .refuse(let limit) = action { limit } else { nil }
    }

    @Test func `the first request is written at once`() {
        var cycle = cycle()
        #expect(cycle.isIdle)
        #expect(batch(cycle.received(Item(number: 1))) == [Item(number: 1)])
        #expect(cycle.isWriting)
        #expect(!cycle.isIdle)
        #expect(cycle.queuedRequests == 0)
    }

    @Test func `what comes while a batch is written is the next batch, in order`() {
        var cycle = cycle()
        _ = cycle.received(Item())
        for number in 1...3 { #expect(batch(cycle.received(Item(number: number))) == nil) }
        #expect(cycle.queuedRequests == 3)
        #expect(cycle.queuedEvents == 3)
        #expect(batch(cycle.stored())?.map(\.number) == [1, 2, 3])
        #expect(cycle.queuedRequests == 0)
        #expect(batch(cycle.stored()) == nil)
        #expect(cycle.isIdle)
    }

    @Test func `a batch ends before the event that would exceed its events`() {
        var cycle = cycle { $0.batchEventsMax = 10 }
        _ = cycle.received(Item())
        for number in 1...4 { _ = cycle.received(Item(number: number, eventCount: 4)) }
        #expect(batch(cycle.stored())?.map(\.number) == [1, 2])
        #expect(cycle.queuedEvents == 8)
        #expect(batch(cycle.stored())?.map(\.number) == [3, 4])
        #expect(cycle.queuedEvents == 0)
    }

    @Test func `a batch ends before the byte that would exceed its bytes`() {
        var cycle = cycle { $0.batchBytesMax = 100 }
        _ = cycle.received(Item())
        for number in 1...3 { _ = cycle.received(Item(number: number, byteCount: 50)) }
        #expect(batch(cycle.stored())?.map(\.number) == [1, 2])
        #expect(batch(cycle.stored())?.map(\.number) == [3])
    }

    @Test func `a request that is larger than a batch goes alone`() {
        var cycle = cycle {
            $0.batchEventsMax = 2
            $0.batchBytesMax = 20
        }
        _ = cycle.received(Item())
        _ = cycle.received(Item(number: 1, eventCount: 9, byteCount: 5))
        _ = cycle.received(Item(number: 2, eventCount: 1, byteCount: 500))
        _ = cycle.received(Item(number: 3))
        #expect(batch(cycle.stored())?.map(\.number) == [1])
        #expect(batch(cycle.stored())?.map(\.number) == [2])
        #expect(batch(cycle.stored())?.map(\.number) == [3])
    }

    @Test func `the request beyond queue_requests_max is refused`() {
        var cycle = cycle { $0.queueRequestsMax = 2 }
        _ = cycle.received(Item())
        for _ in 0..<2 { #expect(limit(cycle.received(Item())) == nil) }
        #expect(limit(cycle.received(Item())) == "queue_requests_max (2)")
        #expect(cycle.queuedRequests == 2)
        _ = cycle.stored()
        #expect(limit(cycle.received(Item())) == nil)
    }

    @Test func `the request beyond queue_events_max is refused, a smaller one is not`() {
        var cycle = cycle { $0.queueEventsMax = 5 }
        _ = cycle.received(Item())
        _ = cycle.received(Item(eventCount: 3))
        #expect(limit(cycle.received(Item(eventCount: 3))) == "queue_events_max (5)")
        #expect(limit(cycle.received(Item(eventCount: 2))) == nil)
        #expect(cycle.queuedEvents == 5)
    }

    @Test func `the request beyond queue_bytes_max is refused, a smaller one is not`() {
        var cycle = cycle { $0.queueBytesMax = 50 }
        _ = cycle.received(Item())
        _ = cycle.received(Item(byteCount: 30))
        #expect(limit(cycle.received(Item(byteCount: 21))) == "queue_bytes_max (50)")
        #expect(limit(cycle.received(Item(byteCount: 20))) == nil)
    }

    @Test func `an empty queue takes a request of any size`() {
        var cycle = cycle {
            $0.queueEventsMax = 5
            $0.queueBytesMax = 50
        }
        let large = Item(number: 1, eventCount: 9, byteCount: 900)
        #expect(batch(cycle.received(large)) == [large])
        #expect(limit(cycle.received(large)) == nil)
        #expect(batch(cycle.stored()) == [large])
    }

    @Test(arguments: 0..<60)
    func `in any sequence nothing is lost, doubled or reordered`(seed: UInt64) {
        var random = SeededNumbers(state: seed)
        var limits = AppendLimits()
        limits.batchEventsMax = Int.random(in: 1...20, using: &random)
        limits.batchBytesMax = Int.random(in: 1...200, using: &random)
        limits.queueEventsMax = Int.random(in: 1...60, using: &random)
        limits.queueBytesMax = Int.random(in: 1...600, using: &random)
        limits.queueRequestsMax = Int.random(in: 1...3_000, using: &random)
        var cycle = CommitCycle<Item>(limits: limits)
        var model: [Item] = []
        var written: [Int] = []
        var taken: [Int] = []

        func take(_ batch: [Item]) {
            #expect(!batch.isEmpty)
            #expect(batch == Array(model.prefix(batch.count)), "seed \(seed)")
            model.removeFirst(batch.count)
            written += batch.map(\.number)
            let isFull = { (items: [Item]) in
                items.reduce(0) { $0 + $1.eventCount } > limits.batchEventsMax
                    || items.reduce(0) { $0 + $1.byteCount } > limits.batchBytesMax
            }
            #expect(batch.count == 1 || !isFull(batch), "within the limits, seed \(seed)")
            if let next = model.first { #expect(isFull(batch + [next]), "seed \(seed)") }
        }

        for number in 0..<4_000 {
            let isWriting = cycle.isWriting
            if isWriting, Int.random(in: 0..<100, using: &random) < (number / 1_000 % 2) * 60 + 10 {
                switch cycle.stored() {
                case .write(let batch): take(batch)
                case .none: #expect(model.isEmpty)
                case .refuse: Issue.record("stored refuses nothing")
                }
            } else {
                let item = Item(
                    number: number, eventCount: Int.random(in: 1...8, using: &random),
                    byteCount: Int.random(in: 1...80, using: &random))
                switch cycle.received(item) {
                case .write(let batch):
                    #expect(!isWriting)
                    model.append(item)
                    taken.append(number)
                    take(batch)
                case .none:
                    #expect(isWriting)
                    model.append(item)
                    taken.append(number)
                case .refuse: #expect(isWriting)
                }
            }
            #expect(cycle.queuedRequests == model.count)
            #expect(cycle.queuedEvents == model.reduce(0) { $0 + $1.eventCount })
            #expect(cycle.queuedRequests <= limits.queueRequestsMax)
        }
        while cycle.isWriting {
            if case .write(let batch) = cycle.stored() { take(batch) }
        }
        #expect(written == taken, "seed \(seed)")
        #expect(cycle.isIdle)
    }
}

/// Numbers that a seed decides (SplitMix64).
struct SeededNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}
