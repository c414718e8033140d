import LedgerCore
import LedgerRPC
import LedgerService

/// The outbox beside SQLite by itself, and beside the same ledger while PostgreSQL is there.
struct BenchOutbox {
    let directory: String
    /// Of each round of requests of 500.
    let events: Int
    /// In the outbox that a ledger starts with.
    let stored: Int

    private static let rounds = 3
    private static let requestEvents = BenchOutboxStart.requestEvents
    /// Requests of 500 that are unanswered beside SQLite.
    private static let unanswered = 4
    /// And where batches are to be as large as the drain's.
    private static let unansweredOfBatches = 16

    private var outbox: String { directory + "/outbox.sqlite" }
    private var bare: String { directory + "/bare.sqlite" }

    /// Measures all of it; the directory is made with the cluster in it.
    func run(_ report: inout BenchReport) async throws {
        // The number of the first position grows with the clock: where the directory was used
        // before, no event is known already.
        let seconds = SystemClock.now().microseconds / Timestamp.secondInMicroseconds
        var source = BenchEvents(book: .main, first: UInt64(seconds) << 20)
        try await outages(&source, &report)
        try await BenchOutboxStart(directory: directory, events: stored).run(&source, &report)
    }

    private func outages(
        _ source: inout BenchEvents, _ report: inout BenchReport
    ) async throws {
        for path in [outbox, bare] { BenchOutboxPeer.remove(path) }
        let process = try BenchProcess(
            directory: directory, pausesProjections: true, outbox: outbox)
        let outage = BenchOutage(
            socket: process.socket, server: try BenchServer(directory: directory))
        defer {
            process.stop()
            outage.server.clear()
            for path in [outbox, bare] { BenchOutboxPeer.remove(path) }
        }
        var singles: [BenchOutboxLoad] = []
        for _ in 0..<Self.rounds {
            let load = try BenchOutboxLoad(followUps: 2 * single + many, from: &source)
            try await outage.open(load)
            singles.append(load)
        }
        var buffered = [try await outage.begin(&source)]
        try await buffer(singles, outage, &source, &report)
        _ = try await outage.end()
        buffered += try await drain(outage, &source, &report)
        var committed: [Double] = []
        for _ in 0..<Self.rounds {
            let load = try BenchOutboxLoad(followUps: Self.waiting, from: &source)
            try await outage.open(load)
            buffered.append(try await outage.begin(&source))
            let backlog = Array(load.requests[..<BenchOutboxLoad.positions])
            let later = Array(load.requests[BenchOutboxLoad.positions...])
            _ = try await outage.connected { ledger in
                try await ledger.stream(backlog, unanswered: backlog.count, buffers: true)
            }
            committed.append(try await outage.endUnderLoad(later))
        }
        report.add(
            slowest(
                "first BUFFERED after kill -9 of PostgreSQL, slowest of \(buffered.count)",
                buffered, bound: 1))
        report.add(
            slowest(
                "first COMMITTED when it is back and drained, slowest of \(committed.count)",
                committed, bound: 3))
    }

    // MARK: Beside SQLite

    /// Requests of one caller in a round, of each kind.
    private var single: Int { events / 50 }
    /// Requests of 64 callers in a round.
    private var many: Int { events / 5 }
    /// Commits of one row in a round.
    private var commits: Int { events / 10 }
    private static let callers = 64

    /// Rates a second, one of each round.
    private struct Rates {
        var stream: [Double] = []
        var unary: [Double] = []
        var callers: [Double] = []
        var requests: [Double] = []
        var commits: [Double] = []
        var largeCommits: [Double] = []
    }

    /// Buffers while PostgreSQL is away, and commits the same lines by SQLite alone, in turns.
    private func buffer(
        _ singles: [BenchOutboxLoad], _ outage: BenchOutage, _ source: inout BenchEvents,
        _ report: inout BenchReport
    ) async throws {
        let peer = try BenchOutboxPeer(path: bare)
        try await bufferHere(peer, &source, &report)
        var rates = Rates()
        for load in singles {
            let first = Array(load.requests[..<single])
            let stream = try await outage.connected { ledger in
                try await ledger.stream(first, unanswered: 1, buffers: true)
            }
            rates.stream.append(BenchReport.rate(first.count, stream))
            let second = Array(load.requests[single..<(2 * single)])
            let unary = try await outage.connected { ledger in
                try await ledger.unary(second, callers: 1, buffers: true)
            }
            rates.unary.append(BenchReport.rate(second.count, unary))
            let bare = try peer.store(load.lines[..<commits], rows: 1)
            rates.commits.append(BenchReport.rate(commits, bare))
            let others = Array(load.requests[(2 * single)...])
            let callers = try await outage.connected { ledger in
                try await ledger.unary(others, callers: Self.callers, buffers: true)
            }
            rates.callers.append(BenchReport.rate(others.count, callers))
            let large = try BenchOutboxLoad(
                events: events, of: Self.requestEvents, from: &source)
            let requests = try await outage.connected { ledger in
                try await ledger.stream(
                    large.requests, unanswered: Self.unanswered, buffers: true)
            }
            rates.requests.append(BenchReport.rate(large.lines.count, requests))
            let largeBare = try peer.store(large.lines[...], rows: Self.requestEvents)
            rates.largeCommits.append(BenchReport.rate(large.lines.count, largeBare))
        }
        let one = (rates: rates.commits, name: "SQLite, a durable commit a row")
        let ours = "requests"
        report.add(
            figure("buffer, bidi stream, one unanswered", (rates.stream, ours), one, 0.8))
        report.add(figure("buffer, unary, one caller", (rates.unary, ours), one, 0.8))
        report.add(figure("buffer, unary, 64 callers", (rates.callers, ours), one, 5))
        report.add(
            figure(
                "buffer, requests of 500", (rates.requests, "events"),
                (rates.largeCommits, "SQLite, a durable commit of 500 rows"), 0.5))
    }

