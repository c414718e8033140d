import EventStore
import Foundation
import Postgres

/// The other sides of the ratios: PostgreSQL by itself.
struct BenchPeer {
    let connection: Connection

    init(_ info: ConnectionInfo) throws {
        connection = try Connection.open(info.preparing(true), deadline: .after(.seconds(10)))
    }

    /// The rows of the log's last `count` events in binary COPY form, cut into pieces of 500.
    func chunks(_ count: Int, of size: Int = 500) throws -> [[UInt8]] {
        var bytes: [UInt8] = []
        try connection.copyOut(
            """
            COPY (
                SELECT n.*
                FROM (SELECT * FROM positions.events ORDER BY log_position DESC LIMIT \(count)) AS n
                ORDER BY n.log_position)
            TO STDOUT (FORMAT binary)
            """, deadline: .after(.seconds(120))
        ) { bytes.append(contentsOf: $0) }
        let header = Array(bytes[..<19])
        var chunks: [[UInt8]] = []
        var chunk = header
        var rows = 0
        var offset = 19
        func int16(_ at: Int) -> Int { Int(Int16(bytes[at]) << 8 | Int16(bytes[at + 1])) }
        func int32(_ at: Int) -> Int {
            Int(
                Int32(bytes[at]) << 24 | Int32(bytes[at + 1]) << 16 | Int32(bytes[at + 2]) << 8
                    | Int32(bytes[at + 3]))
        }
        while offset + 2 <= bytes.count, int16(offset) >= 0 {
            let start = offset
            let fields = int16(offset)
            offset += 2
            for _ in 0..<fields { offset += 4 + max(0, int32(offset)) }
            chunk.append(contentsOf: bytes[start..<offset])
            rows += 1
            if rows == size {
                chunks.append(chunk + [0xFF, 0xFF])
                chunk = header
                rows = 0
            }
        }
        if rows > 0 { chunks.append(chunk + [0xFF, 0xFF]) }
        return chunks
    }

    /// Makes an empty table identical to a month of the log, keys and checks included.
    func makeCopyTable() throws {
        let months = try connection.query(
            """
            SELECT inhrelid::regclass::text
            FROM pg_catalog.pg_inherits
            WHERE inhparent = 'positions.events'::regclass
            ORDER BY 1
            LIMIT 1
            """, deadline: .after(.seconds(10)))
        guard let month = try months.rows.first?[0].string() else {
            throw Failure(.failed, "the log has no month")
        }
        try connection.execute(
            """
            DROP TABLE IF EXISTS public.bench_events;
            CREATE TABLE public.bench_events (LIKE \(month) INCLUDING ALL);
            """, deadline: .after(.seconds(60)))
    }

    /// Copies the chunks, each in a transaction of its own.
    func copy(_ chunks: [[UInt8]]) throws -> Duration {
        let start = ContinuousClock.now
        for chunk in chunks {
            try connection.copyIn(
                "COPY public.bench_events FROM STDIN (FORMAT binary)",
                deadline: .after(.seconds(60))
            ) { try $0.send(chunk) }
        }
        return ContinuousClock.now - start
    }

    /// Makes the bare table of single-row inserts.
    func makeBareTable() throws {
        try connection.execute(
            """
            DROP TABLE IF EXISTS public.bench_bare;
            CREATE TABLE public.bench_bare (id bigint NOT NULL, payload text NOT NULL);
            """, deadline: .after(.seconds(60)))
    }

    private static let payload = String(repeating: "x", count: 200)

    /// Durable single-row INSERTs a second by pgbench.
    func pgbench(_ info: ConnectionInfo, clients: Int, seconds: Int) throws -> Double {
        let script = NSTemporaryDirectory() + "nexus-bench-\(getpid()).sql"
        try """
        \\set id random(1, 1000000000)
        INSERT INTO public.bench_bare VALUES (:id, '\(Self.payload)');
        """.write(toFile: script, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: script) }
        let output = try BenchProcess.run([
            BenchProcess.postgresProgram("pgbench"), "-n", "-M", "prepared", "-c", "\(clients)",
            "-j", "\(min(2, clients))", "-T", "\(seconds)", "-f", script,
            "-h", info["host"] ?? "", "-U", info["user"] ?? "postgres", info.databaseName ?? "",
        ])
        for line in output.split(separator: "\n") where line.hasPrefix("tps = ") {
            return Double(line.dropFirst(6).prefix { $0 != " " }) ?? 0
        }
        throw Failure(.failed, "pgbench printed no rate")
    }

    /// One durable insert.
    func insert(_ id: Int) throws {
        try connection.query(
            "INSERT INTO public.bench_bare VALUES ($1, $2)",
            [.int8(Int64(id)), .text(Self.payload)], deadline: .after(.seconds(10)))
    }
}
