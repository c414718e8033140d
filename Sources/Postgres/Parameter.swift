/// A value for a placeholder ($1, $2 …) of a statement, already in binary form.
///
/// Each constructor takes `nil` for SQL's NULL of its type. Ranges and units are those of
/// `BinaryFields`.
public struct Parameter: Sendable, Hashable {
    /// Its type, as told to the server.
    public let type: PostgresType
    /// `nil` for NULL.
    let bytes: [UInt8]?

    /// A value in the binary form of `type`; `nil` for NULL. For types without a constructor.
    public init(type: PostgresType, bytes: [UInt8]?) {
        self.type = type
        self.bytes = bytes
    }

    private static func encoded(
        _ type: PostgresType, capacityBytes: Int, _ write: (inout BinaryFields) -> Void
    ) -> Parameter {
        var fields = BinaryFields(capacityBytes: capacityBytes, element: type)
        write(&fields)
        // A field is led by its length, a parameter is not.
        return Parameter(type: type, bytes: fields.writer.withBytes { Array($0.dropFirst(4)) })
    }

    /// NULL of this type.
    public static func null(_ type: PostgresType) -> Parameter {
        Parameter(type: type, bytes: nil)
    }

    /// A boolean.
    public static func bool(_ value: Bool?) -> Parameter {
        Parameter(type: .bool, bytes: value.map { [$0 ? 1 : 0] })
    }

    /// A smallint.
    public static func int2(_ value: Int16?) -> Parameter {
        Parameter(type: .int2, bytes: value.map(bigEndian))
    }

    /// An integer.
    public static func int4(_ value: Int32?) -> Parameter {
        Parameter(type: .int4, bytes: value.map(bigEndian))
    }

    /// A bigint.
    public static func int8(_ value: Int64?) -> Parameter {
        Parameter(type: .int8, bytes: value.map(bigEndian))
    }

    /// A text. The server answers 22021 when it holds U+0000.
    public static func text(_ value: String?) -> Parameter {
        Parameter(type: .text, bytes: value.map { Array($0.utf8) })
    }

    /// A value of an enum or another type that is sent as its text, and that the server infers.
    public static func label(_ value: String?) -> Parameter {
        Parameter(type: .inferred, bytes: value.map { Array($0.utf8) })
    }

    /// A uuid, as its first and its last eight bytes in big-endian order.
    public static func uuid(high: UInt64, low: UInt64) -> Parameter {
        Parameter(type: .uuid, bytes: bigEndian(UInt128(high) << 64 | UInt128(low)))
    }

    /// A bytea.
    public static func bytea(_ value: [UInt8]?) -> Parameter {
        Parameter(type: .bytea, bytes: value)
    }

    /// A timestamptz, in microseconds since 1970-01-01T00:00Z.
    public static func timestamptz(microseconds: Int64?) -> Parameter {
        guard let microseconds else { return .null(.timestamptz) }
        return encoded(.timestamptz, capacityBytes: 12) {
            $0.timestamptz(microseconds: microseconds)
        }
    }

    /// A date, in days since 1970-01-01.
    public static func date(days: Int32?) -> Parameter {
        guard let days else { return .null(.date) }
        return encoded(.date, capacityBytes: 8) { $0.date(days: days) }
    }

    /// A numeric, in units of 10^-18.
    public static func numeric(_ units: Int128?) -> Parameter {
        guard let units else { return .null(.numeric) }
        return encoded(.numeric, capacityBytes: 34) { $0.numeric(units) }
    }

    /// A json value as UTF-8 bytes, kept byte for byte.
    public static func json(utf8: [UInt8]?) -> Parameter {
        Parameter(type: .json, bytes: utf8)
    }

    /// A json value as text, kept byte for byte.
    public static func json(_ value: String?) -> Parameter {
        Parameter(type: .json, bytes: value.map { Array($0.utf8) })
    }

    /// A jsonb value as JSON text.
    public static func jsonb(_ value: String?) -> Parameter {
        Parameter(type: .jsonb, bytes: value.map { [1] + Array($0.utf8) })
    }

    /// A text array; `nil` elements are NULL.
    public static func textArray(_ values: [String?]) -> Parameter {
        var array = ArrayBuilder(of: .text, capacity: values.count)
        for value in values {
            if let value { array.append.text(value) } else { array.append.null() }
        }
        return array.take()
    }

    /// A bigint array.
    public static func int8Array(_ values: [Int64]) -> Parameter {
        var array = ArrayBuilder(of: .int8, capacity: values.count)
        for value in values { array.append.int8(value) }
        return array.take()
    }

    private static func bigEndian<Value: FixedWidthInteger & BitwiseCopyable>(
        _ value: Value
    ) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }
}
