import ArgumentParser
import LedgerCore
import LedgerRPC

/// `show ID`: one position, its legs and its totals.
struct ShowCommand: LedgerCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show one position: its legs and its totals.",
        discussion: """
            With --at, --as-of or --effective the position is folded from the log as it
            was at that moment.

            EXAMPLES
              nexus-ledger show 019b8b1f-0c00-7a10-8000-3f1e5ac0b2d4
              nexus-ledger show --json 019b8b1f-0c00-7a10-8000-3f1e5ac0b2d4
              nexus-ledger show --at-least head 019b8b1f-0c00-7a10-8000-3f1e5ac0b2d4
              nexus-ledger show --as-of 2026-01-05 019b8b1f-0c00-7a10-8000-3f1e5ac0b2d4

            \(Failure.help)
            """)

    @OptionGroup var position: PositionArgument
    @OptionGroup var moment: MomentOptions
    @OptionGroup var freshness: FreshnessOption
    @OptionGroup var common: CommonOptions

    func validate() throws {
        try moment.refuse(freshness)
    }

    func perform() async throws {
        let answer = try await Ledger.connected(common, saying: moment.reading) { ledger in
            var request = Nexus_Ledger_V1_GetPositionRequest()
            request.book = ledger.book.description
            request.positionID = position.id.description
            if let message = moment.message { request.moment = message }
            request.atLeast = try await ledger.position(of: freshness.atLeast)
            return try await ledger.reading(atLeast: request.atLeast) {
                try await ledger.calls.getPosition(request, options: moment.answering)
            }
        }
        let output = Output.standard
        if common.json {
            let document = JSONValue.object([
                "as_of": .integer(answer.asOf), "position": answer.position.json,
            ])
            return try output.line(document.canonicalBytes)
        }
        let when = (moment.message == nil ? "tables " : "") + moment.words(asOf: answer.asOf)
        try output.write(ShowCommand.head(answer.position, when, .standard))
        try output.line()
        try output.table(ShowCommand.terms(answer.position))
        try output.line()
        try output.table(ShowCommand.figures(answer.position))
        for line in ShowCommand.fees(answer.position) { try output.line(line) }
        try output.line(Style.standard.dim("(\(Figures.note))"))
    }

    private static func head(
        _ position: Nexus_Ledger_V1_Position, _ moment: String, _ style: Style
    ) -> String {
        let flags = PositionWords.flags(position)
        var lines = [
            style.bold(
                "\(position.positionID)  \(position.strategy) on \(position.asset)".printable)
                + "  \(position.state)" + (flags.text.isEmpty ? "" : "  ")
                + style.painted(flags.text, flags.attributes)
        ]
        var times = "opened \(Figures.instant(us: position.openedAtUs)) UTC"
        if position.closedAtUs != 0 {
            times += ", closed \(Figures.instant(us: position.closedAtUs)) UTC"
            if !position.closeReason.isEmpty { times += " (\(position.closeReason.printable))" }
        }
        lines.append(times)
        lines.append(
            "version \(position.version), last change at \(position.logPosition), revision "
                + "\(position.revision), \(moment)")
        if position.bufferedEvents > 0 {
            let count = PositionWords.buffered(position, countMax: 10_000)
            lines.append(
                style.painted(
                    "BUFFERED: \(count) in the outbox, which the figures do not know of",
                    [.yellow]))
        }
        if !position.staleReason.isEmpty {
            let reason = position.staleReason.printable
            lines.append(style.red("STALE, this is the last that could be folded: \(reason)"))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// What each leg is.
    private static func terms(_ position: Nexus_Ledger_V1_Position) -> Table {
        var table = Table([
            .text("LEG"), .text("SIDE"), .text("VENUE"), .text("ACCOUNT", spare: 3),
            .text("INSTRUMENT"), .text("KIND", spare: 1), .figure("TARGET", spare: 2),
            .figure("MULTIPLIER", spare: 4), .text("STATE"), .text("FLAGS", spare: 1),
        ])
        for leg in position.legs {
            table.add([
                Table.Cell(leg.leg), Table.Cell(leg.side), Table.Cell(leg.venue),
                Table.Cell(leg.account), Table.Cell(leg.instrument), Table.Cell(leg.kind),
                Table.Cell(Figures.text(leg.targetQty)), Table.Cell(Figures.text(leg.multiplier)),
                Table.Cell(leg.state), Table.Cell(leg.flags.joined(separator: " "), [.yellow]),
            ])
        }
        return table
    }

    /// A column for each leg and one for the whole position.
    private static func figures(_ position: Nexus_Ledger_V1_Position) -> Table {
        let legs = position.legs
        var table = Table(
            [.text("")] + legs.map { .figure($0.leg.printable) } + [.figure("position")])
        func add(_ title: String, _ values: [String], _ total: String?, isResult: Bool = false) {
            func cell(_ value: String) -> Table.Cell {
                isResult ? Figures.result(value) : Table.Cell(Figures.text(value))
            }
            table.add([Table.Cell(title)] + values.map(cell) + [total.map(cell) ?? ""])
        }
        add("qty", legs.map(\.qty), nil)
        add("peak qty", legs.map(\.peakQty), nil)
        add("average entry", legs.map(\.avgEntryPx), nil)
        add("average exit", legs.map(\.avgExitPx), nil)
        add("mark", legs.map(\.markPx), nil)
        add("open cost", legs.map(\.openCost), nil)
        add("base delta", legs.map { _ in "" }, position.baseDelta)
        add("entry basis", legs.map { _ in "" }, position.entryBasis)
        table.addRule()
        table.add(
            ["in"] + legs.map { Table.Cell($0.settle) }
                + [Table.Cell(position.settle.isEmpty ? Figures.null : position.settle)])
        add("realised", legs.map(\.realizedPrice), position.realized, isResult: true)
        add("fees", legs.map(\.feeValue), position.fees)
        add("funding", legs.map(\.fundingValue), position.funding, isResult: true)
        add("adjustments", legs.map(\.adjustments), position.adjustments, isResult: true)
        add("net", legs.map(\.net), position.net, isResult: true)
        add("unrealised", legs.map(\.unrealized), position.unrealized, isResult: true)
        return table
    }

    /// Fees and funding in other assets than the settle asset, a line for each leg that has some.
    private static func fees(_ position: Nexus_Ledger_V1_Position) -> [String] {
        position.legs.flatMap { leg in
            [("fees", leg.fees), ("funding", leg.funding)].compactMap { name, amounts in
                guard amounts.keys.contains(where: { $0 != leg.settle }) else { return nil }
                let list = amounts.sorted { $0.key < $1.key }
                    .map { "\(Figures.text($0.value)) \($0.key)" }
                return "\(leg.leg): \(name) \(list.joined(separator: ", "))".printable
            }
        }
    }
}

/// The position that a command is about.
struct PositionArgument: ParsableArguments {
    @Argument(
        help: ArgumentHelp("The position's id, a UUID.", valueName: "id"),
        transform: PositionArgument.parse)
    var id: UUID

    static func parse(_ text: String) throws -> UUID {
        guard let id = UUID(text) else {
            throw ValidationError("an id is a UUID: 019b8b1f-0c00-7a10-8000-3f1e5ac0b2d4")
        }
        return id
    }
}
