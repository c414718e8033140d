import LedgerCore

/// An entry of the configuration (`config.entries`).
public struct ConfigEntry: Hashable, Sendable {
    /// section/key…, for example "system_settings/risk.var_confidence".
    public var path: String
    /// The value as JSON.
    public var value: String
    /// Whether nobody has set it.
    public var isDefault: Bool
    /// boolean, integer, number, text, interval, word, words or object.
    public var kind: String
    /// Unit of the value; empty for none.
    public var unit: String
    /// What it decides; may be empty.
    public var description: String
    /// When it was set last; nil for a default.
    public var changedAt: Timestamp?

    /// An entry with these fields.
    public init(
        path: String, value: String, isDefault: Bool = false, kind: String = "",
        unit: String = "", description: String = "", changedAt: Timestamp? = nil
    ) {
        self.path = path
        self.value = value
        self.isDefault = isDefault
        self.kind = kind
        self.unit = unit
        self.description = description
        self.changedAt = changedAt
    }
}

/// A change of an entry (`config.change_log`), in the order of commits.
public struct ConfigChange: Hashable, Sendable {
    /// Ascending in the order of commits; not without gaps.
    public var id: Int64
    /// When, by the clock of the database.
    public var changedAt: Timestamp
    /// Who.
    public var actor: String
    /// The role of the database that made it.
    public var dbRole: String
    /// The entry.
    public var path: String
    /// The entry before, as JSON; nil if there was none.
    public var previous: String?
    /// The entry after, as JSON; nil if it was removed.
    public var current: String?
    /// Why; nil if nobody said.
    public var reason: String?
    /// The change that it takes back; nil for none.
    public var rollsBack: Int64?
}

/// What is to be done with an entry.
public struct ConfigEdit: Hashable, Sendable {
    /// The entry, or one column of it.
    public var path: String
    /// The value as JSON; nil to remove the entry, or to make a column null.
    public var value: String?

    /// Sets `path` to `value`, or removes it.
    public init(path: String, value: String?) {
        self.path = path
        self.value = value
    }
}

/// Who changes the configuration, and why.
public struct ConfigReason: Hashable, Sendable {
    /// 1 to 128 characters.
    public var actor: String
    /// At most 1,024 characters; may be empty.
    public var text: String

    /// A reason of `actor`.
    public init(actor: String, text: String = "") {
        self.actor = actor
        self.text = text
    }
}

/// Why the configuration could not be read or changed; nothing was changed.
public enum ConfigError: Error, Hashable, Sendable, CustomStringConvertible {
    /// An unknown section, key or column, or a value that is not taken; says what would be.
    case invalid(String)
    /// There is no such entry or change.
    case notFound(String)
    /// The state of the database forbids it, for example an entry that is in use.
    case precondition(String)
    /// The role of the database may not.
    case forbidden(String)
    /// The session might log what must stay secret.
    case leaky(String)

    /// What happened, and what to do about it.
    public var description: String {
        switch self {
        case .invalid(let text), .notFound(let text), .precondition(let text),
            .forbidden(let text), .leaky(let text):
            text
        }
    }
}
