import LedgerCore
import LedgerTesting

/// One schedule: ledgers, clients and faults, all drawn from a seed.
struct Simulation {
    let seed: UInt64
    let world: World
    let ledgers: [SimulatedLedger]
    let clients: [SimulatedClient]

    private static let stepsMax = 60_000

    init(seed: UInt64, defect: Defect? = nil) {
        self.seed = seed
        world = World(seed: seed, defect: defect)
        let world = world
        ledgers = (0..<world.scheduler.chance.within(1...2)).map { number in
            SimulatedLedger(number == 0 ? "a" : "b", in: world)
        }
        var clients: [SimulatedClient] = []
        var stories = Stories(world)
        for number in 0..<world.scheduler.chance.within(1...3) {
            let book = BookName(world.chance(80) ? "main" : "other") ?? .main
            clients.append(
                SimulatedClient(
                    "client\(number)", book, stories.own(), isContended: false,
                    through: ledgers[world.scheduler.chance.below(ledgers.count)]))
        }
        if world.chance(40) {
            for (number, requests) in stories.contended().enumerated() {
                clients.append(
                    SimulatedClient(
                        "rival\(number)", .main, requests, isContended: true,
                        through: ledgers[number % ledgers.count]))
            }
        }
        self.clients = clients
    }

    /// What went wrong; empty if nothing did.
    func run() -> [String] {
        let (world, ledgers, clients) = (world, ledgers, clients)
        for ledger in ledgers { ledger.start() }
        for client in clients { world.scheduler.start { await client.run() } }
        world.scheduler.start { await Self.changeWeather(world) }
        world.scheduler.start { await Self.killLedgers(world, ledgers) }
        guard world.scheduler.run(stepsMax: Self.stepsMax, until: { clients.allSatisfy(\.isDone) })
        else { return ["the clients did not get through in \(world.scheduler.steps) steps"] }
        world.mishapPercent = 0
        world.weather = .fair
        for ledger in ledgers where ledger.process == nil { ledger.start() }
        let verdict = Verdict(world, ledgers, clients)
        let healed = world.scheduler.elapsed
        guard world.scheduler.run(stepsMax: 2 * Self.stepsMax, until: { verdict.isQuiet }) else {
            return ["it does not become quiet"] + verdict.unrest
        }
        var wrongs = verdict.violations()
        let rest = world.scheduler.elapsed - healed
        if rest > .seconds(60) { wrongs.append("it took \(rest) to become quiet") }
        return wrongs
    }

    private static func changeWeather(_ world: World) async {
        while world.mishapPercent > 0 {
            try? await world.scheduler.sleep(for: world.milliseconds(50...3_000))
            guard world.mishapPercent > 0 else { break }
            world.weather = world.scheduler.chance.one(of: Weather.allCases)
            world.note("the database is \(world.weather)")
            try? await world.scheduler.sleep(for: world.milliseconds(50...4_000))
            world.weather = .fair
        }
    }

    private static func killLedgers(_ world: World, _ ledgers: [SimulatedLedger]) async {
        while world.mishapPercent > 0 {
            try? await world.scheduler.sleep(for: world.milliseconds(200...8_000))
            guard world.mishapPercent > 0 else { break }
            let ledger = ledgers[world.scheduler.chance.below(ledgers.count)]
            ledger.kill()
            try? await world.scheduler.sleep(for: world.milliseconds(0...1_500))
            if ledger.process == nil { ledger.start() }
        }
    }
}

/// What clients have to tell.
struct Stories {
    private let world: World
    private var number: UInt64 = 0

    init(_ world: World) {
        self.world = world
    }

    /// The requests of one client for one or two positions of its own.
    mutating func own() -> [[NewEvent]] {
        var stories: [[NewEvent]] = []
        for _ in 0..<world.scheduler.chance.within(1...2) { stories.append(story()) }
        var requests: [[NewEvent]] = []
        var told = stories.map { _ in 0 }
        while true {
            let open = stories.indices.filter { told[$0] < stories[$0].count }
            guard !open.isEmpty else { return requests }
            let chosen = world.chance(15) ? open : [world.scheduler.chance.one(of: open)]
            var request: [NewEvent] = []
            for index in chosen {
                let count = min(
                    world.scheduler.chance.within(1...3), stories[index].count - told[index])
                let expects = world.chance(50)
                for event in stories[index][told[index]..<told[index] + count] {
                    request.append(event.expecting(expects ? told[index] : nil))
                    told[index] += 1
                }
            }
            requests.append(request)
        }
    }

    /// The events of a position, from its opening to its close.
    private mutating func story() -> [NewEvent] {
        number += 1
        var story = PositionStory(number: number)
        for round in 0..<world.scheduler.chance.within(1...4) {
            story.fill("a", .buy, "1", px: "100", fee: "0.1", trade: "\(number) b\(round)")
            if world.chance(30) {
                // Each settlement has an hour of its own: its id is derived from it.
                let hours = Int64(number) * 10 + Int64(round)
                story.funding(
                    "a", "0.5",
                    of: Timestamp(
                        microseconds: PositionStory.start.microseconds
                            + hours * 3_600 * Timestamp.secondInMicroseconds))
            }
            if world.chance(20) { story.mark("a", "101") }
            story.fill("a", .sell, "1", px: "101", fee: "0.1", trade: "\(number) s\(round)")
        }
        if world.chance(60) { story.close() }
        return story.sent
    }

    /// The requests of two rivals for one position, which they open both: who expects a version
    /// is right or not.
    mutating func contended() -> [[[NewEvent]]] {
        number += 1
        let opening = PositionStory(number: number).sent
        return (0..<2).map { rival in
            var requests = [opening]
            for fill in 0..<4 {
                var story = PositionStory(number: number)
                story.fill("a", .buy, "1", px: "100", trade: "\(number) rival \(rival) \(fill)")
                let expected = world.chance(50) ? world.scheduler.chance.within(1...4) : nil
                requests.append(story.sent.dropFirst().map { $0.expecting(expected) })
            }
            return requests
        }
    }
}

extension NewEvent {
    fileprivate func expecting(_ version: Int?) -> NewEvent {
        var event = self
        event.expectedVersion =
            switch version {
            case nil: .any
            case 0: .noStream
            case .some(let version): .exact(StreamVersion(rawValue: Int64(version)))
            }
        return event
    }
}
