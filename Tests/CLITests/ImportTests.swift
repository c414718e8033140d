import Testing

/// `import hyperliquid`: files that nothing can be made of.
@Suite struct ImportTests {
    let scratch: Scratch

    init() throws {
        scratch = try Scratch()
    }

    private static let fill =
        #"{"coin":"BTC","side":"B","sz":"1","px":"100","startPosition":"0.0","#
        + #""time":1704067200000,"fee":"0.1","feeToken":"USDC","dir":"Open Long","#
        + #""closedPnl":"0.0","crossed":true,"oid":7,"tid":1,"hash":"0xabc"}"#
    private static let payment =
        #"{"time":1704070800000,"hash":"0x00","delta":{"type":"funding","coin":"BTC","#
        + #""usdc":"-0.00125","szi":"1","fundingRate":"0.0000125","nSamples":null}}"#

    /// A dry run over files of these texts: no ledger is needed.
    private func dryRun(fills: String, funding: String? = nil) async throws -> Scratch.Outcome {
        var arguments = ["--fills", try scratch.file("fills.json", fills)]
        if let funding {
            arguments += ["--funding", try scratch.file("funding.json", funding)]
        }
        return try await scratch.run(["import", "hyperliquid", "--dry-run"] + arguments)
    }

    @Test func `fills and funding are taken, also behind a byte order mark`() async throws {
        for mark in ["", "\u{FEFF}"] {
            let outcome = try await dryRun(
                fills: mark + "[\(Self.fill)]", funding: mark + "[\(Self.payment)]")
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(outcome.output.contains("1 fills read, 1 taken"), "\(outcome.output)")
            #expect(outcome.output.contains("1 funding payments read, 1 taken"))
        }
    }

    @Test func `funding that is given for fills is refused by the file's name, with exit 2`()
        async throws
    {
        let outcome = try await dryRun(fills: "[\(Self.payment)]", funding: "[\(Self.fill)]")
        #expect(outcome.status == 2)
        #expect(outcome.output.contains("left out: entry 0 of fills.json"))
        #expect(
            outcome.errors.hasSuffix(
                "fills.json has no user fills: is it the exchange's answer to userFills?\n"))
    }

    @Test func `fills that are given for funding are refused although the fills are good`()
        async throws
    {
        let outcome = try await dryRun(fills: "[\(Self.fill)]", funding: "[\(Self.fill)]")
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains("funding.json has no user funding"))
    }

    @Test func `where no record is taken the files are refused, with exit 2`() async throws {
        let outcome = try await dryRun(fills: "[]", funding: "[\(Self.payment)]")
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains("nothing of fills.json, funding.json was taken"))
    }

    @Test func `a history without records is no error`() async throws {
        let outcome = try await dryRun(fills: "[]")
        #expect(outcome.status == 0, "\(outcome.errors)")
    }

    @Test func `an empty file is to be saved again`() async throws {
        for text in ["", " \n", "\u{FEFF}"] {
            let outcome = try await dryRun(fills: text)
            #expect(outcome.status == 2)
            #expect(
                outcome.errors == "error: fills.json: is empty: save the exchange's answer again\n")
        }
    }

    @Test func `what is no array of records is refused by the file's name, with exit 2`()
        async throws
    {
        for text in ["junk", "{}", "[1, 2]", "[\(Self.fill)"] {
            let outcome = try await dryRun(fills: text)
            #expect(outcome.status == 2, "\(text)")
            #expect(outcome.errors.hasPrefix("error: fills.json"), "\(text): \(outcome.errors)")
            #expect(outcome.errors.contains("exchange's answer to userFills?"), "\(text)")
        }
    }

    @Test func `nothing is printed of files that are refused`() async throws {
        let path = try scratch.file("fills.json", "[\(Self.payment)]")
        let outcome = try await scratch.run(["import", "hyperliquid", "--print", "--fills", path])
        #expect(outcome.status == 2)
        #expect(outcome.output == "")
    }
}
