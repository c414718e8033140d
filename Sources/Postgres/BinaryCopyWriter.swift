/// Rows in the binary format of COPY, written into a buffer that is kept between sends.
///
///     var rows = BinaryCopyWriter(columns: 2)
///     try connection.copyIn("COPY t (id, name) FROM STDIN (FORMAT binary)", deadline: d) { out in
///         for item in items {
///             rows.beginRow()
///             rows.append.int8(item.id)
///             rows.append.text(item.name)
///             try out.send(&rows)
///         }
///         try out.finish(&rows)
///     }
public struct BinaryCopyWriter: Sendable {
    /// How many fields every row has.
    public let columns: Int
    /// Where the fields of the begun row are added: `rows.append.int8(7)`.
    public var append: BinaryFields
    /// How many rows were begun since the start or the trailer.
    public private(set) var rowCount = 0

    static let signature: [UInt8] = [
        0x50, 0x47, 0x43, 0x4F, 0x50, 0x59, 0x0A, 0xFF, 0x0D, 0x0A, 0x00,
    ]

    /// An empty buffer that starts with the format's header. `capacityBytes` is what it holds
    /// before it has to grow.
    public init(columns: Int, capacityBytes: Int = 1 << 17) {
        precondition(columns > 0 && columns <= Int(Int16.max), "a row has 1 … 32767 fields")
        self.columns = columns
        append = BinaryFields(capacityBytes: capacityBytes)
        putHeader()
    }

    /// Begins the next row. Stops the program when the row before has not all its fields.
    public mutating func beginRow() {
        checkRow()
        append.count = 0
        append.writer.put(Int16(columns))
        rowCount += 1
    }

    /// Bytes that wait to be sent.
    public var byteCount: Int { append.writer.count }

    /// Ends the data with the format's trailer.
    mutating func putTrailer() {
        checkRow()
        append.writer.put(Int16(-1))
    }

    /// Calls `body` with all complete rows and forgets them; the memory is kept.
    mutating func drain(
        _ body: (UnsafeRawBufferPointer) throws(PostgresError) -> Void
    ) throws(PostgresError) {
        checkRow()
        var failure: PostgresError?
        append.writer.withBytes { bytes in
            do throws(PostgresError) { try body(bytes) } catch { failure = error }
        }
        append.writer.truncate(to: 0)
        if let failure { throw failure }
    }

    /// Forgets everything and starts over with a header, for the next COPY.
    public mutating func reset() {
        append.writer.truncate(to: 0)
        rowCount = 0
        append.count = 0
        putHeader()
    }

    private func checkRow() {
        precondition(
            rowCount == 0 || append.count == columns,
            "a row has \(append.count) fields, not \(columns)")
    }

    private mutating func putHeader() {
        Self.signature.withUnsafeBytes { append.writer.put(bytes: $0) }
        append.writer.put(Int32(0))  // flags
        append.writer.put(Int32(0))  // length of the header's extension
    }
}
