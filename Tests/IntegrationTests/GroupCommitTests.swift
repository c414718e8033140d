import Admission
import AppendPipeline
import EventStore
import LedgerCore
import Postgres
import Synchronization
import Testing

/// What waits is committed together, and each request has its own answer.
@Suite struct GroupCommitTests {
    let sandbox: Sandbox

    init() async throws {
        sandbox = try await Sandbox()
    }

    /// Answers in the order of their requests, collected as they come.
    private final class Answers: Sendable {
        typealias Answer = Result<AppendPipeline.Answer, AppendError>

        private let answers: Mutex<[Int: Answer]> = Mutex([:])
        private let stream: AsyncStream<Void>
        private let continuation: AsyncStream<Void>.Continuation

        init() {
            (stream, continuation) = AsyncStream.makeStream()
        }

        func take(_ index: Int) -> AppendPipeline.Completion {
            { answer in
                self.answers.withLock { answers in
                    #expect(answers.updateValue(answer, forKey: index) == nil)
                }
                self.continuation.yield()
            }
        }

        func all(_ count: Int) async -> [Answer] {
            var iterator = stream.makeAsyncIterator()
            for _ in 0..<count { await iterator.next() }
            return answers.withLock { answers in (0..<count).compactMap { answers[$0] } }
        }
    }

    private func submission(_ events: [NewEvent]) -> Submission {
        Submission(events, origin: Origin(peerUID: nil, host: "test"))
    }

    @Test func `a loser in a group does not fail the others`() async throws {
        var desk = Desk()
        let appender = sandbox.appender()
        let open = try desk.open()
        let id = open.positionID
        _ = try await appender.append([open])
        let lock = try HeadLock(sandbox, .main)
        var requests: [[NewEvent]] = []
        for number in 0..<200 {
            let stranger = desk.random.id()
            let request: [NewEvent] =
                switch number % 5 {
                case 1: [try desk.fill(id, "t\(number)", .buy, 1, 10, leg: "none")]
                case 2: [try desk.fill(stranger, "t", .buy, 1, 10)]
                case 3: [try desk.event(id, .closed(.manual), at: Int64(number))]
                case 4:
                    [
                        try desk.fill(id, "t\(number)", .buy, 1, 10),
                        try desk.fill(stranger, "t", .buy, 1, 10),
                    ]
                default: [try desk.fill(id, "t\(number)", .buy, 1, 10)]
                }
            requests.append(request)
        }
        let answers = Answers()
        for (index, request) in requests.enumerated() {
            appender.pipeline.submit(
                submission(request), to: .main, completion: answers.take(index))
        }
        lock.release()
        for (index, answer) in await answers.all(200).enumerated() {
            switch (index % 5, answer) {
            case (0, .success(.committed(let places))): #expect(places.count == 1)
            case (1, .failure(.refused(.invalid))): continue
            case (2, .failure(.refused(.precondition))): continue
            case (3, .failure(.refused(.precondition))): continue
            case (4, .failure(.refused(.precondition(let place, _)))): #expect(place == 1)
            default: Issue.record("\(index): \(answer)")
            }
        }
        let statistics = appender.pipeline.statistics
        #expect(statistics.commits <= 3, "the first alone, the rest together")
        #expect(statistics.refused == 160)
        #expect(try LogAudit(try sandbox.open(), .main).events.count == 41)
        #expect(try LogAudit(try sandbox.open(), .main).faults == [])
        await appender.shutdown()
    }

    @Test func `requests of a group see what the earlier ones left`() async throws {
        var desk = Desk()
        let appender = sandbox.appender()
        _ = try await appender.append([try desk.open()])
        let lock = try HeadLock(sandbox, .main)
        let open = try desk.open(expecting: .noStream)
        let id = open.positionID
        let version = { StreamVersion(rawValue: $0) }
        let requests = [
            [try desk.open()],
            [open], [try desk.fill(id, "a", .buy, 1, 10, expecting: .exact(version(1)))],
            [try desk.fill(id, "b", .buy, 1, 10, expecting: .exact(version(1)))],
            [try desk.fill(id, "a", .buy, 1, 10)], [try desk.fill(id, "a", .buy, 2, 10)],
        ]
        let answers = Answers()
        for (index, request) in requests.enumerated() {
            appender.pipeline.submit(
                submission(request), to: .main, completion: answers.take(index))
        }
        lock.release()
        let all = await answers.all(requests.count)
        guard case .success(.committed(let first)) = all[2],
            case .failure(.refused(.versionConflict(_, _, _, let actual))) = all[3],
            case .success(.committed(let again)) = all[4],
            case .failure(.refused(.contentConflict)) = all[5]
        else { throw Surprise("\(all)") }
        #expect(actual == version(2))
        #expect(again.map(\.logPosition) == first.map(\.logPosition))
        #expect(again.map(\.isDuplicate) == [true])
        await appender.shutdown()
    }

