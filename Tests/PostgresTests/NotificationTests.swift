import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(2))) struct NotificationTests {
    let sandbox: Sandbox

    init() async throws {
        sandbox = try await Sandbox()
    }

    @Test func `a listener hears every notification in order, and only of its channel`() throws {
        let listener = try sandbox.open()
        let sender = try sandbox.open()
        try listener.listen("Log \"main\"", deadline: ample)
        try sender.query(
            "SELECT pg_notify(c, p) FROM (VALUES ('other', 'x'), ($1, '1'), ($1, '2')) v (c, p)",
            [.text("Log \"main\"")], deadline: ample)
        var heard: [Notification] = []
        while heard.count < 2 {
            heard += try listener.waitForNotifications(deadline: ample)
        }
        #expect(heard.map(\.payload) == ["1", "2"])
        #expect(heard.allSatisfy { $0.channel == "Log \"main\"" })
        #expect(heard.allSatisfy { $0.senderPID == sender.backendPID })
    }

    @Test func `what came along with another answer is not lost`() throws {
        let listener = try sandbox.open()
        try listener.listen("log", deadline: ample)
        try listener.execute("NOTIFY log, 'own'", deadline: ample)
        let heard = try listener.waitForNotifications(deadline: .after(.zero))
        #expect(heard.map(\.payload) == ["own"])
    }

    @Test func `silence until the deadline is no error`() throws {
        let listener = try sandbox.open()
        try listener.listen("log", deadline: ample)
        #expect(try listener.waitForNotifications(deadline: .after(.milliseconds(20))).isEmpty)
        try listener.unlisten("log", deadline: ample)
        #expect(listener.isUsable)
    }

    @Test func `a wake-up ends the wait, also when it came before, and only once`() throws {
        let listener = try sandbox.open()
        let wakeUp = try WakeUp()
        wakeUp.signal()
        wakeUp.signal()
        #expect(try listener.waitForNotifications(deadline: .distant, wakeUp: wakeUp).isEmpty)
        let start = ContinuousClock.now
        let pause = Duration.milliseconds(20)
        #expect(try listener.waitForNotifications(deadline: .after(pause), wakeUp: wakeUp).isEmpty)
        #expect(start.duration(to: .now) >= pause)
    }

    @Test func `a listener learns that the server has ended its session`() throws {
        let listener = try sandbox.open()
        try listener.listen("log", deadline: ample)
        try sandbox.open().terminate(listener.backendPID)
        #expect(throws: PostgresError.self) {
            try listener.waitForNotifications(deadline: ample)
        }
        #expect(!listener.isUsable)
    }
}
