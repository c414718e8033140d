import Testing

/// The yardstick has to be right itself: sums that are known by heart.
struct OracleTests {
    @Test func `long numbers add, multiply and divide as in school`() {
        #expect(Whole("99999999999999999999") + Whole("1") == Whole("100000000000000000000"))
        #expect(Whole("1") - Whole("100000000000000000000") == Whole("-99999999999999999999"))
        // 11111111111² and 2⁶⁴ · 2⁶⁴.
        #expect(Whole("11111111111") * Whole("11111111111") == Whole("123456790120987654321"))
        #expect(
            Whole("18446744073709551616") * Whole("-18446744073709551616")
                == Whole("-340282366920938463463374607431768211456"))
        let (quotient, rest) = Whole("1000000000000000000007").quotientAndRest(by: Whole("13"))
        #expect(quotient * Whole("13") + rest == Whole("1000000000000000000007"))
        #expect(Whole.compare(rest.digits, Whole("13").digits) < 0)
    }

    @Test(
        arguments: [
            ("1", "2", "0"), ("3", "2", "2"), ("5", "2", "2"), ("-1", "2", "0"), ("-3", "2", "-2"),
            ("7", "3", "2"), ("8", "3", "3"), ("-8", "3", "-3"), ("0", "7", "0"),
        ])
    func `a half goes to the even neighbour`(value: String, divisor: String, expected: String) {
        #expect(Whole(value).rounded(dividingBy: Whole(divisor)).description == expected)
    }
}
