import Admission
import LedgerCore
import LedgerTesting
import Projections
import Testing

/// The shared vectors: accounts that were worked out by hand, exact to the last place.
@Suite(.enabled(if: Vectors.isThere, "the folder `shared` is not there: NEXUS_SHARED names it"))
struct VectorTests {
    @Test(arguments: Vectors.events)
    func `whole positions fold to the accounts that were worked out`(vector: Vector) throws {
        let value = vector.value
        guard case .array(let events)? = value["events"],
            case .array(let expected)? = value["expect"]
        else { throw Vectors.Unreadable() }
        var run = FoldRun()
        for event in events {
            event.canonicalBytes.withUnsafeBufferPointer { run.read($0) }
        }
        #expect(run.refused.map(\.reason) == [])
        #expect(run.eventCount == events.count)
        let report = run.report()
        #expect(report.status == .folded)
        guard case .array(let accounts) = try JSONValue(parsing: report.json) else {
            throw Vectors.Unreadable()
        }
        #expect(accounts.count == expected.count)
        for (account, wanted) in zip(accounts, expected) {
            let differences = Vectors.differences(account, wanted, at: "")
            #expect(differences == [], "\(value["why"]?.text ?? "")")
        }
    }

    @Test(arguments: Vectors.accounts)
    func `the fills of one leg come to the account that was worked out`(vector: Vector) throws {
        let value = vector.value
        let story = try Vectors.story(of: value)
        var ledger = MemoryLedger()
        for event in story.sent { _ = try ledger.append(event) }
        let account = try AccountFold.fold(ledger.events(of: story.positionID))
        let leg = account.legs[0]
        guard case .object(let expected)? = value["expect"] else { throw Vectors.Unreadable() }
        for (name, wanted) in expected {
            let found: JSONValue
            switch name {
            case "qty": found = .string(leg.qty.description)
            case "open_cost": found = .string(leg.openCost.description)
            case "avg_entry_px": found = Vectors.optional(try leg.avgEntryPx())
            case "realized_price_pnl": found = .string(leg.realizedPrice.description)
            case "fees": found = try Vectors.json(leg.fees)
            case "fee_value_settle": found = Vectors.optional(leg.feeValue)
            case "funding": found = .string(leg.fundingKnown.description)
            case "net_realized":
                let parts = try (leg.feeValue.map { try leg.realizedPrice.subtracting($0) })
                found = Vectors.optional(try parts?.adding(leg.fundingKnown))
            default:
                Issue.record("the vectors have a member that is not compared: \(name)")
                continue
            }
            #expect(found == wanted, "\(name)")
        }
    }

    @Test func `there are vectors of both files`() throws {
        #expect(Vectors.events.count >= 7)
        #expect(Vectors.accounts.count >= 8)
        let names = (Vectors.events + Vectors.accounts).map(\.description)
        #expect(Set(names).count == names.count)
    }
}

/// One case of a file; a test names it.
struct Vector: CustomTestStringConvertible, CustomStringConvertible, Sendable {
    let value: JSONValue
    var description: String { value["name"]?.text ?? "without a name" }
    var testDescription: String { description }
}

enum Vectors {
    static let isThere = Fixtures.shared("vectors/events.json") != nil
    static let events = load("vectors/events.json")
    static let accounts = load("vectors/accounting.json")

    struct Unreadable: Error {}

    /// None where the file is missing: then the suite is skipped, with a word.
    private static func load(_ path: String) -> [Vector] {
        guard let bytes = Fixtures.bytes(path) else { return [] }
        guard let file = try? JSONValue(parsing: bytes), case .array(let cases) = file else {
            preconditionFailure("\(path) is no JSON array")
        }
        return cases.map { Vector(value: $0) }
    }

    /// Where `found` differs from what matters of it: lists are complete, flags are a set, and
    /// missing members are not compared.
    static func differences(_ found: JSONValue, _ wanted: JSONValue, at path: String) -> [String] {
        switch (found, wanted) {
        case (.object(let members), .object(let expected)):
            return expected.sorted { $0.key < $1.key }.flatMap { name, value in
                differences(members[name] ?? .string("absent"), value, at: path + "." + name)
            }
        case (.array(let elements), .array(let expected)):
            if path.hasSuffix(".flags") {
                return Set(elements) == Set(expected) ? [] : ["\(path): \(found), not \(wanted)"]
            }
            guard elements.count == expected.count else {
                return ["\(path): \(elements.count) elements, not \(expected.count)"]
            }
            return zip(elements, expected).enumerated().flatMap { index, pair in
                differences(pair.0, pair.1, at: path + "[\(index)]")
            }
        default:
            return found == wanted ? [] : ["\(path): \(found), not \(wanted)"]
        }
    }

    static func optional(_ value: Fixed?) -> JSONValue {
        value.map { .string($0.description) } ?? .null
    }

    static func json(_ amounts: Amounts) throws -> JSONValue {
        var json = CanonicalJSON()
        amounts.write(to: &json)
        return try JSONValue(parsing: json.bytes)
    }

    /// A case of accounting.json as a position of one leg.
    static func story(of vector: JSONValue) throws -> PositionStory {
        let instrument = vector["instrument"]
        let kind = InstrumentKind(rawValue: instrument?["kind"]?.text ?? "linear")
        guard let kind, case .array(let fills)? = vector["fills"] else { throw Unreadable() }
        let first = fills.first?["side"]?.text == "sell" ? LegSide.short : .long
        let terms = LegTerms.some(
            "a", kind, first, multiplier: instrument?["multiplier"]?.text ?? "1",
            settle: instrument?["settle"]?.text,
            settleScale: instrument?["settle_scale"]?.text.flatMap { Int($0) } ?? 8)
        var story = PositionStory([terms])
        for fill in fills {
            guard let side = fill["side"]?.text.flatMap({ TradeSide(rawValue: $0) }),
                let qty = fill["qty"]?.text, let px = fill["px"]?.text,
                let fee = fill["fee"]?.text, let asset = fill["fee_asset"]?.text
            else { throw Unreadable() }
            story.fill(
                "a", side, qty, px: px, fee: fee, in: asset, trade: fill["trade_id"]?.text
            ) {
                $0.feeRate = fill["fee_rate"]?.text.flatMap { Fixed($0) }
                $0.venueValue = fill["venue_value"]?.text.flatMap { Fixed($0) }
            }
        }
        guard case .array(let payments)? = vector["funding"] else { throw Unreadable() }
        for (index, payment) in payments.enumerated() {
            guard let amount = payment.text else { throw Unreadable() }
            story.funding("a", amount, in: terms.settle) { $0.part = Int64(index) }
        }
        return story
    }
}
