/// Values in PostgreSQL's binary form, one after the other, each led by its length: what the
/// elements of an array and the fields of a COPY row have in common.
///
/// Reached through `ArrayBuilder.append` and `BinaryCopyWriter.append`:
/// `ids.append.int8(7)`. A value of another type than the array's stops the program.
public struct BinaryFields: Sendable {
    var writer: ByteWriter
    /// How many values were appended, NULLs included.
    public internal(set) var count = 0
    /// How many of them are NULL.
    public internal(set) var nullCount = 0
    /// What an array takes; `nil` for the fields of a row, which differ.
    let element: PostgresType?

    init(capacityBytes: Int, element: PostgresType? = nil) {
        writer = ByteWriter(capacity: capacityBytes)
        self.element = element
    }

    /// Microseconds from the Unix epoch to PostgreSQL's, 2000-01-01.
    static let epochMicroseconds: Int64 = 946_684_800_000_000
    /// Days from the Unix epoch to PostgreSQL's.
    static let epochDays: Int32 = 10_957

    private mutating func begin(_ type: PostgresType) {
        precondition(element == nil || element == type, "the array has another element type")
        count += 1
    }

    /// SQL's NULL, of any type.
    public mutating func null() {
        count += 1
        nullCount += 1
        writer.put(Int32(-1))
    }

    /// A boolean.
    public mutating func bool(_ value: Bool) {
        begin(.bool)
        writer.putField(UInt8(value ? 1 : 0))
    }

    /// A smallint.
    public mutating func int2(_ value: Int16) {
        begin(.int2)
        writer.putField(value)
    }

    /// An integer.
    public mutating func int4(_ value: Int32) {
        begin(.int4)
        writer.putField(value)
    }

    /// A bigint.
    public mutating func int8(_ value: Int64) {
        begin(.int8)
        writer.putField(value)
    }

    /// A uuid, as its first and its last eight bytes in big-endian order.
    public mutating func uuid(high: UInt64, low: UInt64) {
        begin(.uuid)
        writer.putField(UInt128(high) << 64 | UInt128(low))
    }

    /// A timestamptz, in microseconds since 1970-01-01T00:00Z. The server takes the years -4713
    /// to 294276 and answers 22008 beyond.
    public mutating func timestamptz(microseconds: Int64) {
        begin(.timestamptz)
        let (value, overflow) = microseconds.subtractingReportingOverflow(Self.epochMicroseconds)
        // The two extremes mean infinity on the wire: never by accident.
        writer.putField(overflow ? Int64.min + 1 : max(value, Int64.min + 1))
    }

    /// A date, in days since 1970-01-01. The server answers 22008 beyond its range.
    public mutating func date(days: Int32) {
        begin(.date)
        let (value, overflow) = days.subtractingReportingOverflow(Self.epochDays)
        writer.putField(overflow ? Int32.min + 1 : max(value, Int32.min + 1))
    }

    /// A numeric, counted in units of 10^-18; shown with 18 decimals unless the column rounds.
    public mutating func numeric(_ units: Int128) {
        begin(.numeric)
        NumericCoding.putField(units, into: &writer)
    }

    /// A text in UTF-8. The server answers 22021 when it holds U+0000.
    public mutating func text(_ value: String) {
        begin(.text)
        put(utf8Of: value)
    }

    /// A text given as its UTF-8 bytes, which the server checks (22021).
    public mutating func text(utf8: UnsafeRawBufferPointer) {
        begin(.text)
        put(bytes: utf8)
    }

    /// A json value as text, kept byte for byte; the server checks it (22P02).
    public mutating func json(_ value: String) {
        begin(.json)
        put(utf8Of: value)
    }

    /// A json value as UTF-8 bytes, kept byte for byte; the server checks it (22P02).
    public mutating func json(utf8: [UInt8]) {
        begin(.json)
        utf8.withUnsafeBytes { put(bytes: $0) }
    }

    /// A json value as UTF-8 bytes, kept byte for byte; the server checks it (22P02).
    public mutating func json(utf8: UnsafeRawBufferPointer) {
        begin(.json)
        put(bytes: utf8)
    }

    /// A jsonb value as JSON text; the server parses it (22P02).
    public mutating func jsonb(_ value: String) {
        begin(.jsonb)
        let start = writer.count
        writer.put(Int32(0))
        writer.put(UInt8(1))  // the format's version
        var value = value
        value.withUTF8 { writer.put(bytes: UnsafeRawBufferPointer($0)) }
        writer.patch(Self.length(writer.count - start - 4), at: start)
    }

    /// A bytea.
    public mutating func bytea(_ value: [UInt8]) {
        begin(.bytea)
        value.withUnsafeBytes { put(bytes: $0) }
    }

    /// A bytea.
    public mutating func bytea(_ value: UnsafeRawBufferPointer) {
        begin(.bytea)
        put(bytes: value)
    }

    /// A text array as one field of a row; not within an array.
    public mutating func textArray(_ values: [String]) {
        var array = ArrayBuilder(of: .text, capacity: values.count)
        for value in values { array.append.text(value) }
        self.array(&array)
    }

    /// An array as one field of a row; the builder is empty afterwards. Not within an array.
    public mutating func array(_ builder: inout ArrayBuilder) {
        precondition(element == nil, "an array of arrays is not supported")
        count += 1
        builder.takeBytes().withUnsafeBytes { put(bytes: $0) }
    }

    private mutating func put(utf8Of value: String) {
        var value = value
        value.withUTF8 { put(bytes: UnsafeRawBufferPointer($0)) }
    }

    private mutating func put(bytes: UnsafeRawBufferPointer) {
        writer.put(Self.length(bytes.count))
        writer.put(bytes: bytes)
    }

    private static func length(_ count: Int) -> Int32 {
        // A value above 1 GB is refused by the server in any case.
        precondition(count <= Int(Int32.max), "a value of 2 GB or more")
        return Int32(count)
    }
}
