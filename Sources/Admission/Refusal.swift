import LedgerCore

/// Why a request is not taken. Nothing of it was appended. `index` is the event's place in the
/// request, from 0.
public enum Refusal: Error, Equatable, Sendable {
    /// A member is wrong: mend the request.
    case invalid(index: Int, InvalidField)
    /// Another writer was first: reload the position and decide again.
    case versionConflict(
        index: Int, positionID: UUID, expected: ExpectedVersion, actual: StreamVersion)
    /// The id is known with other content: look at both.
    case contentConflict(index: Int, eventID: UUID, member: String, known: Event)
    /// Some events of a request that expects a version are known already: send the rest alone.
    case partlyKnown(known: Int, of: Int)
    /// The position's state refuses it: look.
    case precondition(index: Int, reason: String)

    /// The event that it is about; nil where it is the whole request.
    public var index: Int? {
        switch self {
        case .invalid(let index, _), .versionConflict(let index, _, _, _),
            .contentConflict(let index, _, _, _), .precondition(let index, _):
            index
        case .partlyKnown: nil
        }
    }
}

extension Refusal: CustomStringConvertible {
    /// The reason and its cure, for a person.
    public var description: String {
        switch self {
        case .invalid(_, let field): return field.description
        case .versionConflict(_, let position, let expected, let actual):
            return "version conflict on position \(position): expected \(expected.text), "
                + "it is at version \(actual); reload it and decide again"
        case .contentConflict(_, let id, let member, let known):
            return "event_id \(id) is known with another \(member): it is event "
                + "\(known.eventID) of position \(known.positionID) at log position "
                + "\(known.logPosition), version \(known.version); a corrected fact needs a void "
                + "of that event and `replaces`"
        case .partlyKnown(let known, let count):
            return "\(known) of \(count) events are known already, and the request expects a "
                + "version; send the new events alone"
        case .precondition(_, let reason): return reason
        }
    }
}

extension ExpectedVersion {
    var text: String {
        switch self {
        case .any: "any version"
        case .noStream: "no position yet"
        case .exact(let version): "version \(version)"
        }
    }
}
