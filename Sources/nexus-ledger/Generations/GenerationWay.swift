import ArgumentParser
import EventStore
import GRPCCore
import Glibc
import LedgerCore
import LedgerRPC
import LedgerService
import Postgres
import ProjectionEngine
import Schema

/// Where commands go that a database or a ledger can answer: to the database, with this build's
/// folds, or to a ledger that runs, with its folds.
struct GenerationOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Go to this database itself, with this build's folds: a libpq string or URI.",
            discussion: "Default: NEXUS_DATABASE. Without a database the ledger at the socket "
                + "does it, with its own folds.", valueName: "conninfo"))
    var database: String?

    @Option(
        help: ArgumentHelp(
            "The same for the private PostgreSQL of a ledger, which has to run.",
            discussion: "Default: NEXUS_EMBEDDED.", valueName: "dir"))
    var embedded: String?

    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard database == nil || embedded == nil else {
            throw ValidationError("--database and --embedded exclude each other")
        }
    }

    /// The database that is named; nil for the ledger at the socket.
    func conninfo() throws -> String? {
        if let database { return database }
        if let directory = embedded { return try EmbeddedCluster(directory: directory).attach() }
        // Whoever names a socket means the ledger there.
        if common.socket != nil { return nil }
        if let database = Environment.value("NEXUS_DATABASE") { return database }
        if let directory = Environment.value("NEXUS_EMBEDDED") {
            return try EmbeddedCluster(directory: directory).attach()
        }
        return nil
    }

    /// Calls `body` with the way to generations; `saying` as for `Ledger.connected`.
    func way<Value: Sendable>(
        saying: String? = nil,
        isolation: isolated (any Actor)? = #isolation, _ body: (GenerationWay) async throws -> Value
    ) async throws -> Value {
        try await Progress.standard.during(saying) { try await open(body) }
    }

    private func open<Value: Sendable>(
        isolation: isolated (any Actor)? = #isolation, _ body: (GenerationWay) async throws -> Value
    ) async throws -> Value {
        guard let conninfo = try conninfo() else {
            return try await Ledger.connected(common) { ledger in
                try await body(.ledger(ledger))
            }
        }
        let info = try ConnectionInfo(
            conninfo, overrides: ["application_name": "nexus-ledger"])
        let pool = Pool(info, limits: .init(connectionsMax: 1), name: "pg-books")
        let identity = ProcessIdentity(start: String(SystemClock.now().microseconds))
        let desk = GenerationDesk(info, identity: identity)
        do {
            try await GenerationOptions.checkSchema(pool)
            let office = GenerationOffice(desk) { book in
                try await pool.run(deadline: .after(.seconds(10))) { connection in
                    try LogReader(connection, deadline: .after(.seconds(10))).book(book)
                }
            }
            let value = try await body(.database(office, common))
            await desk.shutdown()
            await pool.shutdown()
            return value
        } catch {
            await desk.shutdown()
            await pool.shutdown()
            throw error
        }
    }

    static func checkSchema(_ pool: Pool) async throws {
        let status = try await pool.run(deadline: .after(.seconds(10))) { connection in
            try Migrator(connection, Schema.migrations).status()
        }
        let version = status.version ?? 0
        guard !status.isDirty else {
            throw Failure(.failed, "\(MigrationError.dirty(version: status.version))")
        }
        guard version >= Schema.version else {
            throw Failure(
                .failed,
                "the database's schema is at version \(version), this build needs "
                    + "\(Schema.version): run `nexus-ledger migrate up`")
        }
    }
}

/// A slot that is named.
enum SlotOption {
    /// Refuses what is no slot.
    static func check(_ slot: Int32?) throws {
        guard let slot, !(1...3).contains(slot) else { return }
        throw ValidationError("--slot is \(slot): it must be 1, 2 or 3")
    }
}

/// Who takes a step, for the audit record.
struct ActorOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Who does it, for the audit record.",
            discussion: "Default: the user's name.", valueName: "name"))
    var actor: String?

    func validate() throws {
        guard actor == "" else { return }
        throw ValidationError("--actor is empty: it must be a name, 1 to 128 bytes")
    }

    /// The name given, or the login name of the process.
    var name: String {
        if let actor { return actor }
        if let user = getpwuid(geteuid()), let name = user.pointee.pw_name {
            return String(cString: name)
        }
        return "uid \(geteuid())"
    }
}

