/// One row of COPY … TO STDOUT (FORMAT binary), read from left to right.
public struct CopyRow {
    private var reader: ByteReader
    /// How many fields it has.
    public let fieldCount: Int
    private var column = 0

    fileprivate init(_ reader: ByteReader, fieldCount: Int) {
        self.reader = reader
        self.fieldCount = fieldCount
    }

    /// A row whose fields were kept (`rest`); `fields` outlive it and its fields.
    public init(keeping fields: UnsafeRawBufferPointer, fieldCount: Int) {
        self.init(ByteReader(fields), fieldCount: fieldCount)
    }

    /// The bytes of the fields that were not read yet, to be kept for later or compared: equal
    /// bytes are equal values. Valid until the closure of `copyRows` returns.
    public var rest: UnsafeRawBufferPointer { reader.rest }

    /// The next field; throws `.decoding` behind the last one. Valid until the closure of
    /// `copyRows` returns.
    public mutating func next() throws(PostgresError) -> Field {
        guard column < fieldCount else {
            throw .decoding("a COPY row has only \(fieldCount) fields")
        }
        guard let field = reader.field(.inferred, column: column, owner: nil) else {
            throw .decoding("field \(column + 1) of a COPY row is cut off")
        }
        column += 1
        return field
    }
}

/// Takes the messages of a binary COPY apart: the header is glued to the first row, the trailer
/// comes alone.
struct CopyRowReader {
    private var hasHeader = false

    /// The row in this message; `nil` for the trailer.
    mutating func row(in message: UnsafeRawBufferPointer) throws(PostgresError) -> CopyRow? {
        var reader = ByteReader(message)
        if !hasHeader {
            let isHeader = message.count >= 19 && message.starts(with: Self.signature)
            guard isHeader, reader.skip(15), let extensionBytes = reader.int32(),
                reader.skip(Int(extensionBytes))
            else { throw .protocolViolation("COPY did not answer in binary format") }
            hasHeader = true
        }
        guard let fieldCount = reader.int16() else {
            throw .protocolViolation("a COPY row is cut off")
        }
        return fieldCount < 0 ? nil : CopyRow(reader, fieldCount: Int(fieldCount))
    }

    private static let signature = BinaryCopyWriter.signature
}
