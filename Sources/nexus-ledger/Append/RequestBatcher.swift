import LedgerCore
import LedgerRPC

/// Groups consecutive lines into requests, which are atomic and of one book.
struct RequestBatcher {
    /// Lines that go together.
    struct Batch {
        var book: BookName
        var lines: [Int]
        var events: [Nexus_Ledger_V1_NewEvent]

        /// The message that appends them.
        var request: Nexus_Ledger_V1_AppendRequest {
            var request = Nexus_Ledger_V1_AppendRequest()
            request.book = book.description
            request.events = events
            return request
        }
    }

    /// Events of the largest request that a ledger takes.
    static let eventsMax = 10_000
    /// Bytes of the lines of one request: well below the 16 MiB of a message.
    static let bytesMax = 12 << 20

    private let eventsMax: Int
    private var open: Batch?
    private var bytes = 0

    init(eventsMax: Int) {
        self.eventsMax = eventsMax
    }

    /// Takes a line of `byteCount` bytes; returns the batch that it completes, with or without it.
    mutating func add(_ line: EventLine, number: Int, byteCount: Int) -> Batch? {
        var complete: Batch?
        if let batch = open,
            batch.book != line.book || bytes + byteCount > RequestBatcher.bytesMax
        {
            complete = flush()
        }
        let event = Nexus_Ledger_V1_NewEvent(line.event)
        if open == nil {
            open = Batch(book: line.book, lines: [number], events: [event])
            bytes = byteCount
        } else {
            open?.lines.append(number)
            open?.events.append(event)
            bytes += byteCount
        }
        // Only a batch of one line can be full when another was completed before it.
        if complete == nil, let batch = open, batch.lines.count >= eventsMax { complete = flush() }
        return complete
    }

    /// The lines that wait for more.
    mutating func flush() -> Batch? {
        defer { open = nil }
        return open
    }
}
