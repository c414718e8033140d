import ConfigStore
import LedgerCore
import Postgres
import Testing

/// The configuration's store, its cache and its watch, on a real database.
@Suite struct ConfigTests {
    let sandbox: Sandbox
    let store: ConfigStore
    private let pool: Pool
    private let ada = ConfigReason(actor: "ada", text: "a test")

    init() async throws {
        sandbox = try await Sandbox()
        pool = Pool(sandbox.info, limits: .init(connectionsMax: 2))
        store = ConfigStore(pool)
    }

    private func refusal(_ edits: [ConfigEdit]) async throws -> ConfigError? {
        do {
            _ = try await store.apply(edits, ada)
            return nil
        } catch let error as ConfigError {
            return error
        }
    }

    @Test func `a value is its default until it is set, and is told with who and why`()
        async throws
    {
        let path = "system_settings/risk.var_confidence"
        #expect(try await store.value(of: path) == "0.99")
        let changes = try await store.apply([ConfigEdit(path: path, value: "0.95")], ada)
        let change = try #require(changes.first)
        #expect(changes.count == 1)
        #expect(change.path == path)
        #expect(change.previous == nil)
        #expect(change.current == "0.95")
        #expect(change.actor == "ada")
        #expect(change.reason == "a test")
        #expect(try await store.value(of: path) == "0.95")
        #expect(try await store.apply([ConfigEdit(path: path, value: "0.95")], ada).isEmpty)
        let back = try await store.rollBack(change: change.id, ada)
        #expect(back.first?.rollsBack == change.id)
        #expect(try await store.value(of: path) == "0.99")
        #expect(try await store.changes(prefix: path).map(\.id) == [back.first?.id, change.id])
    }

    @Test func `edits are taken all or not at all, and a dry run takes none`() async throws {
        let good = ConfigEdit(path: "system_settings/flags.paper_trading", value: "false")
        let bad = ConfigEdit(path: "system_settings/mode.operation", value: "\"fast\"")
        let error = try await refusal([good, bad])
        guard case .invalid(let text) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(text.contains("system_settings/mode.operation"))
        #expect(text.contains("normal, reduce_only, halted"))
        #expect(try await store.value(of: good.path) == "true")
        let wouldBe = try await store.apply([good], ada, isDry: true)
        #expect(wouldBe.map(\.current) == ["false"])
        #expect(try await store.value(of: good.path) == "true")
        #expect(try await store.changes().isEmpty)
    }

    @Test(arguments: [
        ("system_settings/no.such", "1"), ("nowhere/x", "1"), ("exchanges/x", "{\"nam\":\"X\"}"),
        ("exchanges/x", "{\"enabled\":true}"), ("system_settings/risk.book", "{"),
        ("system_settings/risk.book", "\"a\" 1"), ("system_settings", "1"), ("", "1"),
    ])
    func `what is no entry or no value is refused and changes nothing`(
        path: String, value: String
    ) async throws {
        let error = try await refusal([ConfigEdit(path: path, value: value)])
        guard case .invalid = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(try await store.changes().isEmpty)
    }

    @Test func `what is not there is told apart from what is malformed`() async throws {
        await #expect(throws: ConfigError.self) { try await store.value(of: "exchanges/none") }
        do {
            _ = try await store.rollBack(change: 4_711, ada)
            Issue.record("a change that is not there was taken back")
        } catch let error as ConfigError {
            guard case .notFound = error else {
                Issue.record("\(error)")
                return
            }
        }
    }

    @Test func `a reader's copy follows a change that is told, and knows it by its age else`()
        async throws
    {
        let path = "system_settings/mode.operation"
        let told = ConfigCache(store, timeToLive: .seconds(3_600))
        #expect(try await told.value(of: path) == "\"normal\"")
        let watch = try ConfigWatch(sandbox.info, timeToLive: .seconds(3_600))
        let first = try await watch.look(after: -1)
        #expect(!first.isPolling)
        async let next = watch.look(after: first.through)
        _ = try await store.apply([ConfigEdit(path: path, value: "\"halted\"")], ada)
        let look = try await next
        #expect(look.changes.map(\.path) == [path])
        #expect(look.through > first.through)
        // Nobody has told the copy yet.
        #expect(try await told.value(of: path) == "\"normal\"")
        told.invalidate()
        #expect(try await told.value(of: path) == "\"halted\"")
        let old = ConfigCache(store, timeToLive: .zero)
        #expect(try await old.value(of: path) == "\"halted\"")
        await watch.shutdown()
        await pool.shutdown()
        // Without a database the copy answers on; what was never read does not.
        told.invalidate()
        #expect(try await told.value(of: path) == "\"halted\"")
        let empty = ConfigCache(store)
        await #expect(throws: (any Error).self) { try await empty.value(of: path) }
    }
}
