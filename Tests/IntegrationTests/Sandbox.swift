import AppendPipeline
import EventStore
import Glibc
import LedgerCore
import LedgerTesting
import Postgres
import Schema
import Testing

/// Long enough for a loaded machine; a test that needs it fails.
var ample: Deadline { .after(.seconds(60)) }

/// A migrated database of the test's own, and sessions in it.
struct Sandbox: Sendable {
    let database: TemporaryDatabase
    let info: ConnectionInfo

    init() async throws {
        database = try await TestDatabase.fresh(prepared: "migrated") { conninfo in
            let connection = try Connection.open(ConnectionInfo(conninfo), deadline: ample)
            defer { connection.close() }
            try Migrator(connection, Schema.migrations).up()
        }
        info = try ConnectionInfo(database.conninfo)
    }

    func open() throws -> Connection {
        try Connection.open(info.preparing(true), deadline: ample)
    }

    /// One appending process: its pool and its pipeline.
    func appender(
        limits: AppendLimits = AppendLimits(), signal: LogSignal = LogSignal()
    ) -> Appender {
        Appender(info, limits: limits, signal: signal)
    }
}

/// What one process needs to append.
final class Appender: Sendable {
    let pool: Pool
    let pipeline: AppendPipeline
    let signal: LogSignal

    init(_ info: ConnectionInfo, limits: AppendLimits, signal: LogSignal) {
        self.signal = signal
        pool = Pool(info.preparing(true), limits: .init(connectionsMax: 2), name: "test-append")
        pipeline = AppendPipeline(PostgresLog(pool), signal: signal, limits: limits)
    }

    /// Appends one request; its places, or why it was refused.
    func append(_ events: [NewEvent], to book: BookName = .main) async throws -> [Place] {
        let submission = Submission(events, origin: Origin(peerUID: 1_000, host: "test"))
        switch try await pipeline.append(submission, to: book) {
        case .committed(let places): return places
        case .buffered: throw Surprise("there is no outbox")
        }
    }

    /// The same, as an answer to compare.
    func outcome(of events: [NewEvent], to book: BookName = .main) async throws -> Decision {
        do {
            return .admitted(try await append(events, to: book).map(Decision.Spot.init))
        } catch AppendError.refused(let refusal) {
            return .refused(refusal.description)
        }
    }

    func shutdown() async {
        await pipeline.shutdown()
        await pool.shutdown()
    }
}

/// What was decided of a request, without the time.
enum Decision: Hashable, Sendable {
    struct Spot: Hashable, Sendable {
        var id: UUID
        var position: LogPosition
        var version: StreamVersion
        var isDuplicate: Bool

        init(_ place: Place) {
            id = place.eventID
            position = place.logPosition
            version = place.version
            isDuplicate = place.isDuplicate
        }

        init(_ event: Event, isDuplicate: Bool) {
            id = event.eventID
            position = event.logPosition
            version = event.version
            self.isDuplicate = isDuplicate
        }
    }

    case admitted([Spot])
    case refused(String)
}

/// What no test expects.
struct Surprise: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Numbers that a seed decides (SplitMix64).
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }

    mutating func id() -> UUID {
        UUID(
            high: next() & ~0xF000 | 0x7000,
            low: next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000)
    }

    mutating func chance(_ percent: Int) -> Bool {
        Int.random(in: 0..<100, using: &self) < percent
    }
}

/// The seed of a test: NEXUS_TEST_SEED, or a new one each time. It is printed, so that a failure
/// can be had again.
func seed(_ test: String = #function) -> UInt64 {
    let named = getenv("NEXUS_TEST_SEED").flatMap { UInt64(String(cString: $0)) }
    let seed = named ?? UInt64.random(in: 0...999_999)
    print("\(test): NEXUS_TEST_SEED=\(seed)")
    return seed
}

extension Connection {
    /// The only value of a query that answers one bigint.
    func number(_ sql: String, _ parameters: [Parameter] = []) throws -> Int64 {
        try query(sql, parameters, deadline: ample).onlyRow()[0].int64()
    }
}
