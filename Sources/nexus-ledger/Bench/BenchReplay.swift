import Foundation
import LedgerCore
import LedgerRPC
import Postgres

/// Rebuilding, comparing and promoting, against what PostgreSQL needs to hand the log out.
struct BenchReplay: Sendable {
    let directory: String
    /// What the log of the book holds.
    let book: BenchReplayBook

    /// Of the rebuild: more would be another figure.
    private static let memory = "256M"
    private static let memoryBytesMax = Double(512 << 20)
    private static let rounds = 3
    private static let connectMax = Duration.seconds(10)
    /// For a statement on the whole log.
    static let statementMax = Duration.seconds(3_600)

    private var commands: BenchReplayCommands { BenchReplayCommands(directory: directory) }

    func run(_ report: inout BenchReport) async throws {
        let paused = try BenchProcess(directory: directory, pausesProjections: true)
        defer { paused.stop() }
        let former = try await rebuild(paused, &report)
        paused.stop()
        // From here on the live generation is one that a rebuild has made: the ledger follows it.
        let live = try BenchProcess(directory: directory, pausesProjections: false)
        defer { live.stop() }
        let info = try live.conninfo()
        let slots = (live: former, other: try await appendMeanwhile(live, &report))
        let digest = try await compare(info, slots, &report)
        try await promote(info, slots.other, digest, &report)
    }

    private func open(_ info: ConnectionInfo) throws -> Connection {
        try Connection.open(info.preparing(true), deadline: .after(Self.connectMax))
    }

    // MARK: Rebuilding

    /// - Returns: the slot that is live from then on.
    private func rebuild(
        _ process: BenchProcess, _ report: inout BenchReport
    ) async throws -> Int {
        let connection = try open(try process.conninfo())
        defer { connection.close() }
        try refuseUsed(connection)
        let peer = BenchReplayPeer(connection)
        try await book.load(process, positions: 0..<book.tenth)
        say("reading the log once, so that its pages are as warm as later")
        _ = try peer.copyLog()
        let small = try await replay(connection)
        _ = try await commands.run(["retire", "--slot", "\(try Self.slot(small))"])
        try await book.load(process, positions: book.tenth..<book.positions)
        var copies: [Double] = []
        var sums: [Double] = []
        for round in 1...Self.rounds {
            say("the log by itself, round \(round) of \(Self.rounds)")
            copies.append(BenchReport.seconds(try peer.copyLog()))
            sums.append(BenchReport.seconds(try await peer.sumByPosition()))
        }
        let large = try await replay(connection)
        add(
            small, large, copy: BenchReport.median(copies), sum: BenchReport.median(sums), &report)
        let slot = try Self.slot(large)
        try letBeLive(slot, connection)
        // It would count as ready to be promoted.
        _ = try await commands.run(["retire", "--slot", "1"])
        return slot
    }

    /// The slot that a rebuild has filled.
    private static func slot(_ rebuilt: BenchReplayCommands.Ended) throws -> Int {
        guard case .number(let text) = try rebuilt.member("slot"), let slot = Int(text) else {
            throw Failure(.failed, "replay told no slot")
        }
        return slot
    }

    /// Figures are of what this run has appended.
    private func refuseUsed(_ connection: Connection) throws {
        let used = try connection.query(
            "SELECT EXISTS (SELECT FROM positions.events)", deadline: .after(Self.connectMax)
        ).onlyRow()[0].bool()
        guard !used else {
            throw Failure(
                .failed, "the ledger in \(directory) has events: give an empty --directory")
        }
    }

    /// Rebuilds a free slot, as if the live generation, which nothing has filled, stood at the
    /// head.
    private func replay(_ connection: Connection) async throws -> BenchReplayCommands.Ended {
        try connection.execute(
            """
            INSERT INTO positions.projection_checkpoints
                (book_id, slot, log_position, logic_version, owner)
            SELECT l.book_id, l.slot, h.log_position, l.logic_version, ''
            FROM positions.live_slot AS l
            JOIN positions.log_head AS h
              ON h.book_id = l.book_id
            WHERE l.book_id = 1
            ON CONFLICT (book_id, slot) DO UPDATE
            SET log_position = excluded.log_position;
            ANALYZE positions.events, positions.streams;
            """, deadline: .after(Self.statementMax))
        say("rebuilding")
        return try await commands.run(["replay", "--memory", Self.memory])
    }

    /// Slot 1 was never folded, so nothing can be promoted instead of it by a command.
    private func letBeLive(_ slot: Int, _ connection: Connection) throws {
        let changed = try connection.query(
            "UPDATE positions.live_slot SET slot = \(slot) WHERE book_id = 1 AND slot = 1",
            deadline: .after(Self.connectMax))
        guard changed.affectedRows == 1 else {
            throw Failure(.failed, "slot 1 of the book is not live")
        }
    }

