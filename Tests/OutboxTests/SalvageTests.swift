import LedgerCore
import LedgerTesting
import Testing

@testable import Outbox

@Suite struct SalvageTests {
    let folder: Folder

    init() throws {
        folder = try Folder()
    }

    private func salvage(
        _ folder: Folder
    ) throws -> (report: SalvageReport, requests: [Outbox.SalvagedRequest]) {
        var requests: [Outbox.SalvagedRequest] = []
        let report = try Outbox.salvage(folder.outbox) { requests.append($0) }
        return (report, requests)
    }

    /// 300 requests of all states; every seventh has overflow pages.
    private func fill() throws -> [Outbox.Request] {
        let outbox = try folder.open()
        for number in 1...300 {
            try outbox.append([
                draft(number * 10, events: 2, lineBytes: number % 7 == 0 ? 9_000 : 200)
            ])
        }
        try outbox.drain([1, 2, 3])
        try outbox.settle([
            .parked(5, reason: "r", behind: nil), .parked(6, reason: "r", behind: 5),
            .parked(7, reason: "r", behind: nil),
        ])
        try outbox.discard(7, actor: "ann", reason: "wrong", at: instant(3))
        let all = try (1...300).compactMap { try outbox.request(OutboxSequence(rawValue: $0)) }
        try outbox.close()
        return all
    }

    @Test func `a sound outbox gives all requests with their states, in order`() throws {
        let expected = try fill()
        let (report, requests) = try salvage(folder)
        #expect(requests.map(\.request) == expected)
        #expect(requests.filter { !$0.isStateKnown }.isEmpty)
        #expect(report.requests == 300 && report.events == 600)
        #expect(report.parked == 2 && report.waiting == 294)
        #expect(report.damaged.isEmpty && report.unreadable == 0)
    }

    @Test func `what lies in the log of a crashed outbox is read, the file unchanged`() throws {
        let outbox = try folder.open()
        try outbox.appendEach(1...20)
        try outbox.drain([1])
        let copy = try folder.crashed()
        let before = try copy.read("outbox.sqlite")
        let (report, requests) = try salvage(copy)
        #expect(report.requests == 20 && report.unreadable == 0)
        #expect(requests.map(\.request.state).filter { $0 == .drained }.count == 1)
        #expect(try copy.read("outbox.sqlite") == before)
    }

    @Test func `without header and root pages all requests are read`() throws {
        let expected = try fill()
        try folder.edit { bytes in
            for index in 0..<4_096 { bytes[index] = 0 }
            // Interior pages of tables: their first octet is 5.
            for page in stride(from: 4_096, to: bytes.count, by: 4_096) where bytes[page] == 5 {
                for index in page..<page + 4_096 { bytes[index] = 0xAA }
            }
        }
        let (report, requests) = try salvage(folder)
        #expect(report.requests == 300)
        #expect(requests.map(\.request) == expected)
        #expect(try damage { _ = try folder.open() }.readable?.requests == 300)
    }

    @Test func `blanked pages cost only the requests that lay there`() throws {
        let expected = try fill()
        var random = SeededRandom(seed: 11)
        try folder.edit { bytes in
            for _ in 0..<10 {
                let page = random.below(bytes.count / 4_096) * 4_096
                for index in page..<page + 4_096 { bytes[index] = 0 }
            }
        }
        let (report, requests) = try salvage(folder)
        #expect(report.requests > 150 && report.requests < 300)
        let states = requests.filter(\.isStateKnown)
        for salvaged in states {
            let sequence = salvaged.request.sequence
            #expect(salvaged.request == expected[Int(sequence.rawValue) - 1])
        }
        for salvaged in requests where !salvaged.isStateKnown {
            let sequence = Int(salvaged.request.sequence.rawValue)
            #expect(salvaged.request.draft == expected[sequence - 1].draft)
        }
        if let unreadable = report.unreadable { #expect(unreadable == 300 - report.requests) }
    }

    @Test func `flipped bits never give a request that was not stored`() throws {
        let expected = Set(try fill().map(\.draft))
        var random = SeededRandom(seed: 5)
        for _ in 0..<10 {
            try folder.edit { bytes in
                for _ in 0..<40 { bytes[random.below(bytes.count)] ^= 1 << UInt8(random.below(8)) }
            }
            let (report, requests) = try salvage(folder)
            #expect(requests.allSatisfy { expected.contains($0.request.draft) })
            #expect(Int(report.requests) == requests.count)
            let sequences = requests.map(\.request.sequence)
            #expect(sequences == sequences.sorted() && Set(sequences).count == sequences.count)
        }
    }

    @Test func `purged requests do not come back`() throws {
        _ = try fill()
        let outbox = try folder.open(keepFor: .zero)
        try outbox.retry(5)
        try outbox.drain(try outbox.waitingSequences(), at: 10)
        #expect(try outbox.purge(instant(20)).deleted.requests == 299)
        let copy = try folder.crashed()
        try outbox.close()
        for place in [copy, folder] {
            let (report, requests) = try salvage(place)
            #expect(requests.map(\.request.sequence) == [7])
            #expect(report.unreadable == 0)
        }
    }

    @Test func `a path without a file fails with its name`() throws {
        let error = try failure { _ = try Outbox.salvage(folder.outbox) { _ in } }
        #expect(error.description.contains(folder.outbox))
    }
}
