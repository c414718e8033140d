import GRPCCore
import LedgerCore
import LedgerRPC
import LedgerService

/// Appends imported positions, one after the other. A position that is refused does not keep the
/// others out; what the ledger knows already is passed over.
struct ImportSession {
    /// Events of one request: as many as it can have, so that a position is taken or refused whole.
    /// One with more, which is more than the exchange gives out, is appended in several.
    static let eventsMax = RequestBatcher.eventsMax

    /// A position that the ledger refused, all of it or from some event on.
    struct Refused {
        var position: HyperliquidImport.Position
        var message: String
    }

    private(set) var appended = 0
    private(set) var known = 0
    private(set) var buffered = 0
    private(set) var refused: [Refused] = []

    /// Sends the positions' events in the order of each position.
    /// - Throws: What is no fault of a position: the ledger is away or at a limit.
    mutating func send(
        _ positions: [HyperliquidImport.Position], to ledger: Ledger
    ) async throws {
        for (number, position) in positions.enumerated() {
            Progress.standard.show("\(number) of \(positions.count) positions")
            do {
                try await send(position, to: ledger)
            } catch let error as RPCError where Failure.kind(of: error.code) == .refused {
                refused.append(Refused(position: position, message: Failure.words(error)))
            }
        }
    }

    private mutating func send(
        _ position: HyperliquidImport.Position, to ledger: Ledger
    ) async throws {
        var start = 0
        while start < position.events.count {
            let end = min(start + ImportSession.eventsMax, position.events.count)
            var request = Nexus_Ledger_V1_AppendRequest()
            request.book = ledger.book.description
            request.events = position.events[start..<end].map(Nexus_Ledger_V1_NewEvent.init)
            let answer = try await ledger.calls.append(request, options: Ledger.answering)
            switch answer.outcome {
            case .committed(let committed):
                let repeats = committed.places.count(where: \.duplicate)
                known += repeats
                appended += committed.places.count - repeats
            case .buffered: buffered += end - start
            case nil:
                throw Failure(
                    .failed, "the ledger gave an empty answer: is it newer than this command?")
            }
            start = end
        }
    }

    /// "appended 600, already known 0"
    var words: String {
        var words = "appended \(appended), already known \(known)"
        if buffered > 0 { words += ", buffered \(buffered)" }
        if !refused.isEmpty { words += ", refused \(Figures.count(refused.count, "position"))" }
        return words
    }

    /// The same for programs.
    var json: [String: JSONValue] {
        [
            "appended": .integer(appended), "known": .integer(known),
            "buffered": .integer(buffered),
            "refused": .array(
                refused.map {
                    .object([
                        "position_id": .string($0.position.id.description),
                        "coin": .string($0.position.coin), "message": .string($0.message),
                    ])
                }),
        ]
    }
}
