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
    /// The version it is at, `nil` before the first migration. When dirty, the one that a step was
    /// to reach, where the schema is not unless the step was done all the same.
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
        /// Whether the schema has it.
        public let state: State

        /// Whether the schema is known to have it.
        public var isApplied: Bool { state == .applied }
    }

    /// Whether a schema has a migration.
    public enum State: String, Hashable, Sendable {
        /// It has.
        case applied
        /// A step to this version failed: unknown.
        case dirty
        /// It has not; above a dirty version it may, if the step went down.
        case pending
    }

    /// Known migrations that are above the database's version.
    public var pending: [Entry] { entries.filter { $0.state == .pending } }
}

/// Why migrating was refused or failed.
public enum MigrationError: Error, Hashable, Sendable {
    /// Two migrations have this number; rename one.
    case duplicateVersion(Int64)
    /// The numbers leave this one out. A file that fills the gap later would never run where a
    /// higher number was applied already, so gaps are refused from the start.
    case missingVersion(Int64)
    /// A step to this version (`nil`: before the first) failed earlier. Mend the cause, then
    /// `force` the version that the schema is really at: since a failed step is rolled back, that
    /// is not this one but the one that the step came from.
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
    /// dirty now, and where the server refused, its schema as it was before the step.
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
            "\(Self.failure(to: version)). Mend the cause, look which version the schema has, then "
                + "`migrate force` that one"
        case .locked: "another migration is under way"
        case .unknownVersion(let version):
            "the database is at version \(version), which this program does not know"
        case .targetBelowCurrent(let target, let current):
            "the database is at \(current), above \(target); migrate down"
        case .irreversible(let version): "migration \(version) cannot be taken back"
        case .stepFailed(let version, let direction, let line, let error):
            "migration \(version) \(direction.rawValue) failed"
                + (line.map { " in line \($0)" } ?? "") + ": \(Self.sentence(error)) "
                + Self.remedy(version, direction, isRolledBack: error.serverError != nil)
        case .transactionLeftOpen(let version, let direction):
            "migration \(version) \(direction.rawValue) leaves a transaction open. "
                + Self.remedy(version, direction, isRolledBack: false)
        case .database(let error): "cannot keep the version: \(error)"
        }
    }

    private static func sentence(_ error: PostgresError) -> String {
        let words = error.description
        return words.hasSuffix(".") ? words : words + "."
    }

    private static func place(_ version: Int64?) -> String {
        version.map { "at version \($0)" } ?? "before the first version"
    }

    /// The version below, which `force` takes as -1 before the first. Versions have no gaps.
    private static func below(_ version: Int64) -> Int64? {
        version > 1 ? version - 1 : nil
    }

    /// What failed, and where the schema may be: the table tells the target of the step, not its
    /// direction.
    private static func failure(to target: Int64?) -> String {
        guard let target else {
            return "taking back the first migration failed, which is rolled back: the schema is at "
                + "the first version still"
        }
        return "a step to version \(target) failed, and what fails is rolled back: after `up` the "
            + "schema is \(place(below(target))), after `down` \(place(target + 1))"
    }

    private static func remedy(
        _ version: Int64, _ direction: MigrationDirection, isRolledBack: Bool
    ) -> String {
        let origin = direction == .up ? below(version) : version
        let force = origin.map(String.init) ?? "-- -1"
        return isRolledBack
            ? "It was rolled back, the schema is \(place(origin)) still: mend the cause, then "
                + "`migrate force \(force)`"
            : "If it was rolled back, the schema is \(place(origin)) still: look, then "
                + "`migrate force \(force)`, or the version that it has"
    }
}
