/// A text that equals another only octet by octet. Swift's `String` holds "é" and "e" with a
/// combining accent for equal; names of venues, assets and trades are not equal then, in
/// PostgreSQL and in the ids that are derived from them.
public struct ExactText: Hashable, Comparable, Sendable {
    /// The text, with its octets as they came.
    public let text: String

    /// Wraps `text` without normalising it.
    public init(_ text: String) {
        self.text = text
    }

    /// Whether both have the same octets.
    public static func == (left: ExactText, right: ExactText) -> Bool {
        left.text.isExactly(right.text)
    }

    /// Hashes the UTF-8 octets, in agreement with `==`.
    public func hash(into hasher: inout Hasher) {
        text.withOctets { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }

    /// By octets, which for UTF-8 is by code points.
    public static func < (left: ExactText, right: ExactText) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }
}

extension String {
    /// Whether it has the same octets.
    public func isExactly(_ other: String) -> Bool {
        let count = utf8.count
        guard count == other.utf8.count else { return false }
        return withOctets { own in
            other.withOctets { octets in
                var index = 0
                while index < count, own[index] == octets[index] { index += 1 }
                return index == count
            }
        }
    }

    /// Calls `body` with the UTF-8 octets, without a copy for every string that Swift made itself.
    @inline(__always)
    func withOctets<Value>(_ body: (UnsafeBufferPointer<UInt8>) -> Value) -> Value {
        if let value = utf8.withContiguousStorageIfAvailable(body) { return value }
        var copy = self
        return copy.withUTF8(body)
    }
}

/// Amounts by asset, in the order in which the assets came; there are few of them.
public struct Amounts: Hashable, Sendable {
    /// One entry an asset, in the order in which the assets came.
    public private(set) var entries: [Entry] = []

    /// The amount of one asset.
    public struct Entry: Hashable, Sendable {
        /// The asset, unique among the entries.
        public var asset: ExactText
        /// The sum so far, in units of the asset; it may be 0 or negative.
        public var amount: Fixed
    }

    /// No assets.
    public init() {}

    /// Adds to the asset's amount, exactly; a new asset gets an entry.
    /// - Throws: `outOfRange` for |sum| ≥ 10²⁰; nothing is changed then.
    public mutating func add(_ amount: Fixed, _ asset: String) throws(FixedError) {
        for index in entries.indices where entries[index].asset.text.isExactly(asset) {
            entries[index].amount = try entries[index].amount.adding(amount)
            return
        }
        entries.append(Entry(asset: ExactText(asset), amount: amount))
    }

    /// The asset's amount; nil if it never came, which is not 0 (accounting.md §1).
    public subscript(asset: String) -> Fixed? {
        entries.first { $0.asset.text.isExactly(asset) }?.amount
    }

    /// A canonical JSON object.
    public func write(to json: inout CanonicalJSON) {
        json.beginObject()
        for entry in entries.sorted(by: { JSONValue.precedes($0.asset.text, $1.asset.text) }) {
            json.key(entry.asset.text)
            json.decimal(entry.amount)
        }
        json.endObject()
    }
}
