import Testing

/// Colour is for terminals that want it.
@Suite struct TerminalTests {
    private static let escape = "\u{1B}"

    private func served() async throws -> Served {
        let ledger = try await Served()
        let book = try await ledger.run(["seed", "--seed", "5"])
        let appended = try await ledger.run(["append", "--batch", "500", "-"], input: book.output)
        #expect(appended.status == 0, "\(appended.errors)")
        return ledger
    }

    private let commands = [
        ["positions", "--all", "--at-least", "head"], ["pnl", "daily"], ["status"],
    ]

    @Test func `into a pipe go no escape sequences`() async throws {
        let ledger = try await served()
        for command in commands {
            let outcome = try await ledger.run(command)
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(!outcome.output.isEmpty)
            #expect(!(outcome.output + outcome.errors).contains(Self.escape), "\(command)")
        }
        let wrong = try await ledger.run(["show", "none"])
        #expect(!(wrong.output + wrong.errors).contains(Self.escape))
    }

    @Test func `on a terminal there is colour, unless NO_COLOR or a dumb one forbids it`()
        async throws
    {
        let ledger = try await served()
        let socket = ["NEXUS_SOCKET": ledger.socket]
        var isColoured = false
        for command in commands {
            let plain = try await ledger.scratch.runOnTerminal(
                command, environment: socket.merging(["NO_COLOR": "1"]) { $1 })
            #expect(!plain.isEmpty)
            #expect(!plain.contains(Self.escape), "\(command)")
            let dumb = try await ledger.scratch.runOnTerminal(
                command, environment: socket.merging(["TERM": "dumb"]) { $1 })
            #expect(!dumb.contains(Self.escape), "\(command)")
            let coloured = try await ledger.scratch.runOnTerminal(command, environment: socket)
            isColoured = isColoured || coloured.contains(Self.escape)
        }
        #expect(isColoured)
    }
}
