/// A moment by which an operation has to be over.
///
/// Every call that can wait takes one, so that a chain of calls shares a single budget instead of
/// adding up time-outs. Monotonic: a change of the wall clock does not move it.
public struct Deadline: Hashable, Sendable {
    /// `nil` means that there is no such moment.
    private let instant: ContinuousClock.Instant?

    private init(instant: ContinuousClock.Instant?) {
        self.instant = instant
    }

    /// Never passes. For migrations and interactive commands only: a stopped server then holds
    /// the caller for as long as it is stopped.
    public static let distant = Deadline(instant: nil)

    /// The moment `duration` from now; a negative duration has already passed.
    public static func after(_ duration: Duration) -> Deadline {
        Deadline(instant: ContinuousClock.now.advanced(by: duration))
    }

    /// A moment of the monotonic clock.
    public static func at(_ instant: ContinuousClock.Instant) -> Deadline {
        Deadline(instant: instant)
    }

    /// The earlier of two deadlines.
    public static func earlier(_ one: Deadline, _ other: Deadline) -> Deadline {
        guard let first = one.instant else { return other }
        guard let second = other.instant else { return one }
        return first <= second ? one : other
    }

    /// Time left; `nil` when distant, zero when passed.
    public var remaining: Duration? {
        guard let instant else { return nil }
        return max(.zero, ContinuousClock.now.duration(to: instant))
    }

    /// Milliseconds left, rounded up, so that waiting that long never ends too early;
    /// `nil` when distant, 0 when passed, at most `Int32.max`.
    public var remainingMilliseconds: Int32? {
        guard let remaining else { return nil }
        let (seconds, attoseconds) = remaining.components
        let attosecondsPerMillisecond: Int64 = 1_000_000_000_000_000
        guard seconds < Int64(Int32.max) / 1000 else { return Int32.max }
        let fraction = (attoseconds + attosecondsPerMillisecond - 1) / attosecondsPerMillisecond
        return Int32(seconds * 1000 + fraction)
    }

    /// Whether the moment has passed.
    public var hasPassed: Bool { hasPassed(at: .now) }

    /// Whether the moment has passed at another one.
    public func hasPassed(at now: ContinuousClock.Instant) -> Bool {
        guard let instant else { return false }
        return now >= instant
    }

    /// What poll(2) takes as its timeout: there, any negative number means "for ever".
    var pollTimeout: Int32 { remainingMilliseconds ?? -1 }
}
