/// One step of the schema, as golang-migrate keeps it: NNNNNN_name.up.sql and .down.sql.
public struct Migration: Hashable, Sendable {
    /// Its number; at least 1.
    public let version: Int64
    /// What it does, for people; the file's name without number and ending.
    public let name: String
    /// The statements that take the step, run as one simple query.
    public let up: String
    /// The statements that take it back; `nil` when it cannot be taken back.
    public let down: String?

    /// A step with these values.
    public init(version: Int64, name: String, up: String, down: String?) {
        self.version = version
        self.name = name
        self.up = up
        self.down = down
    }
}

/// Which way a migration goes.
public enum MigrationDirection: String, Hashable, Sendable {
    /// To a higher version.
    case up
    /// To a lower one.
    case down
}

/// What a migrator tells while it works.
public enum MigrationProgress: Sendable {
    /// Another migrator holds the lock; told once.
    case waitingForLock
    /// This step begins.
    case started(Migration, MigrationDirection)
    /// This step is done, and took this long.
    case finished(Migration, MigrationDirection, Duration)
}

/// Where a database stands.
public struct MigrationStatus: Hashable, Sendable {
    /// The version it is at, also when dirty; `nil` before the first migration.
    public let version: Int64?
    /// A step to `version` failed or is under way; nothing goes on before `force`.
    public let isDirty: Bool
    /// All known migrations, in order.
    public let entries: [Entry]

    /// One known migration.
    public struct Entry: Hashable, Sendable {
        /// Its number.
        public let version: Int64
        /// What it does.
        public let name: String
        /// Whether it is at or below the database's version.
        public let isApplied: Bool
    }

    /// Known migrations that are not applied.
    public var pending: [Entry] { entries.filter { !$0.isApplied } }
}

/// Why migrating was refused or failed.
public enum MigrationError: Error, Hashable, Sendable {
    /// Two migrations have this number; rename one.
    case duplicateVersion(Int64)
    /// The numbers leave this one out. A file that fills the gap later would never run where a
    /// higher number was applied already, so gaps are refused from the start.
    case missingVersion(Int64)
    /// A step to this version (`nil`: before the first) failed earlier. Repair by hand, then
    /// `force` the version that the schema is really at.
    case dirty(version: Int64?)
    /// Another migrator, this one or golang-migrate, holds the lock. Wait for it.
    case locked
    /// The database is at a version that is not among the migrations: a newer program made it.
    case unknownVersion(Int64)
    /// The target is below the version that the database is at; go down instead.
    case targetBelowCurrent(target: Int64, current: Int64)
    /// This migration has no way down; nothing was done.
    case irreversible(version: Int64)
    /// The statements of this step failed; `line` in its file counts from 1. The database is
    /// dirty now.
    case stepFailed(version: Int64, MigrationDirection, line: Int?, PostgresError)
    /// The file of this step left a transaction open, which was rolled back. The database is
    /// dirty now.
    case transactionLeftOpen(version: Int64, MigrationDirection)
    /// The table of versions could not be read or written.
    case database(PostgresError)
}

extension MigrationError: CustomStringConvertible {
    /// One line for an operator, with what to do.
    public var description: String {
        switch self {
        case .duplicateVersion(let version): "two migrations have number \(version)"
        case .missingVersion(let version): "there is no migration number \(version)"
        case .dirty(let version):
            "a migration to version \(Self.text(version)) failed before; repair, then force"
        case .locked: "another migration is under way"
        case .unknownVersion(let version):
            "the database is at version \(version), which this program does not know"
        case .targetBelowCurrent(let target, let current):
            "the database is at \(current), above \(target); migrate down"
        case .irreversible(let version): "migration \(version) cannot be taken back"
        case .stepFailed(let version, let direction, let line, let error):
            "migration \(version) \(direction.rawValue) failed"
                + (line.map { " in line \($0)" } ?? "") + ": \(error)"
        case .transactionLeftOpen(let version, let direction):
            "migration \(version) \(direction.rawValue) leaves a transaction open"
        case .database(let error): "cannot keep the version: \(error)"
        }
    }

    private static func text(_ version: Int64?) -> String {
        version.map(String.init) ?? "none"
    }
}