    @Test func `a full queue answers overloaded, and what it took is written`() async throws {
        var desk = Desk()
        var limits = AppendLimits()
        limits.queueRequestsMax = 4
        limits.deadline = .seconds(60)
        let appender = sandbox.appender(limits: limits)
        let open = try desk.open()
        _ = try await appender.append([open])
        // A batch is answered just before its turn ends.
        while appender.pipeline.statistics.writing > 0 { await Task.yield() }
        let lock = try HeadLock(sandbox, .main)
        let answers = Answers()
        for index in 0..<8 {
            let fill = try desk.fill(open.positionID, "t\(index)", .buy, 1, 10)
            appender.pipeline.submit(
                submission([fill]), to: .main, completion: answers.take(index))
        }
        #expect(appender.pipeline.statistics.queuedRequests == 4)
        lock.release()
        for (index, answer) in await answers.all(8).enumerated() {
            switch answer {
            case .success(.committed(let places)):
                #expect(index < 5)
                #expect(places.map(\.logPosition.rawValue) == [Int64(index) + 2])
            case .failure(.overloaded(let limit)):
                #expect(index >= 5)
                #expect(limit.contains("queue_requests_max"))
            default: Issue.record("\(index): \(answer)")
            }
        }
        await appender.shutdown()
    }

    @Test func `after a shutdown what was taken is answered and nothing more is taken`()
        async throws
    {
        var desk = Desk()
        let appender = sandbox.appender()
        _ = try await appender.append([try desk.open()])
        let lock = try HeadLock(sandbox, .main)
        let answers = Answers()
        for index in 0..<3 {
            appender.pipeline.submit(
                submission([try desk.open()]), to: .main, completion: answers.take(index))
        }
        let stopping = Task { await appender.pipeline.shutdown() }
        lock.release()
        await stopping.value
        for answer in await answers.all(3) {
            guard case .success(.committed) = answer else { throw Surprise("\(answer)") }
        }
        let late = submission([try desk.open()])
        await #expect {
            try await appender.pipeline.append(late, to: .main)
        } throws: { error in
            if case AppendError.shuttingDown = error { true } else { false }
        }
        await appender.shutdown()
    }

    @Test func `a book that stays locked is unavailable at the deadline, and nothing is written`()
        async throws
    {
        var desk = Desk()
        var limits = AppendLimits()
        limits.deadline = .milliseconds(1_500)
        let (patient, hasty) = (sandbox.appender(), sandbox.appender(limits: limits))
        let open = try desk.open()
        _ = try await patient.append([open])
        let lock = try HeadLock(sandbox, .main)
        let fill = try desk.fill(open.positionID, "t", .buy, 1, 10)
        await #expect {
            try await hasty.append([fill])
        } throws: { error in
            if case AppendError.unavailable = error { true } else { false }
        }
        #expect(hasty.pipeline.statistics.outage != nil)
        lock.release()
        #expect(try await patient.append([fill]).map(\.isDuplicate) == [false])
        await patient.shutdown()
        await hasty.shutdown()
    }

    @Test func `a month that is missing is made by the append that misses it`() async throws {
        var desk = Desk()
        let appender = sandbox.appender()
        let open = try desk.open()
        let connection = try sandbox.open()
        try connection.query("SELECT positions.ensure_book('main', 1)", deadline: ample)
        let months = try connection.query(
            "SELECT positions.ensure_months(1)", deadline: ample
        ).rows.map { try $0[0].string() }
        for month in months { try connection.execute("DROP TABLE \(month)", deadline: ample) }
        #expect(try await appender.append([open]).map(\.logPosition.rawValue) == [1])
        #expect(try LogAudit(connection, .main).faults == [])
        await appender.shutdown()
    }

    @Test func `in a group each request has its own deadline`() async throws {
        var desk = Desk()
        var limits = AppendLimits()
        limits.deadline = .milliseconds(1_500)
        let (outages, raise) = AsyncStream<Void>.makeStream()
        let pipeline = AppendPipeline(
            PostgresLog(Pool(sandbox.info.preparing(true), name: "test-append")),
            signal: LogSignal(), limits: limits, onOutage: { if $0 != nil { raise.yield() } })
        _ = try await sandbox.appender().append([try desk.open()])
        let lock = try HeadLock(sandbox, .main)
        let (old, young) = (Answers(), Answers())
        // The first is written alone; the second waits for it.
        for index in 0..<2 {
            pipeline.submit(
                submission([try desk.open()]), to: .main, completion: old.take(index))
        }
        var iterator = outages.makeAsyncIterator()
        await iterator.next()
        pipeline.submit(submission([try desk.open()]), to: .main, completion: young.take(0))
        for answer in await old.all(2) {
            guard case .failure(.unavailable) = answer else { throw Surprise("\(answer)") }
        }
        lock.release()
        for answer in await young.all(1) {
            guard case .success(.committed) = answer else { throw Surprise("\(answer)") }
        }
        await pipeline.shutdown()
    }

    @Test func `an idle book gives its queue to another one`() async throws {
        var desk = Desk()
        var limits = AppendLimits()
        limits.booksMax = 2
        let appender = sandbox.appender(limits: limits)
        for _ in 0..<2 {
            for name in ["one", "two", "three"] {
                let book = try #require(BookName(name))
                _ = try await appender.append([try desk.open()], to: book)
            }
        }
        await appender.shutdown()
    }
}
