/// A type of PostgreSQL, by the object identifier that every installation shares (pg_type.dat).
public struct PostgresType: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The object identifier; 0 lets the server infer the type of a parameter.
    public let rawValue: UInt32

    /// The type with this object identifier, known here or not.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// Left to the server: for enums and other types without a fixed identifier.
    public static let inferred = PostgresType(rawValue: 0)
    /// boolean
    public static let bool = PostgresType(rawValue: 16)
    /// bytea
    public static let bytea = PostgresType(rawValue: 17)
    /// "char", a single byte
    public static let char = PostgresType(rawValue: 18)
    /// name, the type of identifiers in the catalogue
    public static let name = PostgresType(rawValue: 19)
    /// bigint
    public static let int8 = PostgresType(rawValue: 20)
    /// smallint
    public static let int2 = PostgresType(rawValue: 21)
    /// integer
    public static let int4 = PostgresType(rawValue: 23)
    /// text
    public static let text = PostgresType(rawValue: 25)
    /// oid, an object identifier
    public static let oid = PostgresType(rawValue: 26)
    /// json: kept as the bytes that were sent
    public static let json = PostgresType(rawValue: 114)
    /// double precision
    public static let float8 = PostgresType(rawValue: 701)
    /// character(n)
    public static let bpchar = PostgresType(rawValue: 1042)
    /// character varying
    public static let varchar = PostgresType(rawValue: 1043)
    /// date
    public static let date = PostgresType(rawValue: 1082)
    /// timestamp with time zone
    public static let timestamptz = PostgresType(rawValue: 1184)
    /// numeric
    public static let numeric = PostgresType(rawValue: 1700)
    /// uuid
    public static let uuid = PostgresType(rawValue: 2950)
    /// jsonb
    public static let jsonb = PostgresType(rawValue: 3802)

    /// First identifier that users' own types can get (FirstNormalObjectId).
    static let firstUserDefined: UInt32 = 16384

    private static let known: [PostgresType: (name: String, array: UInt32)] = [
        .bool: ("bool", 1000), .bytea: ("bytea", 1001), .char: ("char", 1002),
        .name: ("name", 1003), .int2: ("int2", 1005), .int4: ("int4", 1007),
        .text: ("text", 1009), .bpchar: ("bpchar", 1014), .varchar: ("varchar", 1015),
        .int8: ("int8", 1016), .float8: ("float8", 1022), .oid: ("oid", 1028),
        .timestamptz: ("timestamptz", 1185), .date: ("date", 1182), .json: ("json", 199),
        .numeric: ("numeric", 1231), .uuid: ("uuid", 2951), .jsonb: ("jsonb", 3807),
    ]

    /// The type of arrays of this one; `.inferred` when not known here.
    public var array: PostgresType {
        PostgresType(rawValue: Self.known[self]?.array ?? 0)
    }

    /// PostgreSQL's short name, or "oid N".
    public var description: String {
        Self.known[self]?.name ?? "oid \(rawValue)"
    }
}