    private func add(
        _ small: BenchReplayCommands.Ended, _ large: BenchReplayCommands.Ended, copy: Double,
        sum: Double, _ report: inout BenchReport
    ) {
        let ours = BenchReport.rate(book.events, large.duration)
        func add(_ seconds: Double, _ peerName: String, _ bound: BenchReport.Bound) {
            let rate = Double(book.events) / seconds
            report.add(
                .init(
                    name: "rebuild of \(book.events) events",
                    ours: BenchReport.perSecond(ours, "events"),
                    peer: BenchReport.perSecond(rate, "events"), peerName: peerName,
                    ratio: ours / rate, bound: bound))
        }
        add(
            copy, "COPY of the columns that a fold needs, in the order of the log, to nowhere",
            .atLeast(0.5))
        add(sum, "psql: sum(qty · px) GROUP BY position over the fills' json", .atLeast(1))
        report.add(
            .init(
                name: "rebuild, peak memory", ours: "\(large.peakMemory >> 20) MB",
                peer: "512 MB", peerName: "the bound",
                ratio: Double(large.peakMemory) / Self.memoryBytesMax, bound: .atMost(1)))
        let (long, short) = (
            BenchReport.seconds(large.duration), BenchReport.seconds(small.duration)
        )
        report.add(
            .init(
                name: "rebuild, time for ten times the events",
                ours: "\(BenchReport.number(long)) s", peer: "\(BenchReport.number(short)) s",
                peerName: "rebuild of \(book.tenth * book.eventsOfPosition) events",
                ratio: long / short, bound: .atMost(11)))
    }

    // MARK: Appends during a rebuild

    private static let appends = 2_000
    /// So that the first calls of a connection do not count.
    private static let warmUp = 200

    /// Appends to another book than the one that is rebuilt; the ledger follows the live
    /// generations of both.
    /// - Returns: the slot that was rebuilt meanwhile.
    private func appendMeanwhile(
        _ process: BenchProcess, _ report: inout BenchReport
    ) async throws -> Int {
        guard let other = BookName("bench-appends") else {
            throw Failure(.failed, "the book of the appends has no name")
        }
        let source = BenchReplayAppends(book: other)
        // The segments of the write-ahead log that the load took are used again from here on, as on
        // a server that has run for a while: a first one of 16 MB is written and flushed twice.
        let connection = try open(try process.conninfo())
        try connection.execute("CHECKPOINT", deadline: .after(Self.statementMax))
        connection.close()
        say("appends without a rebuild")
        _ = try await source.latencies(process, count: Self.warmUp)
        let without = try await source.latencies(process, count: Self.appends)
        let isOver = BenchReplayFlag()
        let commands = commands
        say("appends during a rebuild")
        async let rebuilt = commands.run(["replay", "--memory", Self.memory], isOver)
        let during = try await source.latencies(process, until: isOver)
        let slot = try Self.slot(try await rebuilt)
        guard !during.isEmpty else {
            throw Failure(.failed, "the rebuild was over before the first append: use more events")
        }
        let (calm, busy) = (Self.p99(without), Self.p99(during))
        report.add(
            .init(
                name: "append during a rebuild, p99 of \(during.count)",
                ours: BenchReport.micros(busy), peer: BenchReport.micros(calm),
                peerName: "without one, p99 of \(without.count)", ratio: busy / calm,
                bound: .atMost(2)))
        return slot
    }

    private static func p99(_ values: [Double]) -> Double {
        values.sorted()[values.count * 99 / 100]
    }

    // MARK: Comparing

    /// Both generations are equal: comparing reads all of both.
    /// - Returns: the digest of the comparison.
    private func compare(
        _ info: ConnectionInfo, _ slots: (live: Int, other: Int), _ report: inout BenchReport
    ) async throws -> String {
        let connection = try open(info)
        defer { connection.close() }
        let peer = BenchReplayPeer(connection)
        var (ours, copies): ([Double], [Double]) = ([], [])
        var (rows, digest) = (0, "")
        for round in 1...Self.rounds {
            say("comparing two generations, round \(round) of \(Self.rounds)")
            let copied = try peer.copyGenerations([slots.live, slots.other])
            copies.append(BenchReport.seconds(copied.duration))
            rows = copied.rows
            let compared = try await commands.run(["compare", "--slot", "\(slots.other)"])
            ours.append(BenchReport.seconds(compared.duration))
            guard case .string(let text) = try compared.member("digest") else {
                throw Failure(.failed, "compare told no digest")
            }
            digest = text
        }
        let (mine, limit) = (BenchReport.median(ours), BenchReport.median(copies))
        report.add(
            .init(
                name: "compare of two generations of \(rows / 2) rows",
                ours: "\(BenchReport.number(mine)) s", peer: "\(BenchReport.number(limit)) s",
                peerName: "COPY of both in binary", ratio: mine / limit, bound: .atMost(3)))
        return digest
    }

    // MARK: Promoting

    private static let promotions = 3
    private static let blockedMax = 0.1

    private func promote(
        _ info: ConnectionInfo, _ slot: Int, _ digest: String, _ report: inout BenchReport
    ) async throws {
        say("promoting and going back under readers")
        let readers = BenchReplayReaders(info)
        let commands = commands
        let seen = try await readers.poll {
            for _ in 0..<Self.promotions {
                _ = try await commands.run(["promote", "--slot", "\(slot)", "--expect", digest])
                _ = try await commands.run(["revert"])
            }
        }
        if let error = seen.firstError { say("a reader failed: \(error)") }
        report.add(
            .init(
                name: "promotion, longest that a reader waited more than usual, of \(seen.polls)",
                ours: BenchReport.micros(seen.blocked),
                peer: BenchReport.micros(Self.blockedMax), peerName: "the bound",
                ratio: seen.blocked / Self.blockedMax, bound: .atMost(1)))
        report.add(
            .init(
                name: "promotion, errors of readers", ours: "\(seen.errors)", peer: "0",
                peerName: "the bound", ratio: Double(seen.errors), bound: .atMost(0)))
    }

    private func say(_ text: String) {
        Progress.standard.message("replay: \(text)")
    }
}
