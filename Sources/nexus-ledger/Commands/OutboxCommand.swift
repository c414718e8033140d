import ArgumentParser
import GRPCCore
import LedgerCore
import LedgerRPC

/// `outbox`: what is kept while PostgreSQL is away, and what was refused of it.
struct OutboxCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "outbox",
        abstract: "Look at what is buffered, and resolve what was refused.",
        discussion: """
            While PostgreSQL does not take events, the ledger keeps requests in its
            outbox and answers that they are buffered; they follow in their order when
            it is back. A request that is refused then is parked with its reason, and
            what comes later for its positions is parked behind it, until somebody
            decides: retry it as it is; rebase it, so that it is appended whatever
            versions it expected; or discard it for ever.

            EXAMPLES
              nexus-ledger outbox status
              nexus-ledger outbox parked
              nexus-ledger outbox show 12
              nexus-ledger outbox retry 12
              nexus-ledger outbox discard 12 --reason "sent twice by hand" --actor ada
              nexus-ledger outbox salvage --file outbox.sqlite > rescued.jsonl
            """,
        subcommands: [
            Status.self, Parked.self, Show.self, Retry.self, Rebase.self, Discard.self,
            Salvage.self,
        ])

    /// The part of a command's help that says what it exits with.
    static let exitCodes = """
        EXIT CODES
          0   done
          1   failed, or the ledger is not available
          2   refused: the request is not parked, or is parked behind another one
          5   there is no such request
          64  wrong usage
        """

    /// What to say of a request that is not there.
    static func unknown(_ error: RPCError) -> Failure {
        Failure(
            .notFound,
            Failure.words(error) + ": `nexus-ledger outbox parked` lists those that are parked")
    }

    /// `outbox status`.
    struct Status: LedgerCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show how much is buffered, and how much room is left.",
            discussion: """
                EXAMPLES
                  nexus-ledger outbox status
                  nexus-ledger outbox status --json | jq .waiting.events

                \(OutboxCommand.exitCodes)
                """)

        @OptionGroup var common: CommonOptions

        func perform() async throws {
            let status = try await Ledger.connected(common) { ledger in
                let request = Nexus_Ledger_V1_GetOutboxStatusRequest()
                return try await ledger.outbox.getOutboxStatus(request, options: Ledger.answering)
            }
            let output = Output.standard
            if common.json { return try output.line(status.json.canonicalBytes) }
            let (size, sizeMax) = (status.fileBytes, status.fileBytesMax)
            var room = "\(Figures.bytes(size)) of \(Figures.bytes(sizeMax))"
            if status.hasDiskFreeBytes {
                let (free, freeMin) = (status.diskFreeBytes, status.diskFreeBytesMin)
                room += "; its disk has \(Figures.bytes(free)) free, "
                room += "and \(Figures.bytes(freeMin)) are left free"
            }
            try output.line(Style.standard.bold(status.path.printable) + "  " + room)
            if !status.outage.isEmpty {
                let words = "! PostgreSQL does not take events: \(status.outage)".printable
                try output.line(Style.standard.red(words))
            }
            try output.line()
            try output.table(Status.table(status))
            if status.waiting.requests > 0 {
                let since = Figures.instant(us: status.oldestWaitingUs)
                try output.line(Style.standard.dim("the oldest waits since \(since) UTC"))
            }
        }

        private static func table(_ status: Nexus_Ledger_V1_GetOutboxStatusResponse) -> Table {
            var table = Table([.text("STATE"), .count("REQUESTS"), .count("EVENTS")])
            for (name, tally, isAlarming) in [
                ("waiting", status.waiting, false), ("parked", status.parked, true),
                ("drained", status.drained, false), ("discarded", status.discarded, false),
            ] {
                let attributes: [Style.Attribute] =
                    isAlarming && tally.requests > 0 ? [.red] : []
                table.add([
                    Table.Cell(name, attributes), Table.Cell("\(tally.requests)", attributes),
                    Table.Cell("\(tally.events)", attributes),
                ])
            }
            return table
        }
    }

    /// `outbox parked`.
    struct Parked: LedgerCommand {
        static let configuration = CommandConfiguration(
            abstract: "List requests that are parked, with their reasons.",
            discussion: """
                Oldest first. One with a number under BEHIND was not refused itself: it
                waits for that one to be resolved. All books unless --book or NEXUS_BOOK
                names one.

                EXAMPLES
                  nexus-ledger outbox parked
                  nexus-ledger outbox parked --limit 1000 --json

                \(OutboxCommand.exitCodes)
                """)

        /// Requests of one page.
        private static let pageMax = 1_000
        private static let limitMax = 100_000

        @Option(help: ArgumentHelp("At most this many, up to 100,000.", valueName: "count"))
        var limit = 100

        @OptionGroup var common: CommonOptions

        func validate() throws {
            guard (1...Parked.limitMax).contains(limit) else {
                throw ValidationError("--limit is \(limit): it must be 1 to 100000")
            }
        }

        private struct Page: Sendable {
            var requests: [Nexus_Ledger_V1_BufferedRequest] = []
            /// All that are parked, of any book.
            var total: Int64 = 0
            var hasMore = false
        }

        func perform() async throws {
            let page = try await Ledger.connected(common) { try await read($0) }
            let output = Output.standard
            if common.json {
                let document = JSONValue.object([
                    "more": .bool(page.hasMore), "parked_requests": .integer(page.total),
                    "requests": .array(page.requests.map(\.json)),
                ])
                return try output.line(document.canonicalBytes)
            }
            guard !page.requests.isEmpty else { return try output.line("nothing is parked") }
            try output.table(Parked.table(page.requests))
            let count = Figures.count(page.requests.count, "request")
            let more = page.hasMore ? "; there are more: --limit" : ""
            try output.line(
                Style.standard.dim("\(count)\(more); `nexus-ledger outbox show` has the events"))
        }

        private func read(_ ledger: Ledger) async throws -> Page {
            let book = common.bookOption.named?.description
            var request = Nexus_Ledger_V1_ListParkedRequest()
            var page = Page()
            while true {
                request.limit = Int32(Parked.pageMax)
                let answer = try await ledger.outbox.listParked(
                    request, options: Ledger.answering)
                page.total = answer.parkedRequests
                for found in answer.requests where book == nil || found.book == book {
                    guard page.requests.count < limit else {
                        page.hasMore = true
                        return page
                    }
                    page.requests.append(found)
                }
                guard answer.requests.count == Parked.pageMax, let last = answer.requests.last
                else { return page }
                request.after = last.outboxSequence
                Progress.standard.show("\(page.requests.count) requests read")
            }
        }

        private static func table(_ requests: [Nexus_Ledger_V1_BufferedRequest]) -> Table {
            var table = Table([
                .count("REQUEST"), .text("BOOK", spare: 2), .text("BUFFERED (UTC)", spare: 3),
                .count("EVENTS", spare: 1), .text("POSITION"), .count("UID", spare: 4),
                .count("BEHIND"), .text("REASON"),
            ])
            for request in requests {
                let others = request.positions > 1 ? " +\(request.positions - 1)" : ""
                table.add([
                    Table.Cell("\(request.outboxSequence)"), Table.Cell(request.book),
                    Table.Cell(Figures.instant(us: request.bufferedAtUs)),
                    Table.Cell("\(request.events)"),
                    Table.Cell((request.positionIds.first ?? Figures.null) + others),
                    Table.Cell(request.hasPeerUid ? "\(request.peerUid)" : Figures.null),
                    Table.Cell(request.behind > 0 ? "\(request.behind)" : Figures.null),
                    Table.Cell(request.parkedReason, request.behind > 0 ? [.dim] : []),
                ])
            }
            return table
        }
    }

    /// `outbox show SEQ`.
    struct Show: LedgerCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show one request in any state, with its events.",
            discussion: """
                With --lines it writes the JSON lines that append takes: to mend a request
                that was discarded, for example, and append it anew under other ids.

                EXAMPLES
                  nexus-ledger outbox show 12
                  nexus-ledger outbox show 12 --lines > twelve.jsonl

                \(OutboxCommand.exitCodes)
                """)

        @OptionGroup var sequence: SequenceArgument

        @Flag(help: "Write its events as JSON lines.")
        var lines = false

        @OptionGroup var common: CommonOptions

        func validate() throws {
            guard !(lines && common.json) else {
                throw ValidationError("give --lines or --json, not both")
            }
        }

        private struct Found: Sendable {
            var request = Nexus_Ledger_V1_BufferedRequest()
            var lines: [[UInt8]] = []
        }

        func perform() async throws {
            let found: Found
            do {
                found = try await Ledger.connected(common) { try await read($0) }
            } catch let error as RPCError where error.code == .notFound {
                throw OutboxCommand.unknown(error)
            }
            let output = Output.standard
            if lines {
                for line in found.lines { try output.line(line) }
                return
            }
            if common.json {
                guard case .object(var members) = found.request.json else { return }
                members["lines"] = .array(found.lines.map(Show.json))
                return try output.line(JSONValue.object(members).canonicalBytes)
            }
            try output.write(Show.head(found.request))
            try output.line()
            try output.table(Show.table(found.lines))
        }

        private func read(_ ledger: Ledger) async throws -> Found {
            var request = Nexus_Ledger_V1_ShowRequestRequest()
            request.outboxSequence = sequence.number
            var found = Found()
            while true {
                let answer = try await ledger.outbox.showRequest(
                    request, options: Ledger.answering)
                found.request = answer.request
                found.lines += answer.lineBytes
                guard answer.nextLine > request.firstLine else { return found }
                request.firstLine = answer.nextLine
            }
        }

        private static func json(_ line: [UInt8]) -> JSONValue {
            (try? JSONValue(parsing: line)) ?? .string(String(decoding: line, as: UTF8.self))
        }

        private static func head(_ request: Nexus_Ledger_V1_BufferedRequest) -> String {
            let style = Style.standard
            let state = request.state.uppercased()
            let sender = request.hasPeerUid ? " from user \(request.peerUid)" : ""
            var lines = [
                style.bold("request \(request.outboxSequence)") + "  book "
                    + request.book.printable + "  "
                    + style.painted(state, request.state == "parked" ? [.red] : []),
                "buffered \(Figures.instant(us: request.bufferedAtUs)) UTC\(sender): "
                    + request.reason.printable,
            ]
            if !request.parkedReason.isEmpty {
                lines.append(style.red("parked: \(request.parkedReason.printable)"))
            }
            if request.behind > 0, request.state == "parked" {
                lines.append("it waits again when request \(request.behind) is resolved")
            }
            if request.drainedAtUs != 0 {
                lines.append("committed \(Figures.instant(us: request.drainedAtUs)) UTC")
            }
            if request.discardedAtUs != 0 {
                lines.append(
                    "discarded \(Figures.instant(us: request.discardedAtUs)) UTC by "
                        + "\(request.discardedBy): \(request.discardReason)".printable)
            }
            return lines.joined(separator: "\n") + "\n"
        }

        private static func table(_ lines: [[UInt8]]) -> Table {
            var table = Table([
                .count("EVENT"), .text("EFFECTIVE (UTC)"), .text("POSITION", spare: 2),
                .text("TYPE", spare: 1), .text("LEG"), .text("WHAT"),
                .text("EXPECTS", spare: 3),
            ])
            for (index, line) in lines.enumerated() {
                let parsed = line.withUnsafeBufferPointer { try? EventLine(parsing: $0).event }
                guard let event = parsed else {
                    let text = String(decoding: line.prefix(200), as: UTF8.self)
                    table.add([Table.Cell("\(index + 1)"), "", "", "", "", Table.Cell(text), ""])
                    continue
                }
                let expects =
                    switch event.expectedVersion {
                    case .any: ""
                    case .noStream: "no position"
                    case .exact(let version): "version \(version)"
                    }
                table.add([
                    Table.Cell("\(index + 1)"),
                    Table.Cell(
                        Figures.instant(us: event.effectiveAt.microseconds, precise: true)),
                    Table.Cell(event.positionID.description), Table.Cell(event.type.rawValue),
                    Table.Cell(event.payload.leg ?? ""),
                    Table.Cell(EventWords.words(event.payload)), Table.Cell(expects),
                ])
            }
            return table
        }
    }
}

