import Foundation
import LedgerTesting
import Postgres
import Testing

/// replay, compare, promote, revert and retire, over the socket and on the database.
@Suite struct GenerationCommandTests {
    /// The JSON document that a command printed.
    private func document(_ outcome: Scratch.Outcome) throws -> [String: Any] {
        let line = outcome.output.split(separator: "\n").last ?? ""
        let value = try JSONSerialization.jsonObject(with: Data(line.utf8))
        return try #require(value as? [String: Any], "\(outcome.errors)")
    }

    @Test func `a row changed by hand is found, mended, brought back and left behind`()
        async throws
    {
        let served = try await Served()
        let seed = try await served.scratch.run(["seed", "--seed", "4"], environment: [:])
        let appended = try await served.run(["append", "-"], input: seed.output)
        try #require(appended.status == 0, "\(appended.errors)")
        let fresh = try await served.run(["positions", "--at-least", "head", "--json"])
        try #require(fresh.status == 0, "\(fresh.errors)")

        // Once by the ledger, once by this executable itself.
        let database = ["--database", served.database.conninfo]
        let over = try document(try await served.run(["replay", "--json"]))
        #expect(over["phase"] as? String == "ready")
        #expect(over["slot"] as? Int == 2)
        let direct = try document(try await served.run(["replay", "--json"] + database))
        #expect(direct["slot"] as? Int == 3)
        let none = try await served.run(["replay"])
        #expect(none.status == 2)
        #expect(none.errors.contains("retire --slot"))
        let retired = try await served.run(["retire", "--slot", "3", "--json"])
        #expect(retired.status == 0, "\(retired.errors)")

        let equal = try await served.run(["compare"])
        #expect(equal.output.hasPrefix("nothing differs: "))
        let connection = try Connection.open(
            ConnectionInfo(served.database.conninfo), deadline: .after(.seconds(60)))
        defer { connection.close() }
        try connection.execute(
            """
            UPDATE positions.legs_rows
            SET peak_qty = peak_qty + 1
            WHERE slot = 1
              AND ctid = (SELECT ctid FROM positions.legs_rows WHERE slot = 1 LIMIT 1)
            """, deadline: .after(.seconds(60)))
        let text = try await served.run(["compare", "positions.legs"])
        #expect(text.output.hasPrefix("1 position changes, net the same (1 row of "))
        let found = try document(try await served.run(["compare", "--json"] + database))
        let rows = try #require(found["rows"] as? [[String: Any]])
        #expect(rows.count == 1)
        #expect(rows.first?["table"] as? String == "positions.legs")
        let csv = try await served.run(["compare", "--csv"])
        #expect(csv.output.hasPrefix("table,key,column,before,after,change,kind\r\n"))
        #expect(csv.output.contains(",peak_qty,"))
        let position = (rows.first?["key"] as? [String: String])?["position_id"] ?? ""
        let why = try await served.run(["compare", "--explain", position])
        #expect(why.output.contains("no event: "), "\(why.output)\(why.errors)")
        let sample = try await served.run(["compare", "--sample", "1000"])
        #expect(sample.output.hasPrefix("1 position changes"))

        let digest = try #require(found["digest"] as? String)
        let wrong = try await served.run(
            ["promote", "--expect", String(repeating: "0", count: 64)])
        #expect(wrong.status == 5)
        let malformed = try await served.run(["promote", "--expect", "abc"])
        #expect(malformed.status == 2)
        let promoted = try await served.run(["promote", "--expect", digest, "--actor", "ada"])
        #expect(promoted.status == 0, "\(promoted.errors)")
        #expect(promoted.output.hasPrefix("slot 2 is live"))
        #expect(try await served.run(["status"]).output.contains("former"))
        let reverted = try await served.run(["revert"] + database)
        #expect(reverted.output.hasPrefix("slot 1 is live again, nothing behind"))
        let again = try await served.run(["revert"])
        #expect(again.status == 5)
        #expect(again.errors.contains("already"), "\(again.errors)")
        #expect(try await served.run(["status"]).output.contains("ready"))
        #expect(try await served.run(["retire"]).status == 0)
        #expect(try await served.run(["compare"]).status == 5)
        #expect(await served.stop() == 0)
    }

    @Test(arguments: [
        ["replay", "--memory", "1M"], ["replay", "--memory", "x"], ["replay", "--max-rate", "0"],
        ["compare", "--csv", "--json"], ["compare", "--rows", "-1"], ["compare", "--slot", "4"],
        ["promote"], ["replay", "--database", "a", "--embedded", "b"],
    ])
    func `wrong usage is told before anything is asked`(arguments: [String]) async throws {
        let scratch = try Scratch()
        let outcome = try await scratch.run(
            arguments, environment: ["NEXUS_SOCKET": scratch.path + "/none"])
        #expect(outcome.status == 64)
    }
}
