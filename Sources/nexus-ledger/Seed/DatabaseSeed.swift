import ConfigStore
import Foundation
import GRPCCore
import LedgerCore
import LedgerRPC
import LedgerService
import Logging
import Postgres

/// Fills the tables of an empty database: the ledger's by a ledger of its own, the others by the
/// functions that services use.
struct DatabaseSeed: Sendable {
    /// Positions of the book for each unit of the scale.
    static let positionsPerScale = 12
    /// The greatest scale.
    static let scaleMax = 1_000

    private static let stepMax = Duration.seconds(1_800)

    var conninfo: String
    var scale: Int
    var seed: UInt64
    /// A day's beginning.
    var start: Timestamp

    /// Fills it, telling progress. It refuses a database that is in use.
    func run() async throws {
        let info = try ConnectionInfo(
            conninfo, overrides: ["application_name": "nexus-ledger seed"])
        let pool = Pool(info.preparing(false), limits: .init(connectionsMax: 1), name: "pg-seed")
        do {
            try await GenerationOptions.checkSchema(pool)
            try await refuseUse(pool)
            try await pool.run(deadline: .after(.seconds(10))) { connection in
                try connection.execute(SeedSQL.dice, deadline: .after(.seconds(10)))
            }
            for step in SeedSQL.before { try await run(step, pool) }
            try await storeCredential(pool)
            try await appendBook()
            try await discard(pool)
            for step in SeedSQL.after { try await run(step, pool) }
            await pool.shutdown()
        } catch {
            await pool.shutdown()
            throw error
        }
    }

    private func refuseUse(_ pool: Pool) async throws {
        let why = try await pool.run(deadline: .after(.seconds(10))) { connection in
            let row = try connection.query(SeedSQL.obstacle, deadline: .after(.seconds(10)))
                .onlyRow()
            return row[0].isNull ? nil : try row[0].string()
        }
        if let why {
            throw Failure(
                .refused, "the database is in use: \(why); seed an empty one, after `migrate up`")
        }
    }

    private func run(_ step: SeedSQL.Step, _ pool: Pool) async throws {
        Progress.standard.show("filling \(step.name)")
        let parameters: [Parameter] = [
            .int4(Int32(scale)), .int8(Int64(bitPattern: seed)),
            .timestamptz(microseconds: start.microseconds),
        ]
        do {
            try await pool.run(deadline: .after(DatabaseSeed.stepMax)) { connection in
                try connection.query(
                    step.sql, parameters, deadline: .after(DatabaseSeed.stepMax))
                return
            }
        } catch let error as PostgresError {
            throw Failure(.failed, "\(step.name) could not be filled: \(error)")
        }
    }

    /// Under a key that is in the environment, else under one that nobody has.
    private func storeCredential(_ pool: Pool) async throws {
        let key =
            Environment.value("NEXUS_CREDENTIAL_KEY")
            ?? (0..<4).map { _ in String(UInt64.random(in: .min ... .max), radix: 16) }
            .joined(separator: "-") + "-of-nobody-at-all-and-nowhere"
        do {
            _ = try await CredentialStore(pool).store(
                #"{"api_key":"seed","api_secret":"seed"}"#, for: "binance", key: key,
                ConfigReason(actor: "seed", text: "seed"))
        } catch let error as ConfigError {
            throw Failure(error)
        }
    }

    /// An event that an operator discarded from an outbox and that was never appended.
    private func discard(_ pool: Pool) async throws {
        try await pool.run(deadline: .after(.seconds(30))) { connection in
            try connection.query(
                """
                INSERT INTO positions.outbox_discards
                       (buffered_at, outbox_sequence, position_id, event_id, book_id, host, actor,
                        reason, event)
                SELECT clock_timestamp(), 1, s.position_id,
                       md5('discarded ' || s.position_id)::uuid, s.book_id, 'seed', 'seed',
                       'an example', '{}'
                  FROM positions.streams AS s
                 ORDER BY s.position_id
                 LIMIT 1
                """, deadline: .after(.seconds(30)))
            return
        }
    }

    // MARK: The ledger's own tables