/// The same requests and answers, whichever way they go.
enum GenerationWay: Sendable {
    case database(GenerationOffice, CommonOptions)
    case ledger(Ledger)

    var book: String {
        switch self {
        case .database(_, let common): common.book.description
        case .ledger(let ledger): ledger.book.description
        }
    }

    func list(
        _ request: Nexus_Ledger_V1_ListGenerationsRequest
    ) async throws -> Nexus_Ledger_V1_ListGenerationsResponse {
        switch self {
        case .database(let office, _): try await office.list(request)
        case .ledger(let ledger): try await ledger.projections.listGenerations(request)
        }
    }

    func rebuild(
        _ request: Nexus_Ledger_V1_RebuildRequest,
        _ each: @escaping @Sendable (Nexus_Ledger_V1_RebuildProgress) async throws -> Void
    ) async throws {
        switch self {
        case .database(let office, _): try await office.rebuild(request, send: each)
        case .ledger(let ledger):
            try await ledger.projections.rebuild(request) { response in
                for try await state in response.messages { try await each(state) }
            }
        }
    }

    func compare(
        _ request: Nexus_Ledger_V1_CompareRequest,
        _ each: @escaping @Sendable (Nexus_Ledger_V1_CompareResponse) async throws -> Void
    ) async throws {
        switch self {
        case .database(let office, _): try await office.compare(request, send: each)
        case .ledger(let ledger):
            try await ledger.projections.compare(request) { response in
                for try await item in response.messages { try await each(item) }
            }
        }
    }

    func explain(
        _ request: Nexus_Ledger_V1_ExplainRequest
    ) async throws -> Nexus_Ledger_V1_ExplainResponse {
        switch self {
        case .database(let office, let common):
            try await office.explain(request, former: Self.former(common))
        case .ledger(let ledger): try await ledger.projections.explain(request)
        }
    }

    func promote(
        _ request: Nexus_Ledger_V1_PromoteRequest
    ) async throws -> Nexus_Ledger_V1_PromoteResponse {
        switch self {
        case .database(let office, _): try await office.promote(request)
        case .ledger(let ledger): try await ledger.projections.promote(request)
        }
    }

    func revert(
        _ request: Nexus_Ledger_V1_RevertRequest
    ) async throws -> Nexus_Ledger_V1_RevertResponse {
        switch self {
        case .database(let office, _): try await office.revert(request)
        case .ledger(let ledger): try await ledger.projections.revert(request)
        }
    }

    func retire(
        _ request: Nexus_Ledger_V1_RetireRequest
    ) async throws -> Nexus_Ledger_V1_RetireResponse {
        switch self {
        case .database(let office, _): try await office.retire(request)
        case .ledger(let ledger): try await ledger.projections.retire(request)
        }
    }

    /// The ledger at the socket may have the logic that folded the live generation.
    private static func former(_ common: CommonOptions) -> FormerSteps {
        { position, through, accountsAfter in
            try await Ledger.connected(common) { ledger in
                var request = Nexus_Ledger_V1_ListStepsRequest()
                request.book = ledger.book.description
                request.positionID = position.description
                request.through = through.rawValue
                request.accountsAfter = accountsAfter.map(\.rawValue)
                return try await ledger.projections.listSteps(request) { response in
                    var steps: [AccountStep] = []
                    for try await message in response.messages {
                        steps += message.steps.compactMap { AccountStep($0) }
                    }
                    return steps
                }
            }
        }
    }
}

extension AccountStep {
    /// nil for a message that is none.
    fileprivate init?(_ message: Nexus_Ledger_V1_Step) {
        guard let id = UUID(message.eventID) else { return nil }
        self.init(
            eventID: id, logPosition: LogPosition(rawValue: message.logPosition),
            version: StreamVersion(rawValue: message.version), digest: Array(message.digest),
            account: message.account.isEmpty ? nil : Array(message.account),
            foldError: message.foldError.isEmpty ? nil : message.foldError)
    }
}
