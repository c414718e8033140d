/// Place of a request in its outbox: 1, 2, 3 … without gaps, in the order of arrival, never used
/// twice. `.origin` (0) means "before the first request".
public struct OutboxSequence: RawRepresentable, Hashable, Comparable, Sendable {
    /// The count from 1; 0 before the first request.
    public let rawValue: Int64

    /// Takes any number; nothing is checked.
    public init(rawValue: Int64) {
        self.rawValue = rawValue
    }

    /// 0: before the first request.
    public static let origin = OutboxSequence(rawValue: 0)

    /// Whether `left` was buffered first.
    public static func < (left: OutboxSequence, right: OutboxSequence) -> Bool {
        left.rawValue < right.rawValue
    }

    /// The sequence of the request that follows.
    public var next: OutboxSequence { OutboxSequence(rawValue: rawValue + 1) }
}

extension OutboxSequence: CustomStringConvertible, ExpressibleByIntegerLiteral {
    /// The number in decimal digits.
    public var description: String { String(rawValue) }

    /// From a number in the source.
    public init(integerLiteral value: Int64) {
        self.init(rawValue: value)
    }
}
