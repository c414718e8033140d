import Admission
import LedgerCore
import LedgerTesting
import Testing

/// `fold`: lines in, accounts out (accounting.md §7).
struct FoldRunTests {
    private func run(_ text: String) -> FoldRun {
        var run = FoldRun()
        Array(text.utf8).withUnsafeBufferPointer { run.read($0) }
        return run
    }

    private func lines(_ events: [NewEvent], book: String = "main") throws -> String {
        let name = try #require(BookName(book))
        return events.map {
            String(decoding: EventLine(book: name, event: $0).canonicalBytes, as: UTF8.self) + "\n"
        }.joined()
    }

    private func accounts(_ run: FoldRun) throws -> [JSONValue] {
        guard case .array(let accounts) = try JSONValue(parsing: run.report().json) else {
            Issue.record("the report is no array")
            return []
        }
        return accounts
    }

    @Test func `accounts come in the order of their first lines, with status 0`() throws {
        var (one, two) = (PositionStory(number: 2), PositionStory(number: 1))
        one.fill("a", .buy, "1", px: "100")
        two.add(.cancelled(reason: "x"))
        let run = run(try lines(one.sent + two.sent))
        #expect(run.report().status == .folded)
        #expect(run.eventCount == 4)
        let accounts = try accounts(run)
        #expect(
            accounts.map { $0["position_id"]?.text } == [
                one.positionID.description, two.positionID.description,
            ])
        #expect(accounts.map { $0["state"]?.text } == ["OPEN", "CANCELLED"])
    }

    @Test func `nothing in gives an empty array`() {
        let run = run("")
        #expect(String(decoding: run.report().json, as: UTF8.self) == "[]")
        #expect(run.report().status == .folded)
    }

    @Test func `empty lines and repeats are passed over`() throws {
        var story = PositionStory()
        story.fill("a", .buy, "1", px: "100")
        let text = try lines(story.sent)
        let run = run("\n \n" + text + "\r\n\t\n" + text)
        #expect(run.refused.isEmpty)
        #expect(run.eventCount == 4)
        #expect(try accounts(run).count == 1)
        #expect(try accounts(run)[0]["state"]?.text == "OPEN")
    }

    @Test func `the last line needs no line feed`() throws {
        let story = PositionStory()
        #expect(run(String(try lines(story.sent).dropLast())).eventCount == 1)
    }

    @Test func `a line that append would refuse is named, with status 3`() throws {
        var story = PositionStory()
        let fill = story.make(.buy("1", trade: "x"))
        let close = story.make(.closed(.stop))
        let other = story.make(.buy("2", trade: "x"))
        let text = try lines(story.sent + [fill]) + "{}\n" + lines([close, other])
        let run = run(text + "not JSON\n")
        #expect(run.refused.map(\.line) == [3, 4, 5, 6])
        #expect(run.refused.allSatisfy { !$0.reason.isEmpty })
        #expect(run.eventCount == 2)
        #expect(run.report().status == .refused)
        #expect(try accounts(run)[0]["state"]?.text == "OPEN")
    }

    @Test func `a line that is refused unread is counted among the others`() throws {
        let story = PositionStory()
        var run = run("\n")
        run.refuseLine(because: "is too long")
        let line = Array(try lines(story.sent).dropLast().utf8)
        line.withUnsafeBufferPointer { run.readLine($0) }
        Array("{}".utf8).withUnsafeBufferPointer { run.readLine($0) }
        #expect(run.refused.map(\.line) == [2, 4])
        #expect(run.refused.first?.reason == "is too long")
        #expect(run.eventCount == 1)
        #expect(run.report().status == .refused)
    }

    @Test func `a position whose fold fails is printed with its error, with status 4`() throws {
        var (broken, whole) = (PositionStory(number: 1), PositionStory(number: 2))
        broken.fill("a", .buy, "99999999999999999999", px: "2")
        let run = run(try lines(broken.sent + whole.sent))
        #expect(run.report().status == .failed)
        let accounts = try accounts(run)
        #expect(accounts.count == 2)
        #expect(accounts[0]["position_id"]?.text == broken.positionID.description)
        #expect(accounts[0]["error"]?.text?.contains("out of range") == true)
        #expect(accounts[0]["state"] == nil)
        #expect(accounts[1]["state"]?.text == "PENDING")
        #expect(FoldRun.Status.refused.rawValue == 3)
        #expect(FoldRun.Status.failed.rawValue == 4)
    }

    @Test func `a total beyond the range is an error of the position, not half a report`() throws {
        var story = PositionStory([.some("a"), .some("b", venue: "v1")])
        for leg in ["a", "b"] { story.funding(leg, "60000000000000000000") }
        let run = run(try lines(story.sent))
        let accounts = try accounts(run)
        #expect(accounts.count == 1)
        #expect(accounts[0]["error"]?.text?.contains("out of range") == true)
        #expect(accounts[0]["legs"] == nil)
    }

    @Test func `books are apart: the same ids may stand in each`() throws {
        var story = PositionStory()
        story.fill("a", .buy, "1", px: "100")
        let run = run(try lines(story.sent, book: "one") + lines(story.sent, book: "two"))
        #expect(run.refused.isEmpty)
        #expect(try accounts(run).count == 2)
    }

    @Test func `an account has the members that §7 names, and nothing rounded away`() throws {
        var story = PositionStory()
        story.fill("a", .buy, "3", px: "100", fee: "0.1")
        story.fill("a", .sell, "1", px: "101", fee: "0.1")
        let account = try accounts(run(try lines(story.sent)))[0]
        guard case .object(let members) = account, case .array(let legs)? = members["legs"],
            case .object(let leg) = legs[0], case .array(let days)? = members["days"],
            case .object(let day) = days[0]
        else {
            Issue.record("\(account)")
            return
        }
        #expect(Set(members.keys) == ["position_id", "state", "flags", "legs", "days"])
        #expect(
            Set(leg.keys) == [
                "leg", "flags", "qty", "open_cost", "avg_entry_px", "realized_price", "fees",
                "fee_value", "funding", "adjustments", "net",
            ])
        #expect(
            Set(day.keys) == [
                "day", "venue", "settle", "price_pnl", "fees", "funding", "adjustments", "net",
            ])
        #expect(leg["net"] == .string("0.8"))
        #expect(day["net"] == .string("0.8"))
    }
}
