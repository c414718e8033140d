/// Makes databases for tests: each test has its own, so that all can run side by side.
///
/// ```swift
/// let database = try await TestDatabase.fresh()
/// let connection = try Connection.open(ConnectionInfo(database.conninfo), deadline: …)
/// ```
public enum TestDatabase {
    /// A new, empty database.
    ///
    /// - Throws: ``TestingError/noCluster`` where the environment names no cluster.
    public static func fresh() async throws -> TemporaryDatabase {
        try await TemporaryDatabase.make(copying: "template0")
    }

    /// A new copy of a database that `prepare` has filled, which it does once a process for each
    /// `recipe`: migrations, for example, cost far more than a copy.
    ///
    /// - Parameters:
    ///   - recipe: names what `prepare` does; the same name, the same content.
    ///   - prepare: given the connection string of an empty database; its connections are ended
    ///     afterwards.
    public static func fresh(
        prepared recipe: String,
        by prepare: @escaping @Sendable (_ conninfo: String) async throws -> Void
    ) async throws -> TemporaryDatabase {
        let template = try await templates.database(recipe, prepare)
        return try await TemporaryDatabase.make(copying: template.name)
    }

    private static let templates = Templates()
}

/// A database of a test's own, dropped with its last reference.
public final class TemporaryDatabase: Sendable {
    /// Its connection string, for example "host=/tmp/nexus.a1 user=postgres dbname=t_5f3a…".
    public let conninfo: String

    /// Its name, unique in the cluster.
    public let name: String

    private let cluster: TemporaryCluster

    private init(name: String, cluster: TemporaryCluster) {
        self.name = name
        self.cluster = cluster
        conninfo = cluster.conninfo(database: name)
    }

    deinit {
        // A deinit cannot wait. What does not get its turn goes away with the cluster.
        Task { [cluster, name] in try? await cluster.dropDatabase(name) }
    }

    /// Drops it now, with whoever is connected to it. It may be called again.
    public func drop() async throws {
        try await cluster.dropDatabase(name)
    }

    static func make(copying template: String) async throws -> TemporaryDatabase {
        let cluster = try TemporaryCluster.fromEnvironment()
        let name = "t_" + String(UInt64.random(in: .min ... .max), radix: 16)
        try await cluster.createDatabase(name, copying: template)
        return TemporaryDatabase(name: name, cluster: cluster)
    }

    func disconnectAll() async throws {
        try await cluster.disconnectAll(from: name)
    }
}

/// The databases that others are copied from, one a recipe, made when first asked for.
private actor Templates {
    private var making: [String: Task<TemporaryDatabase, any Error>] = [:]

    func database(
        _ recipe: String, _ prepare: @escaping @Sendable (String) async throws -> Void
    ) async throws -> TemporaryDatabase {
        if let known = making[recipe] { return try await known.value }
        let task = Task {
            let database = try await TemporaryDatabase.make(copying: "template0")
            try await prepare(database.conninfo)
            try await database.disconnectAll()
            return database
        }
        making[recipe] = task
        return try await task.value
    }
}
