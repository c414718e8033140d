import LedgerCore
import Projections

@testable import AppendPipeline
@testable import Outbox
@testable import ProjectionEngine

/// Whether a schedule has kept what the ledger promises.
struct Verdict {
    private let world: World
    private let ledgers: [SimulatedLedger]
    private let clients: [SimulatedClient]

    init(_ world: World, _ ledgers: [SimulatedLedger], _ clients: [SimulatedClient]) {
        self.world = world
        self.ledgers = ledgers
        self.clients = clients
    }

    // MARK: Quiet

    /// Nothing waits any more, and the tables have reached the log.
    var isQuiet: Bool { unrest.isEmpty }

    /// What is still to be done.
    var unrest: [String] {
        var unrest: [String] = []
        for ledger in ledgers {
            let waiting = ledger.file.requests.filter { $0.state == .waiting }
            if !waiting.isEmpty {
                unrest.append("\(ledger.name): \(waiting.map(\.sequence)) wait")
            }
        }
        for (name, book) in world.books {
            let checkpoint = world.generations[name]?.checkpoint ?? .origin
            if checkpoint < book.head {
                unrest.append("\(name): the tables are at \(checkpoint) of \(book.head)")
            }
        }
        return unrest
    }

    // MARK: Violations

    func violations() -> [String] {
        var found = clients.flatMap { client in client.wrongs.map { "\(client.name): \($0)" } }
        for (name, book) in world.books {
            found += order(book, name) + content(book, name) + tables(book, name)
        }
        for client in clients { found += acknowledged(client) }
        return found
    }

    private func order(_ book: SimulatedBook, _ name: BookName) -> [String] {
        var found: [String] = []
        var versions: [UUID: Int64] = [:]
        var ids: Set<UUID> = []
        for (index, event) in book.events.enumerated() {
            if event.logPosition.rawValue != Int64(index + 1) {
                found.append("\(name): \(event.logPosition) stands at \(index + 1)")
            }
            versions[event.positionID, default: 0] += 1
            if event.version.rawValue != versions[event.positionID] {
                found.append("\(name): position \(event.positionID) has a gap")
            }
            if !ids.insert(event.eventID).inserted {
                found.append("\(name): event \(event.eventID) is there twice")
            }
            if index > 0, event.recordedAt < book.events[index - 1].recordedAt {
                found.append("\(name): recorded_at runs backwards at \(event.logPosition)")
            }
        }
        return found
    }

    /// Everything was sent, and each position has its client's order.
    private func content(_ book: SimulatedBook, _ name: BookName) -> [String] {
        var found: [String] = []
        var sent: [UUID: Set<EventPayload>] = [:]
        for client in clients where client.book == name {
            for event in client.events { sent[event.positionID, default: []].insert(event.payload) }
        }
        for event in book.events where sent[event.positionID]?.contains(event.payload) != true {
            found.append("\(name): nobody has sent the event at \(event.logPosition)")
        }
        for client in clients where client.book == name && !client.isContended {
            for position in Set(client.events.map(\.positionID)) {
                let stored = book.events(of: position).map(\.payload)
                let told = client.events.filter { $0.positionID == position }.map(\.payload)
                if stored != Array(told.prefix(stored.count)) {
                    found.append("\(name): position \(position) is not in its client's order")
                }
            }
        }
        return found
    }

    private func tables(_ book: SimulatedBook, _ name: BookName) -> [String] {
        var found: [String] = []
        let generation = world.generations[name]
        for position in Set(book.events.map(\.positionID)) {
            let account = try? AccountFold.fold(book.events(of: position))
            if generation?.rows[position]?.account != account || account == nil {
                found.append("\(name): the rows of position \(position) are not its fold")
            }
        }
        return found
    }

    /// What was acknowledged is there once, where it was told, or parked and accounted for.
    private func acknowledged(_ client: SimulatedClient) -> [String] {
        var found: [String] = []
        var places: [UUID: LogPosition] = [:]
        for event in world.books[client.book]?.events ?? [] {
            places[event.eventID] = event.logPosition
        }
        let parked = Set(
            ledgers.flatMap(\.file.requests).filter { $0.state == .parked }
                .flatMap(\.draft.keys))
        if !client.isContended, client.events.contains(where: { parked.contains(OutboxKey.of($0)) })
        {
            found.append("\(client.name): a request that nothing contradicts is parked")
        }
        let stored = Set(
            (world.books[client.book]?.events ?? []).map { OutboxKey.of($0) })
        for acknowledgement in client.acknowledged {
            let what = "\(client.name): request \(acknowledgement.request)"
            for event in acknowledgement.events {
                let key = OutboxKey.of(event)
                if !stored.contains(key), !parked.contains(key) {
                    found.append("\(what) was acknowledged and is lost")
                }
            }
            for (event, place) in zip(acknowledgement.events, acknowledgement.places ?? []) {
                if places[place.eventID] != place.logPosition {
                    found.append("\(what) is not where it was told")
                }
                guard case .exact(let version) = event.expectedVersion, !place.isDuplicate else {
                    continue
                }
                if place.version != version.next {
                    found.append("\(what) expected version \(version), not \(place.version)")
                }
            }
        }
        return found
    }
}
