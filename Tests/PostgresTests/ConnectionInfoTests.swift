import Testing

@testable import Postgres

@Suite struct ConnectionInfoTests {
    @Test func `a string and a URI say the same`() throws {
        let uri = try ConnectionInfo("postgresql://u:geheim@h:5/db?application_name=x")
        let text = try ConnectionInfo(
            "host=h port=5 user=u password=geheim dbname=db application_name=x")
        #expect(uri == text)
        #expect(uri.databaseName == "db")
    }

    @Test func `an override replaces, and an empty one takes away`() throws {
        let info = try ConnectionInfo(
            "host=h dbname=db port=5", overrides: ["dbname": "other", "port": ""])
        #expect(info["dbname"] == "other")
        #expect(info["port"] == nil)
        #expect(info.with("host", nil)["host"] == nil)
    }

    @Test func `its description shows everything but the password`() throws {
        let info = try ConnectionInfo("host=h password=geheim user=u")
        #expect(info.description == "host=h password=*** user=u")
        var dumped = ""
        dump(info, to: &dumped)
        #expect(!dumped.contains("geheim"))
        #expect(!String(reflecting: info).contains("geheim"))
    }

    @Test(arguments: [
        "host=h pass geheim=x", "host=h password='geheim", "geheim=x",
        "postgresql://u:geheim@[h/", "postgresql://u:geheim@h/?x=%zz",
    ])
    func `a malformed string is refused without being quoted`(text: String) {
        let error = #expect(throws: PostgresError.self) { try ConnectionInfo(text) }
        guard case .invalidConnectionInfo(let message)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(!message.contains("geheim"))
        #expect(!message.isEmpty)
    }

    @Test func `a password that a server quotes is taken out`() throws {
        let info = try ConnectionInfo("password=geheim")
        #expect(info.sanitised("no geheim\n\there ") == "no *** here ")
    }
}

@Suite struct DeadlineTests {
    @Test func `a distant deadline has no remaining time and never passes`() {
        #expect(Deadline.distant.remaining == nil)
        #expect(Deadline.distant.remainingMilliseconds == nil)
        #expect(Deadline.distant.pollTimeout < 0)
        #expect(!Deadline.distant.hasPassed)
    }

    @Test func `one that has passed leaves nothing`() {
        let deadline = Deadline.after(.seconds(-1))
        #expect(deadline.hasPassed)
        #expect(deadline.remaining == .zero)
        #expect(deadline.remainingMilliseconds == 0)
    }

    @Test func `milliseconds are rounded up and bounded`() throws {
        let left = try #require(Deadline.after(.seconds(1000)).remainingMilliseconds)
        #expect((990_000...1_000_000).contains(left))
        #expect(Deadline.after(.seconds(Int64.max / 4)).remainingMilliseconds == Int32.max)
    }

    @Test func `the earlier of two is taken, and distant is later than any`() {
        let near = Deadline.after(.seconds(1))
        let far = Deadline.after(.seconds(2))
        #expect(Deadline.earlier(near, far) == near)
        #expect(Deadline.earlier(far, near) == near)
        #expect(Deadline.earlier(.distant, near) == near)
        #expect(Deadline.earlier(near, .distant) == near)
    }
}

@Suite struct SQLStateTests {
    @Test(arguments: ["", "4000", "400011", "4000a", "40 01"])
    func `only five digits and upper-case letters are a code`(text: String) {
        #expect(SQLState(rawValue: text) == nil)
    }

    @Test func `classes are told by the first two characters`() {
        #expect(SQLState(rawValue: "08006")?.isConnectionClass == true)
        #expect(SQLState.tooManyConnections.isResourceClass)
        #expect(SQLState.adminShutdown.isInterventionClass)
        #expect(!SQLState.uniqueViolation.isConnectionClass)
        #expect(SQLState.serializationFailure.isRetryable)
        #expect(SQLState.deadlockDetected.isRetryable)
        #expect(!SQLState.inFailedTransaction.isRetryable)
    }
}
