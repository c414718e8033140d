import Admission
import AppendPipeline
import EventStore
import LedgerCore
import Postgres
import Synchronization
import Testing

/// Many callers, several processes, lost connections.
@Suite struct ConcurrencyTests {
    let sandbox: Sandbox

    init() async throws {
        sandbox = try await Sandbox()
    }

    /// Requests of which each stands on its own, besides that its position has to be open.
    private func load(
        _ desk: inout Desk, positions: Int, requests: Int
    ) throws -> (opens: [NewEvent], requests: [[NewEvent]]) {
        var opens: [NewEvent] = []
        for _ in 0..<positions { opens.append(try desk.open()) }
        var batches: [[NewEvent]] = []
        for number in 0..<requests {
            var events: [NewEvent] = []
            for part in 0..<Int.random(in: 1...4, using: &desk.random) {
                let id = opens[Int.random(in: 0..<positions, using: &desk.random)].positionID
                events.append(
                    try desk.fill(id, "t\(number)-\(part)", .buy, 1, 10, at: Int64(number)))
            }
            batches.append(events)
        }
        return (opens, batches)
    }

    /// Sends each request `copies` times by way of random appenders, 64 at a time.
    private func send(
        _ requests: [[NewEvent]], copies: Int, to appenders: [Appender], _ random: inout Seeded
    ) async throws -> [[Place]] {
        var jobs: [(request: Int, appender: Int)] = []
        for request in requests.indices {
            for _ in 0..<copies {
                jobs.append((request, Int.random(in: appenders.indices, using: &random)))
            }
        }
        jobs.shuffle(using: &random)
        let queue = JobQueue(jobs)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<64 {
                group.addTask {
                    while let job = queue.next() {
                        let places = try await appenders[job.appender].append(
                            requests[job.request])
                        queue.note(job.request, places)
                    }
                }
            }
            try await group.waitForAll()
        }
        var places: [[Place]] = Array(repeating: [], count: requests.count)
        for (request, answer) in queue.answers {
            if places[request].isEmpty { places[request] = answer }
            #expect(answer.map(\.logPosition) == places[request].map(\.logPosition))
            #expect(answer.map(\.version) == places[request].map(\.version))
        }
        let first = queue.answers.flatMap(\.places).filter { !$0.isDuplicate }
        #expect(Set(first.map(\.eventID)).count == first.count, "nobody is first twice")
        return places
    }

    @Test func `two processes append every request twice, and each event has one place`()
        async throws
    {
        let seed = seed()
        var desk = Desk(seed: seed)
        let (opens, requests) = try load(&desk, positions: 40, requests: 1_000)
        let appenders = [sandbox.appender(), sandbox.appender()]
        _ = try await appenders[0].append(opens)
        let places = try await send(requests, copies: 2, to: appenders, &desk.random)
        for appender in appenders { await appender.shutdown() }
        #expect(places.allSatisfy { !$0.isEmpty })
        for request in places {
            let positions = request.map(\.logPosition.rawValue)
            let run = (positions.first ?? 0)..<((positions.first ?? 0) + Int64(positions.count))
            #expect(positions == Array(run), "a request stands together")
        }
        let audit = try LogAudit(try sandbox.open(), .main)
        #expect(audit.faults == [], "seed \(seed)")
        #expect(audit.events.count == opens.count + requests.reduce(0) { $0 + $1.count })
    }

    @Test func `killed sessions lose nothing and double nothing`() async throws {
        let seed = seed()
        var desk = Desk(seed: seed)
        let (opens, requests) = try load(&desk, positions: 20, requests: 600)
        var limits = AppendLimits()
        limits.deadline = .seconds(60)
        let signal = LogSignal()
        let appenders = (0..<2).map { _ in sandbox.appender(limits: limits, signal: signal) }
        _ = try await appenders[0].append(opens)
        let killer = Task { [sandbox] in
            let connection = try sandbox.open()
            var killed: Int64 = 0
            var last = LogPosition.origin
            while !Task.isCancelled, killed < 12 {
                await signal.wait(.main, beyond: last)
                last = signal.head(of: .main).advanced(by: 60)
                killed += try connection.number(
                    """
                    SELECT count(pg_terminate_backend(pid))
                    FROM pg_stat_activity
                    WHERE datname = current_database()
                      AND pid <> pg_backend_pid()
                    """)
            }
            return killed
        }
        _ = try await send(requests, copies: 2, to: appenders, &desk.random)
        killer.cancel()
        #expect(try await killer.value > 0)
        for appender in appenders { await appender.shutdown() }
        let audit = try LogAudit(try sandbox.open(), .main)
        #expect(audit.faults == [], "seed \(seed)")
        #expect(audit.events.count == opens.count + requests.reduce(0) { $0 + $1.count })
    }

    @Test func `books do not wait for each other`() async throws {
        var desk = Desk()
        let appender = sandbox.appender()
        let other = try #require(BookName("other"))
        _ = try await appender.append([try desk.open()])
        let lock = try HeadLock(sandbox, .main)
        let places = try await appender.append([try desk.open()], to: other)
        #expect(places.map(\.logPosition.rawValue) == [1])
        lock.release()
        await appender.shutdown()
    }
}

/// What is to be sent, and what was answered.
private final class JobQueue: Sendable {
    typealias Job = (request: Int, appender: Int)

    private let state: Mutex<(next: Int, answers: [(request: Int, places: [Place])])>
    private let jobs: [Job]

    init(_ jobs: [Job]) {
        self.jobs = jobs
        state = Mutex((0, []))
    }

    func next() -> Job? {
        state.withLock { state in
            guard state.next < jobs.count else { return nil }
            state.next += 1
            return jobs[state.next - 1]
        }
    }

    func note(_ request: Int, _ places: [Place]) {
        state.withLock { $0.answers.append((request, places)) }
    }

    var answers: [(request: Int, places: [Place])] { state.withLock { $0.answers } }
}

/// Holds the lock of a book's head, so that appends have to wait.
final class HeadLock {
    private let connection: Connection

    init(_ sandbox: Sandbox, _ book: BookName) throws {
        connection = try sandbox.open()
        try connection.execute("BEGIN", deadline: ample)
        try connection.query(
            """
            SELECT h.log_position
            FROM positions.log_head AS h
            JOIN positions.books AS b
              ON b.book_id = h.book_id
            WHERE b.name = $1
            FOR UPDATE OF h
            """, [.text(book.description)], deadline: ample)
    }

    func release() {
        connection.rollBackIfOpen(deadline: ample)
    }
}
