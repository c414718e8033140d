import LedgerCore
import Postgres
import Testing

/// numeric(38,18) and Fixed.
@Suite struct NumericTests {
    let sandbox: Sandbox
    let connection: Connection

    init() async throws {
        sandbox = try await Sandbox()
        connection = try sandbox.open()
    }

    /// Sends a number as text and as binary; what comes back of both, as text and as binary.
    private func check(_ values: [Fixed]) throws {
        var array = ArrayBuilder(of: .numeric)
        for value in values { array.append.numeric(value.scaled) }
        let result = try connection.query(
            """
            SELECT b.value::numeric(38,18), b.value::numeric(38,18)::text,
                   t.value::numeric(38,18), b.value = t.value::numeric
            FROM unnest($1::numeric[], $2::text[]) WITH ORDINALITY AS b (value, other, place)
            CROSS JOIN LATERAL (SELECT b.other::numeric AS value) AS t
            ORDER BY b.place
            """, [array.take(), .textArray(values.map(\.description))], deadline: ample)
        #expect(result.rowCount == values.count)
        for (value, row) in zip(values, result.rows) {
            #expect(try row[0].numeric() == value.scaled, "\(value)")
            #expect(try row[2].numeric() == value.scaled, "\(value)")
            #expect(try Fixed(row[1].string()) == value, "\(value)")
            #expect(try row[3].bool(), "\(value)")
        }
    }

    @Test func `extreme numbers go both ways exactly`() throws {
        let limit: Int128 = 100_000_000_000_000_000_000_000_000_000_000_000_000
        var scaled: [Int128] = [0, 1, limit - 1]
        var power: Int128 = 1
        while power < limit {
            scaled += [power - 1, power, power + 1]
            power *= 10
        }
        for shift in 0..<126 where Int128(1) << Int128(shift) < limit {
            scaled.append(Int128(1) << Int128(shift))
        }
        try check((scaled + scaled.map { -$0 }).map { try Fixed(scaled: $0) })
    }

    @Test func `random numbers go both ways exactly`() throws {
        let seed = seed()
        var random = Seeded(seed)
        var values: [Fixed] = []
        for _ in 0..<20_000 {
            // Every length of number, and zeros within.
            let digits = Int.random(in: 1...38, using: &random)
            var scaled: Int128 = 0
            for _ in 0..<digits {
                let digit = random.chance(40) ? 0 : Int.random(in: 0...9, using: &random)
                scaled = scaled * 10 + Int128(digit)
            }
            values.append(try Fixed(scaled: random.chance(50) ? scaled : -scaled))
        }
        try check(values)
    }

    @Test func `a number beyond the range is refused by both`() throws {
        #expect(throws: FixedError.outOfRange) {
            try Fixed(scaled: 100_000_000_000_000_000_000_000_000_000_000_000_000)
        }
        #expect(throws: PostgresError.self) {
            try connection.query(
                "SELECT '100000000000000000000'::numeric(38,18)", deadline: ample)
        }
        let wide = try connection.query(
            "SELECT '999999999999999999999999999999999999999'::numeric", deadline: ample)
        #expect(throws: PostgresError.self) { try wide.onlyRow()[0].numeric() }
        let fine = try connection.query("SELECT '1e-19'::numeric", deadline: ample)
        #expect(throws: PostgresError.self) { try fine.onlyRow()[0].numeric() }
    }
}