    /// The same without the way to the ledger: the pipeline and its outbox in this process.
    private func bufferHere(
        _ peer: BenchOutboxPeer, _ source: inout BenchEvents, _ report: inout BenchReport
    ) async throws {
        let path = directory + "/pipeline.sqlite"
        BenchOutboxPeer.remove(path)
        let load = try BenchOutboxLoad(
            followUps: Self.rounds * (commits + many), from: &source)
        let pipeline = try await BenchOutboxPipeline(
            directory: directory, outbox: path, load)
        var rates = Rates()
        var rest = zip(load.events, load.lines).map { (events: $0, line: $1) }[...]
        for _ in 0..<Self.rounds {
            let ones = rest.prefix(commits)
            let bare = try peer.store(ones.map(\.line)[...], rows: 1)
            rates.commits.append(BenchReport.rate(ones.count, bare))
            let one = try await pipeline.store(ones.map(\.events), callers: 1)
            rates.unary.append(BenchReport.rate(ones.count, one))
            rest = rest.dropFirst(commits)
            let others = rest.prefix(many)
            let callers = try await pipeline.store(others.map(\.events), callers: Self.callers)
            rates.callers.append(BenchReport.rate(others.count, callers))
            rest = rest.dropFirst(many)
            let large = try BenchOutboxLoad(
                events: events, of: Self.requestEvents, from: &source)
            let requests = try await pipeline.store(large.events, callers: Self.unanswered)
            rates.requests.append(BenchReport.rate(large.lines.count, requests))
            let largeBare = try peer.store(large.lines[...], rows: Self.requestEvents)
            rates.largeCommits.append(BenchReport.rate(large.lines.count, largeBare))
        }
        try await pipeline.close()
        BenchOutboxPeer.remove(path)
        let bare = (rates: rates.commits, name: "SQLite, a durable commit a row")
        report.add(figure("pipeline, one caller", (rates.unary, "requests"), bare, 0.8))
        report.add(figure("pipeline, 64 callers", (rates.callers, "requests"), bare, 5))
        report.add(
            figure(
                "pipeline, requests of 500", (rates.requests, "events"),
                (rates.largeCommits, "SQLite, a durable commit of 500 rows"), 0.5))
    }

    private func figure(
        _ name: String, _ ours: (rates: [Double], unit: String),
        _ peer: (rates: [Double], name: String), _ bound: Double
    ) -> BenchReport.Figure {
        let (rate, limit) = (BenchReport.median(ours.rates), BenchReport.median(peer.rates))
        return .init(
            name: name, ours: BenchReport.perSecond(rate, ours.unit),
            peer: BenchReport.perSecond(limit, "rows"), peerName: peer.name,
            ratio: rate / limit, bound: .atLeast(bound))
    }

    // MARK: Draining

    /// Requests of the caller who waits until one is committed, the buffered ones among them.
    private static let waiting = 6_000

    /// Appends requests while PostgreSQL is there, and drains as many that were buffered, in turns.
    /// - Returns: how long each outage took until an append was buffered.
    private func drain(
        _ outage: BenchOutage, _ source: inout BenchEvents, _ report: inout BenchReport
    ) async throws -> [Double] {
        var online: [Double] = []
        var drained: [Double] = []
        var buffered: [Double] = []
        for _ in 0..<Self.rounds {
            let direct = try BenchOutboxLoad(
                events: events, of: Self.requestEvents, from: &source)
            let duration = try await outage.connected { ledger in
                try await ledger.stream(direct.requests, unanswered: Self.unansweredOfBatches)
            }
            online.append(BenchReport.rate(direct.lines.count, duration))
            buffered.append(try await outage.begin(&source))
            let later = try BenchOutboxLoad(
                events: events, of: Self.requestEvents, from: &source)
            _ = try await outage.connected { ledger in
                try await ledger.stream(
                    later.requests, unanswered: Self.unansweredOfBatches, buffers: true)
            }
            let waiting = try await outage.status().waiting.events
            let (accepted, empty) = try await outage.end()
            drained.append(BenchReport.rate(Int(waiting), empty - accepted))
        }
        let (rate, limit) = (BenchReport.median(drained), BenchReport.median(online))
        report.add(
            .init(
                name: "drain \(events) events, from the first connection on",
                ours: BenchReport.perSecond(rate, "events"),
                peer: BenchReport.perSecond(limit, "events"),
                peerName: "append of requests of 500, PostgreSQL there",
                ratio: rate / limit, bound: .atLeast(0.7)))
        return buffered
    }

    private func slowest(
        _ name: String, _ seconds: [Double], bound: Double
    ) -> BenchReport.Figure {
        let most = seconds.max() ?? 0
        return .init(
            name: name, ours: "\(BenchReport.number(most)) s", peer: "\(Int(bound)) s",
            peerName: "the bound", ratio: most / bound, bound: .atMost(1))
    }
}
