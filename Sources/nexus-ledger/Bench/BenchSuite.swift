import Foundation
import LedgerCore
import LedgerRPC
import Postgres

/// The measurements that need a ledger and a database.
struct BenchSuite {
    let directory: String
    let events: Int

    private static let rounds = 3

    private func load<Value: Sendable>(
        _ process: BenchProcess, _ body: (BenchLoad) async throws -> Value
    ) async throws -> Value {
        try await BenchLoad.connected(to: process.socket, body)
    }

    private func requests(
        _ count: Int, of size: Int, first: UInt64, book: BookName = .main
    ) throws -> [Nexus_Ledger_V1_AppendRequest] {
        var source = BenchEvents(book: book, first: first)
        return try (0..<count / size).map { _ in try source.request(events: size) }
    }

    // MARK: Appending in requests of 500

    func append(_ report: inout BenchReport) async throws {
        var next: UInt64 = 1_000_000
        let paused = try BenchProcess(directory: directory, pausesProjections: true)
        let pausedRates = try await compare(paused, &next, awaitsTables: false)
        report.add(
            figure("append, requests of 500, projections paused", pausedRates, .atLeast(0.5)))
        paused.stop()
        let live = try BenchProcess(directory: directory, pausesProjections: false)
        try await awaitTables(live)
        let liveRates = try await compare(live, &next, awaitsTables: true)
        report.add(figure("append, requests of 500, projections live", liveRates, .atLeast(0.2)))
        report.add(
            .init(
                name: "serve, peak memory", ours: "\(live.peakMemory >> 20) MB", peer: "200 MB",
                peerName: "the bound", ratio: Double(live.peakMemory) / Double(200 << 20),
                bound: .atMost(1)))
        live.stop()
        let again = try BenchProcess(directory: directory, pausesProjections: false)
        let start = BenchReport.seconds(again.startDuration)
        report.add(
            .init(
                name: "serve, start on an existing cluster",
                ours: "\(BenchReport.number(start)) s", peer: "3 s", peerName: "the bound",
                ratio: start / 3, bound: .atMost(1)))
        again.stop()
    }

    private func figure(
        _ name: String, _ rates: (ours: Double, limit: Double), _ bound: BenchReport.Bound
    ) -> BenchReport.Figure {
        .init(
            name: name, ours: BenchReport.perSecond(rates.ours, "events"),
            peer: BenchReport.perSecond(rates.limit, "rows"),
            peerName: "binary COPY of the rows alone, 500 a transaction",
            ratio: rates.ours / rates.limit, bound: bound)
    }

    /// Appends and copies the same rows in turns.
    private func compare(
        _ process: BenchProcess, _ next: inout UInt64, awaitsTables: Bool
    ) async throws -> (ours: Double, limit: Double) {
        var ours: [Double] = []
        var limit: [Double] = []
        let peer = try BenchPeer(try process.conninfo())
        let warmUp = try requests(10_000, of: 500, first: next)
        next += 1_000
        _ = try await load(process) { try await $0.stream(warmUp, unanswered: 16) }
        for _ in 0..<Self.rounds {
            let requests = try requests(events, of: 500, first: next)
            next += UInt64(events / BenchEvents.eventsOfPosition) + 1
            let start = ContinuousClock.now
            _ = try await load(process) { try await $0.stream(requests, unanswered: 16) }
            if awaitsTables { try await awaitTables(process) }
            ours.append(BenchReport.rate(events, ContinuousClock.now - start))
            let chunks = try peer.chunks(events)
            try peer.makeCopyTable()
            limit.append(BenchReport.rate(events, try peer.copy(chunks)))
        }
        return (BenchReport.median(ours), BenchReport.median(limit))
    }

    /// Waits until the tables have reached the head: "live" means keeping up.
    private func awaitTables(_ process: BenchProcess) async throws {
        try await withLedgerConnection(socket: process.socket) { client in
            let operations = Nexus_Ledger_V1_Operations.Client(wrapping: client)
            let calls = BenchLoad.Calls(wrapping: client)
            while true {
                let status = try await operations.getStatus(.init())
                let behind = status.books.flatMap(\.projections).map(\.lagEvents).max() ?? 0
                if behind == 0 { return }
                for book in status.books {
                    var request = Nexus_Ledger_V1_ListPositionsRequest()
                    request.book = book.book
                    request.pageSize = 1
                    request.atLeast = book.head
                    _ = try? await calls.listPositions(request)
                }
            }
        }
    }

    // MARK: One event a request

