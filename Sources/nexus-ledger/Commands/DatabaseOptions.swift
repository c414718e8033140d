import ArgumentParser
import LedgerService
import Postgres

/// The options of commands that go to the database themselves.
struct DatabaseOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The database: a libpq string or URI.", discussion: "Default: NEXUS_DATABASE.",
            valueName: "conninfo"))
    var database: String?

    @Option(
        help: ArgumentHelp(
            "A private PostgreSQL in this directory, made at first start, instead of --database.",
            discussion: "Default: NEXUS_EMBEDDED.", valueName: "dir"))
    var embedded: String?

    func validate() throws {
        guard database == nil || embedded == nil else {
            throw ValidationError("--database and --embedded exclude each other")
        }
        guard embeddedDirectory != nil || databaseNamed != nil else {
            throw DatabaseOptions.nothingNamed
        }
    }

    private static let nothingNamed = ValidationError(
        "no database is named: give --database CONNINFO or --embedded DIR, or set NEXUS_DATABASE "
            + "or NEXUS_EMBEDDED")

    private var databaseNamed: String? { database ?? Environment.value("NEXUS_DATABASE") }

    /// The directory of the embedded cluster, where one is named.
    var embeddedDirectory: String? {
        embedded ?? (database == nil ? Environment.value("NEXUS_EMBEDDED") : nil)
    }

    /// The database's connection string; the embedded cluster must run already.
    func conninfo() throws -> String {
        if let directory = embeddedDirectory {
            return try EmbeddedCluster(directory: directory).attach()
        }
        guard let databaseNamed else { throw DatabaseOptions.nothingNamed }
        return databaseNamed
    }
}
