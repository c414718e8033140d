import ArgumentParser
import GRPCCore
import LedgerCore
import LedgerRPC

/// `tail`: the log, event by event, then what is appended.
struct TailCommand: LedgerCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail",
        abstract: "Print the events of a book's log, and follow it.",
        discussion: """
            From the first event on unless --after or --last says otherwise, and then
            each new event as it is committed, until Ctrl-C; --until-head ends at what
            is there now. The log position comes first in each line: give the last one
            seen to --after to go on from there. With --json each event is a line, with
            its payload as it was hashed; with --lines it is the JSON line
            that `append` and `fold` take, without its book, so that a book can be folded
            elsewhere or copied into another one.

            EXAMPLES
              nexus-ledger tail --last 20
              nexus-ledger tail --type position_opened --type position_closed
              nexus-ledger tail --until-head --json > main.jsonl
              nexus-ledger tail --until-head --lines | nexus-ledger fold -
              nexus-ledger tail --until-head --lines | nexus-ledger append --book copy -
              nexus-ledger tail --position 019b8b1f-0c00-7a10-8000-3f1e5ac0b2d4

            \(Failure.help)
            """)

    @Option(help: ArgumentHelp("The last log position already seen.", valueName: "position"))
    var after: Int64?

    @Option(
        help: ArgumentHelp(
            "Start this many log positions before the head; filters apply to those.",
            valueName: "count"))
    var last: Int64?

    @Option(
        help: ArgumentHelp("Only events of a position; may be repeated.", valueName: "id"),
        transform: PositionArgument.parse)
    var position: [UUID] = []

    @Option(
        help: ArgumentHelp("Only events of a type; may be repeated.", valueName: "type"),
        transform: TailCommand.type)
    var type: [EventType] = []

    @Flag(help: "End at the head instead of following it.")
    var untilHead = false

    @Flag(help: "Write the JSON lines that append and fold take.")
    var lines = false

    @OptionGroup var common: CommonOptions

    /// How an event is written.
    private enum Form {
        case words, json, lines
    }

    func validate() throws {
        guard !lines || !common.json else {
            throw ValidationError("give --lines or --json, not both")
        }
        guard after == nil || last == nil else {
            throw ValidationError("give --after or --last, not both")
        }
        if let count = after ?? last, count < 0 {
            throw ValidationError("\(count): a log position or a count is not negative")
        }
    }

    private static func type(_ text: String) throws -> EventType {
        guard let type = EventType(rawValue: text) else {
            let known = EventType.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("use one of \(known)")
        }
        return type
    }

    func perform() async throws {
        let form: Form = lines ? .lines : common.json ? .json : .words
        try await Ledger.connected(common) { ledger in
            var request = Nexus_Ledger_V1_SubscribeRequest()
            request.book = ledger.book.description
            request.positionIds = position.map(\.description)
            request.types = type.map(\.rawValue)
            request.untilHead = untilHead
            request.after = after ?? 0
            if let last {
                request.after = max(try await ledger.head() - last, 0)
            }
            try await ledger.calls.subscribe(request) { response in
                try await TailCommand.print(response, form)
            }
        }
    }

    private static func print(
        _ response: StreamingClientResponse<Nexus_Ledger_V1_SubscribeResponse>, _ form: Form
    ) async throws {
        let output = Output.standard
        var isLive = false
        var seen: Int64 = 0
        do {
            for try await message in response.messages {
                switch message.item {
                case .event(let event):
                    switch form {
                    case .words: try output.line(line(event))
                    case .json: try output.line(event.canonicalBytes)
                    case .lines: try output.line(event.eventLineBytes)
                    }
                    seen = event.logPosition
                case .caughtUp(let position):
                    isLive = true
                    seen = position
                case nil: continue
                }
                // Who follows the log wants an event when it comes, not when a buffer is full.
                if isLive { try output.flush() }
            }
        } catch let error as RPCError {
            var failure = Failure(error)
            if seen > 0 { failure.message += "; to go on from here: --after \(seen)" }
            throw failure
        }
    }

    private static func line(_ event: Nexus_Ledger_V1_RecordedEvent) -> String {
        let position = String(event.logPosition)
        let type = event.type + String(repeating: " ", count: max(0, 20 - event.type.count))
        let leg = event.parsedPayload?.leg.map { $0 + ": " } ?? ""
        return String(repeating: " ", count: max(0, 8 - position.count)) + position + "  "
            + Figures.instant(us: event.effectiveAtUs) + "  " + event.positionID + "  "
            + (type + leg + EventWords.words(event)).printable
    }
}
