import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(2))) struct BinaryFormTests {
    let sandbox: Sandbox
    private static let one: Int128 = 1_000_000_000_000_000_000

    init() async throws {
        sandbox = try await Sandbox()
    }

    @Test func `every type comes back as it was sent, and reads the same as text`() throws {
        let result = try sandbox.open().query(
            """
            SELECT v.*, v::text FROM (SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) v
            """,
            [
                .bool(true), .int2(-2), .int4(Int32.min), .int8(Int64.max), .text("grüß 'x'"),
                .uuid(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210),
                .bytea([0, 255]), .timestamptz(microseconds: -1), .date(days: -1),
                .numeric(-Self.one * 3 / 2), .json(#"{ "a":1 }"#), .jsonb(#"{ "a":1 }"#),
            ], deadline: ample)
        let row = try result.onlyRow()
        #expect(try row[0].bool())
        #expect(try row[1].int16() == -2)
        #expect(try row[2].int32() == Int32.min)
        #expect(try row[3].int64() == Int64.max)
        #expect(try row[4].string() == "grüß 'x'")
        #expect(try row[5].uuid() == (0x0123_4567_89AB_CDEF, 0xFEDC_BA98_7654_3210))
        #expect(try row[6].bytes() == [0, 255])
        #expect(try row[7].timestamptz() == -1)
        #expect(try row[8].date() == -1)
        #expect(try row[9].numeric() == -Self.one * 3 / 2)
        #expect(try row[10].string() == #"{ "a":1 }"#)
        #expect(try row[11].string() == #"{"a": 1}"#)
        let text = try row[12].string()
        #expect(text.contains("01234567-89ab-cdef-fedc-ba9876543210"))
        #expect(text.contains("1969-12-31 23:59:59.999999+00") && text.contains("1969-12-31,"))
        #expect(text.contains("-1.500000000000000000"))
    }

    @Test func `NULL of any type is NULL, and reading it names the column`() throws {
        let row = try sandbox.open().query(
            "SELECT $1 AS a, $2 AS b", [.int8(nil), .null(.uuid)], deadline: ample
        ).onlyRow()
        #expect(row[0].isNull && row[1].isNull)
        #expect(try row[0].ifPresent?.int64() == nil)
        #expect(throws: PostgresError.decoding("column a is NULL")) { try row[0].int64() }
        #expect(throws: PostgresError.decoding("column b is NULL")) { try row[1].uuid() }
    }

    @Test func `a value of another type is refused, and integers only widen`() throws {
        let row = try sandbox.open().query(
            "SELECT 1::int4 AS a, 1::int8 AS b, 'x' AS c", deadline: ample
        ).onlyRow()
        #expect(try row[0].int64() == 1)
        #expect(throws: PostgresError.self) { try row[1].int32() }
        #expect(throws: PostgresError.self) { try row[2].int64() }
        #expect(throws: PostgresError.self) { try row[0].string() }
        #expect(throws: PostgresError.self) { try row[0].timestamptz() }
    }

    @Test func `numerics of all sizes survive the way to the server and back`() throws {
        var generator = SystemRandomNumberGenerator()
        var values: [Int128] = [
            0, 1, -1, .max, .min, .max - 1, Self.one, 10_000 * Self.one, Self.one / 10_000,
        ]
        for shift in 0..<2000 {
            let high = UInt128(UInt64.random(in: .min ... .max, using: &generator))
            let low = UInt128(UInt64.random(in: .min ... .max, using: &generator))
            values.append(Int128(truncatingIfNeeded: high << 64 | low) >> Int128(shift % 128))
        }
        var array = ArrayBuilder(of: .numeric, capacity: values.count)
        for value in values { array.append.numeric(value) }
        let result = try sandbox.open().query(
            "SELECT v, trim_scale(v), (v * 1e18)::numeric(60, 0)::text FROM unnest($1) v",
            [array.take()], deadline: ample)
        try #require(result.rowCount == values.count)
        for (row, value) in zip(result.rows, values) {
            #expect(try row[0].numeric() == value)
            #expect(try row[1].numeric() == value)
            #expect(try row[2].string() == "\(value)")
        }
    }

    @Test(arguments: [
        "'NaN'", "'Infinity'", "'-Infinity'", "1e-19", "0.1234567890123456789", "1e21", "1e1000",
        "170141183460469231731.687303715884105728", "-170141183460469231731.687303715884105729",
    ])
    func `a numeric that does not fit is refused, never rounded`(text: String) throws {
        let result = try sandbox.open().query("SELECT \(text)::numeric", deadline: ample)
        #expect(throws: PostgresError.self) { try result[0, 0].numeric() }
    }

    @Test func `infinite times are refused, and none is sent by accident`() throws {
        let connection = try sandbox.open()
        let result = try connection.query(
            "SELECT 'infinity'::timestamptz, '-infinity'::date", deadline: ample)
        #expect(throws: PostgresError.self) { try result[0, 0].timestamptz() }
        #expect(throws: PostgresError.self) { try result[0, 1].date() }
        let extremes: [Parameter] = [
            .timestamptz(microseconds: Int64.min), .date(days: Int32.min),
            .timestamptz(microseconds: Int64.min + BinaryFields.epochMicroseconds),
        ]
        for parameter in extremes {
            let error = #expect(throws: PostgresError.self) {
                try connection.query("SELECT $1", [parameter], deadline: ample)
            }
            #expect(error?.sqlstate == SQLState(rawValue: "22008"))
        }
    }

    @Test func `arrays keep order, NULLs and emptiness`() throws {
        var uuids = ArrayBuilder(of: .uuid)
        uuids.append.uuid(high: 1, low: 2)
        uuids.append.null()
        var empty = ArrayBuilder(of: .timestamptz)
        let row = try sandbox.open().query(
            "SELECT $1, $2, $3, $4, cardinality($1), $3[2] IS NULL, cardinality($2)",
            [.textArray(["a", nil, "ü", ""]), empty.take(), uuids.take(), .int8Array([3, 2, 1])],
            deadline: ample
        ).onlyRow()
        let texts = try row[0].elements(.text)
        #expect(texts.map(\.isNull) == [false, true, false, false])
        #expect(try texts[2].string() == "ü")
        #expect(try texts[3].string() == "")
        #expect(try row[1].elements(.timestamptz).isEmpty)
        #expect(try row[2].elements(.uuid)[0].uuid() == (1, 2))
        #expect(try row[3].int64Array() == [3, 2, 1])
        #expect(try row[4].int64() == 4)
        #expect(try row[5].bool())
        #expect(try row[6].int64() == 0)
        #expect(throws: PostgresError.self) { try row[0].textArray() }
        #expect(throws: PostgresError.self) { try row[0].int64Array() }
    }

    @Test func `an array builder can be used again after it was taken`() {
        var array = ArrayBuilder(of: .int8, capacity: 1)
        array.append.int8(1)
        let first = array.take()
        #expect(array.count == 0)
        array.append.int8(1)
        #expect(array.take() == first)
    }

    @Test func `results say how many rows, which columns and what was done`() throws {
        let connection = try sandbox.open()
        let result = try connection.query(
            "SELECT g AS a, 'x' AS b FROM generate_series(1, 3) g", deadline: ample)
        #expect(result.rowCount == 3 && result.columnCount == 2)
        #expect(try result.columnIndex("b") == 1)
        #expect(throws: PostgresError.self) { try result.columnIndex("c") }
        #expect(try result.rows.map { try $0[0].int32() } == [1, 2, 3])
        #expect(throws: PostgresError.self) { try result.onlyRow() }
        try connection.execute("CREATE TABLE t (a int)", deadline: ample)
        let insert = try connection.query(
            "INSERT INTO t SELECT generate_series(1, 5)", deadline: ample)
        #expect(insert.affectedRows == 5 && insert.commandTag == "INSERT 0 5")
        #expect(insert.rowCount == 0 && insert.columnCount == 0)
    }

    @Test func `an enum is read and written as its label`() throws {
        let connection = try sandbox.open()
        try connection.execute("CREATE TYPE colour AS ENUM ('red', 'blue')", deadline: ample)
        let result = try connection.query(
            "SELECT $1::colour, $1::colour > 'red'", [.label("blue")], deadline: ample)
        #expect(try result[0, 0].string() == "blue")
        #expect(try result[0, 1].bool())
    }
}
