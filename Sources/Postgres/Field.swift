/// One value of a result: NULL, or bytes in the binary form of its type.
///
/// Every getter throws `.decoding`, which names the column, when the value is NULL or of a type
/// that cannot be read so; `try row[2].ifPresent?.int64()` reads a column that may be NULL.
/// A field of `copyRows` is valid only until its closure returns.
public struct Field {
    let base: UnsafeRawPointer?
    /// Length in bytes; 0 for NULL.
    public let count: Int
    /// `.inferred` in COPY, which sends no types: then only lengths are checked.
    public let type: PostgresType
    let column: Int
    /// Keeps the bytes alive; `nil` in COPY.
    let owner: QueryResult?

    /// Whether it is SQL's NULL.
    public var isNull: Bool { base == nil }

    /// Itself, or `nil` when NULL.
    public var ifPresent: Field? { base == nil ? nil : self }

    /// A boolean.
    public func bool() throws(PostgresError) -> Bool {
        try integer(UInt8.self, .bool) != 0
    }

    /// A smallint.
    public func int16() throws(PostgresError) -> Int16 {
        try integer(Int16.self, .int2)
    }

    /// An integer or a smallint.
    public func int32() throws(PostgresError) -> Int32 {
        if count == 2 { return Int32(try integer(Int16.self, .int2)) }
        return try integer(Int32.self, .int4)
    }

    /// A bigint, an integer or a smallint; an oid too.
    public func int64() throws(PostgresError) -> Int64 {
        if count == 8 { return try integer(Int64.self, .int8) }
        if count == 4, type == .oid { return Int64(try integer(UInt32.self, .oid)) }
        return Int64(try int32())
    }

    /// A double precision.
    public func double() throws(PostgresError) -> Double {
        Double(bitPattern: try integer(UInt64.self, .float8))
    }

    /// A uuid, as its first and its last eight bytes in big-endian order.
    public func uuid() throws(PostgresError) -> (high: UInt64, low: UInt64) {
        let value = try integer(UInt128.self, .uuid)
        return (UInt64(truncatingIfNeeded: value >> 64), UInt64(truncatingIfNeeded: value))
    }

    /// A timestamptz, in microseconds since 1970-01-01T00:00Z; infinity is refused.
    public func timestamptz() throws(PostgresError) -> Int64 {
        let value = try integer(Int64.self, .timestamptz)
        let (sum, overflow) = value.addingReportingOverflow(BinaryFields.epochMicroseconds)
        guard !overflow, value != Int64.min else { throw failure("is an infinite time") }
        return sum
    }

    /// A date, in days since 1970-01-01; infinity is refused.
    public func date() throws(PostgresError) -> Int32 {
        let value = try integer(Int32.self, .date)
        let (sum, overflow) = value.addingReportingOverflow(BinaryFields.epochDays)
        guard !overflow, value != Int32.min else { throw failure("is an infinite date") }
        return sum
    }

    /// A numeric in units of 10^-18. NaN, infinity, a nineteenth decimal and a magnitude beyond
    /// `Int128` are refused, never rounded.
    public func numeric() throws(PostgresError) -> Int128 {
        try check(.numeric)
        do {
            return try NumericCoding.decode(bytesIfPresent())
        } catch let reason as NumericCoding.Failure {
            throw failure(reason.rawValue)
        } catch {
            throw failure("is a malformed numeric")
        }
    }

    /// A text, varchar, name, "char", json, jsonb or enum label.
    public func string() throws(PostgresError) -> String {
        guard isTextual else { throw mismatch("text") }
        var bytes = try bytesIfPresent()
        if type == .jsonb { bytes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst()) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A copy of the value's bytes as the server sent them, whatever the type.
    public func bytes() throws(PostgresError) -> [UInt8] {
        Array(try bytesIfPresent())
    }

    /// Calls `body` with the value's bytes as the server sent them, whatever the type. They are
    /// valid until `body` returns.
    public func withBytes<R>(
        _ body: (UnsafeRawBufferPointer) throws(PostgresError) -> R
    ) throws(PostgresError) -> R {
        defer { extendLifetime(owner) }
        return try body(try bytesIfPresent())
    }

    /// A text array; NULL elements are refused.
    public func textArray() throws(PostgresError) -> [String] {
        try elements(.text).map { (element) throws(PostgresError) in try element.string() }
    }

    /// A bigint array; NULL elements are refused.
    public func int64Array() throws(PostgresError) -> [Int64] {
        try elements(.int8).map { (element) throws(PostgresError) in try element.int64() }
    }

    /// The elements of a one-dimensional array of `element`, each to be read by its own getter.
    public func elements(_ element: PostgresType) throws(PostgresError) -> [Field] {
        let bytes = try bytesIfPresent()
        var reader = ByteReader(bytes)
        guard let dimensions = reader.int32(), reader.int32() != nil,
            let oid = reader.int32(), dimensions == 0 || dimensions == 1
        else { throw failure("is not an array of one dimension") }
        guard UInt32(bitPattern: oid) == element.rawValue else {
            throw failure("is not an array of \(element)")
        }
        guard dimensions == 1 else { return [] }
        guard let length = reader.int32(), reader.int32() != nil, length >= 0,
            Int(length) <= bytes.count
        else { throw failure("is a malformed array") }
        var fields: [Field] = []
        fields.reserveCapacity(Int(length))
        for _ in 0..<length {
            guard let field = reader.field(element, column: column, owner: owner) else {
                throw failure("is a malformed array")
            }
            fields.append(field)
        }
        return fields
    }

    private var isTextual: Bool {
        switch type {
        case .text, .json, .varchar, .name, .jsonb, .bpchar, .char, .inferred: true
        default: type.rawValue >= PostgresType.firstUserDefined
        }
    }

    private func integer<Value: FixedWidthInteger & BitwiseCopyable>(
        _ kind: Value.Type, _ expected: PostgresType
    ) throws(PostgresError) -> Value {
        guard let base else { throw failure("is NULL") }
        guard type == expected || type == .inferred, count == MemoryLayout<Value>.size else {
            throw mismatch(expected.description)
        }
        defer { extendLifetime(owner) }
        return Value(bigEndian: base.loadUnaligned(as: Value.self))
    }

    private func check(_ expected: PostgresType) throws(PostgresError) {
        guard type == expected || type == .inferred || isNull else {
            throw mismatch(expected.description)
        }
    }

    private func bytesIfPresent() throws(PostgresError) -> UnsafeRawBufferPointer {
        guard let base else { throw failure("is NULL") }
        return UnsafeRawBufferPointer(start: base, count: count)
    }

    private func mismatch(_ expected: String) -> PostgresError {
        isNull ? failure("is NULL") : failure("is \(type) of \(count) bytes, not \(expected)")
    }

    private func failure(_ what: String) -> PostgresError {
        let name = owner?.columnName(column) ?? "number \(column + 1)"
        return .decoding("column \(name) \(what)")
    }
}
