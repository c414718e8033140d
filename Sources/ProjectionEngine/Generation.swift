import EventStore
import LedgerCore
import Postgres

/// A generation of a book, as the database has it: all tables of the book, folded by one logic.
public struct Generation: Hashable, Sendable {
    /// What a generation is for.
    public enum State: String, Hashable, Sendable {
        /// Readers see it.
        case live
        /// It was live before, and can be gone back to.
        case former
        /// A rebuild of it is not done.
        case building
        /// It can be compared and promoted.
        case ready
        /// Somebody has begun to empty it.
        case retiring
    }

    /// 1, 2 or 3.
    public var slot: Int16
    /// What it is for.
    public var state: State
    /// `AccountFold.logicVersion` of the build that folded it.
    public var logicVersion: Int32
    /// `AccountFold.logicFingerprint` of that build; empty where it is not known.
    public var fingerprint: String
    /// Every event up to it is in its rows; the origin while it is being built.
    public var logPosition: LogPosition
    /// The log position that it is being built to.
    public var rebuildingTo: LogPosition?
    /// Events that the rebuild has folded so far; 0 once it has caught up.
    public var rebuiltEvents: Int64
    /// Who writes it, host/pid/start; empty if nobody does.
    public var owner: String
    /// When its rebuild ended; nil if the log filled it from the beginning.
    public var builtAt: Timestamp?
    /// When the live one became so.
    public var promotedAt: Timestamp?

    /// Whether its rebuild has still to catch up with the live generation.
    public var isBehind: Bool { state == .ready && rebuiltEvents > 0 }

    /// Whether this build's folds have made it, as far as that is known.
    public var isOurs: Bool { LogicMark.own.matches(logicVersion, fingerprint) }

    /// "logic version 1".
    public var logic: String {
        isOurs || logicVersion != LogicMark.own.version
            ? "logic version \(logicVersion)"
            : "another logic of version \(logicVersion) (fingerprint \(fingerprint))"
    }
}

/// A step taken with generations: an audit record.
public struct GenerationStep: Hashable, Sendable {
    /// When, by the clock of the database.
    public var at: Timestamp
    /// rebuilt, promoted, reverted or retired.
    public var step: String
    /// Who did it.
    public var actor: String
    /// The slot that was live, or was emptied.
    public var fromSlot: Int16?
    /// The slot that is live from then on, or was built.
    public var toSlot: Int16?
    /// Where it stood.
    public var logPosition: LogPosition
    /// Of the comparison that was looked at.
    public var digest: String?
    /// Totals of that comparison, JSON.
    public var totals: [UInt8]?
}

/// Why a step cannot be taken; nothing was changed.
public enum GenerationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The generations do not allow it; says what to do first.
    case precondition(String)
    /// There is no such book, generation, position or comparison.
    case notFound(String)
    /// The comparison is another one by now; says what changed since.
    case changedSince(String)
    /// Both generations could not be had at one log position in time: try again.
    case busy(String)

    /// The reason, with the cure.
    public var description: String {
        switch self {
        case .precondition(let reason), .notFound(let reason), .changedSince(let reason),
            .busy(let reason):
            reason
        }
    }
}

extension Generation {
    /// A row of `GenerationSQL.list`.
    init(_ row: QueryResult.Row) throws {
        slot = try row[0].int16()
        logicVersion = try row[1].int32()
        fingerprint = try row[2].string()
        logPosition = LogPosition(rawValue: try row[3].int64())
        rebuildingTo = try row[4].ifPresent.map { LogPosition(rawValue: try $0.int64()) }
        rebuiltEvents = try row[5].int64()
        owner = try row[6].string()
        builtAt = try row[7].ifPresent?.timestamp()
        let isLive = try row[9].bool()
        promotedAt = isLive ? try row[8].timestamp() : nil
        if isLive {
            state = .live
        } else if try row[11].bool() {
            state = .retiring
        } else if rebuildingTo != nil {
            state = .building
        } else {
            state = try row[10].bool() ? .former : .ready
        }
    }
}

/// Reads generations and their audit records.
public enum Generations {
    /// The generations of a book, the live one first.
    public static func list(
        _ book: BookID, _ connection: Connection, deadline: Deadline
    ) throws -> [Generation] {
        try connection.query(GenerationSQL.list, [.int4(book.rawValue)], deadline: deadline)
            .rows.map { try Generation($0) }
    }

    /// The last steps of a book, newest first.
    public static func steps(
        _ book: BookID, limit: Int, _ connection: Connection, deadline: Deadline
    ) throws -> [GenerationStep] {
        try connection.query(
            GenerationSQL.steps, [.int4(book.rawValue), .int8(Int64(limit))], deadline: deadline
        ).rows.map { row in
            GenerationStep(
                at: try row[0].timestamp(), step: try row[1].string(), actor: try row[2].string(),
                fromSlot: try row[3].ifPresent?.int16(), toSlot: try row[4].ifPresent?.int16(),
                logPosition: LogPosition(rawValue: try row[5].int64()),
                digest: try row[6].ifPresent?.string(), totals: try row[7].ifPresent?.bytes())
        }
    }
}
