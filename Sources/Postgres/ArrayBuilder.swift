/// Builds a one-dimensional array parameter in the wire's own form, so that a column of a batch
/// is one buffer and no allocation an element:
///
///     var ids = ArrayBuilder(of: .int8, capacity: batch.count)
///     for event in batch { ids.append.int8(event.id) }
///     try connection.query("INSERT … SELECT * FROM unnest($1)", [ids.take()], deadline: d)
public struct ArrayBuilder: Sendable {
    /// What every element is.
    public let element: PostgresType
    /// Where elements are added: `builder.append.text("a")`.
    public var append: BinaryFields
    private let capacityBytes: Int

    /// Dimensions, flags, element type, length, lower bound.
    private static let headerBytes = 20
    private static let emptyHeaderBytes = 12

    /// An empty array of `element`, with room for about `capacity` elements.
    public init(of element: PostgresType, capacity: Int = 0) {
        self.element = element
        capacityBytes = Self.headerBytes + capacity * Self.typicalFieldBytes(element)
        append = BinaryFields(capacityBytes: capacityBytes, element: element)
        reset()
    }

    /// How many elements were appended, NULLs included.
    public var count: Int { append.count }

    /// The array as a parameter; the builder is empty afterwards and can be used again.
    public mutating func take() -> Parameter {
        Parameter(type: element.array, bytes: takeBytes())
    }

    mutating func takeBytes() -> [UInt8] {
        if append.count == 0 {
            append.writer.patch(Int32(0), at: 0)
            append.writer.truncate(to: Self.emptyHeaderBytes)
        } else {
            append.writer.patch(Int32(append.nullCount > 0 ? 1 : 0), at: 4)
            append.writer.patch(Int32(append.count), at: 12)
        }
        let bytes = append.writer.take()
        append = BinaryFields(capacityBytes: capacityBytes, element: element)
        reset()
        return bytes
    }

    private mutating func reset() {
        append.writer.put(Int32(1))
        append.writer.put(Int32(0))
        append.writer.put(element.rawValue)
        append.writer.put(Int32(0))
        append.writer.put(Int32(1))
    }

    private static func typicalFieldBytes(_ type: PostgresType) -> Int {
        switch type {
        case .bool: 5
        case .int2: 6
        case .int4, .date: 8
        case .int8, .timestamptz: 12
        case .uuid: 20
        case .numeric: 22
        case .json, .jsonb: 160
        default: 24
        }
    }
}
