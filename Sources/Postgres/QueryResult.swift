import CLibPQ

/// What one statement answered: rows of binary fields, or a count. Owns libpq's memory.
///
/// Not `Sendable`: read it where the connection is, and hand on values.
public final class QueryResult {
    private let result: OpaquePointer
    /// How many rows it has.
    public let rowCount: Int
    /// How many columns it has; 0 for a statement that answers no rows.
    public let columnCount: Int
    private let types: [PostgresType]

    /// Takes the result over and clears it at the end.
    init(_ result: OpaquePointer) {
        self.result = result
        rowCount = Int(PQntuples(result))
        columnCount = Int(PQnfields(result))
        types = (0..<Int32(columnCount)).map { PostgresType(rawValue: PQftype(result, $0)) }
    }

    deinit {
        PQclear(result)
    }

    /// Rows inserted, updated, deleted, selected or copied; 0 for other statements.
    public var affectedRows: Int {
        PQcmdTuples(result).flatMap { Int(String(cString: $0)) } ?? 0
    }

    /// What the server says that it did: "INSERT 0 3", "COMMIT", or "ROLLBACK" in its place.
    public var commandTag: String {
        PQcmdStatus(result).map { String(cString: $0) } ?? ""
    }

    /// The rows, in the server's order.
    public var rows: Rows { Rows(result: self) }

    /// The row at `index`, from 0; one that does not exist stops the program.
    public subscript(row index: Int) -> Row {
        precondition(index >= 0 && index < rowCount, "row \(index) of \(rowCount)")
        return Row(result: self, index: index)
    }

    /// The value at this place, both from 0; one that does not exist stops the program.
    public subscript(row: Int, column: Int) -> Field {
        precondition(row >= 0 && row < rowCount, "row \(row) of \(rowCount)")
        precondition(column >= 0 && column < columnCount, "column \(column) of \(columnCount)")
        return field(Int32(truncatingIfNeeded: row), column)
    }

    /// The name of a column, from 0.
    public func columnName(_ column: Int) -> String {
        PQfname(result, Int32(column)).map { String(cString: $0) } ?? "number \(column + 1)"
    }

    /// Where the column of this name is, from 0; throws `.decoding` when there is none.
    /// Look it up once, before the loop over the rows.
    public func columnIndex(_ name: String) throws(PostgresError) -> Int {
        for column in 0..<columnCount where columnName(column) == name { return column }
        throw .decoding("the result has no column \(name)")
    }

    /// The only row; throws `.decoding` when there are none or several.
    public func onlyRow() throws(PostgresError) -> Row {
        guard rowCount == 1 else { throw .decoding("the result has \(rowCount) rows, not 1") }
        return Row(result: self, index: 0)
    }

    fileprivate func field(_ row: Int32, _ column: Int) -> Field {
        let place = Int32(truncatingIfNeeded: column)
        if PQgetisnull(result, row, place) != 0 {
            return Field(base: nil, count: 0, type: types[column], column: column, owner: self)
        }
        return Field(
            base: PQgetvalue(result, row, place).map { UnsafeRawPointer($0) },
            count: Int(PQgetlength(result, row, place)), type: types[column], column: column,
            owner: self)
    }

    /// One row of a result.
    public struct Row {
        fileprivate let result: QueryResult
        /// Its place in the result, from 0.
        public let index: Int

        /// The value in a column, from 0; one that does not exist stops the program.
        public subscript(column: Int) -> Field {
            precondition(column >= 0 && column < result.columnCount)
            return result.field(Int32(truncatingIfNeeded: index), column)
        }
    }

    /// The rows of a result, as a collection.
    public struct Rows: RandomAccessCollection {
        fileprivate let result: QueryResult
        /// Always 0.
        public var startIndex: Int { 0 }
        /// The number of rows.
        public var endIndex: Int { result.rowCount }
        /// The row at `position`; one that does not exist stops the program.
        public subscript(position: Int) -> Row { result[row: position] }
    }
}

@available(*, unavailable)
extension QueryResult: Sendable {}
