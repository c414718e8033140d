import ArgumentParser
import GRPCCore
import LedgerCore
import LedgerRPC

/// `promote`: readers see another generation.
struct PromoteCommand: LedgerCommand {
    static let configuration = CommandConfiguration(
        commandName: "promote",
        abstract: "Make a rebuilt generation the live one.",
        discussion: """
            Compares once more, and promotes only if the comparison still has the digest
            that was looked at; else it says what changed since. Readers see the old
            generation or the new one, never a mix, and wait for nothing. Ledgers of
            another logic go on with appends; their projections stand still from then on.

            EXAMPLES
              nexus-ledger promote --expect "$(nexus-ledger compare --json | jq -r .digest)"
              nexus-ledger promote --expect 9f86… --actor ada --allow-newer

            \(Failure.help)
            """)

    @Option(help: ArgumentHelp("The digest of the comparison.", valueName: "digest"))
    var expect: String

    @Flag(help: "Take differences too that only events since that comparison have brought.")
    var allowNewer = false

    @Option(help: ArgumentHelp("The slot to promote.", valueName: "slot"))
    var slot: Int32?

    @OptionGroup var actor: ActorOption
    @OptionGroup var options: GenerationOptions

    func validate() throws { try SlotOption.check(slot) }

    func perform() async throws {
        var request = Nexus_Ledger_V1_PromoteRequest()
        request.book = options.common.book.description
        request.expect = expect.lowercased()
        request.actor = actor.name
        request.slot = slot ?? 0
        request.allowNewer = allowNewer
        let answer = try await options.way(saying: "comparing") { [request] in
            try await $0.promote(request)
        }
        let output = Output.standard
        if options.common.json {
            let document = JSONValue.object([
                "live": answer.live.json, "former": answer.former.json,
                "log_position": .integer(answer.logPosition),
                "attempts": .integer(answer.attempts), "digest": .string(answer.digest),
            ])
            return try output.line(document.canonicalBytes)
        }
        try output.line(
            Style.standard.bold("slot \(answer.live.slot) is live") + " (logic version "
                + "\(answer.live.logicVersion)) from log position \(answer.logPosition) on; "
                + "slot \(answer.former.slot) was")
        try output.line(
            Style.standard.dim(
                "nexus-ledger revert goes back; start ledgers of another logic version anew; "
                    + "nexus-ledger retire empties slot \(answer.former.slot)"))
    }
}

/// `revert`: readers see the former generation again.
struct RevertCommand: LedgerCommand {
    static let configuration = CommandConfiguration(
        commandName: "revert",
        abstract: "Make the former generation the live one again.",
        discussion: """
            It is brought to where the live one stands, if this build's folds (or, over the
            socket, the ledger's) have made it. Otherwise it may be behind, which this says
            and which --stale allows. Once: to go forth again, compare and promote.

            EXAMPLES
              nexus-ledger revert
              nexus-ledger revert --stale --actor ada

            \(Failure.help)
            """)

    @Flag(help: "Also if it is behind the live generation.")
    var stale = false

    @OptionGroup var actor: ActorOption
    @OptionGroup var options: GenerationOptions

    func perform() async throws {
        var request = Nexus_Ledger_V1_RevertRequest()
        request.book = options.common.book.description
        request.actor = actor.name
        request.stale = stale
        let answer = try await options.way(saying: "catching up") { [request] in
            try await $0.revert(request)
        }
        let output = Output.standard
        if options.common.json {
            let document = JSONValue.object([
                "live": answer.live.json, "former": answer.former.json,
                "lag_events": .integer(answer.lagEvents),
            ])
            return try output.line(document.canonicalBytes)
        }
        let lag =
            answer.lagEvents == 0
            ? "nothing behind" : "\(Figures.count(answer.lagEvents, "event")) behind"
        try output.line(
            Style.standard.bold("slot \(answer.live.slot) is live again") + ", \(lag); slot "
                + "\(answer.former.slot) was")
    }
}

/// `retire`: empties a slot.
struct RetireCommand: LedgerCommand {
    static let configuration = CommandConfiguration(
        commandName: "retire",
        abstract: "Empty the slot of a generation that is not live.",
        discussion: """
            A book has three slots: the live one, the former one, and one to rebuild into.

            EXAMPLES
              nexus-ledger retire
              nexus-ledger retire --slot 2 --actor ada

            \(Failure.help)
            """)

    @Option(help: ArgumentHelp("The slot, if two are in use.", valueName: "slot"))
    var slot: Int32?

    @OptionGroup var actor: ActorOption
    @OptionGroup var options: GenerationOptions

    func validate() throws { try SlotOption.check(slot) }

    func perform() async throws {
        var request = Nexus_Ledger_V1_RetireRequest()
        request.book = options.common.book.description
        request.actor = actor.name
        request.slot = slot ?? 0
        let answer = try await options.way(saying: "emptying the slot") { [request] in
            try await $0.retire(request)
        }
        let output = Output.standard
        if options.common.json {
            let document = JSONValue.object([
                "slot": .integer(answer.slot), "rows": .integer(answer.rows),
            ])
            return try output.line(document.canonicalBytes)
        }
        try output.line(
            "slot \(answer.slot) is empty: \(Figures.count(answer.rows, "row")) removed")
    }
}
