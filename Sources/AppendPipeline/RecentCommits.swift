import EventStore
import LedgerCore

/// The events that this process has committed last, by their ids: who sends one of them again
/// while PostgreSQL is away is told its places, as online. Bounded: two halves, of which the older
/// is forgotten whole; what is forgotten is buffered again and settled by the drain.
struct RecentCommits {
    private struct Key: Hashable {
        var book: BookName
        var id: UUID
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

    private var young: [Key: Entry] = [:]
    private var old: [Key: Entry] = [:]
    private let half: Int

    /// Events that are remembered; about 150 octets each.
    static let eventsMax = 100_000

    init(eventsMax: Int = RecentCommits.eventsMax) {
        half = max(1, eventsMax / 2)
    }

    var isEmpty: Bool { young.isEmpty && old.isEmpty }

    /// A request was committed, its events at `places`.
    mutating func insert(_ submission: Submission, _ places: [Place], in book: BookName) {
        for (index, place) in places.enumerated() {
            let event = submission.events[index]
            if young.count >= half {
                old = young
                young = [:]
            }
            young[Key(book: book, id: place.eventID)] = Entry(
                position: event.positionID, effectiveAt: event.effectiveAt,
                content: submission.contentMark(of: index), logPosition: place.logPosition,
                version: place.version, recordedAt: place.recordedAt)
        }
    }

    /// An event of a request, by its id, given or derived; nil if none is remembered.
    func find(_ id: UUID, _ submission: Submission, _ index: Int, in book: BookName) -> Finding? {
        let key = Key(book: book, id: id)
        guard let entry = young[key] ?? old[key] else { return nil }
        let event = submission.events[index]
        guard entry.position == event.positionID, entry.effectiveAt == event.effectiveAt,
            entry.content == submission.contentMark(of: index)
        else { return .different }
        return .committed(
            Place(
                eventID: id, logPosition: entry.logPosition, version: entry.version,
                recordedAt: entry.recordedAt, isDuplicate: true))
    }
}