/// The request that a command is about.
struct SequenceArgument: ParsableArguments {
    @Argument(
        help: ArgumentHelp("The request's number in the outbox.", valueName: "request"),
        transform: SequenceArgument.parse)
    var number: Int64

    private static func parse(_ text: String) throws -> Int64 {
        guard let number = Int64(text), number > 0 else {
            throw ValidationError("a request of the outbox has a number from 1 on")
        }
        return number
    }
}

extension Nexus_Ledger_V1_GetOutboxStatusResponse {
    fileprivate var json: JSONValue {
        func tally(_ tally: Nexus_Ledger_V1_OutboxTally) -> JSONValue {
            .object(["requests": .integer(tally.requests), "events": .integer(tally.events)])
        }
        return .object([
            "path": .string(path), "waiting": tally(waiting), "parked": tally(parked),
            "drained": tally(drained), "discarded": tally(discarded),
            "oldest_waiting": .instant(us: oldestWaitingUs), "file_bytes": .integer(fileBytes),
            "file_bytes_max": .integer(fileBytesMax),
            "disk_free_bytes": .integer(diskFreeBytes, if: hasDiskFreeBytes),
            "disk_free_bytes_min": .integer(diskFreeBytesMin), "outage": .text(outage),
        ])
    }
}

extension Nexus_Ledger_V1_BufferedRequest {
    fileprivate var json: JSONValue {
        .object([
            "outbox_sequence": .integer(outboxSequence), "book": .string(book),
            "state": .string(state), "position_ids": .texts(positionIds),
            "positions": .integer(positions), "events": .integer(events),
            "buffered_at": .instant(us: bufferedAtUs), "reason": .text(reason),
            "parked_reason": .text(parkedReason),
            "behind": .integer(behind, if: behind > 0),
            "peer_uid": .integer(peerUid, if: hasPeerUid),
            "drained_at": .instant(us: drainedAtUs),
            "discarded_at": .instant(us: discardedAtUs), "discarded_by": .text(discardedBy),
            "discard_reason": .text(discardReason),
        ])
    }
}
