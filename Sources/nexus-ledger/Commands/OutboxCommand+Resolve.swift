import ArgumentParser
import GRPCCore
import LedgerCore
import LedgerRPC

extension OutboxCommand {
    /// `outbox retry SEQ`.
    struct Retry: LedgerCommand {
        static let configuration = CommandConfiguration(
            abstract: "Drain a parked request again, as it is, and those behind it.",
            discussion: """
                For when the cause is gone: the position that it needed is open now, or a
                newer ledger reads it.

                EXAMPLES
                  nexus-ledger outbox retry 12

                \(OutboxCommand.exitCodes)
                """)

        @OptionGroup var sequence: SequenceArgument
        @OptionGroup var common: CommonOptions

        func perform() async throws {
            try await OutboxCommand.resolve(sequence.number, .retry(.init()), "retry", common)
        }
    }

    /// `outbox rebase SEQ`.
    struct Rebase: LedgerCommand {
        static let configuration = CommandConfiguration(
            abstract: "Drain a parked request again, whatever versions it expected.",
            discussion: """
                For a request that was refused because its position has another version
                than its sender knew. Look at the position first: the events that came
                between may have made this request wrong. Every other rule still holds.

                EXAMPLES
                  nexus-ledger outbox rebase 12

                \(OutboxCommand.exitCodes)
                """)

        @OptionGroup var sequence: SequenceArgument
        @OptionGroup var common: CommonOptions

        func perform() async throws {
            try await OutboxCommand.resolve(sequence.number, .rebase(.init()), "rebase", common)
        }
    }

    /// `outbox discard SEQ`.
    struct Discard: LedgerCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give a parked request up for ever; those behind it are drained again.",
            discussion: """
                Its events are refused from then on, whoever sends them: PostgreSQL keeps a
                permanent record of who discarded what and why, so it must be there. The
                request stays in the outbox, for `outbox show`.

                EXAMPLES
                  nexus-ledger outbox discard 12 --reason "sent twice by hand" --actor ada

                \(OutboxCommand.exitCodes)
                """)

        @OptionGroup var sequence: SequenceArgument

        @Option(help: ArgumentHelp("Why, for the record.", valueName: "text"))
        var reason: String

        @Option(help: ArgumentHelp("Who decides it, for the record.", valueName: "name"))
        var actor: String

        @OptionGroup var common: CommonOptions

        func perform() async throws {
            var discard = Nexus_Ledger_V1_ResolveRequest.Discard()
            discard.reason = reason
            discard.actor = actor
            try await OutboxCommand.resolve(
                sequence.number, .discard(discard), "discard", common)
        }
    }

    /// Asks the ledger and tells what came of it.
    fileprivate static func resolve(
        _ sequence: Int64, _ resolution: Nexus_Ledger_V1_ResolveRequest.OneOf_Resolution,
        _ word: String, _ common: CommonOptions
    ) async throws {
        var request = Nexus_Ledger_V1_ResolveRequest()
        request.outboxSequence = sequence
        request.resolution = resolution
        let answer: Nexus_Ledger_V1_ResolveResponse
        do {
            let asked = request
            answer = try await Ledger.connected(common) { ledger in
                try await ledger.outbox.resolve(asked, options: Ledger.answering)
            }
        } catch let error as RPCError where error.code == .notFound {
            throw OutboxCommand.unknown(error)
        }
        let output = Output.standard
        if common.json {
            let document = JSONValue.object([
                "outbox_sequence": .integer(sequence), "resolution": .string(word),
                "waiting_again": .array(answer.waitingAgain.map { .integer($0) }),
                "waiting_requests": .integer(answer.waitingRequests),
            ])
            return try output.line(document.canonicalBytes)
        }
        let isDiscarded = word == "discard"
        let others = answer.waitingRequests - (isDiscarded ? 0 : 1)
        var words = "request \(sequence) " + (isDiscarded ? "is discarded" : "waits again")
        if others > 0 {
            let isOne = others == 1
            words += isDiscarded ? "; " : isOne ? ", and so does " : ", and so do "
            words += Figures.count(others, "request")
            words += isOne ? " that was parked behind it" : " that were parked behind it"
            if isDiscarded { words += isOne ? " waits again" : " wait again" }
        }
        try output.line(words)
    }
}