    private func appendBook() async throws {
        let socket = NSTemporaryDirectory() + "nexus-seed-\(UInt32.random(in: .min ... .max)).sock"
        var configuration = LedgerService.Configuration(database: conninfo, socketPath: socket)
        configuration.driftAuditRate = 0
        let service = LedgerService(
            configuration,
            logger: Logger(label: "seed") { _ in
                SwiftLogNoOpLogHandler()
            })
        let (ready, isReady) = AsyncStream.makeStream(of: Void.self)
        let (ended, end) = AsyncStream.makeStream(of: Void.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { isReady.finish() }
                try await service.run(
                    onReady: { isReady.yield() },
                    until: { for await _ in ended {} })
            }
            for await _ in ready { break }
            do {
                try await fill(socket)
                end.finish()
            } catch {
                end.finish()
                throw error
            }
            try await group.waitForAll()
        }
    }

    private func fill(_ socket: String) async throws {
        let book = SampleBook(
            seed: seed, positions: DatabaseSeed.positionsPerScale * scale, start: start)
        try await withLedgerConnection(socket: socket) { client in
            let ledger = Ledger(
                calls: Nexus_Ledger_V1_Ledger.Client(wrapping: client),
                operations: Nexus_Ledger_V1_Operations.Client(wrapping: client),
                outbox: Nexus_Ledger_V1_Outbox.Client(wrapping: client),
                projections: Nexus_Ledger_V1_Projections.Client(wrapping: client),
                config: Nexus_Ledger_V1_Config.Client(wrapping: client), book: .main)
            var head: Int64 = 0
            var request = Nexus_Ledger_V1_AppendRequest()
            for line in book.lines() {
                request.events.append(Nexus_Ledger_V1_NewEvent(line.event))
                guard request.events.count == 500 else { continue }
                head = try await append(&request, ledger)
            }
            if !request.events.isEmpty { head = try await append(&request, ledger) }
            Progress.standard.show("folding \(head) events")
            try await waitForFold(of: "main", through: head, ledger)
            try await quarantine(ledger)
            try await rebuild(ledger)
        }
    }

    private func waitForFold(of book: String, through head: Int64, _ ledger: Ledger) async throws {
        try await ledger.reading(atLeast: head) {
            var list = Nexus_Ledger_V1_ListPositionsRequest()
            list.book = book
            list.pageSize = 1
            list.atLeast = head
            _ = try await ledger.calls.listPositions(list, options: Ledger.answering)
        }
    }

    /// A position that cannot be folded, in a book of its own: two fills whose cost is beyond the
    /// range.
    private func quarantine(_ ledger: Ledger) async throws {
        let sample = SampleBook(seed: seed, positions: 1, start: start)
        guard let opened = sample.lines().first(where: { $0.event.type == .positionOpened }) else {
            return
        }
        var request = Nexus_Ledger_V1_AppendRequest()
        request.book = "seed-quarantine"
        request.events = [Nexus_Ledger_V1_NewEvent(opened.event)]
        for trade in ["first", "second"] {
            var fill = Nexus_Ledger_V1_NewEvent()
            fill.positionID = opened.event.positionID.description
            fill.type = EventType.legFillRecorded.rawValue
            fill.effectiveAtUs = opened.event.effectiveAt.microseconds
            fill.source = EventSource.venueREST.rawValue
            fill.payload = Data(
                """
                {"leg":"long","trade_id":"\(trade)","side":"buy","qty":"1",\
                "px":"60000000000000000000","fee":"0","fee_asset":"USDC","liquidity":"taker"}
                """.utf8)
            request.events.append(fill)
        }
        let answer = try await ledger.calls.append(request, options: Ledger.answering)
        let head = answer.committed.places.map(\.logPosition).max() ?? 0
        try await waitForFold(of: request.book, through: head, ledger)
    }

    private func append(
        _ request: inout Nexus_Ledger_V1_AppendRequest, _ ledger: Ledger
    ) async throws -> Int64 {
        let answer = try await ledger.calls.append(request, options: Ledger.answering)
        request.events = []
        let head = answer.committed.places.map(\.logPosition).max() ?? 0
        Progress.standard.show("\(head) events appended")
        return head
    }

    /// A generation beside the live one, compared with it and retired: the steps that an auditor
    /// finds in positions.generation_steps.
    private func rebuild(_ ledger: Ledger) async throws {
        var rebuild = Nexus_Ledger_V1_RebuildRequest()
        rebuild.actor = "seed"
        try await ledger.projections.rebuild(rebuild) { response in
            for try await _ in response.messages {}
        }
        try await ledger.projections.compare(Nexus_Ledger_V1_CompareRequest()) { response in
            for try await _ in response.messages {}
        }
        var retire = Nexus_Ledger_V1_RetireRequest()
        retire.actor = "seed"
        _ = try await ledger.projections.retire(retire)
    }
}
