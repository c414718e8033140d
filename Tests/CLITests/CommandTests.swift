import Foundation
import LedgerTesting
import Testing

/// Commands against a ledger that is served.
@Suite struct CommandTests {
    private func json(_ outcome: Scratch.Outcome) throws -> [String: Any] {
        let value = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
        return try #require(value as? [String: Any])
    }

    @Test func `a file that is appended twice is in the log once`() async throws {
        let ledger = try await Served()
        let book = try await ledger.run(["seed", "--seed", "3"])
        let path = try ledger.scratch.file("book.jsonl", book.output)
        let first = try await ledger.run(["append", "--json", "--batch", "50", path])
        #expect(first.status == 0, "\(first.errors)")
        let second = try await ledger.run(["append", "--json", path])
        #expect(second.status == 0, "\(second.errors)")
        let folded = try await ledger.run(["fold", path])
        let accounts = try JSONSerialization.jsonObject(with: Data(folded.output.utf8))
        let count = try #require(accounts as? [Any]).count
        let listed = try await ledger.run([
            "positions", "--all", "--json", "--at-least", "head",
        ])
        #expect(listed.status == 0, "\(listed.errors)")
        #expect(listed.output.split(separator: "position_id").count - 1 == count)
        let status = try await ledger.run(["status", "--json"])
        #expect(
            status.output.contains("\"head\":\"\(book.lines.count)\"")
                || status.output.contains("\"head\":\(book.lines.count)"), "\(status.output)")
        #expect(await ledger.stop() == 0)
    }

    @Test func `a line that is refused is named, with exit 2`() async throws {
        let ledger = try await Served()
        let lines = [
            FoldTests.opened(FoldTests.one), FoldTests.fill(FoldTests.one, "a"),
            FoldTests.fill(FoldTests.two, "a"),
        ]
        let outcome = try await ledger.run(
            ["append", "-"], input: lines.joined(separator: "\n"))
        #expect(outcome.status == 2)
        #expect((outcome.output + outcome.errors).contains("line 3"))
        let malformed = try await ledger.run(["append", "-"], input: "{\"position_id\":7}")
        #expect(malformed.status == 2)
        #expect((malformed.output + malformed.errors).contains("line 1"))
    }

    @Test func `an import of Hyperliquid's files appends nothing the second time`() async throws {
        let fills = try #require(Fixtures.shared("data/hyperliquid/user_fills.json"))
        let funding = try #require(
            Fixtures.shared("data/hyperliquid/user_funding_history_with_end_time.json"))
        let ledger = try await Served()
        let command = ["import", "hyperliquid", "--fills", fills, "--funding", funding, "--json"]
        let first = try await ledger.run(command)
        #expect(first.status == 0, "\(first.errors)")
        let appended = try await ledger.run(["status", "--json"]).output
        let second = try await ledger.run(command)
        #expect(second.status == 0, "\(second.errors)")
        let report = try json(second)
        #expect(report["appended"] as? Int == 0, "\(second.output)")
        #expect((try json(first))["appended"] as? Int ?? 0 > 0, "\(first.output)")
        func head(_ status: String) -> Substring? {
            status.split(separator: "\"head\":").dropFirst().first?.prefix { $0 != "," }
        }
        let status = try await ledger.run(["status", "--json"]).output
        #expect(head(appended) != nil)
        #expect(head(appended) == head(status))
    }

    @Test func `without a ledger a command says what to do, with exit 1`() async throws {
        let scratch = try Scratch()
        let outcome = try await scratch.run(["positions", "--socket", "\(scratch.path)/none"])
        #expect(outcome.status == 1)
        #expect(outcome.output == "")
        #expect(outcome.errors.hasPrefix("error: "))
    }

    @Test func `an unknown command or option is wrong usage, with exit 64`() async throws {
        let scratch = try Scratch()
        for arguments in [["no-such"], ["fold"], ["fold", "--no-such", "-"], ["migrate", "down"]] {
            let outcome = try await scratch.run(arguments)
            #expect(outcome.status == 64, "\(arguments)")
            #expect(outcome.output == "", "\(arguments)")
            #expect(outcome.errors.hasPrefix("error: "), "\(arguments): \(outcome.errors)")
        }
    }

    @Test func `an empty list of keys is wrong usage that names the keys, with exit 64`()
        async throws
    {
        let scratch = try Scratch()
        for keys in ["", ",", ",,"] {
            let outcome = try await scratch.run(["pnl", "daily", "--by", keys])
            #expect(outcome.status == 64, "\(keys)")
            #expect(outcome.errors.contains("day, strategy, asset and venue"), "\(keys)")
        }
    }

    @Test func `to name no database is wrong usage that says what to give, with exit 64`()
        async throws
    {
        let scratch = try Scratch()
        for arguments in [
            ["serve"], ["serve", "--socket", "s"], ["migrate", "up"], ["migrate", "down", "1"],
            ["migrate", "status"], ["migrate", "force", "1"],
        ] {
            let outcome = try await scratch.run(arguments)
            #expect(outcome.status == 64, "\(arguments)")
            #expect(outcome.output == "", "\(arguments)")
            #expect(outcome.errors.contains("--database CONNINFO or --embedded DIR"))
        }
    }

    @Test func `a socket whose directory is not there is refused before a cluster is made`()
        async throws
    {
        let scratch = try Scratch()
        let outcome = try await scratch.run([
            "serve", "--embedded", "cluster", "--socket", "none/s",
        ])
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("directory none cannot be used"), "\(outcome.errors)")
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/cluster"))
    }

    @Test func `a rate of the drift audit that is next to nothing is wrong usage`() async throws {
        let scratch = try Scratch()
        for rate in ["1e-20", "-1", "nan", "inf"] {
            let outcome = try await scratch.run([
                "serve", "--database", "dbname=none", "--socket", "s",
                "--drift-audit-rate=\(rate)",
            ])
            #expect(outcome.status == 64 && outcome.errors.contains("0.001 or more"), "\(rate)")
        }
    }

    @Test func `a part of bench that there is not, or without its count, is wrong usage`()
        async throws
    {
        let scratch = try Scratch()
        for (arguments, cure) in [
            (["nothing"], "outbox"), (["growth"], "--growth COUNT"),
            (["outbox", "--events", "499"], "500 or more"),
            (["outbox", "--outbox-events", "0"], "500 or more"),
        ] {
            let outcome = try await scratch.run(["bench"] + arguments)
            #expect(outcome.status == 64, "\(arguments)")
            #expect(outcome.output == "", "\(arguments)")
            #expect(outcome.errors.contains(cure), "\(outcome.errors)")
        }
    }

    @Test func `help is had of every command, on standard output`() async throws {
        let scratch = try Scratch()
        let main = try await scratch.run(["--help"])
        #expect(main.status == 0)
        for command in [
            "serve", "append", "import", "fold", "positions", "show", "timeline", "pnl", "tail",
            "migrate", "status", "outbox", "bench", "seed",
        ] {
            #expect(main.output.contains("  \(command) "), "\(command)")
            let outcome = try await scratch.run([command, "--help"])
            #expect(outcome.status == 0)
            #expect(outcome.output.hasPrefix("OVERVIEW: "))
            #expect(outcome.errors == "")
        }
    }

    @Test func `the help of every command has examples`() async throws {
        let scratch = try Scratch()
        for command in [
            "serve", "append", "import", "import hyperliquid", "fold", "positions", "show",
            "timeline", "pnl", "pnl daily", "tail", "migrate", "migrate up", "migrate down",
            "migrate status", "migrate force", "status", "outbox", "outbox status", "outbox parked",
            "outbox show", "outbox retry", "outbox rebase", "outbox discard", "outbox salvage",
            "bench", "seed",
        ] {
            let words = command.split(separator: " ").map(String.init)
            let outcome = try await scratch.run(words + ["--help"])
            #expect(outcome.output.contains("\nEXAMPLES\n  nexus-ledger "), "\(command)")
        }
    }
}
