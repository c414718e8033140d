import LedgerCore
import LedgerTesting
import Testing

@testable import Outbox

@Suite struct IndexTests {
    let folder: Folder

    init() throws {
        folder = try Folder()
    }

    /// More than two runs, in requests of 500 events.
    private func fill(_ outbox: Outbox) throws {
        for request in 0..<560 {
            try outbox.append([
                draft(request * 500, events: 500, positions: [request % 10, 50], lineBytes: 1)
            ])
        }
    }

    @Test func `keys and positions are found in runs on disk, also after a start`() throws {
        var outbox = try folder.open(keepFor: .zero)
        try fill(outbox)
        try outbox.drain((1...300).map { OutboxSequence(rawValue: $0) })
        for _ in 0..<2 {
            #expect(outbox.memory.withLock { $0.runs.count } == 2)
            var random = SeededRandom(seed: 3)
            let wanted = (0..<200).map { _ in random.below(280_000) } + [0, 279_999]
            let found = try outbox.find(.main, wanted.map { key($0) })
            for number in wanted {
                let location = try #require(found[key(number)])
                #expect(location.sequence.rawValue == Int64(number / 500 + 1))
                #expect(location.index == number % 500)
                #expect(location.state == (number < 150_000 ? .drained : .waiting))
            }
            #expect(try outbox.find(.main, (280_000..<281_000).map { key($0) }).isEmpty)
            #expect(
                try outbox.touched(.main, [position(3), position(50), position(77)]).count == 2)
            #expect(
                try outbox.requests(of: .main, position(3)).map(\.sequence.rawValue)
                    == stride(from: 304, through: 560, by: 10).map { Int64($0) })
            #expect(try outbox.requests(of: .main, position(3), [.drained]).count == 30)
            #expect(
                try outbox.earlier(.main, position(3), before: 25).flatMap(\.keys).count
                    == 1_500)
            try outbox.close()
            outbox = try folder.open(keepFor: .zero)
        }
        try outbox.drain(try outbox.waitingSequences())
        #expect(try outbox.touched(.main, [position(3), position(50)]).isEmpty)
        #expect(try outbox.purge(instant(9)).deleted == .init(requests: 560, events: 280_000))
        #expect(outbox.memory.withLock { $0.runs.isEmpty })
        #expect(try outbox.find(.main, [key(1)]).isEmpty)
    }

    @Test func `a filter lets pass what was inserted and little else`() {
        var random = SeededRandom(seed: 1)
        let inside = (0..<50_000).map { _ in Int64(bitPattern: random.next()) }
        var filter = IndexFilter(entries: inside.count)
        for print in inside { filter.insert(print) }
        #expect(inside.allSatisfy { filter.mayContain($0) })
        let others = (0..<100_000).map { _ in Int64(bitPattern: random.next()) }
        #expect(others.filter { filter.mayContain($0) }.count < 400)
        #expect(IndexFilter(octets: filter.octets) == filter)
    }

    @Test func `the tail gives the places of a fingerprint, the newest first`() {
        var tail = IndexTail()
        tail.add(7, Place(sequence: 1, index: 0))
        tail.add(8, Place(sequence: 1, index: 1))
        tail.add(7, Place(sequence: 3, index: 5))
        #expect(tail.last(7) == Place(sequence: 3, index: 5))
        #expect(tail.places(7).map(\.sequence) == [3, 1])
        #expect(tail.places(7, from: 2).map(\.index) == [5])
        #expect(tail.places(9).isEmpty)
    }

    @Test func `the fingerprints and checksums of the format do not change`() {
        #expect(Checksum.of(Array("123456789".utf8)) == Int64(bitPattern: 0x995D_C9BB_DF19_39FA))
        var parts = Checksum()
        parts.add(Array("1234".utf8))
        parts.add(Array("56789".utf8))
        #expect(parts.value == Checksum.of(Array("123456789".utf8)))
        let prints = Fingerprint(.main)
        #expect(prints.of(key: key(1)) == IndexTests.keyOne)
        #expect(prints.of(position: position(1)) == IndexTests.positionOne)
    }

    private static let keyOne: Int64 = 6_090_477_897_593_039_055
    private static let positionOne: Int64 = -5_470_311_366_731_391_889
}
