import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(2))) struct CopyTests {
    struct Stop: Error {}
    let sandbox: Sandbox

    init() async throws {
        sandbox = try await Sandbox()
    }

    private func openWithTable() throws -> Connection {
        let connection = try sandbox.open()
        try connection.execute(
            "CREATE TABLE t (id bigint PRIMARY KEY, name text, tags text[], n numeric)",
            deadline: ample)
        return connection
    }

    private static let copyIn = "COPY t (id, name, tags, n) FROM STDIN (FORMAT binary)"
    private static let copyOut = "COPY (SELECT * FROM t ORDER BY id) TO STDOUT (FORMAT binary)"

    private func store(
        _ ids: Range<Int64>, _ connection: Connection, _ rows: inout BinaryCopyWriter
    ) throws -> Int {
        try connection.copyIn(Self.copyIn, deadline: ample) { out in
            for id in ids {
                rows.beginRow()
                rows.append.int8(id)
                if id % 2 == 0 { rows.append.null() } else { rows.append.text("row \(id)") }
                rows.append.textArray(["a", "\(id)"])
                rows.append.numeric(Int128(id) * 500_000_000_000_000_000)
                try out.send(&rows)
            }
            try out.finish(&rows)
        }
    }

    @Test func `rows written in binary are read in binary, and the writer is reused`() throws {
        let connection = try openWithTable()
        var rows = BinaryCopyWriter(columns: 4, capacityBytes: 64)
        #expect(try store(0..<3000, connection, &rows) == 3000)
        #expect(try store(3000..<3001, connection, &rows) == 1)
        var expected: Int64 = 0
        let count = try connection.copyRows(Self.copyOut, deadline: ample) { row in
            #expect(row.fieldCount == 4)
            #expect(try row.next().int64() == expected)
            let name = try row.next().ifPresent?.string()
            #expect(name == (expected % 2 == 0 ? nil : "row \(expected)"))
            #expect(try row.next().textArray() == ["a", "\(expected)"])
            #expect(try row.next().numeric() == Int128(expected) * 500_000_000_000_000_000)
            #expect(throws: PostgresError.self) { try row.next() }
            expected += 1
        }
        #expect(count == 3001 && expected == 3001)
    }

    @Test func `nothing is copied where there is nothing`() throws {
        let connection = try openWithTable()
        var rows = BinaryCopyWriter(columns: 4)
        #expect(try store(0..<0, connection, &rows) == 0)
        #expect(try connection.copyRows(Self.copyOut, deadline: ample) { _ in } == 0)
    }

    @Test func `text goes in and out as it is`() throws {
        let connection = try openWithTable()
        let count = try connection.copyIn("COPY t (id, name) FROM STDIN", deadline: ample) {
            try $0.send("1\tone\n2\ttw")
            try $0.send(Array("o\n".utf8))
        }
        #expect(count == 2)
        var text = ""
        try connection.copyOut("COPY t (id, name) TO STDOUT", deadline: ample) {
            text += String(decoding: $0, as: UTF8.self)
        }
        #expect(text == "1\tone\n2\ttwo\n")
    }

    @Test func `a row that the server refuses undoes the COPY and leaves the connection`() throws {
        let connection = try openWithTable()
        let error = #expect(throws: PostgresError.self) {
            try connection.copyIn("COPY t (id) FROM STDIN", deadline: ample) {
                try $0.send("1\n1\n")
            }
        }
        #expect(error?.sqlstate == .uniqueViolation)
        #expect(try connection.number("SELECT count(*) FROM t") == 0)
    }

    @Test func `a body that throws undoes the COPY and leaves the connection`() throws {
        let connection = try openWithTable()
        #expect(throws: Stop.self) {
            try connection.copyIn("COPY t (id) FROM STDIN", deadline: ample) {
                try $0.send("1\n")
                throw Stop()
            }
        }
        #expect(connection.transactionStatus == .idle)
        #expect(try connection.number("SELECT count(*) FROM t") == 0)
    }

    @Test func `a reader that throws closes the connection`() throws {
        let connection = try sandbox.open()
        var seen = 0
        #expect(throws: Stop.self) {
            try connection.copyOut(
                "COPY (SELECT generate_series(1, 1000000)) TO STDOUT", deadline: ample
            ) { _ in
                seen += 1
                if seen == 10 { throw Stop() }
            }
        }
        #expect(seen == 10)
        #expect(!connection.isUsable)
    }

    @Test func `a COPY that cannot start leaves the connection`() throws {
        let connection = try sandbox.open()
        let error = #expect(throws: PostgresError.self) {
            try connection.copyIn("COPY missing FROM STDIN", deadline: ample) { _ in }
        }
        #expect(error?.sqlstate == .undefinedTable)
        #expect(try connection.number("SELECT 1::bigint") == 1)
    }

    @Test func `an error in the midst of a COPY out is the server's`() throws {
        let connection = try sandbox.open()
        let error = #expect(throws: PostgresError.self) {
            try connection.copyOut(
                "COPY (SELECT 1 / (500 - g) FROM generate_series(1, 1000) g) TO STDOUT",
                deadline: ample
            ) { _ in }
        }
        #expect(error?.sqlstate == SQLState(rawValue: "22012"))
        #expect(connection.isUsable)
    }

    @Test func `COPY in place of a query is a defect that closes the connection`() throws {
        let connection = try openWithTable()
        #expect(throws: PostgresError.self) {
            try connection.query("COPY t TO STDOUT", deadline: ample)
        }
        #expect(!connection.isUsable)
    }
}
