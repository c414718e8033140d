import CLibPQ

/// An error that PostgreSQL reported, with the fields that a program may act on.
public struct ServerError: Hashable, Sendable {
    /// What kind of error; the field to decide by.
    public let sqlstate: SQLState
    /// The primary message, for people; without a trailing newline.
    public let message: String
    /// More about this occurrence; can quote values of the row.
    public let detail: String?
    /// The server's suggestion.
    public let hint: String?
    /// Name of the constraint that refused the row.
    public let constraint: String?
    /// Name of the table concerned.
    public let table: String?
    /// Name of the schema concerned.
    public let schema: String?
    /// Where in the statement: characters from 1; `nil` when not about its text.
    public let position: Int?

    /// An error with these fields; the server makes them, tests of callers do too.
    public init(
        sqlstate: SQLState, message: String, detail: String? = nil, hint: String? = nil,
        constraint: String? = nil, table: String? = nil, schema: String? = nil,
        position: Int? = nil
    ) {
        self.sqlstate = sqlstate
        self.message = message
        self.detail = detail
        self.hint = hint
        self.constraint = constraint
        self.table = table
        self.schema = schema
        self.position = position
    }

    /// The error of a failed result; `nil` when libpq made it itself, without a code.
    init?(result: OpaquePointer) {
        func field(_ code: Unicode.Scalar) -> String? {
            PQresultErrorField(result, Int32(code.value)).map { String(cString: $0) }
        }
        // Field codes of protocol 3 ("Error and Notice Message Fields").
        guard let sqlstate = field("C").flatMap(SQLState.init(rawValue:)) else { return nil }
        self.init(
            sqlstate: sqlstate, message: field("M") ?? "", detail: field("D"), hint: field("H"),
            constraint: field("n"), table: field("t"), schema: field("s"),
            position: field("P").flatMap { Int($0) })
    }
}
