import Admission
import Dispatch
import EventStore
import LedgerCore
import Outbox
import Synchronization

/// A buffered request with all that its transaction needs.
struct DrainItem: Sendable {
    let request: Outbox.Request
    private(set) var submission: Submission
    /// Whether versions are expected of positions.
    let expects: Bool
    /// Whether this build can read all its events.
    let isReadable: Bool

    private init(_ request: Outbox.Request, origin: Origin) {
        self.request = request
        let events = request.events()
        submission = Submission(events ?? [], origin: origin)
        expects = events?.contains { $0.expectedVersion != .any } ?? false
        isReadable = events != nil
    }

    /// Reads the events of requests, on all cores: it takes longer than to append them.
    static func prepared(
        _ requests: [Outbox.Request], origin: (Outbox.Request) -> Origin
    ) -> [DrainItem] {
        let origins = requests.map(origin)
        let items = Mutex<[DrainItem?]>(Array(repeating: nil, count: requests.count))
        DispatchQueue.concurrentPerform(iterations: requests.count) { index in
            let item = DrainItem(requests[index], origin: origins[index])
            items.withLock { $0[index] = item }
        }
        return items.withLock { $0 }.compactMap(\.self)
    }

    /// The request with what it expects in terms of the log as it is now. A version that was
    /// expected offline holds when every event of the position above the version that was known
    /// then is one of this outbox's own earlier ones, repeats of known events among them
    /// (architecture.md, "The outbox"), and none of those was given up since. Where it does not
    /// hold it expects what cannot be: the ledger decides then, after it has looked whether the
    /// events are known already.
    func rebased(
        _ book: BookName, _ queue: any RequestQueue, _ session: any BookSession
    ) throws -> DrainItem {
        guard expects else { return self }
        var events = submission.events
        for (position, base) in request.draft.bases {
            let own = events.indices.filter { events[$0].positionID == position }
            guard let first = own.first(where: { events[$0].expectedVersion != .any }),
                case .exact(let expected) = events[first].expectedVersion
            else { continue }
            let standing = try session.standing(of: position, above: base)
            let earlier = try queue.earlier(
                book, position, after: .origin, before: request.sequence)
            let mine = Set(
                earlier.lazy.compactMap(\.places).flatMap { PlacesCodec.decode($0) ?? [] }
                    .map(\.eventID))
            guard standing.version >= base,
                standing.above.allSatisfy({ mine.contains($0.eventID) })
            else {
                events[first].expectedVersion = .exact(base)
                continue
            }
            let before = own.prefix { $0 < first }.count
            let shift = standing.version.rawValue - (expected.rawValue - Int64(before))
            let isShort = shift < 0 && earlier.contains { isGivenUp($0) }
            guard shift != 0, !isShort else { continue }
            for index in own {
                guard case .exact(let version) = events[index].expectedVersion else { continue }
                events[index].expectedVersion = .exact(
                    StreamVersion(rawValue: version.rawValue + shift))
            }
        }
        var item = self
        item.submission = Submission(events, origin: submission.origin)
        return item
    }

    /// Whether an earlier request was given up after this one had counted on it.
    private func isGivenUp(_ earlier: Outbox.Earlier) -> Bool {
        earlier.state == .discarded
            && earlier.settledAt.map { $0 >= request.draft.bufferedAt } ?? true
    }

    /// A refusal in terms of what the caller expected.
    func asAsked(_ refusal: Refusal) -> Refusal {
        guard case .versionConflict(let index, let position, _, let actual) = refusal,
            let asked = request.event(index)?.expectedVersion
        else { return refusal }
        return .versionConflict(
            index: index, positionID: position, expected: asked, actual: actual)
    }
}
