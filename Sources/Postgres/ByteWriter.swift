/// A growing buffer of big-endian values.
///
/// `storage` is always filled up to its capacity and `count` says how much of it is meant:
/// writing in place costs a comparison and a store, where appending to an array would cost a
/// call for every value.
struct ByteWriter: Sendable {
    private var storage: [UInt8]
    private(set) var count = 0

    init(capacity: Int) {
        storage = [UInt8](repeating: 0, count: max(16, capacity))
    }

    mutating func reserve(_ additional: Int) {
        let needed = count + additional
        guard needed > storage.count else { return }
        let grown = max(needed, storage.count * 2)
        storage.append(contentsOf: repeatElement(0, count: grown - storage.count))
    }

    mutating func put<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        reserve(MemoryLayout<Value>.size)
        let offset = count
        storage.withUnsafeMutableBytes { buffer in
            buffer.storeBytes(of: value.bigEndian, toByteOffset: offset, as: Value.self)
        }
        count = offset + MemoryLayout<Value>.size
    }

    /// The length of a field, then the field itself.
    mutating func putField<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        let size = MemoryLayout<Value>.size
        reserve(4 + size)
        let offset = count
        storage.withUnsafeMutableBytes { buffer in
            buffer.storeBytes(of: Int32(size).bigEndian, toByteOffset: offset, as: Int32.self)
            buffer.storeBytes(of: value.bigEndian, toByteOffset: offset + 4, as: Value.self)
        }
        count = offset + 4 + size
    }

    mutating func put(bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0 else { return }
        reserve(bytes.count)
        let offset = count
        storage.withUnsafeMutableBytes { buffer in
            let place = UnsafeMutableRawBufferPointer(rebasing: buffer[offset...])
            place.copyMemory(from: bytes)
        }
        count = offset + bytes.count
    }

    /// Writes over what is already there, at `offset`.
    mutating func patch<Value: FixedWidthInteger & BitwiseCopyable>(
        _ value: Value, at offset: Int
    ) {
        precondition(offset >= 0 && offset + MemoryLayout<Value>.size <= count)
        storage.withUnsafeMutableBytes { buffer in
            buffer.storeBytes(of: value.bigEndian, toByteOffset: offset, as: Value.self)
        }
    }

    /// Takes the last bytes back, down to `newCount`.
    mutating func truncate(to newCount: Int) {
        precondition(newCount >= 0 && newCount <= count)
        count = newCount
    }

    /// What was written; the buffer is empty afterwards and has given its memory away.
    mutating func take() -> [UInt8] {
        var bytes: [UInt8] = []
        swap(&bytes, &storage)
        bytes.removeLast(bytes.count - count)
        count = 0
        return bytes
    }

    func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try storage.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
}
