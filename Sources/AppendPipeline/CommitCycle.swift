/// Bounds of one group commit and of the queue before it; the first one reached counts.
public struct AppendLimits: Sendable {
    /// Events of one transaction.
    public var batchEventsMax = 4_000
    /// Payload bytes of one transaction.
    public var batchBytesMax = 8 << 20
    /// Events that may wait, per book.
    public var queueEventsMax = 50_000
    /// Requests that may wait, per book.
    public var queueRequestsMax = 10_000
    /// Payload bytes that may wait, per book.
    public var queueBytesMax = 64 << 20
    /// Books that have a queue at one time; idle ones give way.
    public var booksMax = 1_000
    /// How long a request may take from its arrival, retries included.
    public var deadline = Duration.seconds(5)
    /// How long PostgreSQL may fail before a request goes to the outbox.
    public var divertAfter = Duration.milliseconds(800)

    /// Makes the default limits.
    public init() {}
}

/// What the cycle needs to know of a request that waits.
protocol CommitItem {
    var eventCount: Int { get }
    var byteCount: Int { get }
}

/// Group commit of one book: while a batch is written, what arrives is gathered for the next.
///
///     idle ──received──▶ writing ──stored, queue empty──▶ idle
///                        │  ▲
///                        └──┘ stored, queue not empty: the next batch
struct CommitCycle<Item: CommitItem> {
    enum Action {
        /// Write these in one transaction, then call `stored`.
        case write([Item])
        /// The queue is full, of the limit of this name: refuse the item.
        case refuse(limit: String)
        case none
    }

    private let limits: AppendLimits
    private var queue: [Item] = []
    private var first = 0
    private(set) var queuedEvents = 0
    private var queuedBytes = 0
    private(set) var isWriting = false

    init(limits: AppendLimits) {
        self.limits = limits
    }

    var queuedRequests: Int { queue.count - first }
    var isIdle: Bool { !isWriting && queuedRequests == 0 }

    /// A request arrived.
    mutating func received(_ item: Item) -> Action {
        guard queuedRequests < limits.queueRequestsMax else {
            return .refuse(limit: "queue_requests_max (\(limits.queueRequestsMax))")
        }
        guard queuedRequests == 0 || queuedEvents + item.eventCount <= limits.queueEventsMax else {
            return .refuse(limit: "queue_events_max (\(limits.queueEventsMax))")
        }
        guard queuedRequests == 0 || queuedBytes + item.byteCount <= limits.queueBytesMax else {
            return .refuse(limit: "queue_bytes_max (\(limits.queueBytesMax))")
        }
        queue.append(item)
        queuedEvents += item.eventCount
        queuedBytes += item.byteCount
        guard !isWriting else { return .none }
        return nextBatch()
    }

    /// The batch is done, whatever became of it.
    mutating func stored() -> Action {
        isWriting = false
        return queuedRequests == 0 ? .none : nextBatch()
    }

    private mutating func nextBatch() -> Action {
        var batch: [Item] = []
        var events = 0
        var bytes = 0
        while first < queue.count {
            let item = queue[first]
            let isFull =
                events + item.eventCount > limits.batchEventsMax
                || bytes + item.byteCount > limits.batchBytesMax
            if isFull, !batch.isEmpty { break }
            batch.append(item)
            events += item.eventCount
            bytes += item.byteCount
            first += 1
        }
        queuedEvents -= events
        queuedBytes -= bytes
        if first == queue.count {
            queue.removeAll(keepingCapacity: queue.capacity < 4_096)
            first = 0
        } else if first > 1_024 {
            queue.removeFirst(first)
            first = 0
        }
        isWriting = true
        return .write(batch)
    }
}
