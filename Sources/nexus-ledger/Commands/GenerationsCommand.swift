import ArgumentParser
import LedgerCore
import LedgerRPC

/// `generations`: what there is, and who did what with it.
struct GenerationsCommand: LedgerCommand {
    static let configuration = CommandConfiguration(
        commandName: "generations",
        abstract: "Show the generations of a book, and the audit record of the steps with them.",
        discussion: """
            The last steps come first. --json has the totals of the comparison that a promotion
            was made on, and how far behind the generation was that was gone back to.

            EXAMPLES
              nexus-ledger generations
              nexus-ledger generations --json

            \(Failure.help)
            """)

    @OptionGroup var options: GenerationOptions

    func perform() async throws {
        var request = Nexus_Ledger_V1_ListGenerationsRequest()
        request.book = options.common.book.description
        let answer = try await options.way(saying: "reading") { [request] in
            try await $0.list(request)
        }
        let output = Output.standard
        if options.common.json {
            let document = JSONValue.object([
                "head": .integer(answer.head),
                "generations": .array(answer.generations.map(\.json)),
                "steps": .array(answer.steps.map(\.json)),
            ])
            return try output.line(document.canonicalBytes)
        }
        try output.table(StatusReport.generations(answer.generations))
        guard !answer.steps.isEmpty else { return try output.line("no step was taken yet") }
        try output.line()
        var table = Table([
            .text("WHEN (UTC)"), .text("STEP"), .text("WHO"), .text("FROM"), .text("TO"),
            .count("POSITION"), .text("DIGEST", spare: 1),
        ])
        for step in answer.steps {
            table.add([
                Table.Cell(Figures.instant(us: step.atUs)), Table.Cell(step.step),
                Table.Cell(step.actor), Table.Cell(Self.slot(step.fromSlot)),
                Table.Cell(Self.slot(step.toSlot)), Table.Cell(String(step.logPosition)),
                Table.Cell(step.digest.isEmpty ? Figures.null : step.digest),
            ])
        }
        try output.table(table)
    }

    private static func slot(_ number: Int32) -> String {
        number == 0 ? Figures.null : "slot \(number)"
    }
}

extension Nexus_Ledger_V1_GenerationStep {
    var json: JSONValue {
        .object([
            "at": .instant(us: atUs), "step": .string(step), "actor": .string(actor),
            "from_slot": fromSlot == 0 ? .null : .integer(fromSlot),
            "to_slot": toSlot == 0 ? .null : .integer(toSlot),
            "log_position": .integer(logPosition), "digest": .text(digest),
            "totals": (try? JSONValue(parsing: Array(totals))) ?? .null,
        ])
    }
}
