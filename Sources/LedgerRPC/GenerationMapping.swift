import LedgerCore
import ProjectionEngine

/// Generations as messages.
enum GenerationMapping {
    /// A generation; `live` is the log position that the live one has reached.
    static func message(
        _ generation: Generation, live: LogPosition
    ) -> Nexus_Ledger_V1_Generation {
        var message = Nexus_Ledger_V1_Generation()
        message.slot = Int32(generation.slot)
        message.state = generation.state.rawValue
        message.logicVersion = generation.logicVersion
        message.logicFingerprint = generation.fingerprint
        message.logPosition = (generation.rebuildingTo ?? generation.logPosition).rawValue
        message.lagEvents = max(0, live.rawValue - generation.logPosition.rawValue)
        message.owner = generation.owner
        message.builtAtUs = generation.builtAt?.microseconds ?? 0
        message.promotedAtUs = generation.promotedAt?.microseconds ?? 0
        return message
    }
}
