/// Reads big-endian values one after the other; `nil` when the bytes end too early.
struct ByteReader {
    private let bytes: UnsafeRawBufferPointer
    private(set) var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    var remaining: Int { bytes.count - offset }

    var rest: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[offset...]) }

    mutating func int16() -> Int16? { integer() }

    mutating func int32() -> Int32? { integer() }

    mutating func skip(_ count: Int) -> Bool {
        guard count >= 0, count <= remaining else { return false }
        offset += count
        return true
    }

    /// A length and as many bytes; length -1 is the wire's NULL.
    mutating func field(_ type: PostgresType, column: Int, owner: QueryResult?) -> Field? {
        guard let length = int32() else { return nil }
        if length == -1 {
            return Field(base: nil, count: 0, type: type, column: column, owner: owner)
        }
        guard length >= 0, Int(length) <= remaining, let base = bytes.baseAddress else {
            return nil
        }
        defer { offset += Int(length) }
        return Field(
            base: base + offset, count: Int(length), type: type, column: column, owner: owner)
    }

    private mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>() -> Value? {
        let size = MemoryLayout<Value>.size
        guard remaining >= size else { return nil }
        defer { offset += size }
        return Value(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
    }
}