    func stream(_ report: inout BenchReport) async throws {
        let process = try BenchProcess(directory: directory, pausesProjections: true)
        defer { process.stop() }
        let info = try process.conninfo()
        let peer = try BenchPeer(info)
        try peer.makeBareTable()
        var bidi: [Double] = []
        var unary: [Double] = []
        var inserts: [Double] = []
        var next: UInt64 = 10_000_000
        for _ in 0..<Self.rounds {
            let count = 40_000
            let singles = try singles(count, first: next)
            next += 1_000_000
            bidi.append(
                BenchReport.rate(
                    count, try await load(process) { try await $0.stream(singles, unanswered: 64) }
                ))
            let calls = try self.singles(10_000, first: next)
            next += 1_000_000
            unary.append(
                BenchReport.rate(
                    calls.count, try await load(process) { try await $0.unary(calls, callers: 64) })
            )
            inserts.append(try peer.pgbench(info, clients: 64, seconds: 3))
        }
        let insert = BenchReport.median(inserts)
        func add(_ name: String, _ rates: [Double], _ bound: BenchReport.Bound) {
            let rate = BenchReport.median(rates)
            report.add(
                .init(
                    name: name, ours: BenchReport.perSecond(rate, "requests"),
                    peer: BenchReport.perSecond(insert, "inserts"),
                    peerName: "pgbench, durable one-row INSERTs, 64 clients",
                    ratio: rate / insert, bound: bound))
        }
        add("append, bidi stream, 64 unanswered", bidi, .atLeast(1))
        add("append, unary, 64 callers", unary, .atLeast(0.25))
        let one = try singles(2_000, first: next)
        let ours = try await load(process) { load in
            try await BenchLoad.latencies(one.count) { _ = try await load.calls.append(one[$0]) }
        }
        let bare = try await BenchLoad.latencies(2_000) { try peer.insert($0) }
        report.add(
            .init(
                name: "append, unary, one caller, p50",
                ours: BenchReport.micros(BenchReport.median(ours)),
                peer: BenchReport.micros(BenchReport.median(bare)),
                peerName: "a durable one-row INSERT, one client",
                ratio: BenchReport.median(ours) / BenchReport.median(bare), bound: .atMost(5)))
    }

    /// Requests of one event each, round robin over 64 positions, which are opened first.
    private func singles(
        _ count: Int, first: UInt64
    ) throws -> [Nexus_Ledger_V1_AppendRequest] {
        var source = BenchEvents(book: .main, first: first)
        var requests: [Nexus_Ledger_V1_AppendRequest] = []
        while requests.count < count {
            let positions = try (0..<64).map { _ in try source.nextPosition() }
            for index in 0..<BenchEvents.eventsOfPosition {
                for events in positions where requests.count < count {
                    var request = Nexus_Ledger_V1_AppendRequest()
                    request.events = [Nexus_Ledger_V1_NewEvent(events[index])]
                    requests.append(request)
                }
            }
        }
        return requests
    }

    // MARK: Reading

    func read(_ report: inout BenchReport) async throws {
        let process = try BenchProcess(directory: directory, pausesProjections: true)
        defer { process.stop() }
        let peer = try BenchPeer(try process.conninfo())
        let requests = try requests(20_000, of: 500, first: 90_000_000)
        _ = try await load(process) { try await $0.stream(requests, unanswered: 16) }
        let ids = requests.flatMap { request in
            Set(request.events.map(\.positionID)).sorted()
        }
        let ours = try await load(process) { load in
            try await BenchLoad.latencies(1_000) { index in
                var request = Nexus_Ledger_V1_GetTimelineRequest()
                request.positionID = ids[index % ids.count]
                let count = try await load.calls.getTimeline(request) { response in
                    var count = 0
                    for try await message in response.messages { count += message.entries.count }
                    return count
                }
                guard count == BenchEvents.eventsOfPosition else {
                    throw Failure(.failed, "a timeline has \(count) events")
                }
            }
        }
        let direct = try await BenchLoad.latencies(1_000) { index in
            guard let id = UUID(ids[index % ids.count]) else { return }
            let rows = try peer.connection.query(
                """
                SELECT position_id, version, event_id, log_position, event_type, schema_version,
                       effective_at, recorded_at, payload, source, actor, causation_id,
                       correlation_id, leaf_hash
                FROM positions.events
                WHERE book_id = 1
                  AND position_id = $1
                ORDER BY version
                """, [.uuid(high: id.high, low: id.low)], deadline: .after(.seconds(10)))
            guard rows.rowCount == BenchEvents.eventsOfPosition else {
                throw Failure(.failed, "a stream has \(rows.rowCount) events")
            }
        }
        report.add(
            .init(
                name: "read a stream of 100 events, p50",
                ours: BenchReport.micros(BenchReport.median(ours)),
                peer: BenchReport.micros(BenchReport.median(direct)),
                peerName: "the same SELECT through libpq",
                ratio: BenchReport.median(ours) / BenchReport.median(direct), bound: .atMost(5)))
    }

    // MARK: Growth

    func growth(to total: Int, _ report: inout BenchReport) async throws {
        let process = try BenchProcess(directory: directory, pausesProjections: true)
        defer { process.stop() }
        guard let book = BookName("growth") else { return }
        var next: UInt64 = 200_000_000
        var stored = 0
        let early = total / 10
        var rates: [(stored: Int, rate: Double)] = []
        while stored < total {
            let requests = try requests(100_000, of: 500, first: next, book: book)
            next += 1_001
            let duration = try await load(process) { try await $0.stream(requests, unanswered: 16) }
            stored += 100_000
            rates.append((stored, BenchReport.rate(100_000, duration)))
            Progress.standard.message("growth: \(stored) of \(total) events")
        }
        let small = rates.filter { abs($0.stored - early) <= 500_000 }.map(\.rate)
        let large = rates.suffix(10).map(\.rate)
        report.add(
            .init(
                name: "append with \(total) events stored",
                ours: BenchReport.perSecond(BenchReport.median(large), "events"),
                peer: BenchReport.perSecond(BenchReport.median(small), "events"),
                peerName: "with \(early) stored",
                ratio: BenchReport.median(large) / BenchReport.median(small),
                bound: .atLeast(0.75)))
    }
}
