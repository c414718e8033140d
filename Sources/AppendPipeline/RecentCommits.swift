import EventStore
import LedgerCore

/// The events that this process has committed last, by their ids and by their versions: who sends
/// one of them again while PostgreSQL is away is told its places, as online; and what may be such a
/// repeat without being remembered is not refused. Bounded: two halves, of which the older is
/// forgotten whole; what is forgotten is buffered again and settled by the drain.
struct RecentCommits {
    private struct Half {
        var events: [Key: Entry] = [:]
        var versions: Set<Spot> = []

        struct Key: Hashable {
            var book: Int32
            var id: UUID
        }

        struct Spot: Hashable {
            var book: Int32
            var position: UUID
            var version: StreamVersion
        }
    }

    private struct Entry {
        var position: UUID
        var effectiveAt: Timestamp
        var content: Submission.ContentMark
        var logPosition: LogPosition
        var version: StreamVersion
        var recordedAt: Timestamp
    }

    /// What is known of an event of a request.
    enum Finding {
        /// It was committed, just so.
        case committed(Place)
        /// Its id was, with something else in it: PostgreSQL tells whether that is a conflict.
        case different
    }

    private var young = Half()
    private var old = Half()
    private let half: Int
    /// Short names of books.
    private var numbers: [BookName: Int32] = [:]

    /// Events that are remembered; about 250 octets each.
    static let eventsMax = 100_000
    /// Of one position so many are looked at.
    static let versionsMax: Int64 = 10_000

    init(eventsMax: Int = RecentCommits.eventsMax) {
        half = max(1, eventsMax / 2)
    }

    var isEmpty: Bool { young.events.isEmpty && old.events.isEmpty }

    /// A request was committed, its events at `places`.
    mutating func insert(_ submission: Submission, _ places: [Place], in book: BookName) {
        let number = numbers[book] ?? Int32(numbers.count)
        numbers[book] = number
        for (index, place) in places.enumerated() {
            let event = submission.events[index]
            if young.events.count >= half {
                old = young
                young = Half()
            }
            young.events[Half.Key(book: number, id: place.eventID)] = Entry(
                position: event.positionID, effectiveAt: event.effectiveAt,
                content: submission.contentMark(of: index), logPosition: place.logPosition,
                version: place.version, recordedAt: place.recordedAt)
            young.versions.insert(
                Half.Spot(book: number, position: event.positionID, version: place.version))
        }
    }

    /// An event of a request, by its id, given or derived; nil if none is remembered.
    func find(_ id: UUID, _ submission: Submission, _ index: Int, in book: BookName) -> Finding? {
        guard let number = numbers[book] else { return nil }
        let key = Half.Key(book: number, id: id)
        guard let entry = young.events[key] ?? old.events[key] else { return nil }
        let event = submission.events[index]
        guard entry.position == event.positionID, entry.effectiveAt == event.effectiveAt,
            entry.content == submission.contentMark(of: index)
        else { return .different }
        return .committed(
            Place(
                eventID: id, logPosition: entry.logPosition, version: entry.version,
                recordedAt: entry.recordedAt, isDuplicate: true))
    }

    /// Whether the event of a position at `version` is remembered.
    func holds(_ book: BookName, _ position: UUID, _ version: StreamVersion) -> Bool {
        guard let number = numbers[book] else { return false }
        let spot = Half.Spot(book: number, position: position, version: version)
        return young.versions.contains(spot) || old.versions.contains(spot)
    }

    /// Whether all events of a position up to `version` are remembered.
    func holdsAll(_ book: BookName, _ position: UUID, through version: StreamVersion) -> Bool {
        guard version.rawValue <= Self.versionsMax else { return false }
        return stride(from: version.rawValue, to: 0, by: -1).allSatisfy {
            holds(book, position, StreamVersion(rawValue: $0))
        }
    }
}
