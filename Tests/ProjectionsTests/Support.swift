import LedgerCore
import LedgerTesting
import Projections
import Testing

/// Seeds of the tests that draw; a failing test prints its own.
let seeds: [UInt64] = Array(1...24)

/// A fold, or why there is none: both are compared.
enum Folded: Equatable {
    case account(PositionAccount)
    case failed(FoldError)

    init(_ events: [Event]) {
        do throws(FoldError) { self = .account(try AccountFold.fold(events)) } catch {
            self = .failed(error)
        }
    }

    var account: PositionAccount? {
        guard case .account(let account) = self else { return nil }
        return account
    }
}

extension PositionAccount {
    /// All that the tables and `fold` show, but for what tells of the order of arrival: versions,
    /// places in the log and their times, revision and RESTATED.
    func figures() throws -> [String] {
        var json = CanonicalJSON()
        try AccountReport(self).write(to: &json)
        var lines = [json.text.withoutRestated]
        let arrival: Set<String> = ["version", "log_position", "changed_at", "revision"]
        for table in AccountTables.all {
            for row in try table.rows(self, nil) {
                for (column, cell) in zip(table.columns, row.cells)
                where !arrival.contains(column) {
                    lines.append("\(table.name) \(row.key) \(column): \(cell)".withoutRestated)
                }
            }
        }
        return lines
    }

    /// The lines of `figures` in which the two differ, for a message.
    func differences(from other: PositionAccount) throws -> [String] {
        let (own, others) = (try figures(), try other.figures())
        return Set(own).symmetricDifference(others).sorted()
    }
}

/// Expects the same figures of both, and shows the first few that differ.
func expectSame(
    _ account: PositionAccount, _ other: PositionAccount, _ note: Comment,
    at place: SourceLocation = #_sourceLocation
) throws {
    let differences = try account.differences(from: other).prefix(4)
    #expect(differences.isEmpty, "\(note): \(differences)", sourceLocation: place)
}

extension String {
    /// Without the flag, in JSON and in a description.
    fileprivate var withoutRestated: String {
        replacing(", \"RESTATED\"", with: "").replacing(",\"RESTATED\"", with: "")
            .replacing("\"RESTATED\"", with: "")
    }
}

extension [Event] {
    /// With each payload changed.
    func mapPayloads(_ change: (EventPayload) throws -> EventPayload) rethrows -> [Event] {
        try map { event in
            var changed = event
            changed.payload = try change(event.payload)
            return changed
        }
    }

    /// With a void of `target` that comes last.
    func voiding(_ target: Event) throws -> [Event] {
        let payload = EventPayload.voided(EventVoid(target: target.eventID, reason: "tests"))
        var void = target
        void.payload = payload
        void.eventID = try #require(EventIdentity.derivedID(of: payload, terms: nil))
        return (self + [void]).placed()
    }
}

/// Σ of decimals, exact.
func sum(_ values: [Fixed]) throws -> Fixed {
    try values.reduce(.zero) { try $0.adding($1) }
}
